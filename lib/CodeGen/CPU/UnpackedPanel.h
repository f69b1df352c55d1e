// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A panel of a constant factor whose codes take less than a byte, unpacked to
// signed bytes in memory that stays in the level-2 cache: once for all rows
// that run through it. The loops within are those of bytes.

#ifndef QFMT_LIB_CODEGEN_CPU_UNPACKEDPANEL_H
#define QFMT_LIB_CODEGEN_CPU_UNPACKEDPANEL_H

#include "ProductLoops.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"

namespace mlir::qfmt {

/// Consecutive units of a factor's terms. A run of terms takes whole units, and
/// a unit as many times four terms as are codes in a byte, or a multiple.
struct PanelUnits {
  /// Counted over all runs.
  Value first;
  int64_t count;
  /// Four terms each.
  int64_t dotsPerUnit;
  int64_t unitsPerRun;
  /// Undefined ones behind the last unit.
  int64_t dotsBehind = 0;
};

/// Signed bytes, [blocks of the panel][dots of the units, and behind them]
/// [64]; zeros where units have more terms than are packed.
Value emitUnpackedPanel(ImplicitLocOpBuilder &b, cpu::UnpackIntegersOp factor,
                        const Panel &panel, const PanelUnits &units);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_UNPACKEDPANEL_H
