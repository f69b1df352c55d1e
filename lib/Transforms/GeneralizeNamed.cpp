// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "GeneralizeNamed.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

LogicalResult mlir::qfmt::generalizeNamedParents(ArrayRef<Operation *> bodyOps,
                                                 StringRef what) {
  llvm::SetVector<Operation *> named;
  for (Operation *op : bodyOps)
    if (isa<linalg::LinalgOp>(op->getParentOp()) &&
        !isa<linalg::GenericOp>(op->getParentOp()))
      named.insert(op->getParentOp());
  for (Operation *op : named) {
    IRRewriter rewriter(op);
    DictionaryAttr attributes = op->getDiscardableAttrDictionary();
    FailureOr<linalg::GenericOp> generic =
        linalg::generalizeNamedOp(rewriter, cast<linalg::LinalgOp>(op));
    if (failed(generic))
      return op->emitOpError()
             << "has " << what << ", but cannot be written as linalg.generic";
    (*generic)->setDiscardableAttrs(attributes);
  }
  return success();
}
