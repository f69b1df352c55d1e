// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linalg operations on the elements of a blocked tensor and on its grid of
// blocks, and the numbers that each block has.

#ifndef QFMT_LIB_TRANSFORMS_FORMATLOWERING_SCALED_BLOCKOPERATIONS_H
#define QFMT_LIB_TRANSFORMS_FORMATLOWERING_SCALED_BLOCKOPERATIONS_H

#include "../BlockLoops.h"
#include "qfmt/Conversion/ScalarOps.h"
#include "qfmt/Transforms/FormatLowering.h"

namespace mlir::qfmt {

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

/// Rounds as IEEE 754 does.
inline constexpr EncodeModes kIEEE{RoundingMode::HalfEven,
                                   OverflowMode::Infinity, NaNMode::Propagate,
                                   ZeroPointPlace::AfterRounding};

/// Any of f16, bf16, f32, f64 as f32 or f64.
Value emitRead(ScalarBuilder &b, Value value);

/// An f32 or f64 rounded once, half to even as IEEE 754, to the logical type.
Value emitRoundTo(ScalarBuilder &b, Value value, FloatType type);

/// The scale or the zero point of a block: a number, or an element of a tensor
/// with one entry a block.
struct BlockNumber {
  double number = 0;
  /// Null for a number; unit dimensions dropped.
  Value tensor;
  /// Of the tensor's codes; null if it holds the reals themselves.
  CodeEmitter format;
  ExactRange range;

  static BlockNumber get(double number) {
    return {number, Value(), CodeEmitter(), ExactRange::of(number)};
  }
  static BlockNumber getCodes(Value tensor, Type format) {
    CodeEmitter emitter(format);
    return {0, tensor, emitter, emitter.getExactRange()};
  }

  bool is(double value) const { return !tensor && number == value; }

  /// In a body: the real, f32 or f64, or a number in `type`.
  Value read(ScalarBuilder &b, Value element, Type type) const {
    if (!tensor)
      return b.constant(type, number);
    if (format)
      element = format.emitDecode(b, b.getLoc(), element);
    return element.getType() == type ? element : b.extend(element, type);
  }
};

/// A zero point as emitEncode takes it: an i32, or null for 0.
Value readZeroPoint(ScalarBuilder &b, const BlockNumber &zeroPoint,
                    Value element);

//===----------------------------------------------------------------------===//
// Operations on blocks
//===----------------------------------------------------------------------===//

using BodyFn = function_ref<Value(ScalarBuilder &, ValueRange)>;

/// Elementwise over the split tensor `elements`, reading a number a block, or
/// one for all blocks where a tensor has rank 0.
/// The body gets the element, then one value each; that of a BlockNumber
/// without a tensor is null.
Value emitElementwise(OpBuilder &builder, Location loc, const BlockLoops &loops,
                      Value elements, ArrayRef<BlockNumber> numbers,
                      Type resultElement, BodyFn body);

using MultiBodyFn =
    function_ref<SmallVector<Value>(ScalarBuilder &, ValueRange)>;

/// Elementwise over tensors of one shape; one tensor for each value of the
/// body.
SmallVector<Value> emitMaps(OpBuilder &builder, Location loc, ValueRange inputs,
                            TypeRange resultElements, MultiBodyFn body);

/// The same with one result.
Value emitMap(OpBuilder &builder, Location loc, ValueRange inputs,
              Type resultElement, BodyFn body);

/// A grid tensor of `initial` (a number) with the elements of each block
/// accumulated in row-major order: the body gets the element, one value for
/// each number as above, and what has been accumulated so far.
Value emitBlockReduction(OpBuilder &builder, Location loc,
                         const BlockLoops &loops, Value elements,
                         ArrayRef<BlockNumber> numbers, TypedAttr initial,
                         BodyFn body);

/// The greatest of 0 and all `body(x)`, x the finite elements of a block.
Value emitBlockMax(OpBuilder &builder, Location loc, const BlockLoops &loops,
                   Value elements, BodyFn body);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_FORMATLOWERING_SCALED_BLOCKOPERATIONS_H
