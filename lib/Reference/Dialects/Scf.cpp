// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// scf.for, scf.if and scf.while.

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "../Frame.h"
#include "../Handlers.h"

using namespace mlir;

namespace mlir::qfmt::reference {

static void setResults(Operation *op, SmallVector<Value> &values,
                       Frame &frame) {
  for (auto [result, value] : llvm::zip_equal(op->getResults(), values))
    frame.set(result, std::move(value));
}

static LogicalResult evaluateFor(scf::ForOp op, Frame &frame) {
  Type indexType = op.getInductionVar().getType();
  int64_t lower = frame.getInteger(op.getLowerBound());
  int64_t upper = frame.getInteger(op.getUpperBound());
  int64_t step = frame.getInteger(op.getStep());
  if (step <= 0)
    return op.emitOpError() << "needs a positive step, found " << step;
  SmallVector<Value> carried;
  for (OpOperand &init : op.getInitArgsMutable())
    carried.push_back(frame.take(init));
  // 128 bits: the bound may be near the end of the type.
  __int128 begin = lower, end = upper;
  if (op.getUnsignedCmp()) {
    unsigned shift = 64 - getElementWidth(indexType);
    begin = zeroExtend(lower, shift);
    end = zeroExtend(upper, shift);
  }
  for (__int128 i = begin; i < end; i += step) {
    SmallVector<Value> arguments = {Tensor::scalar(
        indexType,
        makeInteger(wrapToType(static_cast<int64_t>(i), indexType)))};
    llvm::move(carried, std::back_inserter(arguments));
    FailureOr<SmallVector<Value>> yielded =
        frame.runRegion(op.getRegion(), std::move(arguments));
    if (failed(yielded))
      return failure();
    carried = std::move(*yielded);
  }
  setResults(op, carried, frame);
  return success();
}

static LogicalResult evaluateIf(scf::IfOp op, Frame &frame) {
  Region &region = frame.getInteger(op.getCondition()) ? op.getThenRegion()
                                                       : op.getElseRegion();
  if (region.empty())
    return success();
  FailureOr<SmallVector<Value>> yielded = frame.runRegion(region, {});
  if (failed(yielded))
    return failure();
  setResults(op, *yielded, frame);
  return success();
}

static LogicalResult evaluateWhile(scf::WhileOp op, Frame &frame) {
  SmallVector<Value> carried;
  for (OpOperand &init : op.getInitsMutable())
    carried.push_back(frame.take(init));
  while (true) {
    FailureOr<SmallVector<Value>> before =
        frame.runRegion(op.getBefore(), std::move(carried));
    if (failed(before))
      return failure();
    bool goesOn = before->front().getTensor()[0].integer;
    SmallVector<Value> forwarded(llvm::drop_begin(*before));
    if (!goesOn) {
      setResults(op, forwarded, frame);
      return success();
    }
    FailureOr<SmallVector<Value>> after =
        frame.runRegion(op.getAfter(), std::move(forwarded));
    if (failed(after))
      return failure();
    carried = std::move(*after);
  }
}

void registerScfHandlers(HandlerTable &table) {
  table.add<scf::ForOp, evaluateFor>(Encoded::Handled);
  table.add<scf::IfOp, evaluateIf>(Encoded::Handled);
  table.add<scf::WhileOp, evaluateWhile>(Encoded::Handled);
}

} // namespace mlir::qfmt::reference
