//===- ChannelScales.h - Scales and shifts from statistics ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What SmoothQuant, Outlier Suppression+, AWQ and LLM-FP4 make of the ranges of
// channels, as plain numbers. Scales and shifts are those of ChannelMap:
//
//   x~[j] = (x[j] - shift[j]) / scale[j]
//
// Vectors have one entry a channel. All scales are finite and positive for
// finite statistics. No IR.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CHANNELREWRITES_CHANNELSCALES_H
#define QFMT_LIB_CHANNELREWRITES_CHANNELSCALES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <optional>
#include <vector>

namespace mlir::qfmt {

/// What calibration saw of each channel; min <= max, both finite.
struct ChannelRanges {
  std::vector<double> min, max;
  /// The mean of |x|.
  std::vector<double> magnitude;

  size_t size() const { return min.size(); }
  /// max |x - shift|; no shift: max |x|.
  std::vector<double> getLargest(llvm::ArrayRef<double> shift = {}) const;
  /// (max + min) / 2, the shift after which a channel reaches as far down as
  /// up.
  std::vector<double> getMidRange() const;
};

/// Normalized scales are over their geometric mean, that of channels which have
/// one, and at most this factor from 1: a channel that hardly ever differs from
/// 0 must not get weights that leave the range of f32. A factor that all
/// channels share does nothing to formats whose scales are floats.
inline constexpr double kLargestScale = 65536;

/// The nearest power of two of each, by its logarithm.
void roundToPowersOfTwo(llvm::MutableArrayRef<double> scale);

/// SmoothQuant: largest[j]^alpha / weights[j]^(1 - alpha), where `weights` are
/// the largest magnitudes of the weights that read the channel; 1 where either
/// is 0; normalized. 0 <= alpha <= 1.
std::vector<double> getSmoothQuantScales(llvm::ArrayRef<double> largest,
                                         llvm::ArrayRef<double> weights,
                                         double alpha);

/// AWQ: magnitude[j]^exponent; 1 where it is 0; normalized. Exponent 0: all 1.
std::vector<double> getActivationScales(llvm::ArrayRef<double> magnitude,
                                        double exponent);

/// Outlier Suppression+: max(1, largest[j] / threshold): channels beyond the
/// threshold are brought down to it. All 1 if the threshold is not positive.
std::vector<double> getThresholdScales(llvm::ArrayRef<double> largest,
                                       double threshold);

/// The thresholds that are tried where `largest` is the largest magnitude of
/// the tensor: from it down to `least` in max(100, floor(largest / 0.5)) equal
/// steps. It alone if it is not above `least`.
std::vector<double> getThresholds(double largest, double least);

/// The loss of a candidate by its number; none if it cannot be computed.
using CandidateLoss = llvm::function_ref<std::optional<double>(size_t)>;

struct Candidate {
  size_t number;
  double loss;
  /// Of candidate 0.
  double firstLoss;
};
/// The first candidate of 0 ... count - 1 that no other has a smaller loss
/// than; a loss that is NaN is not smaller. None if one cannot be computed, or
/// if count is 0.
std::optional<Candidate> findLeastLoss(size_t count, CandidateLoss loss);

/// LLM-FP4: the real exponent bias with which largest[j] becomes the largest
/// value of a float of these bits whose codes are all finite,
///
///   2^e - log2 largest[j] + log2(2 - 2^-m) - 1,
///
/// infinite where largest[j] is 0.
std::vector<double> getExponentBiases(llvm::ArrayRef<double> largest,
                                      unsigned exponentBits,
                                      unsigned mantissaBits);

/// The bias of each channel beyond that of the tensor:
/// clip(round half even(biases[j] - tensorBias), 0, 2^e - 1); 0 where the bias
/// is infinite.
std::vector<int> getExponentShifts(llvm::ArrayRef<double> biases,
                                   double tensorBias, unsigned exponentBits);

/// The shifts that are tried: first none, then those of the least bias, then
/// those of 100 biases of the tensor between the least and the greatest that
/// give the channels shifts that differ. None of them twice.
std::vector<std::vector<int>> getShiftCandidates(llvm::ArrayRef<double> biases,
                                                 unsigned exponentBits);

/// 2^-shifts[j].
std::vector<double> getShiftScales(llvm::ArrayRef<int> shifts);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_CHANNELSCALES_H
