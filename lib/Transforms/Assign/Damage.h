//===- Damage.h - What a layer loses in a format ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The damage that a choice of formats does to a layer, by one of several
// measures. Only numbers of one measure can be compared.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_DAMAGE_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_DAMAGE_H

#include "../Layers.h"
#include "../OperandEncoding.h"
#include "qfmt/Assignment/Problem.h"
#include "qfmt/Transforms/DamageMeasure.h"
#include <memory>

namespace mlir::qfmt {

class Damage {
public:
  virtual ~Damage();

  /// Of `choice` to the layer; `sum` is its operation. Fails with a diagnostic
  /// there.
  virtual FailureOr<double> compute(const Layer &layer, const WeightedSum &sum,
                                    const FormatChoice &choice) = 0;

  /// Why the measure does not see the format of the layer's data, and what to
  /// do about it; empty if it does.
  virtual StringRef explainBlindness(const Layer &layer) const { return {}; }

  /// What two layers do beyond the sum of both; most measures know nothing of
  /// it. May have layers and formats that the network has not.
  virtual ArrayRef<assignment::PairwiseTerm> getPairwiseTerms() const {
    return {};
  }

  /// Reads what the measure needs; null for DamageMeasure::Given. Fails with a
  /// diagnostic at `loc` if `file` is missing, not needed, or wrong.
  static FailureOr<std::unique_ptr<Damage>>
  create(DamageMeasure measure, StringRef file, Location loc);
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_DAMAGE_H
