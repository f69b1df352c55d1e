// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// By which rule an integer comes to the scale of a quantized tensor: a ratio of
// scales becomes dyadic numbers and a way to round, as qfmt or as another
// framework chooses them. Emits nothing.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_REQUANTIZATION_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_REQUANTIZATION_H

#include "Table.h"
#include "qfmt/Support/Rounding.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace mlir::qfmt {

/// Whose requantization is imitated.
enum class Compat { None, TFLite, ONNX, TOSA, TOSADoubleRound, HAWQ };

inline bool isTOSA(Compat compat) {
  return compat == Compat::TOSA || compat == Compat::TOSADoubleRound;
}

/// Of the value of the option: "" is None. None for other names.
std::optional<Compat> parseCompat(llvm::StringRef name);

/// from / to, as the framework computes it. NaN where it cannot: HAWQ's scales
/// are normal floats.
Table getRatio(Compat compat, const Table &from, const Table &to);

/// |getRatio / (from / to) - 1| is at most this.
double getRatioError(Compat compat);

/// round((acc << leftShift) * multiplier / 2^shift), or for `doubleRounding`
/// what qfmt.dyadic_scale says of double_rounding.
struct Requantization {
  Table multiplier, shift;
  /// 0 unless rounding twice: what that cannot do to ratios of 1 and more.
  Table leftShift;
  RoundingMode rounding = RoundingMode::HalfEven;
  bool doubleRounding = false;
  /// For |acc| <= 2^31 the result is off acc * from / to by at most `units`,
  /// and by a factor of 1 +- `factor`.
  double units = 0, factor = 0;
};

/// For ratios of `getRatio`. `rounding` is that of None; the others bring their
/// own. None if the rule does not reach a ratio.
std::optional<Requantization>
chooseRequantization(Compat compat, const Table &ratio, RoundingMode rounding);

/// TFLite's MEAN: the sum of `count` codes times `ratio` / `count`, the ratio
/// being that of the formats of the codes and of the result. The multiplier of
/// the ratio is divided by the count and cut off.
std::optional<Requantization> chooseTFLiteMean(double ratio, int64_t count);

/// TOSA's AVG_POOL2D: the sum of `count` codes times 1 / `count`.
Requantization chooseTOSAAverage(int64_t count);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_REQUANTIZATION_H
