// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The scales of blocks: how scale rules choose them (spec C24), how they are
// stored and read. What a scale's storage is, a #qfmt.scaled says; other tensor
// formats make one with the same blocks and scale.
//
// An *ideal* scale is what a rule asks for, before the rounding to the scale's
// format; 0 for a block without a finite value other than 0.

#ifndef QFMT_LIB_REFERENCE_FORMATS_SCALES_H
#define QFMT_LIB_REFERENCE_FORMATS_SCALES_H

#include "Blocks.h"

namespace mlir::qfmt::reference {

/// The scale of each block, read from its constituents (those after the
/// payload; more may follow). `type` gives the shape and the logical type.
std::vector<ExactReal> readScales(ScaledAttr format, EncodedTensorType type,
                                  ArrayRef<Tensor> constituents);

/// The ideal scale of each block by `modes.scaleRule`.
std::vector<ExactReal> chooseScales(ScaledAttr format, EncodedTensorType type,
                                    const Reals &reals,
                                    ArrayRef<BlockRange> ranges,
                                    const EncodeModes &modes);

/// What a block with this ideal scale is encoded with, as far as that can be
/// said of one block alone: the scale as it will be stored, but an encoded one
/// as it is before that, an f32. Never 0 (C23).
ExactReal getTrialScale(ScaledAttr format, const ExactReal &ideal);

/// The scale's constituents; none if it is static. `rule` says how the scales
/// of an encoded scale are chosen.
SmallVector<Tensor> encodeScales(ScaledAttr format, EncodedTensorType type,
                                 ArrayRef<ExactReal> ideal, ScaleRule rule);

} // namespace mlir::qfmt::reference

#endif // QFMT_LIB_REFERENCE_FORMATS_SCALES_H
