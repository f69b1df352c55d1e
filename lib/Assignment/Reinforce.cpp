//===- Reinforce.cpp ------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Assignment/Reinforce.h"
#include "Search.h"
#include "Solvers.h"
#include "qfmt/Support/SplitMix64.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <map>

using namespace mlir::qfmt::assignment;
using mlir::qfmt::SplitMix64;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

namespace {
/// An independent distribution over the options of each set.
class Controller {
public:
  Controller(const ReducedProblem &problem, const ReinforceOptions &options)
      : options(options) {
    for (const ReducedProblem::Set &set : problem.sets)
      logits.emplace_back(set.options.size(), 0.0);
    probabilities = logits;
    updateProbabilities();
  }

  std::vector<unsigned> sample(SplitMix64 &random) const {
    std::vector<unsigned> chosen;
    for (const std::vector<double> &row : probabilities) {
      double left = random.uniform();
      unsigned option = 0;
      while (option + 1 < row.size() && left >= row[option])
        left -= row[option++];
      chosen.push_back(option);
    }
    return chosen;
  }

  std::vector<unsigned> getMostLikely() const {
    std::vector<unsigned> chosen;
    for (const std::vector<double> &row : probabilities)
      chosen.push_back(std::max_element(row.begin(), row.end()) - row.begin());
    return chosen;
  }

  double getProbability(unsigned set, unsigned option) const {
    return probabilities[set][option];
  }

  /// A step along the gradient of the expected reward and the entropy.
  void learn(llvm::ArrayRef<std::vector<unsigned>> samples,
             llvm::ArrayRef<double> advantages, double entropyWeight) {
    for (auto [set, row] : llvm::enumerate(probabilities)) {
      std::vector<double> gradient(row.size());
      for (auto [chosen, advantage] : llvm::zip_equal(samples, advantages))
        for (size_t o = 0; o < row.size(); ++o)
          gradient[o] += advantage * ((o == chosen[set]) - row[o]) /
                         double(samples.size());
      double entropy = 0;
      for (double p : row)
        entropy -= p > 0 ? p * std::log(p) : 0;
      for (size_t o = 0; o < row.size(); ++o) {
        if (row[o] > 0)
          gradient[o] -= entropyWeight * row[o] * (std::log(row[o]) + entropy);
        logits[set][o] += options.learningRate * gradient[o];
      }
    }
    updateProbabilities();
  }

private:
  void updateProbabilities() {
    for (auto [row, logit] : llvm::zip_equal(probabilities, logits)) {
      double largest = *std::max_element(logit.begin(), logit.end());
      double sum = 0;
      for (auto [p, l] : llvm::zip_equal(row, logit))
        sum += p = std::exp(l - largest);
      for (double &p : row)
        p /= sum;
    }
  }

  const ReinforceOptions &options;
  std::vector<std::vector<double>> logits, probabilities;
};

/// Draws, rates and learns; remembers the best that keeps the budgets.
class Learner {
public:
  Learner(const ReducedProblem &problem, DamageFunction getDamages,
          const ReinforceOptions &options, const Deadline &deadline)
      : problem(problem), getDamages(getDamages), options(options),
        deadline(deadline), controller(problem, options), random(options.seed) {
  }

  llvm::Error run();
  llvm::Error offer(const std::vector<unsigned> &chosen);
  /// The most likely options, with the unlikeliest loss made to fit.
  bool repairMostLikely(std::vector<unsigned> &chosen) const;
  const Controller &getController() const { return controller; }

  Assignment best;
  double leastDamage = kInfinity;

private:
  llvm::Error step(double progress);
  /// Asks for the damages that are not known yet, and remembers the best that
  /// keeps the budgets.
  llvm::Error evaluate(llvm::ArrayRef<Assignment> assignments);
  double rate(const std::vector<unsigned> &chosen, double damage) const;
  std::vector<double> getExcess(const std::vector<unsigned> &chosen) const;

  const ReducedProblem &problem;
  DamageFunction getDamages;
  const ReinforceOptions &options;
  const Deadline &deadline;
  Controller controller;
  SplitMix64 random;
  std::map<Assignment, double> known;
  /// The largest finite one that is known.
  double worstDamage = -kInfinity;
  double typicalDamage = 0;
  std::optional<double> baseline;
  double variance = 0;
};
} // namespace

/// Cost / limit - 1 of each budget; the difference if the limit is 0.
std::vector<double>
Learner::getExcess(const std::vector<unsigned> &chosen) const {
  std::vector<double> excess;
  for (size_t b = 0; b < problem.limits.size(); ++b) {
    CompensatedSum sum = -problem.limits[b];
    for (auto [set, option] : llvm::zip_equal(problem.sets, chosen))
      sum += set.options[option].costs[b];
    excess.push_back(sum.get());
  }
  return excess;
}

double Learner::rate(const std::vector<unsigned> &chosen, double damage) const {
  double quality = -damage / typicalDamage;
  std::vector<double> excess = getExcess(chosen);
  if (excess.empty())
    return quality;
  return quality + options.beta * std::abs(*llvm::max_element(excess));
}

llvm::Error Learner::evaluate(llvm::ArrayRef<Assignment> assignments) {
  std::vector<Assignment> unknown;
  for (const Assignment &assignment : assignments)
    if (known.try_emplace(assignment, kInfinity).second)
      unknown.push_back(assignment);
  if (unknown.empty())
    return llvm::Error::success();
  llvm::Expected<std::vector<double>> damages = getDamages(unknown);
  if (!damages)
    return damages.takeError();
  for (auto [assignment, damage] : llvm::zip_equal(unknown, *damages)) {
    known[assignment] = damage;
    if (std::isfinite(damage))
      worstDamage = std::max(worstDamage, damage);
    if (damage < leastDamage && problem.indexed.keepsBudgets(assignment)) {
      leastDamage = damage;
      best = assignment;
    }
  }
  return llvm::Error::success();
}

llvm::Error Learner::offer(const std::vector<unsigned> &chosen) {
  Assignment assignment = problem.getAssignment(chosen);
  if (!problem.indexed.keepsBudgets(assignment))
    return llvm::Error::success();
  return evaluate(assignment);
}

llvm::Error Learner::step(double progress) {
  std::vector<std::vector<unsigned>> samples;
  std::vector<Assignment> assignments;
  for (unsigned i = 0; i < options.samples; ++i) {
    samples.push_back(controller.sample(random));
    assignments.push_back(problem.getAssignment(samples.back()));
  }
  if (llvm::Error error = evaluate(assignments))
    return error;
  // Nothing can be learned before one is finite.
  if (!std::isfinite(worstDamage))
    return llvm::Error::success();
  std::vector<double> damages;
  for (const Assignment &assignment : assignments)
    damages.push_back(std::min(known[assignment], worstDamage));
  if (typicalDamage == 0) {
    for (double damage : damages)
      typicalDamage += std::abs(damage) / options.samples;
    typicalDamage = std::max(typicalDamage, 1e-300);
  }
  std::vector<double> rewards;
  double mean = 0;
  for (auto [sample, damage] : llvm::zip_equal(samples, damages)) {
    rewards.push_back(rate(sample, damage));
    mean += rewards.back() / options.samples;
  }
  double spread = 0;
  for (double reward : rewards)
    spread += (reward - mean) * (reward - mean) / options.samples;
  double keep = baseline ? options.baselineDecay : 0;
  baseline = keep * baseline.value_or(0) + (1 - keep) * mean;
  variance = keep * variance + (1 - keep) * spread;
  // In units of the spread: steps stay as large when rewards grow alike.
  for (double &reward : rewards)
    reward = (reward - *baseline) / (std::sqrt(variance) + 1e-12);
  constexpr double pi = 3.14159265358979323846;
  controller.learn(samples, rewards, options.entropy * std::cos(pi * progress));
  return llvm::Error::success();
}

llvm::Error Learner::run() {
  for (unsigned i = 0; i < options.steps && !deadline.isOver(); ++i)
    if (llvm::Error error = step(double(i) / options.steps))
      return error;
  std::vector<unsigned> chosen = controller.getMostLikely();
  if (repairMostLikely(chosen))
    return offer(chosen);
  return llvm::Error::success();
}

bool Learner::repairMostLikely(std::vector<unsigned> &chosen) const {
  auto getMissing = [&](const std::vector<unsigned> &options) {
    double missing = 0;
    for (double excess : getExcess(options))
      if (excess > kRelativeTolerance)
        missing += excess;
    return missing;
  };
  for (double missing = getMissing(chosen); missing > 0;
       missing = getMissing(chosen)) {
    double least = kInfinity;
    std::vector<unsigned> next;
    for (unsigned set = 0; set < chosen.size(); ++set)
      for (unsigned option = 0; option < problem.sets[set].options.size();
           ++option) {
        std::vector<unsigned> changed = chosen;
        changed[set] = option;
        double repaired = missing - getMissing(changed);
        if (repaired <= 0)
          continue;
        double lost = controller.getProbability(set, chosen[set]) -
                      controller.getProbability(set, option);
        double price = std::max(lost, 1e-12) * (missing / repaired);
        if (price < least) {
          least = price;
          next = std::move(changed);
        }
      }
    if (next.empty())
      return false;
    chosen = std::move(next);
  }
  return true;
}

llvm::Expected<Solution> mlir::qfmt::assignment::solveByReinforce(
    const Problem &problem,
    llvm::function_ref<double(const Assignment &)> getDamage,
    const ReinforceOptions &options) {
  return solveByReinforce(
      problem,
      [&](llvm::ArrayRef<Assignment> assignments)
          -> llvm::Expected<std::vector<double>> {
        std::vector<double> damages;
        for (const Assignment &assignment : assignments)
          damages.push_back(getDamage(assignment));
        return damages;
      },
      options);
}

llvm::Expected<Solution>
mlir::qfmt::assignment::solveByReinforce(const Problem &problem,
                                         DamageFunction getDamages,
                                         const ReinforceOptions &options) {
  auto start = std::chrono::steady_clock::now();
  if (llvm::Error error = checkProblem(problem))
    return error;
  Deadline deadline(options.timeLimit);
  IndexedProblem indexed(problem);
  // Damage is not the problem's: no option is out.
  ReducedProblem reduced(indexed, /*dropDominated=*/false);
  Learner learner(reduced, getDamages, options, deadline);
  if (llvm::Error error = learner.run())
    return error;

  Solution solution;
  solution.bound = -kInfinity;
  if (learner.best.empty()) {
    // No sample keeps the budgets: does any assignment?
    Search closest(reduced, Prices(), Search::Goal::Violation, deadline);
    std::optional<bool> isFeasible = closest.decideFeasibility();
    if (isFeasible.value_or(false)) {
      if (llvm::Error error = learner.offer(closest.getBest()))
        return error;
    } else if (isFeasible) {
      solution.status = Status::Infeasible;
      solution.shortfall =
          describeShortfall(problem, reduced.getAssignment(closest.getBest()));
    }
  }
  if (!learner.best.empty()) {
    solution.status = Status::Feasible;
    solution.assignment = learner.best;
    describe(problem, solution);
    solution.objective = learner.leastDamage;
  }
  solution.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return solution;
}

//===----------------------------------------------------------------------===//
// The solver
//===----------------------------------------------------------------------===//

namespace {
class ReinforceSolver : public Solver {
public:
  llvm::StringRef getName() const override { return "reinforce"; }

  llvm::Expected<Solution> solve(const Problem &problem,
                                 const SolverOptions &options) const override {
    if (llvm::Error error = checkProblem(problem))
      return error;
    IndexedProblem indexed(problem);
    ReinforceOptions reinforce;
    reinforce.steps = options.steps;
    reinforce.samples = options.samples;
    reinforce.seed = options.seed;
    reinforce.timeLimit = options.timeLimit;
    return solveByReinforce(
        problem,
        [&](const Assignment &assignment) {
          return indexed.getObjective(assignment);
        },
        reinforce);
  }
};
} // namespace

std::unique_ptr<Solver> mlir::qfmt::assignment::createReinforceSolver() {
  return std::make_unique<ReinforceSolver>();
}
