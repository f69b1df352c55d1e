// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Expressions as functions of one element, evaluated at compile time, and the
// functions of real numbers that scalar operations are.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_ELEMENTFUNCTION_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_ELEMENTFUNCTION_H

#include "Expression.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::qfmt {

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

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_ELEMENTFUNCTION_H
