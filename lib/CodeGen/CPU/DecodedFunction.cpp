//===- DecodedFunction.cpp - The function that decodes a factor -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the operations that decode a matrix to one scalar function of elements
// of constants, the body of a DecodedFactor.
//
//===----------------------------------------------------------------------===//

#include "DecodedSource.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qfmt/Conversion/VectorBody.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

class DecodedFactor::Builder {
public:
  explicit Builder(DecodedFactor &factor, MLIRContext *context)
      : factor(factor), b(UnknownLoc::get(context), context) {
    factor.body = std::make_unique<Block>();
    b.setInsertionPointToStart(factor.body.get());
  }

  /// The element of `tensor` at `indices`, as a scalar of the body; null if it
  /// is something else than f.
  Value build(Value tensor, ArrayRef<AffineExpr> indices);
  StringRef getWhyNot() const { return whyNot; }

private:
  Value fail(StringRef reason) {
    if (whyNot.empty())
      whyNot = reason;
    return {};
  }
  Value addSource(ConstantBits constant, ArrayRef<AffineExpr> indices);
  Value addFunction(AffineExpr function);
  Value buildReshape(Value source, ArrayRef<ReassociationIndices> groups,
                     bool isCollapse, Value tensor,
                     ArrayRef<AffineExpr> indices);
  Value buildGeneric(linalg::GenericOp op, ArrayRef<AffineExpr> indices);
  /// An element of a constant table whose place is computed.
  Value buildLookup(tensor::ExtractOp op, IRMapping &mapping);
  AffineExpr simplify(AffineExpr expr) {
    return simplifyAffineExpr(expr, 2, 0);
  }

  DecodedFactor &factor;
  ImplicitLocOpBuilder b;
  StringRef whyNot;
};

Value DecodedFactor::Builder::addSource(ConstantBits constant,
                                        ArrayRef<AffineExpr> indices) {
  Type element = constant.elementType;
  bool isSplat = llvm::all_equal(constant.bits);
  if (isSplat)
    return arith::ConstantOp::create(
        b, cast<TypedAttr>(getElementAttr(element, constant.bits.front())));
  Source source;
  source.constant = std::move(constant);
  if (!source.setPlaces(indices, factor.n, factor.k))
    return fail("elements of a constant are in no order of rows and columns");
  source.argument = factor.body->addArgument(element, b.getLoc());
  factor.sources.push_back(std::move(source));
  return factor.sources.back().argument;
}

Value DecodedFactor::Builder::addFunction(AffineExpr function) {
  function = simplify(function);
  if (auto constant = dyn_cast<AffineConstantExpr>(function))
    return arith::ConstantIndexOp::create(b, constant.getValue());
  if (function.isFunctionOfDim(0))
    return fail("a column's number is part of what is computed");
  Source source;
  source.indices = {function};
  source.argument = factor.body->addArgument(b.getIndexType(), b.getLoc());
  factor.sources.push_back(std::move(source));
  return factor.sources.back().argument;
}

Value DecodedFactor::Builder::buildReshape(
    Value source, ArrayRef<ReassociationIndices> groups, bool isCollapse,
    Value tensor, ArrayRef<AffineExpr> indices) {
  // The side that has more dimensions.
  auto type = cast<RankedTensorType>((isCollapse ? source : tensor).getType());
  if (!type.hasStaticShape())
    return {};
  SmallVector<AffineExpr> result(isCollapse ? type.getRank() : groups.size());
  for (auto [i, group] : llvm::enumerate(groups)) {
    int64_t stride = 1;
    AffineExpr sum = b.getAffineConstantExpr(0);
    for (int64_t dim : llvm::reverse(group)) {
      int64_t size = type.getDimSize(dim);
      if (isCollapse) {
        AffineExpr index = indices[i].floorDiv(stride);
        // The outermost one needs no remainder.
        result[dim] = simplify(dim == group.front() ? index : index % size);
      } else {
        sum = sum + indices[dim] * stride;
      }
      stride *= size;
    }
    if (!isCollapse)
      result[i] = simplify(sum);
  }
  return build(source, result);
}

Value DecodedFactor::Builder::buildLookup(tensor::ExtractOp op,
                                          IRMapping &mapping) {
  std::optional<ConstantBits> table = readConstantBits(op.getTensor());
  if (!table)
    return fail("elements of another tensor than a constant are extracted");
  Type i32 = b.getI32Type();
  Value place = arith::ConstantIntOp::create(b, 0, 32);
  int64_t stride = 1;
  for (int64_t i = table->shape.size() - 1; i >= 0; --i) {
    Value index = mapping.lookupOrDefault(op.getIndices()[i]);
    auto cast = index.getDefiningOp<arith::IndexCastUIOp>();
    if (!cast)
      index = b.createOrFold<arith::IndexCastUIOp>(i32, index);
    else if (cast.getIn().getType().getIntOrFloatBitWidth() < 32)
      index = arith::ExtUIOp::create(b, i32, cast.getIn());
    else
      return fail("an index of a table has too many bits");
    Value factor = arith::ConstantIntOp::create(b, stride, 32);
    index = b.createOrFold<arith::MulIOp>(index, factor);
    place = b.createOrFold<arith::AddIOp>(index, place);
    stride *= table->shape[i];
  }
  SmallVector<Attribute> entries;
  for (uint32_t bits : table->bits)
    entries.push_back(getElementAttr(table->elementType, bits));
  auto type = RankedTensorType::get(stride, table->elementType);
  return LookupOp::create(b, table->elementType, place,
                          DenseElementsAttr::get(type, entries));
}

Value DecodedFactor::Builder::buildGeneric(linalg::GenericOp op,
                                           ArrayRef<AffineExpr> indices) {
  AffineMap outMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!op.hasPureTensorSemantics() || op->getNumResults() != 1 ||
      op.getNumParallelLoops() != op.getNumLoops() || !outMap.isPermutation() ||
      op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)))
    return fail("it is not computed element by element");
  SmallVector<AffineExpr> loops(op.getNumLoops());
  for (auto [i, index] : llvm::enumerate(indices))
    loops[outMap.getDimPosition(i)] = index;
  IRMapping mapping;
  for (OpOperand *input : op.getDpsInputOperands()) {
    if (!op.payloadUsesValueFromOperand(input))
      continue;
    Value element = input->get();
    if (isa<RankedTensorType>(element.getType())) {
      SmallVector<AffineExpr> place;
      for (AffineExpr expr : op.getMatchingIndexingMap(input).getResults())
        place.push_back(simplify(expr.replaceDims(loops)));
      element = build(element, place);
    }
    if (!element)
      return {};
    mapping.map(op.getMatchingBlockArgument(input), element);
  }
  for (Operation &inner : op.getBody()->without_terminator()) {
    Value replacement;
    if (auto index = dyn_cast<linalg::IndexOp>(inner))
      replacement = addFunction(loops[index.getDim()]);
    else if (auto extract = dyn_cast<tensor::ExtractOp>(inner))
      replacement = buildLookup(extract, mapping);
    else if (isVectorizable(inner) && inner.getNumResults() == 1)
      replacement = b.clone(inner, mapping)->getResult(0);
    else
      return fail("its elements are not computed by arithmetic");
    if (!replacement)
      return {};
    mapping.map(inner.getResult(0), replacement);
  }
  return mapping.lookupOrDefault(op.getBody()->getTerminator()->getOperand(0));
}

Value DecodedFactor::Builder::build(Value tensor,
                                    ArrayRef<AffineExpr> indices) {
  if (std::optional<ConstantBits> constant = readConstantBits(tensor))
    return addSource(std::move(*constant), indices);
  Operation *op = tensor.getDefiningOp();
  if (auto generic = dyn_cast_or_null<linalg::GenericOp>(op))
    return buildGeneric(generic, indices);
  if (auto collapse = dyn_cast_or_null<tensor::CollapseShapeOp>(op))
    return buildReshape(collapse.getSrc(), collapse.getReassociationIndices(),
                        /*isCollapse=*/true, tensor, indices);
  if (auto expand = dyn_cast_or_null<tensor::ExpandShapeOp>(op))
    return buildReshape(expand.getSrc(), expand.getReassociationIndices(),
                        /*isCollapse=*/false, tensor, indices);
  auto slice = dyn_cast_or_null<tensor::ExtractSliceOp>(op);
  if (slice && slice.getType().getRank() == slice.getSourceType().getRank() &&
      !ShapedType::isDynamicShape(slice.getStaticOffsets()) &&
      !ShapedType::isDynamicShape(slice.getStaticStrides())) {
    SmallVector<AffineExpr> moved;
    for (auto [index, offset, stride] : llvm::zip_equal(
             indices, slice.getStaticOffsets(), slice.getStaticStrides()))
      moved.push_back(index * stride + offset);
    return build(slice.getSource(), moved);
  }
  // A variable needs no reason.
  return factor.sources.empty() ? Value()
                                : fail("not all of it comes from constants");
}

bool DecodedFactor::build(Value matrix, bool isTransposed, StringRef &whyNot) {
  MLIRContext *context = matrix.getContext();
  SmallVector<AffineExpr> indices = {getAffineDimExpr(1, context),
                                     getAffineDimExpr(0, context)};
  if (isTransposed)
    std::swap(indices[0], indices[1]);
  Builder builder(*this, context);
  result = builder.build(matrix, indices);
  if (!result)
    whyNot = builder.getWhyNot();
  return bool(result);
}

} // namespace mlir::qfmt
