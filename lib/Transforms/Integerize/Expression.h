// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a scalar is, as real arithmetic has it: a symbolic expression over
// elements of encoded tensors, kept across linalg operations. Facts that ranges
// alone do not tell follow from it (a - max a <= 0, a softmax's terms are at
// most 1), and functions of a single element are evaluated from it at compile
// time.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_EXPRESSION_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_EXPRESSION_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include <memory>
#include <optional>
#include <vector>

namespace mlir::qfmt {

class Table;
struct TensorModel;
class Expression;
/// Null: nothing is known.
using ExpressionRef = std::shared_ptr<const Expression>;

/// acc = combine(acc, x).
enum class Combiner { Add, Max, Min };

/// A node. Indices are affine in the dimensions of the space that the
/// expression is over, the loops of a body or the dimensions of a tensor;
/// symbols are the variables of enclosing reductions, each with a number of its
/// own.
class Expression {
public:
  enum class Kind {
    /// `tensor` at `indices`; with a null tensor the entry of the table that
    /// the
    /// model is a constant of.
    Element,
    /// `constant`.
    Constant,
    /// A scalar operation, by its name, on `operands`.
    Apply,
    /// `combiner` over all values of `variables` of `operands[0]`.
    Reduce
  };

  Kind kind;
  /// Identifies the tensor of an element.
  Value tensor;
  /// Its integers.
  std::shared_ptr<const TensorModel> model;
  SmallVector<AffineExpr> indices;
  double constant = 0;
  /// "math.exp"; of a comparison with the predicate: "arith.cmpf ogt".
  std::string name;
  /// Of that operation, for diagnostics.
  std::optional<Location> location;
  SmallVector<ExpressionRef> operands;
  Combiner combiner = Combiner::Add;
  struct Variable {
    unsigned symbol;
    int64_t size;
  };
  SmallVector<Variable> variables;
  /// Nodes of the tree. Larger ones than kMaxSize are not kept.
  unsigned size = 1;

  static constexpr unsigned kMaxSize = 200;

  static ExpressionRef makeElement(Value tensor,
                                   std::shared_ptr<const TensorModel> model,
                                   ArrayRef<AffineExpr> indices);
  static ExpressionRef makeConstant(double value);
  /// A constant that may vary, over the dimensions of the table.
  static ExpressionRef makeConstant(const Table &table, MLIRContext *context);
  /// Null if an operand is, or if the tree becomes too large.
  static ExpressionRef
  makeApply(StringRef name, ArrayRef<ExpressionRef> operands,
            std::optional<Location> location = std::nullopt);
  /// A reduction of `body`, over loops, to a tensor indexed by `resultMap`; as
  /// an expression over the tensor's dimensions. Null if the tree becomes too
  /// large.
  static ExpressionRef makeReduce(Combiner combiner, const ExpressionRef &body,
                                  AffineMap resultMap,
                                  ArrayRef<int64_t> loopSizes);
};

/// What stands for each loop in an expression over the dimensions of the tensor
/// that `resultMap` writes: a dimension, 0 for a loop that runs once, and null
/// for one that does not index the tensor.
SmallVector<AffineExpr> getLoopReplacements(AffineMap resultMap,
                                            ArrayRef<int64_t> loopSizes);

/// The indices of a tensor that is read through `map`. In the normal form of
/// expressions loops that run once are 0.
SmallVector<AffineExpr> getNormalIndices(AffineMap map,
                                         ArrayRef<int64_t> loopSizes);

/// The expression with dimension i replaced by `replacements[i]`.
ExpressionRef substitute(const ExpressionRef &expression,
                         ArrayRef<AffineExpr> replacements);

/// True if both compute the same.
bool isSame(const ExpressionRef &a, const ExpressionRef &b);

/// What reduction variables stand for.
using Bindings = llvm::DenseMap<unsigned, AffineExpr>;
/// True if `pattern` with its free variables bound is `target`. Adds bindings.
bool unify(const ExpressionRef &pattern, const ExpressionRef &target,
           Bindings &bindings);

/// The only element that the expression depends on; null if there are several,
/// or none, or a reduction.
const Expression *getOnlyElement(const ExpressionRef &expression);

/// A function of one element, ready to be evaluated many times.
class ElementFunction {
public:
  /// None if an operation is not known.
  static std::optional<ElementFunction> make(const ExpressionRef &expression);

  double operator()(double element) const;

private:
  struct Step {
    /// Null: a constant, or the element itself.
    double (*function)(ArrayRef<double>) = nullptr;
    SmallVector<unsigned, 3> operands;
    std::optional<double> constant;
  };
  std::optional<unsigned>
  append(const Expression &node,
         llvm::DenseMap<const Expression *, unsigned> &positions);

  /// Operands precede.
  std::vector<Step> steps;
};

/// The functions of real numbers that are known at compile time, by the name of
/// the scalar operation; null if there is none.
using ScalarFunction = double (*)(ArrayRef<double> operands);
ScalarFunction getScalarFunction(StringRef name, unsigned numOperands);

/// The name under which an operation is known: that of the operation, with the
/// predicate if it is a comparison, and "i1" if it reads truth values and does
/// not just select by them.
std::string getFunctionName(Operation *op);

//===----------------------------------------------------------------------===//
// Facts
//===----------------------------------------------------------------------===//

/// True if the expression is >= 0 whatever the tensors hold.
bool isNonNegative(const ExpressionRef &expression);

/// True if `bound` is the maximum over some dimensions of tensors of which
/// `value` is one entry: value - bound <= 0.
bool isMaximumOf(const ExpressionRef &bound, const ExpressionRef &value);

/// The same of a minimum: value - bound >= 0.
bool isMinimumOf(const ExpressionRef &bound, const ExpressionRef &value);

/// True if one of the values of `value`, over loops, along the loops `reduced`
/// is 1: exp or exp2 of a - max a, of min a - a, or of a multiple of those,
/// whose maximum is over these loops and no others.
bool attainsOne(const ExpressionRef &value, ArrayRef<unsigned> reduced,
                ArrayRef<int64_t> loopSizes);

/// The largest magnitude that numerator / denominator can have whatever the
/// tensors hold: 1 if the denominator is the sum of terms >= 0 of which the
/// numerator is one, or more than it; that of NormQuotient. `isReciprocal` says
/// that `denominator` is 1 / it already.
std::optional<double> getQuotientBound(const ExpressionRef &numerator,
                                       const ExpressionRef &denominator,
                                       bool isReciprocal);

/// x / D(x) for a norm D: sqrt(c * sum x^2 + e), with one more constant >= 0
/// added to the root or its maximum with one taken, there or below the root.
/// No element of it is larger than `bound`, 1 / sqrt(c), and if the `count`
/// values x move by a vector d, an element moves by at most slope * |d|: slope
/// is 1 / min D, infinite if that is 0. (The derivative is I / D less a
/// multiple of x x^T, of which no eigenvalue is above 1 / D or below 0.)
struct NormQuotient {
  double bound, slope;
  int64_t count;
};
std::optional<NormQuotient> matchNormQuotient(const ExpressionRef &numerator,
                                              const ExpressionRef &denominator,
                                              bool isReciprocal);

/// The sum of `count` terms, divided by their number.
struct Mean {
  ExpressionRef term;
  int64_t count;
};
std::optional<Mean> matchMean(const ExpressionRef &expression);

/// (x - mean x) / sqrt(mean (x - mean x)^2 + addend) for the `count` elements x
/// of a row of an encoded tensor.
struct LayerNorm {
  ExpressionRef element;
  /// The element at the index of a summand: symbols run along the row.
  ExpressionRef term;
  int64_t count;
  double addend;
};
/// Of numerator / denominator, or of their product if the reciprocal is there
/// already.
std::optional<LayerNorm> matchLayerNorm(const ExpressionRef &numerator,
                                        const ExpressionRef &denominator,
                                        bool isReciprocal);

/// factor x / 2 (1 + erf(x / sqrt 2)) with x = inner * base.
struct Gelu {
  ExpressionRef base;
  double inner, factor;
};
/// Of a * b.
std::optional<Gelu> matchGelu(const ExpressionRef &a, const ExpressionRef &b);

/// `expression` without factors and divisors that are positive constants, with
/// which `factor` is multiplied.
ExpressionRef stripFactors(ExpressionRef expression, double &factor);

/// True if `expression` is c * sum x^2 + e, or the root of one, as
/// matchNormQuotient takes them.
bool isNorm(const ExpressionRef &expression);

/// True if `expression` is mean x^2 - (mean x)^2, which is not negative.
bool isVariance(const ExpressionRef &expression);

/// The least value that the norm `expression` has unless all x are 0, if their
/// squares are 0 or at least `leastSquare`. Elements x of an integer tensor,
/// and their distances from their mean, are known to be: integers that are not
/// all equal are S^2 (n - 1) / n from their mean in sum.
std::optional<double> getLeastUnlessZero(const ExpressionRef &expression,
                                         double leastSquare = 0);

/// What the norm `expression` is at least: e, its root, or what a maximum
/// takes. 0 if it is no norm.
double getLowest(const ExpressionRef &expression);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_EXPRESSION_H
