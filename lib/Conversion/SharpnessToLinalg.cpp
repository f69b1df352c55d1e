//===- SharpnessToLinalg.cpp - qfmt.sharpness as reductions ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  qfmt.sharpness on tensors.
// Output: two reductions over the classes and an element-wise operation, as
//         linalg.generic in f64.
//
// With z' the logits at the maximum and t the target, by stable log-sum-exp:
//
//   m = max z, m' = max z', and z_t     reduction 1
//   s = sum exp(z - m), s'              reduction 2
//   l = log(s) + m - z_t                element by element
//   result = 100 * (l' - l) / (1 + l)
//
// l' - l is a small difference of large numbers, hence f64 for every type. z_t
// starts as NaN, and stays so if no class is the target; an infinite logit
// makes exp(z - m) or z' a NaN.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/DialectConversion.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/IR/QFmt.h"
#include <limits>

namespace mlir::qfmt {

#define GEN_PASS_DEF_SHARPNESSTOLINALG
#include "qfmt/Conversion/Passes.h.inc"

namespace {

Value makeF64(OpBuilder &b, Location loc, double value) {
  return arith::ConstantOp::create(b, loc, b.getF64FloatAttr(value));
}

Value toF64(OpBuilder &b, Location loc, Value value) {
  if (value.getType().isF64())
    return value;
  return arith::ExtFOp::create(b, loc, b.getF64Type(), value);
}

/// epsilon * (|z| + 1): how far a logit may move.
Value emitRoom(OpBuilder &b, Location loc, Value logit, double epsilon) {
  Value magnitude = math::AbsFOp::create(b, loc, logit);
  Value more = arith::AddFOp::create(b, loc, magnitude, makeF64(b, loc, 1.0));
  return arith::MulFOp::create(b, loc, more, makeF64(b, loc, epsilon));
}

/// What the bodies of both reductions know of the logit at hand.
struct Logit {
  Value logit;
  /// The logit where the loss is largest.
  Value worst;
  Value isTarget;
};

class SharpnessBuilder {
public:
  SharpnessBuilder(OpBuilder &builder, SharpnessOp op)
      : b(op.getLoc(), builder), op(op),
        epsilon(op.getEpsilon().convertToDouble()) {
    int64_t rank = op.getLogits().getType().getRank();
    identity = b.getMultiDimIdentityMap(rank);
    rows = identity.dropResult(rank - 1);
    for (int64_t dim = 0; dim + 1 < rank; ++dim)
      sizes.push_back(
          tensor::getMixedSize(b, op.getLoc(), op.getLogits(), dim));
  }

  Value emit() {
    SmallVector<Value> extremes = emitExtremes();
    SmallVector<Value> sums = emitSums(extremes);
    return emitResult(extremes, sums);
  }

private:
  /// A tensor with a number a row.
  Value makeRows(double value) {
    Value empty = tensor::EmptyOp::create(b, sizes, b.getF64Type());
    Value scalar = makeF64(b, b.getLoc(), value);
    return linalg::FillOp::create(b, scalar, empty).getResult(0);
  }

  using Body = function_ref<void(OpBuilder &, Location, ValueRange)>;

  /// Reduces logits and targets, with `more` inputs a row, into `inits`.
  SmallVector<Value> reduce(ValueRange more, ValueRange inits, Body body) {
    SmallVector<Value> inputs = {op.getLogits(), op.getTargets()};
    llvm::append_range(inputs, more);
    SmallVector<AffineMap> maps(inputs.size() + inits.size(), rows);
    maps.front() = identity;
    SmallVector<utils::IteratorType> iterators(identity.getNumDims(),
                                               utils::IteratorType::parallel);
    iterators.back() = utils::IteratorType::reduction;
    auto generic = linalg::GenericOp::create(b, inits.getTypes(), inputs, inits,
                                             maps, iterators, body);
    return llvm::to_vector_of<Value>(generic->getResults());
  }

  Logit readLogit(OpBuilder &inner, Location loc, ValueRange arguments) {
    Value logit = toF64(inner, loc, arguments[0]);
    Value room = emitRoom(inner, loc, logit, epsilon);
    Value above = arith::AddFOp::create(inner, loc, logit, room);
    Value below = arith::SubFOp::create(inner, loc, logit, room);
    Value number =
        linalg::IndexOp::create(inner, loc, identity.getNumDims() - 1);
    // An i64 holds every target and every class.
    Value target = arguments[1];
    if (!target.getType().isInteger(64))
      target = arith::ExtSIOp::create(inner, loc, inner.getI64Type(), target);
    number = arith::IndexCastOp::create(inner, loc, inner.getI64Type(), number);
    Value isTarget = arith::CmpIOp::create(inner, loc, arith::CmpIPredicate::eq,
                                           number, target);
    Value worst = arith::SelectOp::create(inner, loc, isTarget, below, above);
    return {logit, worst, isTarget};
  }

  /// m, m' and z_t.
  SmallVector<Value> emitExtremes() {
    double infinity = std::numeric_limits<double>::infinity();
    double nan = std::numeric_limits<double>::quiet_NaN();
    Value lowest = makeRows(-infinity);
    return reduce(
        {}, {lowest, lowest, makeRows(nan)},
        [&](OpBuilder &inner, Location loc, ValueRange arguments) {
          Logit read = readLogit(inner, loc, arguments);
          Value largest =
              arith::MaximumFOp::create(inner, loc, read.logit, arguments[2]);
          Value worst =
              arith::MaximumFOp::create(inner, loc, read.worst, arguments[3]);
          Value target = arith::SelectOp::create(inner, loc, read.isTarget,
                                                 read.logit, arguments[4]);
          linalg::YieldOp::create(inner, loc,
                                  ValueRange{largest, worst, target});
        });
  }

  /// s and s'.
  SmallVector<Value> emitSums(ArrayRef<Value> extremes) {
    Value zero = makeRows(0.0);
    return reduce(
        extremes.take_front(2), {zero, zero},
        [&](OpBuilder &inner, Location loc, ValueRange arguments) {
          Logit read = readLogit(inner, loc, arguments);
          Value logits[] = {read.logit, read.worst};
          Value sums[2];
          for (auto [i, logit] : llvm::enumerate(logits)) {
            Value below =
                arith::SubFOp::create(inner, loc, logit, arguments[2 + i]);
            Value term = math::ExpOp::create(inner, loc, below);
            sums[i] = arith::AddFOp::create(inner, loc, arguments[4 + i], term);
          }
          linalg::YieldOp::create(inner, loc, ValueRange(sums));
        });
  }

  static Value emitLoss(OpBuilder &inner, Location loc, Value sum,
                        Value largest, Value target) {
    Value log = math::LogOp::create(inner, loc, sum);
    Value total = arith::AddFOp::create(inner, loc, log, largest);
    return arith::SubFOp::create(inner, loc, total, target);
  }

  Value emitResult(ArrayRef<Value> extremes, ArrayRef<Value> sums) {
    RankedTensorType type = op.getResult().getType();
    SmallVector<Value> inputs(extremes);
    llvm::append_range(inputs, sums);
    Value init = tensor::EmptyOp::create(b, sizes, type.getElementType());
    AffineMap map = b.getMultiDimIdentityMap(type.getRank());
    SmallVector<AffineMap> maps(inputs.size() + 1, map);
    SmallVector<utils::IteratorType> iterators(type.getRank(),
                                               utils::IteratorType::parallel);
    auto body = [&](OpBuilder &inner, Location loc, ValueRange arguments) {
      Value target = arguments[2];
      Value room = emitRoom(inner, loc, target, epsilon);
      Value worstTarget = arith::SubFOp::create(inner, loc, target, room);
      Value loss = emitLoss(inner, loc, arguments[3], arguments[0], target);
      Value worst =
          emitLoss(inner, loc, arguments[4], arguments[1], worstTarget);
      Value growth = arith::SubFOp::create(inner, loc, worst, loss);
      Value percent =
          arith::MulFOp::create(inner, loc, growth, makeF64(inner, loc, 100.0));
      Value scale =
          arith::AddFOp::create(inner, loc, loss, makeF64(inner, loc, 1.0));
      Value result = arith::DivFOp::create(inner, loc, percent, scale);
      if (!type.getElementType().isF64())
        result =
            arith::TruncFOp::create(inner, loc, type.getElementType(), result);
      linalg::YieldOp::create(inner, loc, result);
    };
    return linalg::GenericOp::create(b, TypeRange{init.getType()}, inputs,
                                     ValueRange{init}, maps, iterators, body)
        .getResult(0);
  }

  ImplicitLocOpBuilder b;
  SharpnessOp op;
  double epsilon;
  /// From the loops to the logits, and to what there is one of a row.
  AffineMap identity, rows;
  SmallVector<OpFoldResult> sizes;
};

struct SharpnessToLinalgPass
    : impl::SharpnessToLinalgBase<SharpnessToLinalgPass> {
  void runOnOperation() override {
    SmallVector<SharpnessOp> ops;
    getOperation()->walk([&](SharpnessOp op) { ops.push_back(op); });
    for (SharpnessOp op : ops) {
      OpBuilder builder(op);
      Value result = SharpnessBuilder(builder, op).emit();
      if (result.getType() != op.getResult().getType())
        result = tensor::CastOp::create(builder, op.getLoc(),
                                        op.getResult().getType(), result);
      op.getResult().replaceAllUsesWith(result);
      op.erase();
    }
  }
};

} // namespace
} // namespace mlir::qfmt
