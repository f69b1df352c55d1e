// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Products/BodyEvaluation.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::qfmt {

Attribute foldOperation(Operation *op, ArrayRef<Attribute> operands) {
  SmallVector<OpFoldResult> results;
  // Folders may swap the operands of an operation; a clone is theirs.
  Operation *scratch = op->clone();
  LogicalResult folded = scratch->fold(operands, results);
  Attribute result;
  if (succeeded(folded) && results.size() == 1) {
    result = dyn_cast<Attribute>(results.front());
    // An operation that does nothing folds to its operand.
    if (auto same = dyn_cast<Value>(results.front()))
      for (auto [operand, attribute] :
           llvm::zip_equal(scratch->getOperands(), operands))
        if (operand == same)
          result = attribute;
  }
  scratch->destroy();
  return result;
}

namespace {

/// Evaluates every operation once, however many read it.
class BodyEvaluator {
public:
  explicit BodyEvaluator(function_ref<Attribute(BlockArgument)> getArgument)
      : getArgument(getArgument) {}

  Attribute evaluate(Value value) {
    auto [known, isNew] = values.try_emplace(value);
    if (!isNew)
      return known->second;
    Attribute result = compute(value);
    values[value] = result;
    return result;
  }

private:
  Attribute compute(Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return getArgument(argument);
    Attribute constant;
    if (matchPattern(value, m_Constant(&constant)))
      return constant;
    Operation *op = value.getDefiningOp();
    if (op->getNumResults() != 1 || op->getNumRegions() != 0 || !isPure(op))
      return {};
    SmallVector<Attribute> operands;
    for (Value operand : op->getOperands()) {
      operands.push_back(evaluate(operand));
      if (!operands.back())
        return {};
    }
    return foldOperation(op, operands);
  }

  function_ref<Attribute(BlockArgument)> getArgument;
  llvm::SmallDenseMap<Value, Attribute> values;
};

} // namespace

Attribute evaluateBody(Value value,
                       function_ref<Attribute(BlockArgument)> getArgument) {
  return BodyEvaluator(getArgument).evaluate(value);
}

/// `visited` has what was gone through without finding anything else.
static bool collectArguments(Value value,
                             llvm::SmallSetVector<BlockArgument, 4> &found,
                             llvm::SmallDenseSet<Value> &visited) {
  if (!visited.insert(value).second)
    return true;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    found.insert(argument);
    return true;
  }
  if (matchPattern(value, m_Constant()))
    return true;
  Operation *op = value.getDefiningOp();
  return op->getNumRegions() == 0 && isPure(op) && op->getNumOperands() != 0 &&
         llvm::all_of(op->getOperands(), [&](Value operand) {
           return collectArguments(operand, found, visited);
         });
}

std::optional<SmallVector<BlockArgument>> getArgumentsOf(Value value) {
  llvm::SmallSetVector<BlockArgument, 4> found;
  llvm::SmallDenseSet<Value> visited;
  if (!collectArguments(value, found, visited))
    return std::nullopt;
  Block *block = value.getParentBlock();
  SmallVector<BlockArgument> arguments = found.takeVector();
  if (!llvm::all_of(arguments, [&](BlockArgument argument) {
        return argument.getOwner() == block;
      }))
    return std::nullopt;
  llvm::sort(arguments, [](BlockArgument a, BlockArgument b) {
    return a.getArgNumber() < b.getArgNumber();
  });
  return arguments;
}

} // namespace mlir::qfmt
