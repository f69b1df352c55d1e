// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EncodedTensors.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/IR/ConstantData.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

ScaledAttr mlir::qfmt::getStaticIntegerEncoding(Operation *op, Type type) {
  auto encoded = EncodedTensorType::get(type);
  auto scaled = dyn_cast<ScaledAttr>(encoded.getFormat());
  if (!scaled || !scaled.getNumberFormat().hasIntegerCodes()) {
    op->emitOpError() << "has a tensor in " << encoded.getFormat()
                      << ", integer arithmetic needs an integer format";
    return nullptr;
  }
  if (!scaled.isStatic()) {
    op->emitOpError() << "has a scale or zero point that is only known at run "
                         "time ("
                      << scaled << "); integer-only arithmetic needs static "
                      << "ones: calibrate and quantize statically";
    return nullptr;
  }
  return scaled;
}

TensorModel mlir::qfmt::makeEncodedModel(Value payload, ScaledAttr scaled,
                                         RankedTensorType type) {
  NumberFormat number = scaled.getNumberFormat();
  TensorModel model;
  model.kind = TensorModel::Kind::Integer;
  model.realType = type;
  model.payload = payload;
  model.isUnsigned = number.getLowest() == 0;
  model.zeroPoint = *scaled.getStaticZeroPoint();
  model.scale = Table(*scaled.getStaticScale(type.getElementType()));
  // Codes outside of a narrow range are legal and denote their integers (C50).
  unsigned width = number.getFormatWidth();
  int64_t lowest = model.isUnsigned ? 0 : llvm::minIntN(width);
  int64_t largest =
      model.isUnsigned ? llvm::maxUIntN(width) : llvm::maxIntN(width);
  model.range = {lowest - model.zeroPoint, largest - model.zeroPoint};
  return model;
}

/// The constants that `op` is made of.
static FailureOr<SmallVector<Attribute>> readConstituents(AssembleOp op) {
  auto encoded = EncodedTensorType::get(op.getResult().getType());
  SmallVector<Attribute> constants;
  for (auto [value, part] :
       llvm::zip(op.getConstituents(), encoded.getConstituents())) {
    Attribute attr;
    if (!matchPattern(value, m_Constant(&attr)))
      return op.emitOpError()
             << "has a " << part.name
             << " that is only known at run time; integer-only arithmetic "
                "needs constants";
    constants.push_back(attr);
  }
  return constants;
}

/// The scales of weights: one, or `grid`, one for each block.
static FailureOr<Table> readScales(AssembleOp op, ScaledAttr scaled,
                                   ArrayRef<Attribute> constants) {
  RankedTensorType type =
      EncodedTensorType::get(op.getResult().getType()).getLogicalType();
  if (std::optional<double> scale =
          scaled.getStaticScale(type.getElementType()))
    return Table(*scale);
  for (auto [block, size] : llvm::zip(scaled.getBlock(), type.getShape()))
    if (block != ScaledAttr::kWhole && block != 1 && block != size)
      return op.emitOpError()
             << "has blocks of " << block
             << " elements, which have no integer rule: use one scale a "
                "channel";
  std::optional<std::vector<double>> scales = readFloats(constants[1]);
  if (!scales || !llvm::all_of(*scales, [](double scale) {
        return std::isfinite(scale) && scale > 0;
      }))
    return op.emitOpError() << "has a scale that is no float, or not "
                               "positive and finite";
  auto grid = cast<RankedTensorType>(op.getConstituents()[1].getType());
  return makeConstantModel(grid, *scales).constant;
}

/// The codes that occur, not those that could, less the zero point.
static IntegerRange getRange(ArrayRef<int64_t> codes, NumberFormat number,
                             int64_t zeroPoint) {
  bool isUnsigned = number.getLowest() == 0;
  int64_t mask = isUnsigned ? llvm::maxUIntN(number.getFormatWidth()) : -1;
  std::optional<IntegerRange> range;
  for (int64_t code : codes) {
    int64_t value = (code & mask) - zeroPoint;
    range = range ? range->hull({value, value}) : IntegerRange{value, value};
  }
  return range.value_or(IntegerRange());
}

FailureOr<TensorModel> mlir::qfmt::readWeights(AssembleOp op,
                                               OpBuilder &builder) {
  auto encoded = EncodedTensorType::get(op.getResult().getType());
  auto scaled = dyn_cast<ScaledAttr>(encoded.getFormat());
  if (!scaled || !scaled.getNumberFormat().hasIntegerCodes())
    return op.emitOpError() << "has a tensor in " << encoded.getFormat()
                            << ", integer arithmetic needs an integer format";
  FailureOr<SmallVector<Attribute>> constants = readConstituents(op);
  if (failed(constants))
    return failure();
  std::optional<std::vector<int64_t>> codes = readIntegers(constants->front());
  if (!codes || scaled.getScaleEncoding() || scaled.getZeroPointFormat())
    return op.emitOpError() << "has " << scaled
                            << ", which has no integer rule: weights take one "
                               "scale a channel and no zero point";
  FailureOr<Table> scale = readScales(op, scaled, *constants);
  if (failed(scale))
    return failure();
  TensorModel model;
  model.kind = TensorModel::Kind::Integer;
  model.realType = encoded.getLogicalType();
  model.isUnsigned = scaled.getNumberFormat().getLowest() == 0;
  model.zeroPoint = *scaled.getStaticZeroPoint();
  model.scale = *scale;
  model.range = getRange(*codes, scaled.getNumberFormat(), model.zeroPoint);
  model.payload = arith::ConstantOp::create(
      builder, op.getLoc(), cast<TypedAttr>(constants->front()));
  return model;
}

void mlir::qfmt::makeElement(Value value, TensorModel &model) {
  model.expression = nullptr;
  ArrayRef<int64_t> shape = model.realType.getShape();
  AffineMap identity =
      AffineMap::getMultiDimIdentityMap(shape.size(), value.getContext());
  model.expression =
      Expression::makeElement(value, std::make_shared<TensorModel>(model),
                              getNormalIndices(identity, shape));
}
