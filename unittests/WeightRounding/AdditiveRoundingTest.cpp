// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/WeightRounding/AdditiveRounding.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

/// Correlated data, random weights, and tables with entries as large.
struct Layer {
  int64_t rows, depth, numTables, numVectors, groupSize;
  std::vector<double> weights, moments, tables;

  Layer(int64_t rows, int64_t depth, int64_t numTables, int64_t numVectors,
        int64_t groupSize, unsigned seed, bool correlated = true)
      : rows(rows), depth(depth), numTables(numTables), numVectors(numVectors),
        groupSize(groupSize), moments(depth * depth, 0.0) {
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal;
    for (int64_t i = 0; i < rows * depth; ++i)
      weights.push_back(normal(generator));
    // As f16 would hold them: sums are exact.
    for (int64_t table = 0; table < numTables; ++table)
      for (int64_t i = 0; i < numVectors * groupSize; ++i)
        tables.push_back(
            std::round(1024 * std::ldexp(normal(generator), -int(table))) /
            1024);
    std::vector<double> x(depth), mixing(depth);
    for (double &entry : mixing)
      entry = normal(generator);
    for (int sample = 0; sample < 4 * depth; ++sample) {
      double common = 3 * normal(generator);
      for (int64_t i = 0; i < depth; ++i)
        x[i] = normal(generator) * (1 + i % 3) + common * mixing[i];
      for (int64_t i = 0; i < depth; ++i)
        for (int64_t j = 0; j < depth; ++j)
          if (correlated || i == j)
            moments[i * depth + j] += x[i] * x[j] / (4.0 * depth);
    }
    if (!correlated)
      for (int64_t i = 0; i < depth; ++i)
        moments[i * (depth + 1)] = 2;
  }

  RoundingProblem get() const { return {rows, depth, weights, moments}; }

  /// Groups lie in `rowsPerGroup` rows. Scales are 0.5 and 1 in turn.
  AdditiveGrid makeGrid(int64_t rowsPerGroup = 1) const {
    int64_t columns = groupSize / rowsPerGroup;
    std::vector<int64_t> elements;
    std::vector<double> scales;
    for (int64_t row = 0; row < rows; row += rowsPerGroup)
      for (int64_t column = 0; column < depth; column += columns) {
        for (int64_t i = 0; i < rowsPerGroup; ++i)
          for (int64_t j = 0; j < columns; ++j)
            elements.push_back((row + i) * depth + column + j);
        scales.push_back(scales.size() % 2 ? 1 : 0.5);
      }
    return AdditiveGrid(rows, depth, numTables, groupSize, tables, elements,
                        scales);
  }

  std::vector<double> getLosses(const AdditiveGrid &grid,
                                const AdditiveCodes &codes) const {
    return getRowLosses(get(), grid.getValues(codes));
  }
};

double sum(const std::vector<double> &values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

AdditiveCodes getZeros(const AdditiveGrid &grid) {
  return AdditiveCodes(grid.getNumGroups() * grid.getNumTables(), 0);
}

/// For one table.
AdditiveCodes roundNearest(const Layer &layer, const AdditiveGrid &grid) {
  AdditiveCodes codes = getZeros(grid);
  std::vector<double> best(grid.getNumGroups(), 1e300);
  for (uint32_t code = 0; code < grid.getNumVectors(); ++code) {
    std::vector<double> values =
        grid.getValues(AdditiveCodes(grid.getNumGroups(), code));
    for (int64_t group = 0; group < grid.getNumGroups(); ++group) {
      double error = 0;
      for (int64_t i = group * layer.groupSize;
           i < (group + 1) * layer.groupSize; ++i)
        error += std::pow(values[i] - layer.weights[i], 2);
      if (error < best[group]) {
        best[group] = error;
        codes[group] = code;
      }
    }
  }
  return codes;
}

/// The least loss of all codes there are, of each unit.
std::vector<double> getLeastLosses(const Layer &layer,
                                   const AdditiveGrid &grid) {
  int64_t codesPerUnit = grid.getPatterns().size() * grid.getNumTables();
  std::vector<double> least(grid.getNumUnits(),
                            std::numeric_limits<double>::infinity());
  double count = std::pow(grid.getNumVectors(), codesPerUnit);
  for (int64_t number = 0; number < count; ++number) {
    AdditiveCodes codes = getZeros(grid);
    for (int64_t unit = 0; unit < grid.getNumUnits(); ++unit) {
      int64_t left = number;
      for (int64_t i = 0; i < codesPerUnit; ++i) {
        int64_t group = grid.getGroup(unit, i / grid.getNumTables());
        codes[group * grid.getNumTables() + i % grid.getNumTables()] =
            left % grid.getNumVectors();
        left /= grid.getNumVectors();
      }
    }
    std::vector<double> losses = layer.getLosses(grid, codes);
    for (int64_t unit = 0; unit < grid.getNumUnits(); ++unit) {
      double loss = 0;
      for (int64_t row : grid.getRows(unit))
        loss += losses[row];
      least[unit] = std::min(least[unit], loss);
    }
  }
  return least;
}

TEST(AdditiveGridTest, AddsVectorsAndScales) {
  // Two tables of two vectors of two elements, a matrix of 1 x 4.
  AdditiveGrid grid(1, 4, 2, 2, {1, 2, 3, 4, 10, 20, 30, 40}, {0, 1, 2, 3},
                    {1, 0.5});
  EXPECT_EQ(grid.getValues({0, 1, 1, 0}),
            (std::vector<double>{31, 42, 6.5, 12}));
  EXPECT_EQ(grid.getNumUnits(), 1);
  EXPECT_EQ(grid.getPatterns().size(), 2u);
}

TEST(AdditiveGridTest, RoundsToF32) {
  AdditiveGrid grid(1, 1, 1, 1, {1, 3}, {0}, {0.1});
  EXPECT_EQ(grid.getValues({1}).front(), static_cast<float>(0.1 * 3.0));
}

TEST(AdditiveGridTest, GroupsOfSeveralRows) {
  // 4 x 6 in groups of 2 x 3, numbered by columns first.
  std::vector<int64_t> elements;
  for (int64_t column : {0, 3})
    for (int64_t row : {0, 2})
      for (int64_t i = 0; i < 2; ++i)
        for (int64_t j = 0; j < 3; ++j)
          elements.push_back((row + i) * 6 + column + j);
  AdditiveGrid grid(4, 6, 1, 6, std::vector<double>(12, 1.0), elements,
                    {1, 2, 3, 4});
  EXPECT_EQ(grid.getNumUnits(), 2);
  EXPECT_EQ(grid.getRows(1), (llvm::ArrayRef<int64_t>{2, 3}));
  ASSERT_EQ(grid.getPatterns().size(), 2u);
  EXPECT_EQ(grid.getPatterns()[1].columns,
            (llvm::SmallVector<int64_t>{3, 4, 5, 3, 4, 5}));
  EXPECT_EQ(grid.getPatterns()[1].rows,
            (llvm::SmallVector<int64_t>{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(grid.getGroup(0, 1), 2);
  EXPECT_EQ(grid.getGroup(1, 0), 1);
}

TEST(BeamSearchTest, NoRowLosesMoreByASweep) {
  for (unsigned seed = 1; seed < 6; ++seed)
    for (unsigned beam : {1u, 3u}) {
      Layer layer(70, 24, 2, 8, 4, seed);
      AdditiveGrid grid = layer.makeGrid();
      AdditiveCodes codes = getZeros(grid);
      std::vector<double> last = layer.getLosses(grid, codes);
      unsigned sweeps = 0;
      while (improveByBeamSearch(layer.get(), grid, codes, beam, 1)) {
        std::vector<double> now = layer.getLosses(grid, codes);
        for (int64_t row = 0; row < layer.rows; ++row)
          EXPECT_LE(now[row], last[row] * (1 + 1e-12));
        EXPECT_LT(sum(now), sum(last));
        last = now;
        ASSERT_LT(++sweeps, 100u);
      }
      EXPECT_GT(sweeps, 1u);
    }
}

TEST(BeamSearchTest, EndsWhereNoSingleCodeHelps) {
  Layer layer(5, 12, 2, 8, 4, 3);
  AdditiveGrid grid = layer.makeGrid();
  AdditiveCodes codes = getZeros(grid);
  improveByBeamSearch(layer.get(), grid, codes);
  std::vector<double> losses = layer.getLosses(grid, codes);
  for (uint32_t &code : codes) {
    uint32_t chosen = code;
    for (code = 0; code < 8; ++code) {
      std::vector<double> changed = layer.getLosses(grid, codes);
      for (int64_t row = 0; row < layer.rows; ++row)
        EXPECT_GE(changed[row], losses[row] * (1 - 1e-6));
    }
    code = chosen;
  }
}

TEST(BeamSearchTest, IsExactIfAllWaysAreKept) {
  for (unsigned seed = 1; seed < 8; ++seed) {
    // 4^(2 * 2) codes a row.
    Layer layer(3, 6, 2, 4, 3, seed);
    AdditiveGrid grid = layer.makeGrid();
    AdditiveCodes codes = getZeros(grid);
    improveByBeamSearch(layer.get(), grid, codes, /*beam=*/256);
    std::vector<double> found = layer.getLosses(grid, codes);
    std::vector<double> least = getLeastLosses(layer, grid);
    for (int64_t row = 0; row < layer.rows; ++row)
      EXPECT_NEAR(found[row], least[row], 1e-9 * least[row]);
  }
}

TEST(BeamSearchTest, GroupsOfSeveralRows) {
  for (unsigned seed = 1; seed < 5; ++seed) {
    Layer layer(4, 4, 2, 4, 4, seed);
    AdditiveGrid grid = layer.makeGrid(/*rowsPerGroup=*/2);
    AdditiveCodes codes = getZeros(grid);
    improveByBeamSearch(layer.get(), grid, codes, /*beam=*/256);
    std::vector<double> found = layer.getLosses(grid, codes);
    std::vector<double> least = getLeastLosses(layer, grid);
    for (int64_t unit = 0; unit < 2; ++unit)
      EXPECT_NEAR(found[2 * unit] + found[2 * unit + 1], least[unit],
                  1e-9 * least[unit]);
  }
}

TEST(BeamSearchTest, WiderBeamsLoseNoMoreThanNarrowOnes) {
  double narrow = 0, wide = 0;
  for (unsigned seed = 1; seed < 6; ++seed) {
    Layer layer(20, 32, 2, 16, 4, seed);
    AdditiveGrid grid = layer.makeGrid();
    AdditiveCodes one = getZeros(grid), four = one;
    improveByBeamSearch(layer.get(), grid, one, 1);
    improveByBeamSearch(layer.get(), grid, four, 4);
    std::vector<double> ofOne = layer.getLosses(grid, one);
    std::vector<double> ofFour = layer.getLosses(grid, four);
    for (int64_t row = 0; row < layer.rows; ++row)
      EXPECT_LE(ofFour[row], ofOne[row] * (1 + 1e-12));
    narrow += sum(ofOne);
    wide += sum(ofFour);
  }
  EXPECT_LT(wide, 0.97 * narrow);
}

TEST(BeamSearchTest, OrderOfUnitsDoesNotMatter) {
  Layer layer(200, 16, 2, 8, 4, 4);
  AdditiveGrid grid = layer.makeGrid();
  AdditiveCodes forwards = getZeros(grid), backwards = forwards;
  auto reverse = [](size_t count, llvm::function_ref<void(size_t)> body) {
    EXPECT_GT(count, 2u);
    while (count > 0)
      body(--count);
  };
  EXPECT_EQ(improveByBeamSearch(layer.get(), grid, forwards, 2),
            improveByBeamSearch(layer.get(), grid, backwards, 2, 20, reverse));
  EXPECT_EQ(forwards, backwards);
  AdditiveFeedbackOptions options;
  auto expected = roundGroupsByErrorFeedback(layer.get(), grid, options);
  options.forEach = reverse;
  EXPECT_EQ(roundGroupsByErrorFeedback(layer.get(), grid, options), expected);
}

TEST(BeamSearchTest, DataThatAreZero) {
  Layer layer(3, 8, 2, 4, 4, 1);
  std::fill(layer.moments.begin(), layer.moments.end(), 0.0);
  AdditiveGrid grid = layer.makeGrid();
  AdditiveCodes codes(grid.getNumGroups() * 2, 3), before = codes;
  EXPECT_EQ(improveByBeamSearch(layer.get(), grid, codes, 4), 0u);
  EXPECT_EQ(codes, before);
}

TEST(AdditiveFeedbackTest, IsGptqForGroupsOfOne) {
  for (unsigned seed : {1u, 2u, 3u}) {
    Layer layer(5, 24, 1, 16, 1, seed);
    std::vector<double> scales(layer.rows * layer.depth, 1.0);
    std::vector<int64_t> elements(scales.size());
    std::iota(elements.begin(), elements.end(), 0);
    AdditiveGrid grid(layer.rows, layer.depth, 1, 1, layer.tables, elements,
                      scales);
    std::vector<double> levels = layer.tables;
    std::sort(levels.begin(), levels.end());
    levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
    LevelGrid levelGrid(levels, std::vector<int32_t>(elements.size(), 0), 1);
    auto expected = roundByErrorFeedback(layer.get(), levelGrid, {});
    auto found = roundGroupsByErrorFeedback(layer.get(), grid, {});
    ASSERT_TRUE(expected && found);
    std::vector<double> values = grid.getValues(*found);
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(values[i], levels[(*expected)[i]]);
  }
}

TEST(AdditiveFeedbackTest, IsNearestWithoutCorrelation) {
  Layer layer(70, 32, 1, 16, 4, 5, /*correlated=*/false);
  AdditiveGrid grid = layer.makeGrid();
  auto found = roundGroupsByErrorFeedback(layer.get(), grid, {});
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, roundNearest(layer, grid));
}

TEST(AdditiveFeedbackTest, LosesLessThanNearest) {
  Layer layer(40, 64, 1, 64, 4, 9);
  AdditiveGrid grid = layer.makeGrid();
  AdditiveCodes nearest = roundNearest(layer, grid);
  auto found = roundGroupsByErrorFeedback(layer.get(), grid, {});
  ASSERT_TRUE(found);
  EXPECT_LT(sum(layer.getLosses(grid, *found)),
            0.9 * sum(layer.getLosses(grid, nearest)));
}

TEST(AdditiveFeedbackTest, BeamsCodeGroupsBetter) {
  double narrow = 0, wide = 0;
  for (unsigned seed = 1; seed < 6; ++seed) {
    Layer layer(40, 64, 3, 16, 4, seed);
    AdditiveGrid grid = layer.makeGrid();
    AdditiveFeedbackOptions options;
    narrow += sum(layer.getLosses(
        grid, *roundGroupsByErrorFeedback(layer.get(), grid, options)));
    options.beam = 4;
    wide += sum(layer.getLosses(
        grid, *roundGroupsByErrorFeedback(layer.get(), grid, options)));
  }
  EXPECT_LT(wide, 0.9 * narrow);
}

TEST(AdditiveFeedbackTest, GroupsOfSeveralRows) {
  // Of two rows that shall be the same it is what one of them becomes.
  Layer layer(6, 24, 1, 16, 4, 3);
  for (int64_t row = 0; row < 6; row += 2)
    std::copy_n(layer.weights.begin() + row * 24, 24,
                layer.weights.begin() + (row + 1) * 24);
  std::vector<double> once = layer.tables, twice;
  for (int64_t vector = 0; vector < 16; ++vector)
    for (int64_t i = 0; i < 8; ++i)
      twice.push_back(once[vector * 4 + i % 4]);
  AdditiveGrid single = layer.makeGrid();
  layer.groupSize = 8;
  layer.tables = twice;
  AdditiveGrid pairs = layer.makeGrid(/*rowsPerGroup=*/2);
  ASSERT_EQ(single.getNumGroups(), 2 * pairs.getNumGroups());
  auto found = roundGroupsByErrorFeedback(layer.get(), pairs, {});
  auto expected = roundGroupsByErrorFeedback(layer.get(), single, {});
  ASSERT_TRUE(found && expected);
  EXPECT_EQ(*found, AdditiveCodes([&] {
    AdditiveCodes codes;
    for (int64_t unit = 0; unit < 3; ++unit)
      for (int64_t j = 0; j < 6; ++j)
        codes.push_back((*expected)[single.getGroup(2 * unit, j)]);
    return codes;
  }()));
}

TEST(AdditiveFeedbackTest, RefusesWhatIsNoMatrixOfMoments) {
  Layer layer(1, 2, 1, 2, 1, 1);
  layer.moments = {1, 5, 5, 1};
  EXPECT_FALSE(roundGroupsByErrorFeedback(layer.get(), layer.makeGrid(), {}));
}
} // namespace
