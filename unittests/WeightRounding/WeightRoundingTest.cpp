// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/WeightRounding/WeightRounding.h"
#include "gtest/gtest.h"
#include <cmath>
#include <numeric>
#include <random>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

/// Weights and the moments of data whose dimensions are correlated.
struct Layer {
  int64_t rows, depth;
  std::vector<double> weights, moments;

  Layer(int64_t rows, int64_t depth, unsigned seed, bool correlated = true)
      : rows(rows), depth(depth), moments(depth * depth, 0.0) {
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal;
    for (int64_t i = 0; i < rows * depth; ++i)
      weights.push_back(normal(generator));
    std::vector<double> mixing(depth * depth);
    for (double &entry : mixing)
      entry = normal(generator);
    std::vector<double> x(depth);
    for (int sample = 0; sample < 8 * depth; ++sample) {
      for (int64_t i = 0; i < depth; ++i)
        x[i] = normal(generator) * (1 + i % 3);
      if (correlated) {
        double common = normal(generator);
        for (int64_t i = 0; i < depth; ++i)
          x[i] += 2 * common * mixing[i];
      }
      for (int64_t i = 0; i < depth; ++i)
        for (int64_t j = 0; j < depth; ++j)
          if (correlated || i == j)
            moments[i * depth + j] += x[i] * x[j] / (8.0 * depth);
    }
  }

  RoundingProblem get() const { return {rows, depth, weights, moments}; }
};

std::vector<double> getIntegers(int lo, int hi) {
  std::vector<double> levels(hi - lo + 1);
  std::iota(levels.begin(), levels.end(), lo);
  return levels;
}

/// One block a row, with the scale of its largest element; `largest` level.
LevelGrid makeGrid(const Layer &layer, std::vector<double> levels) {
  double largest = levels.back();
  std::vector<int32_t> blockOf;
  for (int64_t i = 0; i < layer.rows * layer.depth; ++i)
    blockOf.push_back(i / layer.depth);
  LevelGrid grid(std::move(levels), std::move(blockOf), layer.rows);
  for (int64_t row = 0; row < layer.rows; ++row) {
    double most = 0;
    for (int64_t i = 0; i < layer.depth; ++i)
      most = std::max(most, std::abs(layer.weights[row * layer.depth + i]));
    grid.setBlock(row, static_cast<float>(most / largest));
  }
  return grid;
}

Levels roundNearest(const Layer &layer, const LevelGrid &grid) {
  Levels levels;
  for (int64_t i = 0; i < layer.rows * layer.depth; ++i)
    levels.push_back(grid.getNearest(i, layer.weights[i]));
  return levels;
}

double getLoss(const Layer &layer, const LevelGrid &grid,
               const Levels &levels) {
  std::vector<double> losses = getRowLosses(layer.get(), grid, levels);
  return std::accumulate(losses.begin(), losses.end(), 0.0);
}

/// What Gptq.cpp does, as its definition says it: after a column is fixed, the
/// others take the values with the least loss, found by solving for them.
Levels roundOneByOne(const Layer &layer, const LevelGrid &grid, double damping,
                     const std::vector<int64_t> &order) {
  int64_t n = layer.depth;
  std::vector<double> h = layer.moments;
  double mean = 0;
  for (int64_t i = 0; i < n; ++i)
    mean += h[i * n + i] / n;
  for (int64_t i = 0; i < n; ++i)
    h[i * n + i] += damping * mean;
  Levels levels(layer.weights.size());
  for (int64_t row = 0; row < layer.rows; ++row) {
    std::vector<double> current(layer.weights.begin() + row * n,
                                layer.weights.begin() + (row + 1) * n);
    for (int64_t step = 0; step < n; ++step) {
      int64_t element = row * n + order[step];
      levels[element] = grid.getNearest(element, current[order[step]]);
      double d = grid.getValue(element, levels[element]) - current[order[step]];
      current[order[step]] += d;
      // min over e of (d, e) H (d, e)^T: H_ee e = -H_e0 d, by elimination.
      int64_t left = n - step - 1;
      std::vector<double> a(left * left), b(left);
      for (int64_t i = 0; i < left; ++i) {
        b[i] = -h[order[step + 1 + i] * n + order[step]] * d;
        for (int64_t j = 0; j < left; ++j)
          a[i * left + j] = h[order[step + 1 + i] * n + order[step + 1 + j]];
      }
      for (int64_t pivot = 0; pivot < left; ++pivot)
        for (int64_t i = pivot + 1; i < left; ++i) {
          double factor = a[i * left + pivot] / a[pivot * left + pivot];
          for (int64_t j = pivot; j < left; ++j)
            a[i * left + j] -= factor * a[pivot * left + j];
          b[i] -= factor * b[pivot];
        }
      for (int64_t i = left - 1; i >= 0; --i) {
        for (int64_t j = i + 1; j < left; ++j)
          b[i] -= a[i * left + j] * b[j];
        b[i] /= a[i * left + i];
        current[order[step + 1 + i]] += b[i];
      }
    }
  }
  return levels;
}

TEST(LevelGridTest, RoundsToTheNearestValue) {
  // As f4E2M1: uneven.
  LevelGrid grid({-6, -4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4, 6},
                 {0, 1}, 2);
  grid.setBlock(1, 0.25, 0);
  for (double value = -8; value <= 8; value += 1.0 / 64)
    for (int64_t element : {0, 1}) {
      double chosen = grid.getValue(element, grid.getNearest(element, value));
      for (uint32_t level = 0; level < grid.getNumLevels(element); ++level)
        EXPECT_LE(std::abs(chosen - value),
                  std::abs(grid.getValue(element, level) - value));
    }
}

TEST(LevelGridTest, SubtractsTheZeroPoint) {
  LevelGrid grid(getIntegers(0, 15), {0}, 1);
  grid.setBlock(0, 0.5, 5);
  EXPECT_EQ(grid.getValue(0, 5), 0);
  EXPECT_EQ(grid.getValue(0, 15), 5);
  EXPECT_EQ(grid.getNearest(0, -100), 0u);
  EXPECT_EQ(grid.getNearest(0, 100), 15u);
  EXPECT_EQ(grid.getNearest(0, 1.6), 8u);
}

TEST(WeightRoundingTest, LossIsThatOfTheResults) {
  // One row, two samples of data: (1, 2) and (3, -1).
  std::vector<double> weights = {0.3, 0.7};
  std::vector<double> moments = {(1 + 9) / 2.0, (2 - 3) / 2.0, (2 - 3) / 2.0,
                                 (4 + 1) / 2.0};
  LevelGrid grid(getIntegers(-1, 1), {0, 0}, 1);
  Levels levels = {1, 2}; // 0 and 1
  double e1 = -0.3 + 2 * 0.3, e2 = -0.3 * 3 - 0.3;
  std::vector<double> losses =
      getRowLosses({1, 2, weights, moments}, grid, levels);
  EXPECT_NEAR(losses[0], (e1 * e1 + e2 * e2) / 2, 1e-15);
}

TEST(GptqTest, EqualsTheDefinition) {
  for (unsigned seed : {1u, 2u, 3u}) {
    Layer layer(5, 24, seed);
    LevelGrid grid = makeGrid(layer, getIntegers(-7, 7));
    GptqOptions options;
    options.byMoments = false;
    std::vector<int64_t> order(layer.depth);
    std::iota(order.begin(), order.end(), 0);
    auto found = roundByErrorFeedback(layer.get(), grid, options);
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, roundOneByOne(layer, grid, options.damping, order));

    options.byMoments = true;
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return layer.moments[a * layer.depth + a] >
             layer.moments[b * layer.depth + b];
    });
    found = roundByErrorFeedback(layer.get(), grid, options);
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, roundOneByOne(layer, grid, options.damping, order));
  }
}

TEST(GptqTest, IsNearestWithoutCorrelation) {
  Layer layer(6, 200, 7, /*correlated=*/false);
  LevelGrid grid = makeGrid(layer, getIntegers(-7, 7));
  auto found = roundByErrorFeedback(layer.get(), grid, {});
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, roundNearest(layer, grid));
}

TEST(GptqTest, LosesLessThanNearest) {
  // Wider than one batch of columns.
  Layer layer(16, 300, 11);
  for (std::vector<double> levels :
       {getIntegers(-7, 7), getIntegers(-1, 1),
        std::vector<double>{-6, -4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2,
                            3, 4, 6}}) {
    LevelGrid grid = makeGrid(layer, levels);
    double nearest = getLoss(layer, grid, roundNearest(layer, grid));
    auto found = roundByErrorFeedback(layer.get(), grid, {});
    ASSERT_TRUE(found);
    double gptq = getLoss(layer, grid, *found);
    EXPECT_LT(gptq, 0.7 * nearest);
    Levels improved = *found;
    EXPECT_GT(improveByCoordinateDescent(layer.get(), grid, improved), 0u);
    EXPECT_LT(getLoss(layer, grid, improved), gptq);
  }
}

TEST(GptqTest, ChoosesScalesOfWhatIsLeft) {
  Layer layer(4, 64, 5);
  constexpr int64_t kGroup = 16, kGroups = 4;
  std::vector<int32_t> blockOf;
  for (int64_t i = 0; i < layer.rows * layer.depth; ++i)
    blockOf.push_back(i / kGroup);
  LevelGrid grid(getIntegers(-7, 7), blockOf, layer.rows * kGroups);
  GptqOptions options;
  for (int64_t group = 0; group < kGroups; ++group) {
    auto &set = options.sets.emplace_back();
    for (int64_t i = 0; i < kGroup; ++i)
      set.push_back(group * kGroup + i);
  }
  std::vector<size_t> chosen;
  auto choose = [&](size_t set, llvm::ArrayRef<double> current) {
    chosen.push_back(set);
    for (int64_t row = 0; row < layer.rows; ++row) {
      double most = 0;
      for (int64_t column : options.sets[set])
        most = std::max(most, std::abs(current[row * layer.depth + column]));
      grid.setBlock(row * kGroups + set, static_cast<float>(most / 7));
    }
    // What was rounded before is on its grid.
    for (int64_t i = 0; i < static_cast<int64_t>(current.size()); ++i)
      if (i % layer.depth < static_cast<int64_t>(set) * kGroup) {
        EXPECT_NEAR(current[i],
                    grid.getValue(i, grid.getNearest(i, current[i])), 1e-12);
      }
  };
  options.choose = choose;
  auto found = roundByErrorFeedback(layer.get(), grid, options);
  ASSERT_TRUE(found);
  EXPECT_EQ(chosen, (std::vector<size_t>{0, 1, 2, 3}));
  // No weight lies beyond its scale: none loses more than half a step by itself
  // but for what it makes up for.
  EXPECT_LT(getLoss(layer, grid, *found),
            getLoss(layer, grid, roundNearest(layer, grid)));
}

TEST(GptqTest, DataThatAreZero) {
  Layer layer(3, 10, 1);
  std::fill(layer.moments.begin(), layer.moments.end(), 0.0);
  LevelGrid grid = makeGrid(layer, getIntegers(-7, 7));
  auto found = roundByErrorFeedback(layer.get(), grid, {});
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, roundNearest(layer, grid));
}

TEST(GptqTest, RefusesWhatIsNoMatrixOfMoments) {
  Layer layer(1, 2, 1);
  layer.moments = {1, 5, 5, 1};
  LevelGrid grid = makeGrid(layer, getIntegers(-7, 7));
  EXPECT_FALSE(roundByErrorFeedback(layer.get(), grid, {}));
}

TEST(CoordinateDescentTest, EndsWhereNoSingleChangeHelps) {
  for (unsigned seed = 1; seed < 6; ++seed) {
    Layer layer(4, 20, seed);
    LevelGrid grid = makeGrid(layer, getIntegers(-3, 3));
    Levels levels = roundNearest(layer, grid);
    std::vector<double> last = getRowLosses(layer.get(), grid, levels);
    // Sweep by sweep: no row's loss rises.
    while (improveByCoordinateDescent(layer.get(), grid, levels, 1)) {
      std::vector<double> now = getRowLosses(layer.get(), grid, levels);
      for (int64_t row = 0; row < layer.rows; ++row)
        EXPECT_LE(now[row], last[row] * (1 + 1e-12));
      last = now;
    }
    for (size_t i = 0; i < levels.size(); ++i)
      for (uint32_t level = 0; level < grid.getNumLevels(i); ++level) {
        Levels changed = levels;
        changed[i] = level;
        double loss = getRowLosses(layer.get(), grid, changed)[i / 20];
        EXPECT_GE(loss, last[i / 20] * (1 - 1e-9));
      }
  }
}

/// Blocks of `size` columns with levels of two formats, and of each block the
/// same scale with the other format and half the scale with each.
struct Blocks {
  LevelGrid grid;
  std::vector<BlockChoice> choices;

  Blocks(const Layer &layer, int64_t size)
      : grid({{-4, -2, -1, 0, 1, 2, 3, 4}, {-4, -3, -2, -1, 0, 1, 2, 4}},
             getBlocks(layer, size), layer.rows * layer.depth / size) {
    for (int32_t block = 0; block < layer.rows * layer.depth / size; ++block) {
      grid.setBlock(block, 0.75);
      choices.push_back({block, 0.75, 0, 1});
      choices.push_back({block, 0.375, 0, 0});
      choices.push_back({block, 0.375, 0, 1});
    }
  }

  static std::vector<int32_t> getBlocks(const Layer &layer, int64_t size) {
    std::vector<int32_t> blockOf;
    for (int64_t i = 0; i < layer.rows * layer.depth; ++i)
      blockOf.push_back(i / size);
    return blockOf;
  }
};

TEST(LevelGridTest, BlocksOfSeveralFormats) {
  LevelGrid grid({{-1, 0, 1}, {0, 5, 6, 7}}, {0, 1}, 2);
  grid.setBlock(1, 0.5, 0, 1);
  EXPECT_EQ(grid.getNumLevels(0), 3u);
  EXPECT_EQ(grid.getNumLevels(1), 4u);
  EXPECT_EQ(grid.getValue(0, 2), 1);
  EXPECT_EQ(grid.getValue(1, 3), 3.5);
  EXPECT_EQ(grid.getNearest(0, 3.2), 2u);
  EXPECT_EQ(grid.getNearest(1, 3.2), 2u);
}

TEST(BlockChoicesTest, NoRowLosesMore) {
  for (unsigned seed = 1; seed < 6; ++seed) {
    Layer layer(8, 48, seed);
    Blocks blocks(layer, 16);
    Levels levels = roundNearest(layer, blocks.grid);
    improveByCoordinateDescent(layer.get(), blocks.grid, levels);
    std::vector<double> last = getRowLosses(layer.get(), blocks.grid, levels);
    double first = getLoss(layer, blocks.grid, levels);
    std::vector<bool> active(layer.rows, true);
    for (int pass = 0; llvm::is_contained(active, true); ++pass) {
      ASSERT_LT(pass, 50);
      std::vector<size_t> taken = improveByBlockChoices(
          layer.get(), blocks.grid, levels, blocks.choices, active);
      EXPECT_TRUE(llvm::is_contained(active, true) || taken.empty());
      for (size_t number : taken) {
        const BlockChoice &choice = blocks.choices[number];
        EXPECT_EQ(blocks.grid.getScale(choice.block), choice.scale);
        EXPECT_EQ(blocks.grid.getFormat(choice.block), choice.format);
      }
      std::vector<double> now = getRowLosses(layer.get(), blocks.grid, levels);
      for (int64_t row = 0; row < layer.rows; ++row) {
        EXPECT_LE(now[row], last[row] * (1 + 1e-12));
        if (!active[row]) {
          EXPECT_EQ(now[row], last[row]);
        }
      }
      last = now;
    }
    // Nothing is left to be found.
    active.assign(layer.rows, true);
    EXPECT_TRUE(improveByBlockChoices(layer.get(), blocks.grid, levels,
                                      blocks.choices, active)
                    .empty());
    EXPECT_LT(getLoss(layer, blocks.grid, levels), 0.8 * first);
  }
}

TEST(BlockChoicesTest, FindsTheBestOfAllIfBlocksAreElements) {
  // One row of one element: all that it can be.
  for (double weight : {-2.9, -0.7, 0.3, 1.1, 2.1}) {
    std::vector<double> weights = {weight}, moments = {2};
    LevelGrid grid({{-1, 0, 1}, {-2.8, 0, 2}}, {0}, 1);
    Levels levels = {1};
    std::vector<BlockChoice> choices = {
        {0, 1, 0, 1}, {0, 0.25, 0, 0}, {0, 0.25, 0, 1}};
    std::vector<bool> active = {true};
    improveByBlockChoices({1, 1, weights, moments}, grid, levels, choices,
                          active);
    double found = std::abs(grid.getValue(0, levels[0]) - weight), best = 9;
    for (double value : {-1., 0., 1., -2.8, 2., -.25, .25, -.7, .5})
      best = std::min(best, std::abs(value - weight));
    EXPECT_NEAR(found, best, 1e-6);
  }
}

TEST(BlockChoicesTest, BlocksOfSeveralRowsStay) {
  Layer layer(2, 16, 1);
  LevelGrid grid({{-1, 0, 1}, {-2, 0, 2}}, std::vector<int32_t>(32, 0), 1);
  Levels levels = roundNearest(layer, grid), before = levels;
  std::vector<bool> active = {true, true};
  EXPECT_TRUE(
      improveByBlockChoices(layer.get(), grid, levels, {{0, 1, 0, 1}}, active)
          .empty());
  EXPECT_FALSE(active[0] || active[1]);
  EXPECT_EQ(levels, before);
}
} // namespace
