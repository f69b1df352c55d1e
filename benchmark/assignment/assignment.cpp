//===- assignment.cpp - How long it takes to choose formats ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   qfmt-benchmark-assignment [--seeds=N]
//
// Random networks of 52 layers with 8 formats and of 400 layers with 16, each
// with three budgets, at several fractions of their range. What it must show:
// proven optima in less than 2 s (52 layers) and 20 s (400 layers). Exit code 1
// if one is not proven or takes longer.
//
//   sizes     layers of log-normal sizes and sensitivities
//   equal     layers of one size, as transformers have; they cost the same
//   alike     layers of nearly one size and damage; latency is what it is
//
//===----------------------------------------------------------------------===//

#include "qfmt/Assignment/Solver.h"
#include "qfmt/Support/SplitMix64.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace mlir::qfmt::assignment;
namespace cl = llvm::cl;

static cl::opt<unsigned> numSeeds("seeds", cl::desc("Networks of each size"),
                                  cl::init(4));

namespace {
class Random : public mlir::qfmt::SplitMix64 {
public:
  using SplitMix64::SplitMix64;
  /// A sum of uniform numbers for a normal one.
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i)
      sum += uniform();
    return sum;
  }
};
} // namespace

namespace {
enum class Kind { Sizes, Equal, Alike };
} // namespace
static const char *const kKindNames[] = {"sizes", "equal", "alike"};

/// Formats of 2 to 16 bits. The damage falls by four for each bit, give or take
/// what the format is; bytes grow with bits, bit operations with their square,
/// and latency with bits and the kernel's quality, or with nothing at all.
static Problem makeNetwork(Kind kind, unsigned numLayers, unsigned numFormats,
                           uint64_t seed, double fraction) {
  Random random(seed);
  Problem problem;
  // By how much layers differ, in logarithms.
  double size = kind == Kind::Sizes ? 1.5 : kind == Kind::Alike ? 0.02 : 0;
  double reuse = kind == Kind::Sizes ? 0.8 : kind == Kind::Alike ? 0.02 : 0;
  double damage = kind == Kind::Sizes ? 2 : kind == Kind::Alike ? 0.05 : 0.5;
  double format = kind == Kind::Alike ? 0.05 : 0.3;
  std::vector<double> kernels;
  for (unsigned c = 0; c < numFormats; ++c)
    kernels.push_back(random.uniform());
  for (unsigned g = 0; g < numLayers; ++g) {
    Group group{"layer" + std::to_string(g), {}};
    double params = std::floor(30000 * std::exp(size * random.normal()));
    double macs = params * std::exp(5 + reuse * random.normal());
    double sensitivity = params * std::exp(damage * random.normal());
    for (unsigned c = 0; c < numFormats; ++c) {
      double bits = 2 + 14.0 * c / (numFormats - 1);
      Choice choice;
      choice.format = "f" + std::to_string(c);
      choice.damage = 1e-3 * sensitivity * std::pow(4, -bits) *
                      std::exp(format * random.normal());
      choice.costs["bytes"] = std::floor(params * bits / 8);
      choice.costs["bops"] = macs * bits * bits / 1024;
      double &ms = choice.costs["ms"];
      double kernel = kind == Kind::Equal ? kernels[c] : random.uniform();
      if (kind == Kind::Alike)
        ms = macs * 1e-9 * (0.5 + kernel);
      else
        ms = macs * 1e-9 * (0.3 + bits / 16 * (0.8 + 0.4 * kernel));
      if (kind == Kind::Sizes)
        ms += 0.005 * random.uniform();
      group.choices.push_back(std::move(choice));
    }
    problem.groups.push_back(std::move(group));
  }
  // All three near the point where they bind.
  problem.budgets["bytes"] = Budget::ofRange(fraction);
  problem.budgets["bops"] = Budget::ofRange(0.55 * fraction);
  problem.budgets["ms"] = Budget::ofRange(fraction);
  return problem;
}

/// False if it is not proven in time.
static bool measure(Kind kind, unsigned numLayers, unsigned numFormats,
                    uint64_t seed, double fraction, double limit) {
  Problem problem = makeNetwork(kind, numLayers, numFormats, seed, fraction);
  SolverOptions options;
  options.timeLimit = 10 * limit;
  Solution solution =
      llvm::cantFail(createSolver("cbc")->solve(problem, options));
  llvm::outs() << llvm::format(
      "%s %4u x %2u x 3  seed %llu  fraction %.2f  "
      "%7.3f s  gap %.1e  %s\n",
      kKindNames[int(kind)], numLayers, numFormats, (unsigned long long)seed,
      fraction, solution.seconds, solution.objective - solution.bound,
      stringifyStatus(solution.status).data());
  llvm::outs().flush();
  return (solution.status == Status::Optimal ||
          solution.status == Status::Infeasible) &&
         solution.seconds < limit;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv);
  bool good = true;
  for (Kind kind : {Kind::Sizes, Kind::Equal, Kind::Alike})
    for (uint64_t seed = 1; seed <= numSeeds; ++seed)
      for (double fraction : {0.1, 0.2, 0.3, 0.5}) {
        good &= measure(kind, 52, 8, seed, fraction, 2);
        good &= measure(kind, 400, 16, seed, fraction, 20);
      }
  return good ? 0 : 1;
}
