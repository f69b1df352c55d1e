// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Discardable attributes of a layer, a linalg operation with constant weights,
// for qfmt-assign-formats and qfmt-quantize; and one of modules and functions,
// about pairs of their layers.

#ifndef QFMT_IR_LAYERATTRIBUTES_H
#define QFMT_IR_LAYERATTRIBUTES_H

#include "llvm/ADT/StringRef.h"

namespace mlir::qfmt {

/// Its name, a string.
inline constexpr llvm::StringLiteral kLayerAttr = "qfmt.layer";
/// The formats of its weights and of the data that it reads, as a string:
/// "i4/i8".
inline constexpr llvm::StringLiteral kAssignedAttr = "qfmt.assigned";
/// The formats among which qfmt-assign-formats chooses, an array of
/// dictionaries: {format = "i4/i8", damage = 0.31, costs = {bytes = 1152.0}}.
inline constexpr llvm::StringLiteral kCandidatesAttr = "qfmt.candidates";
/// A label, a string: layers with the same one get the same formats.
inline constexpr llvm::StringLiteral kTieAttr = "qfmt.tie";
/// The formats that it has to get, a string.
inline constexpr llvm::StringLiteral kForcedAttr = "qfmt.forced";
/// Its weights before they were encoded, a constant of floats.
inline constexpr llvm::StringLiteral kRealWeightsAttr = "qfmt.real_weights";
/// Of a module or a function: damage that two layers do beyond the sum of what
/// each does alone, an array of dictionaries: {layers = ["a", "b"], formats =
/// ["i4/i8", "i4/i8"], damage = -0.02}.
inline constexpr llvm::StringLiteral kPairwiseAttr = "qfmt.pairwise";

} // namespace mlir::qfmt

#endif // QFMT_IR_LAYERATTRIBUTES_H
