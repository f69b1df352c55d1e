// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// U x V * 16 sums of products of bytes in registers:
//
//   U * V * groups accumulators = 0
//   for k step 4
//     load the panel's groups; for each row broadcast 4 bytes; add up
//
// and the same for each run where terms are runs. The first factor is read
// where it lies: packing it costs more than it saves while rows fit the level-1
// cache together. Rows of a convolution overlap; they are never copied. The
// second one is read where it lies, or from an UnpackedPanel.

#ifndef QFMT_LIB_CODEGEN_CPU_INTEGERTILE_H
#define QFMT_LIB_CODEGEN_CPU_INTEGERTILE_H

#include "ByteDotProduct.h"
#include "ProductLoops.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"

namespace mlir::qfmt {

/// The packed factor of `product` as [N/16][K/4][64], the quadruples of all
/// runs one after the other.
Value emitPackedSteps(ImplicitLocOpBuilder &b, const IntegerProduct &product);

class IntegerTile : public RegisterTile {
public:
  /// Of a product that qfmt-pack-products has packed. Emits what all tiles have
  /// in common.
  IntegerTile(ImplicitLocOpBuilder &b, const IntegerProduct &product,
              const ByteDotProduct &dot, const Epilogue &epilogue);

  /// Sizes for `product`; a step is four terms, or a run.
  static Blocking chooseBlocking(const CpuTarget &target,
                                 const ByteDotProduct &dot,
                                 const IntegerProduct &product);
  /// Whole steps of each sum.
  static int64_t getNumSteps(const IntegerProduct &product);

  void emitPanel(ImplicitLocOpBuilder &b, const Panel &panel,
                 const Part &part) override;

protected:
  SmallVector<Value> emitSums(ImplicitLocOpBuilder &b, const Rows &rows,
                              const Panel &panel, const Part &part,
                              Start start) override;

private:
  /// One accumulator for each row, block and group.
  SmallVector<Value> emitTerms(ImplicitLocOpBuilder &b, const Rows &rows,
                               const Panel &panel, const Part &part);
  /// `body` for `count` steps from `first` on, in a loop that carries `sums`.
  SmallVector<Value> emitSteps(
      ImplicitLocOpBuilder &b, Value first, int64_t count,
      SmallVector<Value> sums,
      llvm::function_ref<SmallVector<Value>(Value, SmallVector<Value>)> body);
  /// Adds the products of `count` times four terms from step `first` of `run`,
  /// null if there are no runs, and of what is left at its end.
  SmallVector<Value> emitRun(ImplicitLocOpBuilder &b, const Rows &rows,
                             const Panel &panel, Value run, Value first,
                             int64_t count, bool withRest,
                             SmallVector<Value> sums);
  /// Adds four terms to every accumulator; `step` counts those of the packed
  /// factor.
  SmallVector<Value> emitDots(ImplicitLocOpBuilder &b, Value step,
                              const Panel &panel, SmallVector<Value> sums,
                              int64_t rows,
                              llvm::function_ref<Value(int64_t)> loadRow);
  /// Of block `block` of a panel.
  Value loadGroup(ImplicitLocOpBuilder &b, const Panel &panel, int64_t block,
                  Value step, int64_t group);
  Value loadTerms(ImplicitLocOpBuilder &b, Value row, Value run, Value step);
  Value loadLastTerms(ImplicitLocOpBuilder &b, Value row, Value run);

  IntegerProduct product;
  const ByteDotProduct &dot;
  Value lhs;
  /// Null if the second factor lies in memory as bytes.
  cpu::UnpackIntegersOp codes;
  /// [N/16][K/4][64], the quadruples of all runs one after the other: of the
  /// factor, or of a panel, from `firstDot` on.
  Value packed, firstDot;
  /// Quadruples from one run to the next.
  int64_t dotsPerRun;
};

/// Where terms of the first factor lie, from `k` on of `run` (null if there are
/// no runs) of a row.
SmallVector<Value> emitLhsIndices(ImplicitLocOpBuilder &b,
                                  const IntegerProduct &product, Value row,
                                  Value run, Value k);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_INTEGERTILE_H
