// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "BlockScale.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

static constexpr int64_t kWhole = ScaledAttr::kWhole;

/// (C4)
void BlockScale::normalize(ArrayRef<int64_t> &block, Attribute &scale) {
  if (llvm::all_of(block, [](int64_t size) { return size == kWhole; }))
    block = {};
  if (auto value = dyn_cast_or_null<FloatAttr>(scale))
    if (value.getValueAsDouble() == 1.0)
      scale = {};
}

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

static constexpr StringLiteral kBlockSizeMessage =
    "block sizes are positive, or * for a whole dimension, found ";

ParseResult mlir::qfmt::parseBlock(AsmParser &parser,
                                   SmallVectorImpl<int64_t> &block) {
  return parser.parseCommaSeparatedList(
      AsmParser::Delimiter::Square, [&]() -> ParseResult {
        if (succeeded(parser.parseOptionalStar())) {
          block.push_back(kWhole);
          return success();
        }
        SMLoc loc = parser.getCurrentLocation();
        int64_t size;
        if (failed(parser.parseInteger(size)))
          return failure();
        // The number that stands for `*` is not a size either.
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
  number = FloatAttr::get(Float64Type::get(parser.getContext()), value);
  return success();
}

ParseResult mlir::qfmt::parseScale(AsmParser &parser, Attribute &scale) {
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

void mlir::qfmt::printParameter(AsmPrinter &printer, Attribute parameter) {
  if (auto type = dyn_cast<TypeAttr>(parameter))
    printer << type.getValue();
  else if (auto number = dyn_cast<FloatAttr>(parameter))
    printer.printFloat(number.getValue());
  else if (auto integer = dyn_cast<IntegerAttr>(parameter))
    printer << integer.getInt();
  else
    printer << parameter;
}

void BlockScale::print(AsmPrinter &printer) const {
  if (!block.empty()) {
    printer << ", block = [";
    llvm::interleaveComma(block, printer, [&](int64_t size) {
      if (size == kWhole)
        printer << "*";
      else
        printer << size;
    });
    printer << "]";
  }
  if (scale) {
    printer << ", scale = ";
    printParameter(printer, scale);
  }
}

std::string mlir::qfmt::toString(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", value);
  return text;
}

//===----------------------------------------------------------------------===//
// Constraints
//===----------------------------------------------------------------------===//

/// (C5) A static scale is finite and positive.
LogicalResult
BlockScale::verifyNumber(FloatAttr number,
                         function_ref<InFlightDiagnostic()> emitError) const {
  double value = number.getValueAsDouble();
  if (!number.getType().isF64())
    return emitError() << "static scale must be an f64 attribute, found "
                       << number;
  if (!std::isfinite(value) || !(value > 0))
    return emitError() << "static scale must be a positive finite number, "
                          "found "
                       << toString(value);
  return success();
}

LogicalResult
BlockScale::verify(function_ref<InFlightDiagnostic()> emitError) const {
  // (C3)
  for (int64_t size : block)
    if (size < 1 && size != kWhole)
      return emitError() << kBlockSizeMessage << size;
  if (!scale)
    return success();
  if (auto number = dyn_cast<FloatAttr>(scale))
    return verifyNumber(number, emitError);
  auto emitNoOne = [&](auto format) {
    return emitError() << "the scale's format " << format
                       << " lacks the value 1, the scale of a block of zeros";
  };
  if (auto nested = dyn_cast<TensorFormat>(scale)) {
    // Scales are encoded like any tensor, with nothing given.
    if (failed(nested.verifyEncode(EncodeRequest(), emitError)))
      return failure();
    // (C11) for the scale of a nested encoding that has no run-time scale.
    if (nested.isStatic() &&
        !nested.canRepresent(1.0, Float32Type::get(nested.getContext())))
      return emitNoOne(scale);
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
    return emitNoOne(type.getValue());
  return success();
}

LogicalResult BlockScale::verifyBlockIsOfScale(
    function_ref<InFlightDiagnostic()> emitError) const {
  if (block.empty())
    return success();
  if (isa_and_nonnull<FloatAttr>(scale))
    return emitError() << "a static scale is per tensor: drop 'block', or give "
                          "the format of a scale constituent such as scale = "
                          "f32";
  if (!scale)
    return emitError() << "'block' needs a scale constituent, write for "
                          "example scale = f32";
  return success();
}

LogicalResult
BlockScale::verifyTensor(ArrayRef<int64_t> shape, Type elementType,
                         function_ref<InFlightDiagnostic()> emitError) const {
  // (C1) The logical type is one in which arithmetic is defined.
  if (!elementType.isF16() && !elementType.isBF16() && !elementType.isF32() &&
      !elementType.isF64())
    return emitError() << "an encoded tensor's element type is the logical "
                          "type f16, bf16, f32 or f64, found "
                       << elementType;
  // (C3) A block has one entry a dimension.
  if (!block.empty() && block.size() != shape.size())
    return emitError() << "block has " << block.size()
                       << " entries, but the tensor has rank " << shape.size();
  // (C5) ... also in the precision in which it is read (C7).
  if (std::optional<double> number = getStaticNumber(elementType))
    if (!std::isfinite(*number) || !(*number > 0))
      return emitError()
             << "static scale "
             << toString(cast<FloatAttr>(scale).getValueAsDouble())
             << " is not a positive finite number in f32, in which it is read";
  // (C3) for nested encodings: their blocks refer to the scale tensor.
  if (TensorFormat nested = getEncoding())
    return nested.verifyEncoding(
        getGrid(shape), Float32Type::get(nested.getContext()), emitError);
  return success();
}

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

std::optional<double> BlockScale::getStaticNumber(Type elementType) const {
  if (!scale)
    return 1.0;
  auto number = dyn_cast<FloatAttr>(scale);
  if (!number)
    return std::nullopt;
  // (C7) Read in the logical type's precision, at least f32.
  double value = number.getValueAsDouble();
  return elementType.isF64() ? value : static_cast<float>(value);
}

TensorFormat BlockScale::getEncoding() const {
  return dyn_cast_or_null<TensorFormat>(scale);
}

Type BlockScale::getFormat() const {
  auto type = dyn_cast_or_null<TypeAttr>(scale);
  return type ? type.getValue() : Type();
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

SmallVector<int64_t> BlockScale::getGrid(ArrayRef<int64_t> shape) const {
  SmallVector<int64_t> grid(shape.size(), 1);
  for (auto [entry, size, blockSize] : llvm::zip(grid, shape, block)) {
    if (blockSize == kWhole)
      continue;
    entry =
        ShapedType::isDynamic(size) ? size : llvm::divideCeil(size, blockSize);
  }
  return grid;
}

Constituent mlir::qfmt::makeConstituent(StringRef name, Type format,
                                        ArrayRef<int64_t> shape) {
  Type storage = cast<NumberFormat>(format).getStorageType();
  return {name.str(), format, RankedTensorType::get(shape, storage)};
}

void BlockScale::addConstituents(ArrayRef<int64_t> shape,
                                 SmallVectorImpl<Constituent> &parts) const {
  if (Type format = getFormat())
    parts.push_back(makeConstituent("scale", format, getGrid(shape)));
  TensorFormat nested = getEncoding();
  if (!nested)
    return;
  for (Constituent &part : nested.getConstituents(
           getGrid(shape), Float32Type::get(nested.getContext()))) {
    part.name = "scale." + part.name;
    parts.push_back(part);
  }
}

SmallVector<int64_t> BlockScale::getFullBlock(int64_t rank) const {
  SmallVector<int64_t> shape(rank, kWhole);
  llvm::copy(block, shape.begin());
  return shape;
}

/// A block of the scale tensor of `scales` entries holds that many blocks of
/// the tensor.
static SmallVector<int64_t> multiplyBlocks(SmallVector<int64_t> shape,
                                           ArrayRef<int64_t> scales) {
  for (auto [size, count] : llvm::zip_equal(shape, scales))
    if (size == kWhole || count == kWhole ||
        llvm::MulOverflow(size, count, size))
      size = kWhole;
  return shape;
}

SmallVector<int64_t> BlockScale::getBlockShape(int64_t rank,
                                               bool isStatic) const {
  if (isStatic)
    return SmallVector<int64_t>(rank, 1);
  TensorFormat nested = getEncoding();
  if (!nested)
    return getFullBlock(rank);
  return multiplyBlocks(getFullBlock(rank), nested.getBlockShape(rank));
}

bool BlockScale::addConstituentBlocks(
    int64_t rank, SmallVectorImpl<SmallVector<int64_t>> &boxes) const {
  boxes.emplace_back(rank, 1);
  if (getFormat())
    boxes.push_back(getFullBlock(rank));
  TensorFormat nested = getEncoding();
  if (!nested)
    return true;
  auto inner = nested.getConstituentBlocks(rank);
  for (ArrayRef<int64_t> box : inner)
    boxes.push_back(multiplyBlocks(getFullBlock(rank), box));
  return !inner.empty();
}
