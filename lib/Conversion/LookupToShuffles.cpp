//===- LookupToShuffles.cpp - Table lookups in registers ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  qfmt.lookup on vectors, in a module that says what its target can do.
// Output: the target's instructions that permute a register by another one.
//
// A table lies in several registers if need be, and bits of the index select
// among their permutations: with AVX-512 32 numbers of 32 bits take one
// instruction, 64 two and a blend. Entries of less than 32 bits become such
// numbers; after a search of their indices, which are that wide, they are
// truncated anyway. Larger tables, and other targets, are left to
// qfmt-lookup-to-memory.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_LOOKUPTOSHUFFLES
#include "qfmt/Conversion/Passes.h.inc"

namespace {

/// An instruction whose result has in each lane the entry that the lane of an
/// index vector selects, by the low bits of its number.
struct Permutation {
  const char *feature;
  const char *intrinsic;
  unsigned elementBits;
  int64_t lanes;
  /// 1, or 2 for a table in two registers. Operands are the table and the
  /// index, then the table's second register.
  int64_t numSources;
  /// Fewer than lanes, where each part of a register has the same entries.
  int64_t entriesPerSource;

  int64_t getNumEntries() const { return entriesPerSource * numSources; }
};

/// The best ones first.
constexpr Permutation kPermutations[] = {
    {"avx512f", "llvm.x86.avx512.permvar.si.512", 32, 16, 1, 16},
    {"avx512f", "llvm.x86.avx512.vpermi2var.d.512", 32, 16, 2, 16},
    {"avx512f", "llvm.x86.avx512.permvar.di.512", 64, 8, 1, 8},
    {"avx512f", "llvm.x86.avx512.vpermi2var.q.512", 64, 8, 2, 8},
    {"avx2", "llvm.x86.avx2.permd", 32, 8, 1, 8},
    {"avx512vbmi", "llvm.x86.avx512.permvar.qi.512", 8, 64, 1, 64},
    {"avx512bw", "llvm.x86.avx512.pshuf.b.512", 8, 64, 1, 16},
    {"avx2", "llvm.x86.avx2.pshuf.b", 8, 32, 1, 16},
    {"ssse3", "llvm.x86.ssse3.pshuf.b.128", 8, 16, 1, 16},
};

/// More permutations than that are no better than loads.
constexpr int64_t kMaxPermutations = 8;

/// Entries as integers of `bits`; none if the table cannot be read.
std::optional<SmallVector<APInt>> readEntries(LookupOp op, unsigned bits) {
  auto table = cast<ElementsAttr>(op.getTable());
  SmallVector<APInt> entries;
  if (auto real = dyn_cast<FloatType>(table.getElementType())) {
    std::optional<std::vector<double>> values = readFloats(table);
    if (!values)
      return std::nullopt;
    for (double value : *values) {
      APFloat entry(value);
      bool losesInfo;
      entry.convert(real.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                    &losesInfo);
      entries.push_back(entry.bitcastToAPInt().zext(bits));
    }
    return entries;
  }
  std::optional<std::vector<int64_t>> values = readIntegers(table);
  if (!values)
    return std::nullopt;
  for (int64_t value : *values)
    entries.push_back(
        APInt(bits, value, /*isSigned=*/true, /*implicitTrunc=*/true));
  return entries;
}

class Emitter {
public:
  Emitter(LookupOp op, const Permutation &permutation, ArrayRef<APInt> entries)
      : op(op), permutation(permutation), entries(entries), b(op.getLoc(), op),
        type(b.getIntegerType(permutation.elementBits)) {}

  Value emit();

private:
  VectorType getVectorType(int64_t lanes) {
    return VectorType::get(lanes, type);
  }
  bool ignoresHighBits();
  Value emitIndex();
  Value getSource(int64_t first);
  Value emitPermutation(int64_t first, Value index);
  Value emitChunk(Value index);
  Value emitResult(Value bits);

  LookupOp op;
  const Permutation &permutation;
  ArrayRef<APInt> entries;
  ImplicitLocOpBuilder b;
  IntegerType type;
};

/// True if the index has but the bits of a number of an entry, and a register
/// has room for entries for each value of the bits above them.
bool Emitter::ignoresHighBits() {
  auto mask = op.getIndex().getDefiningOp<arith::AndIOp>();
  APInt bits;
  return permutation.elementBits == 8 && permutation.entriesPerSource == 64 &&
         llvm::isPowerOf2_64(entries.size()) && mask &&
         matchPattern(mask.getRhs(), m_ConstantInt(&bits)) &&
         bits == entries.size() - 1;
}

/// The index in the width of the entries.
Value Emitter::emitIndex() {
  Value index = op.getIndex();
  if (ignoresHighBits())
    index = index.getDefiningOp<arith::AndIOp>().getLhs();
  auto vector = cast<VectorType>(index.getType());
  VectorType wide = vector.clone(type);
  if (vector.getElementType().isIndex())
    return arith::IndexCastUIOp::create(b, wide, index);
  unsigned width = vector.getElementType().getIntOrFloatBitWidth();
  if (width < type.getWidth())
    return arith::ExtUIOp::create(b, wide, index);
  if (width > type.getWidth())
    return arith::TruncIOp::create(b, wide, index);
  return index;
}

/// A register of entries from number `first` on; the last one repeated.
Value Emitter::getSource(int64_t first) {
  SmallVector<APInt> values;
  for (int64_t i = first; i < first + permutation.lanes; ++i)
    values.push_back(
        ignoresHighBits()
            ? entries[i % entries.size()]
            : entries[std::min<int64_t>(
                  first + (i - first) % permutation.entriesPerSource,
                  int64_t(entries.size()) - 1)]);
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(getVectorType(permutation.lanes), values));
}

Value Emitter::emitPermutation(int64_t first, Value index) {
  SmallVector<Value> operands{getSource(first), index};
  if (permutation.numSources == 2)
    operands.push_back(getSource(first + permutation.entriesPerSource));
  return LLVM::CallIntrinsicOp::create(b, getVectorType(permutation.lanes),
                                       b.getStringAttr(permutation.intrinsic),
                                       operands)
      .getResult(0);
}

/// One register of indices: permutations, then a tree of blends by the bits of
/// the index above those of a permutation.
Value Emitter::emitChunk(Value index) {
  SmallVector<Value> parts;
  int64_t step = permutation.getNumEntries();
  for (int64_t first = 0; first < int64_t(entries.size()); first += step)
    parts.push_back(emitPermutation(first, index));
  for (int64_t bit = step; parts.size() > 1; bit *= 2) {
    VectorType vector = getVectorType(permutation.lanes);
    Value mask = arith::ConstantOp::create(
        b, DenseElementsAttr::get(vector, b.getIntegerAttr(type, bit)));
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(vector));
    Value isSet =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                              arith::AndIOp::create(b, index, mask), zero);
    SmallVector<Value> halves;
    for (size_t i = 0; i + 1 < parts.size(); i += 2)
      halves.push_back(
          arith::SelectOp::create(b, isSet, parts[i + 1], parts[i]));
    if (parts.size() % 2)
      halves.push_back(parts.back());
    parts = std::move(halves);
  }
  return parts.front();
}

/// The entries' bits in the type of the result.
Value Emitter::emitResult(Value bits) {
  auto result = cast<VectorType>(op.getResult().getType());
  unsigned width = result.getElementType().getIntOrFloatBitWidth();
  if (width < type.getWidth())
    bits =
        arith::TruncIOp::create(b, result.clone(b.getIntegerType(width)), bits);
  if (isa<FloatType>(result.getElementType()))
    bits = arith::BitcastOp::create(b, result, bits);
  return bits;
}

Value Emitter::emit() {
  Value index = emitIndex();
  int64_t lanes = cast<VectorType>(index.getType()).getNumElements();
  if (lanes == permutation.lanes)
    return emitResult(emitChunk(index));
  Value bits =
      arith::ConstantOp::create(b, b.getZeroAttr(getVectorType(lanes)));
  for (int64_t at = 0; at < lanes; at += permutation.lanes) {
    int64_t valid = std::min(permutation.lanes, lanes - at);
    // Lanes beyond the end repeat the last one.
    SmallVector<int64_t> in, out;
    for (int64_t i = 0; i < permutation.lanes; ++i)
      in.push_back(at + std::min(i, valid - 1));
    Value chunk = emitChunk(vector::ShuffleOp::create(b, index, index, in));
    if (valid < permutation.lanes)
      chunk = vector::ExtractStridedSliceOp::create(
          b, chunk, ArrayRef<int64_t>{0}, ArrayRef<int64_t>{valid},
          ArrayRef<int64_t>{1});
    bits = vector::InsertStridedSliceOp::create(
        b, chunk, bits, ArrayRef<int64_t>{at}, ArrayRef<int64_t>{1});
  }
  return emitResult(bits);
}

/// What the target has for the table, or null.
const Permutation *choosePermutation(LookupOp op,
                                     ArrayRef<StringRef> features) {
  auto result = dyn_cast<VectorType>(op.getResult().getType());
  auto table = cast<ElementsAttr>(op.getTable());
  if (!result || result.getRank() != 1 || result.isScalable() ||
      !table.getElementType().isIntOrFloat())
    return nullptr;
  unsigned width = table.getElementType().getIntOrFloatBitWidth();
  unsigned bits = std::max(32u, width);
  // Bytes that one of these has all of, or a few where indices are bytes, too;
  // others are no faster than words.
  bool hasByteIndex =
      getElementTypeOrSelf(op.getIndex().getType()).isInteger(8);
  if (width <= 8 && table.getNumElements() <= (hasByteIndex ? 64 : 16) &&
      llvm::any_of(kPermutations, [&](const Permutation &candidate) {
        return candidate.elementBits == 8 &&
               llvm::is_contained(features, candidate.feature);
      }))
    bits = 8;
  const Permutation *best = nullptr;
  for (const Permutation &candidate : kPermutations) {
    if (candidate.elementBits != bits ||
        !llvm::is_contained(features, candidate.feature) ||
        table.getNumElements() > candidate.getNumEntries() * kMaxPermutations)
      continue;
    // The fewest instructions; of equals the first.
    auto count = [&](const Permutation &permutation) {
      return llvm::divideCeil(table.getNumElements(),
                              permutation.getNumEntries()) *
             llvm::divideCeil(result.getNumElements(), permutation.lanes);
    };
    if (!best || count(candidate) < count(*best))
      best = &candidate;
  }
  return best;
}

struct LookupToShufflesPass : impl::LookupToShufflesBase<LookupToShufflesPass> {
  void runOnOperation() override {
    auto attribute = getOperation()->getAttrOfType<ArrayAttr>(
        QFmtDialect::kTargetFeaturesAttr);
    if (!attribute)
      return;
    SmallVector<StringRef> features(attribute.getAsValueRange<StringAttr>());
    getOperation()->walk([&](LookupOp op) {
      const Permutation *permutation = choosePermutation(op, features);
      if (!permutation)
        return;
      std::optional<SmallVector<APInt>> entries =
          readEntries(op, permutation->elementBits);
      if (!entries)
        return;
      op.replaceAllUsesWith(Emitter(op, *permutation, *entries).emit());
      op.erase();
    });
  }
};

} // namespace
} // namespace mlir::qfmt
