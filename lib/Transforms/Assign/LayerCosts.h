//===- LayerCosts.h - What a layer costs in a format ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The costs that follow from a layer and a choice of formats alone.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_LAYERCOSTS_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_LAYERCOSTS_H

#include "../OperandEncoding.h"
#include <map>
#include <string>

namespace mlir::qfmt {

/// Names of costs, in problems, reports and `qfmt.candidates`.
inline constexpr StringLiteral kBytesCost = "bytes";
inline constexpr StringLiteral kBitOperationsCost = "bit_operations";
inline constexpr StringLiteral kLutsCost = "luts";
inline constexpr StringLiteral kLatencyCost = "ms";
inline constexpr StringLiteral kActivationBytesCost = "activation_bytes";

/// By name, those which there are:
///   bytes           of the weights with scales, selectors and tables, packed
///   bit_operations  products * bits of a weight * bits of an element of the
///                   data, without scales; f32 has 32; not of dynamic sizes
///   luts            LutCost.h, of one multiply-accumulate unit a layer
std::map<std::string, double> getLayerCosts(const WeightedSum &sum,
                                            const FormatChoice &choice);

/// Bytes of a tensor of static shape in an encoding (in that of the master if
/// it has one), each constituent packed into bytes of its own; of f32 if the
/// encoding has no format.
double getPackedBytes(RankedTensorType type, const OperandEncoding &encoding);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_LAYERCOSTS_H
