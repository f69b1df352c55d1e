// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #qfmt.select: each block has one of several number formats. Labels (C..) are
// those of docs/spec.md.

#include "BlockScale.h"
#include "ParameterList.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::qfmt;

/// (C4)
void SelectAttr::normalize(ArrayRef<int64_t> &block, Attribute &scale) {
  BlockScale::normalize(block, scale);
}

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

Attribute SelectAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  SmallVector<Type> formats;
  SmallVector<int64_t> block;
  Attribute scale;
  auto parseFormat = [&] { return parser.parseType(formats.emplace_back()); };
  if (parser.parseLess() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseFormat))
    return {};
  if (succeeded(parser.parseOptionalComma()) &&
      parseParameterList(
          parser, {{"block", [&] { return parseBlock(parser, block); }},
                   {"scale", [&] { return parseScale(parser, scale); }}}))
    return {};
  if (parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    ArrayRef<Type>(formats), ArrayRef<int64_t>(block), scale);
}

void SelectAttr::print(AsmPrinter &printer) const {
  printer << "<[";
  llvm::interleaveComma(getFormats(), printer);
  printer << "]";
  BlockScale(getBlock(), getScale()).print(printer);
  printer << ">";
}

//===----------------------------------------------------------------------===//
// Constraints
//===----------------------------------------------------------------------===//

static constexpr size_t kMaxFormats = 256;
static constexpr unsigned kMaxWidth = 16;

/// (C70)
static LogicalResult
verifyFormats(ArrayRef<Type> types,
              function_ref<InFlightDiagnostic()> emitError) {
  if (types.size() < 2 || types.size() > kMaxFormats)
    return emitError() << "select takes 2 to " << kMaxFormats
                       << " number formats, found " << types.size();
  llvm::SmallSetVector<Type, 4> distinct;
  for (Type type : types) {
    NumberFormat format = verifyNumberFormat(type, emitError);
    if (!format)
      return failure();
    if (!distinct.insert(type))
      return emitError() << "select has the number format " << type << " twice";
    unsigned width = format.getFormatWidth();
    if (width > kMaxWidth)
      return emitError() << "the number formats of select have at most "
                         << kMaxWidth << " bits, but " << type << " has "
                         << width;
    unsigned first = cast<NumberFormat>(types.front()).getFormatWidth();
    if (width != first)
      return emitError() << "the number formats of select have one width, but "
                         << types.front() << " has " << first << " and " << type
                         << " has " << width << " bits";
  }
  return success();
}

LogicalResult SelectAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<Type> formats,
                                 ArrayRef<int64_t> block, Attribute scale) {
  if (failed(verifyFormats(formats, emitError)))
    return failure();
  // (C3), (C5), (C11). Here blocks are those of the selector, too, so that C6
  // does not hold.
  return BlockScale(block, scale).verify(emitError);
}

LogicalResult
SelectAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                           function_ref<InFlightDiagnostic()> emitError) const {
  // (C1), (C3), (C5)
  return BlockScale(getBlock(), getScale())
      .verifyTensor(shape, elementType, emitError);
}

LogicalResult
SelectAttr::verifyEncode(const EncodeRequest &request,
                         function_ref<InFlightDiagnostic()> emitError) const {
  // (C21)
  for (Type type : getFormats())
    if (request.overflow == OverflowMode::Wrap &&
        !cast<NumberFormat>(type).canWrap())
      return emitError() << "overflow = wrap needs integer or fixed-point "
                            "formats all of whose codes are used, found "
                         << type << "; use saturate or infinity";
  // (C74) The two levels of this rule are those of one format.
  if (request.scaleRule == ScaleRule::TwoLevel)
    return emitError()
           << "scale_rule = two_level is that of one number format, "
              "found "
           << Attribute(*this) << "; use absmax";
  return success();
}

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

unsigned SelectAttr::getCodeWidth() const {
  return cast<NumberFormat>(getFormats().front()).getFormatWidth();
}

static Type getUnsignedFormat(MLIRContext *context, unsigned width) {
  return IntegerType::get(context, width, IntegerType::Unsigned);
}

Type SelectAttr::getSelectorFormat() const {
  return getUnsignedFormat(getContext(),
                           llvm::Log2_64_Ceil(getFormats().size()));
}

std::optional<double> SelectAttr::getStaticScale(Type elementType) const {
  return BlockScale(getBlock(), getScale()).getStaticNumber(elementType);
}

ScaledAttr SelectAttr::getChoice(unsigned index) const {
  Attribute scale = getScale();
  if (BlockScale(getBlock(), scale).isStatic())
    scale = TypeAttr::get(Float32Type::get(getContext()));
  return ScaledAttr::get(getContext(), getFormats()[index], getBlock(), scale);
}

SmallVector<int64_t> SelectAttr::getBlockGrid(ArrayRef<int64_t> shape) const {
  return BlockScale(getBlock(), getScale()).getGrid(shape);
}

//===----------------------------------------------------------------------===//
// TensorFormat
//===----------------------------------------------------------------------===//

SmallVector<Constituent> SelectAttr::getConstituents(ArrayRef<int64_t> shape,
                                                     Type) const {
  SmallVector<Constituent> parts{makeConstituent(
      "payload", getUnsignedFormat(getContext(), getCodeWidth()), shape)};
  BlockScale(getBlock(), getScale()).addConstituents(shape, parts);
  parts.push_back(
      makeConstituent("selector", getSelectorFormat(), getBlockGrid(shape)));
  return parts;
}

SmallVector<Type> SelectAttr::getElementFormats() const {
  return SmallVector<Type>(getFormats());
}

SmallVector<int64_t> SelectAttr::getBlockShape(int64_t rank) const {
  return BlockScale(getBlock(), getScale())
      .getBlockShape(rank, /*isStatic=*/false);
}

SmallVector<SmallVector<int64_t>>
SelectAttr::getConstituentBlocks(int64_t rank) const {
  BlockScale blockScale(getBlock(), getScale());
  SmallVector<SmallVector<int64_t>> boxes;
  if (!blockScale.addConstituentBlocks(rank, boxes))
    return {};
  boxes.push_back(blockScale.getFullBlock(rank)); // the selector
  return boxes;
}

bool SelectAttr::canRepresent(double value, Type elementType) const {
  // Each block may have any of the formats.
  return llvm::all_of(getFormats(), [&](Type format) {
    return ScaledAttr::get(getContext(), format, {}, getScale())
        .canRepresent(value, elementType);
  });
}

bool SelectAttr::isStatic() const { return false; }
