// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ElementFunction.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringMap.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

/// False if there is a reduction or a second element.
static bool findOnlyElement(const Expression &expression,
                            const Expression *&element) {
  if (expression.kind == Expression::Kind::Reduce)
    return false;
  if (expression.kind == Expression::Kind::Element) {
    if (element && (!element->tensor || element->tensor != expression.tensor ||
                    element->indices != expression.indices))
      return false;
    element = &expression;
  }
  return llvm::all_of(expression.operands, [&](const ExpressionRef &operand) {
    return findOnlyElement(*operand, element);
  });
}

const Expression *mlir::qfmt::getOnlyElement(const ExpressionRef &expression) {
  const Expression *element = nullptr;
  if (!expression || !findOnlyElement(*expression, element))
    return nullptr;
  return element;
}

std::string mlir::qfmt::getFunctionName(Operation *op) {
  std::string name = op->getName().getStringRef().str();
  if (auto compare = dyn_cast<arith::CmpFOp>(op))
    name += (" " + arith::stringifyCmpFPredicate(compare.getPredicate())).str();
  else if (auto compare = dyn_cast<arith::CmpIOp>(op))
    name += (" " + arith::stringifyCmpIPredicate(compare.getPredicate())).str();
  else if (op->getNumOperands() != 0 && !isa<arith::SelectOp>(op) &&
           op->getOperand(0).getType().isInteger(1))
    name += " i1";
  return name;
}

ScalarFunction mlir::qfmt::getScalarFunction(StringRef name,
                                             unsigned numOperands) {
  using Operands = ArrayRef<double>;
  struct Entry {
    unsigned numOperands;
    ScalarFunction function;
  };
  ScalarFunction identity = [](Operands v) { return v[0]; };
  ScalarFunction max = [](Operands v) { return std::max(v[0], v[1]); };
  ScalarFunction min = [](Operands v) { return std::min(v[0], v[1]); };
  ScalarFunction sum = [](Operands v) { return v[0] + v[1]; };
  ScalarFunction difference = [](Operands v) { return v[0] - v[1]; };
  ScalarFunction product = [](Operands v) { return v[0] * v[1]; };
  ScalarFunction equal = [](Operands v) { return double(v[0] == v[1]); };
  ScalarFunction different = [](Operands v) { return double(v[0] != v[1]); };
  ScalarFunction greater = [](Operands v) { return double(v[0] > v[1]); };
  ScalarFunction greaterEqual = [](Operands v) { return double(v[0] >= v[1]); };
  ScalarFunction less = [](Operands v) { return double(v[0] < v[1]); };
  ScalarFunction lessEqual = [](Operands v) { return double(v[0] <= v[1]); };
  ScalarFunction power = [](Operands v) { return std::pow(v[0], v[1]); };
  static const llvm::StringMap<Entry> table = {
      {"arith.extf", {1, identity}},
      {"arith.truncf", {1, identity}},
      {"arith.index_cast", {1, identity}},
      {"arith.sitofp", {1, identity}},
      {"arith.uitofp", {1, identity}},
      {"arith.extsi", {1, identity}},
      // The integer of true is 1 if unsigned, else -1.
      {"arith.uitofp i1", {1, identity}},
      {"arith.extui i1", {1, identity}},
      {"arith.sitofp i1", {1, [](Operands v) { return -v[0]; }}},
      {"arith.extsi i1", {1, [](Operands v) { return -v[0]; }}},
      {"arith.andi i1", {2, min}},
      {"arith.ori i1", {2, max}},
      {"arith.xori i1", {2, different}},
      {"arith.cmpi eq", {2, equal}},
      {"arith.cmpi ne", {2, different}},
      {"arith.cmpi sgt", {2, greater}},
      {"arith.cmpi sge", {2, greaterEqual}},
      {"arith.cmpi slt", {2, less}},
      {"arith.cmpi sle", {2, lessEqual}},
      {"arith.negf", {1, [](Operands v) { return -v[0]; }}},
      {"arith.addf", {2, sum}},
      {"arith.addi", {2, sum}},
      {"arith.subf", {2, difference}},
      {"arith.subi", {2, difference}},
      {"arith.mulf", {2, product}},
      {"arith.muli", {2, product}},
      {"arith.divf", {2, [](Operands v) { return v[0] / v[1]; }}},
      {"arith.maxsi", {2, max}},
      {"arith.minsi", {2, min}},
      {"arith.maximumf", {2, max}},
      {"arith.maxnumf", {2, max}},
      {"arith.minimumf", {2, min}},
      {"arith.minnumf", {2, min}},
      {"arith.cmpf oeq", {2, equal}},
      {"arith.cmpf ueq", {2, equal}},
      {"arith.cmpf one", {2, different}},
      {"arith.cmpf une", {2, different}},
      {"arith.cmpf ogt", {2, greater}},
      {"arith.cmpf ugt", {2, greater}},
      {"arith.cmpf oge", {2, greaterEqual}},
      {"arith.cmpf uge", {2, greaterEqual}},
      {"arith.cmpf olt", {2, less}},
      {"arith.cmpf ult", {2, less}},
      {"arith.cmpf ole", {2, lessEqual}},
      {"arith.cmpf ule", {2, lessEqual}},
      {"arith.select", {3, [](Operands v) { return v[0] != 0 ? v[1] : v[2]; }}},
      {"math.absf", {1, [](Operands v) { return std::fabs(v[0]); }}},
      {"math.sqrt", {1, [](Operands v) { return std::sqrt(v[0]); }}},
      {"math.rsqrt", {1, [](Operands v) { return 1 / std::sqrt(v[0]); }}},
      {"math.exp", {1, [](Operands v) { return std::exp(v[0]); }}},
      {"math.exp2", {1, [](Operands v) { return std::exp2(v[0]); }}},
      {"math.expm1", {1, [](Operands v) { return std::expm1(v[0]); }}},
      {"math.log", {1, [](Operands v) { return std::log(v[0]); }}},
      {"math.log2", {1, [](Operands v) { return std::log2(v[0]); }}},
      {"math.log10", {1, [](Operands v) { return std::log10(v[0]); }}},
      {"math.log1p", {1, [](Operands v) { return std::log1p(v[0]); }}},
      {"math.erf", {1, [](Operands v) { return std::erf(v[0]); }}},
      {"math.tanh", {1, [](Operands v) { return std::tanh(v[0]); }}},
      {"math.sin", {1, [](Operands v) { return std::sin(v[0]); }}},
      {"math.cos", {1, [](Operands v) { return std::cos(v[0]); }}},
      {"math.floor", {1, [](Operands v) { return std::floor(v[0]); }}},
      {"math.ceil", {1, [](Operands v) { return std::ceil(v[0]); }}},
      {"math.trunc", {1, [](Operands v) { return std::trunc(v[0]); }}},
      {"math.round", {1, [](Operands v) { return std::round(v[0]); }}},
      {"math.roundeven", {1, [](Operands v) { return std::nearbyint(v[0]); }}},
      {"math.powf", {2, power}},
      {"math.fpowi", {2, power}},
      {"math.copysign",
       {2, [](Operands v) { return std::copysign(v[0], v[1]); }}}};
  Entry entry = table.lookup(name);
  return entry.function && entry.numOperands == numOperands ? entry.function
                                                            : nullptr;
}

std::optional<unsigned> ElementFunction::append(
    const Expression &node,
    llvm::DenseMap<const Expression *, unsigned> &positions) {
  if (auto it = positions.find(&node); it != positions.end())
    return it->second;
  Step step;
  if (node.kind == Expression::Kind::Constant)
    step.constant = node.constant;
  if (node.kind == Expression::Kind::Apply) {
    step.function = getScalarFunction(node.name, node.operands.size());
    if (!step.function)
      return std::nullopt;
  }
  for (const ExpressionRef &operand : node.operands) {
    std::optional<unsigned> position = append(*operand, positions);
    if (!position)
      return std::nullopt;
    step.operands.push_back(*position);
  }
  steps.push_back(std::move(step));
  return positions[&node] = steps.size() - 1;
}

std::optional<ElementFunction>
ElementFunction::make(const ExpressionRef &expression) {
  ElementFunction function;
  llvm::DenseMap<const Expression *, unsigned> positions;
  if (!function.append(*expression, positions))
    return std::nullopt;
  return function;
}

double ElementFunction::operator()(double element) const {
  SmallVector<double, 64> values;
  double operands[3];
  for (const Step &step : steps) {
    if (!step.function) {
      values.push_back(step.constant.value_or(element));
      continue;
    }
    for (auto [i, position] : llvm::enumerate(step.operands))
      operands[i] = values[position];
    values.push_back(step.function(ArrayRef(operands, step.operands.size())));
  }
  return values.back();
}
