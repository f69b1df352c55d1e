// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect qfmt_gpu: what one kernel of a GPU computes.

#ifndef QFMT_CODEGEN_GPU_GPUOPS_H
#define QFMT_CODEGEN_GPU_GPUOPS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "qfmt/CodeGen/GPU/GpuDialect.h.inc"

#define GET_OP_CLASSES
#include "qfmt/CodeGen/GPU/GpuOps.h.inc"

#endif // QFMT_CODEGEN_GPU_GPUOPS_H
