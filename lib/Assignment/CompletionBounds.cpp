//===- CompletionBounds.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CompletionBounds.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir::qfmt::assignment;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Of a bound, in units of 1 + the sum of prices, which its terms are below:
/// thousands of additions err by less than this.
static constexpr double kRounding = 1e-12;
static constexpr size_t kMaxPlanes = 48;
static constexpr unsigned kRootSteps = 100;
static constexpr unsigned kSteps = 20;

/// The least priced damage of a level; adds the costs of that option to
/// `costs`.
double CompletionBounds::getLeastPriced(size_t level,
                                        llvm::ArrayRef<double> prices,
                                        double *costs) const {
  const std::vector<double> &options = levels[level].options;
  double least = kInfinity;
  size_t chosen = 0;
  for (size_t i = 0; i < options.size(); i += numBudgets + 1) {
    double priced = options[i];
    for (size_t b = 0; b < numBudgets; ++b)
      priced += prices[b] * options[i + 1 + b];
    if (priced < least) {
      least = priced;
      chosen = i;
    }
  }
  if (costs)
    for (size_t b = 0; b < numBudgets; ++b)
      costs[b] += options[chosen + 1 + b];
  return least;
}

/// The bound of a state at some prices, and its subgradient.
double CompletionBounds::evaluate(size_t level, llvm::ArrayRef<double> state,
                                  llvm::ArrayRef<double> prices,
                                  double *excess) const {
  double value = state[0];
  for (size_t b = 0; b < numBudgets; ++b) {
    excess[b] = state[1 + b] - 1;
    value += prices[b] * excess[b];
  }
  for (size_t i = level; i < levels.size(); ++i)
    value += getLeastPriced(i, prices, excess);
  return value;
}

double CompletionBounds::getBound(const Plane &plane, size_t level,
                                  llvm::ArrayRef<double> state) const {
  double bound = state[0] + plane.rest[level] - plane.total;
  for (size_t b = 0; b < numBudgets; ++b)
    bound += plane.prices[b] * state[1 + b];
  return bound;
}

void CompletionBounds::add(std::vector<double> prices) {
  Plane plane;
  plane.number = numAdded++;
  plane.rest.assign(levels.size() + 1, 0);
  for (size_t level = levels.size(); level-- > 0;)
    plane.rest[level] =
        plane.rest[level + 1] + getLeastPriced(level, prices, nullptr);
  for (double price : prices)
    plane.total += price;
  plane.rounding = kRounding * (1 + plane.total);
  plane.prices = std::move(prices);
  // A chance to prove its use.
  for (const Plane &other : planes)
    plane.uses = std::max(plane.uses, other.uses);
  planes.push_back(std::move(plane));
}

/// Polyak's steps towards 1, where the state is excluded.
static bool step(std::vector<double> &prices, llvm::ArrayRef<double> excess,
                 double value, double target, double relax) {
  double norm = 0;
  for (auto [price, over] : llvm::zip_equal(prices, excess))
    if (price > 0 || over > 0)
      norm += over * over;
  double length = relax * (target - value) / norm;
  if (!(length > 0) || !std::isfinite(length))
    return false;
  for (auto [price, over] : llvm::zip_equal(prices, excess))
    price = std::max(0.0, price + length * over);
  return true;
}

void CompletionBounds::improveRoot(std::vector<double> start) {
  add(std::vector<double>(numBudgets, 0));
  std::vector<double> state(numBudgets + 1), excess(numBudgets);
  std::vector<double> prices = start, best = start;
  double highest = -kInfinity, relax = 1;
  for (unsigned i = 0; i < kRootSteps; ++i) {
    double value = evaluate(0, state, prices, excess.data());
    if (value > highest) {
      highest = value;
      best = prices;
    } else {
      relax *= 0.8;
    }
    if (value > 1.01 || !step(prices, excess, value, 1.02, relax))
      break;
  }
  add(std::move(best));
}

void CompletionBounds::improve(size_t level, llvm::ArrayRef<double> state) {
  const Plane *closest = &planes.front();
  double known = -kInfinity;
  for (const Plane &plane : planes) {
    double bound = getBound(plane, level, state);
    if (bound > known) {
      known = bound;
      closest = &plane;
    }
  }
  std::vector<double> prices = closest->prices, best, excess(numBudgets);
  double highest = known, relax = 1;
  for (unsigned i = 0; i < kSteps; ++i) {
    double value = evaluate(level, state, prices, excess.data());
    if (value > highest) {
      highest = value;
      best = prices;
    } else if (i > 0) {
      relax *= 0.7;
    }
    if (value > 1 || !step(prices, excess, value, 1.001, relax))
      break;
  }
  // Worth its while: closes some of what is missing.
  if (!best.empty() && (highest > 1 || highest - known > 0.05 * (1 - known)))
    add(std::move(best));
}

void CompletionBounds::prepare(size_t level) {
  llvm::sort(planes, [](const Plane &a, const Plane &b) {
    return std::make_pair(b.uses, a.number) < std::make_pair(a.uses, b.number);
  });
  if (planes.size() > kMaxPlanes)
    planes.resize(kMaxPlanes);
  for (Plane &plane : planes)
    plane.uses /= 2;
  const std::vector<double> &options = levels[level].options;
  added.clear();
  for (size_t i = 0; i < options.size(); i += numBudgets + 1)
    for (const Plane &plane : planes) {
      double priced = options[i];
      for (size_t b = 0; b < numBudgets; ++b)
        priced += plane.prices[b] * options[i + 1 + b];
      added.push_back(priced);
    }
  base.assign(2 * planes.size(), 0);
  for (auto [index, plane] : llvm::enumerate(planes))
    base[planes.size() + index] =
        plane.rest[level + 1] - plane.total - plane.rounding;
}

void CompletionBounds::setParent(llvm::ArrayRef<double> state) {
  size_t numPlanes = planes.size();
  for (size_t j = 0; j < numPlanes; ++j) {
    double bound = state[0] + base[numPlanes + j];
    for (size_t b = 0; b < numBudgets; ++b)
      bound += planes[j].prices[b] * state[1 + b];
    base[j] = bound;
  }
}

double CompletionBounds::boundChild(size_t option) {
  size_t numPlanes = planes.size();
  const double *part = added.data() + option * numPlanes;
  double highest = -kInfinity;
  for (size_t j = 0; j < numPlanes; ++j) {
    double bound = base[j] + part[j];
    if (bound > 1) {
      ++planes[j].uses;
      return bound;
    }
    highest = std::max(highest, bound);
  }
  return highest;
}

double CompletionBounds::getRootBound() const {
  double bound = -kInfinity;
  for (const Plane &plane : planes)
    bound = std::max(bound, plane.rest[0] - plane.total - plane.rounding);
  return bound;
}

double CompletionBounds::getOptionBound(size_t level, size_t option) const {
  double highest = -kInfinity;
  const double *values = &levels[level].options[option * (numBudgets + 1)];
  for (const Plane &plane : planes) {
    double bound = plane.rest[0] - plane.total - plane.rounding + values[0] -
                   (plane.rest[level] - plane.rest[level + 1]);
    for (size_t b = 0; b < numBudgets; ++b)
      bound += plane.prices[b] * values[1 + b];
    highest = std::max(highest, bound);
  }
  return highest;
}
