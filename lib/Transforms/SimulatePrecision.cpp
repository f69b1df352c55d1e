//===- SimulatePrecision.cpp - Rounds tensors to fewer bits ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level real or observed.
// Output: level encoded. What the option `scope` chooses is quantized to the
//         minifloat of the options and dequantized at once, without scales; no
//         other operation changes.
//
// The format is that of "To FP8 and back again": fewer mantissa bits mask or
// round the low ones; fewer exponent bits clip the range, so that what is too
// large saturates and what is too small becomes 0. A tensor whose type has no
// more exponent bits than the format is not clipped: subnormal and infinite
// numbers stay. E8Mk toward zero thus is x & ~((1 << (7 - k)) - 1) on the bits
// of a bf16.
//
//===----------------------------------------------------------------------===//

#include "SummedProducts.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/Statistic.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_SIMULATEPRECISION
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-simulate-precision"
ALWAYS_ENABLED_STATISTIC(numRounded, "Tensors rounded");

namespace {

bool isSimulatedType(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && !tensor.getEncoding() &&
         isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(
             tensor.getElementType());
}

unsigned getExponentBits(Type type) {
  auto element = cast<FloatType>(type);
  return element.getWidth() - element.getFPMantissaWidth();
}

/// Rounds values to one format.
class Simulator {
public:
  Simulator(unsigned exponent, unsigned mantissa, RoundingMode rounding)
      : exponent(exponent), mantissa(mantissa), rounding(rounding) {}

  /// The number format as this tensor type needs it; null if it has every value
  /// of the type.
  Type getFormat(RankedTensorType tensor) const {
    MLIRContext *context = tensor.getContext();
    auto element = cast<FloatType>(tensor.getElementType());
    bool clips = exponent < getExponentBits(element);
    // Without the implicit bit.
    if (!clips && mantissa + 1 >= element.getFPMantissaWidth())
      return {};
    // These have no other spelling.
    std::pair<unsigned, unsigned> bits = {exponent, mantissa};
    if (!clips && bits == std::pair(8u, 7u))
      return BFloat16Type::get(context);
    if (!clips && bits == std::pair(5u, 2u))
      return Float8E5M2Type::get(context);
    return QFloatType::get(context, exponent, mantissa,
                           MinifloatSpec::defaultBias(exponent),
                           MinifloatSpec::Specials::IEEE,
                           /*subnormals=*/!clips, FloatAttr());
  }

  /// `value` rounded; the value itself if nothing would change.
  Value round(OpBuilder &builder, Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    Type format = getFormat(type);
    if (!format)
      return value;
    bool clips = exponent < getExponentBits(type.getElementType());
    Attribute encoding = ScaledAttr::get(type.getContext(), format);
    auto encoded =
        RankedTensorType::get(type.getShape(), type.getElementType(), encoding);
    auto codes = QuantizeOp::create(builder, value.getLoc(), encoded, value);
    codes.setRounding(rounding);
    codes.setOverflow(clips ? OverflowMode::Saturate : OverflowMode::Infinity);
    codes.setNan(NaNMode::Propagate);
    return DequantizeOp::create(builder, value.getLoc(), type, codes);
  }

private:
  unsigned exponent, mantissa;
  RoundingMode rounding;
};

/// Rounds the factors of summed products; a value that several operations read
/// is rounded once.
unsigned simulateContractions(Operation *root, Simulator &simulator) {
  SmallVector<OpOperand *> factors;
  root->walk([&](linalg::LinalgOp op) {
    for (OpOperand *factor : getFactors(op))
      if (isSimulatedType(factor->get().getType()))
        factors.push_back(factor);
  });
  DenseMap<Value, Value> rounded;
  unsigned count = 0;
  for (OpOperand *factor : factors) {
    Value value = factor->get();
    Value &result = rounded[value];
    if (!result) {
      OpBuilder builder(value.getContext());
      builder.setInsertionPointAfterValue(value);
      result = simulator.round(builder, value);
      count += result != value;
    }
    factor->set(result);
  }
  return count;
}

/// Rounds the arguments of functions and every tensor that is computed, as if
/// each were stored in the format.
unsigned simulateAll(Operation *root, Simulator &simulator) {
  SmallVector<Value> values;
  root->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (auto function = dyn_cast<FunctionOpInterface>(op);
        function && !function.isExternal())
      llvm::append_range(values, function.getArguments());
    llvm::append_range(values, op->getResults());
  });
  unsigned count = 0;
  for (Value value : values) {
    // What `outs` start from without being read is no number.
    if (!isSimulatedType(value.getType()) ||
        isa_and_nonnull<tensor::EmptyOp>(value.getDefiningOp()))
      continue;
    OpBuilder builder(value.getContext());
    builder.setInsertionPointAfterValue(value);
    Value rounded = simulator.round(builder, value);
    if (rounded == value)
      continue;
    value.replaceAllUsesExcept(
        rounded,
        rounded.getDefiningOp<DequantizeOp>().getInput().getDefiningOp());
    ++count;
  }
  return count;
}

struct SimulatePrecisionPass
    : qfmt::impl::SimulatePrecisionBase<SimulatePrecisionPass> {
  using Base::Base;

  LogicalResult checkOptions() {
    if (exponent < 2 || exponent > 8 || mantissa < 1 ||
        exponent + mantissa > 15)
      return emitError(getOperation().getLoc())
             << "qfmt-simulate-precision needs exponent = 2 to 8, mantissa of "
                "at least 1, and both together at most 15, found exponent = "
             << unsigned(exponent) << ", mantissa = " << unsigned(mantissa);
    return success();
  }

  void runOnOperation() override {
    if (failed(checkOptions()))
      return signalPassFailure();
    Simulator simulator(exponent, mantissa, rounding);
    numRounded += scope == PrecisionScope::All
                      ? simulateAll(getOperation(), simulator)
                      : simulateContractions(getOperation(), simulator);
  }
};
} // namespace
