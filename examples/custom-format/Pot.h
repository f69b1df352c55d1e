// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect `pot` with one type, a number format of qfmt: see Pot.td.

#ifndef POT_H
#define POT_H

#include "mlir/IR/Dialect.h"
#include "qfmt/IR/NumberFormat.h"
#include "qfmt/Transforms/FormatLowering.h"

#include "PotDialect.h.inc"
#define GET_TYPEDEF_CLASSES
#include "PotTypes.h.inc"

#endif // POT_H
