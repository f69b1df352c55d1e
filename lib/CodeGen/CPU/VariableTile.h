// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One batch of a product of two variable matrices:
//
//   pack the batch's second factor, [N/16][K/T][16][T], T terms in 32 bits
//   for panels of V * 16 columns
//     for U rows
//       U x V * 16 sums in registers
//
// Codes of 8 bits are added up as where a factor is constant. Those of 16 bits
// are multiplied by vpmaddwd, whose sums of two products, less 1, fit 32 bits:
// the greatest, 2 * 2^30, is one too many. Sums of 64 bits are two
// accumulators: low = sum q modulo 2^32 and high = sum floor(q / 2^16), with q
// those sums less
// 1. Since sum (q modulo 2^16) < 2^32 it is low - 2^16 high modulo 2^32, and
// the sum of all q is 2^16 high plus that.

#ifndef QFMT_LIB_CODEGEN_CPU_VARIABLETILE_H
#define QFMT_LIB_CODEGEN_CPU_VARIABLETILE_H

#include "ByteDotProduct.h"
#include "ProductLoops.h"
#include "qfmt/CodeGen/Products/VariableProduct.h"

namespace mlir::qfmt {

class VariableTile : public ProductTile {
public:
  VariableTile(ImplicitLocOpBuilder &b, const VariableProduct &product,
               const CpuTarget &target, const Epilogue &epilogue);

  /// Why `target` cannot compute a product of `k` terms of `bits`; empty if it
  /// can.
  static StringRef getWhyNot(CodeReading rhsReading, unsigned bits, int64_t k,
                             const CpuTarget &target);
  /// A tile is a batch; a step is all terms.
  static Blocking chooseBlocking(const VariableProduct &product);

  Value emitPart(ImplicitLocOpBuilder &b, const Rows &rows, const Panel &panel,
                 const Part &part, Value memory) override;
  Value emitLastPart(ImplicitLocOpBuilder &b, const Rows &rows,
                     const Panel &panel, const Part &part, Value memory,
                     Value output) override;

private:
  /// A packed batch, and the sums of its columns if they are needed.
  struct Packed {
    Value words, sums;
  };
  using Loop = llvm::function_ref<SmallVector<Value>(
      Value index, SmallVector<Value> carried)>;

  SmallVector<Value> emitFor(ImplicitLocOpBuilder &b, Value begin, Value end,
                             int64_t step, SmallVector<Value> carried,
                             Loop body);
  Packed emitPacked(ImplicitLocOpBuilder &b, Value batch);
  /// Of blocks from `block` on, each with `valid` columns.
  Packed emitPackedBlock(ImplicitLocOpBuilder &b, Value batch, Value block,
                         int64_t valid, Packed packed);
  /// `count` terms from `term` on of 16 columns, one word each.
  Value loadWords(ImplicitLocOpBuilder &b, Value batch, Value term,
                  int64_t count, const Cell &columns);
  Value loadRhs(ImplicitLocOpBuilder &b, ArrayRef<Value> indices, bool isByRow,
                int64_t valid);
  Value emitPanels(ImplicitLocOpBuilder &b, const Rows &rows,
                   const Panel &panel, const Packed &packed, Value output);
  Value emitTile(ImplicitLocOpBuilder &b, Value row, int64_t count,
                 const Panel &panel, const Packed &packed, Value output);
  /// One word of a row, `count` terms from `term` on.
  Value loadWord(ImplicitLocOpBuilder &b, Value row, Value term, int64_t count);
  SmallVector<Value> emitDots(ImplicitLocOpBuilder &b, Value row, int64_t count,
                              const Panel &panel, Value step, int64_t terms,
                              const Packed &packed, SmallVector<Value> sums);
  /// The sum of 16 columns, of sumBits, from the accumulators of a block.
  Value emitSum(ImplicitLocOpBuilder &b, ArrayRef<Value> accumulators);

  bool hasHalves() const { return product.sumBits == 64; }
  int64_t getNumGroups() const;
  VectorType getAccumulatorType(MLIRContext *context) const;
  int64_t getAccumulatorsPerBlock() const {
    return getNumGroups() * (hasHalves() ? 2 : 1);
  }

  VariableProduct product;
  const Epilogue &epilogue;
  /// How codes of 8 bits are multiplied.
  ByteDotProduct dot;
  /// What a code of the first factor, as the instruction reads it, lacks to its
  /// value, and whether the instruction reads it with its highest bit flipped.
  int64_t missing;
  bool isFlipped;
  int64_t numRegisters;
  /// Lanes of 32 bits that a register of the target has, for codes of 16 bits.
  int64_t lanes;
  Value lhs, rhs;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_VARIABLETILE_H
