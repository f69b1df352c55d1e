//===- DecodedRows.cpp - Decoding rows of a factor in registers -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the body of a DecodedFactor and its sources in their layout to vectors
// of 16 columns.
//
//===----------------------------------------------------------------------===//

#include "DecodedSource.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qfmt/Conversion/VectorBody.h"

namespace mlir::qfmt {

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Integers of a source in its layout, 16, or 64 bytes.
static Value emitStored(ImplicitLocOpBuilder &b, Value packed, Value block,
                        Value place) {
  auto type = cast<RankedTensorType>(packed.getType());
  Type element = type.getElementType();
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
  Value column = arith::ConstantIndexOp::create(b, 0);
  return vector::TransferReadOp::create(
      b, VectorType::get(type.getShape().back(), element), packed,
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
      if (source.period == period && source.width == 0 && !source.planes)
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
  return emitAll(b, panel, first, count, carried, {body, nullptr});
}

SmallVector<Value> DecodedFactor::emitGroups(ImplicitLocOpBuilder &b,
                                             const Panel &panel, Value first,
                                             int64_t count,
                                             ArrayRef<Value> carried, Body body,
                                             const Groups &groups) {
  return emitAll(b, panel, first, count, carried, {body, &groups});
}

SmallVector<Value> DecodedFactor::emitAll(ImplicitLocOpBuilder &b,
                                          const Panel &panel, Value first,
                                          int64_t count,
                                          ArrayRef<Value> carried,
                                          const Reader &reader) {
  Mappings mappings(panel.numBlocks);
  emitPeriod(b, panel, 0, first, mappings);
  return emitLevel(b, panel, 0, first, count, mappings, carried, reader);
}

SmallVector<Value> DecodedFactor::emitLevel(ImplicitLocOpBuilder &b,
                                            const Panel &panel, size_t level,
                                            Value first, int64_t count,
                                            const Mappings &outer,
                                            ArrayRef<Value> carried,
                                            const Reader &reader) {
  bool isUnit = level == levels.size();
  int64_t size = isUnit ? unit : levels[level];
  auto emitSome = [&](Value row, int64_t rows, ArrayRef<Value> values) {
    Mappings mappings = outer;
    if (isUnit)
      return emitUnit(b, panel, row, rows, mappings, values, reader);
    emitPeriod(b, panel, size, row, mappings);
    if (reader.groups && size == scalePeriod)
      return emitGroup(b, panel, level + 1, row, rows, mappings, values,
                       reader);
    return emitLevel(b, panel, level + 1, row, rows, mappings, values, reader);
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

/// Rows with one scale, which are those of levels from `level` on.
SmallVector<Value> DecodedFactor::emitGroup(ImplicitLocOpBuilder &b,
                                            const Panel &panel, size_t level,
                                            Value row, int64_t count,
                                            const Mappings &mappings,
                                            ArrayRef<Value> carried,
                                            const Reader &reader) {
  SmallVector<Value> sums = emitLevel(b, panel, level, row, count, mappings,
                                      reader.groups->start(), reader);
  SmallVector<Value> scales;
  for (const IRMapping &mapping : mappings)
    scales.push_back(emitSplat(b, mapping.lookupOrDefault(scale), elementType));
  return reader.groups->add(sums, scales, carried);
}

/// Row `first` + `row` of a source of numbers; `words` has the rows that were
/// looked up with it.
Value DecodedFactor::emitNumber(ImplicitLocOpBuilder &b, const Source &source,
                                Value block, Value first, int64_t row,
                                Words &words) {
  if (!words.contains(row)) {
    Value place = b.createOrFold<arith::DivUIOp>(
        first, arith::ConstantIndexOp::create(b, BytePlanes::kRows));
    Value codes = emitStored(b, source.packed, block,
                             emitOffset(b, place, row / BytePlanes::kRows));
    for (auto [i, number] :
         llvm::enumerate(emitNumbers(b, *source.planes, codes)))
      words[row + i] = number;
  }
  return words[row];
}

/// Row `first` + `row` of all sources in words, and of numbers.
void DecodedFactor::emitCodes(ImplicitLocOpBuilder &b, Value block, Value first,
                              int64_t row, MutableArrayRef<Words> words,
                              IRMapping &mapping) {
  for (auto [source, read] : llvm::zip_equal(sources, words)) {
    if (source.planes)
      mapping.map(source.number,
                  emitNumber(b, source, block, first, row, read));
    if (source.width == 0)
      continue;
    if (source.code)
      mapping.map(source.code,
                  emitCode(b, source, block, first, row, false, read));
    if (!source.argument.use_empty() || source.argument == result ||
        source.argument == unscaled) {
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
                                           ArrayRef<Value> carried,
                                           const Reader &reader) {
  // By block and source.
  SmallVector<SmallVector<Words>> words(panel.numBlocks,
                                        SmallVector<Words>(sources.size()));
  SmallVector<Value> values(carried);
  Value element = reader.groups ? unscaled : result;
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
          emitSplat(b, mapping.lookupOrDefault(element), elementType));
    values = reader.body(row, columns, values);
  }
  return values;
}

} // namespace mlir::qfmt
