// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_CHANNELREWRITES_KEYSORT_H
#define QFMT_CHANNELREWRITES_KEYSORT_H

namespace mlir::qfmt {

/// Which factor of a product of two computed tensors the keys are.
enum class KeySide { Left, Right };

/// The norms by which key channels are sorted: of the weights that compute
/// them, or of the keys on data.
enum class KeyNorms { Weights, Data };

} // namespace mlir::qfmt

#endif // QFMT_CHANNELREWRITES_KEYSORT_H
