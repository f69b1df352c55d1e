// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Expression.h"
#include "IntegerModel.h"
#include "llvm/ADT/StringMap.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// Making
//===----------------------------------------------------------------------===//

SmallVector<AffineExpr>
mlir::qfmt::getLoopReplacements(AffineMap resultMap,
                                ArrayRef<int64_t> loopSizes) {
  MLIRContext *context = resultMap.getContext();
  SmallVector<AffineExpr> replacements(loopSizes.size());
  for (auto [dim, expr] : llvm::enumerate(resultMap.getResults()))
    if (auto loop = dyn_cast<AffineDimExpr>(expr))
      replacements[loop.getPosition()] = getAffineDimExpr(dim, context);
  for (auto [replacement, size] : llvm::zip(replacements, loopSizes))
    if (size == 1)
      replacement = getAffineConstantExpr(0, context);
  return replacements;
}

SmallVector<AffineExpr>
mlir::qfmt::getNormalIndices(AffineMap map, ArrayRef<int64_t> loopSizes) {
  MLIRContext *context = map.getContext();
  SmallVector<AffineExpr> loops;
  for (auto [loop, size] : llvm::enumerate(loopSizes))
    loops.push_back(size == 1 ? getAffineConstantExpr(0, context)
                              : getAffineDimExpr(loop, context));
  return llvm::map_to_vector(map.getResults(), [&](AffineExpr expr) {
    return simplifyAffineExpr(expr.replaceDims(loops), loops.size(), 0);
  });
}

ExpressionRef Expression::makeElement(Value tensor,
                                      std::shared_ptr<const TensorModel> model,
                                      ArrayRef<AffineExpr> indices) {
  auto node = std::make_shared<Expression>();
  node->kind = Kind::Element;
  node->tensor = tensor;
  node->model = std::move(model);
  node->indices.assign(indices.begin(), indices.end());
  return node;
}

ExpressionRef Expression::makeConstant(double value) {
  auto node = std::make_shared<Expression>();
  node->kind = Kind::Constant;
  node->constant = value;
  return node;
}

ExpressionRef Expression::makeConstant(const Table &table,
                                       MLIRContext *context) {
  if (std::optional<double> uniform = table.getUniform())
    return makeConstant(*uniform);
  Table simple = table.simplified();
  ArrayRef<unsigned> dims = simple.getDims();
  SmallVector<unsigned> positions(dims.back() + 1, 0);
  SmallVector<AffineExpr> indices;
  for (auto [position, dim] : llvm::enumerate(dims)) {
    positions[dim] = position;
    indices.push_back(getAffineDimExpr(dim, context));
  }
  auto model = std::make_shared<TensorModel>();
  model->kind = TensorModel::Kind::Constant;
  model->constant = *simple.renamed(positions);
  return makeElement(Value(), std::move(model), indices);
}

ExpressionRef Expression::makeApply(StringRef name,
                                    ArrayRef<ExpressionRef> operands,
                                    std::optional<Location> location) {
  unsigned size = 1;
  for (const ExpressionRef &operand : operands) {
    if (!operand)
      return nullptr;
    size += operand->size;
  }
  // Real arithmetic knows no precision.
  if (name == "arith.extf" || name == "arith.truncf")
    return operands.front();
  if (size > kMaxSize)
    return nullptr;
  auto node = std::make_shared<Expression>();
  node->kind = Kind::Apply;
  node->name = name.str();
  node->location = location;
  node->operands.assign(operands.begin(), operands.end());
  node->size = size;
  return node;
}

/// One more than the largest number of a variable bound in `expression`.
static unsigned getNumVariables(const Expression &expression) {
  unsigned count = 0;
  for (const Expression::Variable &variable : expression.variables)
    count = std::max(count, variable.symbol + 1);
  for (const ExpressionRef &operand : expression.operands)
    count = std::max(count, getNumVariables(*operand));
  return count;
}

ExpressionRef Expression::makeReduce(Combiner combiner,
                                     const ExpressionRef &body,
                                     AffineMap resultMap,
                                     ArrayRef<int64_t> loopSizes) {
  if (!body || body->size + 1 > kMaxSize)
    return nullptr;
  MLIRContext *context = resultMap.getContext();
  SmallVector<AffineExpr> replacements =
      getLoopReplacements(resultMap, loopSizes);
  auto node = std::make_shared<Expression>();
  node->kind = Kind::Reduce;
  node->combiner = combiner;
  unsigned next = getNumVariables(*body);
  for (auto [loop, size] : llvm::enumerate(loopSizes)) {
    if (replacements[loop])
      continue;
    replacements[loop] = getAffineSymbolExpr(next, context);
    node->variables.push_back({next++, size});
  }
  node->operands.push_back(substitute(body, replacements));
  node->size = body->size + 1;
  return node;
}

ExpressionRef mlir::qfmt::substitute(const ExpressionRef &expression,
                                     ArrayRef<AffineExpr> replacements) {
  if (!expression || expression->kind == Expression::Kind::Constant)
    return expression;
  auto node = std::make_shared<Expression>(*expression);
  for (AffineExpr &index : node->indices)
    index = index.replaceDims(replacements);
  for (ExpressionRef &operand : node->operands)
    operand = substitute(operand, replacements);
  return node;
}

//===----------------------------------------------------------------------===//
// Comparing
//===----------------------------------------------------------------------===//

static bool unifyIndex(AffineExpr pattern, AffineExpr target,
                       Bindings &bindings) {
  if (auto symbol = dyn_cast<AffineSymbolExpr>(pattern))
    return bindings.try_emplace(symbol.getPosition(), target).first->second ==
           target;
  auto binary = dyn_cast<AffineBinaryOpExpr>(pattern);
  if (!binary)
    return pattern == target;
  // A variable that is an index by itself runs over the whole dimension, so
  // that every index is one of its values. The variable of a window does not:
  // it is that of another reduction (whose size is compared there), or nothing.
  auto isVariable = [](AffineExpr expr) { return isa<AffineSymbolExpr>(expr); };
  auto other = dyn_cast<AffineBinaryOpExpr>(target);
  if (!other || other.getKind() != binary.getKind() ||
      isVariable(binary.getLHS()) != isVariable(other.getLHS()) ||
      isVariable(binary.getRHS()) != isVariable(other.getRHS()))
    return false;
  return unifyIndex(binary.getLHS(), other.getLHS(), bindings) &&
         unifyIndex(binary.getRHS(), other.getRHS(), bindings);
}

bool mlir::qfmt::unify(const ExpressionRef &pattern,
                       const ExpressionRef &target, Bindings &bindings) {
  if (!pattern || !target || pattern->kind != target->kind ||
      pattern->name != target->name ||
      pattern->operands.size() != target->operands.size())
    return false;
  switch (pattern->kind) {
  case Expression::Kind::Constant:
    return pattern->constant == target->constant;
  case Expression::Kind::Element:
    if (pattern->tensor != target->tensor ||
        (!pattern->tensor && pattern->model != target->model &&
         pattern->model->constant != target->model->constant))
      return false;
    for (auto [index, other] : llvm::zip(pattern->indices, target->indices))
      if (!unifyIndex(index, other, bindings))
        return false;
    return true;
  case Expression::Kind::Apply:
    for (auto [operand, other] : llvm::zip(pattern->operands, target->operands))
      if (!unify(operand, other, bindings))
        return false;
    return true;
  case Expression::Kind::Reduce: {
    if (pattern->combiner != target->combiner ||
        pattern->variables.size() != target->variables.size())
      return false;
    // The variables are bound within alone.
    Bindings inner = bindings;
    for (auto [variable, other] :
         llvm::zip(pattern->variables, target->variables)) {
      if (variable.size != other.size)
        return false;
      inner.erase(variable.symbol);
    }
    if (!unify(pattern->operands[0], target->operands[0], inner))
      return false;
    // Each variable runs over one of the target's, if it is used at all.
    for (auto [variable, other] :
         llvm::zip(pattern->variables, target->variables)) {
      auto it = inner.find(variable.symbol);
      auto symbol = it == inner.end() ? AffineSymbolExpr(nullptr)
                                      : dyn_cast<AffineSymbolExpr>(it->second);
      if (it != inner.end() &&
          (!symbol || symbol.getPosition() != other.symbol))
        return false;
      inner.erase(variable.symbol);
      if (auto outer = bindings.find(variable.symbol); outer != bindings.end())
        inner[variable.symbol] = outer->second;
    }
    bindings = std::move(inner);
    return true;
  }
  }
  return false;
}

bool mlir::qfmt::isSame(const ExpressionRef &a, const ExpressionRef &b) {
  Bindings bindings;
  return a && (a == b || unify(a, b, bindings));
}

//===----------------------------------------------------------------------===//
// Functions of one element
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// Facts
//===----------------------------------------------------------------------===//

/// The node if `expression` is `name` applied to operands.
static const Expression *matchApply(const ExpressionRef &expression,
                                    StringRef name) {
  return expression && expression->kind == Expression::Kind::Apply &&
                 expression->name == name
             ? expression.get()
             : nullptr;
}

static const Expression *matchReduce(const ExpressionRef &expression,
                                     Combiner combiner) {
  return expression && expression->kind == Expression::Kind::Reduce &&
                 expression->combiner == combiner
             ? expression.get()
             : nullptr;
}

static std::optional<double> matchConstant(const ExpressionRef &expression) {
  if (!expression || expression->kind != Expression::Kind::Constant)
    return std::nullopt;
  return expression->constant;
}

ExpressionRef mlir::qfmt::stripFactors(ExpressionRef expression,
                                       double &factor) {
  while (expression) {
    if (const Expression *product = matchApply(expression, "arith.mulf")) {
      unsigned i = matchConstant(product->operands[0]) ? 0 : 1;
      std::optional<double> constant = matchConstant(product->operands[i]);
      if (!constant || !(*constant > 0))
        return expression;
      factor *= *constant;
      expression = product->operands[1 - i];
      continue;
    }
    const Expression *quotient = matchApply(expression, "arith.divf");
    std::optional<double> constant =
        quotient ? matchConstant(quotient->operands[1]) : std::nullopt;
    if (!constant || !(*constant > 0))
      return expression;
    factor /= *constant;
    expression = quotient->operands[0];
  }
  return expression;
}

/// The maximum or minimum that `bound` is and `value` one entry of, both times
/// one positive factor; null if it is none.
static const Expression *matchExtremumOf(Combiner combiner, ExpressionRef bound,
                                         ExpressionRef value,
                                         Bindings &bindings) {
  double boundFactor = 1, valueFactor = 1;
  bound = stripFactors(bound, boundFactor);
  const Expression *extremum = matchReduce(bound, combiner);
  if (!extremum)
    return nullptr;
  ExpressionRef pattern = stripFactors(extremum->operands[0], boundFactor);
  value = stripFactors(value, valueFactor);
  if (boundFactor != valueFactor || !unify(pattern, value, bindings))
    return nullptr;
  return extremum;
}

bool mlir::qfmt::isMaximumOf(const ExpressionRef &bound,
                             const ExpressionRef &value) {
  Bindings bindings;
  return matchExtremumOf(Combiner::Max, bound, value, bindings);
}

bool mlir::qfmt::isMinimumOf(const ExpressionRef &bound,
                             const ExpressionRef &value) {
  Bindings bindings;
  return matchExtremumOf(Combiner::Min, bound, value, bindings);
}

/// True if the loops `reduced` come by wherever the extremum is attained.
static bool runOver(const Expression &extremum, const Bindings &bindings,
                    ArrayRef<unsigned> reduced, ArrayRef<int64_t> loopSizes) {
  return llvm::all_of(
      extremum.variables, [&](const Expression::Variable &variable) {
        AffineExpr bound = bindings.lookup(variable.symbol);
        if (!bound)
          return true;
        auto loop = dyn_cast<AffineDimExpr>(bound);
        return loop && llvm::is_contained(reduced, loop.getPosition()) &&
               loopSizes[loop.getPosition()] == variable.size;
      });
}

/// True if `value` is 0 for one of the values of the loops `reduced`: the
/// distance from a maximum or minimum, or a multiple of one.
static bool attainsZero(const ExpressionRef &value, ArrayRef<unsigned> reduced,
                        ArrayRef<int64_t> loopSizes) {
  if (!value || value->kind != Expression::Kind::Apply)
    return false;
  ArrayRef<ExpressionRef> operands = value->operands;
  if (value->name == "arith.negf")
    return attainsZero(operands[0], reduced, loopSizes);
  if (value->name == "arith.mulf" && matchConstant(operands[0]))
    return attainsZero(operands[1], reduced, loopSizes);
  if ((value->name == "arith.mulf" || value->name == "arith.divf") &&
      matchConstant(operands[1]))
    return attainsZero(operands[0], reduced, loopSizes);
  if (value->name != "arith.subf")
    return false;
  for (Combiner combiner : {Combiner::Max, Combiner::Min})
    for (unsigned i : {0, 1}) {
      Bindings bindings;
      const Expression *extremum =
          matchExtremumOf(combiner, operands[i], operands[1 - i], bindings);
      if (extremum && runOver(*extremum, bindings, reduced, loopSizes))
        return true;
    }
  return false;
}

bool mlir::qfmt::attainsOne(const ExpressionRef &value,
                            ArrayRef<unsigned> reduced,
                            ArrayRef<int64_t> loopSizes) {
  for (StringRef name : {"math.exp", "math.exp2"})
    if (const Expression *exponential = matchApply(value, name))
      return attainsZero(exponential->operands[0], reduced, loopSizes);
  return false;
}

bool mlir::qfmt::isNonNegative(const ExpressionRef &expression) {
  if (!expression)
    return false;
  if (std::optional<double> constant = matchConstant(expression))
    return *constant >= 0;
  if (expression->kind == Expression::Kind::Element)
    return expression->model &&
           (expression->tensor ? expression->model->range.lo >= 0
                               : expression->model->constant.getMin() >= 0);
  if (expression->kind == Expression::Kind::Reduce)
    return isNonNegative(expression->operands[0]);
  StringRef name = expression->name;
  ArrayRef<ExpressionRef> operands = expression->operands;
  if (name == "math.exp" || name == "math.exp2" || name == "math.absf" ||
      name == "math.sqrt" || name == "math.rsqrt")
    return true;
  if (name == "arith.mulf" && isSame(operands[0], operands[1]))
    return true;
  if (name == "arith.mulf" || name == "arith.divf" || name == "arith.addf")
    return llvm::all_of(operands, isNonNegative);
  if (name == "arith.maximumf" || name == "arith.maxnumf")
    return llvm::any_of(operands, isNonNegative);
  return false;
}

/// The scale of an element of exact integers.
static std::optional<double> getGrid(const ExpressionRef &expression) {
  if (expression->kind != Expression::Kind::Element || !expression->tensor ||
      !expression->model || !expression->model->error.isExact())
    return std::nullopt;
  return expression->model->scale.getUniform();
}

std::optional<Mean> mlir::qfmt::matchMean(const ExpressionRef &expression) {
  double factor = 1;
  ExpressionRef stripped = stripFactors(expression, factor);
  const Expression *sum = matchReduce(stripped, Combiner::Add);
  if (!sum)
    return std::nullopt;
  Mean mean = {sum->operands[0], 1};
  for (const Expression::Variable &variable : sum->variables)
    mean.count *= variable.size;
  if (std::abs(factor * static_cast<double>(mean.count) - 1) > 1e-6)
    return std::nullopt;
  return mean;
}

/// n if `mean` is the mean of n values of which `value` is one.
static std::optional<double> matchMeanOf(const ExpressionRef &expression,
                                         const ExpressionRef &value) {
  std::optional<Mean> mean = matchMean(expression);
  Bindings bindings;
  if (!mean || !unify(mean->term, value, bindings))
    return std::nullopt;
  return static_cast<double>(mean->count);
}

namespace {
/// factor * sum of base^2 + addend, or its root, at least `lowest`.
struct Norm {
  double factor = 1;
  ExpressionRef base;
  int64_t count = 1;
  double addend = 0;
  bool isRoot = false;
  double lowest = 0;
};
} // namespace

/// The operand if `expression` is its power with this exponent.
static ExpressionRef matchPower(const ExpressionRef &expression, StringRef name,
                                double exponent) {
  if (const Expression *named = matchApply(expression, name))
    return named->operands[0];
  const Expression *power = matchApply(expression, "math.powf");
  if (power && matchConstant(power->operands[1]) == exponent)
    return power->operands[0];
  return nullptr;
}

namespace {
/// x + c or max(x, c), c >= 0, once or twice.
struct Shifted {
  ExpressionRef inner;
  /// Of x + c. A maximum adds nothing that one may rely on.
  double addend = 0;
  /// From outside.
  struct Step {
    bool isSum;
    double constant;
  };
  SmallVector<Step, 2> steps;

  /// What the whole is at least if x is at least `lowest`.
  double getLowest(double lowest) const {
    for (const Step &step : llvm::reverse(steps))
      lowest =
          step.isSum ? lowest + step.constant : std::max(lowest, step.constant);
    return lowest;
  }
};
} // namespace

static Shifted stripShifts(const ExpressionRef &expression) {
  Shifted shifted;
  shifted.inner = expression;
  for (unsigned depth = 0; depth < 2; ++depth)
    for (StringRef name : {"arith.addf", "arith.maximumf", "arith.maxnumf"}) {
      const Expression *step = matchApply(shifted.inner, name);
      unsigned i = step && matchConstant(step->operands[0]) ? 0 : 1;
      std::optional<double> constant =
          step ? matchConstant(step->operands[i]) : std::nullopt;
      if (!constant || !(*constant >= 0))
        continue;
      bool isSum = name == "arith.addf";
      if (isSum)
        shifted.addend += *constant;
      shifted.steps.push_back({isSum, *constant});
      shifted.inner = step->operands[1 - i];
      break;
    }
  return shifted;
}

/// sum x^2 / n - (sum x / n)^2 is the mean of (x - mean x)^2.
static bool matchVariance(const ExpressionRef &expression, Norm &norm) {
  const Expression *difference = matchApply(expression, "arith.subf");
  const Expression *square =
      difference ? matchApply(difference->operands[1], "arith.mulf") : nullptr;
  if (!square || !isSame(square->operands[0], square->operands[1]))
    return false;
  std::optional<Mean> mean = matchMean(square->operands[0]);
  std::optional<Mean> squares = matchMean(difference->operands[0]);
  const Expression *term =
      squares ? matchApply(squares->term, "arith.mulf") : nullptr;
  Bindings bindings;
  if (!mean || !term || mean->count != squares->count ||
      !isSame(term->operands[0], term->operands[1]) ||
      !unify(mean->term, term->operands[0], bindings))
    return false;
  norm.base = Expression::makeApply("arith.subf",
                                    {term->operands[0], square->operands[0]});
  norm.factor = 1 / static_cast<double>(mean->count);
  norm.count = mean->count;
  return norm.base != nullptr;
}

/// Fills factor, base and count of c * sum x^2.
static bool matchSumOfSquares(const ExpressionRef &expression, Norm &norm) {
  if (matchVariance(expression, norm))
    return true;
  ExpressionRef stripped = stripFactors(expression, norm.factor);
  const Expression *sum = matchReduce(stripped, Combiner::Add);
  if (!sum)
    return false;
  for (const Expression::Variable &variable : sum->variables)
    norm.count *= variable.size;
  ExpressionRef square = stripFactors(sum->operands[0], norm.factor);
  const Expression *product = matchApply(square, "arith.mulf");
  if (!product || !isSame(product->operands[0], product->operands[1]))
    return false;
  norm.base = product->operands[0];
  if (const Expression *magnitude = matchApply(norm.base, "math.absf"))
    norm.base = magnitude->operands[0];
  return true;
}

static std::optional<Norm> matchNorm(const ExpressionRef &expression) {
  if (!expression)
    return std::nullopt;
  Norm norm;
  Shifted shifted = stripShifts(expression);
  ExpressionRef below = matchPower(shifted.inner, "math.sqrt", 0.5);
  norm.isRoot = below != nullptr;
  Shifted sum = norm.isRoot ? stripShifts(below) : shifted;
  norm.addend = sum.addend;
  norm.lowest = sum.getLowest(0);
  if (norm.isRoot)
    norm.lowest = shifted.getLowest(std::sqrt(norm.lowest));
  return matchSumOfSquares(sum.inner, norm) ? std::optional(norm)
                                            : std::nullopt;
}

std::optional<NormQuotient>
mlir::qfmt::matchNormQuotient(const ExpressionRef &numerator,
                              const ExpressionRef &denominator,
                              bool isReciprocal) {
  if (!numerator || !denominator)
    return std::nullopt;
  ExpressionRef divisor = denominator;
  bool needsRoot = true;
  if (isReciprocal) {
    const Expression *quotient = matchApply(denominator, "arith.divf");
    ExpressionRef base = matchPower(denominator, "math.rsqrt", -0.5);
    if (quotient && matchConstant(quotient->operands[0]) == 1.0)
      divisor = quotient->operands[1];
    else if (base)
      divisor = base, needsRoot = false;
    else
      return std::nullopt;
  }
  std::optional<Norm> norm = matchNorm(divisor);
  Bindings bindings;
  if (!norm || norm->isRoot != needsRoot ||
      !unify(norm->base, numerator, bindings))
    return std::nullopt;
  double lowest = needsRoot ? norm->lowest : std::sqrt(norm->lowest);
  return NormQuotient{1 / std::sqrt(norm->factor), 1 / lowest, norm->count};
}

std::optional<double>
mlir::qfmt::getLeastUnlessZero(const ExpressionRef &expression,
                               double leastSquare) {
  std::optional<Norm> norm = matchNorm(expression);
  if (!norm)
    return std::nullopt;
  double square = leastSquare;
  const Expression *difference = matchApply(norm->base, "arith.subf");
  if (std::optional<double> grid = getGrid(norm->base)) {
    square = std::max(square, *grid * *grid);
  } else if (difference) {
    std::optional<double> inner = getGrid(difference->operands[0]);
    std::optional<double> count =
        matchMeanOf(difference->operands[1], difference->operands[0]);
    if (inner && count && *count >= 2)
      square = std::max(square, *inner * *inner * (*count - 1) / *count);
  }
  // A little less, for what is rounded here.
  double least = norm->factor * square * (1 - 1e-6) + norm->addend;
  if (norm->isRoot)
    least = std::sqrt(least);
  return std::max(least, norm->lowest);
}

double mlir::qfmt::getLowest(const ExpressionRef &expression) {
  std::optional<Norm> norm = matchNorm(expression);
  return norm ? norm->lowest : 0;
}

std::optional<double>
mlir::qfmt::getQuotientBound(const ExpressionRef &numerator,
                             const ExpressionRef &denominator,
                             bool isReciprocal) {
  if (!numerator || !denominator)
    return std::nullopt;
  if (std::optional<NormQuotient> quotient =
          matchNormQuotient(numerator, denominator, isReciprocal))
    return quotient->bound;
  ExpressionRef divisor = denominator;
  if (isReciprocal) {
    const Expression *quotient = matchApply(denominator, "arith.divf");
    if (!quotient || matchConstant(quotient->operands[0]) != 1.0)
      return std::nullopt;
    divisor = quotient->operands[1];
  }
  // A sum of terms >= 0, and perhaps something more.
  const Expression *sum =
      matchReduce(stripShifts(divisor).inner, Combiner::Add);
  if (!sum || !isNonNegative(sum->operands[0]))
    return std::nullopt;
  ExpressionRef term = sum->operands[0];
  Bindings bindings, ofMagnitude;
  const Expression *magnitude = matchApply(term, "math.absf");
  if (unify(term, numerator, bindings) ||
      (magnitude && unify(magnitude->operands[0], numerator, ofMagnitude)))
    return 1.0;
  return std::nullopt;
}

bool mlir::qfmt::isNorm(const ExpressionRef &expression) {
  return matchNorm(expression).has_value();
}

bool mlir::qfmt::isVariance(const ExpressionRef &expression) {
  Norm norm;
  return matchVariance(expression, norm);
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

std::optional<LayerNorm>
mlir::qfmt::matchLayerNorm(const ExpressionRef &numerator,
                           const ExpressionRef &denominator,
                           bool isReciprocal) {
  ExpressionRef base = isReciprocal
                           ? matchPower(denominator, "math.rsqrt", -0.5)
                           : matchPower(denominator, "math.sqrt", 0.5);
  std::optional<Norm> sum = base ? matchNorm(base) : std::nullopt;
  // Without a maximum.
  if (sum && (sum->isRoot || sum->addend != sum->lowest))
    sum = std::nullopt;
  const Expression *difference = matchApply(numerator, "arith.subf");
  if (!sum || !difference || !getGrid(difference->operands[0]))
    return std::nullopt;
  std::optional<Mean> mean = matchMean(difference->operands[1]);
  Bindings terms, squares;
  if (!mean || !unify(mean->term, difference->operands[0], terms) ||
      !unify(sum->base, numerator, squares) ||
      std::abs(sum->factor * static_cast<double>(mean->count) - 1) > 1e-6)
    return std::nullopt;
  return LayerNorm{difference->operands[0], mean->term, mean->count,
                   sum->addend};
}

std::optional<Gelu> mlir::qfmt::matchGelu(const ExpressionRef &a,
                                          const ExpressionRef &b) {
  for (auto [x, y] : {std::pair(a, b), std::pair(b, a)}) {
    Gelu gelu = {nullptr, 1, 1};
    gelu.base = stripFactors(x, gelu.factor);
    const Expression *sum =
        matchApply(stripFactors(y, gelu.factor), "arith.addf");
    if (!gelu.base || !sum)
      continue;
    unsigned i = matchConstant(sum->operands[0]) ? 0 : 1;
    const Expression *erf = matchApply(sum->operands[1 - i], "math.erf");
    double inner = 1;
    if (matchConstant(sum->operands[i]) != 1.0 || !erf ||
        !isSame(stripFactors(erf->operands[0], inner), gelu.base))
      continue;
    gelu.inner = inner * 1.4142135623730951;
    gelu.factor *= 2 / gelu.inner;
    return gelu;
  }
  return std::nullopt;
}
