//===- Layers.h - What gets formats of its own ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A layer is a contraction with constant weights (WeightedSum.h) at level
// observed, and has a name.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_LAYERS_H
#define QFMT_LIB_TRANSFORMS_LAYERS_H

#include "FormatChoice.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::qfmt {

/// Names by kind of operation and a number: `matmul.0`, `matmul.1`.
class KindCounter {
public:
  std::string next(StringRef kind) {
    return (kind + "." + Twine(counts[kind]++)).str();
  }

private:
  llvm::StringMap<unsigned> counts;
};

struct Layer {
  /// `qfmt.layer` if there is one, else `<kind>.<n>`, counted over all layers
  /// of this kind in the order of the program.
  std::string name;
  linalg::LinalgOp op;
  /// As WeightedSum::match finds them; it reads the constant again, so that
  /// those of all layers are not held at once.
  OpOperand *data;
  OpOperand *weights;

  /// What `qfmt.assigned` says, none if it is not there; fails with a
  /// diagnostic at the operation.
  FailureOr<std::optional<FormatChoice>> getAssigned();
};

/// All layers in the order of the program. Fails with a diagnostic if two have
/// the same name, or if an operation that is no layer has an attribute that
/// only layers have.
FailureOr<SmallVector<Layer>> collectLayers(ModuleOp module);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_LAYERS_H
