// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values that a body computes from constants, each once for all elements that
// have the same bits.

#ifndef QFMT_LIB_CODEGEN_PRODUCTS_FACTORVALUES_H
#define QFMT_LIB_CODEGEN_PRODUCTS_FACTORVALUES_H

#include "qfmt/CodeGen/Products/ConstantBits.h"
#include <unordered_map>

namespace mlir::qfmt {

/// A float that an attribute is; none if it is something else.
std::optional<double> getNumber(Attribute attr);

class FactorValues {
public:
  /// Of a value in the body of an operation, which is computed from arguments
  /// of that body alone.
  explicit FactorValues(Value value);

  ArrayRef<BlockArgument> getArguments() const { return arguments; }
  /// Bits of at most 64 have a place.
  bool isLegal() const { return width <= 64; }
  /// The place in `getAll` of the value for these bits, one word for each
  /// argument; -1 if it does not fold to a number.
  int64_t getPlace(ArrayRef<uint32_t> bits);
  /// All values so far.
  ArrayRef<double> getAll() const { return numbers; }

private:
  std::optional<double> evaluate(ArrayRef<uint32_t> bits) const;

  Value value;
  SmallVector<BlockArgument> arguments;
  SmallVector<unsigned> widths;
  unsigned width = 0;
  std::vector<int64_t> table;
  std::unordered_map<uint64_t, int64_t> known;
  std::vector<double> numbers;
};

/// A constant of f32 that an element-wise linalg.generic computes from
/// constants: scales that have scales. None if it is something else, or takes
/// long.
std::optional<ConstantBits> computeConstant(Value tensor);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_PRODUCTS_FACTORVALUES_H
