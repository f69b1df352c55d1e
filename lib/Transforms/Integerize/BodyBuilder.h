// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds the body of an integer linalg.generic, to which constant operands can
// be added while it grows, and the integer arithmetic of the value model in it:
// widening, rescaling, bringing values to a common scale.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_BODYBUILDER_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_BODYBUILDER_H

#include "IntegerModel.h"
#include "IntegerizeSettings.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::qfmt {

/// Of two values that are brought to one scale.
enum class Precision {
  /// At most 12 guard bits.
  Normal,
  /// What goes into a norm (NormReaders.h): at most 30.
  Root,
  /// A norm and the constant that is added to it or compared with it, which
  /// decides what rows that are nearly constant give: at most 30, in 64 bits.
  Norm
};

class BodyBuilder {
public:
  /// The generic iterates over `loopSizes` and is created by `outer`, whose
  /// insertion point must stay put until `finish`.
  BodyBuilder(OpBuilder &outer, Location loc, ArrayRef<int64_t> loopSizes,
              const IntegerizeSettings &settings);
  ~BodyBuilder();

  OpBuilder &getBuilder() { return inner; }
  /// Creates operations before the generic.
  OpBuilder &getOuterBuilder() { return outer; }
  Location getLoc() const { return loc; }
  ArrayRef<int64_t> getLoopSizes() const { return loopSizes; }
  /// Diagnostics stand at the scalar operation that is being compiled, if
  /// there is one, with a note at the operation whose body it is in.
  InFlightDiagnostic emitError() const;
  /// The same, with the scalar operation's name in front.
  InFlightDiagnostic emitOpError() const;
  void setScalarOp(Operation *op) { scalarOp = op; }

  const IntegerizeSettings &getSettings() const { return settings; }

  /// Adds an input tensor; returns the element in the body.
  Value addInput(Value tensor, AffineMap map);
  /// Adds an initial value; returns the element, which accumulates.
  Value addOutput(Value tensor, AffineMap map);
  /// Moves the body into a new generic, without operations and inputs that
  /// nothing reads.
  linalg::GenericOp finish(ArrayRef<utils::IteratorType> iterators,
                           ValueRange yielded);

  /// The payload of `tensor` read through `map`.
  Value loadCode(const TensorModel &tensor, AffineMap map);
  /// The element of `tensor` read through `map` as a signed value.
  ScalarModel load(const TensorModel &tensor, AffineMap map,
                   Table scaleOverLoops);

  /// compute(value), once for each element of the tensor that `value` was
  /// loaded from if there are fewer of those than loop indices: what is divided
  /// by is often one number a row.
  FailureOr<ScalarModel>
  computeOnce(const ScalarModel &value,
              llvm::function_ref<FailureOr<ScalarModel>(BodyBuilder &,
                                                        const ScalarModel &)>
                  compute);

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
  /// (by `rounding`, or as `compat` does it). Exact if every ratio of the
  /// scales is a power of two >= 1. What has more than 32 bits is narrowed
  /// before.
  FailureOr<ScalarModel> rescale(const ScalarModel &value, const Table &scale,
                                 RoundingMode rounding = RoundingMode::HalfEven,
                                 Compat compat = Compat::None);
  /// `value`, of at most 32 bits, times `ratio` at `scale`, as `rule` has it.
  FailureOr<ScalarModel> requantize(const ScalarModel &value,
                                    const Table &scale, const Table &ratio,
                                    const Requantization &rule);
  /// `scale`, one of those of `value` or finer, without the bits that are more
  /// than rescaling takes.
  Table coarsen(const ScalarModel &value, const Table &scale);
  /// A constant at a scale.
  FailureOr<ScalarModel> quantize(const Table &constant, const Table &scale);
  /// Two values, at least one of them an integer, at one scale. `exactOnly`
  /// constants such as 0 and infinities cost no precision; otherwise the scale
  /// is made finer than both by guard bits as far as 32 bits have room, or 64
  /// if a value has more than 32 already, or if `precision` asks for them.
  FailureOr<std::pair<ScalarModel, ScalarModel>>
  align(const ScalarModel &a, const ScalarModel &b,
        Precision precision = Precision::Normal);

  /// The same real without low bits, rounded to the nearest, so that `bits` are
  /// left with the sign. The value itself if it fits.
  FailureOr<ScalarModel> narrow(const ScalarModel &value, unsigned bits);
  /// `value` at one scale, the finest it has or that 32 bits leave of it, for
  /// all loop indices.
  FailureOr<ScalarModel> makeUniform(const ScalarModel &value);

  /// Entry `index`, read as an unsigned number, of a table of integers.
  Value lookup(Value index, ArrayRef<int64_t> entries, unsigned width);

  unsigned getNumRescales() const { return numRescales; }

private:
  void eraseUnused();
  /// value / 2^shift, rounded half up, shift >= 1, at a scale that is 2^shift
  /// times as coarse.
  FailureOr<ScalarModel> shiftRight(const ScalarModel &value, unsigned shift);

  OpBuilder &outer;
  Location loc;
  Operation *scalarOp = nullptr;
  SmallVector<int64_t> loopSizes;
  const IntegerizeSettings &settings;
  Block *block;
  OpBuilder inner;
  SmallVector<Value> inputs, outputs;
  SmallVector<AffineMap> inputMaps, outputMaps;
  struct Load {
    TensorModel tensor;
    AffineMap map;
  };
  /// Of an element that was loaded.
  llvm::DenseMap<Value, Load> loads;
  /// What `loadCode` and `load` have read, by tensor and map.
  llvm::DenseMap<std::pair<Value, AffineMap>, Value> codes, elements;
  unsigned numRescales = 0;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_BODYBUILDER_H
