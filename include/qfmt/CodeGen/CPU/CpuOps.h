// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect qfmt_cpu: instructions of CPUs without side effects.

#ifndef QFMT_CODEGEN_CPU_CPUOPS_H
#define QFMT_CODEGEN_CPU_CPUOPS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "qfmt/CodeGen/CPU/CpuDialect.h.inc"

#define GET_OP_CLASSES
#include "qfmt/CodeGen/CPU/CpuOps.h.inc"

#endif // QFMT_CODEGEN_CPU_CPUOPS_H
