// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Reference/Value.h"
#include "qfmt/Reference/ReferenceFormat.h"

using namespace mlir;

namespace mlir::qfmt::reference {

FailureOr<Tensor> Value::readLogical() const {
  if (!isEncoded())
    return getTensor();
  auto format = dyn_cast<ReferenceFormat>(type.getFormat());
  if (!format)
    return failure();
  if (!*logical)
    *logical = format.read(type, parts);
  return **logical;
}

} // namespace mlir::qfmt::reference
