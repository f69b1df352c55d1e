// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WeightRewriter.h"
#include "../CalibratedRange.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qfmt/IR/ConstantData.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

Value WeightRewriter::createConstant(Location loc, ElementsAttr elements) {
  return arith::ConstantOp::create(rewriter, loc, elements);
}

ScaledAttr WeightRewriter::getFormat(const WeightedSum &sum) const {
  SmallVector<int64_t> block(sum.values.getRank(), ScaledAttr::kWhole);
  for (WeightedSum::Channel channel : sum.channels)
    block[channel.weightDim] = 1;
  MLIRContext *context = rewriter.getContext();
  return ScaledAttr::get(context, format, block,
                         TypeAttr::get(Float32Type::get(context)));
}

FailureOr<Value> WeightRewriter::encode(const WeightedSum &sum,
                                        EncodedTensorType type) {
  const ConstantTensor &values = sum.values;
  SmallVector<Type> parts = type.getConstituentTypes();
  auto codesType = cast<RankedTensorType>(parts[0]);
  auto scalesType = cast<RankedTensorType>(parts[1]);

  // The block of an element: its index along channels, else 0.
  auto getBlock = [&](ArrayRef<int64_t> index) {
    int64_t block = 0;
    for (auto [entry, size] : llvm::zip_equal(index, scalesType.getShape()))
      block = block * size + (size == 1 ? 0 : entry);
    return block;
  };
  std::vector<double> scales(scalesType.getNumElements(), 0.0);
  bool isFinite = true;
  forEachIndex(values.getShape(), [&](ArrayRef<int64_t> index) {
    double &largest = scales[getBlock(index)];
    isFinite &= std::isfinite(values.at(index));
    largest = std::max(largest, std::abs(values.at(index)));
  });
  if (!isFinite)
    return sum.op->emitOpError() << "has weights that are NaN or infinite";
  for (double &scale : scales)
    scale = getSymmetricScale(scale, format);

  // As `quantize` does: the quotient is rounded to f32, then to a code.
  std::vector<int64_t> codes;
  codes.reserve(values.getNumElements());
  forEachIndex(values.getShape(), [&](ArrayRef<int64_t> index) {
    float quotient = static_cast<float>(values.at(index)) /
                     static_cast<float>(scales[getBlock(index)]);
    codes.push_back(format.encodeReal(ExactReal::fromDouble(quotient),
                                      RoundingMode::HalfEven,
                                      OverflowMode::Saturate, NaNMode::Zero));
  });

  Location loc = sum.op->getLoc();
  std::string name =
      values.getName().empty() ? "weights" : values.getName().str();
  Value payload =
      createConstant(loc, makeIntegers(codesType, codes, name + ".codes"));
  Value scale =
      createConstant(loc, makeFloats(scalesType, scales, name + ".scales"));
  return AssembleOp::create(rewriter, loc, type.getType(),
                            ValueRange{payload, scale})
      .getResult();
}

LogicalResult WeightRewriter::rewrite(const WeightedSum &sum) {
  auto type = EncodedTensorType::get(
      cast<RankedTensorType>(sum.weights->get().getType()),
      cast<TensorFormat>(getFormat(sum)));
  Value &encoded = encodings[{sum.weights->get(), type.getType()}];
  if (!encoded) {
    rewriter.setInsertionPointAfterValue(sum.weights->get());
    FailureOr<Value> created = encode(sum, type);
    if (failed(created))
      return failure();
    encoded = *created;
    numBytes +=
        llvm::divideCeil(type.getFormat().getPackedBits(type.getShape()), 8);
  }
  sum.weights->set(encoded);
  return success();
}
