//===- Proposer.h - What passes that change channels share ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A proposer is a pass that says how the channels of tensors should change; the
// ChannelRewriter does it. All of them read and report alike:
//
//   struct SmoothQuantPass
//       : ProposerPass<qfmt::impl::SmoothQuantBase<SmoothQuantPass>> {
//     using ProposerPass::ProposerPass;
//     LogicalResult propose(ChannelRewriter &rewriter) override {
//       return rewriteSharedInputs(rewriter, getWhat(), [&](SharedInput &input)
//           -> FailureOr<std::optional<ChannelMap>> { ... });
//     }
//   };
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CHANNELREWRITES_PROPOSER_H
#define QFMT_LIB_CHANNELREWRITES_PROPOSER_H

#include "ChannelRewriter.h"
#include "mlir/Pass/Pass.h"

namespace mlir::qfmt {

/// On top of what TableGen makes of a `ChannelRewrite` in Passes.td.
template <typename PassBase>
class ProposerPass : public PassBase {
public:
  using PassBase::PassBase;

  void runOnOperation() final {
    ChannelOptions options;
    options.materialize = this->materialize;
    options.gather = this->gather;
    options.verifyEquivalence = this->verifyEquivalence;
    ChannelRewriter rewriter(this->getOperation(), options);
    if (failed(propose(rewriter)) || failed(rewriter.finish()))
      return this->signalPassFailure();
  }

protected:
  /// Asks `rewriter` for changes. Fails with a diagnostic.
  virtual LogicalResult propose(ChannelRewriter &rewriter) = 0;

  /// For remarks: the pass's name without `qfmt-`.
  StringRef getWhat() const {
    StringRef name = this->getArgument();
    name.consume_front("qfmt-");
    return name;
  }

  /// An error of no operation in particular, which begins with the pass's name.
  InFlightDiagnostic emitPassError() {
    return emitError(this->getOperation().getLoc())
           << this->getArgument() << ": ";
  }
};

/// Fails with a diagnostic that begins with what `emitError` says if no layer
/// sums over channels that could be changed.
LogicalResult requireLayers(ChannelRewriter &rewriter,
                            function_ref<InFlightDiagnostic()> emitError);

/// What to do to the channels of a tensor; none to leave them. Fails with a
/// diagnostic.
using ChannelProposal =
    function_ref<FailureOr<std::optional<ChannelMap>>(const SharedInput &)>;

/// Asks `propose` about each tensor that layers read, in the order of the
/// program and with the weights as they then are, and has the rewriter do what
/// it says. Identities are left. A layer counts once: what it reads is not
/// asked about again if a change that another layer asked for has changed it,
/// as data that was recorded before does not tell how it is now.
LogicalResult rewriteSharedInputs(ChannelRewriter &rewriter, StringRef what,
                                  ChannelProposal propose);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_PROPOSER_H
