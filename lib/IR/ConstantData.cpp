// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/IR/ConstantData.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace mlir::qfmt;

/// Up to this many elements a constant is dense: readable, and cheap to unique.
static constexpr int64_t kMaxDenseElements = 64;

/// LLVM 22 reads bytecode into a buffer that it aligns to 16 bytes, and refuses
/// a resource that asks for more.
static constexpr size_t kAlignment = 16;

/// The bytes of a resource, none if its data is missing or too short.
static std::optional<ArrayRef<char>>
getResourceBytes(DenseResourceElementsAttr attr, unsigned elementBytes) {
  AsmResourceBlob *blob = attr.getRawHandle().getBlob();
  if (!blob || !attr.getType().hasStaticShape())
    return std::nullopt;
  ArrayRef<char> bytes = blob->getData();
  if (bytes.size() !=
      static_cast<size_t>(attr.getType().getNumElements()) * elementBytes)
    return std::nullopt;
  return bytes;
}

template <typename StoredT, typename ResultT>
static std::vector<ResultT> readAs(ArrayRef<char> bytes) {
  std::vector<ResultT> values(bytes.size() / sizeof(StoredT));
  for (size_t i = 0; i < values.size(); ++i) {
    StoredT value;
    std::memcpy(&value, bytes.data() + i * sizeof(StoredT), sizeof(StoredT));
    values[i] = static_cast<ResultT>(value);
  }
  return values;
}

/// Floats of 16 bits.
static std::vector<double> readHalves(ArrayRef<char> bytes,
                                      const llvm::fltSemantics &semantics) {
  std::vector<double> values;
  for (uint16_t bits : readAs<uint16_t, uint16_t>(bytes)) {
    APFloat value(semantics, APInt(16, bits));
    bool losesInfo;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    values.push_back(value.convertToDouble());
  }
  return values;
}

/// True if 64 bits do not hold every value of the type.
static bool isWide(Type type) {
  return type.isIntOrFloat() && type.getIntOrFloatBitWidth() > 64;
}

std::optional<std::vector<double>> mlir::qfmt::readFloats(Attribute attr) {
  if (auto dense = dyn_cast_or_null<DenseFPElementsAttr>(attr)) {
    if (isWide(dense.getElementType()))
      return std::nullopt;
    std::vector<double> values;
    values.reserve(dense.getNumElements());
    bool losesInfo;
    for (APFloat value : dense.getValues<APFloat>()) {
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                    &losesInfo);
      values.push_back(value.convertToDouble());
    }
    return values;
  }
  auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(attr);
  if (!resource)
    return std::nullopt;
  Type element = resource.getType().getElementType();
  if (!isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(element))
    return std::nullopt;
  unsigned width = element.getIntOrFloatBitWidth() / 8;
  std::optional<ArrayRef<char>> bytes = getResourceBytes(resource, width);
  if (!bytes)
    return std::nullopt;
  if (element.isF32())
    return readAs<float, double>(*bytes);
  if (element.isF64())
    return readAs<double, double>(*bytes);
  return readHalves(*bytes, cast<FloatType>(element).getFloatSemantics());
}

std::optional<std::vector<int64_t>> mlir::qfmt::readIntegers(Attribute attr) {
  if (auto dense = dyn_cast_or_null<DenseIntElementsAttr>(attr)) {
    if (isWide(dense.getElementType()))
      return std::nullopt;
    std::vector<int64_t> values;
    values.reserve(dense.getNumElements());
    for (const APInt &value : dense.getValues<APInt>())
      values.push_back(value.getSExtValue());
    return values;
  }
  auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(attr);
  if (!resource || !resource.getType().getElementType().isInteger())
    return std::nullopt;
  unsigned width = resource.getType().getElementTypeBitWidth();
  std::optional<ArrayRef<char>> bytes = getResourceBytes(resource, width / 8);
  if (!bytes)
    return std::nullopt;
  switch (width) {
  case 8:
    return readAs<int8_t, int64_t>(*bytes);
  case 16:
    return readAs<int16_t, int64_t>(*bytes);
  case 32:
    return readAs<int32_t, int64_t>(*bytes);
  case 64:
    return readAs<int64_t, int64_t>(*bytes);
  default:
    return std::nullopt;
  }
}

std::optional<std::vector<uint8_t>> mlir::qfmt::readCodes(Attribute attr) {
  auto elements = dyn_cast_or_null<ElementsAttr>(attr);
  if (!elements || !elements.getElementType().isIntOrFloat())
    return std::nullopt;
  unsigned width = elements.getElementType().getIntOrFloatBitWidth();
  if (width > 8)
    return std::nullopt;
  std::vector<uint8_t> codes;
  if (auto ints = dyn_cast<DenseIntElementsAttr>(attr)) {
    codes.reserve(ints.getNumElements());
    for (const APInt &value : ints.getValues<APInt>())
      codes.push_back(value.getZExtValue());
    return codes;
  }
  if (auto floats = dyn_cast<DenseFPElementsAttr>(attr)) {
    codes.reserve(floats.getNumElements());
    for (const APFloat &value : floats.getValues<APFloat>())
      codes.push_back(value.bitcastToAPInt().getZExtValue());
    return codes;
  }
  auto resource = dyn_cast<DenseResourceElementsAttr>(attr);
  std::optional<ArrayRef<char>> bytes;
  if (resource)
    bytes = getResourceBytes(resource, 1);
  if (!bytes)
    return std::nullopt;
  codes.assign(bytes->begin(), bytes->end());
  for (uint8_t &code : codes)
    code &= (1u << width) - 1;
  return codes;
}

/// A resource holding `values` as elements of type StoredT.
template <typename StoredT, typename T>
static ElementsAttr makeResource(RankedTensorType type, ArrayRef<T> values,
                                 StringRef name) {
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(
      values.size() * sizeof(StoredT), kAlignment, /*dataIsMutable=*/true);
  MutableArrayRef<char> bytes = blob.getMutableData();
  for (auto [i, value] : llvm::enumerate(values)) {
    auto stored = static_cast<StoredT>(value);
    std::memcpy(bytes.data() + i * sizeof(StoredT), &stored, sizeof(StoredT));
  }
  return DenseResourceElementsAttr::get(type, name, std::move(blob));
}

ElementsAttr mlir::qfmt::makeFloats(RankedTensorType type,
                                    ArrayRef<double> values, StringRef name) {
  Type element = type.getElementType();
  bool isWide = element.isF32() || element.isF64();
  if (isWide && type.getNumElements() > kMaxDenseElements &&
      !llvm::all_equal(values))
    return element.isF32() ? makeResource<float>(type, values, name)
                           : makeResource<double>(type, values, name);
  bool losesInfo;
  SmallVector<APFloat> rounded = llvm::map_to_vector(values, [&](double v) {
    APFloat value(v);
    value.convert(cast<FloatType>(element).getFloatSemantics(),
                  APFloat::rmNearestTiesToEven, &losesInfo);
    return value;
  });
  if (!rounded.empty() && llvm::all_equal(values))
    rounded.resize(1, rounded.front());
  return DenseElementsAttr::get(type, rounded);
}

ElementsAttr mlir::qfmt::makeIntegers(RankedTensorType type,
                                      ArrayRef<int64_t> values,
                                      StringRef name) {
  unsigned width = type.getElementTypeBitWidth();
  bool splat = !values.empty() && llvm::all_equal(values);
  if (type.getNumElements() > kMaxDenseElements && !splat) {
    switch (width) {
    case 8:
      return makeResource<int8_t>(type, values, name);
    case 16:
      return makeResource<int16_t>(type, values, name);
    case 32:
      return makeResource<int32_t>(type, values, name);
    case 64:
      return makeResource<int64_t>(type, values, name);
    default:
      break;
    }
  }
  SmallVector<APInt> stored =
      llvm::map_to_vector(splat ? values.take_front() : values, [&](int64_t v) {
        return APInt(width, static_cast<uint64_t>(v), /*isSigned=*/true,
                     /*implicitTrunc=*/true);
      });
  return DenseElementsAttr::get(type, stored);
}

ElementsAttr mlir::qfmt::makeBytes(MLIRContext *context,
                                   ArrayRef<uint8_t> bytes, StringRef name) {
  auto type = RankedTensorType::get(bytes.size(), IntegerType::get(context, 8));
  ArrayRef<char> raw(reinterpret_cast<const char *>(bytes.data()),
                     bytes.size());
  if (type.getNumElements() > kMaxDenseElements && !llvm::all_equal(bytes))
    return makeResource<char>(type, raw, name);
  bool splat = !raw.empty() && llvm::all_equal(raw);
  return DenseElementsAttr::getFromRawBuffer(type,
                                             splat ? raw.take_front() : raw);
}
