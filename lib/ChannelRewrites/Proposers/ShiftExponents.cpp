// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level real or observed, and what qfmt-annotate has recorded of it.
// Output: the same function, bit for bit, where small channels of tensors that
//         layers read are larger by powers of two, and the weights that read
//         them smaller.
// Not done: the search for the format and for ranges that clip.

#include "../LossProposer.h"
#include "qfmt/ChannelRewrites/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_SHIFTEXPONENTS
#include "qfmt/ChannelRewrites/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

namespace {
struct ShiftExponentsPass
    : ProposerPass<qfmt::impl::ShiftExponentsBase<ShiftExponentsPass>> {
  using ProposerPass::ProposerPass;

  /// Everything that compiling needs: no dialect can be loaded later on.
  void getDependentDialects(DialectRegistry &registry) const override {
    registerPipelineDialects(registry);
  }

  LogicalResult propose(ChannelRewriter &rewriter) override {
    FailureOr<FloatFields> fields = parseFields();
    if (failed(fields))
      return failure();
    return rewriteByLoss(
        rewriter, getOperation(),
        {getWhat(), moments, weights, format, "weights", "format"},
        [&] { return emitPassError(); },
        [&](const SharedInput &, const InputData &input,
            LayerRounding &rounding) {
          return shift(*fields, input, rounding);
        });
  }

  FailureOr<FloatFields> parseFields() {
    auto emit = [&] { return emitPassError() << "option 'format': "; };
    FailureOr<OperandFormat> parsed = OperandFormat::parse(
        format, OperandFormat::Side::Activations, &getContext(), emit);
    if (failed(parsed))
      return failure();
    std::optional<FloatFields> fields;
    if (parsed->number)
      fields = parsed->number.getFloatFields();
    // A channel's bias is an integer in the range of exponents.
    constexpr unsigned kMostExponentBits = 5;
    if (!fields || fields->exponentBits == 0 ||
        fields->exponentBits > kMostExponentBits)
      return emit() << "'" << format
                    << "' is no float of 1 to 5 exponent bits; give one as "
                       "f4E2M1FN or f8E4M3FN";
    return *fields;
  }

  static FailureOr<ChannelChange> shift(const FloatFields &fields,
                                        const InputData &input,
                                        LayerRounding &rounding) {
    std::vector<double> biases =
        getExponentBiases(input.ranges.getLargest(), fields.exponentBits,
                          fields.significandBits - 1);
    std::vector<std::vector<int>> shifts =
        getShiftCandidates(biases, fields.exponentBits);
    QuantizationLoss loss(input, rounding);
    std::optional<Candidate> best =
        findLeastLoss(shifts.size(), [&](size_t i) -> std::optional<double> {
          FailureOr<double> found = loss.compute(getShiftScales(shifts[i]));
          return failed(found) ? std::nullopt : std::optional<double>(*found);
        });
    if (!best)
      return failure();
    return ChannelChange{
        getShiftScales(shifts[best->number]), {}, best->firstLoss, best->loss};
  }
};
} // namespace
