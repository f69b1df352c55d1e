// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  any level. Output: the same, with `unpack` of a constant evaluated.
// Leaves `unpack` of other values, and `pack`, alone.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/Support/Packing.h"
#include "qfmt/Transforms/Passes.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_UNPACKCONSTANTS
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

/// The elements of `type` that `bytes` hold; null if they hold none.
static DenseElementsAttr unpack(Attribute bytes, RankedTensorType type,
                                CodePacking packing) {
  std::optional<std::vector<uint8_t>> packed = readCodes(bytes);
  if (!packed)
    return {};
  unsigned width = type.getElementTypeBitWidth();
  auto codes = unpackCodes(*packed, width, type.getNumElements(), packing);
  if (!codes)
    return {};
  SmallVector<APInt> elements = llvm::map_to_vector(
      *codes, [&](uint64_t code) { return APInt(width, code); });
  return DenseElementsAttr::get(type, elements);
}

static LogicalResult evaluate(UnpackOp op) {
  Attribute bytes;
  if (!matchPattern(op.getBytes(), m_Constant(&bytes)))
    return success();
  DenseElementsAttr codes =
      unpack(bytes, op.getCodes().getType(), op.getPacking());
  if (!codes)
    return op.emitOpError()
           << "reads a constant that has no data or no codes of this packing";
  OpBuilder b(op);
  // Floats are stored as the integers of their codes (qfmt-pack-storage).
  for (Operation *user : llvm::make_early_inc_range(op->getUsers())) {
    auto bitcast = dyn_cast<arith::BitcastOp>(user);
    if (!bitcast)
      continue;
    Type element = getElementTypeOrSelf(bitcast.getType());
    bitcast.replaceAllUsesWith(
        arith::ConstantOp::create(b, op.getLoc(), codes.bitcast(element))
            .getResult());
    bitcast.erase();
  }
  op.replaceAllUsesWith(
      arith::ConstantOp::create(b, op.getLoc(), codes).getResult());
  op.erase();
  return success();
}

namespace {
struct UnpackConstantsPass
    : qfmt::impl::UnpackConstantsBase<UnpackConstantsPass> {
  void runOnOperation() override {
    SmallVector<UnpackOp> ops;
    getOperation()->walk([&](UnpackOp op) { ops.push_back(op); });
    for (UnpackOp op : ops)
      if (failed(evaluate(op)))
        return signalPassFailure();
  }
};
} // namespace
