// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Products/ByteTensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "qfmt/IR/ConstantData.h"

namespace mlir::qfmt {

ElementsAttr makeByteTensor(MLIRContext *context, ArrayRef<int64_t> shape,
                            ArrayRef<uint8_t> bytes, StringRef name) {
  auto type = RankedTensorType::get(shape, IntegerType::get(context, 8));
  ElementsAttr flat = makeBytes(context, bytes, name);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(flat))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  return cast<DenseElementsAttr>(flat).reshape(type);
}

} // namespace mlir::qfmt
