//===- PackedSize.h - Bytes that a tensor's codes take ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_IR_PACKEDSIZE_H
#define QFMT_IR_PACKEDSIZE_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "qfmt/Support/Packing.h"

namespace mlir::qfmt {

/// The bytes that the codes of `codes`, of static shape and `width` bits each
/// (2 for Base3), take without gaps. Types hold any sizes: fails with a
/// diagnostic if the elements are not countable in 64 bits with a sign; as a
/// code takes at most `width` <= 8 bits, the bytes then are.
FailureOr<int64_t>
getPackedSize(RankedTensorType codes, unsigned width, CodePacking packing,
              llvm::function_ref<InFlightDiagnostic()> emitError);

} // namespace mlir::qfmt

#endif // QFMT_IR_PACKEDSIZE_H
