// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Report.h"
#include "LayerCosts.h"
#include "Neighbours.h"
#include "qfmt/IR/LayerAttributes.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;
using assignment::BudgetUse;
using assignment::NextBetter;
using assignment::PairwiseTerm;

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

namespace {
/// Costs by name.
using Costs = std::map<std::string, double>;
} // namespace

/// Budgets of single moments are one budget for whoever reads a report.
static bool isMomentCost(const LayerProblem &network, StringRef cost) {
  return llvm::is_contained(network.memoryBudgets, cost);
}

static Costs dropMoments(const LayerProblem &network, const Costs &costs) {
  Costs kept;
  for (const auto &[name, value] : costs)
    if (!isMomentCost(network, name))
      kept[name] = value;
  return kept;
}

/// The budgets with those of all moments as one, the fullest.
static std::map<std::string, BudgetUse> joinMoments(const Report &report) {
  std::map<std::string, BudgetUse> budgets;
  for (const auto &[name, use] : report.solution.budgets) {
    if (!isMomentCost(report.network, name)) {
      budgets[name] = use;
      continue;
    }
    auto [peak, isNew] = budgets.try_emplace(kActivationBytesCost.str(), use);
    if (use.used > peak->second.used)
      peak->second = use;
  }
  return budgets;
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static void printCosts(llvm::json::OStream &json, StringRef name,
                       const Costs &costs) {
  json.attributeObject(name, [&] {
    for (const auto &[cost, value] : costs)
      json.attribute(cost, value);
  });
}

static void printChoice(llvm::json::OStream &json, const Report &report,
                        const assignment::Choice &choice) {
  json.attribute("format", choice.format);
  json.attribute("damage", choice.damage);
  printCosts(json, "costs", dropMoments(report.network, choice.costs));
}

static void printLayer(llvm::json::OStream &json, const Report &report,
                       unsigned index, ArrayRef<unsigned> predecessors) {
  const Layer &layer = report.network.layers[index];
  const assignment::Group &group = report.network.problem.groups[index];
  json.attribute("name", layer.name);
  json.attribute("operation", layer.op->getName().getStringRef());
  if (auto tie = layer.op->getAttrOfType<StringAttr>(kTieAttr))
    json.attribute("tie", tie.getValue());
  if (layer.op->hasAttr(kForcedAttr))
    json.attribute("forced", true);
  printChoice(json, report, group.choices[report.solution.assignment[index]]);
  json.attributeArray("candidates", [&] {
    for (const assignment::Choice &choice : group.choices)
      json.object([&] { printChoice(json, report, choice); });
  });
  json.attributeArray("after", [&] {
    for (unsigned before : predecessors)
      json.value(report.network.layers[before].name);
  });
  const std::optional<NextBetter> &next = report.solution.nextBetter[index];
  if (!next)
    return json.attribute("next_better", nullptr);
  json.attributeObject("next_better", [&] {
    json.attribute("format", group.choices[next->choice].format);
    json.attribute("damage_saved", next->damageSaved);
    printCosts(json, "extra_costs",
               dropMoments(report.network, next->extraCosts));
    printCosts(json, "exceeds", next->exceeds);
  });
}

static void printBudgets(llvm::json::OStream &json, const Report &report) {
  json.attributeObject("budgets", [&] {
    for (const auto &[name, use] : joinMoments(report))
      json.attributeObject(name, [&, &use = use] {
        json.attribute("used", use.used);
        json.attribute("limit", use.limit);
        json.attribute("slack", use.slack);
      });
  });
  if (report.network.memoryBudgets.empty())
    return;
  json.attributeObject("activation_bytes_at", [&] {
    StringRef prefix = kActivationBytesCost;
    for (const std::string &name : report.network.memoryBudgets)
      json.attribute(StringRef(name).drop_front(prefix.size() + 4),
                     report.solution.budgets.at(name).used);
  });
}

static void printPairwise(llvm::json::OStream &json, const Report &report) {
  if (report.network.problem.pairwise.empty())
    return;
  auto printTwo = [&](StringRef name,
                      const std::array<std::string, 2> &strings) {
    json.attributeArray(name, [&] {
      for (const std::string &string : strings)
        json.value(string);
    });
  };
  json.attributeArray("pairwise", [&] {
    for (const PairwiseTerm &term : report.getPairwiseTerms())
      json.object([&] {
        printTwo("layers", term.groups);
        printTwo("formats", term.formats);
        json.attribute("damage", term.damage);
      });
  });
}

void Report::print(raw_ostream &os) const {
  std::vector<std::vector<unsigned>> predecessors =
      findPredecessors(network.layers);
  llvm::json::OStream json(os, /*IndentSize=*/1);
  json.object([&] {
    json.attribute("status", assignment::stringifyStatus(solution.status));
    json.attribute("objective", solution.objective);
    // JSON has no infinity.
    if (std::isfinite(solution.bound))
      json.attribute("bound", solution.bound);
    else
      json.attribute("bound", nullptr);
    json.attribute("solver", solver);
    json.attribute("damage", measure);
    printBudgets(json, *this);
    printCosts(json, "costs", dropMoments(network, solution.costs));
    json.attributeArray("layers", [&] {
      for (unsigned index = 0; index < network.layers.size(); ++index)
        json.object(
            [&] { printLayer(json, *this, index, predecessors[index]); });
    });
    printPairwise(json, *this);
  });
  os << "\n";
}

//===----------------------------------------------------------------------===//
// Remarks
//===----------------------------------------------------------------------===//

static std::string formatNumber(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.6g", value);
  return text;
}

/// "bytes 1152, ms 0.08"
static std::string formatCosts(const Costs &costs) {
  std::string text;
  for (const auto &[name, value] : costs)
    text += (text.empty() ? "" : ", ") + name + " " + formatNumber(value);
  return text;
}

static std::string describeNextBetter(const Report &report, unsigned index) {
  const std::optional<NextBetter> &next = report.solution.nextBetter[index];
  if (!next)
    return "nothing that it may get does less damage";
  const assignment::Group &group = report.network.problem.groups[index];
  std::string text = group.choices[next->choice].format +
                     " would save damage " + formatNumber(next->damageSaved);
  Costs extra = dropMoments(report.network, next->extraCosts);
  if (!extra.empty())
    text += " for " + formatCosts(extra) + " more";
  if (!next->exceeds.empty())
    text += ", beyond the budget by " + formatCosts(next->exceeds);
  return text;
}

StringRef Report::getChoice(unsigned layer) const {
  return network.problem.groups[layer]
      .choices[solution.assignment[layer]]
      .format;
}

std::vector<PairwiseTerm> Report::getPairwiseTerms() const {
  const assignment::Problem &problem = network.problem;
  auto isChosen = [&](const PairwiseTerm &term, unsigned side) {
    std::optional<unsigned> layer = problem.findGroup(term.groups[side]);
    return layer && getChoice(*layer) == term.formats[side];
  };
  std::vector<PairwiseTerm> chosen;
  llvm::copy_if(problem.pairwise, std::back_inserter(chosen),
                [&](const PairwiseTerm &term) {
                  return isChosen(term, 0) && isChosen(term, 1);
                });
  return chosen;
}

/// ", with 'conv1' 0.02 more" for each term of the layer.
static std::string describePairwise(ArrayRef<PairwiseTerm> terms,
                                    StringRef layer) {
  std::string text;
  for (const PairwiseTerm &term : terms)
    for (unsigned side : {0u, 1u})
      if (term.groups[side] == layer)
        text += ", with '" + term.groups[1 - side] + "' " +
                formatNumber(std::abs(term.damage)) +
                (term.damage < 0 ? " less" : " more");
  return text;
}

void Report::emitRemarks() const {
  std::vector<PairwiseTerm> pairwise = getPairwiseTerms();
  for (auto [index, layer] : llvm::enumerate(network.layers)) {
    const assignment::Choice &choice =
        network.problem.groups[index].choices[solution.assignment[index]];
    Costs costs = dropMoments(network, choice.costs);
    mlir::emitRemark(layer.op->getLoc())
        << "layer '" << layer.name << "' gets " << choice.format << ": damage "
        << formatNumber(choice.damage) << describePairwise(pairwise, layer.name)
        << (costs.empty() ? "" : ", ") << formatCosts(costs) << "; "
        << describeNextBetter(*this, index);
  }
}
