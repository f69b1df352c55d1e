//===- CopiesToLoops.cpp - Strided copies without a runtime library -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  bufferized IR.
// Output: no memref.copy with a strided operand; linalg.generic in its place.
// Contiguous copies stay and become llvm.memcpy.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "qfmt/Conversion/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_COPIESTOLOOPS
#include "qfmt/Conversion/Passes.h.inc"

namespace {

bool isContiguous(Value buffer) {
  auto type = dyn_cast<MemRefType>(buffer.getType());
  return type && type.getLayout().isIdentity();
}

void replaceByGeneric(memref::CopyOp copy) {
  OpBuilder builder(copy);
  auto type = cast<MemRefType>(copy.getTarget().getType());
  AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  linalg::GenericOp::create(
      builder, copy.getLoc(), copy.getSource(), copy.getTarget(),
      ArrayRef<AffineMap>{identity, identity}, iterators,
      [](OpBuilder &nested, Location loc, ValueRange arguments) {
        linalg::YieldOp::create(nested, loc, arguments.front());
      });
  copy.erase();
}

struct CopiesToLoopsPass : impl::CopiesToLoopsBase<CopiesToLoopsPass> {
  void runOnOperation() override {
    getOperation()->walk([](memref::CopyOp copy) {
      bool ranked = isa<MemRefType>(copy.getSource().getType()) &&
                    isa<MemRefType>(copy.getTarget().getType());
      if (ranked &&
          !(isContiguous(copy.getSource()) && isContiguous(copy.getTarget())))
        replaceByGeneric(copy);
    });
  }
};

} // namespace
} // namespace mlir::qfmt
