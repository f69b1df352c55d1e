// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The regions of a network at level encoded: what lies between encoded tensors
// and one quantized tensor. An error bound (qfmt/IR/Certificate.h) speaks of
// one region.

#ifndef QFMT_TRANSFORMS_REGIONS_H
#define QFMT_TRANSFORMS_REGIONS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

struct QuantizedRegion {
  /// The `quantize` or `convert` that ends it.
  Operation *end;
  /// What enters, in the order in which it is first read: arguments of the
  /// function and results of other `quantize` and `convert`.
  SmallVector<Value> operands;
  /// The operations between, in order, without `end`: constants, constant
  /// encoded tensors, moves and compute. Regions may share them.
  SmallVector<Operation *> body;

  /// The quantized tensor.
  Value getResult() const { return end->getResult(0); }
};

/// True for the `quantize` of a function's argument: where a network's input is
/// encoded, not a region.
bool isInputQuantization(Operation *op);

/// All regions of `function`, which has one block, in program order.
SmallVector<QuantizedRegion> findRegions(func::FuncOp function);

/// `type` with every float type in it f64, static scales as they are read in
/// the type they had. Integers stay.
Type getRealType(Type type);

/// A private function at `builder`'s insertion point that computes the region's
/// encoded result from its operands.
func::FuncOp outlineRegion(const QuantizedRegion &region, StringRef name,
                           OpBuilder &builder);

/// The same without the last quantization and with every float operation in
/// f64. Operands and the result, which is a tensor of reals, have the types
/// getRealType names. Fails with a diagnostic if an operation of the region
/// needs the width of its float type, as a bitcast does.
FailureOr<func::FuncOp> outlineRealRegion(const QuantizedRegion &region,
                                          StringRef name, OpBuilder &builder);

} // namespace mlir::qfmt

#endif // QFMT_TRANSFORMS_REGIONS_H
