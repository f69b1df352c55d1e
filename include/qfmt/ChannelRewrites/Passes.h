// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that change the channels of tensors without changing the function:
// permutations, scales, shifts and rotations.

#ifndef QFMT_CHANNELREWRITES_PASSES_H
#define QFMT_CHANNELREWRITES_PASSES_H

#include "mlir/Pass/Pass.h"
#include "qfmt/ChannelRewrites/KeySort.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

#define GEN_PASS_DECL
#include "qfmt/ChannelRewrites/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "qfmt/ChannelRewrites/Passes.h.inc"

} // namespace mlir::qfmt

#endif // QFMT_CHANNELREWRITES_PASSES_H
