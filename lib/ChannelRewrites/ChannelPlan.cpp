// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ChannelPlan.h"
#include "../Transforms/LinalgUses.h"
#include "Materialize.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// Finding what follows
//===----------------------------------------------------------------------===//

/// Operations that read elements of a value, each once.
static SmallVector<Operation *> getReaders(Value value) {
  llvm::SmallSetVector<Operation *, 4> readers;
  for (OpOperand &use : value.getUses())
    if (readsElements(use) && !isa<tensor::DimOp>(use.getOwner()))
      readers.insert(use.getOwner());
  return readers.takeVector();
}

void ChannelPlan::noteObstacle(Operation *op, StringRef reason) {
  if (obstacle.empty())
    obstacle = (op->getName().getStringRef() + ": " + reason).str();
}

void ChannelPlan::assign(Value value, const ChannelMap &map) {
  ChannelMap simple = map.simplified();
  if (simple.isIdentity() || constants->read(value))
    return;
  if (auto found = merged.find(value); found != merged.end())
    if (std::optional<ChannelMap> all =
            ChannelMap::merge(found->second, simple))
      simple = *all;
  auto [known, isNew] = wanted.insert({value, simple});
  if (isNew) {
    pending.push_back(value);
    return;
  }
  if (known->second == simple)
    return;
  if (std::optional<ChannelMap> all = ChannelMap::merge(known->second, simple);
      all && *all != known->second) {
    merged[value] = *all;
    isMerging = true;
  }
}

void ChannelPlan::assignAll(const Step &step) {
  for (auto [value, map] :
       llvm::zip_equal(step.op->getOperands(), step.maps.operands))
    assign(value, map);
  for (auto [value, map] :
       llvm::zip_equal(step.op->getResults(), step.maps.results))
    assign(value, map);
}

/// Slices and concatenation as one.
bool ChannelPlan::solvePaired(const PairedChannels &pairs,
                              const std::optional<ChannelMap> &inputMap) {
  Operation *concat = pairs.getConcat();
  if (!inputMap || steps.contains(concat))
    return false;
  for (Operation *slice : pairs.getSlices()) {
    if (steps.contains(slice))
      return false;
    Step step = {slice, nullptr, OperationMaps(slice)};
    step.maps.operands[0] = *inputMap;
    steps.insert({slice, step});
  }
  Step step = {concat, nullptr, OperationMaps(concat)};
  step.maps.results[0] = *pairs.getResultMap(*inputMap);
  assignAll(steps.insert({concat, step}).first->second);
  assign(pairs.getInput(), *inputMap);
  if (pairs.needsGather(*inputMap))
    regrouped.push_back({pairs, *inputMap});
  return true;
}

bool ChannelPlan::solveBackward(OpResult result, const ChannelMap &map) {
  Operation *op = result.getOwner();
  if (auto found = steps.find(op); found != steps.end()) {
    if (found->second.maps.results[result.getResultNumber()] == map)
      return true;
    // Other channels of the tensor that it is a part of may follow, too.
    if (isa<tensor::ExtractSliceOp>(op) && found->second.rule) {
      OperationMaps maps(op);
      maps.results[0] = map;
      std::string reason;
      if (found->second.rule->solveBackward(op, maps, *constants, reason))
        assign(op->getOperand(0), maps.operands[0]);
    }
    return false;
  }
  if (auto concat = dyn_cast<tensor::ConcatOp>(op))
    if (std::optional<PairedChannels> pairs = PairedChannels::match(concat))
      return solvePaired(*pairs, pairs->getInputMap(map));
  const ChannelRule *rule = ChannelRule::get(op, *constants);
  if (!rule || op->getNumResults() != 1) {
    noteObstacle(op, "it cannot give other channels");
    return false;
  }
  Step step = {op, rule, OperationMaps(op)};
  step.maps.results[0] = map;
  std::string reason;
  if (!rule->solveBackward(op, step.maps, *constants, reason)) {
    noteObstacle(op, reason);
    return false;
  }
  assignAll(steps.insert({op, step}).first->second);
  return true;
}

bool ChannelPlan::solveForward(Operation *op, Value value,
                               const ChannelMap &map) {
  if (steps.contains(op))
    return true; // What it expects is compared in the end.
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
    if (std::optional<PairedChannels> pairs = PairedChannels::match(slice))
      if (!map.rotation)
        return solvePaired(*pairs, map);
  const ChannelRule *rule = ChannelRule::get(op, *constants);
  if (!rule) {
    noteObstacle(op, "it cannot read other channels");
    return false;
  }
  Step step = {op, rule, OperationMaps(op)};
  for (OpOperand &operand : op->getOpOperands())
    if (operand.get() == value && readsElements(operand))
      step.maps.operands[operand.getOperandNumber()] = map;
  std::string reason;
  if (!rule->solveForward(op, step.maps, *constants, reason)) {
    noteObstacle(op, reason);
    return false;
  }
  assignAll(steps.insert({op, step}).first->second);
  return true;
}

void ChannelPlan::visit(Value value) {
  // A copy: the table may grow.
  const ChannelMap map = wanted[value];
  auto result = dyn_cast<OpResult>(value);
  if (!result) {
    obstacle = obstacle.empty()
                   ? "an argument of the function has these channels"
                   : obstacle;
    return;
  }
  if (!solveBackward(result, map))
    return;
  for (Operation *reader : getReaders(value))
    solveForward(reader, value, map);
}

bool ChannelPlan::follow(const ChannelMap &map, ArrayRef<Operation *> readers,
                         bool follows, std::string &reason) {
  const ChannelMap seed = map.simplified();
  for (Operation *reader : readers)
    if (!solveForward(reader, tensor, seed)) {
      reason = obstacle;
      return false;
    }
  if (follows && wanted.insert({tensor, seed}).second)
    pending.push_front(tensor);
  while (!pending.empty()) {
    Value value = pending.front();
    pending.pop_front();
    if (value != tensor || follows)
      visit(value);
  }
  if (steps.empty()) {
    reason = obstacle;
    return false;
  }
  return true;
}

bool ChannelPlan::run(const ChannelMap &map, ArrayRef<Operation *> readers,
                      bool follows, std::string &reason) {
  // Each attempt may find that more is asked of a tensor.
  constexpr unsigned kMaxAttempts = 8;
  for (unsigned attempt = 0; attempt < kMaxAttempts; ++attempt) {
    wanted.clear();
    steps.clear();
    regrouped.clear();
    pending.clear();
    obstacle.clear();
    isMerging = false;
    if (!follow(map, readers, follows, reason))
      return false;
    if (!isMerging)
      break;
  }
  findConversions();
  return true;
}

std::optional<ChannelPlan> ChannelPlan::find(Value tensor,
                                             const ChannelMap &map,
                                             ArrayRef<Operation *> readers,
                                             const ExactConstants &constants,
                                             std::string &reason) {
  ChannelPlan all(tensor, constants), some(tensor, constants);
  if (!all.run(map, readers, /*follows=*/true, reason))
    return std::nullopt;
  if (all.obstacle.empty() && all.gathers())
    all.obstacle = "pairs of channels would have to be gathered";
  if (all.cost.materialized == 0 || readers.empty() ||
      !some.run(map, readers, /*follows=*/false, reason))
    return all;
  some.obstacle = all.obstacle;
  auto getKey = [](const ChannelPlan &plan) {
    return std::pair(plan.cost.elements, plan.cost.materialized);
  };
  return getKey(all) < getKey(some) ? all : some;
}

SmallVector<const ChannelPlan::Step *> ChannelPlan::getSteps() const {
  SmallVector<const Step *> result;
  for (const auto &[op, step] : steps)
    result.push_back(&step);
  return result;
}

//===----------------------------------------------------------------------===//
// Where channels do not fit
//===----------------------------------------------------------------------===//

ChannelMap ChannelPlan::getActual(Value value) const {
  auto result = dyn_cast<OpResult>(value);
  if (!result)
    return ChannelMap();
  auto found = steps.find(result.getOwner());
  if (found == steps.end())
    return ChannelMap();
  return found->second.maps.results[result.getResultNumber()];
}

/// Identities differ in their axes at most.
static bool isSame(const ChannelMap &a, const ChannelMap &b) {
  return (a.isIdentity() && b.isIdentity()) || a == b;
}

void ChannelPlan::findConversions() {
  auto add = [&](OpOperand &use, const ChannelMap &to, const Step *step) {
    ChannelMap from = getActual(use.get());
    if (isSame(from, to) || (step && step->rule &&
                             step->rule->accepts(step->op, step->maps,
                                                 use.getOperandNumber(), from)))
      return;
    for (Conversion &known : conversions)
      if (known.value == use.get() && isSame(known.to, to)) {
        known.uses.push_back(&use);
        return;
      }
    conversions.push_back({use.get(), from, to, {&use}});
  };
  llvm::SetVector<Value> values;
  for (auto &[op, step] : steps) {
    for (auto [operand, map] :
         llvm::zip_equal(op->getOpOperands(), step.maps.operands))
      if (readsElements(operand))
        add(operand, map, &step);
    values.insert(op->getResults().begin(), op->getResults().end());
  }
  // What reads changed channels and does not know it.
  for (Value value : values)
    for (OpOperand &use : value.getUses())
      if (readsElements(use) && !isa<tensor::DimOp>(use.getOwner()) &&
          !steps.contains(use.getOwner()))
        add(use, ChannelMap(), nullptr);
  for (const Conversion &conversion : conversions) {
    if (isConstant(conversion)) {
      ++cost.folded;
      continue;
    }
    int64_t count =
        countMaterialized(conversion.from) + countMaterialized(conversion.to);
    cost.materialized += count;
    cost.elements +=
        count *
        cast<RankedTensorType>(conversion.value.getType()).getNumElements();
  }
}

bool ChannelPlan::gathers() const {
  return !regrouped.empty() ||
         llvm::any_of(conversions, [&](const Conversion &conversion) {
           return !isConstant(conversion) &&
                  (conversion.from.permutes() || conversion.to.permutes());
         });
}

bool ChannelPlan::changesNumbers() const {
  auto changes = [](const ChannelMap &map) {
    return map.scales() || map.shifts() || map.rotation;
  };
  return llvm::any_of(conversions, [&](const Conversion &conversion) {
    return !isConstant(conversion) &&
           (changes(conversion.from) || changes(conversion.to));
  });
}

bool ChannelPlan::canMaterialize() const {
  return llvm::all_of(conversions, [&](const Conversion &conversion) {
    return llvm::all_of(
        ArrayRef<const ChannelMap *>{&conversion.from, &conversion.to},
        [](const ChannelMap *map) {
          return !map->rotation ||
                 map->shape.back() % map->rotation->getBlock() == 0;
        });
  });
}

//===----------------------------------------------------------------------===//
// Doing it
//===----------------------------------------------------------------------===//

/// An observer of changed channels, which those of the tensor do not describe.
static Value observeAgain(OpBuilder &builder, ObserveOp observe, Value value) {
  llvm::StringSet<> taken;
  observe->getParentOfType<ModuleOp>().walk(
      [&](ObserveOp other) { taken.insert(other.getId()); });
  std::string id;
  for (unsigned number = 0; id.empty() || taken.contains(id); ++number)
    id = (observe.getId() + ".channels." + Twine(number)).str();
  return ObserveOp::create(builder, value.getLoc(), value.getType(), value,
                           builder.getStringAttr(id), StatisticsAttr());
}

bool ChannelPlan::apply(ExactConstants &table, std::string &reason) {
  SmallVector<ChannelRule::Change> changes;
  for (auto &[op, step] : steps) {
    if (!step.rule)
      continue;
    std::optional<ChannelRule::Change> change =
        step.rule->prepare(op, step.maps, table, reason);
    if (!change)
      return false;
    if (*change) {
      changes.push_back(std::move(*change));
      ++cost.folded;
    }
  }
  for (Conversion &conversion : conversions) {
    if (!isConstant(conversion)) {
      if (!fitsMaterialized(conversion.from, reason) ||
          !fitsMaterialized(conversion.to, reason))
        return false;
      continue;
    }
    auto type = cast<RankedTensorType>(conversion.value.getType());
    std::vector<double> values =
        changeChannels(table.read(conversion.value)->getElements(),
                       type.getShape(), conversion.to);
    if (!fitsFloat(values, reason))
      return false;
    changes.push_back([=, &table] {
      // In front of all uses, whatever their order.
      OpBuilder builder(conversion.value.getContext());
      builder.setInsertionPointAfterValue(conversion.value);
      Value constant = table.create(builder, conversion.value.getLoc(), type,
                                    values, "channels");
      for (OpOperand *use : conversion.uses)
        use->set(constant);
    });
  }
  // Constants before they are put in front of operations that have uses.
  for (Conversion &conversion : conversions) {
    if (isConstant(conversion))
      continue;
    OpBuilder builder(tensor.getContext());
    builder.setInsertionPointAfterValue(conversion.value);
    Value value = conversion.value;
    if (!conversion.from.isIdentity())
      value = materializeInverse(builder, value, conversion.from, table);
    if (!conversion.to.isIdentity())
      value = materialize(builder, value, conversion.to, table);
    if (auto observe = conversion.value.getDefiningOp<ObserveOp>())
      value = observeAgain(builder, observe, value);
    for (OpOperand *use : conversion.uses)
      use->set(value);
  }
  for (const ChannelRule::Change &change : changes)
    change();
  for (const auto &[pairs, map] : regrouped)
    pairs.replaceByGather(map);
  cost.folded += regrouped.size();
  return true;
}
