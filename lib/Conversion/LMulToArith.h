// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pattern of convert-qfmt-to-arith for qfmt.lmul.

#ifndef QFMT_CONVERSION_LMULTOARITH_H
#define QFMT_CONVERSION_LMULTOARITH_H

#include "mlir/IR/PatternMatch.h"

namespace mlir::qfmt {

void populateLMulToArithPatterns(RewritePatternSet &patterns);

} // namespace mlir::qfmt

#endif // QFMT_CONVERSION_LMULTOARITH_H
