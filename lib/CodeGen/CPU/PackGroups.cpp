//===- PackGroups.cpp - Constants of grouped products in few bits ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  what qfmt-factor-scales makes.
// Output: the same; constant integers are qfmt_cpu.unpack_integers, and scales
// that change with group and column qfmt_cpu.unpack_scales, of constants.
//
// What decides is which numbers occur, not from which format they come. Three
// bits become four, five to seven become eight, unless groups have fewer values
// each.
//
//===----------------------------------------------------------------------===//

#include "PackedConstants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"
#include "qfmt/CodeGen/CPU/Passes.h"
#include "qfmt/CodeGen/Products/GroupedProduct.h"
#include "qfmt/IR/ConstantData.h"
#include <cmath>

namespace mlir::qfmt {

#define GEN_PASS_DEF_PACKGROUPS
#include "qfmt/CodeGen/CPU/Passes.h.inc"

namespace {

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

/// An unsigned float: `width` bits, as qfmt_cpu.unpack_scales reads them.
struct ScaleStorage {
  int64_t width, shift, exponent;
};

/// Storage of `width` bits with as many exponents as f32 has, or as many as
/// the mantissas leave room for; none if the numbers do not fit.
std::optional<ScaleStorage> chooseStorage(int64_t width, int64_t mantissaBits,
                                          int64_t least, int64_t greatest) {
  if (mantissaBits <= width - 8)
    return ScaleStorage{width, 31 - width, 0};
  if (mantissaBits > width || greatest - least >= int64_t(1)
                                                      << (width - mantissaBits))
    return std::nullopt;
  return ScaleStorage{width, 23 - mantissaBits, least + 127};
}

ScaleStorage chooseStorage(ArrayRef<double> scales) {
  const ScaleStorage f32{32, 0, 0};
  int64_t mantissaBits = 0, least = 127, greatest = -126;
  for (double scale : scales) {
    if (!(scale > 0) || !std::isnormal(float(scale)))
      return f32;
    uint32_t bits = llvm::bit_cast<uint32_t>(float(scale));
    mantissaBits = std::max<int64_t>(mantissaBits,
                                     23 - llvm::countr_zero(bits | 1u << 23));
    least = std::min<int64_t>(least, int64_t(bits >> 23) - 127);
    greatest = std::max<int64_t>(greatest, int64_t(bits >> 23) - 127);
  }
  for (int64_t width : {8, 16})
    if (auto storage = chooseStorage(width, mantissaBits, least, greatest))
      return *storage;
  return f32;
}

/// `scales` is groups x columns, the result [columns/16][groups][16].
Value emitScales(ImplicitLocOpBuilder &b, ArrayRef<double> scales,
                 RankedTensorType type) {
  ScaleStorage storage = chooseStorage(scales);
  int64_t groups = type.getDimSize(0), columns = type.getDimSize(1);
  int64_t blocks = llvm::divideCeil(columns, kColumnsPerBlock);
  std::vector<double> packed(blocks * groups * kColumnsPerBlock, scales[0]);
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t n = 0; n < columns; ++n)
      packed[(n / kColumnsPerBlock * groups + g) * kColumnsPerBlock +
             n % kColumnsPerBlock] = scales[g * columns + n];
  SmallVector<int64_t> shape = {blocks, groups, kColumnsPerBlock};
  ElementsAttr constant;
  if (storage.width == 32) {
    constant = makeFloats(RankedTensorType::get(shape, b.getF32Type()), packed,
                          "packed_scales");
  } else {
    std::vector<int64_t> codes;
    for (double scale : packed) {
      uint32_t bits = llvm::bit_cast<uint32_t>(float(scale));
      codes.push_back((bits - uint32_t(storage.exponent << 23)) >>
                      storage.shift);
    }
    constant = makeIntegers(
        RankedTensorType::get(shape, b.getIntegerType(storage.width)), codes,
        "packed_scales");
  }
  return cpu::UnpackScalesOp::create(b, type,
                                     arith::ConstantOp::create(b, constant),
                                     storage.shift, storage.exponent);
}

void packScales(const GroupedProduct &product) {
  linalg::GenericOp op = product.op;
  AffineMap byGroup =
      AffineMap::getMultiDimMapWithTargets(3, {2, 1}, op.getContext());
  for (OpOperand *input : op.getDpsInputOperands()) {
    ElementsAttr constant;
    auto type = dyn_cast<RankedTensorType>(input->get().getType());
    if (!type || !type.getElementType().isF32() ||
        op.getMatchingIndexingMap(input) != byGroup ||
        !matchPattern(input->get(), m_Constant(&constant)))
      continue;
    std::optional<std::vector<double>> scales = readFloats(constant);
    if (!scales)
      continue;
    ImplicitLocOpBuilder b(op.getLoc(), op);
    input->set(emitScales(b, *scales, type));
  }
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

/// Null if they are no constants.
cpu::UnpackIntegersOp packIntegers(const GroupedProduct &product) {
  ElementsAttr constant;
  if (!matchPattern(product.rhs->get(), m_Constant(&constant)))
    return {};
  std::optional<std::vector<uint8_t>> bytes = readCodes(constant);
  if (!bytes || bytes->empty())
    return {};
  auto type = cast<RankedTensorType>(product.rhs->get().getType());
  linalg::GenericOp sums = product.sums;
  ImplicitLocOpBuilder b(sums.getLoc(), sums);
  cpu::UnpackIntegersOp unpack = emitPackedIntegers(
      b, type, *bytes, IntegerEncoding::choose({*bytes, product.groupSize}));
  product.rhs->set(unpack);
  return unpack;
}

struct PackGroupsPass : impl::PackGroupsBase<PackGroupsPass> {
  void runOnOperation() override {
    getOperation()->walk([](linalg::GenericOp op) {
      std::optional<GroupedProduct> product = matchGroupedProduct(op);
      if (!product)
        return;
      cpu::UnpackIntegersOp unpack = packIntegers(*product);
      if (!unpack)
        return;
      packScales(*product);
      remark::passed(op.getLoc(), remark::RemarkOpts::name("Packed").category(
                                      "qfmt-pack-groups"))
          << "packed a constant factor"
          << remark::metric("Bits", unpack.getBits())
          << remark::metric("Entries",
                            unpack.getTable() ? unpack.getTable()->size() : 0)
          << remark::metric("BytesOfGroups", unpack.getGroups() ? 1 : 0)
          << remark::metric("Groups", product->groups);
    });
  }
};

} // namespace
} // namespace mlir::qfmt
