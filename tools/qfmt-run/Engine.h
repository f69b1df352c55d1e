// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What calls a function on buffers: compiled code or the reference evaluator.

#ifndef QFMT_TOOLS_QFMT_RUN_ENGINE_H
#define QFMT_TOOLS_QFMT_RUN_ENGINE_H

#include "GpuLibrary.h"
#include "Options.h"
#include "qfmt/Reference/Value.h"

namespace mlir::qfmt {

/// Calls the function. Inputs and outputs are one buffer for each tensor, one
/// for each constituent of an encoded one, in order.
using Engine =
    std::function<FailureOr<SmallVector<TensorResult>>(ArrayRef<TensorView>)>;

/// An engine of the kind that `options` names for `options.entry` of `module`,
/// which the reference evaluator keeps using. Kernels are run by `gpu`, if
/// `options` ask for a GPU.
FailureOr<Engine> makeEngine(ModuleOp module, const Options &options,
                             const GpuLibrary *gpu = nullptr);

/// The reference evaluator's values of `function`'s types in buffers.
FailureOr<SmallVector<reference::Value>>
makeValues(TypeRange types, ArrayRef<TensorView> buffers,
           func::FuncOp function);

/// The inverse: buffers of the values.
SmallVector<TensorResult> makeBuffers(ArrayRef<reference::Value> values);

} // namespace mlir::qfmt

#endif // QFMT_TOOLS_QFMT_RUN_ENGINE_H
