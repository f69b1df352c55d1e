// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Processors and features by LLVM's names, checked before LLVM is asked to
// generate code: it warns and goes on where it does not know a name, and ends
// the process where features change what code for the triple is.

#ifndef QFMT_LIB_RUNTIME_TARGETFEATURES_H
#define QFMT_LIB_RUNTIME_TARGETFEATURES_H

#include "mlir/IR/Location.h"
#include "mlir/Support/LogicalResult.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/TargetParser/Triple.h"

namespace mlir::qfmt {

/// Makes LLVM's targets known, once.
void initializeTargets();

/// Fails, with a diagnostic, if LLVM has no code generator for `triple`, or if
/// it is no processor with little-endian memory and pointers of 64 bits.
LogicalResult checkTriple(Location loc, const llvm::Triple &triple);

/// Fails, with a diagnostic, if the processor `cpu` of `triple` has no such
/// features ("+avx2", "-sse4a"), if there is no such processor, or if together
/// they are no target of the triple's calling convention: 32-bit processors,
/// other modes, floats that are passed in other registers. `given` are the
/// features that somebody has named, `all` these and those that were detected.
LogicalResult checkFeatures(Location loc, const llvm::Triple &triple,
                            StringRef cpu, ArrayRef<std::string> given,
                            ArrayRef<std::string> all);

/// All that the processor `cpu` has with `features`, what they imply among it.
/// No properties that only guide the choice of instructions. The names are
/// known (checkFeatures).
SmallVector<StringRef> getInstructionFeatures(const llvm::Triple &triple,
                                              StringRef cpu,
                                              ArrayRef<std::string> features);

} // namespace mlir::qfmt

#endif // QFMT_LIB_RUNTIME_TARGETFEATURES_H
