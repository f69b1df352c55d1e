// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Products/ConstantBits.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Support/Packing.h"

namespace mlir::qfmt {

static unsigned getWidth(Type elementType) {
  return elementType.isIntOrFloat() ? elementType.getIntOrFloatBitWidth() : 64;
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

static uint32_t getBits(double value, const llvm::fltSemantics &semantics) {
  // Most constants; APFloat takes longer.
  if (&semantics == &APFloat::IEEEsingle())
    return llvm::bit_cast<uint32_t>(float(value));
  APFloat number(value);
  bool losesInfo;
  number.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
  return number.bitcastToAPInt().getZExtValue();
}

static std::optional<std::vector<uint32_t>> readBits(ElementsAttr attr) {
  Type element = attr.getElementType();
  unsigned width = getWidth(element);
  if (width <= 8) {
    std::optional<std::vector<uint8_t>> codes = readCodes(attr);
    if (!codes)
      return std::nullopt;
    return std::vector<uint32_t>(codes->begin(), codes->end());
  }
  std::vector<uint32_t> bits;
  bits.reserve(attr.getNumElements());
  if (auto type = dyn_cast<FloatType>(element)) {
    std::optional<std::vector<double>> values = readFloats(attr);
    if (!values)
      return std::nullopt;
    for (double value : *values)
      bits.push_back(getBits(value, type.getFloatSemantics()));
    return bits;
  }
  std::optional<std::vector<int64_t>> values = readIntegers(attr);
  if (!values)
    return std::nullopt;
  for (int64_t value : *values)
    bits.push_back(uint32_t(value) & llvm::maskTrailingOnes<uint32_t>(width));
  return bits;
}

/// In pieces: unpackCodes takes eight bytes a code.
static std::optional<std::vector<uint32_t>> readUnpacked(UnpackOp op) {
  // Fills whole bytes in each packing.
  constexpr uint64_t kPiece = 40 * 1024;
  ElementsAttr constant;
  if (!matchPattern(op.getBytes(), m_Constant(&constant)))
    return std::nullopt;
  std::optional<std::vector<uint8_t>> bytes = readCodes(constant);
  auto type = cast<RankedTensorType>(op.getCodes().getType());
  if (!bytes || !type.hasStaticShape())
    return std::nullopt;
  unsigned width = getWidth(type.getElementType());
  uint64_t count = type.getNumElements();
  std::vector<uint32_t> bits;
  bits.reserve(count);
  for (uint64_t begin = 0; begin < count; begin += kPiece) {
    uint64_t size = std::min(kPiece, count - begin);
    uint64_t offset = getPackedSize(begin, width, op.getPacking());
    if (offset > bytes->size())
      return std::nullopt;
    auto codes = unpackCodes(ArrayRef(*bytes).drop_front(offset), width, size,
                             op.getPacking());
    if (!codes)
      return std::nullopt;
    bits.insert(bits.end(), codes->begin(), codes->end());
  }
  return bits;
}

//===----------------------------------------------------------------------===//
// Operations that move elements
//===----------------------------------------------------------------------===//

/// Copies `source` so that its first element lies at `offsets` of `target`,
/// which may have negative entries; what lies outside is left out.
static void copyElements(const ConstantBits &source, ArrayRef<int64_t> offsets,
                         ConstantBits &target) {
  int64_t rank = source.shape.size();
  SmallVector<int64_t> position(rank, 0);
  for (uint32_t bits : source.bits) {
    int64_t place = 0;
    bool isInside = true;
    for (int64_t i = 0; i < rank; ++i) {
      int64_t index = position[i] + offsets[i];
      isInside &= index >= 0 && index < target.shape[i];
      place = place * target.shape[i] + index;
    }
    if (isInside)
      target.bits[place] = bits;
    for (int64_t i = rank - 1; i >= 0 && ++position[i] == source.shape[i]; --i)
      position[i] = 0;
  }
}

static std::optional<ConstantBits> readPadded(tensor::PadOp op) {
  Value padding = op.getConstantPaddingValue();
  Attribute attr;
  if (!padding || !matchPattern(padding, m_Constant(&attr)) ||
      ShapedType::isDynamicShape(op.getStaticLow()) ||
      !op.getResultType().hasStaticShape())
    return std::nullopt;
  std::optional<ConstantBits> source = readConstantBits(op.getSource());
  auto scalar = RankedTensorType::get({}, padding.getType());
  auto value = readBits(DenseElementsAttr::get(scalar, ArrayRef(attr)));
  if (!source || !value)
    return std::nullopt;
  ConstantBits target{
      llvm::to_vector(op.getResultType().getShape()), source->elementType, {}};
  target.bits.assign(op.getResultType().getNumElements(), value->front());
  copyElements(*source, op.getStaticLow(), target);
  return target;
}

static std::optional<ConstantBits> readSlice(tensor::ExtractSliceOp op) {
  if (ShapedType::isDynamicShape(op.getStaticOffsets()) ||
      ShapedType::isDynamicShape(op.getStaticSizes()) ||
      !llvm::all_of(op.getStaticStrides(),
                    [](int64_t stride) { return stride == 1; }))
    return std::nullopt;
  std::optional<ConstantBits> source = readConstantBits(op.getSource());
  if (!source)
    return std::nullopt;
  ConstantBits target{
      llvm::to_vector(op.getStaticSizes()), source->elementType, {}};
  target.bits.resize(op.getType().getNumElements());
  SmallVector<int64_t> offsets;
  for (int64_t offset : op.getStaticOffsets())
    offsets.push_back(-offset);
  copyElements(*source, offsets, target);
  // Sizes of 1 may be dropped.
  target.shape.assign(op.getType().getShape().begin(),
                      op.getType().getShape().end());
  return target;
}

std::optional<ConstantBits> readConstantBits(Value tensor) {
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  if (!type || !type.hasStaticShape() || getWidth(type.getElementType()) > 32)
    return std::nullopt;
  auto make = [&](std::optional<std::vector<uint32_t>> bits)
      -> std::optional<ConstantBits> {
    if (!bits)
      return std::nullopt;
    return ConstantBits{llvm::to_vector(type.getShape()), type.getElementType(),
                        std::move(*bits)};
  };
  ElementsAttr constant;
  if (matchPattern(tensor, m_Constant(&constant)))
    return make(readBits(constant));
  Operation *op = tensor.getDefiningOp();
  if (auto unpack = dyn_cast_or_null<UnpackOp>(op))
    return make(readUnpacked(unpack));
  if (auto pad = dyn_cast_or_null<tensor::PadOp>(op))
    return readPadded(pad);
  if (auto slice = dyn_cast_or_null<tensor::ExtractSliceOp>(op))
    return readSlice(slice);
  if (!isa_and_nonnull<arith::BitcastOp, tensor::ExpandShapeOp,
                       tensor::CollapseShapeOp>(op))
    return std::nullopt;
  std::optional<ConstantBits> source = readConstantBits(op->getOperand(0));
  if (!source)
    return std::nullopt;
  source->shape = llvm::to_vector(type.getShape());
  source->elementType = type.getElementType();
  return source;
}

Attribute getElementAttr(Type elementType, uint32_t bits) {
  APInt value(getWidth(elementType), bits);
  if (auto type = dyn_cast<FloatType>(elementType))
    return FloatAttr::get(type, APFloat(type.getFloatSemantics(), value));
  return IntegerAttr::get(elementType, value);
}

} // namespace mlir::qfmt
