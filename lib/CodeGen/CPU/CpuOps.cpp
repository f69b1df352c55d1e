// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/CPU/CpuOps.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::qfmt::cpu;

#include "qfmt/CodeGen/CPU/CpuDialect.cpp.inc"

#define GET_OP_CLASSES
#include "qfmt/CodeGen/CPU/CpuOps.cpp.inc"

void QFmtCpuDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "qfmt/CodeGen/CPU/CpuOps.cpp.inc"
      >();
}

LogicalResult DotOp::verify() {
  auto factors = cast<VectorType>(getLhs().getType());
  int64_t sums = cast<VectorType>(getResult().getType()).getNumElements();
  int64_t terms = factors.getElementType().isInteger(8) ? 4 : 2;
  if (factors.getNumElements() == sums * terms)
    return success();
  return emitOpError() << "needs " << terms << " factors of "
                       << factors.getElementType() << " for each of " << sums
                       << " sums, found " << factors.getNumElements();
}
