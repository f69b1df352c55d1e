// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The qfmt dialect: types, attributes and operations.

#ifndef QFMT_IR_QFMT_H
#define QFMT_IR_QFMT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qfmt/IR/EncodedTensorType.h"
#include "qfmt/IR/NumberFormat.h"
#include "qfmt/IR/TableFormat.h"
#include "qfmt/IR/TensorFormat.h"
#include "qfmt/Support/LMul.h"
#include "qfmt/Support/Minifloat.h"
#include "qfmt/Support/Rounding.h"
#include "qfmt/Support/ValueTable.h"
#include "llvm/Support/RWMutex.h"
#include <memory>

#include "qfmt/IR/QFmtDialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "qfmt/IR/QFmtTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "qfmt/IR/QFmtAttrs.h.inc"

#define GET_OP_CLASSES
#include "qfmt/IR/QFmtOps.h.inc"

#endif // QFMT_IR_QFMT_H
