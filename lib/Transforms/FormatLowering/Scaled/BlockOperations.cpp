// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "BlockOperations.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;
using arith::CmpFPredicate;

Value mlir::qfmt::emitRead(ScalarBuilder &b, Value value) {
  if (value.getType().isF64())
    return value;
  auto format = cast<NumberFormatLowering>(value.getType());
  return format.emitDecode(b, b.getLoc(), value);
}

Value mlir::qfmt::emitRoundTo(ScalarBuilder &b, Value value, FloatType type) {
  if (type.isF64() || value.getType() == type)
    return b.extend(value, type);
  if (type.isF32())
    return b.createOrFold<arith::TruncFOp>(type, value);
  return cast<NumberFormatLowering>(type).emitEncode(b, b.getLoc(), value,
                                                     kIEEE, Value());
}

Value mlir::qfmt::readZeroPoint(ScalarBuilder &b, const BlockNumber &zeroPoint,
                                Value element) {
  if (zeroPoint.is(0))
    return {};
  return b.createOrFold<arith::FPToSIOp>(
      b.getI32Type(), zeroPoint.read(b, element, b.getF32Type()));
}

namespace {
struct Inputs {
  SmallVector<Value> tensors;
  SmallVector<AffineMap> maps;
};
} // namespace

/// The elements, and the numbers that are tensors.
static Inputs getInputs(const BlockLoops &loops, Value elements,
                        ArrayRef<BlockNumber> numbers) {
  Inputs inputs{{elements}, {loops.getElementMap()}};
  for (const BlockNumber &number : numbers)
    if (number.tensor) {
      inputs.tensors.push_back(number.tensor);
      AffineMap map = loops.getGridMap();
      bool isOne =
          cast<RankedTensorType>(number.tensor.getType()).getRank() == 0;
      inputs.maps.push_back(
          isOne ? AffineMap::get(map.getNumDims(), 0, map.getContext()) : map);
    }
  return inputs;
}

/// The element and one value a number, null for one that is no tensor.
static SmallVector<Value> getBodyValues(ValueRange arguments,
                                        ArrayRef<BlockNumber> numbers) {
  SmallVector<Value> values{arguments.front()};
  unsigned next = 1;
  for (const BlockNumber &number : numbers)
    values.push_back(number.tensor ? arguments[next++] : Value());
  return values;
}

Value mlir::qfmt::emitElementwise(OpBuilder &builder, Location loc,
                                  const BlockLoops &loops, Value elements,
                                  ArrayRef<BlockNumber> numbers,
                                  Type resultElement, BodyFn body) {
  Inputs inputs = getInputs(loops, elements, numbers);
  inputs.maps.push_back(loops.getElementMap());
  Value init = tensor::EmptyOp::create(
      builder, loc, tensor::getMixedSizes(builder, loc, elements),
      resultElement);
  SmallVector<utils::IteratorType> iterators(loops.getNumLoops(),
                                             utils::IteratorType::parallel);
  auto buildBody = [&](OpBuilder &nested, Location loc, ValueRange args) {
    ScalarBuilder b(nested, loc);
    linalg::YieldOp::create(b, body(b, getBodyValues(args, numbers)));
  };
  return linalg::GenericOp::create(builder, loc, init.getType(), inputs.tensors,
                                   init, inputs.maps, iterators, buildBody)
      .getResult(0);
}

SmallVector<Value> mlir::qfmt::emitMaps(OpBuilder &builder, Location loc,
                                        ValueRange inputs,
                                        TypeRange resultElements,
                                        MultiBodyFn body) {
  auto type = cast<RankedTensorType>(inputs.front().getType());
  SmallVector<AffineMap> maps(inputs.size() + resultElements.size(),
                              builder.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  SmallVector<Value> inits;
  for (Type element : resultElements)
    inits.push_back(tensor::EmptyOp::create(
        builder, loc, tensor::getMixedSizes(builder, loc, inputs.front()),
        element));
  auto buildBody = [&](OpBuilder &nested, Location loc, ValueRange args) {
    ScalarBuilder b(nested, loc);
    linalg::YieldOp::create(b, body(b, args.drop_back(inits.size())));
  };
  return SmallVector<Value>(
      linalg::GenericOp::create(builder, loc, ValueRange(inits).getTypes(),
                                inputs, inits, maps, iterators, buildBody)
          .getResults());
}

Value mlir::qfmt::emitMap(OpBuilder &builder, Location loc, ValueRange inputs,
                          Type resultElement, BodyFn body) {
  return emitMaps(builder, loc, inputs, resultElement,
                  [&](ScalarBuilder &b, ValueRange values) {
                    return SmallVector<Value>{body(b, values)};
                  })
      .front();
}

Value mlir::qfmt::emitBlockReduction(OpBuilder &builder, Location loc,
                                     const BlockLoops &loops, Value elements,
                                     ArrayRef<BlockNumber> numbers,
                                     TypedAttr initial, BodyFn body) {
  Inputs inputs = getInputs(loops, elements, numbers);
  inputs.maps.push_back(loops.getGridMap());
  Value init = linalg::FillOp::create(
                   builder, loc,
                   arith::ConstantOp::create(builder, loc, initial).getResult(),
                   loops.createGrid(builder, loc, elements, initial.getType()))
                   .getResult(0);
  auto buildBody = [&](OpBuilder &nested, Location loc, ValueRange args) {
    ScalarBuilder b(nested, loc);
    SmallVector<Value> values = getBodyValues(args, numbers);
    values.push_back(args.back());
    linalg::YieldOp::create(b, body(b, values));
  };
  return linalg::GenericOp::create(builder, loc, init.getType(), inputs.tensors,
                                   init, inputs.maps,
                                   loops.getReductionIterators(), buildBody)
      .getResult(0);
}

Value mlir::qfmt::emitBlockMax(OpBuilder &builder, Location loc,
                               const BlockLoops &loops, Value elements,
                               BodyFn body) {
  Type element = getElementTypeOrSelf(elements.getType());
  FloatType type =
      element.isF64() ? builder.getF64Type() : builder.getF32Type();
  // Integers have fast maxima. The bits of floats that are not negative have
  // the floats' order, and those of negative ones are negative, below the 0 to
  // start with.
  Type integer = builder.getIntegerType(type.getWidth());
  Value maxima = emitBlockReduction(
      builder, loc, loops, elements, {}, builder.getIntegerAttr(integer, 0),
      [&](ScalarBuilder &b, ValueRange values) -> Value {
        Value x = emitRead(b, values[0]);
        Value finite = b.compare(CmpFPredicate::OLT,
                                 b.createOrFold<math::AbsFOp>(x), INFINITY);
        Value bits = b.createOrFold<arith::BitcastOp>(integer, body(b, {x}));
        bits = b.select(finite, bits, b.integer(integer, 0));
        return b.apply<arith::MaxSIOp>(values[1], bits);
      });
  return arith::BitcastOp::create(
      builder, loc, cast<RankedTensorType>(maxima.getType()).clone(type),
      maxima);
}
