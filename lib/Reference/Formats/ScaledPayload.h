// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reals as codes of #qfmt.scaled, once scales and zero points are known.

#ifndef QFMT_LIB_REFERENCE_FORMATS_SCALEDPAYLOAD_H
#define QFMT_LIB_REFERENCE_FORMATS_SCALEDPAYLOAD_H

#include "../Codec.h"
#include "Blocks.h"
#include "qfmt/Support/Stochastic.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::qfmt::reference {

/// One entry a block.
struct BlockParameters {
  std::vector<ExactReal> scales;
  std::vector<int64_t> zeroPoints;
};

/// Encodes the elements of one block after the other. `modes` outlives it.
class PayloadEncoder {
public:
  PayloadEncoder(ScaledAttr format, FloatType logical,
                 const EncodeModes &modes);

  void setBlock(const ExactReal &newScale, int64_t newZeroPoint) {
    scale = newScale;
    zeroPoint = newZeroPoint;
    divisor = getDivisor();
  }

  /// `index` is the element's number in the tensor; stochastic rounding alone
  /// asks for it.
  Scalar encode(const ExactReal &value, int64_t index) const;
  /// The same for a value of the logical type; faster.
  Scalar encode(double value, int64_t index) const;
  /// The code nearest to `value`; but if that denotes 0 and `value` is not 0,
  /// the code of the smallest positive number (spec C23), or, in a block that
  /// has none, of the negative one nearest to 0. `value` is not negative.
  Scalar encodeNonZero(const ExactReal &value) const;

private:
  std::optional<double> getDivisor() const;
  ExactReal divide(const ExactReal &value) const;
  Scalar encodeQuotient(const ExactReal &quotient, RoundingMode rounding) const;
  Scalar encodeToInteger(const ExactReal &quotient,
                         RoundingMode rounding) const;
  Scalar encodeStochastically(double quotient, int64_t index) const;
  Scalar storeInteger(__int128 integer) const;

  Codec codec;
  FloatType logical;
  BinaryFormat logicalFormat;
  const EncodeModes &modes;
  /// The distance of all neighbouring values, in formats that have one.
  std::optional<double> unit;
  StochasticKey key = {};
  ExactReal scale;
  int64_t zeroPoint = 0;
  std::optional<double> divisor;
};

/// Gives the elements `indices` of a payload the code nearest to `value`, as
/// ReferenceFormat::setElements has it. `encoder` is asked for the codes of a
/// block after `setBlock` was called with the block's number.
template <typename EncoderT>
void setElements(ScaledAttr blocks, ArrayRef<int64_t> shape, Tensor &payload,
                 ArrayRef<int64_t> indices, const ExactReal &value,
                 EncoderT &encoder, function_ref<void(int64_t)> setBlock) {
  llvm::SmallDenseSet<int64_t> wanted(indices.begin(), indices.end());
  MutableArrayRef<Scalar> codes = payload.getMutableData();
  forEachElement(blocks, shape, [&](int64_t element, int64_t block) {
    if (!wanted.contains(element))
      return;
    setBlock(block);
    codes[element] = encoder.encodeNonZero(value);
  });
}

/// The payload.
Tensor encodePayload(ScaledAttr format, EncodedTensorType type,
                     const Reals &reals, const EncodeModes &modes,
                     const BlockParameters &parameters);

/// The squared error of each block, as scale_rule = mse defines it (spec C24).
/// Rounds by `modes.rounding`, even where there is a seed. `ranges` are those
/// of the blocks.
std::vector<double> getSquaredErrors(ScaledAttr format, EncodedTensorType type,
                                     const Reals &reals,
                                     ArrayRef<BlockRange> ranges,
                                     const EncodeModes &modes,
                                     const BlockParameters &parameters);

} // namespace mlir::qfmt::reference

#endif // QFMT_LIB_REFERENCE_FORMATS_SCALEDPAYLOAD_H
