//===- RowErrors.h - What a format does to rows of channels -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// By which proposers decide whether a change of channels helps: the squared
// rounding errors of rows of data before and after. Either in a format that the
// user names, by `quantize` compiled for this machine, or, without one, as
// integers in blocks with scales of their own lose about (getBlockLoss).
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CHANNELREWRITES_ROWERRORS_H
#define QFMT_LIB_CHANNELREWRITES_ROWERRORS_H

#include "../Transforms/Assign/WeightErrors.h"
#include "../Transforms/FormatChoice.h"

namespace mlir::qfmt {

class RowErrors {
public:
  /// `format` is one that data can have (FormatChoice.h): a number format with
  /// one scale for all rows, a preset, or an encoding of rows x channels.
  /// Empty: integers of `bits` bits in blocks of `block` channels, rows if it
  /// is 0. Fails with a diagnostic that begins with what `emitError` says.
  static FailureOr<RowErrors>
  create(StringRef format, int64_t block, unsigned bits, MLIRContext *context,
         function_ref<InFlightDiagnostic()> emitError);

  /// The sum of the squared errors of finite rows of `channels` numbers, or, if
  /// there are weights [channels][others], of what these make of the errors:
  /// rows of others. Fails with a diagnostic at `op` if rows of so many
  /// channels cannot have the format.
  FailureOr<double> get(Operation *op, ArrayRef<double> rows, int64_t channels,
                        ArrayRef<double> weights = {});

private:
  OperandEncoding getEncoding(MLIRContext *context) const;

  OperandFormat format;
  int64_t block = 0;
  unsigned bits = 0;
  std::unique_ptr<WeightErrors> roundTrips;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_ROWERRORS_H
