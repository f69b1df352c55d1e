// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LossProposer.h"

using namespace mlir;
using namespace mlir::qfmt;

static FailureOr<FormatChoice>
parseFormats(const LossOptions &options, MLIRContext *context,
             function_ref<InFlightDiagnostic()> emitError) {
  auto parse = [&](StringRef text, StringRef option, OperandFormat::Side side) {
    return OperandFormat::parse(text, side, context, [&] {
      return emitError() << "option '" << option << "': ";
    });
  };
  FailureOr<OperandFormat> weights = parse(
      options.weights, options.weightsOption, OperandFormat::Side::Weights);
  if (failed(weights))
    return failure();
  FailureOr<OperandFormat> activations =
      parse(options.activations, options.activationsOption,
            OperandFormat::Side::Activations);
  if (failed(activations))
    return failure();
  return FormatChoice{*weights, *activations};
}

/// The change as a map if it lessens the loss.
static std::optional<ChannelMap> chooseMap(const LossOptions &options,
                                           const InputData &input,
                                           const FormatChoice &formats,
                                           ChannelChange &change) {
  linalg::LinalgOp op = input.readers.front().sum.op;
  InFlightDiagnostic remark =
      op.emitRemark() << options.what << ": rounding to " << formats.str()
                      << " loses " << change.lossBefore;
  // Not true of NaN.
  if (!(change.lossAfter < change.lossBefore)) {
    remark << ", and not less with channels changed; they stay";
    return std::nullopt;
  }
  remark << ", and " << change.lossAfter << " with channels changed";
  return ChannelMap::affine(input.axes, input.shape, std::move(change.scale),
                            std::move(change.shift));
}

LogicalResult mlir::qfmt::rewriteByLoss(
    ChannelRewriter &rewriter, ModuleOp module, const LossOptions &options,
    function_ref<InFlightDiagnostic()> emitError, LossProposal propose) {
  FailureOr<FormatChoice> formats =
      parseFormats(options, module.getContext(), emitError);
  if (failed(formats))
    return failure();
  FailureOr<ChannelData> data =
      ChannelData::read(module, options.moments, emitError);
  if (failed(data))
    return failure();
  if (failed(requireLayers(rewriter, emitError)))
    return failure();
  LayerRounding rounding(*formats);
  return rewriteSharedInputs(
      rewriter, options.what,
      [&](const SharedInput &shared) -> FailureOr<std::optional<ChannelMap>> {
        FailureOr<InputData> input = data->get(shared);
        if (failed(input))
          return failure();
        FailureOr<ChannelChange> change = propose(shared, *input, rounding);
        if (failed(change))
          return failure();
        return chooseMap(options, *input, *formats, *change);
      });
}
