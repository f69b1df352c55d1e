// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DecodedFactor.h"
#include "CodeTables.h"
#include "ConstantBits.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qfmt/Conversion/VectorBody.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"
#include <numeric>

namespace mlir::qfmt {

/// Bits of a word of codes.
constexpr int64_t kWordBits = 32;
/// Sources whose period is longer than that are read anew after so many rows,
/// or less, so that sums can be cut into parts.
constexpr int64_t kMaxLevel = 512;

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

/// A constant, or a function of the row.
struct DecodedFactor::Source {
  /// In the body of f.
  BlockArgument argument;
  /// In f's dimensions d0 = column and d1 = row: the element of a constant, for
  /// each of its dimensions, or the function itself.
  SmallVector<AffineExpr> indices;
  /// Empty, if the source is a function.
  std::optional<ConstantBits> constant;

  /// The place in `constant` for each column, then for each row; they add up.
  std::vector<int64_t> columnPlaces, rowPlaces;
  /// The element is the same in rows i * period ... (i + 1) * period - 1; 0 if
  /// it is in all rows.
  int64_t period = 1;
  /// The codes' width if they are packed into words, else 0.
  int64_t width = 0;
  bool isSigned = false;
  /// In the body, too: the code in 32 bits, unsigned. May be null.
  BlockArgument code;
  /// [N/16][...][16].
  Value packed;

  bool isFunction() const { return !constant; }
  unsigned getElementBits() const {
    return constant->elementType.getIntOrFloatBitWidth();
  }
  /// Rows that fill whole words, and these.
  int64_t getUnitRows() const { return kWordBits / std::gcd(width, kWordBits); }
  int64_t getUnitWords() const { return width / std::gcd(width, kWordBits); }
  int64_t getStoredBits() const {
    return width != 0
               ? kWordBits
               : std::max<int64_t>(8, llvm::PowerOf2Ceil(getElementBits()));
  }
  /// Along K.
  int64_t getNumStored(int64_t k) const {
    if (width != 0)
      return llvm::divideCeil(k, getUnitRows()) * getUnitWords();
    return period == 0 ? 1 : llvm::divideCeil(k, period);
  }
};

static int64_t evaluate(AffineExpr expr, int64_t column, int64_t row) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dim.getPosition() == 0 ? column : row;
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t lhs = evaluate(binary.getLHS(), column, row);
  int64_t rhs = evaluate(binary.getRHS(), column, row);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return lhs + rhs;
  case AffineExprKind::Mul:
    return lhs * rhs;
  case AffineExprKind::Mod:
    return lhs - llvm::divideFloorSigned(lhs, rhs) * rhs;
  case AffineExprKind::FloorDiv:
    return llvm::divideFloorSigned(lhs, rhs);
  default:
    return llvm::divideCeilSigned(lhs, rhs);
  }
}

/// The least period of `places`, 0 if they are all the same.
static int64_t findPeriod(ArrayRef<int64_t> places) {
  int64_t period = 0;
  for (size_t i = 1; i < places.size(); ++i)
    if (places[i] != places[i - 1])
      period = std::gcd(period, int64_t(i));
  return period;
}

/// False if an index depends on column and row together, or goes beyond the
/// constant.
static bool findPlaces(ArrayRef<AffineExpr> indices, ArrayRef<int64_t> shape,
                       MutableArrayRef<int64_t> columns,
                       MutableArrayRef<int64_t> rows) {
  int64_t stride = 1;
  for (int64_t i = shape.size() - 1; i >= 0; --i) {
    AffineExpr index = indices[i];
    bool byRow = index.isFunctionOfDim(1);
    if (byRow && index.isFunctionOfDim(0))
      return false;
    MutableArrayRef<int64_t> places = byRow ? rows : columns;
    for (auto [j, place] : llvm::enumerate(places)) {
      int64_t element = evaluate(index, j, j);
      if (element < 0 || element >= shape[i])
        return false;
      place += element * stride;
    }
    stride *= shape[i];
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Finding f and its sources
//===----------------------------------------------------------------------===//

class DecodedFactor::Builder {
public:
  explicit Builder(DecodedFactor &factor, MLIRContext *context)
      : factor(factor), b(UnknownLoc::get(context), context) {
    factor.body = std::make_unique<Block>();
    b.setInsertionPointToStart(factor.body.get());
  }

  /// The element of `tensor` at `indices`, as a scalar of the body; null if it
  /// is something else than f.
  Value build(Value tensor, ArrayRef<AffineExpr> indices);
  StringRef getWhyNot() const { return whyNot; }

private:
  Value fail(StringRef reason) {
    if (whyNot.empty())
      whyNot = reason;
    return {};
  }
  Value addSource(ConstantBits constant, ArrayRef<AffineExpr> indices);
  Value addFunction(AffineExpr function);
  Value buildReshape(Value source, ArrayRef<ReassociationIndices> groups,
                     bool isCollapse, Value tensor,
                     ArrayRef<AffineExpr> indices);
  Value buildGeneric(linalg::GenericOp op, ArrayRef<AffineExpr> indices);
  /// An element of a constant table whose place is computed.
  Value buildLookup(tensor::ExtractOp op, IRMapping &mapping);
  AffineExpr simplify(AffineExpr expr) {
    return simplifyAffineExpr(expr, 2, 0);
  }

  DecodedFactor &factor;
  ImplicitLocOpBuilder b;
  StringRef whyNot;
};

Value DecodedFactor::Builder::addSource(ConstantBits constant,
                                        ArrayRef<AffineExpr> indices) {
  Type element = constant.elementType;
  bool isSplat = llvm::all_equal(constant.bits);
  if (isSplat)
    return arith::ConstantOp::create(
        b, cast<TypedAttr>(getElementAttr(element, constant.bits.front())));
  Source source;
  source.columnPlaces.resize(factor.n);
  source.rowPlaces.resize(factor.k);
  if (!findPlaces(indices, constant.shape, source.columnPlaces,
                  source.rowPlaces))
    return fail("elements of a constant are in no order of rows and columns");
  source.period = findPeriod(source.rowPlaces);
  source.constant = std::move(constant);
  source.argument = factor.body->addArgument(element, b.getLoc());
  factor.sources.push_back(std::move(source));
  return factor.sources.back().argument;
}

Value DecodedFactor::Builder::addFunction(AffineExpr function) {
  function = simplify(function);
  if (auto constant = dyn_cast<AffineConstantExpr>(function))
    return arith::ConstantIndexOp::create(b, constant.getValue());
  if (function.isFunctionOfDim(0))
    return fail("a column's number is part of what is computed");
  Source source;
  source.indices = {function};
  source.argument = factor.body->addArgument(b.getIndexType(), b.getLoc());
  factor.sources.push_back(std::move(source));
  return factor.sources.back().argument;
}

Value DecodedFactor::Builder::buildReshape(
    Value source, ArrayRef<ReassociationIndices> groups, bool isCollapse,
    Value tensor, ArrayRef<AffineExpr> indices) {
  // The side that has more dimensions.
  auto type = cast<RankedTensorType>((isCollapse ? source : tensor).getType());
  if (!type.hasStaticShape())
    return {};
  SmallVector<AffineExpr> result(isCollapse ? type.getRank() : groups.size());
  for (auto [i, group] : llvm::enumerate(groups)) {
    int64_t stride = 1;
    AffineExpr sum = b.getAffineConstantExpr(0);
    for (int64_t dim : llvm::reverse(group)) {
      int64_t size = type.getDimSize(dim);
      if (isCollapse) {
        AffineExpr index = indices[i].floorDiv(stride);
        // The outermost one needs no remainder.
        result[dim] = simplify(dim == group.front() ? index : index % size);
      } else {
        sum = sum + indices[dim] * stride;
      }
      stride *= size;
    }
    if (!isCollapse)
      result[i] = simplify(sum);
  }
  return build(source, result);
}

Value DecodedFactor::Builder::buildLookup(tensor::ExtractOp op,
                                          IRMapping &mapping) {
  std::optional<ConstantBits> table = readConstantBits(op.getTensor());
  if (!table)
    return fail("elements of another tensor than a constant are extracted");
  Type i32 = b.getI32Type();
  Value place = arith::ConstantIntOp::create(b, 0, 32);
  int64_t stride = 1;
  for (int64_t i = table->shape.size() - 1; i >= 0; --i) {
    Value index = mapping.lookupOrDefault(op.getIndices()[i]);
    auto cast = index.getDefiningOp<arith::IndexCastUIOp>();
    if (!cast)
      index = b.createOrFold<arith::IndexCastUIOp>(i32, index);
    else if (cast.getIn().getType().getIntOrFloatBitWidth() < 32)
      index = arith::ExtUIOp::create(b, i32, cast.getIn());
    else
      return fail("an index of a table has too many bits");
    Value factor = arith::ConstantIntOp::create(b, stride, 32);
    index = b.createOrFold<arith::MulIOp>(index, factor);
    place = b.createOrFold<arith::AddIOp>(index, place);
    stride *= table->shape[i];
  }
  SmallVector<Attribute> entries;
  for (uint32_t bits : table->bits)
    entries.push_back(getElementAttr(table->elementType, bits));
  auto type = RankedTensorType::get(stride, table->elementType);
  return LookupOp::create(b, table->elementType, place,
                          DenseElementsAttr::get(type, entries));
}

Value DecodedFactor::Builder::buildGeneric(linalg::GenericOp op,
                                           ArrayRef<AffineExpr> indices) {
  AffineMap outMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!op.hasPureTensorSemantics() || op->getNumResults() != 1 ||
      op.getNumParallelLoops() != op.getNumLoops() || !outMap.isPermutation() ||
      op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)))
    return fail("it is not computed element by element");
  SmallVector<AffineExpr> loops(op.getNumLoops());
  for (auto [i, index] : llvm::enumerate(indices))
    loops[outMap.getDimPosition(i)] = index;
  IRMapping mapping;
  for (OpOperand *input : op.getDpsInputOperands()) {
    if (!op.payloadUsesValueFromOperand(input))
      continue;
    Value element = input->get();
    if (isa<RankedTensorType>(element.getType())) {
      SmallVector<AffineExpr> place;
      for (AffineExpr expr : op.getMatchingIndexingMap(input).getResults())
        place.push_back(simplify(expr.replaceDims(loops)));
      element = build(element, place);
    }
    if (!element)
      return {};
    mapping.map(op.getMatchingBlockArgument(input), element);
  }
  for (Operation &inner : op.getBody()->without_terminator()) {
    Value replacement;
    if (auto index = dyn_cast<linalg::IndexOp>(inner))
      replacement = addFunction(loops[index.getDim()]);
    else if (auto extract = dyn_cast<tensor::ExtractOp>(inner))
      replacement = buildLookup(extract, mapping);
    else if (isVectorizable(inner) && inner.getNumResults() == 1)
      replacement = b.clone(inner, mapping)->getResult(0);
    else
      return fail("its elements are not computed by arithmetic");
    if (!replacement)
      return {};
    mapping.map(inner.getResult(0), replacement);
  }
  return mapping.lookupOrDefault(op.getBody()->getTerminator()->getOperand(0));
}

Value DecodedFactor::Builder::build(Value tensor,
                                    ArrayRef<AffineExpr> indices) {
  if (std::optional<ConstantBits> constant = readConstantBits(tensor))
    return addSource(std::move(*constant), indices);
  Operation *op = tensor.getDefiningOp();
  if (auto generic = dyn_cast_or_null<linalg::GenericOp>(op))
    return buildGeneric(generic, indices);
  if (auto collapse = dyn_cast_or_null<tensor::CollapseShapeOp>(op))
    return buildReshape(collapse.getSrc(), collapse.getReassociationIndices(),
                        /*isCollapse=*/true, tensor, indices);
  if (auto expand = dyn_cast_or_null<tensor::ExpandShapeOp>(op))
    return buildReshape(expand.getSrc(), expand.getReassociationIndices(),
                        /*isCollapse=*/false, tensor, indices);
  auto slice = dyn_cast_or_null<tensor::ExtractSliceOp>(op);
  if (slice && slice.getType().getRank() == slice.getSourceType().getRank() &&
      !ShapedType::isDynamicShape(slice.getStaticOffsets()) &&
      !ShapedType::isDynamicShape(slice.getStaticStrides())) {
    SmallVector<AffineExpr> moved;
    for (auto [index, offset, stride] : llvm::zip_equal(
             indices, slice.getStaticOffsets(), slice.getStaticStrides()))
      moved.push_back(index * stride + offset);
    return build(slice.getSource(), moved);
  }
  // A variable needs no reason.
  return factor.sources.empty() ? Value()
                                : fail("not all of it comes from constants");
}

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

DecodedFactor::DecodedFactor() = default;
DecodedFactor::~DecodedFactor() = default;

/// The width of `source`'s codes, if words are to hold them.
static void chooseWidth(ArrayRef<uint32_t> codes, unsigned elementBits,
                        int64_t &width, bool &isSigned) {
  unsigned signedBits = 1, unsignedBits = 1;
  for (uint32_t code : codes) {
    APInt value(elementBits, code);
    signedBits = std::max(signedBits, value.getSignificantBits());
    unsignedBits = std::max(unsignedBits, value.getActiveBits());
  }
  isSigned = signedBits < unsignedBits;
  width = std::min(signedBits, unsignedBits);
  if (width >= 8)
    width = 0;
}

std::unique_ptr<DecodedFactor> DecodedFactor::match(Value matrix,
                                                    bool isTransposed,
                                                    int64_t tableBits,
                                                    StringRef &whyNot) {
  auto type = dyn_cast<RankedTensorType>(matrix.getType());
  if (!type || type.getRank() != 2 || !type.hasStaticShape())
    return nullptr;
  MLIRContext *context = matrix.getContext();
  std::unique_ptr<DecodedFactor> factor(new DecodedFactor);
  factor->k = type.getDimSize(isTransposed ? 1 : 0);
  factor->n = type.getDimSize(isTransposed ? 0 : 1);
  factor->elementType = type.getElementType();
  SmallVector<AffineExpr> indices = {getAffineDimExpr(1, context),
                                     getAffineDimExpr(0, context)};
  if (isTransposed)
    std::swap(indices[0], indices[1]);
  Builder builder(*factor, context);
  factor->result = builder.build(matrix, indices);
  if (!factor->result) {
    whyNot = builder.getWhyNot();
    return nullptr;
  }
  factor->chooseWidths();
  factor->foldCodes(tableBits);
  factor->choosePeriods();
  return factor;
}

void DecodedFactor::chooseWidths() {
  for (Source &source : sources) {
    if (source.isFunction() || source.period != 1)
      continue;
    if (source.getElementBits() <= 8)
      chooseWidth(source.constant->bits, source.getElementBits(), source.width,
                  source.isSigned);
    if (source.width != 0)
      unit = std::lcm(unit, source.getUnitRows());
  }
}

/// What is computed from a code of at most `tableBits` bits becomes a table.
void DecodedFactor::foldCodes(int64_t tableBits) {
  SmallVector<CodeArgument> codes;
  SmallVector<Source *> found;
  for (Source &source : sources) {
    if (source.width == 0 || source.width > tableBits)
      continue;
    found.push_back(&source);
    CodeArgument &code = codes.emplace_back();
    code.argument = source.argument;
    Type element = source.constant->elementType;
    for (uint32_t bits = 0; bits < 1u << source.width; ++bits) {
      APInt value(source.width, bits);
      value = source.isSigned ? value.sext(source.getElementBits())
                              : value.zext(source.getElementBits());
      code.values.push_back(getElementAttr(element, value.getZExtValue()));
    }
  }
  foldIntoTables(*body, result, codes);
  for (auto [source, code] : llvm::zip_equal(found, codes))
    source->code = code.code;
}

/// See the declarations of `levels` and `unit`.
void DecodedFactor::choosePeriods() {
  SmallVector<Source *> slow;
  for (Source &source : sources) {
    if (source.isFunction() || source.period == 0)
      continue;
    if (source.period > 1)
      slow.push_back(&source);
  }
  llvm::sort(slow, [](const Source *a, const Source *b) {
    return a->period < b->period;
  });
  for (Source *source : slow) {
    int64_t step = getStep();
    int64_t &period = source->period;
    if (period % step != 0) {
      // What it has in common with the others.
      const int64_t *level = llvm::find_if(
          levels, [&](int64_t other) { return period % other == 0; });
      period = level == levels.end() ? std::gcd(period, unit) : *level;
      continue;
    }
    if (period > kMaxLevel) {
      int64_t multiple = std::max<int64_t>(kMaxLevel / step, 1);
      while (period / step % multiple != 0)
        --multiple;
      period = step * multiple;
    }
    if (period > step)
      levels.insert(levels.begin(), period);
  }
  eraseUnused();
  llvm::DenseMap<Value, int64_t> known;
  for (const Source &source : sources)
    known[source.argument] = known[source.code] = source.period;
  for (Operation &op : *body) {
    int64_t period = 0;
    for (Value operand : op.getOperands())
      period = std::gcd(period, known.lookup(operand));
    periods[&op] = period;
    for (Value value : op.getResults())
      known[value] = period;
  }
}

/// Casts of indices that became lookups' and the like.
void DecodedFactor::eraseUnused() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*body)))
    if (isOpTriviallyDead(&op) && op.getResult(0) != result)
      op.erase();
}

bool DecodedFactor::isCostly() const {
  return !body->empty() || sources.size() != 1;
}

//===----------------------------------------------------------------------===//
// The sources' layout
//===----------------------------------------------------------------------===//

int64_t DecodedFactor::getNumBytes() const {
  int64_t columns = llvm::alignTo(n, kColumnsPerBlock);
  int64_t bits = 0;
  for (const Source &source : sources)
    if (!source.isFunction())
      bits += columns * source.getNumStored(k) * source.getStoredBits();
  return bits / 8;
}

void DecodedFactor::emitSources(ImplicitLocOpBuilder &b) {
  for (Source &source : sources)
    if (!source.isFunction())
      emitSource(b, source);
}

/// A constant of integers of `bits` bits that are the low ones of `elements`.
static Value emitConstant(ImplicitLocOpBuilder &b, ArrayRef<int64_t> shape,
                          int64_t bits, ArrayRef<uint32_t> elements) {
  auto type = RankedTensorType::get(shape, b.getIntegerType(bits));
  std::vector<int64_t> values;
  values.reserve(elements.size());
  for (uint32_t element : elements)
    values.push_back(llvm::SignExtend64(element, bits));
  return arith::ConstantOp::create(b, makeIntegers(type, values, "packed"));
}

void DecodedFactor::emitSource(ImplicitLocOpBuilder &b, Source &source) {
  int64_t blocks = llvm::divideCeil(n, kColumnsPerBlock);
  int64_t stored = source.getNumStored(k);
  std::vector<uint32_t> elements(blocks * stored * kColumnsPerBlock);
  ArrayRef<uint32_t> bits = source.constant->bits;
  uint32_t mask = llvm::maskTrailingOnes<uint32_t>(source.width);
  for (int64_t column = 0; column < n; ++column) {
    int64_t place = source.columnPlaces[column];
    uint32_t *first =
        &elements[column / kColumnsPerBlock * stored * kColumnsPerBlock +
                  column % kColumnsPerBlock];
    if (source.width == 0) {
      for (int64_t i = 0; i < stored; ++i)
        first[i * kColumnsPerBlock] =
            bits[place + source.rowPlaces[i * source.period]];
      continue;
    }
    for (int64_t row = 0; row < k; ++row) {
      int64_t bit = row % source.getUnitRows() * source.width;
      int64_t word =
          row / source.getUnitRows() * source.getUnitWords() + bit / kWordBits;
      uint64_t code = bits[place + source.rowPlaces[row]] & mask;
      code <<= bit % kWordBits;
      first[word * kColumnsPerBlock] |= uint32_t(code);
      if (code >> kWordBits != 0)
        first[(word + 1) * kColumnsPerBlock] |= uint32_t(code >> kWordBits);
    }
  }
  source.constant->bits = {};
  source.packed = emitConstant(b, {blocks, stored, kColumnsPerBlock},
                               source.getStoredBits(), elements);
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// 16 integers of a source in its layout.
static Value emitStored(ImplicitLocOpBuilder &b, Value packed, Value block,
                        Value place) {
  Type element = getElementTypeOrSelf(packed);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
  Value column = arith::ConstantIndexOp::create(b, 0);
  return vector::TransferReadOp::create(
      b, VectorType::get(kColumnsPerBlock, element), packed,
      ValueRange{block, place, column}, zero, ArrayRef(true));
}

/// Integers as elements of `type`, whose bits are their low ones.
static Value emitElements(ImplicitLocOpBuilder &b, Value integers, Type type) {
  unsigned width = type.getIntOrFloatBitWidth();
  auto found = cast<VectorType>(integers.getType());
  if (found.getElementTypeBitWidth() > width)
    integers = arith::TruncIOp::create(b, found.clone(b.getIntegerType(width)),
                                       integers);
  if (type.isInteger())
    return integers;
  return arith::BitcastOp::create(b, found.clone(type), integers);
}

/// Row `place` of a source that is not packed into words, or what the source is
/// a function of.
Value DecodedFactor::emitElement(ImplicitLocOpBuilder &b, const Source &source,
                                 Value block, Value row) {
  if (source.isFunction())
    return emitFunction(b, source.indices.front(), row);
  Value place = arith::ConstantIndexOp::create(b, 0);
  if (source.period != 0)
    place = b.createOrFold<arith::DivUIOp>(
        row, arith::ConstantIndexOp::create(b, source.period));
  return emitElements(b, emitStored(b, source.packed, block, place),
                      source.constant->elementType);
}

Value DecodedFactor::emitFunction(ImplicitLocOpBuilder &b, AffineExpr function,
                                  Value row) {
  if (auto constant = dyn_cast<AffineConstantExpr>(function))
    return arith::ConstantIndexOp::create(b, constant.getValue());
  if (isa<AffineDimExpr>(function))
    return row;
  auto binary = cast<AffineBinaryOpExpr>(function);
  Value lhs = emitFunction(b, binary.getLHS(), row);
  Value rhs = emitFunction(b, binary.getRHS(), row);
  switch (function.getKind()) {
  case AffineExprKind::Add:
    return b.createOrFold<arith::AddIOp>(lhs, rhs);
  case AffineExprKind::Mul:
    return b.createOrFold<arith::MulIOp>(lhs, rhs);
  // Nothing is negative: these are places in tensors.
  case AffineExprKind::Mod:
    return b.createOrFold<arith::RemUIOp>(lhs, rhs);
  case AffineExprKind::FloorDiv:
    return b.createOrFold<arith::DivUIOp>(lhs, rhs);
  default:
    return b.createOrFold<arith::CeilDivUIOp>(lhs, rhs);
  }
}

/// Row `first` + `row` of a source in words, in lanes of 32 bits; `words` has
/// those of the unit that were read already.
Value DecodedFactor::emitCode(ImplicitLocOpBuilder &b, const Source &source,
                              Value block, Value first, int64_t row,
                              bool isSigned, Words &words) {
  int64_t unitRows = source.getUnitRows(), width = source.width;
  int64_t bit = row % unitRows * width;
  auto getWord = [&](int64_t i) {
    int64_t number = row / unitRows * source.getUnitWords() + i;
    Value &word = words[number];
    if (!word) {
      Value unit = b.createOrFold<arith::DivUIOp>(
          first, arith::ConstantIndexOp::create(b, unitRows));
      Value place = b.createOrFold<arith::MulIOp>(
          unit, arith::ConstantIndexOp::create(b, source.getUnitWords()));
      word = emitStored(b, source.packed, block, emitOffset(b, place, number));
    }
    return word;
  };
  Value word = getWord(bit / kWordBits);
  auto type = cast<VectorType>(word.getType());
  auto splat = [&](uint32_t value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, APInt(kWordBits, value)));
  };
  int64_t shift = bit % kWordBits, end = shift + width;
  if (end > kWordBits) {
    // The rest is in the next word.
    Value low = arith::ShRUIOp::create(b, word, splat(shift));
    Value high = arith::ShLIOp::create(b, getWord(bit / kWordBits + 1),
                                       splat(kWordBits - shift));
    word = arith::OrIOp::create(b, low, high);
    shift = 0;
    end = width;
  }
  if (isSigned) {
    if (end < kWordBits)
      word = arith::ShLIOp::create(b, word, splat(kWordBits - end));
    word = arith::ShRSIOp::create(b, word, splat(kWordBits - width));
  } else {
    if (shift != 0)
      word = arith::ShRUIOp::create(b, word, splat(shift));
    if (end < kWordBits)
      word = arith::AndIOp::create(
          b, word, splat(llvm::maskTrailingOnes<uint32_t>(width)));
  }
  return word;
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

/// What changes every `period` rows, for the rows from `row` on.
void DecodedFactor::emitPeriod(ImplicitLocOpBuilder &b, const Panel &panel,
                               int64_t period, Value row, Mappings &mappings) {
  for (auto [i, mapping] : llvm::enumerate(mappings)) {
    Value block = emitOffset(b, panel.block, i);
    for (const Source &source : sources)
      if (source.period == period && source.width == 0)
        mapping.map(source.argument, emitElement(b, source, block, row));
    for (Operation &op : *body)
      if (periods.lookup(&op) == period)
        emitVectorized(b, op, mapping, kColumnsPerBlock);
  }
}

SmallVector<Value> DecodedFactor::emitRows(ImplicitLocOpBuilder &b,
                                           const Panel &panel, Value first,
                                           int64_t count,
                                           ArrayRef<Value> carried, Body body) {
  Mappings mappings(panel.numBlocks);
  emitPeriod(b, panel, 0, first, mappings);
  return emitLevel(b, panel, 0, first, count, mappings, carried, body);
}

SmallVector<Value> DecodedFactor::emitLevel(
    ImplicitLocOpBuilder &b, const Panel &panel, size_t level, Value first,
    int64_t count, const Mappings &outer, ArrayRef<Value> carried, Body body) {
  bool isUnit = level == levels.size();
  int64_t size = isUnit ? unit : levels[level];
  auto emitSome = [&](Value row, int64_t rows, ArrayRef<Value> values) {
    Mappings mappings = outer;
    if (isUnit)
      return emitUnit(b, panel, row, rows, mappings, values, body);
    emitPeriod(b, panel, size, row, mappings);
    return emitLevel(b, panel, level + 1, row, rows, mappings, values, body);
  };
  int64_t rest = count % size;
  SmallVector<Value> inner =
      emitCarryingLoop(b, first, count - rest, size, carried,
                       [&](Value row, ArrayRef<Value> values) {
                         return emitSome(row, size, values);
                       });
  if (rest == 0)
    return inner;
  return emitSome(emitOffset(b, first, count - rest), rest, inner);
}

static Value emitSplat(ImplicitLocOpBuilder &b, Value value, Type element) {
  if (isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(
      b, VectorType::get(kColumnsPerBlock, element), value);
}

/// Row `first` + `row` of all sources in words.
void DecodedFactor::emitCodes(ImplicitLocOpBuilder &b, Value block, Value first,
                              int64_t row, MutableArrayRef<Words> words,
                              IRMapping &mapping) {
  for (auto [source, read] : llvm::zip_equal(sources, words)) {
    if (source.width == 0)
      continue;
    if (source.code)
      mapping.map(source.code,
                  emitCode(b, source, block, first, row, false, read));
    if (!source.argument.use_empty() || source.argument == result) {
      Value code =
          emitCode(b, source, block, first, row, source.isSigned, read);
      mapping.map(source.argument,
                  emitElements(b, code, source.constant->elementType));
    }
  }
}

SmallVector<Value> DecodedFactor::emitUnit(ImplicitLocOpBuilder &b,
                                           const Panel &panel, Value first,
                                           int64_t count, Mappings &mappings,
                                           ArrayRef<Value> carried, Body body) {
  // By block and source.
  SmallVector<SmallVector<Words>> words(panel.numBlocks,
                                        SmallVector<Words>(sources.size()));
  SmallVector<Value> values(carried);
  for (int64_t i = 0; i < count; ++i) {
    Value row = emitOffset(b, first, i);
    SmallVector<Value> columns;
    for (auto [j, mapping] : llvm::enumerate(mappings))
      emitCodes(b, emitOffset(b, panel.block, j), first, i, words[j], mapping);
    for (int64_t period = unit; period >= 1; --period)
      if (unit % period == 0 && i % period == 0)
        emitPeriod(b, panel, period, row, mappings);
    for (IRMapping &mapping : mappings)
      columns.push_back(
          emitSplat(b, mapping.lookupOrDefault(result), elementType));
    values = body(row, columns, values);
  }
  return values;
}

} // namespace mlir::qfmt
