// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Expression.h"
#include "IntegerModel.h"
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
// Matching
//===----------------------------------------------------------------------===//

const Expression *mlir::qfmt::matchApply(const ExpressionRef &expression,
                                         StringRef name) {
  return expression && expression->kind == Expression::Kind::Apply &&
                 expression->name == name
             ? expression.get()
             : nullptr;
}

const Expression *mlir::qfmt::matchReduce(const ExpressionRef &expression,
                                          Combiner combiner) {
  return expression && expression->kind == Expression::Kind::Reduce &&
                 expression->combiner == combiner
             ? expression.get()
             : nullptr;
}

std::optional<double>
mlir::qfmt::matchConstant(const ExpressionRef &expression) {
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
