// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect `posit` with one type, a number format of qfmt: see Posit.td.

#ifndef POSIT_H
#define POSIT_H

#include "mlir/IR/Dialect.h"
#include "qfmt/IR/NumberFormat.h"

#include "PositDialect.h.inc"
#define GET_TYPEDEF_CLASSES
#include "PositTypes.h.inc"

#endif // POSIT_H
