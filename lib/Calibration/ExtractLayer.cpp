//===- ExtractLayer.cpp - One layer of a network, to be timed alone -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level observed or assigned, and the name of a layer.
// Output: the same level: @main alone, which computes from observed tensors
// that
//         the layer reads the observed tensors that come next, with all that is
//         between: padding before the layer, bias and activation after it. Its
//         name stays, as an attribute.
// Not done: a layer inside of a loop. If the sum of two layers is what is
//         observed next, both are there.
//
//===----------------------------------------------------------------------===//

#include "../Transforms/Layers.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "qfmt/Calibration/Passes.h"
#include "qfmt/IR/LayerAttributes.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_EXTRACTLAYER
#include "qfmt/Calibration/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

/// Adds to `ends` the values after which the layer's results are observed, or
/// leave the function.
static void findEnds(Value value, SetVector<Value> &ends,
                     SmallPtrSetImpl<Operation *> &visited) {
  for (Operation *user : value.getUsers()) {
    if (isa<ObserveOp>(user))
      ends.insert(user->getResult(0));
    else if (user->hasTrait<OpTrait::IsTerminator>())
      ends.insert(value);
    else if (visited.insert(user).second)
      for (Value result : user->getResults())
        findEnds(result, ends, visited);
  }
}

/// What computes `ends` from observed tensors, in the order of the program.
static SmallVector<Operation *> collectOperations(ArrayRef<Value> ends) {
  BackwardSliceOptions options;
  options.inclusive = true;
  options.omitUsesFromAbove = false;
  options.filter = [&](Operation *op) {
    return !isa<func::FuncOp>(op) &&
           (!isa<ObserveOp>(op) || llvm::is_contained(ends, op->getResult(0)));
  };
  SetVector<Operation *> slice;
  for (Value end : ends)
    (void)getBackwardSlice(end.getDefiningOp(), &slice, options);
  SmallVector<Operation *> operations = slice.takeVector();
  llvm::sort(operations, [](Operation *left, Operation *right) {
    return left->isBeforeInBlock(right);
  });
  return operations;
}

/// Copies of `operations` to the end of `function`, which gets an argument for
/// each value that they do not compute: observed again, if it was.
static void copy(ArrayRef<Operation *> operations, func::FuncOp function,
                 IRMapping &copies) {
  Block &body = function.getBody().front();
  OpBuilder builder = OpBuilder::atBlockEnd(&body);
  auto copyLeaf = [&](Value value) {
    if (copies.contains(value))
      return;
    Value argument = body.addArgument(value.getType(), value.getLoc());
    if (auto observe = value.getDefiningOp<ObserveOp>()) {
      IRMapping input;
      input.map(observe.getInput(), argument);
      argument = builder.clone(*observe, input)->getResult(0);
    }
    copies.map(value, argument);
  };
  for (Operation *op : operations) {
    SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    llvm::for_each(op->getOperands(), copyLeaf);
    llvm::for_each(captured, copyLeaf);
    builder.clone(*op, copies);
  }
}

namespace {
struct ExtractLayerPass : qfmt::impl::ExtractLayerBase<ExtractLayerPass> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<Layer> layer = findLayer();
    if (failed(layer) || failed(extract(*layer)))
      signalPassFailure();
  }

private:
  FailureOr<Layer> findLayer() {
    FailureOr<SmallVector<Layer>> layers = collectLayers(getOperation());
    if (failed(layers))
      return failure();
    std::string names;
    for (const Layer &layer : *layers) {
      if (layer.name == name)
        return layer;
      names += (names.empty() ? "" : ", ") + layer.name;
    }
    return emitError(getOperation().getLoc())
           << "qfmt-extract-layer: there is no layer '" << name
           << "'; there are: " << (names.empty() ? "none" : names);
  }

  LogicalResult extract(const Layer &layer) {
    auto source = dyn_cast<func::FuncOp>(layer.op->getParentOp());
    if (!source)
      return layer.op->emitOpError()
             << "is inside of a loop, which qfmt-extract-layer does not copy";
    SetVector<Value> ends;
    SmallPtrSet<Operation *, 8> visited;
    findEnds(layer.op->getResult(0), ends, visited);
    layer.op->setAttr(kLayerAttr, StringAttr::get(&getContext(), layer.name));

    OpBuilder builder(&getContext());
    auto function = func::FuncOp::create(source.getLoc(), "main",
                                         builder.getFunctionType({}, {}));
    function.addEntryBlock();
    IRMapping copies;
    copy(collectOperations(ends.getArrayRef()), function, copies);
    SmallVector<Value> results = llvm::map_to_vector(
        ends, [&](Value value) { return copies.lookup(value); });
    builder.setInsertionPointToEnd(&function.getBody().front());
    func::ReturnOp::create(builder, source.getLoc(), results);
    function.setFunctionType(builder.getFunctionType(
        function.getBody().getArgumentTypes(), ValueRange(results).getTypes()));
    getOperation().getBody()->clear();
    getOperation().push_back(function);
    return success();
  }
};
} // namespace
