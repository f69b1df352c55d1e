// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The constants of a compiled module: one blob of bytes, the attribute
// QFmtDialect::kWeightsAttr of the module between qfmt-weights-to-blob and code
// emission.

#ifndef QFMT_CONVERSION_WEIGHTS_H
#define QFMT_CONVERSION_WEIGHTS_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::qfmt {

/// Bytes; of the blob and of each constant in it.
inline constexpr unsigned kWeightsAlignment = 64;

/// The blob's symbol, unless the pass is told another one.
inline constexpr llvm::StringLiteral kWeightsSymbol = "qfmt_weights";

/// Both live as long as the context.
struct Weights {
  ArrayRef<char> bytes;
  StringRef symbol;
};

/// Copies `bytes` to the module's attribute.
void setWeights(ModuleOp module, StringRef symbol, ArrayRef<char> bytes);

/// What the module carries; none if it has no constants.
std::optional<Weights> getWeights(ModuleOp module);

} // namespace mlir::qfmt

#endif // QFMT_CONVERSION_WEIGHTS_H
