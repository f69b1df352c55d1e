//===- Linalg.cpp - Structured operations ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every linalg operation that implements LinalgOp, through its region and its
// indexing maps: a loop nest in row-major order of the iterators. Encoded
// inputs are read as reals of their logical type; the results of a computation
// are never encoded.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "../Frame.h"
#include "../Handlers.h"
#include "../Moves.h"
#include "../ScalarBody.h"

using namespace mlir;

namespace mlir::qfmt::reference {

//===----------------------------------------------------------------------===//
// Linear forms
//===----------------------------------------------------------------------===//

namespace {
/// constant + sum of factors[d] * d over the loop dimensions.
struct LinearForm {
  int64_t constant = 0;
  SmallVector<int64_t> factors;
};
} // namespace

static bool isConstant(const LinearForm &form) {
  return llvm::all_of(form.factors, [](int64_t factor) { return factor == 0; });
}

static LinearForm combine(const LinearForm &a, int64_t factorA,
                          const LinearForm &b, int64_t factorB) {
  LinearForm result{a.constant * factorA + b.constant * factorB, a.factors};
  for (auto [factor, other] : llvm::zip_equal(result.factors, b.factors))
    factor = factor * factorA + other * factorB;
  return result;
}

/// None if the expression divides or multiplies dimensions.
static std::optional<LinearForm> getLinearForm(AffineExpr expr,
                                               unsigned numDims) {
  LinearForm form{0, SmallVector<int64_t>(numDims, 0)};
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    form.constant = constant.getValue();
    return form;
  }
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    form.factors[dim.getPosition()] = 1;
    return form;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  auto lhs = getLinearForm(binary.getLHS(), numDims);
  auto rhs = getLinearForm(binary.getRHS(), numDims);
  if (!lhs || !rhs)
    return std::nullopt;
  if (expr.getKind() == AffineExprKind::Add)
    return combine(*lhs, 1, *rhs, 1);
  if (expr.getKind() == AffineExprKind::Mul && isConstant(*rhs))
    return combine(*lhs, rhs->constant, *rhs, 0);
  if (expr.getKind() == AffineExprKind::Mul && isConstant(*lhs))
    return combine(*rhs, lhs->constant, *lhs, 0);
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

namespace {
/// Where an operand's element for a point of the loop nest lies.
struct Access {
  unsigned operandNumber = 0;
  AffineMap map;
  Tensor tensor;
  /// Set for outputs.
  Scalar *target = nullptr;
  const Scalar *source = nullptr;
  /// Element number as a linear form of the point; none if the map is not
  /// linear, and then it is evaluated at each point.
  std::optional<LinearForm> position;
  /// Element number at the start of the innermost loop, and its step there.
  int64_t current = 0, step = 0;
};
} // namespace

static LogicalResult emitOutOfBounds(Operation *op, const Access &access,
                                     unsigned dim, int64_t index) {
  return op->emitOpError() << "operand " << access.operandNumber
                           << " is accessed at index " << index
                           << " of dimension " << dim << ", which has size "
                           << access.tensor.getShape()[dim];
}

/// Forms `access.position` and proves that it stays in bounds for all points.
static LogicalResult linearize(Operation *op, Access &access,
                               ArrayRef<int64_t> ranges) {
  SmallVector<int64_t> strides = access.tensor.getStrides();
  LinearForm position{0, SmallVector<int64_t>(ranges.size(), 0)};
  for (auto [dim, expr] : llvm::enumerate(access.map.getResults())) {
    std::optional<LinearForm> form = getLinearForm(expr, ranges.size());
    if (!form)
      return success();
    int64_t lowest = form->constant, highest = form->constant;
    for (auto [factor, range] : llvm::zip_equal(form->factors, ranges))
      (factor < 0 ? lowest : highest) += factor * (range - 1);
    if (lowest < 0)
      return emitOutOfBounds(op, access, dim, lowest);
    if (highest >= access.tensor.getShape()[dim])
      return emitOutOfBounds(op, access, dim, highest);
    position = combine(position, 1, *form, strides[dim]);
  }
  if (!ranges.empty())
    access.step = position.factors.back();
  access.position = position;
  return success();
}

/// Moves a non-linear access to a point.
static LogicalResult evaluateMap(Operation *op, Access &access,
                                 ArrayRef<int64_t> point) {
  SmallVector<int64_t, 4> indices = access.map.compose(point);
  for (auto [dim, index] : llvm::enumerate(indices))
    if (index < 0 || index >= access.tensor.getShape()[dim])
      return emitOutOfBounds(op, access, dim, index);
  access.current = access.tensor.linearize(indices);
  return success();
}

//===----------------------------------------------------------------------===//
// The loop nest
//===----------------------------------------------------------------------===//

namespace {
class LoopNest {
public:
  LoopNest(linalg::LinalgOp op, ScalarBody &body,
           MutableArrayRef<Access> inputs, MutableArrayRef<Access> outputs,
           ArrayRef<int64_t> ranges)
      : op(op), body(body), ranges(ranges) {
    for (Access &access : inputs)
      accesses.push_back(&access);
    for (Access &access : outputs)
      accesses.push_back(&access);
    numInputs = inputs.size();
    for (Access *access : accesses)
      if (!access->position)
        nonLinear.push_back(access);
  }

  LogicalResult run();

private:
  void moveToRow(ArrayRef<int64_t> outerIndex);
  LogicalResult runRow();
  LogicalResult moveTo(int64_t innerIndex);

  linalg::LinalgOp op;
  ScalarBody &body;
  /// Inputs, then outputs.
  SmallVector<Access *> accesses, nonLinear;
  unsigned numInputs;
  ArrayRef<int64_t> ranges;
  SmallVector<int64_t> point;
};
} // namespace

/// Puts linear accesses at the start of the innermost loop.
void LoopNest::moveToRow(ArrayRef<int64_t> outerIndex) {
  llvm::copy(outerIndex, point.begin());
  for (Access *access : accesses) {
    if (!access->position)
      continue;
    access->current = access->position->constant;
    for (auto [i, factor] : llvm::zip(outerIndex, access->position->factors))
      access->current += i * factor;
  }
  if (body.usesIndices())
    for (auto [dim, i] : llvm::enumerate(outerIndex))
      body.getRegisters()[body.getIndexRegister(dim)].integer = i;
}

/// What costs more than an addition a point.
LogicalResult LoopNest::moveTo(int64_t innerIndex) {
  if (!point.empty())
    point.back() = innerIndex;
  for (Access *access : nonLinear)
    if (failed(evaluateMap(op, *access, point)))
      return failure();
  if (body.usesIndices() && !point.empty())
    body.getRegisters()[body.getIndexRegister(point.size() - 1)].integer =
        innerIndex;
  return success();
}

LogicalResult LoopNest::runRow() {
  int64_t count = ranges.empty() ? 1 : ranges.back();
  bool needsPoint = body.usesIndices() || !nonLinear.empty();
  Scalar *registers = body.getRegisters();
  const unsigned *results = body.getResultRegisters().data();
  Access **begin = accesses.data(), **end = begin + accesses.size();
  Access **outputs = begin + numInputs;
  // A body may have no arguments for the outputs.
  Access **arguments = std::min(end, begin + op.getBlock()->getNumArguments());
  for (int64_t i = 0; i < count; ++i) {
    if (needsPoint && failed(moveTo(i)))
      return failure();
    Scalar *argument = registers;
    for (Access **it = begin; it != arguments; ++it)
      *argument++ = (*it)->source[(*it)->current];
    if (LLVM_UNLIKELY(failed(body.run())))
      return failure();
    const unsigned *result = results;
    for (Access **it = outputs; it != end; ++it)
      (*it)->target[(*it)->current] = registers[*result++];
    for (Access **it = begin; it != end; ++it)
      (*it)->current += (*it)->step;
  }
  return success();
}

LogicalResult LoopNest::run() {
  if (llvm::is_contained(ranges, 0))
    return success();
  point.assign(ranges.size(), 0);
  LogicalResult result = success();
  forEachIndex(ranges.empty() ? ranges : ranges.drop_back(),
               [&](ArrayRef<int64_t> outerIndex) {
                 if (failed(result))
                   return;
                 moveToRow(outerIndex);
                 result = runRow();
               });
  return result;
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

static FailureOr<Tensor> readInput(linalg::LinalgOp op, OpOperand &operand,
                                   Frame &frame) {
  FailureOr<Tensor> tensor = frame.get(operand.get()).readLogical();
  if (failed(tensor))
    return op->emitOpError() << "reads " << operand.get().getType()
                             << ", whose format has no reference model";
  return tensor;
}

static LogicalResult verifyOutputs(linalg::LinalgOp op) {
  for (OpOperand &init : op.getDpsInitsMutable())
    if (!isa<RankedTensorType>(init.get().getType()) ||
        EncodedTensorType::isEncoded(init.get().getType()))
      return op->emitOpError()
             << "writes " << init.get().getType()
             << "; reference semantics need a tensor that is not encoded, "
                "followed by qfmt.quantize";
  return success();
}

static LogicalResult evaluateStructured(linalg::LinalgOp op, Frame &frame) {
  if (failed(verifyOutputs(op)))
    return failure();
  // The body first: it may capture what take() moves away.
  FailureOr<ScalarBody> body =
      ScalarBody::resolve(*op.getBlock(), op.getNumLoops(), frame);
  if (failed(body))
    return failure();

  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  SmallVector<Access> accesses;
  SmallVector<int64_t> sizes;
  for (OpOperand &operand : op->getOpOperands()) {
    unsigned number = operand.getOperandNumber();
    FailureOr<Tensor> tensor = readInput(op, operand, frame);
    if (failed(tensor))
      return failure();
    llvm::append_range(sizes, tensor->getShape());
    Access &access = accesses.emplace_back();
    access.operandNumber = number;
    access.map = maps[number];
    access.tensor = std::move(*tensor);
  }
  SmallVector<int64_t, 4> ranges = op.getShapesToLoopsMap().compose(sizes);
  bool isEmpty = llvm::is_contained(ranges, 0);
  auto outputs = MutableArrayRef(accesses).drop_front(op.getNumDpsInputs());
  for (auto [access, init] :
       llvm::zip_equal(outputs, op.getDpsInitsMutable())) {
    // Give up this copy so that the frame's is the only one.
    access.tensor = Tensor();
    access.tensor = frame.take(init).getTensor();
    access.target = access.tensor.getMutableData().data();
  }
  for (Access &access : accesses) {
    access.source = access.tensor.getData().data();
    if (!isEmpty && failed(linearize(op, access, ranges)))
      return failure();
  }
  LoopNest nest(op, *body,
                MutableArrayRef(accesses).take_front(op.getNumDpsInputs()),
                outputs, ranges);
  if (failed(nest.run()))
    return failure();
  for (auto [result, access] : llvm::zip_equal(op->getResults(), outputs))
    frame.set(result, std::move(access.tensor));
  return success();
}

/// linalg.transpose of an encoded tensor moves codes.
static LogicalResult evaluateTranspose(linalg::TransposeOp op, Frame &frame) {
  if (!EncodedTensorType::isEncoded(op.getInit().getType()))
    return evaluateStructured(cast<linalg::LinalgOp>(op.getOperation()), frame);
  if (op.getInput().getType().getElementType() !=
          op.getInit().getType().getElementType() ||
      cast<RankedTensorType>(op.getInput().getType()).getEncoding() !=
          cast<RankedTensorType>(op.getInit().getType()).getEncoding())
    return op.emitOpError()
           << "changes the format from " << op.getInput().getType() << " to "
           << op.getInit().getType();
  FailureOr<Value> moved =
      transpose(op, frame.get(op.getInput()), op.getPermutation());
  if (failed(moved))
    return failure();
  frame.set(op->getResult(0), std::move(*moved));
  return success();
}

/// Only in bodies that are interpreted operation by operation.
static LogicalResult evaluateIndex(linalg::IndexOp op, Frame &frame) {
  frame.set(op.getResult(), makeInteger(frame.loopIndex[op.getDim()]));
  return success();
}

void registerLinalgHandlers(HandlerTable &table) {
  table.add<linalg::TransposeOp, evaluateTranspose>(Encoded::Handled);
  table.add<linalg::IndexOp, evaluateIndex>();
  table.addInterface<linalg::LinalgOp, evaluateStructured>(Encoded::Handled);
}

} // namespace mlir::qfmt::reference
