//===- qfmt-assign.cpp - Chooses formats within budgets -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   qfmt-assign instance.json -o solution.json
//   qfmt-assign instance.json --write-lp=model.lp --solver=none
//   qfmt-assign instance.json --pareto=64 --pareto-budget=bytes
//   qfmt-assign instance.json --verify
//   qfmt-assign instance.json --verify --solution=solution.json
//   qfmt-assign instance.json --solver=reinforce --evaluate -o solution.json
//
// Reads and writes the JSON of qfmt/Assignment/Json.h. Files are written after
// everything has succeeded. Exit code: 0 if there is an assignment (the status
// tells whether it is proven optimal), 1 for bad input, 2 if no assignment
// keeps the budgets, 3 if none was found in time.
//
// With --evaluate damage is what the caller says, a line of JSON each way: it
// reads assignments from standard output and answers on standard input.
//
//   {"choices": [{"conv1": "i4", "conv2": "i8"}, ...]}
//   {"damages": [0.31, ...]}        null: never choose it
//
//===----------------------------------------------------------------------===//

#include "qfmt/Assignment/Json.h"
#include "qfmt/Assignment/LinearProgramFile.h"
#include "qfmt/Assignment/ParetoSweep.h"
#include "qfmt/Assignment/Reinforce.h"
#include "qfmt/Support/UniqueJson.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/WithColor.h"
#include <iostream>

using namespace mlir::qfmt::assignment;
using llvm::StringRef;
namespace cl = llvm::cl;

namespace {

enum ExitCode { Solved = 0, BadInput = 1, NoSolution = 2, NoneInTime = 3 };

cl::OptionCategory category("qfmt-assign options");
cl::opt<std::string> inputFile(cl::Positional, cl::Required,
                               cl::desc("<instance.json>"), cl::cat(category));
cl::opt<std::string> outputFile("o", cl::desc("Where the solution goes"),
                                cl::value_desc("file"), cl::init("-"),
                                cl::cat(category));
cl::opt<std::string>
    solverName("solver",
               cl::desc("cbc (exact; default), exhaustive, reinforce, or none "
                        "to only check and export"),
               cl::init("cbc"), cl::cat(category));
cl::opt<double> timeLimit("time-limit",
                          cl::desc("In seconds; what is found until then has "
                                   "status feasible (0: no limit)"),
                          cl::init(0), cl::cat(category));
cl::opt<uint64_t> seed("seed", cl::desc("Of --solver=reinforce"), cl::init(0),
                       cl::cat(category));
cl::opt<unsigned> steps("steps", cl::desc("--solver=reinforce learns so often"),
                        cl::init(SolverOptions().steps), cl::cat(category));
cl::opt<unsigned>
    samples("samples",
            cl::desc("--solver=reinforce tries so many assignments a step"),
            cl::init(SolverOptions().samples), cl::cat(category));
cl::opt<bool> evaluate(
    "evaluate",
    cl::desc("With --solver=reinforce: damage is what the caller says; ask on "
             "standard output, a line {\"choices\": [{group: format, ...}, "
             "...]} a time, and read {\"damages\": [...]} from standard input"),
    cl::cat(category));
cl::opt<std::string>
    lpFile("write-lp",
           cl::desc("Also write the model in CPLEX's LP format to this file"),
           cl::value_desc("file"), cl::cat(category));
cl::opt<unsigned>
    pareto("pareto",
           cl::desc("Solve for fractions 0, 1/N ... 1 of a budget's range and "
                    "write a list"),
           cl::value_desc("N"), cl::init(0), cl::cat(category));
cl::opt<std::string>
    paretoBudget("pareto-budget",
                 cl::desc("The budget of --pareto, if there are several"),
                 cl::value_desc("name"), cl::cat(category));
cl::opt<bool> verifyOnly("verify",
                         cl::desc("Do not solve: check the known optimum that "
                                  "the instance carries under 'expected'"),
                         cl::cat(category));
cl::opt<std::string>
    solutionFile("solution",
                 cl::desc("With --verify: check this solution instead"),
                 cl::value_desc("file"), cl::cat(category));
cl::opt<bool> printTime("time", cl::desc("Print the solver's time to stderr"),
                        cl::cat(category));

//===----------------------------------------------------------------------===//
// Diagnostics and files
//===----------------------------------------------------------------------===//

/// One line for each line of the message.
void report(StringRef where, StringRef message) {
  llvm::SmallVector<StringRef> lines;
  message.split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (StringRef line : lines)
    llvm::WithColor::error(llvm::errs(), "qfmt-assign")
        << where << ": " << line << "\n";
}

int fail(StringRef where, llvm::Error error) {
  report(where, llvm::toString(std::move(error)));
  return BadInput;
}

int fail(StringRef where, const std::vector<std::string> &messages) {
  report(where, llvm::join(messages, "\n"));
  return BadInput;
}

llvm::Expected<std::string> readFile(StringRef name) {
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(name, /*IsText=*/true);
  if (!buffer)
    return llvm::createStringError(
        buffer.getError(), "cannot be read: " + buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

/// Files that are there in the end if all of them could be written.
class OutputFiles {
public:
  /// False, with a message, if it cannot be written.
  bool write(StringRef name, StringRef text) {
    std::error_code error;
    auto file = std::make_unique<llvm::ToolOutputFile>(name, error,
                                                       llvm::sys::fs::OF_None);
    if (error) {
      report(name, "cannot be written: " + error.message());
      return false;
    }
    file->os() << text;
    file->os().flush();
    if (file->os().has_error()) {
      report(name, "cannot be written: " + file->os().error().message());
      file->os().clear_error();
      return false;
    }
    files.push_back(std::move(file));
    return true;
  }

  void keep() {
    for (std::unique_ptr<llvm::ToolOutputFile> &file : files)
      file->keep();
  }

private:
  std::vector<std::unique_ptr<llvm::ToolOutputFile>> files;
};

std::string toText(llvm::function_ref<void(llvm::json::OStream &)> write) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::OStream stream(os, /*IndentSize=*/2);
  write(stream);
  return text + "\n";
}

/// The results, all of them or none: nothing is written before all is known.
int writeResults(const Problem &problem, const std::string &text, int code) {
  OutputFiles files;
  if (!lpFile.empty()) {
    std::string lp;
    llvm::raw_string_ostream os(lp);
    writeLinearProgram(os, problem);
    if (!files.write(lpFile, lp))
      return BadInput;
  }
  if (!text.empty() && !files.write(outputFile, text))
    return BadInput;
  files.keep();
  return code;
}

//===----------------------------------------------------------------------===//
// Damage that the caller knows
//===----------------------------------------------------------------------===//

void printQuestion(llvm::raw_ostream &os, const Problem &problem,
                   llvm::ArrayRef<Assignment> assignments) {
  llvm::json::OStream stream(os);
  stream.object([&] {
    stream.attributeArray("choices", [&] {
      for (const Assignment &assignment : assignments)
        stream.object([&] {
          for (auto [group, choice] :
               llvm::zip_equal(problem.groups, assignment))
            stream.attribute(group.name, group.choices[choice].format);
        });
    });
  });
  os << "\n";
  os.flush();
}

llvm::Expected<std::vector<double>> parseAnswer(StringRef line, size_t count) {
  llvm::Expected<llvm::json::Value> value = mlir::qfmt::parseUniqueJson(line);
  if (!value)
    return value.takeError();
  const llvm::json::Object *object = value->getAsObject();
  const llvm::json::Array *list =
      object && object->size() == 1 ? object->getArray("damages") : nullptr;
  if (!list || list->size() != count)
    return llvm::createStringError("expected {\"damages\": [...]} with " +
                                   llvm::Twine(count) + " numbers, found '" +
                                   line + "'");
  std::vector<double> damages;
  for (const llvm::json::Value &element : *list) {
    if (std::optional<double> number = element.getAsNumber())
      damages.push_back(*number);
    else if (element.getAsNull())
      damages.push_back(std::numeric_limits<double>::infinity());
    else
      return llvm::createStringError("damages are numbers or null, found '" +
                                     line + "'");
  }
  return damages;
}

llvm::Expected<std::vector<double>>
askCaller(const Problem &problem, llvm::ArrayRef<Assignment> assignments) {
  printQuestion(llvm::outs(), problem, assignments);
  std::string line;
  if (!std::getline(std::cin, line))
    return llvm::createStringError("standard input ended before the answer");
  return parseAnswer(line, assignments.size());
}

//===----------------------------------------------------------------------===//
// Modes
//===----------------------------------------------------------------------===//

int verifyKnown(Problem &problem) {
  if (!solutionFile.empty()) {
    llvm::Expected<std::string> text = readFile(solutionFile);
    if (!text)
      return fail(solutionFile, text.takeError());
    llvm::Expected<KnownOptimum> known = parseKnownOptimum(*text);
    if (!known)
      return fail(solutionFile, known.takeError());
    problem.expected = std::move(*known);
  }
  const std::string &where = solutionFile.empty() ? inputFile : solutionFile;
  if (!problem.expected || problem.expected->choice.empty()) {
    report(inputFile, "there is nothing to verify: give the known optimum as "
                      "'expected' with 'choice', or a solution with "
                      "--solution");
    return BadInput;
  }
  std::vector<std::string> errors = verifyExpected(problem);
  if (!errors.empty())
    return fail(where, errors);
  Solution solution;
  solution.status = Status::Feasible;
  solution.bound = -std::numeric_limits<double>::infinity();
  for (auto [index, group] : llvm::enumerate(problem.groups))
    solution.assignment.push_back(
        *problem.findChoice(index, problem.expected->choice.at(group.name)));
  describe(problem, solution);
  return writeResults(problem, toText([&](llvm::json::OStream &stream) {
                        writeSolution(stream, problem, solution);
                      }),
                      Solved);
}

int sweep(const Problem &problem, const Solver &solver,
          const SolverOptions &options) {
  std::string budget = paretoBudget;
  if (budget.empty() && problem.budgets.size() == 1)
    budget = problem.budgets.begin()->first;
  std::vector<std::string> costs = problem.getCommonCosts();
  if (!llvm::is_contained(costs, budget)) {
    report(inputFile,
           budget.empty()
               ? "--pareto needs a budget: name one with --pareto-budget (" +
                     llvm::join(costs, ", ") + ")"
               : "--pareto-budget: no cost '" + budget +
                     "' that all choices have; there are: " +
                     llvm::join(costs, ", "));
    return BadInput;
  }
  llvm::Expected<std::vector<ParetoPoint>> points =
      sweepBudget(problem, budget, pareto, solver, options);
  if (!points)
    return fail(inputFile, points.takeError());
  std::string text = toText([&](llvm::json::OStream &stream) {
    stream.array([&] {
      for (const ParetoPoint &point : *points) {
        Problem at = problem;
        at.budgets[budget] = Budget::ofRange(point.fraction);
        stream.object([&] {
          writeNumber(stream, "fraction", point.fraction);
          writeSolutionMembers(stream, at, point.solution);
        });
      }
    });
  });
  return writeResults(problem, text, Solved);
}

/// By the problem's damage, or by what the caller says.
llvm::Expected<Solution> callSolver(const Problem &problem,
                                    const Solver &solver,
                                    const SolverOptions &options) {
  if (!evaluate)
    return solver.solve(problem, options);
  ReinforceOptions reinforce;
  reinforce.steps = options.steps;
  reinforce.samples = options.samples;
  reinforce.seed = options.seed;
  reinforce.timeLimit = options.timeLimit;
  llvm::Expected<Solution> solution = solveByReinforce(
      problem,
      [&](llvm::ArrayRef<Assignment> assignments) {
        return askCaller(problem, assignments);
      },
      reinforce);
  // What the next better format would save nobody has said.
  if (solution)
    solution->nextBetter.assign(solution->nextBetter.size(), std::nullopt);
  return solution;
}

std::vector<std::string> findErrors(const Problem &problem,
                                    const Solution &solution) {
  if (solution.assignment.empty())
    return {};
  // What the caller says of damage is not the problem's objective.
  if (evaluate)
    return verify(problem, solution.assignment);
  std::vector<std::string> errors = verify(problem, solution);
  return errors.empty() ? compareToExpected(problem, solution) : errors;
}

int solveOnce(const Problem &problem, const Solver &solver,
              const SolverOptions &options) {
  llvm::Expected<Solution> solution = callSolver(problem, solver, options);
  if (!solution)
    return fail(evaluate ? "--evaluate" : StringRef(inputFile),
                solution.takeError());
  if (printTime)
    llvm::errs() << "qfmt-assign: "
                 << llvm::formatv("{0:f3}", solution->seconds) << " s\n";
  std::vector<std::string> errors = findErrors(problem, *solution);
  if (!errors.empty())
    return fail(inputFile, errors);
  int code = Solved;
  if (solution->status == Status::Infeasible) {
    report(inputFile,
           llvm::join(explainInfeasibility(problem, *solution), "\n"));
    code = NoSolution;
  } else if (solution->assignment.empty()) {
    report(inputFile, "no assignment was found in time: raise --time-limit");
    code = NoneInTime;
  }
  return writeResults(problem, toText([&](llvm::json::OStream &stream) {
                        writeSolution(stream, problem, *solution);
                      }),
                      code);
}

int run() {
  if (!(timeLimit >= 0)) {
    report("--time-limit", "give a number of seconds that is at least 0");
    return BadInput;
  }
  if (pareto.getNumOccurrences() && pareto == 0) {
    report("--pareto", "give the number of steps, at least 1");
    return BadInput;
  }
  if (verifyOnly && pareto != 0) {
    report("--verify", "solves nothing: leave --pareto out");
    return BadInput;
  }
  if (!solutionFile.empty() && !verifyOnly) {
    report("--solution", "is for --verify: give that too");
    return BadInput;
  }
  if (!paretoBudget.empty() && pareto == 0) {
    report("--pareto-budget", "is for --pareto: give that too");
    return BadInput;
  }
  if (lpFile == outputFile && outputFile != "-") {
    report(lpFile,
           "would be written by both -o and --write-lp: give two names");
    return BadInput;
  }
  if (steps == 0 || samples == 0) {
    report("--steps, --samples", "give at least 1");
    return BadInput;
  }
  if (evaluate && (solverName != "reinforce" || pareto != 0 || verifyOnly)) {
    report("--evaluate", "is for --solver=reinforce, without --pareto and "
                         "--verify: the others need the damage of each choice");
    return BadInput;
  }
  if (evaluate && (inputFile == "-" || outputFile == "-")) {
    report("--evaluate", "asks on standard output and reads standard input: "
                         "give files for the instance and for -o");
    return BadInput;
  }
  std::unique_ptr<Solver> solver = createSolver(solverName);
  if (!solver && solverName != "none") {
    report("--solver", "there is no solver '" + solverName + "': give one of " +
                           getSolverNames() + ", none");
    return BadInput;
  }
  llvm::Expected<std::string> text = readFile(inputFile);
  if (!text)
    return fail(inputFile, text.takeError());
  std::vector<std::string> warnings;
  llvm::Expected<Problem> problem = parseProblem(*text, &warnings);
  if (!problem)
    return fail(inputFile, problem.takeError());
  for (const std::string &warning : warnings)
    llvm::errs() << "warning: " << inputFile << ": " << warning << "\n";
  if (auto errors = problem->check(); !errors.empty())
    return fail(inputFile, errors);
  if (verifyOnly)
    return verifyKnown(*problem);
  if (!solver)
    return writeResults(*problem, "", Solved);
  SolverOptions options;
  options.timeLimit = timeLimit;
  options.seed = seed;
  options.steps = steps;
  options.samples = samples;
  if (pareto != 0)
    return sweep(*problem, *solver, options);
  return solveOnce(*problem, *solver, options);
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(
      argc, argv,
      "qfmt-assign: chooses a format for each group of an instance (JSON) such "
      "that the damage is least and all budgets are kept\n");
  return run();
}
