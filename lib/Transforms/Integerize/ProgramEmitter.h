// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Straight-line integer programs of lib/Support as operations of a body.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_PROGRAMEMITTER_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_PROGRAMEMITTER_H

#include "BodyBuilder.h"
#include "qfmt/Support/IntegerProgram.h"

namespace mlir::qfmt {

/// The results of `program`, each in the narrowest of 32 and 64 bits for its
/// range. `inputs` are integers of any width, in the program's ranges.
SmallVector<Value> emitProgram(BodyBuilder &body, const IntegerProgram &program,
                               ValueRange inputs);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_PROGRAMEMITTER_H
