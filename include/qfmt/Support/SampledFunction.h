//===- SampledFunction.h - Functions of few integers ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer code for a function that is known at each of at most 2^16 integers,
// whatever it does between them: poles, kinks and jumps included. For wider
// ranges the samples are 2^stepBits integers apart, and the function should be
// smooth nearly everywhere between them.
//
// Ends where the function hardly changes are cut off by a maximum and a
// minimum. What is left is one polynomial, or one of degree 0 to 3 for each
// segment:
//
//   uniform     segment = offset >> s with offset = i - lo
//   two levels  cell = offset >> K;  (base, s) = cells[cell]
//               segment = base + ((offset mod 2^K) >> s)
//
// Segments of two levels are as short as the function needs them where it needs
// them, down to one integer: near a pole or a jump they are a plain table. The
// low bits of the offset, moved to the top of K bits, are the argument of the
// segment's polynomial, which is evaluated as FixedPointFunction.h does it.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_SAMPLEDFUNCTION_H
#define QFMT_SUPPORT_SAMPLEDFUNCTION_H

#include "qfmt/Support/IntegerProgram.h"
#include <optional>

namespace mlir::qfmt {

struct SampledRequest {
  /// Entry k is the real result for the integer lo + k * 2^stepBits, in output
  /// units: 1 to 2^16 + 1 entries (2 and more if stepBits > 0), finite, of
  /// magnitude below 2^30.
  llvm::ArrayRef<double> values;
  int64_t lo;
  /// The largest error asked for, in output units. Above 0.5, the last
  /// rounding, unless the values happen to be friendlier.
  double maxError;
  /// Entries of all tables together.
  unsigned maxTableSize = 1 << 13;
  /// Of one polynomial for all inputs; segments have at most 3.
  unsigned maxDegree = 8;
  /// At most 14.
  unsigned stepBits = 0;
  /// If stepBits > 0, the results half-way from each sample to the next.
  llvm::ArrayRef<double> midpoints = {};
  /// One for each step, or none: how far the function may be from the lines
  /// through the step's ends and its midpoint, at the integers of the step.
  llvm::ArrayRef<double> between = {};
};

struct SampledFunction {
  /// One input from lo to the last sample, which is not one of them if stepBits
  /// > 0; one result. If stepBits is 0 its range is the exact hull of the
  /// results.
  IntegerProgram program;
  /// The largest |result - value|, in output units. What the values are off
  /// themselves is not part of it. If stepBits is 0, that of all inputs, one by
  /// one. Otherwise the distance of the polynomials, with their rounded
  /// coefficients, from the samples and midpoints, plus what `between` and the
  /// polynomials' curvature say of what lies between, plus what the program
  /// rounds. Without `between`, its second difference over the three points of
  /// a step is taken instead: twice what a smooth function has there, and no
  /// less than a kink or a jump, but blind for what samples do not show.
  double bound;
  unsigned degree;
  unsigned segments;
  /// Entries of all tables.
  unsigned tableSize;
};

/// The form with the fewest operations and smallest tables that keeps the
/// requested error; none if the tables would have too many entries, or if
/// samples are too far apart.
std::optional<SampledFunction>
approximateSamples(const SampledRequest &request);

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_SAMPLEDFUNCTION_H
