// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Reference/ReferenceFormat.h"
#include "qfmt/IR/QFmt.h"

using namespace mlir;
using namespace mlir::qfmt;

#include "qfmt/Reference/ReferenceFormat.cpp.inc"

namespace mlir::qfmt::reference {

Tensor roundToLogicalType(ArrayRef<ExactReal> reals, EncodedTensorType type) {
  FloatType elementType = type.getLogicalElementType();
  BinaryFormat format = BinaryFormat::of(elementType.getFloatSemantics());
  Tensor result(type.getShape(), elementType);
  for (auto [real, element] : llvm::zip_equal(reals, result.getMutableData()))
    element.real = real.roundTo(format).roundToDouble();
  return result;
}

void registerReferenceModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, QFmtDialect *) {
    attachAdditiveModel(context);
    attachScaledModel(context);
    attachSelectModel(context);
  });
}

} // namespace mlir::qfmt::reference
