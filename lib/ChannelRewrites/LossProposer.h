//===- LossProposer.h - Changes that must lessen a loss ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What proposers share that choose by recorded data: they name scales and
// shifts and what rounding then loses, and what loses less than the channels as
// they are is done.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CHANNELREWRITES_LOSSPROPOSER_H
#define QFMT_LIB_CHANNELREWRITES_LOSSPROPOSER_H

#include "Proposer.h"
#include "QuantizationLoss.h"

namespace mlir::qfmt {

struct LossOptions {
  /// For remarks.
  StringRef what;
  /// The file that qfmt-annotate{moments=FILE} has written.
  StringRef moments;
  /// FormatChoice.h.
  StringRef weights, activations;
  /// The pass's options of the formats, for diagnostics.
  StringRef weightsOption = "weights", activationsOption = "activations";
};

/// By channel; no shift if it is empty.
struct ChannelChange {
  std::vector<double> scale, shift;
  /// What rounding loses with the channels as they are, and changed.
  double lossBefore, lossAfter;
};

/// Fails with a diagnostic.
using LossProposal = function_ref<FailureOr<ChannelChange>(
    const SharedInput &, const InputData &, LayerRounding &)>;

/// rewriteSharedInputs, for changes with a smaller loss alone; with a remark at
/// the first layer that reads the tensor. Fails with a diagnostic, that of
/// options beginning with what `emitError` says.
LogicalResult rewriteByLoss(ChannelRewriter &rewriter, ModuleOp module,
                            const LossOptions &options,
                            function_ref<InFlightDiagnostic()> emitError,
                            LossProposal propose);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_LOSSPROPOSER_H
