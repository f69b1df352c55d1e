// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The constants of a compiled module: one blob of bytes, an attribute of the
// module between qfmt-weights-to-blob and code emission.

#ifndef QFMT_CONVERSION_WEIGHTS_H
#define QFMT_CONVERSION_WEIGHTS_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::qfmt {

/// Discardable attribute of a module: the blob, a dense_resource of i8.
inline constexpr llvm::StringLiteral kWeightsAttr = "qfmt.weights";

/// Bytes; of the blob and of each constant in it.
inline constexpr unsigned kWeightsAlignment = 64;

/// Copies `bytes` to the module's attribute. `symbol` names the resource.
void setWeights(ModuleOp module, StringRef symbol, ArrayRef<char> bytes);

/// The bytes that the module carries; empty if it has none. They live as long
/// as the context.
ArrayRef<char> getWeights(ModuleOp module);

} // namespace mlir::qfmt

#endif // QFMT_CONVERSION_WEIGHTS_H
