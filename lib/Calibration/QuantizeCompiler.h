//===- QuantizeCompiler.h - Running quantize of constants -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `quantize` operations compiled for this machine, with what their scales
// denote as a further result: of #qfmt.scaled, #qfmt.select and #qfmt.additive.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CALIBRATION_QUANTIZECOMPILER_H
#define QFMT_LIB_CALIBRATION_QUANTIZECOMPILER_H

#include "qfmt/IR/QFmt.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include <map>
#include <memory>

namespace mlir::qfmt {

/// How the tensor is cut into blocks and what scales they have; the number
/// format is that of one of the blocks. `format` is one of the three above.
ScaledAttr getScaling(TensorFormat format);

/// The scale of all blocks if it is no constituent.
std::optional<double> getStaticScale(EncodedTensorType type);

/// Compiles `quantize` operations, each shape and format once.
class QuantizeCompiler {
public:
  /// A function of the operation's operands, whose outputs are the constituents
  /// and, if scales are constituents, what they denote, as f64. Null with a
  /// diagnostic if it cannot be compiled.
  const CompiledFunction *get(QuantizeOp op);

private:
  using Key = std::pair<const void *, const void *>;
  std::map<Key, std::unique_ptr<CompiledFunction>> functions;
};

/// The bytes of a constant that is an input of a compiled function: none if it
/// is a resource without data.
std::optional<std::vector<char>> readInput(ElementsAttr constant,
                                           const TensorSpec &spec);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CALIBRATION_QUANTIZECOMPILER_H
