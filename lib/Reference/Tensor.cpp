// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Reference/Tensor.h"
#include "qfmt/Support/ExactReal.h"
#include "qfmt/Support/MachineMemory.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <optional>

using namespace mlir;

namespace mlir::qfmt::reference {

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

bool isSupportedElementType(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return integer.getWidth() >= 1 && integer.getWidth() <= 64;
  if (auto real = dyn_cast<FloatType>(type))
    return real.getWidth() <= 64;
  return isa<IndexType>(type);
}

unsigned getElementWidth(Type elementType) {
  return elementType.isIndex() ? 64 : elementType.getIntOrFloatBitWidth();
}

int64_t wrapToType(int64_t value, Type elementType) {
  unsigned width = getElementWidth(elementType);
  if (elementType.isUnsignedInteger())
    return value & (~uint64_t(0) >> (64 - width));
  return llvm::SignExtend64(value, width);
}

/// Rounds by scaling the last kept bit to a weight of 1, which is exact in
/// double for the formats of at most 16 bits.
static double roundToIEEE(double value, BinaryFormat format) {
  if (!std::isfinite(value) || value == 0)
    return value;
  int exponent = std::max(std::ilogb(value), format.minExponent);
  int unit = exponent - int(format.precision) + 1;
  double rounded = std::ldexp(std::nearbyint(std::ldexp(value, -unit)), unit);
  if (std::fabs(rounded) >= std::ldexp(1.0, format.maxExponent + 1))
    return std::copysign(HUGE_VAL, value);
  return rounded;
}

/// What a format cannot hold, where APFloat makes codes that mean something
/// else or none: an infinity or a NaN in a format without either, a negative
/// number in one without sign. None for all others.
static std::optional<double>
getSubstitute(double value, const llvm::fltSemantics &semantics) {
  using llvm::APFloat;
  if (std::isnan(value) && !APFloat::semanticsHasNaN(semantics))
    return 0.0;
  if (std::isinf(value) && !APFloat::semanticsHasNaN(semantics))
    return APFloat::getLargest(semantics, value < 0).convertToDouble();
  if (!std::signbit(value) || std::isnan(value) ||
      APFloat::semanticsHasSignedRepr(semantics))
    return std::nullopt;
  // What rounds to zero, as ties do, is the lowest value.
  double lowest = APFloat::getSmallest(semantics).convertToDouble();
  return -value <= lowest / 2 ? lowest : std::nan("");
}

double roundToType(double value, FloatType type) {
  if (type.isF64())
    return value;
  if (type.isF32())
    return static_cast<float>(value);
  if (type.isF16())
    return roundToIEEE(value, BinaryFormat::f16());
  if (type.isBF16())
    return roundToIEEE(value, BinaryFormat::bf16());
  const llvm::fltSemantics &semantics = type.getFloatSemantics();
  if (std::optional<double> substitute = getSubstitute(value, semantics))
    return *substitute;
  llvm::APFloat rounded(value);
  bool losesInfo;
  rounded.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  // convertToDouble makes an infinity of the NaN of f8E8M0FNU.
  return rounded.isNaN() ? std::nan("") : rounded.convertToDouble();
}

uint64_t getElementBits(Scalar value, Type elementType) {
  auto type = dyn_cast<FloatType>(elementType);
  if (!type)
    return value.integer &
           (~uint64_t(0) >> (64 - getElementWidth(elementType)));
  const llvm::fltSemantics &semantics = type.getFloatSemantics();
  // An undefined element (tensor.empty) of a type without NaN.
  if (std::isnan(value.real) && !llvm::APFloat::semanticsHasNaN(semantics))
    return 0;
  if (std::isnan(value.real))
    return llvm::APFloat::getNaN(semantics).bitcastToAPInt().getZExtValue();
  llvm::APFloat real(value.real);
  bool losesInfo;
  real.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return real.bitcastToAPInt().getZExtValue();
}

Scalar getElementFromBits(uint64_t bits, Type elementType) {
  if (auto type = dyn_cast<FloatType>(elementType)) {
    llvm::APFloat value(type.getFloatSemantics(),
                        llvm::APInt(type.getWidth(), bits));
    // convertToDouble makes an infinity of the NaN of f8E8M0FNU.
    return makeReal(value.isNaN() ? std::nan("") : value.convertToDouble());
  }
  return makeInteger(wrapToType(bits, elementType));
}

//===----------------------------------------------------------------------===//
// Tensor
//===----------------------------------------------------------------------===//

Tensor::Tensor(ArrayRef<int64_t> shape, Type elementType)
    : shape(shape), elementType(elementType) {
  int64_t count = 1;
  for (int64_t size : shape) {
    assert(size >= 0 && "sizes of a value are static");
    count *= size;
  }
  // All bits zero is also 0.0.
  data = std::make_shared<std::vector<Scalar>>(count, makeInteger(0));
}

LogicalResult
Tensor::verifyShape(ArrayRef<int64_t> shape,
                    function_ref<InFlightDiagnostic()> emitError) {
  for (int64_t size : shape)
    if (size < 0)
      return emitError() << "has a negative size, " << size;
  if (llvm::is_contained(shape, 0))
    return success();
  std::optional<int64_t> memory = getMachineMemory();
  int64_t bytes = sizeof(Scalar);
  bool overflows = llvm::any_of(shape, [&](int64_t size) {
    return bool(llvm::MulOverflow(bytes, size, bytes));
  });
  if (!overflows && (!memory || bytes <= *memory))
    return success();
  InFlightDiagnostic error = emitError();
  error << "a tensor of shape [" << shape
        << "] takes more memory than there is: " << sizeof(Scalar)
        << " bytes an element here";
  if (memory)
    error << ", and this machine has " << *memory;
  return error;
}

Tensor Tensor::scalar(Type elementType, Scalar value) {
  Tensor result({}, elementType);
  result.data->front() = value;
  return result;
}

MutableArrayRef<Scalar> Tensor::getMutableData() {
  if (!data)
    return {};
  if (data.use_count() > 1)
    data = std::make_shared<std::vector<Scalar>>(*data);
  return *data;
}

Tensor Tensor::reshape(ArrayRef<int64_t> newShape) const {
  assert(ShapedType::getNumElements(newShape) == getNumElements());
  Tensor result = *this;
  result.shape.assign(newShape.begin(), newShape.end());
  return result;
}

void Tensor::fill(Scalar value) {
  data = std::make_shared<std::vector<Scalar>>(getNumElements(), value);
}

SmallVector<int64_t> Tensor::getStrides() const {
  SmallVector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (int64_t i = getRank() - 1; i >= 0; --i) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

bool Tensor::isInBounds(ArrayRef<int64_t> indices) const {
  for (auto [index, size] : llvm::zip_equal(indices, shape))
    if (index < 0 || index >= size)
      return false;
  return true;
}

int64_t Tensor::linearize(ArrayRef<int64_t> indices) const {
  int64_t result = 0;
  for (auto [index, size] : llvm::zip_equal(indices, shape))
    result = result * size + index;
  return result;
}

void forEachIndex(ArrayRef<int64_t> shape,
                  function_ref<void(ArrayRef<int64_t>)> visit) {
  if (llvm::is_contained(shape, 0))
    return;
  SmallVector<int64_t> index(shape.size(), 0);
  while (true) {
    visit(index);
    int64_t dim = shape.size() - 1;
    while (dim >= 0 && ++index[dim] == shape[dim])
      index[dim--] = 0;
    if (dim < 0)
      return;
  }
}

} // namespace mlir::qfmt::reference
