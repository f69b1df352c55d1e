// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Level encoded to level integer. Input: functions of one block whose values
// are float tensors, some of them encoded with static scales, and whose compute
// is linalg. Output: the same functions on integer tensors; arguments and
// results are encoded tensors. Integerize/FunctionIntegerizer.cpp walks a
// function; what an operation becomes is decided from its body. Does not handle
// control flow and calls: they are refused by name.

#include "Integerize/FloatWrapper.h"
#include "Integerize/FunctionIntegerizer.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/Statistic.h"
#include <cmath>

namespace mlir::qfmt {
#define GEN_PASS_DEF_INTEGERIZE
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-integerize"
ALWAYS_ENABLED_STATISTIC(numRewritten, "Operations rewritten to integers");
ALWAYS_ENABLED_STATISTIC(numRescales, "Dyadic rescalings");

namespace {
struct IntegerizePass : qfmt::impl::IntegerizeBase<IntegerizePass> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(verifyOptions()))
      return signalPassFailure();
    IntegerizeSettings settings{accumulatorBits,
                                tableBits,
                                functionBits,
                                functionError,
                                *parseCompat(compat),
                                functions == "ibert"
                                    ? FunctionKernels::IBert
                                    : FunctionKernels::Minimax};
    IntegerizeCounts counts;
    if (failed(rewriteFunctions(settings, counts)))
      return signalPassFailure();
    numRewritten += counts.rewritten;
    numRescales += counts.rescales;
  }

  /// All functions or none: nothing is left half-rewritten.
  LogicalResult rewriteFunctions(const IntegerizeSettings &settings,
                                 IntegerizeCounts &counts) {
    SmallVector<func::FuncOp> sources, targets;
    for (auto source : getOperation().getOps<func::FuncOp>())
      if (!source.isExternal())
        sources.push_back(source);
    auto giveUp = [&] {
      for (func::FuncOp target : targets)
        target.erase();
      return failure();
    };
    for (func::FuncOp source : sources) {
      func::FuncOp target = integerizeFunction(source, settings, counts);
      if (!target)
        return giveUp();
      targets.push_back(target);
      if (emitFloatWrapper && target.isPublic() &&
          failed(verifyWrapperName(getOperation(), target)))
        return giveUp();
    }
    for (auto [source, target] : llvm::zip(sources, targets)) {
      source.erase();
      if (emitFloatWrapper && target.isPublic())
        qfmt::emitFloatWrapper(target);
    }
    return success();
  }

  LogicalResult verifyOptions() {
    auto fail = [&] {
      return mlir::emitError(getOperation().getLoc(), "qfmt-integerize: ");
    };
    if (accumulatorBits != 0 && accumulatorBits != 32 && accumulatorBits != 64)
      return fail() << "accumulator-bits is 32 or 64, or 0 for either, found "
                    << accumulatorBits.getValue();
    if (tableBits > 16)
      return fail() << "table-bits is at most 16, found "
                    << tableBits.getValue();
    if (functionBits < 8 || functionBits > 31)
      return fail() << "function-bits is between 8 and 31, found "
                    << functionBits.getValue();
    if (!(functionError > 0.5) || !std::isfinite(functionError))
      return fail() << "function-error is more than 0.5, the last rounding, "
                       "found "
                    << functionError.getValue();
    if (functions != "minimax" && functions != "ibert")
      return fail() << "functions is minimax or ibert, found '"
                    << StringRef(functions) << "'";
    if (!parseCompat(compat))
      return fail() << "compat is tflite, onnx, tosa, tosa-double-round, hawq, "
                       "or empty for rules of qfmt's own; found '"
                    << StringRef(compat) << "'";
    return success();
  }
};
} // namespace
