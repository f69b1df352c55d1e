// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The codes of one number format as elements of a tensor of its storage type.

#ifndef QFMT_LIB_REFERENCE_CODEC_H
#define QFMT_LIB_REFERENCE_CODEC_H

#include "qfmt/IR/NumberFormat.h"
#include "qfmt/Reference/Tensor.h"

namespace mlir::qfmt::reference {

class Codec {
public:
  explicit Codec(Type format);

  NumberFormat getFormat() const { return format; }
  Type getStorageType() const { return storage; }
  /// True if the values are all integers of a range.
  bool isInteger() const { return integerRange.has_value(); }

  /// The value of a stored code, exact.
  double decode(Scalar stored) const {
    if (!decoded.empty())
      return decoded[stored.integer & (decoded.size() - 1)];
    return decodeUncached(stored);
  }
  /// The stored code of one rounding of `value`.
  Scalar encode(const ExactReal &value, RoundingMode rounding,
                OverflowMode overflow, NaNMode nan) const;
  /// Integer formats: the code of `value` clamped, or wrapped, to the range.
  Scalar encodeInteger(__int128 value, OverflowMode overflow) const;

private:
  double decodeUncached(Scalar stored) const;
  Scalar store(uint64_t code) const;

  NumberFormat format;
  Type storage;
  std::optional<std::pair<int64_t, int64_t>> integerRange;
  /// Value of each code, for integer storage of at most 8 bits.
  std::vector<double> decoded;
};

} // namespace mlir::qfmt::reference

#endif // QFMT_LIB_REFERENCE_CODEC_H
