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

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

/// The node if `expression` is `name` applied to operands; else null.
const Expression *matchApply(const ExpressionRef &expression, StringRef name);
/// The node if `expression` is such a reduction; else null.
const Expression *matchReduce(const ExpressionRef &expression,
                              Combiner combiner);
std::optional<double> matchConstant(const ExpressionRef &expression);

/// `expression` without factors and divisors that are positive constants, with
/// which `factor` is multiplied.
ExpressionRef stripFactors(ExpressionRef expression, double &factor);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_EXPRESSION_H
