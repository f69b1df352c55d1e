// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The interface of number formats: types each of whose codes denotes a real.

#ifndef QFMT_IR_NUMBERFORMAT_H
#define QFMT_IR_NUMBERFORMAT_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Types.h"
#include "qfmt/Support/ExactReal.h"
#include "qfmt/Support/FloatFields.h"
#include "qfmt/Support/IntegerGrid.h"
#include "qfmt/Support/Rounding.h"
#include <algorithm>
#include <optional>

#include "qfmt/IR/NumberFormat.h.inc"

namespace mlir::qfmt {

/// `type` as a number format that passes its own verification, or null with a
/// diagnostic: the only way an encoding takes in a number format.
NumberFormat
verifyNumberFormat(Type type,
                   llvm::function_ref<InFlightDiagnostic()> emitError);

/// The bits of `count` codes packed without gaps between them (spec C60).
uint64_t getStorageBits(NumberFormat format, uint64_t count);

} // namespace mlir::qfmt

#endif // QFMT_IR_NUMBERFORMAT_H
