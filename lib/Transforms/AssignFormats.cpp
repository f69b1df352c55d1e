//===- AssignFormats.cpp - Formats of layers under budgets ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level real or observed.
// Output: the same with `qfmt.assigned` on each layer, a linalg operation with
//         constant weights; the attributes that said what it may get are gone.
// Not done: nothing is quantized, that is qfmt-quantize. Files are written only
//         as a whole.
//
//===----------------------------------------------------------------------===//

#include "Assign/LayerCosts.h"
#include "Assign/LayerProblem.h"
#include "Assign/Report.h"
#include "qfmt/Assignment/Json.h"
#include "qfmt/Assignment/LinearProgramFile.h"
#include "qfmt/Assignment/Solver.h"
#include "qfmt/IR/LayerAttributes.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/Statistic.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cmath>

namespace mlir::qfmt {
#define GEN_PASS_DEF_ASSIGNFORMATS
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-assign-formats"
ALWAYS_ENABLED_STATISTIC(numLayers, "Layers that got formats");
ALWAYS_ENABLED_STATISTIC(numCandidates, "Candidates of all layers");
using assignment::Solution;
using assignment::Status;

/// Writes the whole file or none: under another name first.
static LogicalResult writeFile(Location loc, StringRef path,
                               function_ref<void(raw_ostream &)> print) {
  if (path.empty())
    return success();
  llvm::Error error = llvm::writeToOutput(path, [&](raw_ostream &os) {
    print(os);
    return llvm::Error::success();
  });
  if (!error)
    return success();
  return emitError(loc) << "qfmt-assign-formats: cannot write '" << path
                        << "': " << llvm::toString(std::move(error));
}

namespace {
struct AssignFormatsPass : qfmt::impl::AssignFormatsBase<AssignFormatsPass> {
  using Base::Base;

  /// Everything that compiling `quantize` needs: no dialect can be loaded later
  /// on.
  void getDependentDialects(DialectRegistry &registry) const override {
    registerPipelineDialects(registry);
  }

  void runOnOperation() override {
    FailureOr<LayerProblem> network = build();
    if (failed(network) || failed(writeProblemFiles(network->problem)))
      return signalPassFailure();
    FailureOr<Solution> solution = solve(network->problem);
    if (failed(solution))
      return signalPassFailure();
    Report report{*network, *solution,
                  solutionFile.empty() ? StringRef(solver) : "given",
                  stringifyMeasure(damage)};
    if (failed(writeFile(getLoc(), reportFile,
                         [&](raw_ostream &os) { report.print(os); })))
      return signalPassFailure();
    report.emitRemarks();
    assign(report);
  }

private:
  Location getLoc() { return getOperation().getLoc(); }

  /// An error about the module as a whole, without printing it.
  InFlightDiagnostic fail() {
    return emitError(getLoc()) << "qfmt-assign-formats: ";
  }
  InFlightDiagnostic failOption(StringRef option) {
    return emitError(getLoc())
           << "option '" << option << "' of qfmt-assign-formats";
  }

  FailureOr<LayerProblem> build();
  LogicalResult readFormats(LayerProblemOptions &options);
  LogicalResult writeProblemFiles(const assignment::Problem &problem);
  FailureOr<Solution> solve(const assignment::Problem &problem);
  FailureOr<Solution> readSolution(const assignment::Problem &problem);
  void warnUnproven(const Solution &solution);

  void assign(const Report &report) {
    for (auto [index, layer] : llvm::enumerate(report.network.layers)) {
      layer.op->setAttr(
          kAssignedAttr,
          StringAttr::get(&getContext(), report.getChoice(index)));
      ++numLayers;
      numCandidates += report.network.candidates[index].formats.size();
    }
  }

  static StringRef stringifyMeasure(DamageMeasure measure);
};
} // namespace

StringRef AssignFormatsPass::stringifyMeasure(DamageMeasure measure) {
  switch (measure) {
  case DamageMeasure::Given:
    return "given";
  case DamageMeasure::Weights:
    return "weights";
  case DamageMeasure::Traces:
    return "traces";
  case DamageMeasure::Moments:
    return "moments";
  case DamageMeasure::Measured:
    return "measured";
  }
  llvm_unreachable("all measures are handled");
}

LogicalResult AssignFormatsPass::readFormats(LayerProblemOptions &options) {
  auto emit = [&](StringRef option) {
    return [this, option] { return failOption(option) << ": "; };
  };
  if (!candidates.empty() && damage == DamageMeasure::Given)
    return failOption("candidates")
           << " is there, but damage=given takes those of the layers' '"
           << kCandidatesAttr << "'";
  if (!candidates.empty()) {
    FailureOr<SmallVector<CandidateFamily>> families =
        parseCandidates(candidates, getOperation(), emit("candidates"));
    if (failed(families))
      return failure();
    options.candidates.families = std::move(*families);
  }
  FailureOr<OperandFormat> others =
      OperandFormat::parse(otherActivations, OperandFormat::Side::Activations,
                           &getContext(), emit("other-activations"));
  if (failed(others))
    return failure();
  if (!others->number)
    return failOption("other-activations")
           << " is a number format, found '" << otherActivations << "'";
  options.otherActivations = others->number;
  return success();
}

FailureOr<LayerProblem> AssignFormatsPass::build() {
  LayerProblemOptions options;
  if (failed(readFormats(options)))
    return failure();
  FailureOr<std::unique_ptr<Damage>> measure =
      Damage::create(damage, damageFile, getLoc());
  if (failed(measure))
    return failure();
  options.candidates.damage = measure->get();
  ChoiceTable latencies;
  if (!latencyTable.empty()) {
    llvm::Expected<ChoiceTable> table =
        readChoiceTable(latencyTable, &getContext());
    if (!table)
      return fail() << llvm::toString(table.takeError());
    latencies = std::move(*table);
    options.candidates.latencies = &latencies;
    options.candidates.latencyFile = latencyTable;
  }
  options.budgets = {
      {"budget-bytes", kBytesCost, budgetBytes},
      {"budget-bit-operations", kBitOperationsCost, budgetBitOperations},
      {"budget-latency", kLatencyCost, budgetLatency},
      {"budget-luts", kLutsCost, budgetLuts}};
  options.activationBudget = {"budget-activation-bytes", kActivationBytesCost,
                              budgetActivationBytes};
  options.tieSharedInputs = tieSharedInputs;
  return buildProblem(getOperation(), options);
}

LogicalResult
AssignFormatsPass::writeProblemFiles(const assignment::Problem &problem) {
  auto printProblem = [&](raw_ostream &os) {
    llvm::json::OStream json(os, /*IndentSize=*/1);
    assignment::writeProblem(json, problem);
    os << "\n";
  };
  auto printProgram = [&](raw_ostream &os) {
    assignment::writeLinearProgram(os, problem);
  };
  return success(succeeded(writeFile(getLoc(), problemFile, printProblem)) &&
                 succeeded(writeFile(getLoc(), lpFile, printProgram)));
}

void AssignFormatsPass::warnUnproven(const Solution &solution) {
  InFlightDiagnostic warning =
      emitWarning(getLoc())
      << "qfmt-assign-formats: no proof that these formats are the best: their "
         "damage is "
      << solution.objective << ", and ";
  if (std::isfinite(solution.bound))
    warning << "nothing is below " << solution.bound;
  else
    warning << "no bound is known";
}

/// What somebody else has found.
FailureOr<Solution>
AssignFormatsPass::readSolution(const assignment::Problem &problem) {
  auto failFile = [&]() -> InFlightDiagnostic {
    return fail() << "'" << solutionFile << "' ";
  };
  auto buffer = llvm::MemoryBuffer::getFile(solutionFile);
  if (!buffer)
    return failFile() << "cannot be read: " << buffer.getError().message();
  llvm::Expected<assignment::KnownOptimum> given =
      assignment::parseKnownOptimum((*buffer)->getBuffer());
  if (!given)
    return failFile() << "cannot be read: "
                      << llvm::toString(given.takeError());
  for (const auto &[layer, format] : given->choice)
    if (!problem.findGroup(layer))
      return failFile() << "has a format for '" << layer
                        << "', which is no layer";
  Solution solution;
  for (auto [index, group] : llvm::enumerate(problem.groups)) {
    auto found = given->choice.find(group.name);
    if (found == given->choice.end())
      return failFile() << "has no format for the layer '" << group.name << "'";
    FailureOr<FormatChoice> format =
        FormatChoice::parse(found->second, &getContext(), failFile);
    if (failed(format))
      return failure();
    std::optional<unsigned> choice = problem.findChoice(index, format->str());
    if (!choice)
      return failFile() << "says " << format->str() << " for the layer '"
                        << group.name << "', which is none of its candidates";
    solution.assignment.push_back(*choice);
  }
  std::vector<std::string> errors =
      assignment::verify(problem, solution.assignment);
  for (const std::string &error : errors)
    failFile() << "breaks a rule: " << error;
  if (!errors.empty())
    return failure();
  solution.status = Status::Feasible;
  solution.bound = -std::numeric_limits<double>::infinity();
  assignment::describe(problem, solution);
  return solution;
}

FailureOr<Solution>
AssignFormatsPass::solve(const assignment::Problem &problem) {
  if (!solutionFile.empty())
    return readSolution(problem);
  std::unique_ptr<assignment::Solver> chosen = assignment::createSolver(solver);
  if (!chosen)
    return failOption("solver") << " is one of " << assignment::getSolverNames()
                                << ", found '" << solver << "'";
  if (!(timeLimit >= 0))
    return failOption("time-limit")
           << " is a number of seconds that is at least 0, found "
           << timeLimit.getValue();
  assignment::SolverOptions options;
  options.timeLimit = timeLimit;
  options.seed = seed;
  llvm::Expected<Solution> solution = chosen->solve(problem, options);
  if (!solution)
    return fail() << llvm::toString(solution.takeError());
  switch (solution->status) {
  case Status::Optimal:
    break;
  case Status::Feasible:
    warnUnproven(*solution);
    break;
  case Status::Infeasible:
    for (const std::string &reason :
         assignment::explainInfeasibility(problem, *solution))
      fail() << reason;
    return failure();
  case Status::Unknown:
    return fail() << "solver '" << solver
                  << "' found no formats within its time limit";
  }
  for (const std::string &error : assignment::verify(problem, *solution)) {
    fail() << "solver '" << solver << "' is wrong: " << error;
    return failure();
  }
  return std::move(*solution);
}
