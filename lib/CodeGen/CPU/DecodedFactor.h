// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A constant factor that is decoded where it is used. A matrix that is
// computed from constants by element-wise operations and reshapes is one
// function of the elements of these constants:
//
//   factor[k, n] = f(codes[n, k], scales[n, k / 32], ...)
//
// whichever number format it had: f is the scalar code of the operations that
// decode it. The constants (its *sources*) are laid out anew, 16 columns side
// by side, and f is executed on vectors of 16 columns:
//
//   a source that changes with every row      [N/16][K][16], or, if its codes
//                                             have less than 8 bits, as words
//   one that changes every P rows             [N/16][K/P][16]
//   one that does not change along K          [N/16][1][16]
//
// Words: the codes of one column, w bits each, follow each other in words of 32
// bits. 32 / gcd(w, 32) rows fill whole words, w / gcd(w, 32) for each
// column, so that a row is read by shifts by constants on 16 lanes: no
// bit is lost, whatever w is. w is the least width that has all codes that
// occur.
//
// Codes of 6 to 8 bits that stand for numbers of at most 16 bits in f32's
// format are looked up, where the target can (DecodedFloats.cpp):
// [N/16][K/4][64].
//
// What f computes from sources that change every P rows is computed every P
// rows. If f is a product of something and such a scale, the scale can be left
// to the sums of P rows (emitGroups).

#ifndef QFMT_LIB_CODEGEN_CPU_DECODEDFACTOR_H
#define QFMT_LIB_CODEGEN_CPU_DECODEDFACTOR_H

#include "FactorColumns.h"
#include "mlir/IR/IRMapping.h"
#include "qfmt/CodeGen/CPU/CpuTarget.h"

namespace mlir::qfmt {

struct CodeSums;

class DecodedFactor : public FactorColumns {
public:
  /// `matrix` is K x N, or N x K if it is transposed. Null, with the reason in
  /// `whyNot`, if it is computed from anything but constants, or not element by
  /// element.
  static std::unique_ptr<DecodedFactor> match(Value matrix, bool isTransposed,
                                              const CpuTarget &target,
                                              StringRef &whyNot);
  ~DecodedFactor() override;

  /// If it is a sum of entries of tables, these; null otherwise. Before
  /// emitSources.
  std::optional<CodeSums> findTables() const;

  /// Emits the sources.
  void emitSources(ImplicitLocOpBuilder &b);
  /// Of all sources, in their new layout.
  int64_t getNumBytes() const;

  SmallVector<Value> emitRows(ImplicitLocOpBuilder &b, const Panel &panel,
                              Value first, int64_t count,
                              ArrayRef<Value> carried, Body body) override;
  bool hasGroups() const override { return scalePeriod != 0; }
  SmallVector<Value> emitGroups(ImplicitLocOpBuilder &b, const Panel &panel,
                                Value first, int64_t count,
                                ArrayRef<Value> carried, Body body,
                                const Groups &groups) override;
  Type getElementType() const override { return elementType; }
  int64_t getStep() const override {
    return levels.empty() ? unit : levels.front();
  }
  /// False for a matrix that is a constant, and laid out anew.
  bool isCostly() const override;
  /// Widths of 3, 5 and 7 bits, of which 32 rows fill whole words.
  bool hasLongCode() const override { return unit > kColumnsPerBlock; }

private:
  class Builder;
  class TableFinder;
  struct Source;
  /// One for each block of a panel.
  using Mappings = SmallVector<IRMapping>;
  /// Words of a unit that were read, by their number; or rows of numbers.
  using Words = llvm::DenseMap<int64_t, Value>;

  DecodedFactor();
  /// Sets `result`, its body and the sources.
  bool build(Value matrix, bool isTransposed, StringRef &whyNot);
  void chooseWidths(const CpuTarget &target);
  /// Numbers that are looked up, if that is possible.
  bool choosePlanes(Source &source);
  /// Floats of 8 bits, in few operations.
  void simplifyFloats();
  void foldCodes(int64_t tableBits);
  void separateScale();
  void choosePeriods();
  void chooseScalePeriod();
  void eraseUnused();
  void emitSource(ImplicitLocOpBuilder &b, Source &source);

  Value emitElement(ImplicitLocOpBuilder &b, const Source &source, Value block,
                    Value row);
  Value emitFunction(ImplicitLocOpBuilder &b, AffineExpr function, Value row);
  Value emitCode(ImplicitLocOpBuilder &b, const Source &source, Value block,
                 Value first, int64_t row, bool isSigned, Words &words);
  Value emitNumber(ImplicitLocOpBuilder &b, const Source &source, Value block,
                   Value first, int64_t row, Words &words);
  void emitCodes(ImplicitLocOpBuilder &b, Value block, Value first, int64_t row,
                 MutableArrayRef<Words> words, IRMapping &mapping);
  void emitPeriod(ImplicitLocOpBuilder &b, const Panel &panel, int64_t period,
                  Value row, Mappings &mappings);
  /// What rows are for: `groups` is null, or leaves their scales out.
  struct Reader {
    Body body;
    const Groups *groups;
  };
  SmallVector<Value> emitAll(ImplicitLocOpBuilder &b, const Panel &panel,
                             Value first, int64_t count,
                             ArrayRef<Value> carried, const Reader &reader);
  SmallVector<Value> emitLevel(ImplicitLocOpBuilder &b, const Panel &panel,
                               size_t level, Value first, int64_t count,
                               const Mappings &outer, ArrayRef<Value> carried,
                               const Reader &reader);
  SmallVector<Value> emitGroup(ImplicitLocOpBuilder &b, const Panel &panel,
                               size_t level, Value row, int64_t count,
                               const Mappings &mappings,
                               ArrayRef<Value> carried, const Reader &reader);
  SmallVector<Value> emitUnit(ImplicitLocOpBuilder &b, const Panel &panel,
                              Value first, int64_t count, Mappings &mappings,
                              ArrayRef<Value> carried, const Reader &reader);

  int64_t n, k;
  Type elementType;
  /// f of the file comment; an argument for each source.
  std::unique_ptr<Block> body;
  Value result;
  /// If groups of rows have a scale, `result` is the product of these two.
  Value unscaled, scale;
  /// Rows of such a group, a level; 0 if there are none.
  int64_t scalePeriod = 0;
  std::vector<Source> sources;
  /// An operation of f has the same result for so many rows, or, if it is 0,
  /// for all.
  llvm::DenseMap<Operation *, int64_t> periods;
  /// Rows that are decoded without a loop: those that fill whole words.
  int64_t unit = 1;
  /// Longer periods, the longest first, each a multiple of the next and the
  /// last one of `unit`.
  SmallVector<int64_t> levels;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_DECODEDFACTOR_H
