// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rewrites linalg operations to integers. An operation without reduction loops
// is its compiled body; of a reduction, acc = combine(acc, x), that is x, and
// Reduction.cpp does the rest.

#include "LinalgRewriter.h"
#include "BodyRules.h"
#include "LocalFunctions.h"
#include "Reduction.h"
#include "Rules.h"
#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::qfmt;

namespace {
class LinalgRewriter {
public:
  LinalgRewriter(linalg::LinalgOp op, ArrayRef<TensorModel> operands,
                 OpBuilder &builder, const IntegerizeSettings &settings,
                 IntegerizeCounts &counts)
      : op(op), operands(operands), builder(builder), counts(counts),
        loopSizes(op.getStaticLoopRanges()),
        body(builder, op.getLoc(), loopSizes, settings) {}

  FailureOr<TensorModels> run();

private:
  AffineMap getMap(unsigned operand) {
    return op.getMatchingIndexingMap(&op->getOpOperand(operand));
  }
  bool isReduction() { return op.getNumReductionLoops() != 0; }

  LogicalResult readOperand(unsigned index);
  LogicalResult readCapturedConstants();
  LogicalResult keepLoopBounds(unsigned index);
  FailureOr<ScalarModel> getSummand(const Reduction &reduction);
  LogicalResult reduce(unsigned result);
  LogicalResult yieldElement(unsigned result);

  linalg::LinalgOp op;
  ArrayRef<TensorModel> operands;
  OpBuilder &builder;
  IntegerizeCounts &counts;
  SmallVector<int64_t> loopSizes;
  BodyBuilder body;
  ScalarModels models;
  TensorModels results;
  /// Results that are computed, in order, and what is yielded for them.
  SmallVector<unsigned> computed;
  SmallVector<Value> yielded;
};
} // namespace

/// Makes the element of an operand available in the body.
LogicalResult LinalgRewriter::readOperand(unsigned index) {
  const TensorModel &operand = operands[index];
  Value element = op.getBlock()->getArgument(index);
  AffineMap map = getMap(index);
  if (operand.kind == TensorModel::Kind::Shape || element.use_empty())
    return keepLoopBounds(index);
  if (operand.kind == TensorModel::Kind::Deferred) {
    models[element] = ScalarModel::makeDeferred(
        substitute(operand.expression, getNormalIndices(map, loopSizes)));
    return keepLoopBounds(index);
  }
  bool isConstant = operand.kind == TensorModel::Kind::Constant;
  std::optional<Table> table =
      toLoops(isConstant ? operand.constant : operand.scale, map);
  if (!table)
    return op.emitOpError()
           << "operand #" << index
           << (isConstant ? " is a constant" : " has a scale")
           << " that varies along a dimension indexed by "
           << AffineMapAttr::get(map)
           << ", which has no integer rule; use one scale for the tensor";
  if (isConstant) {
    models[element] = ScalarModel::makeConstant(*table);
    if (!models[element].expression)
      models[element].expression =
          Expression::makeConstant(*table, op.getContext());
    return keepLoopBounds(index);
  }
  if (element.getType().isInteger(1)) {
    models[element] = ScalarModel::makePredicate(body.loadCode(operand, map));
    SmallVector<AffineExpr> indices = getNormalIndices(map, loopSizes);
    models[element].expression = substitute(operand.expression, indices);
    models[element].local = makeLocal(operand, indices);
    return success();
  }
  ScalarModel &model = models[element] = body.load(operand, map, *table);
  if (model.mask)
    model.mask->infinite =
        toLoops(model.mask->infinite, map).value_or(Table(0.0));
  return success();
}

/// An operand whose elements are not read may still say how far a reduction
/// loop runs, as the window of a pooling does.
LogicalResult LinalgRewriter::keepLoopBounds(unsigned index) {
  AffineMap map = getMap(index);
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  bool bounds = llvm::any_of(map.getResults(), [&](AffineExpr expr) {
    auto loop = dyn_cast<AffineDimExpr>(expr);
    return loop &&
           iterators[loop.getPosition()] == utils::IteratorType::reduction;
  });
  if (!bounds)
    return success();
  Value shape = tensor::EmptyOp::create(builder, op.getLoc(),
                                        operands[index].realType.getShape(),
                                        builder.getI8Type());
  body.addInput(shape, map);
  return success();
}

/// Scalar constants from outside of the body.
LogicalResult LinalgRewriter::readCapturedConstants() {
  for (Operation &inner : *op.getBlock()) {
    for (Value value : inner.getOperands()) {
      if (models.contains(value) || value.getParentBlock() == op.getBlock())
        continue;
      Attribute attr;
      std::optional<double> number;
      if (matchPattern(value, m_Constant(&attr))) {
        if (auto real = dyn_cast<FloatAttr>(attr))
          number = real.getValueAsDouble();
        else if (auto integer = dyn_cast<IntegerAttr>(attr))
          number = integer.getType().isInteger(1)
                       ? double(integer.getValue().getBoolValue())
                       : static_cast<double>(integer.getInt());
      }
      if (!number) {
        return inner.emitOpError() << "reads " << value
                                   << " from outside of the body, which is no "
                                      "constant: make it an operand";
      }
      models[value] = ScalarModel::makeConstant(Table(*number));
    }
  }
  return success();
}

/// The integers of what a reduction reads.
FailureOr<ScalarModel> LinalgRewriter::getSummand(const Reduction &reduction) {
  auto it = models.find(reduction.summand);
  if (it != models.end() && it->second.isDeferred()) {
    FailureOr<ScalarModel> integer = materialize(body, it->second.expression);
    if (failed(integer))
      return failure();
    it->second = *integer;
  }
  if (it != models.end() && it->second.isInteger())
    return it->second;
  return op.emitOpError() << "reduces "
                          << (it == models.end() ? "a value"
                              : it->second.isPredicate()
                                  ? "a truth value"
                                  : "a constant of floats")
                          << ", which has no integers; quantize it, or "
                             "evaluate the reduction at "
                             "compile time";
}

LogicalResult LinalgRewriter::reduce(unsigned index) {
  FailureOr<Reduction> reduction = matchReduction(op, index);
  if (failed(reduction))
    return failure();
  FailureOr<ScalarModel> summand = getSummand(*reduction);
  if (failed(summand))
    return failure();
  FailureOr<ReducedResult> result =
      ReductionCompiler(op, operands, body, counts)
          .compile(*reduction, index, *summand);
  if (failed(result))
    return failure();
  computed.push_back(results.size());
  yielded.push_back(result->yielded);
  results.push_back(std::move(result->model));
  return success();
}

/// A result of an operation without reduction loops.
LogicalResult LinalgRewriter::yieldElement(unsigned index) {
  Value source = op.getBlock()->getTerminator()->getOperand(index);
  AffineMap map = getMap(op.getNumDpsInputs() + index);
  TensorModel result;
  result.realType = cast<RankedTensorType>(op->getResult(index).getType());
  auto it = models.find(source);
  if (it == models.end() ||
      (it->second.isPredicate() && !it->second.error.isExact()))
    return op.emitOpError() << "yields a value without an integer "
                               "representation";
  const ScalarModel &model = it->second;
  result.expression =
      substitute(model.expression, getLoopReplacements(map, loopSizes));
  if (model.isDeferred()) {
    result.kind = TensorModel::Kind::Deferred;
    results.push_back(result);
    return success();
  }
  std::optional<Table> table =
      toTensor(model.isConstant() ? model.constant : model.scale, map);
  if (!table)
    return op.emitOpError() << "result #" << index
                            << " has a scale that varies along a dimension "
                               "it does not have";
  if (model.isConstant()) {
    result.kind = TensorModel::Kind::Constant;
    result.constant = *table;
    results.push_back(result);
    return success();
  }
  StorageKind storage =
      model.isPredicate() ? StorageKind{1, true} : chooseStorage(model.range);
  result.kind = TensorModel::Kind::Integer;
  result.scale = *table;
  result.range = model.isPredicate() ? IntegerRange{0, 1} : model.range;
  result.error = model.error;
  result.mask = model.mask;
  if (result.mask)
    result.mask->infinite =
        toTensor(result.mask->infinite, map).value_or(Table(0.0));
  if (isOverTensor(model.local))
    result.local = substitute(model.local, getLoopReplacements(map, loopSizes));
  result.isUnsigned = storage.isUnsigned;
  Value empty =
      tensor::EmptyOp::create(builder, op.getLoc(), result.realType.getShape(),
                              builder.getIntegerType(storage.width));
  body.addOutput(empty, map);
  computed.push_back(results.size());
  yielded.push_back(body.cast(model.value, storage.width));
  results.push_back(result);
  return success();
}

FailureOr<TensorModels> LinalgRewriter::run() {
  if (llvm::any_of(loopSizes, ShapedType::isDynamic))
    return op.emitOpError()
           << "has dynamic sizes, which integerization does not support yet: "
              "fix them when importing the network";
  if (failed(readCapturedConstants()))
    return failure();
  for (unsigned i = 0, e = op.getNumDpsInputs(); i < e; ++i)
    if (failed(readOperand(i)))
      return failure();

  llvm::SmallDenseSet<Operation *> combiners;
  for (unsigned i = 0, e = op.getNumDpsInits(); i < e; ++i) {
    if (isReduction()) {
      FailureOr<Reduction> reduction = matchReduction(op, i);
      if (failed(reduction))
        return failure();
      combiners.insert(reduction->op);
    } else if (!op.getBlock()
                    ->getArgument(op.getNumDpsInputs() + i)
                    .use_empty() &&
               failed(readOperand(op.getNumDpsInputs() + i))) {
      return failure();
    }
  }
  for (Operation &inner : op.getBlock()->without_terminator())
    if (!combiners.contains(&inner) &&
        failed(compileScalarOp(&inner, body, models)))
      return failure();
  for (unsigned i = 0, e = op.getNumDpsInits(); i < e; ++i)
    if (failed(isReduction() ? reduce(i) : yieldElement(i)))
      return failure();

  // Constants were evaluated, functions of codes wait; what is left to compute
  // is in the body.
  if (!yielded.empty()) {
    linalg::GenericOp generic =
        body.finish(op.getIteratorTypesArray(), yielded);
    for (auto [index, value] : llvm::zip(computed, generic.getResults()))
      results[index].payload = results[index].localOf = value;
    ++counts.rewritten;
    counts.rescales += body.getNumRescales();
  }
  return results;
}

FailureOr<TensorModels> mlir::qfmt::rewriteLinalgOp(
    linalg::LinalgOp op, ArrayRef<TensorModel> operands, OpBuilder &builder,
    const IntegerizeSettings &settings, IntegerizeCounts &counts) {
  return LinalgRewriter(op, operands, builder, settings, counts).run();
}
