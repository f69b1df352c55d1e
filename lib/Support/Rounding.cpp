// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of the rounding modes.

#include "qfmt/Support/Rounding.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/StringSwitch.h"

#include "qfmt/Support/RoundingEnums.cpp.inc"
