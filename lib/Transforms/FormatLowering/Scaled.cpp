// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #qfmt.scaled as linalg on its constituents: one elementwise operation for
// codes, reductions and operations on the grid of blocks for scales and zero
// points that are computed at run time.
//
// Every product and quotient is computed in f32 or f64 such that it is exact or
// rounded as the operations prescribe; the conditions are derived at
// chooseProductType and chooseQuotient.

#include "BlockLoops.h"
#include "ExactArithmetic.h"
#include "FormatModels.h"
#include "ScalarOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qfmt/Transforms/FormatLowering.h"
#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;
using arith::CmpFPredicate;

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

/// Any of f16, bf16, f32, f64 as f32 or f64.
static Value emitRead(ScalarBuilder &b, Value value) {
  if (value.getType().isF64())
    return value;
  auto format = cast<NumberFormatLowering>(value.getType());
  return format.emitDecode(b, b.getLoc(), value);
}

static constexpr EncodeModes kIEEE{RoundingMode::HalfEven,
                                   OverflowMode::Infinity, NaNMode::Propagate,
                                   ZeroPointPlace::AfterRounding};

/// An f32 or f64 rounded once, half to even as IEEE 754, to the logical type.
static Value emitRoundTo(ScalarBuilder &b, Value value, FloatType type) {
  if (type.isF64() || value.getType() == type)
    return b.extend(value, type);
  if (type.isF32())
    return b.createOrFold<arith::TruncFOp>(type, value);
  return cast<NumberFormatLowering>(type).emitEncode(b, b.getLoc(), value,
                                                     kIEEE, Value());
}

namespace {
/// The scale or the zero point of a block: a number, or an element of a tensor
/// with one entry a block.
struct BlockNumber {
  double number = 0;
  /// Null for a number; unit dimensions dropped.
  Value tensor;
  /// Of the tensor's codes; null if it holds the reals themselves.
  NumberFormatLowering format;
  ExactRange range;

  static BlockNumber get(double number) {
    return {number, Value(), NumberFormatLowering(), ExactRange::of(number)};
  }
  static BlockNumber getCodes(Value tensor, Type format) {
    auto lowering = cast<NumberFormatLowering>(format);
    return {0, tensor, lowering, lowering.getExactRange()};
  }

  bool is(double value) const { return !tensor && number == value; }

  /// In a body: the real, f32 or f64, or a number in `type`.
  Value read(ScalarBuilder &b, Value element, Type type) const {
    if (!tensor)
      return b.constant(type, number);
    if (format)
      element = format.emitDecode(b, b.getLoc(), element);
    return element.getType() == type ? element : b.extend(element, type);
  }
};

/// A zero point as emitEncode takes it: an i32, or null for 0.
Value readZeroPoint(ScalarBuilder &b, const BlockNumber &zeroPoint,
                    Value element) {
  if (zeroPoint.is(0))
    return {};
  return b.createOrFold<arith::FPToSIOp>(
      b.getI32Type(), zeroPoint.read(b, element, b.getF32Type()));
}

/// How quotients x / s are computed.
struct QuotientPlan {
  FloatType type;
  Quotient quotient;
};

/// What encodes the elements of one tensor.
struct Parameters {
  BlockNumber scale;
  BlockNumber zeroPoint;
};
} // namespace

//===----------------------------------------------------------------------===//
// Operations on blocks
//===----------------------------------------------------------------------===//

using BodyFn = function_ref<Value(ScalarBuilder &, ValueRange)>;

/// Elementwise over the split tensor `elements`, reading a number a block.
/// The body gets the element, then one value each; that of a BlockNumber
/// without a tensor is null.
static Value emitElementwise(OpBuilder &builder, Location loc,
                             const BlockLoops &loops, Value elements,
                             ArrayRef<BlockNumber> numbers, Type resultElement,
                             BodyFn body) {
  SmallVector<Value> inputs{elements};
  SmallVector<AffineMap> maps{loops.getElementMap()};
  for (const BlockNumber &number : numbers)
    if (number.tensor) {
      inputs.push_back(number.tensor);
      maps.push_back(loops.getGridMap());
    }
  maps.push_back(loops.getElementMap());
  Value init = tensor::EmptyOp::create(
      builder, loc, tensor::getMixedSizes(builder, loc, elements),
      resultElement);
  SmallVector<utils::IteratorType> iterators(loops.getNumLoops(),
                                             utils::IteratorType::parallel);
  auto buildBody = [&](OpBuilder &nested, Location loc, ValueRange args) {
    ScalarBuilder b(nested, loc);
    SmallVector<Value> values{args.front()};
    unsigned next = 1;
    for (const BlockNumber &number : numbers)
      values.push_back(number.tensor ? args[next++] : Value());
    linalg::YieldOp::create(b, body(b, values));
  };
  return linalg::GenericOp::create(builder, loc, init.getType(), inputs, init,
                                   maps, iterators, buildBody)
      .getResult(0);
}

/// Elementwise over tensors of one shape.
static Value emitMap(OpBuilder &builder, Location loc, ValueRange inputs,
                     Type resultElement, BodyFn body) {
  auto type = cast<RankedTensorType>(inputs.front().getType());
  SmallVector<AffineMap> maps(inputs.size() + 1,
                              builder.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  Value init = tensor::EmptyOp::create(
      builder, loc, tensor::getMixedSizes(builder, loc, inputs.front()),
      resultElement);
  auto buildBody = [&](OpBuilder &nested, Location loc, ValueRange args) {
    ScalarBuilder b(nested, loc);
    linalg::YieldOp::create(b, body(b, args.drop_back()));
  };
  return linalg::GenericOp::create(builder, loc, init.getType(), inputs, init,
                                   maps, iterators, buildBody)
      .getResult(0);
}

/// The greatest of 0 and all `body(x)`, x the finite elements of a block.
static Value emitBlockMax(OpBuilder &builder, Location loc,
                          const BlockLoops &loops, Value elements,
                          BodyFn body) {
  Type element = getElementTypeOrSelf(elements.getType());
  Type type = element.isF64() ? element : builder.getF32Type();
  Value zero =
      arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  Value init =
      linalg::FillOp::create(builder, loc, zero,
                             loops.createGrid(builder, loc, elements, type))
          .getResult(0);
  auto buildBody = [&](OpBuilder &nested, Location loc, ValueRange args) {
    ScalarBuilder b(nested, loc);
    Value x = emitRead(b, args[0]);
    Value finite = b.compare(CmpFPredicate::OLT,
                             b.createOrFold<math::AbsFOp>(x), INFINITY);
    x = b.select(finite, x, b.constant(type, 0.0));
    linalg::YieldOp::create(b,
                            b.apply<arith::MaximumFOp>(args[1], body(b, {x})));
  };
  return linalg::GenericOp::create(
             builder, loc, init.getType(), elements, init,
             ArrayRef{loops.getElementMap(), loops.getGridMap()},
             loops.getReductionIterators(), buildBody)
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// Exactness
//===----------------------------------------------------------------------===//

/// The type in which to multiply codes by scales, or null. The product of two
/// numbers that the logical type holds is rounded once by the multiplication
/// itself; any other must be exact, and is rounded after it.
static FloatType chooseProductType(const ExactRange &code,
                                   const ExactRange &scale, FloatType logical,
                                   Division division) {
  MLIRContext *context = logical.getContext();
  for (FloatType type : {FloatType(Float32Type::get(context)),
                         FloatType(Float64Type::get(context))}) {
    bool rounds = division == Division::Rounded && type == logical;
    if (code.fits(type) && scale.fits(type) &&
        (rounds || (code * scale).fits(type)))
      return type;
  }
  return {};
}

/// Significand bits of every integer and every half that decides a rounding to
/// a code of at most 16 bits; larger quotients saturate.
static constexpr unsigned kIntegerQuotientBits = 20;

//===----------------------------------------------------------------------===//
// The lowering
//===----------------------------------------------------------------------===//

namespace {
/// One tensor of the encoding, while code for it is emitted.
class ScaledEmitter {
public:
  ScaledEmitter(OpBuilder &builder, Location loc, EncodedTensorType type)
      : builder(builder), loc(loc), type(type),
        scaled(cast<ScaledAttr>(type.getFormat())),
        logical(type.getLogicalElementType()),
        format(cast<NumberFormatLowering>(scaled.getFormat())),
        loops(type.getType().getContext(), type.getShape(), scaled.getBlock()) {
  }

  FailureOr<Value> emitDecode(ValueRange constituents, Division division);
  FailureOr<SmallVector<Value>> emitEncode(Value reals, const ExactRange &range,
                                           const TensorEncodeModes &modes);
  FailureOr<SmallVector<Value>> emitReplaceZeros(ValueRange constituents);

private:
  /// The scale tensor's own type, if the scale is encoded.
  EncodedTensorType getScaleType() const {
    auto plain = RankedTensorType::get(scaled.getBlockGrid(type.getShape()),
                                       builder.getF32Type());
    return EncodedTensorType::get(plain, scaled.getScaleEncoding());
  }
  ExactRange getDifferenceRange(const BlockNumber &zeroPoint) const {
    ExactRange codes = format.getExactRange();
    return zeroPoint.is(0) ? codes : codes - zeroPoint.range;
  }
  InFlightDiagnostic emitInexact(const char *what) const {
    return emitError(loc) << what << " of " << scaled
                          << " needs more precision than f64 has; use formats "
                             "of fewer bits or fewer nested scales";
  }

  FailureOr<TensorFormatLowering> getScaleLowering() const {
    Attribute nested = scaled.getScale();
    if (auto lowering = dyn_cast<TensorFormatLowering>(nested))
      return lowering;
    return emitError(loc) << "no lowering is registered for the scale's format "
                          << nested;
  }
  FailureOr<BlockNumber> readEncodedScale(ValueRange constituents);
  FailureOr<Parameters> readParameters(ValueRange constituents);

  FailureOr<QuotientPlan> planQuotient(const BlockNumber &scale,
                                       const ExactRange &range,
                                       const TensorEncodeModes &modes) const;
  unsigned getQuotientBits(const BlockNumber &scale, const ExactRange &range,
                           OverflowMode overflow) const;
  Value emitCodes(Value elements, const Parameters &parameters,
                  const QuotientPlan &plan, const TensorEncodeModes &modes);

  Value emitScaleReals(Value elements, const TensorEncodeModes &modes);
  FailureOr<BlockNumber> emitScale(Value elements,
                                   const TensorEncodeModes &modes,
                                   SmallVectorImpl<Value> &constituents);
  FailureOr<BlockNumber> emitEncodedScale(Value reals,
                                          const TensorEncodeModes &modes,
                                          SmallVectorImpl<Value> &constituents);
  FailureOr<BlockNumber> emitZeroPoint(Value elements, const ExactRange &range,
                                       const BlockNumber &scale,
                                       RoundingMode rounding);

  OpBuilder &builder;
  Location loc;
  EncodedTensorType type;
  ScaledAttr scaled;
  FloatType logical;
  NumberFormatLowering format;
  BlockLoops loops;
};
} // namespace

//===----------------------------------------------------------------------===//
// Decode
//===----------------------------------------------------------------------===//

FailureOr<BlockNumber>
ScaledEmitter::readEncodedScale(ValueRange constituents) {
  FailureOr<TensorFormatLowering> nested = getScaleLowering();
  if (failed(nested))
    return failure();
  FailureOr<Value> reals = nested->emitDecode(builder, loc, getScaleType(),
                                              constituents, Division::Exact);
  if (failed(reals))
    return failure();
  return BlockNumber{0, loops.dropUnitDims(builder, loc, *reals),
                     NumberFormatLowering(),
                     nested->getExactRange(builder.getF32Type())};
}

/// `constituents` without the payload.
FailureOr<Parameters> ScaledEmitter::readParameters(ValueRange constituents) {
  Parameters parameters;
  if (Type zeroFormat = scaled.getZeroPointFormat()) {
    parameters.zeroPoint = BlockNumber::getCodes(
        loops.dropUnitDims(builder, loc, constituents.back()), zeroFormat);
    constituents = constituents.drop_back();
  } else {
    parameters.zeroPoint = BlockNumber::get(*scaled.getStaticZeroPoint());
  }
  if (scaled.getScaleEncoding()) {
    FailureOr<BlockNumber> scale = readEncodedScale(constituents);
    if (failed(scale))
      return failure();
    parameters.scale = *scale;
  } else if (Type scaleFormat = scaled.getScaleFormat()) {
    parameters.scale = BlockNumber::getCodes(
        loops.dropUnitDims(builder, loc, constituents.front()), scaleFormat);
  } else {
    parameters.scale = BlockNumber::get(*scaled.getStaticScale(logical));
  }
  return parameters;
}

FailureOr<Value> ScaledEmitter::emitDecode(ValueRange constituents,
                                           Division division) {
  FailureOr<Parameters> parameters = readParameters(constituents.drop_front());
  if (failed(parameters))
    return failure();
  const BlockNumber &scale = parameters->scale;
  const BlockNumber &zeroPoint = parameters->zeroPoint;
  FloatType type = chooseProductType(getDifferenceRange(zeroPoint), scale.range,
                                     logical, division);
  if (!type)
    return emitInexact("the exact value");
  Value payload = loops.split(builder, loc, constituents.front());
  Type element = division == Division::Rounded ? logical : type;
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value real = format.emitDecode(b, loc, values[0]);
    if (!zeroPoint.is(0))
      real = b.apply<arith::SubFOp>(
          real, zeroPoint.read(b, values[2], real.getType()));
    real = b.extend(real, type);
    if (!scale.is(1))
      real = b.apply<arith::MulFOp>(real, scale.read(b, values[1], type));
    return division == Division::Rounded ? emitRoundTo(b, real, logical) : real;
  };
  Value reals = emitElementwise(builder, loc, loops, payload,
                                {scale, zeroPoint}, element, body);
  return loops.join(builder, loc, reals, constituents.front());
}

//===----------------------------------------------------------------------===//
// Encode
//===----------------------------------------------------------------------===//

/// How x / s is computed (and, if rounded, from which type it is rounded to the
/// logical one).
FailureOr<QuotientPlan>
ScaledEmitter::planQuotient(const BlockNumber &scale, const ExactRange &range,
                            const TensorEncodeModes &modes) const {
  // Division of two numbers of the logical type rounds once.
  bool isRounded = modes.division == Division::Rounded;
  if (isRounded && (logical.isF32() || logical.isF64()) &&
      scale.range.fits(logical))
    return QuotientPlan{logical, Quotient::Nearest};
  QuotientPlan plan{builder.getF64Type(), Quotient::Nearest};
  if (scale.is(1))
    return plan;
  if (isRounded)
    plan.quotient = chooseQuotient(ExactRange::of(logical).bits,
                                   ExactRange::of(logical), scale.range, kIEEE);
  else
    plan.quotient =
        chooseQuotient(getQuotientBits(scale, range, modes.element.overflow),
                       range, scale.range, modes.element);
  if (!scale.range.fits(plan.type) || plan.quotient == Quotient::Impossible)
    return emitInexact("the quotient");
  return plan;
}

/// The bits to which exact quotients are rounded.
unsigned ScaledEmitter::getQuotientBits(const BlockNumber &scale,
                                        const ExactRange &range,
                                        OverflowMode overflow) const {
  if (!isIntegerFormat(scaled.getNumberFormat()))
    return format.getExactRange().bits;
  if (overflow != OverflowMode::Wrap)
    return kIntegerQuotientBits;
  // Without saturation every quotient counts.
  int smallest = scale.tensor ? scale.range.low : scale.range.high - 1;
  return std::max<int>(kIntegerQuotientBits, range.high - smallest + 2);
}

Value ScaledEmitter::emitCodes(Value elements, const Parameters &parameters,
                               const QuotientPlan &plan,
                               const TensorEncodeModes &modes) {
  const BlockNumber &scale = parameters.scale;
  const BlockNumber &zeroPoint = parameters.zeroPoint;
  EncodeModes element = modes.element;
  element.zeroPointPlace = modes.division == Division::Rounded
                               ? ZeroPointPlace::AfterRounding
                               : ZeroPointPlace::BeforeRounding;
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value x = emitRead(b, values[0]);
    if (!scale.is(1)) {
      x = emitQuotient(b, b.extend(x, plan.type),
                       scale.read(b, values[1], plan.type), plan.quotient);
      if (modes.division == Division::Rounded && plan.type != logical)
        x = emitRead(b, emitRoundTo(b, x, logical));
    }
    return format.emitEncode(b, loc, x, element,
                             readZeroPoint(b, zeroPoint, values[2]));
  };
  Type code = getCodeType(scaled.getNumberFormat().getStorageType());
  return emitElementwise(builder, loc, loops, elements, {scale, zeroPoint},
                         code, body);
}

FailureOr<SmallVector<Value>>
ScaledEmitter::emitEncode(Value reals, const ExactRange &range,
                          const TensorEncodeModes &modes) {
  Value elements = loops.split(builder, loc, reals);
  SmallVector<Value> constituents(1);
  Parameters parameters;
  FailureOr<BlockNumber> scale = emitScale(elements, modes, constituents);
  if (failed(scale))
    return failure();
  parameters.scale = *scale;
  parameters.zeroPoint = BlockNumber();
  if (std::optional<int64_t> number = scaled.getStaticZeroPoint()) {
    parameters.zeroPoint = BlockNumber::get(*number);
  } else {
    FailureOr<BlockNumber> zeroPoint =
        emitZeroPoint(elements, range, *scale, modes.element.rounding);
    if (failed(zeroPoint))
      return failure();
    parameters.zeroPoint = *zeroPoint;
    constituents.push_back(loops.addUnitDims(builder, loc, zeroPoint->tensor));
  }
  FailureOr<QuotientPlan> quotient = planQuotient(*scale, range, modes);
  if (failed(quotient))
    return failure();
  Value codes = emitCodes(elements, parameters, *quotient, modes);
  constituents.front() = loops.join(builder, loc, codes, reals);
  return constituents;
}

//===----------------------------------------------------------------------===//
// Scales and zero points at run time
//===----------------------------------------------------------------------===//

static Value emitBlockMaxOf(OpBuilder &builder, Location loc,
                            const BlockLoops &loops, Value elements,
                            double sign) {
  return emitBlockMax(builder, loc, loops, elements,
                      [&](ScalarBuilder &b, ValueRange x) -> Value {
                        if (sign > 0)
                          return x[0];
                        return b.createOrFold<arith::NegFOp>(x[0]);
                      });
}

/// The scale of each block before it is rounded to the scale's format: f64, and
/// such that this rounding is that of the exact one (chooseQuotient: 24 + 24
/// bits at most). 0 for a block of zeros.
Value ScaledEmitter::emitScaleReals(Value elements,
                                    const TensorEncodeModes &modes) {
  FloatType f64 = builder.getF64Type();
  NumberFormat number = scaled.getNumberFormat();
  if (scaled.getZeroPointFormat() && modes.scaleRule == ScaleRule::AbsMax) {
    Value above = emitBlockMaxOf(builder, loc, loops, elements, 1);
    Value below = emitBlockMaxOf(builder, loc, loops, elements, -1);
    double steps = number.getLargest() - number.getLowest();
    return emitMap(builder, loc, {above, below}, f64,
                   [&](ScalarBuilder &b, ValueRange values) -> Value {
                     Value span = emitSumToOdd(b, b.extend(values[0], f64),
                                               b.extend(values[1], f64));
                     return b.apply<arith::DivFOp>(span,
                                                   b.constant(f64, steps));
                   });
  }
  Value largest = emitBlockMax(builder, loc, loops, elements,
                               [](ScalarBuilder &b, ValueRange x) {
                                 return b.createOrFold<math::AbsFOp>(x[0]);
                               });
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value a = b.extend(values[0], f64);
    if (modes.scaleRule == ScaleRule::AbsMax)
      return b.apply<arith::DivFOp>(a, b.constant(f64, number.getLargest()));
    // 2^floor(log2 a) is a without its mantissa.
    Value bits = b.createOrFold<arith::BitcastOp>(b.getI64Type(), a);
    bits = b.apply<arith::AndIOp>(bits, int64_t(0x7ff) << 52);
    Value power = b.createOrFold<arith::BitcastOp>(f64, bits);
    return b.apply<arith::MulFOp>(
        power,
        b.constant(f64, std::ldexp(1.0, -std::ilogb(number.getLargest()))));
  };
  return emitMap(builder, loc, largest, f64, body);
}

/// Appends the scale's constituents.
FailureOr<BlockNumber>
ScaledEmitter::emitScale(Value elements, const TensorEncodeModes &modes,
                         SmallVectorImpl<Value> &constituents) {
  if (std::optional<double> number = scaled.getStaticScale(logical))
    return BlockNumber::get(*number);
  Value reals = emitScaleReals(elements, modes);
  if (scaled.getScaleEncoding())
    return emitEncodedScale(reals, modes, constituents);

  Type scaleFormat = scaled.getScaleFormat();
  auto lowering = cast<NumberFormatLowering>(scaleFormat);
  auto encode = [&](ScalarBuilder &b, Value value) {
    return lowering.emitEncode(b, loc, value, EncodeModes(), Value());
  };
  // (C23) A scale of 0 becomes 1.
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value code = encode(b, values[0]);
    Value decoded = lowering.emitDecode(b, loc, code);
    Value isZero =
        b.apply<arith::OrIOp>(b.compare(CmpFPredicate::OEQ, decoded, 0.0),
                              b.compare(CmpFPredicate::OEQ, values[0], 0.0));
    return b.select(isZero, encode(b, b.constant(b.getF32Type(), 1.0)), code);
  };
  Type code = getCodeType(cast<NumberFormat>(scaleFormat).getStorageType());
  Value codes = emitMap(builder, loc, reals, code, body);
  constituents.push_back(loops.addUnitDims(builder, loc, codes));
  return BlockNumber::getCodes(codes, scaleFormat);
}

/// Scales in an encoding of their own are quantized as a tensor of f32. Blocks
/// of zeros count as 0 there, not as 1, so that they do not stretch the scales
/// of their neighbours; (C23) holds for what comes out.
FailureOr<BlockNumber>
ScaledEmitter::emitEncodedScale(Value reals, const TensorEncodeModes &modes,
                                SmallVectorImpl<Value> &constituents) {
  FailureOr<TensorFormatLowering> nested = getScaleLowering();
  if (failed(nested))
    return failure();
  FloatType f32 = builder.getF32Type();
  Value rounded = emitMap(builder, loc, reals, f32,
                          [&](ScalarBuilder &b, ValueRange values) {
                            return emitRoundTo(b, values[0], f32);
                          });
  TensorEncodeModes scaleModes;
  scaleModes.scaleRule = modes.scaleRule;
  FailureOr<SmallVector<Value>> parts = nested->emitEncode(
      builder, loc, getScaleType(), loops.addUnitDims(builder, loc, rounded),
      ExactRange::f32(), scaleModes);
  if (failed(parts))
    return failure();
  parts = nested->emitReplaceZeros(builder, loc, getScaleType(), *parts);
  if (failed(parts))
    return failure();
  llvm::append_range(constituents, *parts);
  return readEncodedScale(*parts);
}

/// z = clamp(round(lo - min(x, 0) / s), lo, hi).
FailureOr<BlockNumber> ScaledEmitter::emitZeroPoint(Value elements,
                                                    const ExactRange &range,
                                                    const BlockNumber &scale,
                                                    RoundingMode rounding) {
  FloatType f64 = builder.getF64Type();
  Type zeroFormat = scaled.getZeroPointFormat();
  auto lowering = cast<NumberFormatLowering>(zeroFormat);
  EncodeModes element;
  element.rounding = rounding;
  element.zeroPointPlace = ZeroPointPlace::BeforeRounding;
  Quotient plan =
      chooseQuotient(kIntegerQuotientBits, range, scale.range, element);
  if (!scale.range.fits(f64) || plan == Quotient::Impossible)
    return emitInexact("the zero point");
  Value below = emitBlockMaxOf(builder, loc, loops, elements, -1);
  SmallVector<Value> inputs{below};
  if (scale.tensor)
    inputs.push_back(scale.tensor);
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value quotient = emitQuotient(
        b, b.extend(values[0], f64),
        scale.read(b, scale.tensor ? values[1] : Value(), f64), plan);
    Value lowest = b.integer(b.getI32Type(),
                             int64_t(scaled.getNumberFormat().getLowest()));
    return lowering.emitEncode(b, loc, quotient, element, lowest);
  };
  Value codes = emitMap(
      builder, loc, inputs,
      getCodeType(cast<NumberFormat>(zeroFormat).getStorageType()), body);
  return BlockNumber::getCodes(codes, zeroFormat);
}

/// Scales are not 0 (C23), so an element is 0 if its code is the zero point.
FailureOr<SmallVector<Value>>
ScaledEmitter::emitReplaceZeros(ValueRange constituents) {
  FailureOr<Parameters> parameters = readParameters(constituents.drop_front());
  if (failed(parameters))
    return failure();
  const BlockNumber &scale = parameters->scale;
  const BlockNumber &zeroPoint = parameters->zeroPoint;
  TensorEncodeModes modes;
  modes.division = Division::Exact;
  FailureOr<QuotientPlan> plan =
      planQuotient(scale, ExactRange::of(1.0), modes);
  if (failed(plan))
    return failure();
  EncodeModes exact;
  exact.zeroPointPlace = ZeroPointPlace::BeforeRounding;
  FloatType f64 = builder.getF64Type();
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value quotient = emitQuotient(
        b, b.constant(f64, 1.0), scale.read(b, values[1], f64), plan->quotient);
    Value one = format.emitEncode(b, loc, quotient, exact,
                                  readZeroPoint(b, zeroPoint, values[2]));
    Value real = format.emitDecode(b, loc, values[0]);
    Value zero = zeroPoint.read(b, values[2], real.getType());
    Value isZero =
        b.createOrFold<arith::CmpFOp>(CmpFPredicate::OEQ, real, zero);
    return b.select(isZero, one, values[0]);
  };
  Value payload = loops.split(builder, loc, constituents.front());
  Value codes =
      emitElementwise(builder, loc, loops, payload, {scale, zeroPoint},
                      getElementTypeOrSelf(payload.getType()), body);
  SmallVector<Value> replaced(constituents);
  replaced.front() = loops.join(builder, loc, codes, constituents.front());
  return replaced;
}

//===----------------------------------------------------------------------===//
// Model
//===----------------------------------------------------------------------===//

namespace {
struct ScaledLowering
    : TensorFormatLowering::ExternalModel<ScaledLowering, ScaledAttr> {
  ExactRange getExactRange(Attribute attr, Type elementType) const {
    auto scaled = cast<ScaledAttr>(attr);
    auto format = cast<NumberFormatLowering>(scaled.getFormat());
    ExactRange range = format.getExactRange();
    if (Type zeroFormat = scaled.getZeroPointFormat())
      range = range - cast<NumberFormatLowering>(zeroFormat).getExactRange();
    else if (int64_t number = *scaled.getStaticZeroPoint())
      range = range - ExactRange::of(number);
    if (std::optional<double> number = scaled.getStaticScale(elementType))
      return *number == 1 ? range : range * ExactRange::of(*number);
    if (Type scaleFormat = scaled.getScaleFormat())
      return range * cast<NumberFormatLowering>(scaleFormat).getExactRange();
    auto nested = dyn_cast<TensorFormatLowering>(
        static_cast<Attribute>(scaled.getScaleEncoding()));
    Type f32 = Float32Type::get(attr.getContext());
    return nested ? range * nested.getExactRange(f32) : range;
  }

  FailureOr<Value> emitDecode(Attribute, OpBuilder &builder, Location loc,
                              EncodedTensorType type, ValueRange constituents,
                              Division division) const {
    return ScaledEmitter(builder, loc, type).emitDecode(constituents, division);
  }

  FailureOr<SmallVector<Value>>
  emitEncode(Attribute, OpBuilder &builder, Location loc,
             EncodedTensorType type, Value reals, const ExactRange &range,
             const TensorEncodeModes &modes) const {
    return ScaledEmitter(builder, loc, type).emitEncode(reals, range, modes);
  }

  FailureOr<SmallVector<Value>>
  emitReplaceZeros(Attribute, OpBuilder &builder, Location loc,
                   EncodedTensorType type, ValueRange constituents) const {
    return ScaledEmitter(builder, loc, type).emitReplaceZeros(constituents);
  }

  TypedAttr getPayloadCode(Attribute attr, EncodedTensorType type,
                           double value) const {
    auto scaled = cast<ScaledAttr>(attr);
    Type logical = type.getLogicalElementType();
    if (!scaled.isStatic() || !scaled.canRepresent(value, logical))
      return {};
    NumberFormat format = scaled.getNumberFormat();
    // The exact quotient is a code less the zero point, so it has no rounding.
    ExactReal quotient = ExactReal::divideRounded(
        ExactReal::fromDouble(value),
        ExactReal::fromDouble(*scaled.getStaticScale(logical)),
        BinaryFormat::f64());
    uint64_t bits = format.encodeReal(
        quotient + ExactReal::fromInteger(*scaled.getStaticZeroPoint()),
        RoundingMode::HalfEven, OverflowMode::Saturate, NaNMode::Zero);
    Type code = getCodeType(format.getStorageType());
    APInt integer(format.getFormatWidth(), bits);
    if (auto floatType = dyn_cast<FloatType>(code))
      return FloatAttr::get(floatType,
                            APFloat(floatType.getFloatSemantics(), integer));
    return IntegerAttr::get(code, integer);
  }
};
} // namespace

void mlir::qfmt::attachScaledLowering(MLIRContext *context) {
  ScaledAttr::attachInterface<ScaledLowering>(*context);
}
