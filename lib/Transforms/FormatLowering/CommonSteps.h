// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formats whose roundings are the same but for an interval of reals each, as
// the variants of BitMoD: one search serves them all, and two comparisons each
// find what differs.

#ifndef QFMT_LIB_TRANSFORMS_FORMATLOWERING_COMMONSTEPS_H
#define QFMT_LIB_TRANSFORMS_FORMATLOWERING_COMMONSTEPS_H

#include "Steps.h"
#include "qfmt/Conversion/ScalarOps.h"

namespace mlir::qfmt {

class CommonSteps {
public:
  /// Of number formats as they encode reals of the type `real`, f32 or f64;
  /// none if they are not as above, or just one.
  static std::optional<CommonSteps> get(ArrayRef<Type> formats, Type real,
                                        const EncodeModes &modes);

  /// The code that formats[index] gives `real`. What all of them share is
  /// emitted again each time, for CSE to remove.
  Value emitCode(ScalarBuilder &b, unsigned index, Value real) const;
  /// The value of that code, f32; any for a NaN.
  Value emitValue(ScalarBuilder &b, unsigned index, Value real) const;

private:
  /// The reals from `start` to below `end`, null for no bound, all become
  /// `code`.
  struct Interval {
    std::optional<double> start, end;
    uint64_t code;
  };
  struct Format {
    NumberFormat number;
    std::optional<Interval> special;
  };

  static SmallVector<uint64_t> getOwnCodes(ArrayRef<NumberFormat> formats);
  static std::optional<CommonSteps> getWithout(ArrayRef<NumberFormat> formats,
                                               ArrayRef<EncodeSteps> steps,
                                               unsigned base,
                                               ArrayRef<uint64_t> ownCodes);
  static std::optional<SmallVector<Interval>> compare(const EncodeSteps &steps,
                                                      const EncodeSteps &other);
  unsigned countIntervals() const;
  Value emitIsSpecial(ScalarBuilder &b, const Interval &special,
                      Value real) const;

  EncodeSteps steps;
  unsigned width = 0;
  SmallVector<Format> formats;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_FORMATLOWERING_COMMONSTEPS_H
