//===- StateSearchTest.cpp - Dynamic programming alone --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "StateSearch.h"
#include "RandomInstances.h"
#include "Solvers.h"
#include "gtest/gtest.h"

using namespace mlir::qfmt::assignment;

namespace {
/// What one search offers, and which of that is to return.
struct Found {
  explicit Found(const Problem &problem)
      : indexed(problem), reduced(indexed),
        search(reduced, computePrices(reduced), Search::Goal::Damage,
               Deadline(0)) {}

  StateSearch::Outcome run(double threshold,
                           const StateSearchOptions &options = {}) {
    StateSearchOptions withPrices = options;
    withPrices.multipliers = search.getMultipliers();
    StateSearch states(reduced, threshold, withPrices);
    StateSearch::Outcome outcome =
        states.run([&](const std::vector<unsigned> &found) {
          search.offer(found);
          return true;
        });
    numStates = states.getNumStates();
    return outcome;
  }

  IndexedProblem indexed;
  ReducedProblem reduced;
  Search search;
  uint64_t numStates = 0;
};
} // namespace

/// With the optimum as threshold: the first one in the order that breaks ties.
/// Below: nothing that keeps the budgets.
TEST(StateSearchTest, FindsTheOneToReturn) {
  unsigned solved = 0, withPairs = 0, refused = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    Problem problem = makeRandomProblem(seed);
    Found found(problem), nothing(problem);
    llvm::Expected<Solution> expected =
        createExhaustiveSolver()->solve(problem, {});
    ASSERT_TRUE(bool(expected));
    double optimum = expected->objective;
    StateSearch::Outcome outcome =
        found.run(expected->status == Status::Optimal
                      ? optimum + kRelativeTolerance * std::abs(optimum)
                      : 1e12);
    // Decades of either sign cancel.
    if (outcome == StateSearch::Outcome::Incomplete) {
      EXPECT_FALSE(problem.pairwise.empty());
      ++refused;
      continue;
    }
    EXPECT_EQ(outcome, StateSearch::Outcome::Complete);
    ASSERT_EQ(found.search.hasBest(), expected->status == Status::Optimal);
    if (!found.search.hasBest())
      continue;
    ++solved;
    withPairs += !found.reduced.pairs.empty();
    EXPECT_EQ(found.reduced.getAssignment(found.search.getBest()),
              expected->assignment);
    nothing.run(optimum - 1e-9 * std::abs(optimum) - 1e-30);
    EXPECT_FALSE(nothing.search.hasBest());
    if (HasFailure())
      break;
  }
  EXPECT_GT(solved, 1200u);
  EXPECT_GT(withPairs, 400u);
  EXPECT_LT(refused, 200u);
}

/// Layers of one size and of nearly equal damage, as transformers have.
static Problem makeLayersOfOneSize(unsigned numLayers) {
  struct Format {
    const char *name;
    double damage, bytes, bops, ms;
  };
  InstanceRandom random(3);
  Problem problem;
  for (unsigned g = 0; g < numLayers; ++g) {
    Group group{"layer" + std::to_string(g), {}};
    double scale = 1 + 0.02 * random.real();
    for (const Format &format :
         {Format{"i3", 26187, 100352, 9, 3}, Format{"i4", 4809, 133120, 16, 4},
          Format{"bitmod4", 2530, 134656, 16, 7},
          Format{"nf4", 2224, 147456, 16, 6},
          Format{"nvfp4", 2380, 147460, 12, 5},
          Format{"mxfp8", 226, 270336, 64, 8},
          Format{"i8", 14.6, 264192, 64, 9}})
      group.choices.push_back(
          {format.name,
           format.damage * scale * (1 + 0.001 * random.real()),
           {{"bytes", format.bytes},
            {"bops", format.bops},
            {"ms", format.ms}}});
    problem.groups.push_back(std::move(group));
  }
  return problem;
}

/// Search alone needs hours for some of these.
TEST(StateSearchTest, ProvesManyLayersOfOneSize) {
  Problem problem = makeLayersOfOneSize(40);
  for (double fraction : {0.2, 0.4, 0.6}) {
    for (bool hasThree : {false, true}) {
      SCOPED_TRACE(fraction);
      problem.budgets = {{"bytes", Budget::ofRange(fraction)}};
      if (hasThree) {
        problem.budgets["bops"] = Budget::ofRange(0.8 * fraction);
        problem.budgets["ms"] = Budget::ofRange(fraction);
      }
      Found found(problem);
      found.search.offerHeuristics();
      ASSERT_TRUE(found.search.hasBest());
      StateSearchOptions options;
      options.maxStates = 300000;
      EXPECT_EQ(found.run(found.search.getThreshold(), options),
                StateSearch::Outcome::Complete);
      Assignment assignment =
          found.reduced.getAssignment(found.search.getBest());
      EXPECT_TRUE(verify(problem, assignment).empty());
      // Nothing is below what it found.
      double objective = found.search.getObjective();
      Found nothing(problem);
      EXPECT_EQ(nothing.run(objective * (1 - 1e-9), options),
                StateSearch::Outcome::Complete);
      EXPECT_FALSE(nothing.search.hasBest());
    }
  }
}

/// Too many states prove nothing, but may find something.
TEST(StateSearchTest, SaysIfThereAreTooManyStates) {
  Problem problem = makeLayersOfOneSize(40);
  problem.budgets = {{"bytes", Budget::ofRange(0.4)}};
  Found found(problem);
  found.search.offerHeuristics();
  double threshold = found.search.getThreshold();
  StateSearchOptions options;
  options.maxStates = 10;
  EXPECT_EQ(found.run(threshold, options), StateSearch::Outcome::Incomplete);
  EXPECT_GT(found.numStates, 10u);
  options = {};
  options.maxWidth = 5;
  EXPECT_EQ(found.run(threshold, options), StateSearch::Outcome::Incomplete);
  EXPECT_LE(found.numStates, 5u * 40);
}

/// A state goes if another one is nowhere worse, and better or first.
TEST(StateSearchTest, DropsStatesThatOthersReplace) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    InstanceRandom random(seed);
    States states;
    states.width = 2 + seed % 4;
    // Few values: many are equal.
    unsigned numValues = 3 + random.below(30);
    for (int i = 0; i < 300; ++i)
      for (size_t column = 0; column < states.width; ++column)
        states.values.push_back(random.below(numValues));
    std::vector<uint32_t> rank;
    for (int i = 0; i < 300; ++i)
      rank.push_back(random.below(1000) * 1000 + i);
    int64_t equal = seed % 3;
    auto comesFirst = [&](uint32_t a, uint32_t b) { return rank[a] < rank[b]; };
    auto replaces = [&](uint32_t a, uint32_t b) {
      const int64_t *first = states.get(a), *second = states.get(b);
      for (size_t i = 1; i < states.width; ++i)
        if (first[i] > second[i])
          return false;
      return first[0] + equal < second[0] ||
             (first[0] <= second[0] && comesFirst(a, b));
    };
    std::vector<uint32_t> kept = findNondominated(states, equal, comesFirst);
    std::vector<bool> isKept(300);
    for (uint32_t state : kept)
      isKept[state] = true;
    unsigned numLeft = 0, numMissed = 0;
    for (uint32_t b = 0; b < 300; ++b) {
      bool isReplaced = false;
      for (uint32_t a = 0; a < 300; ++a)
        isReplaced |= a != b && replaces(a, b);
      // Whoever went had a reason.
      EXPECT_TRUE(isKept[b] || isReplaced) << seed << " " << b;
      numLeft += !isReplaced;
      numMissed += isReplaced && isKept[b];
    }
    EXPECT_GT(numLeft, 0u);
    // With up to three costs it sees them all but some equal ones.
    if (states.width <= 4 && equal == 0)
      EXPECT_LE(numMissed, 60u) << seed;
  }
}
