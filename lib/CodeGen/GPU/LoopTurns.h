// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How often the loops of a thread go round, for targets that end them after a
// number of turns (GpuTarget::getMaxLoopTurns). A loop has one turn more than
// its body, that in which it ends; turns of nested loops and of loops that
// follow one another are added up:
//
//   for 3 { for 4 {} }    3 (4 + 1) + 3 + 1 turns

#ifndef QFMT_LIB_CODEGEN_GPU_LOOPTURNS_H
#define QFMT_LIB_CODEGEN_GPU_LOOPTURNS_H

#include "mlir/IR/Operation.h"

namespace mlir::qfmt {

/// Of a loop whose body runs `times` times and has loops of `bodyTurns` turns
/// itself. No more than 2^62.
int64_t getLoopTurns(int64_t times, int64_t bodyTurns);

/// Of all loops in `block`, those of all branches. Fails at the first loop
/// whose length is not known, and at calls; `maxTurns` is for the message.
FailureOr<int64_t> countLoopTurns(Block &block, int64_t maxTurns);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_LOOPTURNS_H
