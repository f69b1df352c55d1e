// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions acc = combine(acc, x): the accumulator takes the scale of x, to
// which the initial value is brought, and the range of all partial sums, which
// must fit.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_REDUCTION_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_REDUCTION_H

#include "BodyBuilder.h"

namespace mlir::qfmt {

/// How one result of a reduction comes about.
struct Reduction {
  Combiner combiner;
  /// acc = combine(acc, x), and x.
  Operation *op;
  Value summand;
};

/// Fails with a diagnostic if the result is something else.
FailureOr<Reduction> matchReduction(linalg::LinalgOp op, unsigned result);

/// A result's model, without its payload, and what the body yields for it.
struct ReducedResult {
  TensorModel model;
  Value yielded;
};

/// Compiles the reductions of one operation.
class ReductionCompiler {
public:
  /// `operands` are the models of all operands of `op`, inputs first; `body` is
  /// that of the integer operation.
  ReductionCompiler(linalg::LinalgOp op, ArrayRef<TensorModel> operands,
                    BodyBuilder &body, IntegerizeCounts &counts)
      : op(op), operands(operands), body(body), outer(body.getOuterBuilder()),
        settings(body.getSettings()), counts(counts) {}

  /// Adds result number `index` to the body. `summand` is the integer model of
  /// what is reduced.
  FailureOr<ReducedResult> compile(const Reduction &reduction, unsigned index,
                                   const ScalarModel &summand);

private:
  struct Accumulator {
    IntegerRange range;
    unsigned width;
  };

  int64_t countReduced();
  FailureOr<ScalarModel> dropReducedScales(const ScalarModel &value);
  FailureOr<ScalarModel> makeSummand(const ScalarModel &value,
                                     Combiner combiner);
  FailureOr<std::optional<MaskFact>>
  reduceMask(const std::optional<MaskFact> &mask, Combiner combiner);
  FailureOr<Value> makeInitialValue(const TensorModel &init,
                                    const TensorModel &result,
                                    Combiner combiner, unsigned width);
  FailureOr<Accumulator> accumulate(const ScalarModel &summand,
                                    Value summandInBody,
                                    const TensorModel &init,
                                    const Table &scale);
  FailureOr<Accumulator> compare(const ScalarModel &summand,
                                 const TensorModel &init, const Table &scale,
                                 bool isMax);
  void refineSum(const ScalarModel &summand, const TensorModel &init,
                 TensorModel &result);

  linalg::LinalgOp op;
  ArrayRef<TensorModel> operands;
  BodyBuilder &body;
  OpBuilder &outer;
  const IntegerizeSettings &settings;
  IntegerizeCounts &counts;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_REDUCTION_H
