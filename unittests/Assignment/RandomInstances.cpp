//===- RandomInstances.cpp ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "RandomInstances.h"
#include <cmath>
#include <set>

using namespace mlir::qfmt::assignment;

static const char *const kFormats[] = {"i2", "i4", "i8", "f8E4M3FN"};
static const char *const kCosts[] = {"bytes", "ms", "luts"};

namespace {
enum class Kind { Integers, Decimals, Decades };

class Maker {
public:
  explicit Maker(uint64_t seed)
      : random(seed), kind(Kind(seed % 3)), numBudgets(random.below(4)) {}

  Problem make() {
    makeGroups();
    makeTies();
    makeForced();
    makePairwise();
    makeBudgets();
    return std::move(problem);
  }

private:
  double makeNumber() {
    switch (kind) {
    case Kind::Integers:
      return random.below(3);
    case Kind::Decimals:
      // Sums of these are not exact: 0.1 + 0.2 > 0.3.
      return random.below(10) / 10.0;
    case Kind::Decades:
      return std::pow(10.0, 18 * random.real() - 9);
    }
    return 0;
  }

  void makeGroups() {
    unsigned numGroups = 1 + random.below(7);
    for (unsigned g = 0; g < numGroups; ++g) {
      Group group;
      group.name = "g" + std::to_string(g);
      for (const char *format : kFormats) {
        if (!group.choices.empty() && random.chance(0.25))
          continue;
        Choice choice;
        choice.format = format;
        choice.damage = makeNumber();
        for (unsigned b = 0; b < numBudgets; ++b)
          choice.costs[kCosts[b]] = random.chance(0.1) ? 0 : makeNumber();
        group.choices.push_back(choice);
      }
      // Equal groups, and lists that are not in the order of costs.
      if (g > 0 && random.chance(0.2))
        group.choices = problem.groups[random.below(g)].choices;
      if (random.chance(0.5))
        std::swap(group.choices.front(), group.choices.back());
      problem.groups.push_back(group);
    }
  }

  /// Ties that leave a format.
  void makeTies() {
    for (unsigned g = 1; g < problem.groups.size(); ++g) {
      if (!random.chance(0.2))
        continue;
      problem.ties.push_back(
          {problem.groups[random.below(g)].name, problem.groups[g].name});
      if (!problem.check().empty())
        problem.ties.pop_back();
    }
  }

  void makeForced() {
    for (const Group &group : problem.groups) {
      if (!random.chance(0.1))
        continue;
      problem.forced[group.name] =
          group.choices[random.below(group.choices.size())].format;
      if (!problem.check().empty())
        problem.forced.erase(group.name);
    }
  }

  void makePairwise() {
    if (problem.groups.size() < 2 || random.chance(0.3))
      return;
    std::set<std::array<unsigned, 4>> seen;
    for (unsigned i = random.below(12); i-- > 0;) {
      unsigned a = random.below(problem.groups.size());
      unsigned b = random.below(problem.groups.size());
      if (a >= b)
        continue;
      const Group &first = problem.groups[a], &second = problem.groups[b];
      unsigned c = random.below(first.choices.size());
      unsigned d = random.below(second.choices.size());
      if (!seen.insert({a, b, c, d}).second)
        continue;
      problem.pairwise.push_back(
          {{first.name, second.name},
           {first.choices[c].format, second.choices[d].format},
           makeNumber() * (random.chance(0.3) ? -1 : 1)});
    }
  }

  /// A random assignment that keeps ties and forced choices.
  Assignment makeAssignment() {
    Assignment assignment(problem.groups.size());
    for (const std::vector<unsigned> &set : problem.getTiedSets()) {
      std::vector<std::string> formats = problem.getAllowedFormats(set);
      const std::string &format = formats[random.below(formats.size())];
      for (unsigned group : set)
        assignment[group] = *problem.findChoice(group, format);
    }
    return assignment;
  }

  void makeBudgets() {
    Assignment attained = makeAssignment();
    for (unsigned b = 0; b < numBudgets; ++b) {
      std::string name = kCosts[b];
      Problem::Range range = problem.getCostRange(name);
      if (random.chance(0.4))
        problem.budgets[name] = Budget::atMost(problem.getCost(name, attained));
      else if (random.chance(0.15))
        problem.budgets[name] =
            Budget::atMost(range.cheapest * (random.chance(0.5) ? 1 : 0.9));
      else
        problem.budgets[name] = Budget::ofRange(random.below(5) / 4.0);
    }
  }

  InstanceRandom random;
  Kind kind;
  unsigned numBudgets;
  Problem problem;
};
} // namespace

Problem mlir::qfmt::assignment::makeRandomProblem(uint64_t seed) {
  return Maker(seed).make();
}
