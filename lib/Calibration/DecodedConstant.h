//===- DecodedConstant.h - What encoded constants denote --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reals of an encoded tensor that follows from constants alone: `assemble`
// of constants, or `quantize` or `convert` of such.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CALIBRATION_DECODEDCONSTANT_H
#define QFMT_LIB_CALIBRATION_DECODEDCONSTANT_H

#include "qfmt/Runtime/CompiledFunction.h"
#include "llvm/ADT/StringMap.h"
#include <memory>

namespace mlir::qfmt {

/// True if `value` is an encoded tensor of static shape and follows from
/// constants by operations without effects and regions.
bool isEncodedConstant(Value value);

/// Computes such values by compiled code, which equals the reference evaluator
/// bit for bit. What is computed alike from constants of the same types is
/// compiled once.
class ConstantDecoder {
public:
  /// The elements of `value`, for which isEncodedConstant holds, row-major,
  /// rounded to f32 as layers read them. Fails with a diagnostic if it cannot
  /// be compiled or if a constant has no data.
  FailureOr<std::vector<double>> decode(Value value);

private:
  llvm::StringMap<std::unique_ptr<CompiledFunction>> functions;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CALIBRATION_DECODEDCONSTANT_H
