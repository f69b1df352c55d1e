//===- Quantize.cpp - From observers to encoded tensors -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level observed, every `observe` with statistics; layers may have
//         formats of their own (`qfmt.assigned`).
// Output: level encoded. Each `observe` is a `quantize` to a static per-tensor
//         format; linalg reads its codes through `ins`, moves act on them, and
//         what else needs floats (`return` among them) gets a `dequantize`.
//         A layer whose format is another reads a `convert` of it, and a
//         `quantize` to scales computed at run time if that is its format.
//         Constant weights are `assemble` of integer codes and one scale a
//         channel, or `quantize` to any other format.
// Not done: function signatures stay f32 (integerize turns a `quantize` of an
//         argument and a `dequantize` before a return into encoded types);
//         biases, accumulators and constant operands of element-wise
//         operations stay f32.
//
//===----------------------------------------------------------------------===//

#include "LinalgUses.h"
#include "Quantize/ActivationRewriter.h"
#include "Quantize/FormatAssignment.h"
#include "Quantize/LayerFormats.h"
#include "Quantize/Plan.h"
#include "Quantize/WeightRewriter.h"
#include "WeightedSum.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/RegionUtils.h"
#include "qfmt/IR/LayerAttributes.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/Statistic.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_QUANTIZE
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-quantize"
ALWAYS_ENABLED_STATISTIC(numActivations, "Tensors quantized at run time");
ALWAYS_ENABLED_STATISTIC(numWeights, "Constants quantized");
ALWAYS_ENABLED_STATISTIC(weightBytes,
                         "Packed bytes of the quantized constants");

namespace {

/// `outs` that only give a shape must not keep tensors alive as floats.
void replaceUnreadOuts(RewriterBase &rewriter, ModuleOp module) {
  module.walk([&](linalg::LinalgOp op) {
    for (OpOperand &out : op.getDpsInitsMutable()) {
      auto type = dyn_cast<RankedTensorType>(out.get().getType());
      if (readsElements(out) || !type || !type.hasStaticShape() ||
          out.get().getDefiningOp<tensor::EmptyOp>())
        continue;
      rewriter.setInsertionPoint(op);
      out.set(tensor::EmptyOp::create(rewriter, op.getLoc(), type.getShape(),
                                      type.getElementType()));
    }
  });
}

struct QuantizePass : qfmt::impl::QuantizeBase<QuantizePass> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<Plan> plan = parsePlan({weights, activations, wideActivations,
                                      calibration, percentile, inputFormat},
                                     getOperation().getLoc());
    if (failed(plan))
      return signalPassFailure();
    FailureOr<LayerFormats> layers =
        LayerFormats::collect(getOperation(), plan->layers);
    if (failed(layers) || failed(quantizeActivations(*plan, *layers)) ||
        failed(quantizeWeights(*layers)))
      return signalPassFailure();
    IRRewriter rewriter(&getContext());
    replaceUnreadOuts(rewriter, getOperation());
    (void)runRegionDCE(rewriter, getOperation()->getRegions());
  }

  LogicalResult quantizeActivations(const Plan &plan,
                                    const LayerFormats &layers) {
    IRRewriter rewriter(&getContext());
    FormatAssignment formats(getOperation(), plan, layers);
    if (failed(formats.assign()))
      return failure();
    numActivations +=
        ActivationRewriter(rewriter, formats, layers).rewrite(getOperation());
    return success();
  }

  LogicalResult quantizeWeights(const LayerFormats &layers) {
    IRRewriter rewriter(&getContext());
    WeightRewriter weightRewriter(rewriter, encodeWeights);
    for (const LayerFormat &layer : layers.getLayers()) {
      // Reads the constant; those of all layers are not held at once.
      std::optional<WeightedSum> sum = WeightedSum::match(layer.op);
      if (failed(weightRewriter.rewrite(*sum, layer.choice.weights)))
        return failure();
      if (!encodeWeights)
        sum->op->setAttr(kLayerAttr, rewriter.getStringAttr(layer.name));
    }
    numWeights += weightRewriter.getNumWeights();
    weightBytes += weightRewriter.getNumBytes();
    return success();
  }
};
} // namespace
