// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bodies of the operations of qfmt_gpu, built from the element-wise operations
// around a product.

#ifndef QFMT_LIB_CODEGEN_GPU_FUSEDBODY_H
#define QFMT_LIB_CODEGEN_GPU_FUSEDBODY_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::qfmt {

/// Operands that a body reads become extra operands, and its arguments after
/// the first.
class FusedBody {
public:
  /// `region` is empty. The sum becomes the first argument.
  FusedBody(Region &region, Location loc, Type sumType);

  Value getSum() { return block.getArgument(0); }
  /// The element (m, n) of `tensor`, read by `map`; of something else than a
  /// tensor, it.
  Value emitElement(Value tensor, AffineMap map);
  /// The result of element-wise `op`; operands that are `before` are `value`.
  Value emitElementwise(linalg::GenericOp op, Value before, Value value);
  /// The result of `chain`, the operations behind `product`, whose result is
  /// `value`.
  Value emitChain(linalg::GenericOp product, ArrayRef<linalg::GenericOp> chain,
                  Value value);

  ImplicitLocOpBuilder b;
  SmallVector<Value> extras;
  SmallVector<AffineMap> maps;

private:
  Value emitComputed(Value tensor);

  Block &block;
};

/// What may be a product: the operations with sums. What follows one, which is
/// erased together with it, is none of them.
SmallVector<linalg::GenericOp> collectProducts(Operation *root);

/// The element-wise operations that can become part of the body of `product`:
/// those behind it that do not ask where they are. Where there are no more,
/// `whyNot` may say why.
SmallVector<linalg::GenericOp> getFusable(linalg::GenericOp product,
                                          StringRef &whyNot);

/// `result` instead of that of the last of `chain`, or of `product` if that is
/// empty; erases both.
void replaceFused(linalg::GenericOp product, ArrayRef<linalg::GenericOp> chain,
                  Value result);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_FUSEDBODY_H
