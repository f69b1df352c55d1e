// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #qfmt.scaled: codes of one number format with a scale and a zero point a
// block. Labels (C..) are those of docs/spec.md.

#include "BlockScale.h"
#include "ParameterList.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// Normal form (C4)
//===----------------------------------------------------------------------===//

void ScaledAttr::normalize(ArrayRef<int64_t> &block, Attribute &scale,
                           Attribute &zeroPoint) {
  BlockScale::normalize(block, scale);
  if (auto value = dyn_cast_or_null<IntegerAttr>(zeroPoint))
    if (value.getInt() == 0)
      zeroPoint = {};
}

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

static ParseResult parseZeroPoint(AsmParser &parser, Attribute &zeroPoint) {
  Type type;
  OptionalParseResult isType = parser.parseOptionalType(type);
  if (isType.has_value()) {
    zeroPoint = type ? TypeAttr::get(type) : Attribute();
    return *isType;
  }
  int64_t value;
  if (failed(parser.parseInteger(value)))
    return failure();
  zeroPoint =
      IntegerAttr::get(IntegerType::get(parser.getContext(), 64), value);
  return success();
}

Attribute ScaledAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  Type format;
  SmallVector<int64_t> block;
  Attribute scale, zeroPoint;
  if (parser.parseLess() || parser.parseType(format))
    return {};
  if (succeeded(parser.parseOptionalComma()) &&
      parseParameterList(
          parser,
          {{"block", [&] { return parseBlock(parser, block); }},
           {"scale", [&] { return parseScale(parser, scale); }},
           {"zero_point", [&] { return parseZeroPoint(parser, zeroPoint); }}}))
    return {};
  if (parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    format, ArrayRef<int64_t>(block), scale, zeroPoint);
}

void ScaledAttr::print(AsmPrinter &printer) const {
  printer << "<" << getFormat();
  BlockScale(getBlock(), getScale()).print(printer);
  if (getZeroPoint()) {
    printer << ", zero_point = ";
    printParameter(printer, getZeroPoint());
  }
  printer << ">";
}

/// Short names, so that types stay readable: those of the field for MXFP and
/// NVFP4, else q_ and the number format.
OpAsmAliasResult ScaledAttr::getAlias(raw_ostream &os) const {
  int64_t innermost = getBlock().empty() ? 0 : getBlock().back();
  if (innermost == 32 && isa_and_nonnull<Float8E8M0FNUType>(getScaleFormat()) &&
      isa<FloatType>(getFormat())) {
    os << "mxfp" << getNumberFormat().getFormatWidth();
    return OpAsmAliasResult::FinalAlias;
  }
  if (innermost == 16 && isa<Float4E2M1FNType>(getFormat()) &&
      getScaleEncoding()) {
    os << "nvfp4";
    return OpAsmAliasResult::FinalAlias;
  }
  std::string format;
  llvm::raw_string_ostream(format) << getFormat();
  os << "q_";
  for (char c : format)
    if (llvm::isAlnum(c))
      os << c;
    else if (c == ',')
      os << 'm';
  return OpAsmAliasResult::FinalAlias;
}

//===----------------------------------------------------------------------===//
// Constraints that need no shape
//===----------------------------------------------------------------------===//

static LogicalResult
verifyZeroPoint(Attribute zeroPoint, NumberFormat format,
                function_ref<InFlightDiagnostic()> emitError) {
  if (!zeroPoint)
    return success();
  // (C9) Only integer formats have a zero point, which is one of their values.
  if (!format.hasIntegerCodes())
    return emitError() << "a zero point needs an integer format, found "
                       << static_cast<Type>(format);
  if (auto type = dyn_cast<TypeAttr>(zeroPoint)) {
    NumberFormat zeroFormat = verifyNumberFormat(type.getValue(), emitError);
    if (!zeroFormat)
      return failure();
    if (!zeroFormat.hasIntegerCodes() ||
        zeroFormat.getLowest() < format.getLowest() ||
        zeroFormat.getLargest() > format.getLargest())
      return emitError() << "the zero point's format " << type.getValue()
                         << " has values that " << static_cast<Type>(format)
                         << " lacks";
    return success();
  }
  auto number = dyn_cast<IntegerAttr>(zeroPoint);
  if (!number || !number.getType().isInteger(64))
    return emitError() << "zero_point is a 64-bit integer or a number format, "
                          "found "
                       << zeroPoint;
  if (number.getInt() < format.getLowest() ||
      number.getInt() > format.getLargest())
    return emitError() << "zero point " << number.getInt()
                       << " is not a value of " << static_cast<Type>(format)
                       << " (" << toString(format.getLowest()) << " to "
                       << toString(format.getLargest()) << ")";
  return success();
}

LogicalResult ScaledAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 Type type, ArrayRef<int64_t> block,
                                 Attribute scale, Attribute zeroPoint) {
  // (C2)
  NumberFormat format = verifyNumberFormat(type, emitError);
  if (!format)
    return failure();
  // (C3), (C5), (C6), (C11)
  BlockScale blockScale(block, scale);
  if (failed(blockScale.verify(emitError)) ||
      failed(blockScale.verifyBlockIsOfScale(emitError)))
    return failure();
  return verifyZeroPoint(zeroPoint, format, emitError);
}

LogicalResult
ScaledAttr::verifyEncode(const EncodeRequest &request,
                         function_ref<InFlightDiagnostic()> emitError) const {
  if (request.scaleRule != ScaleRule::TwoLevel)
    return success();
  // (C34) The second level is a scale of scales that comes at run time.
  auto nested = dyn_cast_if_present<ScaledAttr>(Attribute(getScaleEncoding()));
  if (nested && (nested.getScaleFormat() || nested.getScaleEncoding()))
    return success();
  return emitError() << "scale_rule = two_level needs a scale that is itself "
                        "scaled at run time, such as scale = "
                        "#qfmt.scaled<f8E4M3FN, scale = f32>, found "
                     << Attribute(*this);
}

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

NumberFormat ScaledAttr::getNumberFormat() const {
  return cast<NumberFormat>(getFormat());
}

std::optional<double> ScaledAttr::getStaticScale(Type elementType) const {
  return BlockScale(getBlock(), getScale()).getStaticNumber(elementType);
}

std::optional<int64_t> ScaledAttr::getStaticZeroPoint() const {
  if (!getZeroPoint())
    return 0;
  if (auto number = dyn_cast<IntegerAttr>(getZeroPoint()))
    return number.getInt();
  return std::nullopt;
}

TensorFormat ScaledAttr::getScaleEncoding() const {
  return BlockScale(getBlock(), getScale()).getEncoding();
}

Type ScaledAttr::getScaleFormat() const {
  return BlockScale(getBlock(), getScale()).getFormat();
}

Type ScaledAttr::getZeroPointFormat() const {
  auto type = dyn_cast_or_null<TypeAttr>(getZeroPoint());
  return type ? type.getValue() : Type();
}

SmallVector<int64_t> ScaledAttr::getBlockGrid(ArrayRef<int64_t> shape) const {
  return BlockScale(getBlock(), getScale()).getGrid(shape);
}

//===----------------------------------------------------------------------===//
// TensorFormat
//===----------------------------------------------------------------------===//

LogicalResult
ScaledAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                           function_ref<InFlightDiagnostic()> emitError) const {
  // (C1), (C3), (C5)
  return BlockScale(getBlock(), getScale())
      .verifyTensor(shape, elementType, emitError);
}

SmallVector<Constituent> ScaledAttr::getConstituents(ArrayRef<int64_t> shape,
                                                     Type) const {
  SmallVector<Constituent> parts{
      makeConstituent("payload", getFormat(), shape)};
  BlockScale(getBlock(), getScale()).addConstituents(shape, parts);
  if (Type format = getZeroPointFormat())
    parts.push_back(makeConstituent("zero_point", format, getBlockGrid(shape)));
  return parts;
}

SmallVector<Type> ScaledAttr::getElementFormats() const {
  return {getFormat()};
}

SmallVector<int64_t> ScaledAttr::getBlockShape(int64_t rank) const {
  return BlockScale(getBlock(), getScale()).getBlockShape(rank, isStatic());
}

SmallVector<SmallVector<int64_t>>
ScaledAttr::getConstituentBlocks(int64_t rank) const {
  BlockScale blockScale(getBlock(), getScale());
  SmallVector<SmallVector<int64_t>> boxes;
  if (!blockScale.addConstituentBlocks(rank, boxes))
    return {};
  if (getZeroPointFormat())
    boxes.push_back(blockScale.getFullBlock(rank));
  return boxes;
}

bool ScaledAttr::isStatic() const {
  return !getScaleFormat() && !getScaleEncoding() && !getZeroPointFormat();
}

bool ScaledAttr::canRepresent(double value, Type elementType) const {
  NumberFormat format = getNumberFormat();
  std::optional<double> scale = getStaticScale(elementType);
  std::optional<int64_t> zeroPoint = getStaticZeroPoint();
  // The zero point is itself a code, so zero needs neither number.
  if (value == 0 && format.hasIntegerCodes())
    return true;
  if (value != 0 && (!scale || !zeroPoint))
    return false;
  ExactReal real = ExactReal::fromDouble(value);
  ExactReal unit = ExactReal::fromDouble(scale.value_or(1.0));
  ExactReal zero = ExactReal::fromInteger(zeroPoint.value_or(0));
  // Nearest code of value / scale + zero point, then exact comparison.
  ExactReal quotient =
      ExactReal::divideRounded(real, unit, BinaryFormat::f64());
  if (!ExactReal::addFits(quotient, zero))
    return false;
  uint64_t code = format.encodeReal(quotient + zero, RoundingMode::HalfEven,
                                    OverflowMode::Saturate, NaNMode::Zero);
  ExactReal decoded = ExactReal::fromDouble(format.decodeCode(code)) - zero;
  return decoded * unit == real;
}
