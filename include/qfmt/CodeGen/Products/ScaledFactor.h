// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A factor of a matrix product that is decoded from codes and scales:
//
//   value = integer(code) * 2^unit * scale * scale ...
//
// found by what the body of the decoding operation computes. Number formats
// differ in the table of integers alone: i8, i4, ternary, FP4, FP6 E2M3 and
// tables of codes are all one case.

#ifndef QFMT_CODEGEN_PRODUCTS_SCALEDFACTOR_H
#define QFMT_CODEGEN_PRODUCTS_SCALEDFACTOR_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include <vector>

namespace mlir::qfmt {

/// A value of f32 that is a product in the body of `decode`.
struct ScaledFactor {
  /// Element-wise, one result of f32.
  linalg::GenericOp decode;
  /// Which of its loops each dimension of the matrix consists of, the outer one
  /// first: two for a dimension in blocks.
  SmallVector<SmallVector<unsigned>> loops;
  /// Depends on an operand that has one element for each of the result.
  Value integer;
  /// That operand.
  OpOperand *codes;
  /// The other factors; they do not depend on those codes.
  SmallVector<Value> scales;

  /// `dim` is one of the matrix.
  int64_t getNumBlocks(unsigned dim) const;
  int64_t getBlockSize(unsigned dim) const;
  /// True if a factor changes along `loop` of `decode`.
  bool dependsOn(Value factor, unsigned loop) const;
};

/// None, with the reason in `whyNot` if it is decoded, but otherwise.
std::optional<ScaledFactor> matchScaledFactor(Value matrix, StringRef &whyNot);

/// For a scale of one argument or none, or null. The argument is null if there
/// is none.
OpOperand *getOperandOf(linalg::GenericOp op, Value factor);

/// Integers of -128 ... 127, times 2^unit, that `values` are.
struct ByteGrid {
  std::vector<int8_t> integers;
  int unit;
};
/// None if they are no such integers, whatever the unit.
std::optional<ByteGrid> getByteGrid(ArrayRef<double> values);

/// The values of `factor.integer` for all codes, if it depends on these alone
/// and they have at most 8 bits.
std::optional<std::vector<double>> tabulateCodes(const ScaledFactor &factor);

/// The values of a factor that is a constant.
struct ConstantFactor {
  /// [rows][blocks * block size], row-major, whichever way round the matrix is;
  /// 0 where the last block goes beyond the matrix.
  std::vector<int8_t> integers;
  /// [blocks][rows]; empty if no scale depends on the block. Includes 2^unit,
  /// if it is not empty.
  std::vector<float> blockScales;
  /// [rows], without what is in `blockScales`.
  std::vector<float> rowScales;
};

/// `sumDim` is the dimension of the matrix along which products are added up.
std::optional<ConstantFactor> readConstantFactor(const ScaledFactor &factor,
                                                 unsigned sumDim, int64_t rows,
                                                 int64_t terms,
                                                 StringRef &whyNot);

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_PRODUCTS_SCALEDFACTOR_H
