// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// U x V * 16 sums of products of bytes in registers:
//
//   U * V * groups accumulators = 0
//   for k step 4
//     load the panel's groups; for each row broadcast 4 bytes; add up
//
// The first factor is read where it lies: packing it costs more than it saves
// while rows fit the level-1 cache together.

#ifndef QFMT_LIB_CODEGEN_CPU_INTEGERTILE_H
#define QFMT_LIB_CODEGEN_CPU_INTEGERTILE_H

#include "ByteDotProduct.h"
#include "ProductLoops.h"

namespace mlir::qfmt {

class IntegerTile : public RegisterTile {
public:
  /// Of a product that qfmt-pack-products has packed. Emits what all tiles have
  /// in common.
  IntegerTile(ImplicitLocOpBuilder &b, const IntegerProduct &product,
              const ByteDotProduct &dot, const Epilogue &epilogue);

  /// Sizes for `product`; a step is four terms.
  static Blocking chooseBlocking(const CpuTarget &target,
                                 const ByteDotProduct &dot,
                                 const IntegerProduct &product);

protected:
  SmallVector<Value> emitSums(ImplicitLocOpBuilder &b, const Rows &rows,
                              const Panel &panel, const Part &part,
                              Start start) override;

private:
  /// One accumulator for each row, block and group.
  SmallVector<Value> emitTerms(ImplicitLocOpBuilder &b, const Rows &rows,
                               const Panel &panel, const Part &part);
  /// Adds four terms to every accumulator.
  SmallVector<Value> emitDots(ImplicitLocOpBuilder &b, Value step,
                              const Panel &panel, SmallVector<Value> sums,
                              int64_t rows,
                              llvm::function_ref<Value(int64_t)> loadRow);
  Value loadGroup(ImplicitLocOpBuilder &b, Value block, Value step,
                  int64_t group);
  Value loadTerms(ImplicitLocOpBuilder &b, Value row, Value step);
  Value loadLastTerms(ImplicitLocOpBuilder &b, Value row);

  const ByteDotProduct &dot;
  int64_t numTerms;
  Value lhs;
  /// [N/16][K/4][64].
  Value packed;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_INTEGERTILE_H
