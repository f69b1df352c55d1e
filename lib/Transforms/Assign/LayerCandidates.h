//===- LayerCandidates.h - The formats a layer may get ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The candidates of each layer with their damages and costs.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_LAYERCANDIDATES_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_LAYERCANDIDATES_H

#include "../FormatFamily.h"
#include "Damage.h"
#include "LayerTables.h"
#include "qfmt/Assignment/Problem.h"

namespace mlir::qfmt {

/// What a layer may get.
struct LayerCandidates {
  SmallVector<FormatChoice> formats;
  /// The same with damages and costs; the group has the layer's name, formats
  /// are FormatChoice::str.
  assignment::Group group;
};

/// Where candidates and their numbers come from.
struct CandidateSources {
  /// Of layers without `qfmt.candidates`; may be empty.
  SmallVector<CandidateFamily> families;
  /// Null: damages are those of `qfmt.candidates`.
  Damage *damage = nullptr;
  /// Milliseconds; null: none are known but those of `qfmt.candidates`.
  const ChoiceTable *latencies = nullptr;
  /// For diagnostics.
  StringRef latencyFile;
};

/// Reads candidates with commas between them, families (FormatFamily.h) among
/// them. Fails with a diagnostic that begins with what `emitError` has said.
FailureOr<SmallVector<CandidateFamily>>
parseCandidates(StringRef text, ModuleOp module,
                function_ref<InFlightDiagnostic()> emitError);

/// Candidates are those of `qfmt.candidates`, else `formats`; costs are those
/// of `qfmt.candidates`, then those of the table, then those that LayerCosts.h
/// computes. Fails with a diagnostic at the operation if something is missing,
/// if a format is unknown, or if an operand cannot have it. What the numbers
/// are is left to assignment::Problem::check.
FailureOr<LayerCandidates> getCandidates(const Layer &layer,
                                         ArrayRef<FormatChoice> formats,
                                         const CandidateSources &sources);

/// Fails with a diagnostic if a cost is given by some of the module's
/// `qfmt.candidates` and not by others: the rest would be computed in what may
/// be another unit.
LogicalResult verifyGivenCosts(ArrayRef<Layer> layers);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_LAYERCANDIDATES_H
