// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that run the network on data. They need the JIT, which passes between
// levels do not: hence a library of their own.

#ifndef QFMT_CALIBRATION_PASSES_H
#define QFMT_CALIBRATION_PASSES_H

#include "mlir/Pass/Pass.h"
#include "qfmt/Calibration/WeightRoundingMethod.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

#define GEN_PASS_DECL
#include "qfmt/Calibration/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "qfmt/Calibration/Passes.h.inc"

} // namespace mlir::qfmt

#endif // QFMT_CALIBRATION_PASSES_H
