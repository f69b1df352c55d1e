// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quotients and differences that stand for exact ones in a later rounding.

#ifndef QFMT_LIB_REFERENCE_EXACTQUOTIENT_H
#define QFMT_LIB_REFERENCE_EXACTQUOTIENT_H

#include "qfmt/Support/ExactReal.h"

namespace mlir::qfmt::reference {

/// A real that rounds to at most 58 bits, in every mode and after adding any
/// integer of at most 17 bits, as the exact a / b does: the quotient's leading
/// 64 to 124 bits, the last of them set if something was cut off. 0 / 0, x / 0
/// and infinities as in IEEE 754.
ExactReal divideForRounding(const ExactReal &a, const ExactReal &b);

/// The same for a - b: exact if 127 bits can hold it, else the smaller operand
/// counts only by its sign, 100 bits below the larger one.
ExactReal subtractForRounding(const ExactReal &a, const ExactReal &b);

} // namespace mlir::qfmt::reference

#endif // QFMT_LIB_REFERENCE_EXACTQUOTIENT_H
