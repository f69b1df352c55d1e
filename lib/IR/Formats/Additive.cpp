// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #qfmt.additive: sums of vectors from tables. Labels (C..) are those of
// docs/spec.md.

#include "BlockScale.h"
#include "ParameterList.h"
#include "TypeSyntax.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

using namespace mlir;
using namespace mlir::qfmt;

/// (C4)
void AdditiveAttr::normalize(ArrayRef<int64_t> &block, Attribute &scale) {
  BlockScale::normalize(block, scale);
}

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

static ParseResult parseGroup(AsmParser &parser,
                              SmallVectorImpl<int64_t> &group) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&] {
    return parser.parseInteger(group.emplace_back());
  });
}

Attribute AdditiveAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  std::optional<unsigned> codebooks, bits;
  std::optional<SmallVector<int64_t>> group;
  Type table;
  SmallVector<int64_t> block;
  Attribute scale;
  if (parser.parseLess() ||
      parseParameterList(
          parser,
          {{"codebooks",
            [&] { return parseCount(parser, codebooks.emplace()); }},
           {"bits", [&] { return parseCount(parser, bits.emplace()); }},
           {"group", [&] { return parseGroup(parser, group.emplace()); }},
           {"table", [&] { return parser.parseType(table); }},
           {"block", [&] { return parseBlock(parser, block); }},
           {"scale", [&] { return parseScale(parser, scale); }}}) ||
      parser.parseGreater())
    return {};
  if (!codebooks || !bits || !group || !table) {
    parser.emitError(loc)
        << "additive needs 'codebooks', 'bits', 'group' and 'table', lacks '"
        << (!codebooks ? "codebooks"
            : !bits    ? "bits"
            : !group   ? "group"
                       : "table")
        << "'";
    return {};
  }
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    *codebooks, *bits, ArrayRef<int64_t>(*group), table,
                    ArrayRef<int64_t>(block), scale);
}

void AdditiveAttr::print(AsmPrinter &printer) const {
  printer << "<codebooks = " << getCodebooks() << ", bits = " << getBits()
          << ", group = [";
  llvm::interleaveComma(getGroup(), printer);
  printer << "], table = " << getTable();
  BlockScale(getBlock(), getScale()).print(printer);
  printer << ">";
}

//===----------------------------------------------------------------------===//
// Constraints
//===----------------------------------------------------------------------===//

static constexpr unsigned kMaxCodebooks = 16;
static constexpr unsigned kMaxBits = 16;
static constexpr int64_t kMaxGroupSize = 4096;

/// The smallest magnitude other than 0.
static double getSmallestMagnitude(NumberFormat format) {
  auto roundAway = [&](bool isNegative, RoundingMode mode) {
    ExactReal tiny = ExactReal::make(isNegative, 1, -1000);
    return std::fabs(format.decodeCode(
        format.encodeReal(tiny, mode, OverflowMode::Saturate, NaNMode::Zero)));
  };
  double above = roundAway(/*isNegative=*/false, RoundingMode::Ceil);
  double below = roundAway(/*isNegative=*/true, RoundingMode::Floor);
  return above == 0 ? below : below == 0 ? above : std::min(above, below);
}

/// (C80)
static LogicalResult verifyGroup(ArrayRef<int64_t> group,
                                 function_ref<InFlightDiagnostic()> emitError) {
  int64_t elements = 1;
  for (int64_t size : group) {
    if (size < 1)
      return emitError() << "group sizes are positive, found " << size;
    if (llvm::MulOverflow(elements, size, elements) || elements > kMaxGroupSize)
      return emitError() << "a group has at most " << kMaxGroupSize
                         << " elements, found [" << group << "]";
  }
  return success();
}

/// (C80) Every value has at most 24 bits, so that entries between 2^e and
/// 2^(e + 40) are multiples of 2^(e - 23), and sums of 16 of them have at most
/// 68 bits; those of f16 have 44.
static LogicalResult verifyTable(Type table, unsigned codebooks,
                                 function_ref<InFlightDiagnostic()> emitError) {
  NumberFormat format = verifyNumberFormat(table, emitError);
  if (!format)
    return failure();
  if (codebooks == 1)
    return success();
  double smallest = getSmallestMagnitude(format);
  double largest = std::max(format.getLargest(), -format.getLowest());
  if (largest < std::ldexp(smallest, 40))
    return success();
  return emitError() << "sums of entries of " << table
                     << " are not exact: its magnitudes, " << toString(smallest)
                     << " to " << toString(largest)
                     << ", are more than 40 powers of two apart; use f16 or "
                        "one codebook";
}

/// (C82) A block of one scale consists of whole groups.
static LogicalResult
verifyBlockOfGroups(ArrayRef<int64_t> group, ArrayRef<int64_t> block,
                    function_ref<InFlightDiagnostic()> emitError) {
  if (block.empty())
    return success();
  if (block.size() != group.size())
    return emitError() << "block has " << block.size() << " entries, but group "
                       << group.size();
  for (auto [size, groupSize] : llvm::zip(block, group))
    if (size != ScaledAttr::kWhole && size % groupSize != 0)
      return emitError() << "a block consists of whole groups, but " << size
                         << " is no multiple of " << groupSize;
  return success();
}

LogicalResult AdditiveAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   unsigned codebooks, unsigned bits,
                                   ArrayRef<int64_t> group, Type table,
                                   ArrayRef<int64_t> block, Attribute scale) {
  // (C80)
  if (codebooks < 1 || codebooks > kMaxCodebooks)
    return emitError() << "additive takes 1 to " << kMaxCodebooks
                       << " codebooks, found " << codebooks;
  if (bits < 1 || bits > kMaxBits)
    return emitError() << "additive takes codes of 1 to " << kMaxBits
                       << " bits, found " << bits;
  if (failed(verifyGroup(group, emitError)))
    return failure();
  if (failed(verifyTable(table, codebooks, emitError)))
    return failure();
  // (C3), (C5), (C6), (C11)
  BlockScale blockScale(block, scale);
  if (failed(blockScale.verify(emitError)) ||
      failed(blockScale.verifyBlockIsOfScale(emitError)))
    return failure();
  return verifyBlockOfGroups(group, block, emitError);
}

LogicalResult AdditiveAttr::verifyEncoding(
    ArrayRef<int64_t> shape, Type elementType,
    function_ref<InFlightDiagnostic()> emitError) const {
  // (C1), (C3), (C5)
  if (failed(BlockScale(getBlock(), getScale())
                 .verifyTensor(shape, elementType, emitError)))
    return failure();
  // (C81)
  if (getGroup().size() != shape.size())
    return emitError() << "group has " << getGroup().size()
                       << " entries, but the tensor has rank " << shape.size();
  for (auto [dim, size, groupSize] : llvm::enumerate(shape, getGroup())) {
    if (groupSize == 1)
      continue;
    if (ShapedType::isDynamic(size))
      return emitError() << "dimension " << dim
                         << " is cut into groups and must be static";
    if (size % groupSize != 0)
      return emitError() << "dimension " << dim << " has " << size
                         << " elements, which is no multiple of the group size "
                         << groupSize;
  }
  return success();
}

/// (C84) A code is that of the nearest vector; tables come from elsewhere.
LogicalResult
AdditiveAttr::verifyEncode(const EncodeRequest &request,
                           function_ref<InFlightDiagnostic()> emitError) const {
  if (!request.isGiven)
    return emitError()
           << "encoding in " << Attribute(*this)
           << " needs given scales and tables, which are learned from data "
              "before (for example by k-means on the residuals)";
  if (request.rounding != RoundingMode::HalfEven || request.isStochastic)
    return emitError() << "encoding in " << Attribute(*this)
                       << " takes the nearest vector and no other rounding";
  if (request.overflow != OverflowMode::Saturate)
    return emitError() << "encoding in " << Attribute(*this)
                       << " takes the nearest vector, which is overflow = "
                          "saturate, found "
                       << stringifyOverflowMode(request.overflow);
  return success();
}

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

Type AdditiveAttr::getCodeFormat() const {
  return IntegerType::get(getContext(), getBits(), IntegerType::Unsigned);
}

int64_t AdditiveAttr::getGroupSize() const {
  return std::accumulate(getGroup().begin(), getGroup().end(), int64_t(1),
                         std::multiplies<int64_t>());
}

SmallVector<int64_t> AdditiveAttr::getGroupGrid(ArrayRef<int64_t> shape) const {
  SmallVector<int64_t> grid(shape);
  for (auto [entry, groupSize] : llvm::zip_equal(grid, getGroup()))
    if (!ShapedType::isDynamic(entry))
      entry /= groupSize;
  return grid;
}

ScaledAttr AdditiveAttr::getScaling() const {
  return ScaledAttr::get(getContext(), getTable(), getBlock(), getScale());
}

//===----------------------------------------------------------------------===//
// TensorFormat
//===----------------------------------------------------------------------===//

SmallVector<Constituent> AdditiveAttr::getConstituents(ArrayRef<int64_t> shape,
                                                       Type) const {
  SmallVector<int64_t> codes = getGroupGrid(shape);
  codes.push_back(getCodebooks());
  SmallVector<Constituent> parts{
      makeConstituent("payload", getCodeFormat(), codes)};
  BlockScale(getBlock(), getScale()).addConstituents(shape, parts);
  SmallVector<int64_t> tables{getCodebooks(), int64_t(1) << getBits()};
  llvm::append_range(tables, getGroup());
  parts.push_back(makeConstituent("tables", getTable(), tables));
  return parts;
}

SmallVector<Type> AdditiveAttr::getElementFormats() const { return {}; }

SmallVector<int64_t> AdditiveAttr::getBlockShape(int64_t rank) const {
  // Tables are shared by the whole tensor, so that without blocks it is one.
  return BlockScale(getBlock(), getScale())
      .getBlockShape(rank, /*isStatic=*/false);
}

SmallVector<SmallVector<int64_t>>
AdditiveAttr::getConstituentBlocks(int64_t) const {
  return {};
}

bool AdditiveAttr::canRepresent(double, Type) const { return false; }

bool AdditiveAttr::isStatic() const { return false; }
