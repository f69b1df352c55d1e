// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ConstantTensor.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/IR/ConstantData.h"

using namespace mlir;
using namespace mlir::qfmt;

std::optional<double> mlir::qfmt::readConstantScalar(Value value) {
  FloatAttr attribute;
  if (!matchPattern(value, m_Constant(&attribute)))
    return std::nullopt;
  return attribute.getValueAsDouble();
}

void mlir::qfmt::forEachIndex(ArrayRef<int64_t> shape,
                              function_ref<void(ArrayRef<int64_t>)> body) {
  if (llvm::is_contained(shape, 0))
    return;
  SmallVector<int64_t> index(shape.size(), 0);
  while (true) {
    body(index);
    int64_t dim = static_cast<int64_t>(shape.size()) - 1;
    for (; dim >= 0; --dim) {
      if (++index[dim] < shape[dim])
        break;
      index[dim] = 0;
    }
    if (dim < 0)
      return;
  }
}

static SmallVector<int64_t> getRowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t dim = static_cast<int64_t>(shape.size()) - 2; dim >= 0; --dim)
    strides[dim] = strides[dim + 1] * shape[dim + 1];
  return strides;
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

int64_t ConstantTensor::getNumElements() const {
  return ShapedType::getNumElements(shape);
}

double ConstantTensor::at(ArrayRef<int64_t> index) const {
  int64_t offset = 0;
  for (auto [position, stride] : llvm::zip_equal(index, strides))
    offset += position * stride;
  return (*values)[offset];
}

std::vector<double> ConstantTensor::getElements() const {
  std::vector<double> elements;
  elements.reserve(getNumElements());
  forEachIndex(shape,
               [&](ArrayRef<int64_t> index) { elements.push_back(at(index)); });
  return elements;
}

ConstantTensor ConstantTensor::splat(ArrayRef<int64_t> shape, double value) {
  ConstantTensor result;
  result.values = std::make_shared<std::vector<double>>(1, value);
  result.shape.assign(shape.begin(), shape.end());
  result.strides.assign(shape.size(), 0);
  return result;
}

ConstantTensor ConstantTensor::seenAs(ArrayRef<int64_t> newShape,
                                      Strides newStrides) const {
  ConstantTensor result = *this;
  result.shape.assign(newShape.begin(), newShape.end());
  result.strides = std::move(newStrides);
  return result;
}

ConstantTensor ConstantTensor::reshaped(ArrayRef<int64_t> newShape) const {
  if (llvm::all_of(strides, [](int64_t stride) { return stride == 0; }))
    return seenAs(newShape, Strides(newShape.size(), 0));
  ConstantTensor result = seenAs(newShape, getRowMajorStrides(newShape));
  if (strides != getRowMajorStrides(shape))
    result.values = std::make_shared<std::vector<double>>(getElements());
  return result;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

std::optional<ConstantTensor>
ConstantTensor::fromAttribute(ElementsAttr attribute) {
  ShapedType type = attribute.getShapedType();
  if (auto splatted = dyn_cast<SplatElementsAttr>(attribute))
    return splat(type.getShape(), splatted.getSplatValue<float>());
  std::optional<std::vector<double>> elements = readFloats(attribute);
  if (!elements)
    return std::nullopt;
  ConstantTensor result;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute))
    result.name = resource.getRawHandle().getKey().str();
  result.values = std::make_shared<std::vector<double>>(std::move(*elements));
  result.shape.assign(type.getShape().begin(), type.getShape().end());
  result.strides = getRowMajorStrides(type.getShape());
  return result;
}

/// The map from loops to the elements of the one input that `op` yields
/// unchanged; none if `op` computes.
static std::optional<std::pair<OpOperand *, AffineMap>>
matchCopy(linalg::LinalgOp op) {
  if (op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 ||
      op.getNumLoops() != op.getNumParallelLoops())
    return std::nullopt;
  OpOperand *input = op.getDpsInputOperand(0);
  Value yielded = op.getBlock()->getTerminator()->getOperand(0);
  AffineMap map = op.getMatchingIndexingMap(input);
  if (yielded != op.getMatchingBlockArgument(input) ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() ||
      !llvm::all_of(map.getResults(), llvm::IsaPred<AffineDimExpr>))
    return std::nullopt;
  return std::pair(input, map);
}

std::optional<ConstantTensor> ConstantTensor::read(Value value,
                                                   ExactElements exact) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  Operation *op = value.getDefiningOp();
  if (!op || !type || !type.hasStaticShape() || type.getEncoding() ||
      !type.getElementType().isF32())
    return std::nullopt;

  ElementsAttr attribute;
  if (matchPattern(value, m_Constant(&attribute))) {
    std::optional<ConstantTensor> result = fromAttribute(attribute);
    const std::vector<double> *elements = exact ? exact(op) : nullptr;
    if (result && elements) {
      result->values = std::make_shared<std::vector<double>>(*elements);
      result->strides = getRowMajorStrides(type.getShape());
    }
    return result;
  }

  if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op)) {
    std::optional<ConstantTensor> source = read(op->getOperand(0), exact);
    if (!source)
      return std::nullopt;
    return source->reshaped(type.getShape());
  }

  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || !linalgOp.hasPureTensorSemantics())
    return std::nullopt;
  if (auto fill = dyn_cast<linalg::FillOp>(op)) {
    std::optional<double> scalar = readConstantScalar(fill.getInputs().front());
    if (!scalar)
      return std::nullopt;
    return splat(type.getShape(), *scalar);
  }
  auto copy = matchCopy(linalgOp);
  if (!copy)
    return std::nullopt;
  auto [operand, map] = *copy;
  std::optional<ConstantTensor> source = read(operand->get(), exact);
  if (!source)
    return std::nullopt;
  // A loop that indexes no dimension of the source repeats it.
  Strides strides(type.getRank(), 0);
  for (auto [dim, expr] : llvm::enumerate(map.getResults()))
    strides[cast<AffineDimExpr>(expr).getPosition()] += source->strides[dim];
  return source->seenAs(type.getShape(), std::move(strides));
}
