//===- WeightErrors.h - What quantization does to weights -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantizes weights as the network will: by `quantize`, compiled for this
// machine as qfmt-encode-constants compiles it.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_WEIGHTERRORS_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_WEIGHTERRORS_H

#include "../OperandEncoding.h"
#include <map>
#include <memory>
#include <tuple>

namespace mlir::qfmt {

class CompiledFunction;

class WeightErrors {
public:
  WeightErrors();
  ~WeightErrors();

  /// W - Q(W), row-major; the difference of two f32 numbers is exact but for
  /// one rounding of a double. All 0 if the encoding, which fits the weights,
  /// has no format. Fails with a diagnostic at the operation if weights are NaN
  /// or infinite.
  FailureOr<std::vector<double>> compute(const WeightedSum &sum,
                                         const OperandEncoding &encoding);

  /// The same for finite values of a tensor of static shape, with `encoding`
  /// not null. Fails if it cannot be compiled.
  FailureOr<std::vector<double>> compute(Location loc, RankedTensorType type,
                                         std::vector<double> values,
                                         const OperandEncoding &encoding);

private:
  const CompiledFunction *getRoundTrip(Location loc,
                                       const OperandEncoding &encoding,
                                       RankedTensorType type);

  /// By the encoded type, the master's encoding and how `quantize` rounds:
  /// layers share shapes.
  std::map<std::tuple<const void *, const void *, ScaleRule, RoundingMode>,
           std::unique_ptr<CompiledFunction>>
      compiled;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_WEIGHTERRORS_H
