//===- FewBitProduct.h - Products with weights of few bits ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product of a constant of few bits as tests have it, as a function on
// tensors. Numbers and scales are such that f32 adds them exactly, so that the
// order of the sums does not matter: test/python/test_gpu_few_bits.py asks for
// that.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_UNITTESTS_CODEGEN_GPU_FEWBITPRODUCT_H
#define QFMT_UNITTESTS_CODEGEN_GPU_FEWBITPRODUCT_H

#include "ExpectedResult.h"

namespace mlir::qfmt {

/// What the weights are: signed integers of as many bits, or E2M1, which is a
/// table.
enum class Weights { Int2, Int4, Int8, E2M1 };

struct FewBitProduct {
  int64_t m, n;
  int64_t groups, groupTerms;
  Weights weights;
  /// Activations are f16, and weights have one group and scale; otherwise they
  /// are bytes, with scales of columns' and of rows' groups.
  bool isFloat = false;
  /// 0: as the pass chooses.
  int64_t termWarps = 0;

  int64_t getNumTerms() const { return groups * groupTerms; }
};

std::string getName(const FewBitProduct &c);
LoweredKernel lower(const FewBitProduct &c);
ExpectedResult getExpected(const FewBitProduct &c);
/// In several orders of threads.
void check(const FewBitProduct &c);

} // namespace mlir::qfmt

#endif // QFMT_UNITTESTS_CODEGEN_GPU_FEWBITPRODUCT_H
