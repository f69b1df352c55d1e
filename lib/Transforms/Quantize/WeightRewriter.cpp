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

static LogicalResult verifyFinite(const WeightedSum &sum) {
  bool isFinite = true;
  forEachIndex(sum.values.getShape(), [&](ArrayRef<int64_t> index) {
    isFinite &= std::isfinite(sum.values.at(index));
  });
  if (isFinite)
    return success();
  return sum.op->emitOpError() << "has weights that are NaN or infinite";
}

static std::string getName(const ConstantTensor &values) {
  return values.getName().empty() ? "weights" : values.getName().str();
}

Value WeightRewriter::assemble(const WeightedSum &sum, NumberFormat format,
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
  forEachIndex(values.getShape(), [&](ArrayRef<int64_t> index) {
    double &largest = scales[getBlock(index)];
    largest = std::max(largest, std::abs(values.at(index)));
  });
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
  std::string name = getName(values);
  Value payload =
      createConstant(loc, makeIntegers(codesType, codes, name + ".codes"));
  Value scale =
      createConstant(loc, makeFloats(scalesType, scales, name + ".scales"));
  return AssembleOp::create(rewriter, loc, type.getType(),
                            ValueRange{payload, scale})
      .getResult();
}

Value WeightRewriter::quantize(const WeightedSum &sum,
                               const OperandEncoding &encoding) {
  Value real = sum.weights->get();
  // Behind moves: qfmt-encode-constants reads constants alone.
  if (!real.getDefiningOp<arith::ConstantOp>())
    real = createConstant(sum.op->getLoc(),
                          makeFloats(cast<RankedTensorType>(real.getType()),
                                     sum.values.getElements(),
                                     getName(sum.values)));
  return encoding.quantize(rewriter, real).getResult();
}

LogicalResult WeightRewriter::rewrite(const WeightedSum &sum,
                                      const OperandFormat &format) {
  OperandEncoding encoding = getWeightEncoding(format, sum);
  if (!encoding.format)
    return success();
  auto logical = cast<RankedTensorType>(sum.weights->get().getType());
  if (failed(encoding.format.verifyEncoding(
          logical.getShape(), logical.getElementType(), [&] {
            return sum.op->emitOpError()
                   << "has weights that " << format.str() << " cannot encode: ";
          })))
    return failure();
  auto type = EncodedTensorType::get(logical, encoding.format);
  Value &encoded =
      encodings[{sum.weights->get(), type.getType(), format.preset}];
  if (!encoded) {
    if (failed(verifyFinite(sum)))
      return failure();
    rewriter.setInsertionPointAfterValue(sum.weights->get());
    bool isInteger = format.number && format.number.hasIntegerCodes();
    encoded = isInteger ? assemble(sum, format.number, type)
                        : quantize(sum, encoding);
    numBytes +=
        llvm::divideCeil(type.getFormat().getPackedBits(type.getShape()), 8);
  }
  sum.weights->set(encoded);
  return success();
}
