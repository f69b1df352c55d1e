// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Real numbers known at compile time that vary along some dimensions of an
// iteration space or of a tensor: scales, constants, dyadic multipliers.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_TABLE_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_TABLE_H

#include "mlir/IR/AffineMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <vector>

namespace mlir::qfmt {

/// Row-major values over `dims` (ascending, without repetition), each with a
/// size; no dims: one number.
class Table {
public:
  Table(double value = 0.0) : values{value} {}
  Table(llvm::ArrayRef<unsigned> dims, llvm::ArrayRef<int64_t> sizes,
        std::vector<double> values);

  llvm::ArrayRef<unsigned> getDims() const { return dims; }
  llvm::ArrayRef<int64_t> getSizes() const { return sizes; }
  llvm::ArrayRef<double> getValues() const { return values; }
  bool variesAlong(unsigned dim) const;

  /// The number that all entries are, if there is one.
  std::optional<double> getUniform() const;
  double getMin() const;
  double getMax() const;
  bool all(llvm::function_ref<bool(double)> predicate) const;

  /// The same table without dimensions along which it does not vary.
  Table simplified() const;
  Table map(llvm::function_ref<double(double)> function) const;
  /// Entry by entry over the union of the dimensions. Both must have the same
  /// size in a dimension they share.
  static Table combine(const Table &a, const Table &b,
                       llvm::function_ref<double(double, double)> function);
  /// The smallest entry along `dim`, which disappears.
  Table minAlong(unsigned dim) const;

  /// Dimension i becomes newDims[i] (every dim of the table is less than
  /// newDims.size()); none if two would coincide.
  std::optional<Table> renamed(llvm::ArrayRef<unsigned> newDims) const;

  bool operator==(const Table &other) const;
  bool operator!=(const Table &other) const { return !(*this == other); }

private:
  llvm::SmallVector<unsigned> dims;
  llvm::SmallVector<int64_t> sizes;
  std::vector<double> values;
};

Table operator*(const Table &a, const Table &b);
Table operator/(const Table &a, const Table &b);

/// A table over a tensor's dimensions as one over the loops that index them;
/// none if a dimension in which it varies is not indexed by a loop alone.
std::optional<Table> toLoops(const Table &table, AffineMap map);

/// A table over loops as one over the dimensions of the tensor that `map`
/// writes; none if it varies along a loop that does not index the tensor.
std::optional<Table> toTensor(const Table &table, AffineMap map);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_TABLE_H
