//===- StateSearch.cpp ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "StateSearch.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir::qfmt::assignment;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// What a budget or the threshold allows is below 2^58 units, so that sums of
/// some of them fit into 64 bits.
static constexpr int kBits = 58;
/// The rounding errors of costs in here are far below this; the caller judges
/// what exceeds its budget by less.
static constexpr double kLooseTolerance = 2 * kRelativeTolerance;
/// A damage errs by less than this times the sum of its absolute terms, which
/// may be larger than the threshold by less than the other one: the error stays
/// far below kRelativeTolerance.
static constexpr double kRounding = 1e-15;
static constexpr double kMostCancelled = 100;
/// Combinations of options of sets that pairs connect.
static constexpr size_t kMostCombinations = 1 << 14;
/// Children of one level, before those that others replace are dropped.
static constexpr size_t kMaxChildren = 6000000;
/// States that others replace stay so, and so do their children: if there are
/// few, they are looked for again when the states have grown by this.
static constexpr double kWorthFiltering = 0.8;
static constexpr double kGrowth = 1.5;
/// States of one level that get prices of their own.
static constexpr size_t kMostSamples = 8;
static constexpr size_t kStatesPerSample = 256;

StateSearch::StateSearch(const ReducedProblem &problem, double threshold,
                         const StateSearchOptions &options)
    : problem(problem), options(options), threshold(threshold),
      numBudgets(problem.budgets.size()), decided(problem.sets.size()) {
  if (!build() && !known)
    known = Outcome::Complete;
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

/// The largest power of ten down to 1e-9 that all values are multiples of, 0 if
/// there is none or `most` is too much of it.
static double findDecimalUnit(llvm::ArrayRef<double> values, double most) {
  for (double scale = 1; scale <= 1e9; scale *= 10) {
    if (most * scale > 0x1p50)
      return 0;
    // As far as 0.1 is one tenth.
    if (llvm::all_of(values, [&](double value) {
          double scaled = value * scale;
          return std::abs(scaled - std::round(scaled)) <= 0x1p-51 * scaled;
        }))
      return 1 / scale;
  }
  return 0;
}

/// A power of two for numbers up to `most`.
static double findBinaryUnit(double most) {
  int exponent;
  std::frexp(most, &exponent);
  return std::ldexp(1.0, std::max(exponent - kBits, -1022));
}

/// Appends one integer to the values of all options: the number of units. Drops
/// options above `most`. False if a level has no other.
bool StateSearch::addColumn(GetValue getValue, double most, double unit) {
  for (Level &level : levels) {
    std::vector<Option> kept;
    for (Option &option : level.options) {
      double value = getValue(level, option);
      if (value > most)
        continue;
      option.values.push_back(std::llround(value / unit));
      kept.push_back(std::move(option));
    }
    level.options = std::move(kept);
    if (level.options.empty())
      return false;
  }
  units.push_back(unit);
  allowed.push_back(std::llround(most / unit));
  return true;
}

/// `magnitude`: the sum of the absolute terms.
double StateSearch::getDamage(const Level &level, const Option &option,
                              double &magnitude) const {
  CompensatedSum sum;
  magnitude = 0;
  auto add = [&](double damage) {
    sum += damage;
    magnitude += std::abs(damage);
  };
  for (auto [set, number] : llvm::zip_equal(level.sets, option.numbers))
    add(problem.sets[set].options[number].damage);
  auto getNumber = [&](unsigned set) {
    return option
        .numbers[llvm::lower_bound(level.sets, set) - level.sets.begin()];
  };
  for (unsigned index : level.pairs) {
    const ReducedProblem::Pair &pair = problem.pairs[index];
    size_t columns = problem.sets[pair.second].options.size();
    add(pair.damage[getNumber(pair.first) * columns + getNumber(pair.second)]);
  }
  return sum.get();
}

double StateSearch::getCost(size_t budget, const Level &level,
                            const Option &option) const {
  CompensatedSum sum;
  for (auto [index, number] : llvm::zip_equal(level.sets, option.numbers)) {
    const ReducedProblem::Set &set = problem.sets[index];
    for (auto [group, choice] :
         llvm::zip_equal(set.groups, set.options[number].choices))
      sum += problem.indexed.costs[budget][group][choice];
  }
  return sum.get();
}

/// Damage is that above the least of all, budgets left aside.
bool StateSearch::addDamage() {
  CompensatedSum room = threshold;
  double magnitude = std::abs(threshold), terms;
  std::vector<double> leasts;
  for (const Level &level : levels) {
    double least = kInfinity, leastTerms = 0;
    for (const Option &option : level.options) {
      double damage = getDamage(level, option, terms);
      if (damage < least) {
        least = damage;
        leastTerms = terms;
      }
    }
    leasts.push_back(least);
    room += -least;
    magnitude += leastTerms;
  }
  // What meets the threshold but for rounding is below it.
  double most = room.get() + kRounding * magnitude;
  if (most < 0)
    return false;
  // Terms that cancel have lost what is small beside them.
  for (auto [level, least] : llvm::zip_equal(levels, leasts)) {
    double cancelled = 0;
    for (const Option &option : level.options) {
      double damage = getDamage(level, option, terms);
      if (damage - least <= most)
        cancelled = std::max(cancelled, terms - std::max(0.0, damage));
    }
    magnitude += cancelled;
  }
  if (magnitude > kMostCancelled * std::abs(threshold)) {
    known = Outcome::Incomplete;
    return false;
  }
  double unit = findBinaryUnit(std::max(most, 1e-3 * magnitude));
  equal = std::llround(kLooseTolerance * magnitude / unit);
  return addColumn(
      [&](const Level &level, const Option &option) {
        return getDamage(level, option, terms) - leasts[&level - levels.data()];
      },
      most, unit);
}

bool StateSearch::addCost(size_t budget) {
  std::vector<double> all;
  for (const Level &level : levels)
    for (const Option &option : level.options)
      all.push_back(getCost(budget, level, option));
  double limit = problem.indexed.limits[budget];
  double most = limit + kLooseTolerance * std::abs(limit);
  double unit = findDecimalUnit(all, most);
  return addColumn(
      [&](const Level &level, const Option &option) {
        return getCost(budget, level, option);
      },
      most, unit > 0 ? unit : findBinaryUnit(most));
}

/// Decides the sets with one option, and counts from the least value of each
/// other one. False if nothing is left.
bool StateSearch::settle() {
  for (Level &level : levels) {
    if (level.options.empty())
      return false;
    for (size_t i = 0; i < allowed.size(); ++i) {
      int64_t least = level.options.front().values[i];
      for (const Option &option : level.options)
        least = std::min(least, option.values[i]);
      for (Option &option : level.options)
        option.values[i] -= least;
      allowed[i] -= least;
      if (allowed[i] < 0)
        return false;
    }
    if (level.options.size() == 1)
      for (auto [set, number] :
           llvm::zip_equal(level.sets, level.options.front().numbers))
        decided[set] = number;
  }
  llvm::erase_if(levels,
                 [](const Level &level) { return level.options.size() == 1; });
  for (Level &level : levels)
    llvm::erase_if(level.options, [&](const Option &option) {
      return llvm::any_of(
          llvm::zip_equal(option.values, allowed),
          [](auto pair) { return std::get<0>(pair) > std::get<1>(pair); });
    });
  return llvm::none_of(
      levels, [](const Level &level) { return level.options.empty(); });
}

std::vector<double> StateSearch::normalize(const int64_t *values) const {
  std::vector<double> result;
  for (auto [i, most] : llvm::enumerate(allowed))
    result.push_back(double(values[i]) / double(std::max<int64_t>(1, most)));
  return result;
}

CompletionBounds StateSearch::makeBounds() const {
  std::vector<CompletionBounds::Level> normalized;
  for (const Level &level : levels) {
    std::vector<double> &options = normalized.emplace_back().options;
    for (const Option &option : level.options)
      llvm::append_range(options, normalize(option.values.data()));
  }
  CompletionBounds bounds(std::move(normalized), numBudgets);
  std::vector<double> prices;
  for (auto [budget, multiplier] : llvm::enumerate(options.multipliers)) {
    double cost = units[1 + budget] * allowed[1 + budget];
    double damage = units[0] * std::max<int64_t>(1, allowed[0]);
    double price = multiplier * cost / problem.scales[budget] / damage;
    prices.push_back(std::isfinite(price) ? price : 0);
  }
  bounds.improveRoot(std::move(prices));
  return bounds;
}

/// By reduced cost. False if nothing is left.
bool StateSearch::dropOptions() {
  CompletionBounds bounds = makeBounds();
  if (bounds.getRootBound() > 1)
    return false;
  for (auto [index, level] : llvm::enumerate(levels)) {
    std::vector<Option> kept;
    for (auto [number, option] : llvm::enumerate(level.options))
      if (bounds.getOptionBound(index, number) <= 1)
        kept.push_back(std::move(option));
    level.options = std::move(kept);
  }
  return settle();
}

/// Large sets first, so that the small ones have few states to tell apart.
void StateSearch::orderLevels() {
  auto getSpread = [&](const Level &level) {
    double sum = 0;
    for (size_t b = 0; b < numBudgets; ++b) {
      int64_t most = 0;
      for (const Option &option : level.options)
        most = std::max(most, option.values[1 + b]);
      sum += double(most) / double(std::max<int64_t>(1, allowed[1 + b]));
    }
    return sum;
  };
  std::vector<std::pair<double, size_t>> keys;
  for (auto [index, level] : llvm::enumerate(levels))
    keys.push_back({-getSpread(level), index});
  llvm::sort(keys);
  std::vector<Level> ordered;
  for (auto [spread, index] : keys)
    ordered.push_back(std::move(levels[index]));
  levels = std::move(ordered);
}

/// A level for each component of the graph that the pairs make.
bool StateSearch::connectSets() {
  llvm::EquivalenceClasses<unsigned> components;
  for (unsigned set = 0; set < problem.sets.size(); ++set)
    components.insert(set);
  for (const ReducedProblem::Pair &pair : problem.pairs)
    components.unionSets(pair.first, pair.second);
  std::map<unsigned, size_t> levelOf;
  for (unsigned set = 0; set < problem.sets.size(); ++set) {
    auto [it, isNew] =
        levelOf.try_emplace(components.getLeaderValue(set), levels.size());
    if (isNew)
      levels.emplace_back();
    levels[it->second].sets.push_back(set);
  }
  for (auto [index, pair] : llvm::enumerate(problem.pairs))
    levels[levelOf[components.getLeaderValue(pair.first)]].pairs.push_back(
        index);
  for (Level &level : levels)
    if (!combineOptions(level))
      return false;
  return true;
}

/// All combinations of options. False if they are too many.
bool StateSearch::combineOptions(Level &level) const {
  level.options = {{{}, {}}};
  for (unsigned set : level.sets) {
    std::vector<unsigned> numbers(problem.sets[set].options.size());
    std::iota(numbers.begin(), numbers.end(), 0);
    if (!options.remaining.empty())
      numbers = options.remaining[set];
    if (level.options.size() * numbers.size() > kMostCombinations)
      return false;
    std::vector<Option> longer;
    for (const Option &option : level.options)
      for (unsigned number : numbers) {
        longer.push_back(option);
        longer.back().numbers.push_back(number);
      }
    level.options = std::move(longer);
  }
  return true;
}

/// False if nothing is left, or if `known` says what to return.
bool StateSearch::build() {
  if (!connectSets()) {
    known = Outcome::Incomplete;
    return false;
  }
  if (!addDamage())
    return false;
  for (unsigned budget : problem.budgets)
    if (!addCost(budget))
      return false;
  if (!settle())
    return false;
  for (int i = 0; i < 2; ++i)
    if (!dropOptions())
      return false;
  orderLevels();
  return true;
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

/// All children that can be completed. False if they are too many or the time
/// is over.
bool StateSearch::expand(size_t level, CompletionBounds &bounds) {
  size_t width = states.width;
  States children;
  children.width = width;
  std::vector<Origin> &from = origins.emplace_back();
  childBounds.clear();
  bounds.prepare(level);
  for (uint32_t parent = 0; parent < states.size(); ++parent) {
    if (parent % 64 == 0 && options.deadline.isOver())
      return false;
    const int64_t *values = states.get(parent);
    bounds.setParent(normalize(values));
    for (auto [number, option] : llvm::enumerate(levels[level].options)) {
      bool isAllowed = true;
      for (size_t i = 0; i < width; ++i)
        isAllowed &= values[i] + option.values[i] <= allowed[i];
      if (!isAllowed)
        continue;
      double bound = bounds.boundChild(number);
      if (bound > 1)
        continue;
      for (size_t i = 0; i < width; ++i)
        children.values.push_back(values[i] + option.values[i]);
      from.push_back({parent, uint16_t(number)});
      childBounds.push_back(bound);
    }
    if (from.size() > kMaxChildren)
      return false;
  }
  states = std::move(children);
  return true;
}

/// Drops the states that others replace, and the least promising ones of too
/// many.
void StateSearch::filter(size_t level) {
  std::vector<uint32_t> kept;
  bool isLast = level + 1 == levels.size();
  if (isLast || states.size() >= nextFilter) {
    kept = findNondominated(states, equal, [&](uint32_t a, uint32_t b) {
      return comesFirst(level, a, b);
    });
    nextFilter = kept.size() > kWorthFiltering * states.size()
                     ? size_t(kGrowth * kept.size())
                     : 0;
  } else {
    kept.resize(states.size());
    std::iota(kept.begin(), kept.end(), 0);
  }
  if (kept.size() > options.maxWidth) {
    complete = false;
    std::nth_element(kept.begin(), kept.begin() + options.maxWidth, kept.end(),
                     [&](uint32_t a, uint32_t b) {
                       return std::tie(childBounds[a], a) <
                              std::tie(childBounds[b], b);
                     });
    kept.resize(options.maxWidth);
  }
  States next;
  next.width = states.width;
  std::vector<Origin> from;
  next.values.reserve(kept.size() * states.width);
  from.reserve(kept.size());
  for (uint32_t state : kept) {
    next.values.insert(next.values.end(), states.get(state),
                       states.get(state) + states.width);
    from.push_back(origins.back()[state]);
  }
  states = std::move(next);
  origins.back() = std::move(from);
  numStates += states.size();
}

/// Prices for some of the states at this level.
void StateSearch::improveBounds(size_t level, CompletionBounds &bounds) const {
  size_t samples = std::min(kMostSamples, states.size() / kStatesPerSample);
  for (size_t i = 0; i < samples; ++i)
    bounds.improve(level, normalize(states.get((2 * i + 1) * states.size() /
                                               (2 * samples))));
}

/// In the order that breaks ties: the first set that differs decides. Both
/// states are of the last level.
bool StateSearch::comesFirst(size_t level, uint32_t a, uint32_t b) const {
  unsigned first = ~0u;
  bool result = false;
  for (size_t i = level + 1; i-- > 0 && a != b;) {
    const Origin &left = origins[i][a], &right = origins[i][b];
    if (left.option != right.option) {
      const Level &at = levels[i];
      for (auto [set, x, y] :
           llvm::zip_equal(at.sets, at.options[left.option].numbers,
                           at.options[right.option].numbers)) {
        if (x == y)
          continue;
        if (set < first) {
          first = set;
          result = x < y;
        }
        break;
      }
    }
    a = left.parent;
    b = right.parent;
  }
  return result;
}

std::vector<unsigned> StateSearch::getOptions(uint32_t state) const {
  std::vector<unsigned> result = decided;
  for (size_t level = levels.size(); level-- > 0;) {
    const Origin &origin = origins[level][state];
    for (auto [set, number] : llvm::zip_equal(
             levels[level].sets, levels[level].options[origin.option].numbers))
      result[set] = number;
    state = origin.parent;
  }
  return result;
}

StateSearch::Outcome StateSearch::run(
    llvm::function_ref<bool(const std::vector<unsigned> &)> offer) {
  if (known)
    return *known;
  CompletionBounds bounds = makeBounds();
  states.width = allowed.size();
  states.values.assign(states.width, 0);
  for (size_t level = 0; level < levels.size(); ++level) {
    if (!expand(level, bounds))
      return options.deadline.isOver() ? Outcome::OutOfTime
                                       : Outcome::Incomplete;
    filter(level);
    if (numStates > options.maxStates)
      return Outcome::Incomplete;
    if (level + 1 < levels.size())
      improveBounds(level + 1, bounds);
  }
  std::vector<uint32_t> order(states.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](uint32_t a, uint32_t b) {
    return std::make_pair(states.get(a)[0], a) <
           std::make_pair(states.get(b)[0], b);
  });
  for (uint32_t state : order)
    if (!offer(getOptions(state)))
      break;
  return complete ? Outcome::Complete : Outcome::Incomplete;
}
