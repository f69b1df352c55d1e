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

template <typename T>
ElementsAttr WeightRewriter::share(
    RankedTensorType type, const std::vector<T> &values,
    function_ref<std::optional<std::vector<T>>(Attribute)> read,
    function_ref<ElementsAttr()> make) {
  // Attributes of resources are not unique by themselves.
  StringRef bytes(reinterpret_cast<const char *>(values.data()),
                  values.size() * sizeof(T));
  SmallVector<ElementsAttr, 1> &known =
      constantsByHash[llvm::hash_combine(static_cast<Type>(type), bytes)];
  for (ElementsAttr attribute : known)
    if (attribute.getType() == type && read(attribute) == values)
      return attribute;
  return known.emplace_back(make());
}

ElementsAttr WeightRewriter::makeCodes(RankedTensorType type,
                                       std::vector<int64_t> codes,
                                       StringRef name) {
  // As they are read again.
  for (int64_t &code : codes)
    code = llvm::SignExtend64(code, type.getElementTypeBitWidth());
  return share<int64_t>(type, codes, readIntegers,
                        [&] { return makeIntegers(type, codes, name); });
}

ElementsAttr WeightRewriter::makeScales(RankedTensorType type,
                                        const std::vector<double> &scales,
                                        StringRef name) {
  return share<double>(type, scales, readFloats,
                       [&] { return makeFloats(type, scales, name); });
}

Value WeightRewriter::assemble(const WeightedSum &sum, NumberFormat format,
                               const OperandEncoding &encoding) {
  const ConstantTensor &values = sum.values;
  auto type = EncodedTensorType::get(
      cast<RankedTensorType>(sum.weights->get().getType()),
      encoding.master ? encoding.master : encoding.format);
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
  Value payload = createConstant(
      loc, makeCodes(codesType, std::move(codes), name + ".codes"));
  Value scale =
      createConstant(loc, makeScales(scalesType, scales, name + ".scales"));
  Value assembled = AssembleOp::create(rewriter, loc, type.getType(),
                                       ValueRange{payload, scale});
  if (!encoding.master)
    return assembled;
  for (double &entry : scales)
    entry *= encoding.getMasterStep();
  Value wide =
      createConstant(loc, makeScales(scalesType, scales, name + ".scales"));
  return encoding.roundMaster(rewriter, assembled, wide);
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
  return encoding.quantize(rewriter, real);
}

Value WeightRewriter::encode(const WeightedSum &sum,
                             const OperandFormat &format,
                             const OperandEncoding &encoding) {
  bool isAssembled = format.number && format.number.hasIntegerCodes() &&
                     encoding.scaleRule == ScaleRule::AbsMax &&
                     (computeCodes || format.master);
  if (!isAssembled)
    return quantize(sum, encoding);
  return assemble(sum, format.master ? format.master : format.number, encoding);
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
  Value &encoded = encodings[{sum.weights->get(), type.getType(),
                              Attribute(encoding.master), encoding.scaleRule}];
  if (!encoded) {
    if (failed(verifyFinite(sum)))
      return failure();
    rewriter.setInsertionPointAfterValue(sum.weights->get());
    encoded = encode(sum, format, encoding);
    TensorFormat stored = encoding.master ? encoding.master : encoding.format;
    numBytes += llvm::divideCeil(stored.getPackedBits(type.getShape()), 8);
  }
  sum.weights->set(encoded);
  return success();
}
