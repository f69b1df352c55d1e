// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each region of a network at level encoded becomes two functions: what the
// network does, and the same in real arithmetic. The network calls the former.
// Changes no number. Refuses control flow.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qfmt/Transforms/Passes.h"
#include "qfmt/Transforms/Regions.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_OUTLINEREGIONS
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

/// Erases what only regions used, from the end.
static void eraseUnused(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

/// Makes the functions of `region` before `function`; the encoded one is
/// returned.
static FailureOr<func::FuncOp> outlineBoth(const QuantizedRegion &region,
                                           func::FuncOp function,
                                           const std::string &name) {
  OpBuilder builder(function);
  for (const std::string &taken : {name, name + ".real"})
    if (SymbolTable::lookupNearestSymbolFrom(function,
                                             builder.getStringAttr(taken)))
      return function.emitError()
             << "needs the name @" << taken
             << " for a region, but the module has it already; rename that";
  func::FuncOp encoded = outlineRegion(region, name, builder);
  if (failed(outlineRealRegion(region, name + ".real", builder)))
    return failure();
  return encoded;
}

static LogicalResult outlineRegions(func::FuncOp function) {
  if (!function.getBody().hasOneBlock())
    return function.emitError()
           << "function has control flow; only functions of one block have "
              "regions that can be outlined";
  SmallVector<QuantizedRegion> regions = findRegions(function);
  SmallVector<func::CallOp> calls;
  for (auto [index, region] : llvm::enumerate(regions)) {
    FailureOr<func::FuncOp> encoded =
        outlineBoth(region, function,
                    (function.getName() + ".region" + Twine(index)).str());
    if (failed(encoded))
      return failure();
    OpBuilder builder(region.end);
    calls.push_back(func::CallOp::create(builder, region.end->getLoc(),
                                         *encoded, region.operands));
  }
  // Only now: until here the results tell where regions begin.
  for (auto [region, call] : llvm::zip_equal(regions, calls))
    region.getResult().replaceAllUsesWith(call.getResult(0));
  eraseUnused(function.getBody().front());
  return success();
}

namespace {
struct OutlineRegionsPass : qfmt::impl::OutlineRegionsBase<OutlineRegionsPass> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp function :
         llvm::to_vector(getOperation().getOps<func::FuncOp>()))
      if (function.isPublic() && !function.isExternal() &&
          failed(outlineRegions(function)))
        return signalPassFailure();
  }
};
} // namespace
