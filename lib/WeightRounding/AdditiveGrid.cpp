// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/WeightRounding/AdditiveGrid.h"
#include "llvm/ADT/STLExtras.h"
#include <cassert>
#include <map>

using namespace mlir;
using namespace mlir::qfmt;

AdditiveGrid::AdditiveGrid(int64_t rows, int64_t depth, int64_t numTables,
                           int64_t groupSize, std::vector<double> tables,
                           std::vector<int64_t> elements,
                           std::vector<double> scales)
    : numTables(numTables), numVectors(tables.size() / (numTables * groupSize)),
      groupSize(groupSize), tables(std::move(tables)),
      elements(std::move(elements)), scales(std::move(scales)) {
  assert(static_cast<int64_t>(this->elements.size()) == rows * depth &&
         "each element is in one group");
  // Of each row its unit, and where in it.
  std::vector<std::pair<int64_t, int64_t>> placeOf(rows, {-1, -1});
  std::map<std::vector<int64_t>, int64_t> patternOf;
  std::vector<std::pair<int64_t, int64_t>> placed;
  for (int64_t group = 0; group < getNumGroups(); ++group) {
    auto places =
        llvm::ArrayRef(this->elements).slice(group * groupSize, groupSize);
    if (placeOf[places.front() / depth].first < 0) {
      int64_t next = 0;
      for (int64_t element : places) {
        auto &place = placeOf[element / depth];
        if (place.first >= 0)
          continue;
        place = {numUnits, next++};
        unitRows.push_back(element / depth);
      }
      rowsPerUnit = next;
      ++numUnits;
    }
    Pattern pattern;
    std::vector<int64_t> key;
    for (int64_t element : places) {
      pattern.rows.push_back(placeOf[element / depth].second);
      pattern.columns.push_back(element % depth);
      key.push_back(pattern.rows.back() * depth + pattern.columns.back());
    }
    auto [known, isNew] = patternOf.try_emplace(key, patterns.size());
    if (isNew)
      patterns.push_back(std::move(pattern));
    placed.push_back({placeOf[places.front() / depth].first, known->second});
  }
  groups.resize(numUnits * patterns.size());
  assert(groups.size() == placed.size() && "all rows are cut alike");
  for (auto [group, place] : llvm::enumerate(placed))
    groups[place.first * patterns.size() + place.second] = group;
}

void AdditiveGrid::decode(int64_t group, llvm::ArrayRef<uint32_t> codes,
                          llvm::MutableArrayRef<double> values) const {
  for (int64_t place = 0; place < groupSize; ++place) {
    double sum = 0;
    for (int64_t k = 0; k < numTables; ++k)
      sum += getTable(k)[codes[k] * groupSize + place];
    values[place] = static_cast<float>(scales[group] * sum);
  }
}

std::vector<double>
AdditiveGrid::getValues(llvm::ArrayRef<uint32_t> codes) const {
  std::vector<double> values(elements.size()), decoded(groupSize);
  for (int64_t group = 0; group < getNumGroups(); ++group) {
    decode(group, codes.slice(group * numTables, numTables), decoded);
    for (int64_t place = 0; place < groupSize; ++place)
      values[elements[group * groupSize + place]] = decoded[place];
  }
  return values;
}
