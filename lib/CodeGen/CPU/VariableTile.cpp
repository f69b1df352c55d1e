// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "VariableTile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"

namespace mlir::qfmt {

/// More rows make the code long.
constexpr int64_t kMaxRows = 6;
constexpr int64_t kMaxColumnBlocks = 4;
/// Then sums of q modulo 2^16 stay below 2^32, and sums of a column below 2^31.
constexpr int64_t kMaxTerms = 1 << 15;

/// What a pair of products of 16 bits is added to, so that their sum, which is
/// 2^31 at most, fits 32 bits. Not -1, which LLVM makes anew each time by
/// vpternlogd of a register with itself: processors wait for what that register
/// had before.
constexpr int64_t kPairStart = -2;

/// How codes are read by the instruction: bytes as ByteDotProduct says, words
/// of 16 bits signed.
static CodeReading getDotReading(const VariableProduct &product,
                                 const CpuTarget &target) {
  bool isUnsigned = product.lhsReading.isUnsigned;
  if (product.bits == 8)
    return {isUnsigned, target.getReadingOffset(isUnsigned)};
  return {isUnsigned, isUnsigned ? -(1 << 15) : 0};
}

/// 0 if there is no instruction for words of 16 bits.
static int64_t getWordLanes(const CpuTarget &target) {
  switch (target.instructions) {
  case DotInstructions::Vnni512:
  case DotInstructions::Madd512:
    return 16;
  case DotInstructions::Vnni256:
  case DotInstructions::Madd256:
    return 8;
  case DotInstructions::Madd128:
    return 4;
  default:
    return 0;
  }
}

StringRef VariableTile::getWhyNot(CodeReading rhsReading, unsigned bits,
                                  int64_t k, const CpuTarget &target) {
  if (rhsReading.isUnsigned || rhsReading.offset != 0)
    return "its second factor has a zero point or is unsigned";
  if (bits == 16 && getWordLanes(target) == 0)
    return "the target multiplies no pairs of 16 bits";
  if (k > kMaxTerms)
    return "it has too many terms";
  return {};
}

Blocking VariableTile::chooseBlocking(const VariableProduct &product) {
  Blocking blocking;
  blocking.rows = blocking.cachedRows = product.batchRows;
  blocking.columnBlocks = llvm::divideCeil(product.n, kColumnsPerBlock);
  blocking.steps = 1;
  blocking.cyclesPerStep = double(product.k) / product.getTermsPerWord();
  return blocking;
}

VariableTile::VariableTile(ImplicitLocOpBuilder &b,
                           const VariableProduct &product,
                           const CpuTarget &target, const Epilogue &epilogue)
    : product(product), epilogue(epilogue),
      dot(target, getDotReading(product, target)),
      missing(int64_t(product.lhsReading.offset) -
              getDotReading(product, target).offset),
      isFlipped(getDotReading(product, target).offset != 0),
      numRegisters(target.numRegisters), lanes(getWordLanes(target)),
      lhs(product.lhs->get()), rhs(product.rhs->get()) {}

int64_t VariableTile::getNumGroups() const {
  return product.bits == 8 ? dot.getNumGroups() : kColumnsPerBlock / lanes;
}

VectorType VariableTile::getAccumulatorType(MLIRContext *context) const {
  if (product.bits == 8)
    return dot.getAccumulatorType(context);
  return VectorType::get(lanes, IntegerType::get(context, 32));
}

Value VariableTile::emitPart(ImplicitLocOpBuilder &, const Rows &,
                             const Panel &, const Part &, Value memory) {
  // All terms are one step.
  return memory;
}

Value VariableTile::emitLastPart(ImplicitLocOpBuilder &b, const Rows &rows,
                                 const Panel &panel, const Part &part,
                                 Value memory, Value output) {
  Value batchRows = arith::ConstantIndexOp::create(b, product.batchRows);
  Value batch = b.createOrFold<arith::DivUIOp>(rows.row, batchRows);
  return emitPanels(b, rows, panel, emitPacked(b, batch), output);
}

SmallVector<Value> VariableTile::emitFor(ImplicitLocOpBuilder &b, Value begin,
                                         Value end, int64_t step,
                                         SmallVector<Value> carried,
                                         Loop body) {
  Value increment = arith::ConstantIndexOp::create(b, step);
  auto loop = scf::ForOp::create(b, begin, end, increment, carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  scf::YieldOp::create(b, body(loop.getInductionVar(),
                               SmallVector<Value>(loop.getRegionIterArgs())));
  return SmallVector<Value>(loop.getResults());
}

static Value emitIndex(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

VariableTile::Packed VariableTile::emitPacked(ImplicitLocOpBuilder &b,
                                              Value batch) {
  int64_t blocks = llvm::divideCeil(product.n, kColumnsPerBlock);
  int64_t steps = llvm::divideCeil(product.k, product.getTermsPerWord());
  Packed packed;
  packed.words = tensor::EmptyOp::create(
      b, ArrayRef<int64_t>{blocks, steps, kColumnsPerBlock}, b.getI32Type());
  if (missing != 0)
    packed.sums = tensor::EmptyOp::create(
        b, ArrayRef<int64_t>{blocks, kColumnsPerBlock}, b.getI32Type());
  int64_t whole = product.n / kColumnsPerBlock;
  auto toList = [](const Packed &value) {
    SmallVector<Value> list = {value.words};
    if (value.sums)
      list.push_back(value.sums);
    return list;
  };
  if (whole != 0) {
    SmallVector<Value> results =
        emitFor(b, emitIndex(b, 0), emitIndex(b, whole), 1, toList(packed),
                [&](Value block, SmallVector<Value> carried) {
                  return toList(emitPackedBlock(
                      b, batch, block, kColumnsPerBlock,
                      {carried[0], packed.sums ? carried[1] : Value()}));
                });
    packed.words = results[0];
    if (packed.sums)
      packed.sums = results[1];
  }
  if (whole != blocks)
    packed = emitPackedBlock(b, batch, emitIndex(b, whole),
                             product.n % kColumnsPerBlock, packed);
  return packed;
}

/// `vector` at the end of a place in `tensor`.
static Value store(ImplicitLocOpBuilder &b, Value vector, Value tensor,
                   ValueRange indices) {
  return vector::TransferWriteOp::create(b, vector, tensor, indices,
                                         ArrayRef(true))
      .getResult();
}

VariableTile::Packed VariableTile::emitPackedBlock(ImplicitLocOpBuilder &b,
                                                   Value batch, Value block,
                                                   int64_t valid,
                                                   Packed packed) {
  auto type = VectorType::get(kColumnsPerBlock, b.getI32Type());
  int64_t terms = product.getTermsPerWord();
  int64_t whole = product.k / terms;
  Value first =
      b.createOrFold<arith::MulIOp>(block, emitIndex(b, kColumnsPerBlock));
  Cell columns{first, first, valid};
  Value zero = emitIndex(b, 0);
  // Adds the codes of each word, which are signed.
  auto addCodes = [&](Value sum, Value words) {
    for (int64_t i = 0; packed.sums && i < terms; ++i) {
      Value left = arith::ConstantOp::create(
          b,
          DenseElementsAttr::get(type, APInt(32, 32 - product.bits * (i + 1))));
      Value right = arith::ConstantOp::create(
          b, DenseElementsAttr::get(type, APInt(32, 32 - product.bits)));
      Value code = arith::ShRSIOp::create(
          b, arith::ShLIOp::create(b, words, left), right);
      sum = arith::AddIOp::create(b, sum, code);
    }
    return sum;
  };
  Value none = arith::ConstantOp::create(b, b.getZeroAttr(type));
  SmallVector<Value> carried = {packed.words, none};
  if (whole != 0)
    carried =
        emitFor(b, zero, emitIndex(b, whole), 1, carried,
                [&](Value step, SmallVector<Value> now) -> SmallVector<Value> {
                  Value term =
                      arith::MulIOp::create(b, step, emitIndex(b, terms));
                  Value words = loadWords(b, batch, term, terms, columns);
                  return {store(b, words, now[0], {block, step, zero}),
                          addCodes(now[1], words)};
                });
  if (int64_t rest = product.k % terms) {
    Value words =
        loadWords(b, batch, emitIndex(b, whole * terms), rest, columns);
    carried = {store(b, words, carried[0], {block, emitIndex(b, whole), zero}),
               addCodes(carried[1], words)};
  }
  packed.words = carried[0];
  if (packed.sums)
    packed.sums = store(b, carried[1], packed.sums, {block, zero});
  return packed;
}

/// 16 neighbours, of which `valid` are there, or one element.
Value VariableTile::loadRhs(ImplicitLocOpBuilder &b, ArrayRef<Value> indices,
                            bool isByRow, int64_t valid) {
  if (!isByRow)
    return tensor::ExtractOp::create(b, rhs, indices);
  Type element = b.getIntegerType(product.bits);
  auto type = VectorType::get(kColumnsPerBlock, element);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
  Value mask;
  if (valid != kColumnsPerBlock)
    mask = vector::ConstantMaskOp::create(
        b, VectorType::get(kColumnsPerBlock, b.getI1Type()), ArrayRef(valid));
  int64_t rank = cast<RankedTensorType>(rhs.getType()).getRank();
  auto map = AffineMapAttr::get(
      AffineMap::getMinorIdentityMap(rank, 1, b.getContext()));
  return vector::TransferReadOp::create(b, type, rhs, indices, map, zero, mask,
                                        b.getBoolArrayAttr({true}));
}

Value VariableTile::loadWords(ImplicitLocOpBuilder &b, Value batch, Value term,
                              int64_t count, const Cell &columns) {
  auto type = VectorType::get(kColumnsPerBlock, b.getI32Type());
  bool hasBatches = cast<RankedTensorType>(rhs.getType()).getRank() == 3;
  auto getIndices = [&](Value n, Value k) {
    SmallVector<Value> indices = {product.isRhsTransposed ? n : k,
                                  product.isRhsTransposed ? k : n};
    if (hasBatches)
      indices.insert(indices.begin(), batch);
    return indices;
  };
  if (!product.isRhsTransposed) {
    Value words;
    for (int64_t i = 0; i < count; ++i) {
      Value codes =
          loadRhs(b, getIndices(columns.column, emitOffset(b, term, i)),
                  /*isByRow=*/true, columns.valid);
      Value wide = arith::ExtUIOp::create(b, type, codes);
      if (i == 0) {
        words = wide;
        continue;
      }
      Value shift = arith::ConstantOp::create(
          b, DenseElementsAttr::get(type, APInt(32, product.bits * i)));
      words =
          arith::OrIOp::create(b, words, arith::ShLIOp::create(b, wide, shift));
    }
    return words;
  }
  // Each column's terms lie together.
  auto wordType =
      VectorType::get(32 / product.bits, b.getIntegerType(product.bits));
  auto oneType = VectorType::get(1, b.getI32Type());
  Value words = arith::ConstantOp::create(b, b.getZeroAttr(type));
  Value zero =
      arith::ConstantOp::create(b, b.getZeroAttr(wordType.getElementType()));
  for (int64_t j = 0; j < columns.valid; ++j) {
    Value n = emitOffset(b, columns.column, j);
    Value codes;
    if (count == product.getTermsPerWord()) {
      codes = vector::TransferReadOp::create(
          b, wordType, rhs, getIndices(n, term), zero, ArrayRef(true));
    } else {
      codes = arith::ConstantOp::create(b, b.getZeroAttr(wordType));
      for (int64_t i = 0; i < count; ++i)
        codes = vector::InsertOp::create(
            b,
            loadRhs(b, getIndices(n, emitOffset(b, term, i)),
                    /*isByRow=*/false, 1),
            codes, i);
    }
    Value word = vector::ExtractOp::create(
        b, vector::BitCastOp::create(b, oneType, codes), 0);
    words = vector::InsertOp::create(b, word, words, j);
  }
  return words;
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

Value VariableTile::emitPanels(ImplicitLocOpBuilder &b, const Rows &rows,
                               const Panel &panel, const Packed &packed,
                               Value output) {
  int64_t perBlock = getAccumulatorsPerBlock();
  int64_t numRows = std::min(rows.count, kMaxRows);
  auto getBlocks = [&] {
    return (numRegisters - 4) / (perBlock * numRows + getNumGroups());
  };
  while (numRows > 1 && getBlocks() == 0)
    --numRows;
  // Panels of as many columns as rows are better than long ones of one row.
  while (numRows > 4 && getBlocks() < 2 && panel.numBlocks > 1)
    --numRows;
  int64_t blocks = std::clamp<int64_t>(
      getBlocks(), 1, std::min(kMaxColumnBlocks, panel.numBlocks));
  auto emitRows = [&](const Panel &part, Value out) {
    int64_t whole = rows.count / numRows * numRows;
    Value end = emitOffset(b, rows.row, whole);
    if (whole != 0)
      out =
          emitFor(b, rows.row, end, numRows, {out},
                  [&](Value row, SmallVector<Value> now) -> SmallVector<Value> {
                    return {emitTile(b, row, numRows, part, packed, now[0])};
                  })
              .front();
    if (whole == rows.count)
      return out;
    return emitTile(b, end, rows.count - whole, part, packed, out);
  };
  int64_t valid = panel.lastValid;
  int64_t full = panel.numBlocks - (valid != kColumnsPerBlock);
  int64_t whole = full / blocks * blocks;
  if (whole != 0)
    output =
        emitFor(b, emitIndex(b, 0), emitIndex(b, whole), blocks, {output},
                [&](Value block, SmallVector<Value> now) -> SmallVector<Value> {
                  return {emitRows({block, blocks, kColumnsPerBlock}, now[0])};
                })
            .front();
  if (whole == panel.numBlocks)
    return output;
  return emitRows({emitIndex(b, whole), panel.numBlocks - whole, valid},
                  output);
}

Value VariableTile::loadWord(ImplicitLocOpBuilder &b, Value row, Value term,
                             int64_t count) {
  Type element = b.getIntegerType(product.bits);
  auto type = VectorType::get(product.getTermsPerWord(), element);
  if (count == product.getTermsPerWord()) {
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
    return vector::TransferReadOp::create(b, type, lhs, ValueRange{row, term},
                                          zero, ArrayRef(true));
  }
  Value codes = arith::ConstantOp::create(b, b.getZeroAttr(type));
  for (int64_t i = 0; i < count; ++i) {
    Value code = tensor::ExtractOp::create(
        b, lhs, ValueRange{row, emitOffset(b, term, i)});
    codes = vector::InsertOp::create(b, code, codes, i);
  }
  return codes;
}

SmallVector<Value> VariableTile::emitDots(ImplicitLocOpBuilder &b, Value row,
                                          int64_t count, const Panel &panel,
                                          Value step, int64_t terms,
                                          const Packed &packed,
                                          SmallVector<Value> sums) {
  int64_t groups = getNumGroups();
  int64_t words = kColumnsPerBlock / groups;
  bool isByte = product.bits == 8;
  auto wordType = VectorType::get(words, b.getI32Type());
  auto pairType = VectorType::get(2 * words, b.getIntegerType(16));
  Value zero = arith::ConstantIntOp::create(b, 0, 32);
  SmallVector<Value> right;
  for (int64_t block = 0; block < panel.numBlocks; ++block)
    for (int64_t group = 0; group < groups; ++group) {
      Value loaded = vector::TransferReadOp::create(
          b, wordType, packed.words,
          ValueRange{emitOffset(b, panel.block, block), step,
                     emitIndex(b, group * words)},
          zero, ArrayRef(true));
      if (isByte)
        right.push_back(dot.emitRight(
            b, vector::BitCastOp::create(
                   b, VectorType::get(4 * words, b.getI8Type()), loaded)));
      else
        right.push_back(vector::BitCastOp::create(b, pairType, loaded));
    }
  auto sumType = getAccumulatorType(b.getContext());
  Value start, sixteen, flip;
  if (!isByte) {
    start = arith::ConstantOp::create(
        b, DenseElementsAttr::get(sumType,
                                  APInt(32, kPairStart, /*isSigned=*/true)));
    sixteen = arith::ConstantOp::create(
        b, DenseElementsAttr::get(sumType, APInt(32, 16)));
    flip = arith::ConstantOp::create(
        b, DenseElementsAttr::get(wordType, APInt(32, 0x80008000u)));
  }
  Value term =
      arith::MulIOp::create(b, step, emitIndex(b, product.getTermsPerWord()));
  for (int64_t i = 0; i < count; ++i) {
    Value codes = loadWord(b, emitOffset(b, row, i), term, terms);
    Value left;
    if (isByte) {
      left = dot.emitLeft(b, codes);
    } else {
      Value word = vector::ExtractOp::create(
          b,
          vector::BitCastOp::create(b, VectorType::get(1, b.getI32Type()),
                                    codes),
          0);
      left = vector::BroadcastOp::create(b, wordType, word);
      if (isFlipped)
        left = arith::XOrIOp::create(b, left, flip);
      left = vector::BitCastOp::create(b, pairType, left);
    }
    for (auto [j, factor] : llvm::enumerate(right)) {
      size_t at = i * right.size() + j;
      if (!hasHalves()) {
        sums[at] = isByte ? dot.emitDot(b, sums[at], left, factor)
                          : cpu::DotOp::create(b, sums[at], left, factor, false)
                                .getResult();
        continue;
      }
      Value q = cpu::DotOp::create(b, start, left, factor, false);
      Value &low = sums[2 * at], &high = sums[2 * at + 1];
      low = arith::AddIOp::create(b, low, q);
      high =
          arith::AddIOp::create(b, high, arith::ShRSIOp::create(b, q, sixteen));
    }
  }
  return sums;
}

/// The lanes of one vector after those of the other.
static Value concatenate(ImplicitLocOpBuilder &b, ArrayRef<Value> vectors) {
  SmallVector<Value> parts(vectors);
  while (parts.size() > 1) {
    SmallVector<Value> pairs;
    for (size_t i = 0; i < parts.size(); i += 2) {
      int64_t size = cast<VectorType>(parts[i].getType()).getNumElements();
      pairs.push_back(vector::ShuffleOp::create(
          b, parts[i], parts[i + 1],
          llvm::to_vector(llvm::seq<int64_t>(0, 2 * size))));
    }
    parts = pairs;
  }
  return parts.front();
}

Value VariableTile::emitSum(ImplicitLocOpBuilder &b,
                            ArrayRef<Value> accumulators) {
  if (product.bits == 8)
    return dot.emitSums(b, accumulators);
  if (!hasHalves())
    return concatenate(b, accumulators);
  SmallVector<Value> lows, highs;
  for (size_t i = 0; i < accumulators.size(); i += 2) {
    lows.push_back(accumulators[i]);
    highs.push_back(accumulators[i + 1]);
  }
  Value low = concatenate(b, lows), high = concatenate(b, highs);
  auto type = VectorType::get(kColumnsPerBlock, b.getI32Type());
  auto wide = VectorType::get(kColumnsPerBlock, b.getI64Type());
  auto constant = [&](VectorType of, int64_t value) -> Value {
    return arith::ConstantOp::create(
        b,
        DenseElementsAttr::get(of, APInt(of.getElementTypeBitWidth(), value)));
  };
  Value rest = arith::SubIOp::create(
      b, low, arith::ShLIOp::create(b, high, constant(type, 16)));
  Value sum = arith::ShLIOp::create(b, arith::ExtSIOp::create(b, wide, high),
                                    constant(wide, 16));
  sum = arith::AddIOp::create(b, sum, arith::ExtUIOp::create(b, wide, rest));
  int64_t steps = llvm::divideCeil(product.k, product.getTermsPerWord());
  return arith::AddIOp::create(b, sum, constant(wide, -kPairStart * steps));
}

Value VariableTile::emitTile(ImplicitLocOpBuilder &b, Value row, int64_t count,
                             const Panel &panel, const Packed &packed,
                             Value output) {
  int64_t perBlock = getAccumulatorsPerBlock();
  VectorType type = getAccumulatorType(b.getContext());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  SmallVector<Value> sums(count * panel.numBlocks * perBlock, zero);
  int64_t terms = product.getTermsPerWord();
  int64_t whole = product.k / terms;
  if (whole != 0)
    sums = emitFor(b, emitIndex(b, 0), emitIndex(b, whole), 1, sums,
                   [&](Value step, SmallVector<Value> now) {
                     return emitDots(b, row, count, panel, step, terms, packed,
                                     now);
                   });
  if (int64_t rest = product.k % terms)
    sums =
        emitDots(b, row, count, panel, emitIndex(b, whole), rest, packed, sums);
  auto sumType =
      VectorType::get(kColumnsPerBlock, b.getIntegerType(product.sumBits));
  auto wordType = VectorType::get(kColumnsPerBlock, b.getI32Type());
  Value none = arith::ConstantIntOp::create(b, 0, 32);
  for (int64_t block = 0; block < panel.numBlocks; ++block) {
    Value correction;
    if (missing != 0) {
      correction = vector::TransferReadOp::create(
          b, wordType, packed.sums,
          ValueRange{emitOffset(b, panel.block, block), emitIndex(b, 0)}, none,
          ArrayRef(true));
      if (product.sumBits == 64)
        correction = arith::ExtSIOp::create(b, sumType, correction);
      Value factor = arith::ConstantOp::create(
          b, DenseElementsAttr::get(sumType, APInt(product.sumBits,
                                                   uint64_t(missing), false,
                                                   /*implicitTrunc=*/true)));
      correction = arith::MulIOp::create(b, correction, factor);
    }
    for (int64_t i = 0; i < count; ++i) {
      Cell cell{emitOffset(b, row, i), emitColumn(b, panel, block),
                panel.getValid(block)};
      int64_t first = (i * panel.numBlocks + block) * perBlock;
      Value sum = emitSum(b, ArrayRef(sums).slice(first, perBlock));
      if (correction)
        sum = arith::AddIOp::create(b, sum, correction);
      sum = b.createOrFold<arith::AddIOp>(sum, epilogue.emitStart(b, cell));
      output = epilogue.emitStore(b, sum, cell, output);
    }
  }
  return output;
}

} // namespace mlir::qfmt
