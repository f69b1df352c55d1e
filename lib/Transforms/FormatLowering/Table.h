// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading and writing codes by table lookup: for every format of at most 16
// bits, from NumberFormat alone.

#ifndef QFMT_LIB_TRANSFORMS_FORMATLOWERING_TABLE_H
#define QFMT_LIB_TRANSFORMS_FORMATLOWERING_TABLE_H

#include "Steps.h"
#include "qfmt/Conversion/ScalarOps.h"

namespace mlir::qfmt {

/// The real of `code`, as NumberFormatLowering says: one lookup.
Value emitTableDecode(ScalarBuilder &b, NumberFormat format, Value code);

/// The code of `real`, as NumberFormatLowering says: a binary search for the
/// step at or below it, of one lookup and one comparison a level.
Value emitTableEncode(ScalarBuilder &b, NumberFormat format, Value real,
                      const EncodeModes &modes);

/// The code, of `width` bits, that `steps` give a real of f32 or f64.
Value emitStepCode(ScalarBuilder &b, const EncodeSteps &steps, unsigned width,
                   Value real);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_FORMATLOWERING_TABLE_H
