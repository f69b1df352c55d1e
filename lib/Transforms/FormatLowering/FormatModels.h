// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The lowerings that registerFormatLowerings attaches, one function a file.

#ifndef QFMT_LIB_TRANSFORMS_FORMATLOWERING_FORMATMODELS_H
#define QFMT_LIB_TRANSFORMS_FORMATLOWERING_FORMATMODELS_H

namespace mlir {
class MLIRContext;
} // namespace mlir

namespace mlir::qfmt {

void attachMinifloatLowerings(MLIRContext *context);
void attachAdditiveLowering(MLIRContext *context);
void attachScaledLowering(MLIRContext *context);
void attachSelectLowering(MLIRContext *context);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_FORMATLOWERING_FORMATMODELS_H
