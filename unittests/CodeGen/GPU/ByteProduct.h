//===- ByteProduct.h - Products of bytes as tests have them -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product of bytes and a constant, and what is computed from its sums, as a
// function on tensors.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_UNITTESTS_CODEGEN_GPU_BYTEPRODUCT_H
#define QFMT_UNITTESTS_CODEGEN_GPU_BYTEPRODUCT_H

#include "ExpectedResult.h"

namespace mlir::qfmt {

/// What is computed from the sums.
enum class Body { Nothing, Bias, Requantize, Residual, Float };

struct ByteProduct {
  int64_t n, k;
  bool isLhsUnsigned, isRhsUnsigned;
  int64_t lhsZeroPoint, rhsZeroPoint;
  Body body;
  int64_t blockRows = 0, blockColumns = 0, stages = 0;
  /// N x K.
  bool isRhsTransposed = false;
  std::string tier = "mma";
};

std::string getName(const ByteProduct &c);

/// With M rows; unknown ones if it is 0.
LoweredKernel lower(const ByteProduct &c, int64_t m = 0);

/// Of inputs of M rows.
ExpectedResult getExpected(const ByteProduct &c, int64_t m);

/// Compares the results for each number of rows, in several orders of threads.
void check(const ByteProduct &c, llvm::ArrayRef<int64_t> rows);

} // namespace mlir::qfmt

#endif // QFMT_UNITTESTS_CODEGEN_GPU_BYTEPRODUCT_H
