//===- InsertObservers.cpp - Marks where a network may be quantized -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level real.
// Output: level observed. `observe` on every f32 tensor that enters a function,
//         and on every computed one, but for
//         - tensors that are only moved: what was moved is observed;
//         - tensors read by one element-wise operation which an integer
//           accumulator can enter (bias, residual sum, relu): quantizing
//           between the two would lose bits for nothing;
//         - tensors that depend on constants alone.
//         Max pooling is observed although its values are those of its input:
//         at level encoded a `quantize` follows it.
//
//===----------------------------------------------------------------------===//

#include "LinalgUses.h"
#include "Moves.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_INSERTOBSERVERS
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

namespace {

/// The values that depend on the arguments of a function, not on constants
/// alone. Sizes are none: an index never makes a tensor data.
class DataValues {
public:
  explicit DataValues(FunctionOpInterface function) {
    function->walk<WalkOrder::PreOrder>([&](Operation *op) {
      // What a loop carries or a branch yields may be data.
      bool isControlFlow = isa<RegionBranchOpInterface>(op);
      if (isControlFlow || op == function)
        for (Region &region : op->getRegions())
          llvm::for_each(region.getArguments(), [&](Value v) { insert(v); });
      if (isControlFlow || readsData(op))
        llvm::for_each(op->getResults(), [&](Value v) { insert(v); });
    });
  }

  bool contains(Value value) const { return values.contains(value); }

private:
  void insert(Value value) {
    if (!value.getType().isIndex())
      values.insert(value);
  }

  bool readsData(Operation *op) const {
    SetVector<Value> read(op->operand_begin(), op->operand_end());
    getUsedValuesDefinedAbove(op->getRegions(), read);
    return llvm::any_of(read, [&](Value v) { return contains(v); });
  }

  llvm::DenseSet<Value> values;
};

bool isObservableType(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getElementType().isF32() && !tensor.getEncoding();
}

/// True if the scalar operation `op` of a body is exact on integers with
/// scales: sums, differences, minima, maxima, comparisons and selections of
/// data, and products with and quotients by constants.
bool carriesIntegers(Operation &op, function_ref<bool(Value)> isConstant) {
  if (llvm::all_of(op.getOperands(), isConstant))
    return true;
  if (isa<arith::MulFOp>(op))
    return llvm::any_of(op.getOperands(), isConstant);
  if (isa<arith::DivFOp>(op))
    return isConstant(op.getOperand(1));
  return isa<arith::AddFOp, arith::SubFOp, arith::NegFOp, arith::MaximumFOp,
             arith::MaxNumFOp, arith::MinimumFOp, arith::MinNumFOp,
             arith::CmpFOp, arith::SelectOp, arith::ExtFOp, arith::TruncFOp,
             linalg::YieldOp>(op);
}

/// True if `reader` is an element-wise operation that an integer accumulator
/// can enter.
bool acceptsAccumulator(Operation *reader, const DataValues &data) {
  auto op = dyn_cast_or_null<linalg::LinalgOp>(reader);
  if (!op || !isElementwise(op) || getCopiedInput(op) ||
      !isObservableType(op->getResult(0).getType()))
    return false;
  llvm::DenseSet<Value> constants;
  auto isConstant = [&](Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value);
        argument && argument.getOwner() == op.getBlock())
      return !data.contains(op.getMatchingOpOperand(argument)->get());
    return value.getParentBlock() != op.getBlock() ? !data.contains(value)
                                                   : constants.contains(value);
  };
  for (Operation &scalar : *op.getBlock()) {
    if (!carriesIntegers(scalar, isConstant))
      return false;
    if (llvm::all_of(scalar.getOperands(), isConstant))
      constants.insert(scalar.result_begin(), scalar.result_end());
  }
  return true;
}

bool needsObserver(Value value, const DataValues &data) {
  if (value.use_empty() || !isObservableType(value.getType()) ||
      !data.contains(value))
    return false;
  if (Operation *producer = value.getDefiningOp())
    if (isTensorMove(producer) || getCopiedInput(producer))
      return false;
  return isa<BlockArgument>(value) ||
         !acceptsAccumulator(getOnlyReader(value), data);
}

/// Ids are the kind of operation and a number that counts it in the module.
class ObserverInserter {
public:
  /// The number of observers inserted.
  unsigned insert(FunctionOpInterface function) {
    DataValues data(function);
    SmallVector<Value> values;
    llvm::append_range(values, function.getArguments());
    function->walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (op != function && !op->hasTrait<OpTrait::IsTerminator>())
        llvm::append_range(values, op->getResults());
    });
    llvm::erase_if(values, [&](Value v) { return !needsObserver(v, data); });
    for (Value value : values)
      observe(value);
    return values.size();
  }

private:
  void observe(Value value) {
    OpBuilder builder(value.getContext());
    builder.setInsertionPointAfterValue(value);
    StringRef kind = "argument";
    if (Operation *producer = value.getDefiningOp())
      kind = producer->getName().stripDialect();
    std::string id = (kind + "." + Twine(counts[kind]++)).str();
    auto observer = ObserveOp::create(builder, value.getLoc(), value.getType(),
                                      value, builder.getStringAttr(id),
                                      /*statistics=*/StatisticsAttr());
    value.replaceAllUsesExcept(observer, observer);
  }

  llvm::StringMap<unsigned> counts;
};

struct InsertObserversPass
    : qfmt::impl::InsertObserversBase<InsertObserversPass> {
  using Base::Base;

  void runOnOperation() override {
    WalkResult found = getOperation().walk([](ObserveOp op) {
      op.emitOpError() << "is there already; observers are inserted once";
      return WalkResult::interrupt();
    });
    if (found.wasInterrupted())
      return signalPassFailure();
    ObserverInserter inserter;
    getOperation().walk([&](FunctionOpInterface function) {
      if (!function.isExternal())
        numObservers += inserter.insert(function);
    });
  }
};
} // namespace
