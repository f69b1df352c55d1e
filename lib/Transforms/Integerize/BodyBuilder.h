// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds the body of an integer linalg.generic, to which constant operands can
// be added while it grows, and the integer arithmetic of the value model in it:
// widening, rescaling, bringing values to a common scale.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_BODYBUILDER_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_BODYBUILDER_H

#include "IntegerModel.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::qfmt {

class BodyBuilder {
public:
  /// The generic iterates over `loopSizes` and is created by `outer`, whose
  /// insertion point must stay put until `finish`.
  BodyBuilder(OpBuilder &outer, Location loc, ArrayRef<int64_t> loopSizes);
  ~BodyBuilder();

  OpBuilder &getBuilder() { return inner; }
  Location getLoc() const { return loc; }
  ArrayRef<int64_t> getLoopSizes() const { return loopSizes; }
  /// Diagnostics name the operation that is being rewritten.
  InFlightDiagnostic emitError() const { return mlir::emitError(loc); }

  /// Adds an input tensor; returns the element in the body.
  Value addInput(Value tensor, AffineMap map);
  /// Adds an initial value; returns the element, which accumulates.
  Value addOutput(Value tensor, AffineMap map);
  /// Moves the body into a new generic.
  linalg::GenericOp finish(ArrayRef<utils::IteratorType> iterators,
                           ValueRange yielded);

  /// The element of `tensor` read through `map` as a signed value.
  ScalarModel load(const TensorModel &tensor, AffineMap map,
                   Table scaleOverLoops);

  /// Integers of `table`, which must be whole numbers, as a scalar of `width`
  /// bits: an arith.constant if uniform, else a constant input.
  Value materialize(const Table &table, unsigned width);
  Value constant(int64_t value, unsigned width);

  /// Sign-extends or truncates; the value is known to fit.
  Value cast(Value value, unsigned width);
  /// The narrowest of 32 and 64 bits that computes with this range exactly;
  /// none if 64 are not enough.
  std::optional<unsigned> chooseWidth(const IntegerRange &range) const;

  /// The same real at another scale, rounded to the nearest integer of it
  /// (by `rounding`). Exact if every ratio of the scales is a power of two >= 1.
  FailureOr<ScalarModel>
  rescale(const ScalarModel &value, const Table &scale,
          RoundingMode rounding = RoundingMode::HalfEven);
  /// A constant at a scale.
  FailureOr<ScalarModel> quantize(const Table &constant, const Table &scale);
  /// Two values, at least one of them an integer, at one scale. `exactOnly`
  /// constants such as 0 and infinities cost no precision; otherwise the scale
  /// is made finer than both by guard bits as far as 32 bits have room.
  FailureOr<std::pair<ScalarModel, ScalarModel>> align(const ScalarModel &a,
                                                       const ScalarModel &b);

  unsigned getNumRescales() const { return numRescales; }

private:
  /// The same real without low bits, rounded to the nearest, so that 32 are
  /// left: what dyadic_scale takes. For values of more bits.
  FailureOr<ScalarModel> dropLowBits(const ScalarModel &value);

  OpBuilder &outer;
  Location loc;
  SmallVector<int64_t> loopSizes;
  Block *block;
  OpBuilder inner;
  SmallVector<Value> inputs, outputs;
  SmallVector<AffineMap> inputMaps, outputMaps;
  unsigned numRescales = 0;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_BODYBUILDER_H
