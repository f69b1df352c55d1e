// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Chains.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// The term in 32 bits
//===----------------------------------------------------------------------===//

namespace {
/// Copies what a term is computed from. A term that fits 32 bits may be
/// computed modulo 2^32, and so may what sums, differences and products are
/// made of.
class TermBuilder {
public:
  TermBuilder(OpBuilder &builder, Location loc, Block *from,
              ValueRange elements)
      : builder(builder), loc(loc), from(from) {
    for (auto [argument, element] : llvm::zip(from->getArguments(), elements))
      copies.map(argument, element);
  }

  /// The low 32 bits of `value`, which has at least 32.
  Value narrow(Value value);

private:
  Value copy(Value value);

  OpBuilder &builder;
  Location loc;
  Block *from;
  IRMapping copies;
  llvm::DenseMap<Value, Value> narrowed;
};
} // namespace

Value TermBuilder::copy(Value value) {
  if (value.getParentBlock() != from || copies.contains(value))
    return copies.lookupOrDefault(value);
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    copies.map(operand, copy(operand));
  builder.clone(*op, copies);
  return copies.lookup(value);
}

Value TermBuilder::narrow(Value value) {
  Type i32 = builder.getI32Type();
  if (value.getType() == i32 && !value.getDefiningOp())
    return copy(value);
  if (Value known = narrowed.lookup(value))
    return known;
  Operation *op =
      value.getParentBlock() == from ? value.getDefiningOp() : nullptr;
  Value result;
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant))) {
    result = arith::ConstantOp::create(
        builder, loc, builder.getIntegerAttr(i32, constant.trunc(kChainBits)));
  } else if (isa_and_nonnull<arith::ExtSIOp, arith::ExtUIOp>(op)) {
    Value source = op->getOperand(0);
    if (source.getType().getIntOrFloatBitWidth() >= kChainBits)
      result = narrow(source);
    else if (isa<arith::ExtSIOp>(op))
      result = arith::ExtSIOp::create(builder, loc, i32, copy(source));
    else
      result = arith::ExtUIOp::create(builder, loc, i32, copy(source));
  } else if (isa_and_nonnull<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op)) {
    Value lhs = narrow(op->getOperand(0)), rhs = narrow(op->getOperand(1));
    result =
        builder.create(loc, op->getName().getIdentifier(), {lhs, rhs}, {i32})
            ->getResult(0);
  } else {
    result = copy(value);
    if (result.getType() != i32)
      result = arith::TruncIOp::create(builder, loc, i32, result);
  }
  narrowed[value] = result;
  return result;
}

//===----------------------------------------------------------------------===//
// Chains
//===----------------------------------------------------------------------===//

namespace {
/// Steps first ... first + length * parts of a plan's split loop.
struct Steps {
  int64_t first, length, parts;
};

/// Writes the chains of a sum.
class ChainBuilder {
public:
  ChainBuilder(OpBuilder &builder, const WideSum &sum, const ChainPlan &plan)
      : builder(builder), loc(linalg::LinalgOp(sum.op).getLoc()), sum(sum),
        plan(plan) {}

  /// The sum of all terms and of the operation's initial value.
  linalg::GenericOp build();

private:
  /// acc + the terms of these steps.
  linalg::GenericOp addChains(Value acc, Steps steps);
  linalg::GenericOp addUp(Value partials, Value acc);
  Value makeZeros(Value acc, Steps steps);
  std::pair<Value, AffineMap> readOperand(OpOperand &operand, Steps steps);
  Value slice(Value operand, AffineMap map, Steps steps);

  linalg::LinalgOp op() const { return sum.op; }

  OpBuilder &builder;
  Location loc;
  const WideSum &sum;
  const ChainPlan &plan;
};
} // namespace

/// The part of an operand that these steps read.
Value ChainBuilder::slice(Value operand, AffineMap map, Steps steps) {
  auto type = cast<RankedTensorType>(operand.getType());
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, loc, operand);
  SmallVector<OpFoldResult> offsets(type.getRank(), builder.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(type.getRank(), builder.getIndexAttr(1));
  bool isWhole = true;
  for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
    int64_t offset =
        getLoopStride(expr, *plan.split, map.getNumDims()) * steps.first;
    int64_t size = type.getDimSize(dim) - offset;
    // Windows may read beyond the part that another loop's first step reads.
    if (isa<AffineDimExpr>(expr) && expr.isFunctionOfDim(*plan.split))
      size = steps.length * steps.parts;
    if (!expr.isFunctionOfDim(*plan.split) || size == type.getDimSize(dim))
      continue;
    isWhole = false;
    offsets[dim] = builder.getIndexAttr(offset);
    sizes[dim] = builder.getIndexAttr(size);
  }
  if (isWhole)
    return operand;
  return tensor::ExtractSliceOp::create(builder, loc, operand, offsets, sizes,
                                        strides);
}

/// An operand with the split loop in two where there are several parts, and its
/// map: loop 0 is then the parts', the others follow.
std::pair<Value, AffineMap> ChainBuilder::readOperand(OpOperand &operand,
                                                      Steps steps) {
  AffineMap map = op().getMatchingIndexingMap(&operand);
  Value value = operand.get();
  if (!plan.split || !map.isFunctionOfDim(*plan.split))
    return {value, steps.parts > 1 ? map.shiftDims(1) : map};
  value = slice(value, map, steps);
  if (steps.parts == 1)
    return {value, map};

  MLIRContext *context = map.getContext();
  AffineExpr part = getAffineDimExpr(0, context);
  AffineExpr step = getAffineDimExpr(*plan.split + 1, context);
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<AffineExpr> results;
  SmallVector<int64_t> shape;
  SmallVector<ReassociationIndices> groups;
  for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
    groups.emplace_back();
    auto append = [&](AffineExpr result, int64_t size) {
      groups.back().push_back(results.size());
      results.push_back(result);
      shape.push_back(size);
    };
    if (expr == getAffineDimExpr(*plan.split, context)) {
      append(part, steps.parts);
      append(step, steps.length);
    } else {
      append(expr.shiftDims(map.getNumDims(), 1)
                 .replace(step, part * steps.length + step),
             type.getDimSize(dim));
    }
  }
  if (shape.size() != groups.size())
    value = tensor::ExpandShapeOp::create(
        builder, loc, RankedTensorType::get(shape, type.getElementType()),
        value, groups);
  return {value, AffineMap::get(map.getNumDims() + 1, 0, results, context)};
}

/// 0 for every chain: dimensions of parts and of outer loops before those of
/// the result.
Value ChainBuilder::makeZeros(Value acc, Steps steps) {
  SmallVector<OpFoldResult> sizes;
  if (steps.parts > 1)
    sizes.push_back(builder.getIndexAttr(steps.parts));
  for (unsigned loop : plan.outer)
    sizes.push_back(builder.getIndexAttr(sum.sizes[loop]));
  llvm::append_range(sizes, tensor::getMixedSizes(builder, loc, acc));
  Value empty =
      tensor::EmptyOp::create(builder, loc, sizes, builder.getI32Type());
  Value zero =
      arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(0));
  return linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
}

/// acc[i] + sum over j of partials[j, i].
linalg::GenericOp ChainBuilder::addUp(Value partials, Value acc) {
  int64_t rank = cast<RankedTensorType>(partials.getType()).getRank();
  int64_t kept = cast<RankedTensorType>(acc.getType()).getRank();
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  std::fill_n(iterators.begin(), rank - kept, utils::IteratorType::reduction);
  AffineMap all = builder.getMultiDimIdentityMap(rank);
  return linalg::GenericOp::create(
      builder, loc, acc.getType(), partials, acc,
      {all, AffineMap::getMinorIdentityMap(rank, kept, builder.getContext())},
      iterators, [](OpBuilder &b, Location loc, ValueRange args) {
        Value wide = arith::ExtSIOp::create(b, loc, b.getI64Type(), args[0]);
        Value next = arith::AddIOp::create(b, loc, args[1], wide);
        linalg::YieldOp::create(b, loc, next);
      });
}

linalg::GenericOp ChainBuilder::addChains(Value acc, Steps steps) {
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  for (OpOperand *operand : op().getDpsInputOperands()) {
    auto [value, map] = readOperand(*operand, steps);
    inputs.push_back(value);
    maps.push_back(map);
  }
  unsigned shift = steps.parts > 1 ? 1 : 0;
  SmallVector<utils::IteratorType> iterators(shift,
                                             utils::IteratorType::parallel);
  llvm::append_range(iterators, op().getIteratorTypesArray());
  SmallVector<AffineExpr> chain;
  if (shift)
    chain.push_back(builder.getAffineDimExpr(0));
  for (unsigned loop : plan.outer) {
    iterators[loop + shift] = utils::IteratorType::parallel;
    chain.push_back(builder.getAffineDimExpr(loop + shift));
  }
  AffineMap output =
      op().getMatchingIndexingMap(op().getDpsInitOperand(0)).shiftDims(shift);
  llvm::append_range(chain, output.getResults());
  maps.push_back(
      AffineMap::get(iterators.size(), 0, chain, builder.getContext()));

  Value zeros = makeZeros(acc, steps);
  auto partials = linalg::GenericOp::create(
      builder, loc, zeros.getType(), inputs, zeros, maps, iterators,
      [&](OpBuilder &b, Location loc, ValueRange args) {
        TermBuilder terms(b, loc, op().getBlock(), args.drop_back());
        Value next =
            arith::AddIOp::create(b, loc, args.back(), terms.narrow(sum.term));
        linalg::YieldOp::create(b, loc, next);
      });
  return addUp(partials.getResult(0), acc);
}

linalg::GenericOp ChainBuilder::build() {
  Value acc = op().getDpsInits().front();
  if (!plan.split)
    return addChains(acc, {0, 0, 1});
  int64_t size = sum.sizes[*plan.split];
  int64_t parts = size / plan.length, rest = size % plan.length;
  linalg::GenericOp result = addChains(acc, {0, plan.length, parts});
  if (rest != 0)
    result = addChains(result.getResult(0), {size - rest, rest, 1});
  return result;
}

linalg::GenericOp mlir::qfmt::buildChains(OpBuilder &builder,
                                          const WideSum &sum,
                                          const ChainPlan &plan) {
  return ChainBuilder(builder, sum, plan).build();
}
