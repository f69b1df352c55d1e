// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LayerProblem.h"
#include "../Quantize/FormatAssignment.h"
#include "DataFamilies.h"
#include "LayerCosts.h"
#include "MemoryCosts.h"
#include "PairwiseTerms.h"
#include "qfmt/IR/LayerAttributes.h"

using namespace mlir;
using namespace mlir::qfmt;
using assignment::Budget;

static InFlightDiagnostic emitPassError(ModuleOp module) {
  return emitError(module.getLoc()) << "qfmt-assign-formats: ";
}

//===----------------------------------------------------------------------===//
// Budgets
//===----------------------------------------------------------------------===//

/// None if the text is empty.
static FailureOr<std::optional<Budget>> parseBudget(const BudgetText &budget,
                                                    ModuleOp module) {
  if (budget.text.empty())
    return std::optional<Budget>();
  StringRef number = budget.text;
  bool isFraction = number.consume_back("%");
  double value = 0;
  // Not a number is not >= 0.
  bool isNumber = !number.getAsDouble(value) && value >= 0 &&
                  value <= std::numeric_limits<double>::max();
  if (isNumber && !isFraction)
    return std::optional<Budget>(Budget::atMost(value));
  if (isNumber && value <= 100)
    return std::optional<Budget>(Budget::ofRange(value / 100));
  return emitError(module.getLoc())
         << "option '" << budget.option
         << "' of qfmt-assign-formats is the most that all layers may cost "
            "together, a number, or a part of what lies between the cheapest "
            "and the dearest choices, 0% to 100%; found '"
         << budget.text << "'";
}

static LogicalResult addBudgets(ModuleOp module, ArrayRef<BudgetText> budgets,
                                assignment::Problem &problem) {
  for (const BudgetText &text : budgets) {
    FailureOr<std::optional<Budget>> budget = parseBudget(text, module);
    if (failed(budget))
      return failure();
    if (*budget)
      problem.budgets[text.cost.str()] = **budget;
  }
  return success();
}

/// The peak is the largest of the moments' sums, so each gets the limit of the
/// peak.
static LogicalResult addMemoryBudgets(ModuleOp module, const BudgetText &text,
                                      LayerProblem &result) {
  FailureOr<std::optional<Budget>> budget = parseBudget(text, module);
  if (failed(budget))
    return failure();
  assignment::Problem &problem = result.problem;
  double limit = (*budget)->max.value_or(0);
  if ((*budget)->fraction) {
    double cheapest = 0, dearest = 0;
    for (const std::string &name : result.memoryBudgets) {
      assignment::Problem::Range range = problem.getCostRange(name);
      cheapest = std::max(cheapest, range.cheapest);
      dearest = std::max(dearest, range.dearest);
    }
    limit = cheapest + *(*budget)->fraction * (dearest - cheapest);
  }
  for (const std::string &name : result.memoryBudgets)
    problem.budgets[name] = Budget::atMost(limit);
  return success();
}

//===----------------------------------------------------------------------===//
// Ties
//===----------------------------------------------------------------------===//

/// Ties the layers that have the same key, in the order of the keys' first
/// layers.
template <typename Key>
static void tieEqual(ArrayRef<Layer> layers,
                     function_ref<std::optional<Key>(const Layer &)> getKey,
                     assignment::Problem &problem) {
  llvm::MapVector<Key, std::vector<std::string>> sets;
  for (const Layer &layer : layers)
    if (std::optional<Key> key = getKey(layer))
      sets[*key].push_back(layer.name);
  for (auto &[key, names] : sets)
    if (names.size() > 1)
      problem.ties.push_back(std::move(names));
}

static void addTies(ArrayRef<Layer> layers, bool tieSharedInputs,
                    assignment::Problem &problem) {
  tieEqual<Attribute>(
      layers,
      [](const Layer &layer) -> std::optional<Attribute> {
        if (Attribute label = layer.op->getAttr(kTieAttr))
          return label;
        return std::nullopt;
      },
      problem);
  if (!tieSharedInputs)
    return;
  tieEqual<Value>(
      layers,
      [](const Layer &layer) -> std::optional<Value> {
        // The first one stands for those that a concat joins.
        SmallVector<ObserveOp> sources;
        collectSources(layer.data->get(), sources);
        return sources.empty() ? layer.data->get()
                               : Value(sources.front().getResult());
      },
      problem);
}

/// Layers that read the same constant in the same way share its codes: they
/// get the same format, and only the first one costs bytes. Not where damages
/// and costs are given, which may have counted so already.
static void shareWeights(LayerProblem &result) {
  assignment::Problem &problem = result.problem;
  // By the constant and the encodings of all candidates: format, master, rule.
  using Encoding = std::tuple<const void *, const void *, ScaleRule>;
  using Key = std::pair<void *, std::vector<Encoding>>;
  std::map<Key, unsigned> known;
  for (auto [index, layer] : llvm::enumerate(result.layers)) {
    std::optional<WeightedSum> sum = WeightedSum::match(layer.op);
    Key key = {layer.weights->get().getAsOpaquePointer(), {}};
    for (const FormatChoice &choice : result.candidates[index].formats) {
      OperandEncoding encoding = getWeightEncoding(choice.weights, *sum);
      key.second.push_back({Attribute(encoding.format).getAsOpaquePointer(),
                            Attribute(encoding.master).getAsOpaquePointer(),
                            encoding.scaleRule});
    }
    auto [first, isNew] = known.try_emplace(std::move(key), index);
    if (isNew)
      continue;
    problem.ties.push_back({result.layers[first->second].name, layer.name});
    for (assignment::Choice &choice : problem.groups[index].choices)
      choice.costs[kBytesCost.str()] = 0;
  }
}

/// Warns where candidates that differ in the format of the data alone have the
/// same damage: at the first such layer, for all of them.
static void warnBlindness(const LayerProblem &network, const Damage &damage) {
  for (auto [layer, candidates] :
       llvm::zip_equal(network.layers, network.candidates)) {
    StringRef reason = damage.explainBlindness(layer);
    if (reason.empty())
      continue;
    for (const FormatChoice &one : candidates.formats)
      for (const FormatChoice &other : candidates.formats)
        if (one.weights == other.weights &&
            one.activations != other.activations) {
          mlir::emitWarning(layer.op->getLoc())
              << "candidates " << one.str() << " and " << other.str()
              << " of the layer '" << layer.name
              << "' have the same damage: " << reason;
          return;
        }
  }
}

/// What layers do together, by the measure that says what each does.
static LogicalResult addPairwise(ModuleOp module, const Damage *damage,
                                 assignment::Problem &problem) {
  if (damage) {
    addPairwiseTerms(damage->getPairwiseTerms(), problem);
    return success();
  }
  FailureOr<std::vector<assignment::PairwiseTerm>> terms =
      readPairwiseAttrs(module);
  if (succeeded(terms))
    addPairwiseTerms(*terms, problem);
  return terms;
}

/// What `qfmt.forced` says, as candidates are written.
static LogicalResult addForced(ArrayRef<Layer> layers,
                               assignment::Problem &problem) {
  for (const Layer &layer : layers) {
    auto text = layer.op->getAttrOfType<StringAttr>(kForcedAttr);
    if (!text)
      continue;
    FailureOr<FormatChoice> choice =
        FormatChoice::parse(text.getValue(), layer.op->getContext(), [&] {
          return layer.op->emitOpError() << kForcedAttr << ": ";
        });
    if (failed(choice))
      return failure();
    problem.forced[layer.name] = choice->str();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// The problem
//===----------------------------------------------------------------------===//

static LogicalResult checkProblem(ModuleOp module,
                                  const assignment::Problem &problem) {
  std::vector<std::string> errors = problem.check();
  for (const std::string &error : errors)
    emitPassError(module) << error;
  return success(errors.empty());
}

FailureOr<LayerProblem>
mlir::qfmt::buildProblem(ModuleOp module, const LayerProblemOptions &options) {
  FailureOr<SmallVector<Layer>> layers = collectLayers(module);
  if (failed(layers))
    return failure();
  if (layers->empty())
    return emitPassError(module)
           << "finds no layers: no linalg operation on tensors sums products "
              "of data with constant f32 weights";
  if (failed(verifyGivenCosts(*layers)))
    return failure();

  FailureOr<std::vector<SmallVector<FormatChoice>>> formats =
      expandFamilies(*layers, options.candidates.families);
  if (failed(formats))
    return failure();

  LayerProblem result;
  result.layers = std::move(*layers);
  for (auto [layer, choices] : llvm::zip_equal(result.layers, *formats)) {
    FailureOr<LayerCandidates> candidates =
        getCandidates(layer, choices, options.candidates);
    if (failed(candidates))
      return failure();
    result.problem.groups.push_back(candidates->group);
    result.candidates.push_back(std::move(*candidates));
  }
  addTies(result.layers, options.tieSharedInputs, result.problem);
  if (options.candidates.damage) {
    shareWeights(result);
    warnBlindness(result, *options.candidates.damage);
  }
  if (failed(addForced(result.layers, result.problem)) ||
      failed(addPairwise(module, options.candidates.damage, result.problem)) ||
      failed(addBudgets(module, options.budgets, result.problem)))
    return failure();
  // Ranges and shared tensors are those of a problem without errors.
  if (failed(checkProblem(module, result.problem)))
    return failure();
  if (options.activationBudget.text.empty())
    return result;
  FailureOr<ActivationMemory> memory =
      ActivationMemory::analyze(module, result.layers);
  if (failed(memory))
    return failure();
  result.memoryBudgets =
      addMemoryCosts(*memory, result.layers, result.candidates,
                     options.otherActivations, result.problem);
  if (failed(addMemoryBudgets(module, options.activationBudget, result)) ||
      failed(checkProblem(module, result.problem)))
    return failure();
  return result;
}
