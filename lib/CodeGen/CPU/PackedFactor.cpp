// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "PackedFactor.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/IR/ConstantData.h"

namespace mlir::qfmt {

bool hasNarrowPairs(const IntegerProduct &product, ArrayRef<uint8_t> packed,
                    const CpuTarget &target) {
  if (!target.profitsFromNarrowPairs() || product.isDepthwise())
    return false;
  for (size_t i = 0, e = packed.size(); i < e; i += 2)
    if (std::abs(int32_t(int8_t(packed[i]))) +
            std::abs(int32_t(int8_t(packed[i + 1]))) >
        128)
      return false;
  return true;
}

bool hasNarrowPairs(cpu::UnpackIntegersOp codes, const CpuTarget &target) {
  constexpr int64_t kHalf = 64;
  auto [least, greatest] = codes.getRange();
  return target.profitsFromNarrowPairs() && least >= -kHalf &&
         greatest <= kHalf;
}

bool hasNarrowPairs(const IntegerProduct &product, const CpuTarget &target) {
  if (cpu::UnpackIntegersOp codes = getPackedCodes(product.rhs->get()))
    return hasNarrowPairs(codes, target);
  ElementsAttr constant;
  if (!target.profitsFromNarrowPairs() ||
      !matchPattern(getPackedFactor(product.rhs->get()), m_Constant(&constant)))
    return false;
  std::optional<std::vector<uint8_t>> packed = readCodes(constant);
  return packed && hasNarrowPairs(product, *packed, target);
}

cpu::UnpackIntegersOp getPackedCodes(Value rhs) {
  return rhs.getDefiningOp<cpu::UnpackIntegersOp>();
}

Value getPackedFactor(Value rhs) {
  auto unpack = rhs.getDefiningOp<linalg::UnPackOp>();
  if (!unpack || !matchPattern(unpack.getSource(), m_Constant()) ||
      unpack.getStaticInnerTiles() !=
          ArrayRef<int64_t>{kColumnsPerBlock, kTermsPerDot})
    return {};
  // Columns, the last dimension, first; then the others in their order.
  int64_t last = cast<RankedTensorType>(rhs.getType()).getRank() - 1;
  SmallVector<int64_t> outer = llvm::to_vector(llvm::seq<int64_t>(0, last));
  outer.insert(outer.begin(), last);
  if (unpack.getOuterDimsPerm() != ArrayRef<int64_t>(outer) ||
      unpack.getInnerDimsPos() != ArrayRef<int64_t>{last, last - 1})
    return {};
  return unpack.getSource();
}

} // namespace mlir::qfmt
