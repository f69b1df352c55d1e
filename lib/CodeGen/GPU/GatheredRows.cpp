// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "GatheredRows.h"

namespace mlir::qfmt {

//===----------------------------------------------------------------------===//
// The map
//===----------------------------------------------------------------------===//

using Parts = std::array<AffineExpr, 3>;

/// Adds `expr` to what its dimension adds; false if it has several.
static bool addPart(AffineExpr expr, Parts &parts) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (binary && binary.getKind() == AffineExprKind::Add)
    return addPart(binary.getLHS(), parts) && addPart(binary.getRHS(), parts);
  auto sum = binary && binary.getKind() == AffineExprKind::Mul
                 ? dyn_cast<AffineBinaryOpExpr>(binary.getLHS())
                 : AffineBinaryOpExpr(nullptr);
  if (sum && sum.getKind() == AffineExprKind::Add)
    return addPart(sum.getLHS() * binary.getRHS(), parts) &&
           addPart(sum.getRHS() * binary.getRHS(), parts);
  unsigned dim = 0;
  for (unsigned i = 0, found = 0; i < parts.size(); ++i) {
    if (!expr.isFunctionOfDim(i))
      continue;
    if (found++ > 0)
      return false;
    dim = i;
  }
  parts[dim] = parts[dim] + expr;
  return true;
}

std::optional<RowMap> splitRowMap(AffineMap map) {
  AffineExpr zero = getAffineConstantExpr(0, map.getContext());
  RowMap split;
  for (auto [i, result] : llvm::enumerate(map.getResults())) {
    Parts parts = {zero, zero, zero};
    bool isLast = i + 1 == map.getNumResults();
    AffineExpr term = isLast ? getAffineDimExpr(2, map.getContext()) : zero;
    if (!addPart(result, parts) || parts[2] != term)
      return std::nullopt;
    split.rows.push_back(parts[0]);
    split.runs.push_back(parts[1]);
  }
  return split;
}

GatheredRows::GatheredRows(kernel::ProductOp op)
    : map(*splitRowMap(*op.getRows())), numRuns(op.getRuns()),
      runTerms(op.getRunTerms()), storedTerms(op.getStoredRunTerms()) {
  auto type = cast<MemRefType>(op.getLhs().getType());
  std::tie(strides, offset) = type.getStridesAndOffset();
  int64_t last = 0;
  for (auto [size, stride] : llvm::zip_equal(type.getShape(), strides))
    last += (size - 1) * stride;
  isLarge = last > std::numeric_limits<int32_t>::max();
}

int64_t GatheredRows::getAlignment(int64_t limit) const {
  int64_t alignment = limit;
  auto divide = [&](int64_t number) {
    while (number % alignment != 0)
      alignment /= 2;
  };
  divide(ShapedType::isDynamic(offset) ? 1 : offset);
  for (auto [row, run, stride] : llvm::zip_equal(map.rows, map.runs, strides)) {
    divide(row.getLargestKnownDivisor() * stride);
    divide(run.getLargestKnownDivisor() * stride);
  }
  return alignment;
}

//===----------------------------------------------------------------------===//
// In the kernel
//===----------------------------------------------------------------------===//

/// Of a dimension that is not negative.
static Value emitExpr(KernelBuilder &b, AffineExpr expr, Value dim) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return b.constant(dim, constant.getValue());
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return dim;
  Value left = emitExpr(b, binary.getLHS(), dim);
  Value right = emitExpr(b, binary.getRHS(), dim);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return b.add(left, right);
  case AffineExprKind::Mul:
    return b.mul(left, right);
  case AffineExprKind::Mod:
    return b.rem(left, right);
  case AffineExprKind::CeilDiv:
    return b.div(b.add(left, b.sub(right, 1)), right);
  default:
    return b.div(left, right);
  }
}

Value GatheredRows::emitPlace(KernelBuilder &b, ArrayRef<AffineExpr> exprs,
                              Value dim) const {
  if (isLarge)
    dim = b.toI64(dim);
  Value place = b.constant(dim, 0);
  for (auto [expr, stride] : llvm::zip_equal(exprs, strides))
    place = b.add(place, b.mul(emitExpr(b, expr, dim), stride));
  return place;
}

Value GatheredRows::emitRow(KernelBuilder &b, Value row) const {
  return emitPlace(b, map.rows, row);
}

GatheredRows::Terms GatheredRows::emitTerms(KernelBuilder &b, Value term,
                                            int64_t count) const {
  Value run = b.div(term, storedTerms);
  Value inRun = storedTerms == count ? b.i32(0) : b.rem(term, storedTerms);
  Value left = b.sub(b.i32(runTerms), inRun);
  Value there = b.max(b.min(left, count), 0);
  there = b.select(b.isLess(run, numRuns), there, b.i32(0));
  Value place = emitPlace(b, map.runs, b.min(run, numRuns - 1));
  return {b.add(place, isLarge ? b.toI64(inRun) : inRun), there};
}

} // namespace mlir::qfmt
