// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a running x86-64 program finds out whether its machine has what LLVM
// calls a feature.

#ifndef QFMT_LIB_RUNTIME_CPUIDFEATURES_H
#define QFMT_LIB_RUNTIME_CPUIDFEATURES_H

#include "mlir/IR/Location.h"
#include "mlir/Support/LogicalResult.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir::qfmt {

/// Registers of `cpuid`, in the order of its results.
enum class CpuidRegister { EAX, EBX, ECX, EDX };

/// Bits that have to be set in a register after `cpuid` with EAX = `leaf` and
/// ECX = `subleaf`.
struct CpuidBits {
  uint32_t leaf, subleaf;
  CpuidRegister result;
  uint32_t mask;
};

struct CpuidRequirement {
  SmallVector<CpuidBits> bits;
  /// State that the system has to keep: bits of XCR0, as `xgetbv` gives them.
  uint32_t systemState = 0;
};

/// What code needs that LLVM has generated for the processor `cpu` with
/// `features` ("+avx2,+fma"), and what these imply. Bits of one register are
/// together. Features whose instructions only a program that names them
/// contains are no requirement. Fails with a diagnostic if there is no such
/// processor or feature, and on features that a program cannot ask for.
FailureOr<CpuidRequirement> getCpuidRequirement(Location loc, StringRef cpu,
                                                StringRef features);

/// True if each machine with what `more` requires has what `less` requires.
bool includes(const CpuidRequirement &more, const CpuidRequirement &less);

} // namespace mlir::qfmt

#endif // QFMT_LIB_RUNTIME_CPUIDFEATURES_H
