// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The interface of number formats: types each of whose codes denotes a real.

#ifndef QFMT_IR_NUMBERFORMAT_H
#define QFMT_IR_NUMBERFORMAT_H

#include "qfmt/Support/ExactReal.h"
#include "qfmt/Support/IntegerGrid.h"
#include "qfmt/Support/Rounding.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Types.h"
#include <optional>

#include "qfmt/IR/NumberFormat.h.inc"

namespace mlir::qfmt {

/// `type` as a number format that passes its own verification, or null with a
/// diagnostic: the only way an encoding takes in a number format.
NumberFormat
verifyNumberFormat(Type type,
                   llvm::function_ref<InFlightDiagnostic()> emitError);

/// True if the format's values are the integers -2^(w-1) ... 2^(w-1)-1 or
/// 0 ... 2^w-1: where zero points and wrapping overflow make sense.
bool isIntegerFormat(NumberFormat format);

} // namespace mlir::qfmt

#endif // QFMT_IR_NUMBERFORMAT_H
