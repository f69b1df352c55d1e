// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #qfmt.scaled: codes of one number format with a scale and a zero point a
// block. Labels (C..) are those of docs/spec.md.

#include "qfmt/IR/QFmt.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// Normal form (C4)
//===----------------------------------------------------------------------===//

static FloatAttr getF64Attr(MLIRContext *context, double value) {
  return FloatAttr::get(Float64Type::get(context), value);
}

void ScaledAttr::normalize(ArrayRef<int64_t> &block, Attribute &scale,
                           Attribute &zeroPoint) {
  if (llvm::all_of(block, [](int64_t size) { return size == kWhole; }))
    block = {};
  if (auto value = dyn_cast_or_null<FloatAttr>(scale))
    if (value.getValueAsDouble() == 1.0)
      scale = {};
  if (auto value = dyn_cast_or_null<IntegerAttr>(zeroPoint))
    if (value.getInt() == 0)
      zeroPoint = {};
}

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

static constexpr StringLiteral kBlockSizeMessage =
    "block sizes are positive, or * for a whole dimension, found ";

/// `[` (size | `*`) (`,` ...)* `]`
static ParseResult parseBlock(AsmParser &parser,
                              SmallVectorImpl<int64_t> &block) {
  return parser.parseCommaSeparatedList(
      AsmParser::Delimiter::Square, [&]() -> ParseResult {
        if (succeeded(parser.parseOptionalStar())) {
          block.push_back(ScaledAttr::kWhole);
          return success();
        }
        SMLoc loc = parser.getCurrentLocation();
        int64_t size;
        if (failed(parser.parseInteger(size)))
          return failure();
        if (size < 1)
          return parser.emitError(loc) << kBlockSizeMessage << size;
        block.push_back(size);
        return success();
      });
}

/// A decimal or hexadecimal literal, which is then the bits of an f64: what
/// printFloat falls back to.
static ParseResult parseNumber(AsmParser &parser, Attribute &number) {
  // MLIR's parser reads 0x.. and 2.0 as a float and 2 as an integer.
  StringRef literal(parser.getCurrentLocation().getPointer());
  literal.consume_front("-");
  StringRef digits =
      literal.take_while([](char c) { return llvm::isDigit(c); });
  StringRef rest = literal.drop_front(digits.size());
  double value;
  if (rest.starts_with(".") || rest.starts_with("x")) {
    if (failed(parser.parseFloat(value)))
      return failure();
  } else {
    APInt integer;
    if (failed(parser.parseInteger(integer)))
      return failure();
    // Not APInt::roundToDouble, which is wrong above 64 bits.
    APFloat rounded(APFloat::IEEEdouble());
    rounded.convertFromAPInt(integer, /*IsSigned=*/true,
                             APFloat::rmNearestTiesToEven);
    value = rounded.convertToDouble();
  }
  number = getF64Attr(parser.getContext(), value);
  return success();
}

/// A number, a number format, or a tensor format.
static ParseResult parseScale(AsmParser &parser, Attribute &scale) {
  SMLoc loc = parser.getCurrentLocation();
  char first = *loc.getPointer();
  if (llvm::isDigit(first) || first == '-')
    return parseNumber(parser, scale);
  Type type;
  OptionalParseResult isType = parser.parseOptionalType(type);
  if (isType.has_value()) {
    scale = type ? TypeAttr::get(type) : Attribute();
    return *isType;
  }
  OptionalParseResult isAttribute = parser.parseOptionalAttribute(scale);
  if (isAttribute.has_value()) {
    if (failed(*isAttribute))
      return failure();
    if (isa<TensorFormat>(scale))
      return success();
  }
  return parser.emitError(loc)
         << "scale is a positive finite number, a number format or a tensor "
            "format";
}

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
  bool hasBlock = false;
  if (parser.parseLess() || parser.parseType(format))
    return {};
  while (succeeded(parser.parseOptionalComma())) {
    SMLoc keyLoc = parser.getCurrentLocation();
    StringRef key;
    if (parser.parseKeyword(&key) || parser.parseEqual())
      return {};
    bool twice = (key == "block" && hasBlock) || (key == "scale" && scale) ||
                 (key == "zero_point" && zeroPoint);
    if (twice) {
      parser.emitError(keyLoc) << "'" << key << "' is given twice";
      return {};
    }
    if (key == "block") {
      hasBlock = true;
      if (parseBlock(parser, block))
        return {};
    } else if (key == "scale") {
      if (parseScale(parser, scale))
        return {};
    } else if (key == "zero_point") {
      if (parseZeroPoint(parser, zeroPoint))
        return {};
    } else {
      parser.emitError(keyLoc)
          << "expected 'block', 'scale' or 'zero_point', found '" << key << "'";
      return {};
    }
  }
  if (parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    format, ArrayRef<int64_t>(block), scale, zeroPoint);
}

static void printParameter(AsmPrinter &printer, Attribute parameter) {
  if (auto type = dyn_cast<TypeAttr>(parameter))
    printer << type.getValue();
  else if (auto number = dyn_cast<FloatAttr>(parameter))
    printer.printFloat(number.getValue());
  else if (auto integer = dyn_cast<IntegerAttr>(parameter))
    printer << integer.getInt();
  else
    printer << parameter;
}

void ScaledAttr::print(AsmPrinter &printer) const {
  printer << "<" << getFormat();
  if (!getBlock().empty()) {
    printer << ", block = [";
    llvm::interleaveComma(getBlock(), printer, [&](int64_t size) {
      if (size == kWhole)
        printer << "*";
      else
        printer << size;
    });
    printer << "]";
  }
  if (getScale()) {
    printer << ", scale = ";
    printParameter(printer, getScale());
  }
  if (getZeroPoint()) {
    printer << ", zero_point = ";
    printParameter(printer, getZeroPoint());
  }
  printer << ">";
}

//===----------------------------------------------------------------------===//
// Constraints that need no shape
//===----------------------------------------------------------------------===//

/// For diagnostics: -1, 0.0235, 1e-60, nan.
static std::string toString(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", value);
  return text;
}

static LogicalResult verifyScale(Attribute scale, ArrayRef<int64_t> block,
                                 function_ref<InFlightDiagnostic()> emitError) {
  if (auto number = dyn_cast_or_null<FloatAttr>(scale)) {
    // (C5) A static scale is finite and positive, in f32 too.
    double value = number.getValueAsDouble();
    if (!number.getType().isF64())
      return emitError() << "static scale must be an f64 attribute, found "
                         << number;
    if (!std::isfinite(value) || !(value > 0))
      return emitError() << "static scale must be a positive finite number, "
                            "found "
                         << toString(value);
    // (C6) ... and is one number for the whole tensor.
    if (!block.empty())
      return emitError()
             << "a static scale is per tensor: drop 'block', or give the "
                "format of a scale constituent such as scale = f32";
    return success();
  }
  if (!scale) {
    if (!block.empty())
      return emitError() << "'block' needs a scale constituent, write for "
                            "example scale = f32";
    return success();
  }
  if (auto nested = dyn_cast<TensorFormat>(scale)) {
    // (C11) for the scale of a nested encoding that has no run-time scale.
    if (nested.isStatic() &&
        !nested.canRepresent(1.0, Float32Type::get(nested.getContext())))
      return emitError() << "the scale's format " << scale
                         << " lacks the value 1, the scale of a block of zeros";
    return success();
  }
  auto type = dyn_cast<TypeAttr>(scale);
  if (!type)
    return emitError() << "scale is a positive finite number, a number format "
                          "or a tensor format, found "
                       << scale;
  NumberFormat format = verifyNumberFormat(type.getValue(), emitError);
  if (!format)
    return failure();
  // (C11) The scale of a block of zeros is 1.
  uint64_t one =
      format.encodeReal(ExactReal::fromInteger(1), RoundingMode::HalfEven,
                        OverflowMode::Saturate, NaNMode::Zero);
  if (format.decodeCode(one) != 1)
    return emitError() << "the scale's format " << type.getValue()
                       << " lacks the value 1, the scale of a block of zeros";
  return success();
}

static LogicalResult
verifyZeroPoint(Attribute zeroPoint, NumberFormat format,
                function_ref<InFlightDiagnostic()> emitError) {
  if (!zeroPoint)
    return success();
  // (C9) Only integer formats have a zero point, which is one of their values.
  if (!isIntegerFormat(format))
    return emitError() << "a zero point needs an integer format, found "
                       << static_cast<Type>(format);
  if (auto type = dyn_cast<TypeAttr>(zeroPoint)) {
    NumberFormat zeroFormat = verifyNumberFormat(type.getValue(), emitError);
    if (!zeroFormat)
      return failure();
    if (!isIntegerFormat(zeroFormat) ||
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
  // (C3)
  for (int64_t size : block)
    if (size < 1 && size != kWhole)
      return emitError() << kBlockSizeMessage << size;
  if (failed(verifyScale(scale, block, emitError)))
    return failure();
  return verifyZeroPoint(zeroPoint, format, emitError);
}

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

NumberFormat ScaledAttr::getNumberFormat() const {
  return cast<NumberFormat>(getFormat());
}

std::optional<double> ScaledAttr::getStaticScale(Type elementType) const {
  if (!getScale())
    return 1.0;
  auto number = dyn_cast<FloatAttr>(getScale());
  if (!number)
    return std::nullopt;
  // (C7) Read in the logical type's precision, at least f32.
  double value = number.getValueAsDouble();
  return elementType.isF64() ? value : static_cast<float>(value);
}

std::optional<int64_t> ScaledAttr::getStaticZeroPoint() const {
  if (!getZeroPoint())
    return 0;
  if (auto number = dyn_cast<IntegerAttr>(getZeroPoint()))
    return number.getInt();
  return std::nullopt;
}

TensorFormat ScaledAttr::getScaleEncoding() const {
  return dyn_cast_or_null<TensorFormat>(getScale());
}

Type ScaledAttr::getScaleFormat() const {
  auto type = dyn_cast_or_null<TypeAttr>(getScale());
  return type ? type.getValue() : Type();
}

Type ScaledAttr::getZeroPointFormat() const {
  auto type = dyn_cast_or_null<TypeAttr>(getZeroPoint());
  return type ? type.getValue() : Type();
}

SmallVector<int64_t> ScaledAttr::getBlockGrid(ArrayRef<int64_t> shape) const {
  SmallVector<int64_t> grid(shape.size(), 1);
  for (auto [entry, size, block] : llvm::zip(grid, shape, getBlock())) {
    if (block == kWhole)
      continue;
    entry = ShapedType::isDynamic(size) ? size : llvm::divideCeil(size, block);
  }
  return grid;
}

//===----------------------------------------------------------------------===//
// TensorFormat
//===----------------------------------------------------------------------===//

LogicalResult
ScaledAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                           function_ref<InFlightDiagnostic()> emitError) const {
  // (C1) The logical type is one in which arithmetic is defined.
  if (!elementType.isF16() && !elementType.isBF16() && !elementType.isF32() &&
      !elementType.isF64())
    return emitError() << "an encoded tensor's element type is the logical "
                          "type f16, bf16, f32 or f64, found "
                       << elementType;
  // (C3) A block has one entry a dimension.
  if (!getBlock().empty() && getBlock().size() != shape.size())
    return emitError() << "block has " << getBlock().size()
                       << " entries, but the tensor has rank " << shape.size();
  // (C5) ... also in the precision in which it is read (C7).
  if (std::optional<double> scale = getStaticScale(elementType))
    if (!std::isfinite(*scale) || !(*scale > 0))
      return emitError()
             << "static scale "
             << toString(cast<FloatAttr>(getScale()).getValueAsDouble())
             << " is not a positive finite number in f32, in which it is read";
  // (C3) for nested encodings: their blocks refer to the scale tensor.
  if (TensorFormat nested = getScaleEncoding())
    if (auto verifiable = dyn_cast<VerifiableTensorEncoding>(nested))
      return verifiable.verifyEncoding(
          getBlockGrid(shape), Float32Type::get(getContext()), emitError);
  return success();
}

SmallVector<Constituent> ScaledAttr::getConstituents(ArrayRef<int64_t> shape,
                                                     Type elementType) const {
  SmallVector<Constituent> parts;
  auto add = [&](StringRef name, Type format, ArrayRef<int64_t> shape) {
    Type storage = cast<NumberFormat>(format).getStorageType();
    parts.push_back(
        {name.str(), format, RankedTensorType::get(shape, storage)});
  };
  add("payload", getFormat(), shape);
  SmallVector<int64_t> grid = getBlockGrid(shape);
  if (Type format = getScaleFormat())
    add("scale", format, grid);
  if (TensorFormat nested = getScaleEncoding())
    for (Constituent &part :
         nested.getConstituents(grid, Float32Type::get(getContext()))) {
      part.name = "scale." + part.name;
      parts.push_back(part);
    }
  if (Type format = getZeroPointFormat())
    add("zero_point", format, grid);
  return parts;
}

uint64_t ScaledAttr::getPackedBits(ArrayRef<int64_t> shape) const {
  uint64_t bits = 0;
  for (const Constituent &part :
       getConstituents(shape, Float32Type::get(getContext())))
    bits += part.type.getNumElements() *
            cast<NumberFormat>(part.format).getFormatWidth();
  return bits;
}

SmallVector<int64_t> ScaledAttr::getBlockShape(int64_t rank) const {
  SmallVector<int64_t> shape(rank, isStatic() ? 1 : kWhole);
  llvm::copy(getBlock(), shape.begin());
  TensorFormat nested = getScaleEncoding();
  if (!nested)
    return shape;
  // A block of the scale tensor holds that many blocks of this one.
  for (auto [size, scales] : llvm::zip(shape, nested.getBlockShape(rank)))
    if (size == kWhole || scales == kWhole ||
        llvm::MulOverflow(size, scales, size))
      size = kWhole;
  return shape;
}

bool ScaledAttr::isStatic() const {
  return !getScaleFormat() && !getScaleEncoding() && !getZeroPointFormat();
}

bool ScaledAttr::canRepresent(double value, Type elementType) const {
  NumberFormat format = getNumberFormat();
  std::optional<double> scale = getStaticScale(elementType);
  std::optional<int64_t> zeroPoint = getStaticZeroPoint();
  // The zero point is itself a code, so zero needs neither number.
  if (value == 0 && isIntegerFormat(format))
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
