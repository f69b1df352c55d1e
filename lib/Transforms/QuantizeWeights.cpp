// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  linalg on tensors, at level real or encoded.
// Output: its constant factors replaced by `quantize` of them.
//
// Reads no constant: their codes are computed by qfmt-encode-constants. Factors
// that are computed from constants, and constants that operations other than
// linalg read, stay as they are.

#include "OperandEncoding.h"
#include "SummedProducts.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/Statistic.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_QUANTIZEWEIGHTS
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-quantize-weights"
ALWAYS_ENABLED_STATISTIC(numWeights, "Constants quantized");

namespace {
/// What the option says.
struct Choice {
  /// Null: `encoding` for every tensor.
  const Preset *preset = nullptr;
  TensorFormat encoding;
};
} // namespace

static FailureOr<Choice> parseChoice(StringRef text, Location loc) {
  Choice choice;
  choice.preset = findPreset(text);
  if (choice.preset)
    return choice;
  if (text.starts_with("#")) {
    // The parser's own diagnostic says what is wrong with it.
    Attribute attribute = parseAttribute(text, loc.getContext());
    choice.encoding = dyn_cast_or_null<TensorFormat>(attribute);
    if (choice.encoding)
      return choice;
  }
  return emitError(loc) << "option 'format' of qfmt-quantize-weights takes a "
                           "name that qfmt-opt --list-formats lists or an "
                           "encoding such as #qfmt.scaled<i8>, found '"
                        << text << "'";
}

/// The operand's constant if it is a tensor of floats that can be encoded.
static arith::ConstantOp getWeights(OpOperand &operand) {
  auto constant = operand.get().getDefiningOp<arith::ConstantOp>();
  auto type = dyn_cast<RankedTensorType>(operand.get().getType());
  if (!constant || !type || type.getEncoding() || type.getRank() == 0 ||
      !isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(
          type.getElementType()))
    return {};
  return constant;
}

/// The encoding of one operand; null if its dimensions are not loops.
static OperandEncoding getEncoding(const Choice &choice, linalg::LinalgOp op,
                                   OpOperand &operand) {
  if (!choice.preset)
    return {choice.encoding};
  AffineMap map = op.getMatchingIndexingMap(&operand);
  if (!llvm::all_of(map.getResults(), llvm::IsaPred<AffineDimExpr>))
    return {};
  return getPresetEncoding(*choice.preset, op, operand);
}

namespace {
struct QuantizeWeightsPass
    : qfmt::impl::QuantizeWeightsBase<QuantizeWeightsPass> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<Choice> choice = parseChoice(format, getOperation().getLoc());
    if (failed(choice))
      return signalPassFailure();
    IRRewriter rewriter(&getContext());
    WalkResult result = getOperation().walk([&](linalg::LinalgOp op) {
      for (OpOperand *factor : getFactors(op))
        if (arith::ConstantOp weights = getWeights(*factor))
          if (failed(quantize(*choice, op, *factor, weights, rewriter)))
            return WalkResult::interrupt();
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  LogicalResult quantize(const Choice &choice, linalg::LinalgOp op,
                         OpOperand &operand, arith::ConstantOp weights,
                         RewriterBase &rewriter) {
    OperandEncoding encoding = getEncoding(choice, op, operand);
    TensorFormat format = encoding.format;
    if (!format)
      return success();
    auto plain = cast<RankedTensorType>(weights.getType());
    auto emit = [&] {
      return op.emitOpError()
             << "has weights that qfmt-quantize-weights cannot encode: ";
    };
    if (failed(format.verifyEncoding(plain.getShape(), plain.getElementType(),
                                     emit)))
      return failure();
    auto encoded =
        RankedTensorType::get(plain.getShape(), plain.getElementType(), format);
    Value &quantized = known[{weights, encoded}];
    if (!quantized) {
      rewriter.setInsertionPointAfter(weights);
      quantized = encoding.quantize(rewriter, weights.getResult());
      ++numWeights;
    }
    operand.set(quantized);
    return success();
  }

private:
  /// Weights that several operations read in the same way are encoded once.
  llvm::DenseMap<std::pair<Operation *, Type>, Value> known;
};
} // namespace
