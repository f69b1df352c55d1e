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
//         - the insides of non-linear functions (InnerValues.h), and what is a
//           linear image of an observed tensor and enters only them;
//         - tensors that depend on constants alone, and masks computed from
//           integers, which are exact.
//         Max pooling is observed although its values are those of its input:
//         at level encoded a `quantize` follows it.
//
//===----------------------------------------------------------------------===//

#include "AdditiveMasks.h"
#include "DataValues.h"
#include "InnerValues.h"
#include "Layers.h"
#include "LinalgUses.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "qfmt/Analysis/Moves.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/Statistic.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_INSERTOBSERVERS
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-insert-observers"
ALWAYS_ENABLED_STATISTIC(numObservers, "Observers inserted");

namespace {

bool isObservableType(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getElementType().isF32() && !tensor.getEncoding();
}

/// A reshape that only adds or drops dimensions of size 1: whatever varies
/// along dimensions, as the scale of an accumulator does, stays what it is.
bool isUnitReshape(Operation *op) {
  if (!isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
    return false;
  auto getSizes = [](Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    return llvm::filter_to_vector(type.getShape(),
                                  [](int64_t size) { return size != 1; });
  };
  return getSizes(op->getOperand(0)) == getSizes(op->getResult(0));
}

/// Decides value by value, in the order of the program.
class ObserverPolicy {
public:
  explicit ObserverPolicy(FunctionOpInterface function)
      : data(function), inner(function, data) {}

  /// The tensors of the function to observe.
  SmallVector<Value> choose(FunctionOpInterface function) {
    for (Value argument : function.getArguments())
      visit(argument);
    function->walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (op != function && !op->hasTrait<OpTrait::IsTerminator>())
        llvm::for_each(op->getResults(), [&](Value v) { visit(v); });
    });
    return chosen.takeVector();
  }

private:
  void visit(Value value) {
    if (value.use_empty() || !isObservableType(value.getType()) ||
        !data.contains(value))
      return;
    if (needsObserver(value))
      chosen.insert(value);
  }

  bool needsObserver(Value value);
  bool leavesFunction(Value value) const;
  bool entersAccumulator(Value value) const;
  bool isImageForSteps(Value value);

  DataValues data;
  InnerValues inner;
  llvm::SetVector<Value> chosen;
  /// What is one observed tensor times constants, and that tensor.
  llvm::DenseMap<Value, Value> images;
};

/// True if element-wise operations alone read `value` or what it is moved to.
static bool isReadElementwise(Value value) {
  return llvm::all_of(getReadersThroughMoves(value), [](OpOperand *use) {
    return isElementwiseComputation(use->getOwner());
  });
}

bool ObserverPolicy::needsObserver(Value value) {
  Operation *producer = value.getDefiningOp();
  if (!producer)
    return true;
  if (isTensorMove(producer) || getCopiedInput(producer))
    return false;
  if (isExactImageOfIntegers(value, data) && isReadElementwise(value))
    return false;
  if (inner.contains(value))
    return inner.isRead(value) ||
           (leavesFunction(value) && !entersAccumulator(value));
  return !isImageForSteps(value) && !entersAccumulator(value);
}

/// True if anything but steps of non-linear functions reads `value`.
bool ObserverPolicy::leavesFunction(Value value) const {
  return llvm::any_of(getReadersThroughMoves(value), [&](OpOperand *use) {
    return !inner.isStep(use->getOwner());
  });
}

/// True if one element-wise operation reads `value` that an accumulator can
/// enter, outside of non-linear functions.
bool ObserverPolicy::entersAccumulator(Value value) const {
  Operation *reader = getOnlyReader(value);
  while (isUnitReshape(reader))
    reader = getOnlyReader(reader->getResult(0));
  return isElementwiseComputation(reader) &&
         carriesIntegers(cast<linalg::LinalgOp>(reader), data) &&
         !inner.isStep(reader);
}

/// True if the body only multiplies, divides and negates.
static bool isScaling(linalg::LinalgOp op) {
  return llvm::all_of(*op.getBlock(), [](Operation &scalar) {
    return isa<arith::ConstantOp, arith::MulFOp, arith::DivFOp, arith::NegFOp,
               arith::ExtFOp, arith::TruncFOp, linalg::YieldOp>(scalar);
  });
}

/// True if `value` is one observed tensor times constants and only non-linear
/// functions read it: they may as well start from that tensor. (A sum with a
/// constant is rounded inside of the function, to which a norm of rows that are
/// nearly constant is sensitive.)
bool ObserverPolicy::isImageForSteps(Value value) {
  auto op = value.getDefiningOp<linalg::LinalgOp>();
  if (!op || !isElementwiseComputation(op) || !carriesIntegers(op, data) ||
      !isScaling(op))
    return false;
  Value observed;
  for (OpOperand *input : op.getDpsInputOperands()) {
    if (!data.contains(input->get()))
      continue;
    Value source = skipMoves(input->get());
    Value root = chosen.contains(source) ? source : images.lookup(source);
    if (!root || (observed && observed != root))
      return false;
    observed = root;
  }
  images[value] = observed;
  return observed && !leavesFunction(value);
}

/// Ids are the kind of operation and a number that counts it in the module.
class ObserverInserter {
public:
  /// The number of observers inserted.
  unsigned insert(FunctionOpInterface function) {
    SmallVector<Value> values = ObserverPolicy(function).choose(function);
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
    std::string id = ids.next(kind);
    auto observer = ObserveOp::create(builder, value.getLoc(), value.getType(),
                                      value, builder.getStringAttr(id),
                                      /*statistics=*/StatisticsAttr());
    value.replaceAllUsesExcept(observer, observer);
  }

  KindCounter ids;
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
