// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #qfmt.select as linalg on its constituents. Reading is one elementwise
// operation. Encoding tries every format on every block with the steps of the
// lowering of #qfmt.scaled (Scaled/Emitter.h), and keeps of each block what the
// best format says (spec C73).

#include "FormatModels.h"
#include "Scaled/Emitter.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include <algorithm>
#include <cmath>
#include <vector>

using namespace mlir;
using namespace mlir::qfmt;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

/// Selector and code together have at most so many bits if they are decoded by
/// tables.
static constexpr unsigned kMaxLookupBits = 8;
/// So few codes are better compared than looked up with the selector: BitMoD
/// has one.
static constexpr size_t kMaxExceptions = 2;

/// What needs no more than one of the two does.
static ExactRange unite(const ExactRange &a, const ExactRange &b) {
  return {std::max(a.bits, b.bits), std::min(a.low, b.low),
          std::max(a.high, b.high)};
}

/// What the values of any of the formats need.
static ExactRange getCodeRange(SelectAttr select) {
  ExactRange range = CodeEmitter(select.getFormats().front()).getExactRange();
  for (Type format : select.getFormats().drop_front())
    range = unite(range, CodeEmitter(format).getExactRange());
  return range;
}

/// A bit pattern as a code of a format.
static Value emitBitcast(ScalarBuilder &b, Value bits, Type type) {
  return bits.getType() == type ? bits
                                : b.createOrFold<arith::BitcastOp>(type, bits);
}

namespace {
/// The numbers that each block has.
struct BlockChoice {
  BlockNumber scale;
  /// An integer; the body reads it as it is.
  BlockNumber selector;
};

/// One tensor of the encoding, while code for it is emitted.
class SelectEmitter {
public:
  SelectEmitter(OpBuilder &builder, Location loc, EncodedTensorType type)
      : builder(builder), loc(loc), type(type),
        select(cast<SelectAttr>(type.getFormat())),
        logical(type.getLogicalElementType()),
        staticScale(select.getStaticScale(logical)), choices(getChoices()) {}

  FailureOr<Value> emitDecode(ValueRange constituents, Division division);
  FailureOr<SmallVector<Value>> emitEncode(Value reals, const ExactRange &range,
                                           const TensorEncodeModes &modes);
  FailureOr<SmallVector<Value>> emitReplaceZeros(ValueRange constituents);

private:
  std::vector<ScaledEmitter> getChoices() const;
  const BlockLoops &getLoops() const { return choices.front().getLoops(); }
  Type getPayloadType() const {
    return builder.getIntegerType(select.getCodeWidth());
  }
  unsigned getSelectorWidth() const {
    return select.getSelectorFormat().getIntOrFloatBitWidth();
  }
  Type getCode(unsigned index) const {
    auto format = cast<NumberFormat>(select.getFormats()[index]);
    return getCodeType(format.getStorageType());
  }

  LogicalResult verify(const EncodeModes &modes) const;
  FailureOr<BlockChoice> readChoice(ValueRange constituents);
  Value emitDecodeCode(ScalarBuilder &b, Value code, Value selector);
  SmallVector<float> getValues(uint64_t code) const;
  Value emitCommonTable(ScalarBuilder &b, Value code, Value selector,
                        ArrayRef<uint64_t> exceptions);
  Value emitWholeTable(ScalarBuilder &b, Value code, Value selector);
  Value emitSelect(ScalarBuilder &b, Value selector, ValueRange values);

  FailureOr<BlockChoice> emitChoice(Value elements, const ExactRange &range,
                                    const TensorEncodeModes &modes,
                                    SmallVectorImpl<Value> &constituents);
  Value emitBest(ValueRange errors);
  FailureOr<Value> emitPayload(Value elements, Value reals,
                               const ExactRange &range,
                               const BlockChoice &choice,
                               const TensorEncodeModes &modes);
  Value emitSelectTensor(ArrayRef<Value> codes, Value selector);
  SmallVector<Value> getChoiceConstituents(unsigned index,
                                           ValueRange constituents);

  OpBuilder &builder;
  Location loc;
  EncodedTensorType type;
  SelectAttr select;
  FloatType logical;
  std::optional<double> staticScale;
  /// One a format, as if all blocks had it.
  std::vector<ScaledEmitter> choices;
};
} // namespace

std::vector<ScaledEmitter> SelectEmitter::getChoices() const {
  std::vector<ScaledEmitter> emitters;
  for (unsigned index = 0; index < select.getFormats().size(); ++index) {
    emitters.emplace_back(
        builder, loc,
        EncodedTensorType::get(type.getLogicalType(), select.getChoice(index)),
        select);
    emitters.back().shareSteps(select.getFormats(), index);
  }
  return emitters;
}

LogicalResult SelectEmitter::verify(const EncodeModes &modes) const {
  for (Type format : select.getFormats())
    if (failed(
            CodeEmitter(format).verify(modes, [&] { return emitError(loc); })))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Decode
//===----------------------------------------------------------------------===//

/// `constituents` without the payload.
FailureOr<BlockChoice> SelectEmitter::readChoice(ValueRange constituents) {
  BlockChoice choice;
  choice.selector.tensor =
      getLoops().dropUnitDims(builder, loc, constituents.back());
  if (staticScale) {
    choice.scale = BlockNumber::get(*staticScale);
    return choice;
  }
  FailureOr<BlockParameters> parameters =
      choices.front().readParameters(constituents.drop_back());
  if (failed(parameters))
    return failure();
  choice.scale = parameters->scale;
  return choice;
}

/// The value of the format that is selected; the last one if there is no such
/// format.
Value SelectEmitter::emitSelect(ScalarBuilder &b, Value selector,
                                ValueRange values) {
  Value result = values.back();
  for (size_t index = values.size() - 1; index-- > 0;)
    result = b.select(b.compare(CmpIPredicate::eq, selector, index),
                      values[index], result);
  return result;
}

/// An entry of a table of f32.
static Value emitLookup(ScalarBuilder &b, Value index, ArrayRef<float> table) {
  auto type = RankedTensorType::get(table.size(), b.getF32Type());
  return b.createOrFold<LookupOp>(b.getF32Type(), index,
                                  DenseElementsAttr::get(type, table));
}

/// What each selector, also one without a format, makes of a code.
SmallVector<float> SelectEmitter::getValues(uint64_t code) const {
  SmallVector<float> values;
  size_t last = select.getFormats().size() - 1;
  for (size_t index = 0; index < size_t(1) << getSelectorWidth(); ++index) {
    Type format = select.getFormats()[std::min(index, last)];
    values.push_back(cast<NumberFormat>(format).decodeCode(code));
  }
  return values;
}

/// One table of the values of the first format; the few codes that mean
/// something else in another one get it from the selector, which is the same
/// in a whole block.
Value SelectEmitter::emitCommonTable(ScalarBuilder &b, Value code,
                                     Value selector,
                                     ArrayRef<uint64_t> exceptions) {
  SmallVector<float> values;
  for (uint64_t bits = 0; bits < uint64_t(1) << select.getCodeWidth(); ++bits)
    values.push_back(getValues(bits).front());
  Value real = emitLookup(b, code, values);
  for (uint64_t bits : exceptions)
    real = b.select(b.compare(CmpIPredicate::eq, code, bits),
                    emitLookup(b, selector, getValues(bits)), real);
  return real;
}

/// One table of the values of all formats.
Value SelectEmitter::emitWholeTable(ScalarBuilder &b, Value code,
                                    Value selector) {
  SmallVector<float> values;
  for (size_t index = 0; index < size_t(1) << getSelectorWidth(); ++index)
    for (uint64_t bits = 0; bits < uint64_t(1) << select.getCodeWidth(); ++bits)
      values.push_back(getValues(bits)[index]);
  Type indexType = b.getI8Type();
  auto widen = [&](Value value) {
    return value.getType() == indexType
               ? value
               : b.createOrFold<arith::ExtUIOp>(indexType, value);
  };
  Value high =
      b.apply<arith::ShLIOp>(widen(selector), int64_t(select.getCodeWidth()));
  return emitLookup(b, b.apply<arith::OrIOp>(high, widen(code)), values);
}

/// The bits of floats: 0 and -0 differ, NaNs may be equal.
static SmallVector<uint32_t> getBits(ArrayRef<float> values) {
  return llvm::map_to_vector(
      values, [](float value) { return llvm::bit_cast<uint32_t>(value); });
}

/// The real that a code of the payload denotes, an f32.
Value SelectEmitter::emitDecodeCode(ScalarBuilder &b, Value code,
                                    Value selector) {
  if (select.getCodeWidth() + getSelectorWidth() <= kMaxLookupBits) {
    SmallVector<uint64_t> exceptions;
    for (uint64_t bits = 0; bits < uint64_t(1) << select.getCodeWidth(); ++bits)
      if (!llvm::all_equal(getBits(getValues(bits))))
        exceptions.push_back(bits);
    return exceptions.size() <= kMaxExceptions
               ? emitCommonTable(b, code, selector, exceptions)
               : emitWholeTable(b, code, selector);
  }
  SmallVector<Value> values;
  for (auto [index, format] : llvm::enumerate(select.getFormats()))
    values.push_back(CodeEmitter(format).emitDecode(
        b, loc, emitBitcast(b, code, getCode(index))));
  return emitSelect(b, selector, values);
}

FailureOr<Value> SelectEmitter::emitDecode(ValueRange constituents,
                                           Division division) {
  for (Type format : select.getFormats())
    if (failed(CodeEmitter(format).verify(std::nullopt,
                                          [&] { return emitError(loc); })))
      return failure();
  FailureOr<BlockChoice> choice = readChoice(constituents.drop_front());
  if (failed(choice))
    return failure();
  const BlockNumber &scale = choice->scale;
  FloatType product =
      chooseProductType(getCodeRange(select), scale.range, logical, division);
  if (!product)
    return emitError(loc) << "the exact value of " << Attribute(select)
                          << " needs more precision than f64 has; use formats "
                             "of fewer bits or fewer nested scales";
  Value payload = getLoops().split(builder, loc, constituents.front());
  Type element = division == Division::Rounded ? logical : product;
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value real = b.extend(emitDecodeCode(b, values[0], values[2]), product);
    if (!scale.is(1))
      real = b.apply<arith::MulFOp>(real, scale.read(b, values[1], product));
    return division == Division::Rounded ? emitRoundTo(b, real, logical) : real;
  };
  Value reals = emitElementwise(builder, loc, getLoops(), payload,
                                {scale, choice->selector}, element, body);
  return getLoops().join(builder, loc, reals, constituents.front());
}

//===----------------------------------------------------------------------===//
// Choosing a format for each block
//===----------------------------------------------------------------------===//

/// The number of the first one with the smallest error, 0 if none is finite.
Value SelectEmitter::emitBest(ValueRange errors) {
  Type selector = builder.getIntegerType(getSelectorWidth());
  return emitMap(
      builder, loc, errors, selector, [&](ScalarBuilder &b, ValueRange values) {
        Value best = b.integer(selector, 0);
        Value error = b.constant(values[0].getType(), INFINITY);
        for (auto [index, value] : llvm::enumerate(values)) {
          Value isBetter =
              b.createOrFold<arith::CmpFOp>(CmpFPredicate::OLT, value, error);
          best = b.select(isBetter, b.integer(selector, index), best);
          error = b.select(isBetter, value, error);
        }
        return best;
      });
}

/// Appends the constituents after the payload.
FailureOr<BlockChoice>
SelectEmitter::emitChoice(Value elements, const ExactRange &range,
                          const TensorEncodeModes &modes,
                          SmallVectorImpl<Value> &constituents) {
  SmallVector<ScaledEmitter::Trial> trials;
  SmallVector<Value> ideals;
  for (ScaledEmitter &emitter : choices) {
    BlockNumber scale = BlockNumber::get(staticScale.value_or(1.0));
    if (!staticScale) {
      FailureOr<Value> ideal = emitter.emitIdealScales(elements, range, modes);
      if (failed(ideal))
        return failure();
      ideals.push_back(*ideal);
      scale = emitter.emitTrialScales(*ideal);
    }
    trials.push_back({emitter, {scale, BlockNumber::get(0)}});
  }
  FailureOr<SmallVector<Value>> errors = ScaledEmitter::emitSquaredErrors(
      trials, choices.front().emitErrorLoops(elements), range, modes);
  if (failed(errors))
    return failure();
  Value best = emitBest(*errors);
  BlockChoice choice;
  choice.selector.tensor = best;
  if (staticScale) {
    choice.scale = BlockNumber::get(*staticScale);
  } else {
    SmallVector<Value> inputs{best};
    llvm::append_range(inputs, ideals);
    Value ideal =
        emitMap(builder, loc, inputs, builder.getF64Type(),
                [&](ScalarBuilder &b, ValueRange values) {
                  return emitSelect(b, values.front(), values.drop_front());
                });
    FailureOr<BlockNumber> scale =
        choices.front().encodeScales(ideal, modes.scaleRule, constituents);
    if (failed(scale))
      return failure();
    choice.scale = *scale;
  }
  constituents.push_back(getLoops().addUnitDims(builder, loc, best));
  return choice;
}

//===----------------------------------------------------------------------===//
// Encode
//===----------------------------------------------------------------------===//

/// The codes of the selected formats, integers; `codes` are those of all of
/// them, in their own types.
Value SelectEmitter::emitSelectTensor(ArrayRef<Value> codes, Value selector) {
  const BlockLoops &loops = getLoops();
  SmallVector<Value> inputs(codes);
  SmallVector<AffineMap> maps(codes.size(), loops.getElementMap());
  inputs.push_back(selector);
  maps.push_back(loops.getGridMap());
  maps.push_back(loops.getElementMap());
  Value init = tensor::EmptyOp::create(
      builder, loc, tensor::getMixedSizes(builder, loc, codes.front()),
      getPayloadType());
  SmallVector<utils::IteratorType> iterators(loops.getNumLoops(),
                                             utils::IteratorType::parallel);
  auto buildBody = [&](OpBuilder &nested, Location loc, ValueRange args) {
    ScalarBuilder b(nested, loc);
    SmallVector<Value> bits;
    for (Value code : args.take_front(codes.size()))
      bits.push_back(emitBitcast(b, code, getPayloadType()));
    linalg::YieldOp::create(b, emitSelect(b, args[codes.size()], bits));
  };
  return linalg::GenericOp::create(builder, loc, init.getType(), inputs, init,
                                   maps, iterators, buildBody)
      .getResult(0);
}

FailureOr<Value> SelectEmitter::emitPayload(Value elements, Value reals,
                                            const ExactRange &range,
                                            const BlockChoice &choice,
                                            const TensorEncodeModes &modes) {
  SmallVector<Value> codes;
  for (ScaledEmitter &emitter : choices) {
    BlockParameters parameters{choice.scale, BlockNumber::get(0)};
    FailureOr<Value> payload =
        emitter.emitPayload(elements, reals, range, parameters, modes);
    if (failed(payload))
      return failure();
    codes.push_back(*payload);
  }
  return emitSelectTensor(codes, choice.selector.tensor);
}

FailureOr<SmallVector<Value>>
SelectEmitter::emitEncode(Value reals, const ExactRange &range,
                          const TensorEncodeModes &modes) {
  if (failed(verify(modes.element)))
    return failure();
  // What a partial block lacks does not count in its error.
  Value elements = getLoops().split(
      builder, loc, reals,
      builder.getFloatAttr(getElementTypeOrSelf(reals.getType()), NAN));
  // The payload's place is first, and it is known last.
  SmallVector<Value> constituents(1);
  llvm::append_range(constituents, modes.given);
  FailureOr<BlockChoice> choice =
      modes.given.empty() ? emitChoice(elements, range, modes, constituents)
                          : readChoice(modes.given);
  if (failed(choice))
    return failure();
  FailureOr<Value> payload =
      emitPayload(elements, reals, range, *choice, modes);
  if (failed(payload))
    return failure();
  constituents.front() = getLoops().join(builder, loc, *payload, reals);
  return constituents;
}

//===----------------------------------------------------------------------===//
// Replacing zeros
//===----------------------------------------------------------------------===//

/// The constituents as those of choices[index].
SmallVector<Value>
SelectEmitter::getChoiceConstituents(unsigned index, ValueRange constituents) {
  Value payload = constituents.front();
  if (getCode(index) != getPayloadType())
    payload = emitMap(builder, loc, payload, getCode(index),
                      [&](ScalarBuilder &b, ValueRange values) {
                        return emitBitcast(b, values[0], getCode(index));
                      });
  SmallVector<Value> result{payload};
  llvm::append_range(result, constituents.drop_front().drop_back());
  if (!staticScale)
    return result;
  // A scale tensor's logical type is f32, and so is a static scale there.
  FloatType f32 = builder.getF32Type();
  result.push_back(emitMap(builder, loc, constituents.back(), f32,
                           [&](ScalarBuilder &b, ValueRange) {
                             return b.constant(f32, *staticScale);
                           }));
  return result;
}

FailureOr<SmallVector<Value>>
SelectEmitter::emitReplaceZeros(ValueRange constituents) {
  SmallVector<Value> codes;
  for (auto [index, emitter] : llvm::enumerate(choices)) {
    FailureOr<SmallVector<Value>> replaced =
        emitter.emitReplaceZeros(getChoiceConstituents(index, constituents));
    if (failed(replaced))
      return failure();
    codes.push_back(getLoops().split(builder, loc, replaced->front()));
  }
  Value selector = getLoops().dropUnitDims(builder, loc, constituents.back());
  Value payload = emitSelectTensor(codes, selector);
  SmallVector<Value> result(constituents);
  result.front() = getLoops().join(builder, loc, payload, constituents.front());
  return result;
}

//===----------------------------------------------------------------------===//
// Model
//===----------------------------------------------------------------------===//

namespace {
struct SelectLowering
    : TensorFormatLowering::ExternalModel<SelectLowering, SelectAttr> {
  ExactRange getExactRange(Attribute attr, Type elementType) const {
    auto select = cast<SelectAttr>(attr);
    if (std::optional<double> scale = select.getStaticScale(elementType))
      return *scale == 1 ? getCodeRange(select)
                         : getCodeRange(select) * ExactRange::of(*scale);
    auto getRange = [&](unsigned index) {
      Attribute choice = select.getChoice(index);
      return cast<TensorFormatLowering>(choice).getExactRange(elementType);
    };
    ExactRange range = getRange(0);
    for (unsigned index = 1; index < select.getFormats().size(); ++index)
      range = unite(range, getRange(index));
    return range;
  }

  FailureOr<Value> emitDecode(Attribute, OpBuilder &builder, Location loc,
                              EncodedTensorType type, ValueRange constituents,
                              Division division) const {
    return SelectEmitter(builder, loc, type).emitDecode(constituents, division);
  }

  FailureOr<SmallVector<Value>>
  emitEncode(Attribute, OpBuilder &builder, Location loc,
             EncodedTensorType type, Value reals, const ExactRange &range,
             const TensorEncodeModes &modes) const {
    return SelectEmitter(builder, loc, type).emitEncode(reals, range, modes);
  }

  FailureOr<SmallVector<Value>>
  emitReplaceZeros(Attribute, OpBuilder &builder, Location loc,
                   EncodedTensorType type, ValueRange constituents) const {
    return SelectEmitter(builder, loc, type).emitReplaceZeros(constituents);
  }

  /// The selector comes at run time.
  TypedAttr getPayloadCode(Attribute, EncodedTensorType, double) const {
    return {};
  }
};
} // namespace

void mlir::qfmt::attachSelectLowering(MLIRContext *context) {
  SelectAttr::attachInterface<SelectLowering>(*context);
}
