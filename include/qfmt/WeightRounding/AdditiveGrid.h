//===- AdditiveGrid.h - Weights that are sums of vectors --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A matrix of weights that is cut into groups, each of which becomes the sum of
// one vector of each of K tables, times a scale:
//
//   value[group, place] =
//       fl(scale[group] * sum over k of tables[k][codes[group, k]][place])
//
// where fl rounds to f32, half to even. No IR.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_WEIGHTROUNDING_ADDITIVEGRID_H
#define QFMT_WEIGHTROUNDING_ADDITIVEGRID_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <vector>

namespace mlir::qfmt {

/// Of each group K codes.
using AdditiveCodes = std::vector<uint32_t>;

class AdditiveGrid {
public:
  /// `tables`: [numTables][numVectors][groupSize], finite, sums exact in f64.
  /// `elements`: [groups][groupSize], of each place of a group the element of
  /// the matrix, row * depth + column. Each element is in one group, and groups
  /// are boxes: those of two rows have either the same rows or none in common,
  /// and all rows are cut alike. `scales`: one a group.
  AdditiveGrid(int64_t rows, int64_t depth, int64_t numTables,
               int64_t groupSize, std::vector<double> tables,
               std::vector<int64_t> elements, std::vector<double> scales);

  int64_t getNumTables() const { return numTables; }
  int64_t getNumVectors() const { return numVectors; }
  int64_t getGroupSize() const { return groupSize; }
  int64_t getNumGroups() const { return scales.size(); }
  double getScale(int64_t group) const { return scales[group]; }
  const double *getTable(int64_t table) const {
    return tables.data() + table * numVectors * groupSize;
  }

  /// Where the groups that lie in the same rows have their places: of each
  /// place, its row, counted among these rows, and its column.
  struct Pattern {
    llvm::SmallVector<int64_t> rows, columns;
  };
  llvm::ArrayRef<Pattern> getPatterns() const { return patterns; }

  /// Rows that groups share: one each if groups lie in a row. Codes of one unit
  /// do not change the rows of another.
  int64_t getNumUnits() const { return numUnits; }
  llvm::ArrayRef<int64_t> getRows(int64_t unit) const {
    return llvm::ArrayRef(unitRows).slice(unit * rowsPerUnit, rowsPerUnit);
  }
  int64_t getGroup(int64_t unit, int64_t pattern) const {
    return groups[unit * patterns.size() + pattern];
  }

  /// What `codes`, one a table, make of the group: one value a place.
  void decode(int64_t group, llvm::ArrayRef<uint32_t> codes,
              llvm::MutableArrayRef<double> values) const;
  /// The weights, [rows][depth].
  std::vector<double> getValues(llvm::ArrayRef<uint32_t> codes) const;

private:
  int64_t numTables, numVectors, groupSize;
  std::vector<double> tables;
  std::vector<int64_t> elements;
  std::vector<double> scales;
  int64_t numUnits = 0, rowsPerUnit = 0;
  /// [units][rowsPerUnit]
  std::vector<int64_t> unitRows;
  std::vector<Pattern> patterns;
  /// [units][patterns]
  std::vector<int64_t> groups;
};

} // namespace mlir::qfmt

#endif // QFMT_WEIGHTROUNDING_ADDITIVEGRID_H
