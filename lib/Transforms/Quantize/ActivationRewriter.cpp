// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ActivationRewriter.h"
#include "../ConstantTensor.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "qfmt/Analysis/Moves.h"

using namespace mlir;
using namespace mlir::qfmt;

unsigned ActivationRewriter::rewrite(ModuleOp module) {
  SmallVector<Operation *> ops;
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isa<ObserveOp, linalg::LinalgOp>(op) || isTensorMove(op))
      ops.push_back(op);
  });
  for (Operation *op : ops)
    encodeResult(op);
  for (auto [real, encoded] : encodings)
    replaceUses(real, encoded);
  quantizeUnobserved();
  for (Operation *op : llvm::reverse(replaced)) {
    auto observe = dyn_cast<ObserveOp>(op);
    if (observe && !encodings.lookup(observe.getResult()).codes)
      rewriter.replaceOp(op, observe.getInput());
    else
      rewriter.eraseOp(op);
  }
  return numQuantized;
}

static OperandEncoding getStatic(ScaledAttr format) {
  return {cast<TensorFormat>(static_cast<Attribute>(format))};
}

Value ActivationRewriter::quantize(Value real,
                                   const OperandEncoding &encoding) {
  ++numQuantized;
  return encoding.quantize(rewriter, real);
}

/// The format that encodes the elements of an encoded tensor.
static TensorFormat getFormat(Value encoded) {
  return EncodedTensorType::get(encoded.getType()).getFormat();
}

/// The value to pad an encoded tensor with; fails if the format lacks it. Below
/// all values (-infinity, before max pooling) the lowest one does as well:
/// where a maximum is taken over padding alone, `quantize` would saturate to
/// it.
FailureOr<Value> ActivationRewriter::getPadding(tensor::PadOp op,
                                                TensorFormat format) {
  Value padding = op.getConstantPaddingValue();
  std::optional<double> number =
      padding ? readConstantScalar(padding) : std::nullopt;
  if (!number)
    return failure();
  Type logical = padding.getType();
  if (format.canRepresent(*number, logical))
    return padding;
  auto scaled = dyn_cast<ScaledAttr>(format);
  bool isForMaximum = llvm::all_of(op->getUses(), [](OpOperand &use) {
    return getMaximumInput(use.getOwner()) == &use;
  });
  if (!scaled || !isForMaximum)
    return failure();
  double lowest =
      scaled.getNumberFormat().getLowest() * *scaled.getStaticScale(logical);
  if (*number > lowest || !format.canRepresent(lowest, logical))
    return failure();
  return arith::ConstantOp::create(rewriter, op.getLoc(),
                                   rewriter.getFloatAttr(logical, lowest))
      .getResult();
}

/// The same move of codes, if there is one.
std::optional<ActivationRewriter::Encoding>
ActivationRewriter::move(Operation *op) {
  OperandRange tensors = getMovedTensors(op);
  if (llvm::any_of(tensors, [&](Value v) { return !encodings.contains(v); }))
    return std::nullopt;
  auto [codes, source] = encodings.lookup(tensors.front());
  ScaledAttr shared = formats.lookupShared(source);
  if (!codes || (isa<tensor::ConcatOp>(op) && !shared))
    return Encoding{Value(), source};
  TensorFormat format = getFormat(codes);
  if (isa<tensor::ConcatOp>(op))
    format = getStatic(shared).format;
  IRMapping mapping;
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    FailureOr<Value> padding = getPadding(pad, format);
    if (failed(padding))
      return std::nullopt;
    mapping.map(pad.getConstantPaddingValue(), *padding);
  }
  for (Value tensor : tensors)
    mapping.map(tensor, convert(encodings.lookup(tensor).codes, {format}));
  Operation *moved = rewriter.clone(*op, mapping);
  auto logical = cast<RankedTensorType>(op->getResult(0).getType());
  moved->getResult(0).setType(
      EncodedTensorType::get(logical, format).getType());
  replaced.insert(op);
  return Encoding{moved->getResult(0), source};
}

Value ActivationRewriter::convert(Value encoded,
                                  const OperandEncoding &encoding) {
  if (getFormat(encoded) == encoding.format)
    return encoded;
  RankedTensorType logical =
      EncodedTensorType::get(encoded.getType()).getLogicalType();
  auto op = ConvertOp::create(
      rewriter, encoded.getLoc(),
      EncodedTensorType::get(logical, encoding.format).getType(), encoded);
  op.setScaleRule(encoding.scaleRule);
  op.setRounding(encoding.rounding);
  return op;
}

void ActivationRewriter::encodeResult(Operation *op) {
  rewriter.setInsertionPointAfter(op);
  if (auto observe = dyn_cast<ObserveOp>(op)) {
    ScaledAttr format = formats.lookup(observe);
    Value codes;
    if (format)
      codes = quantize(observe.getInput(), getStatic(format));
    encodings[observe.getResult()] = {codes, observe};
    replaced.insert(op);
    return;
  }
  if (isTensorMove(op)) {
    if (std::optional<Encoding> moved = move(op))
      encodings[op->getResult(0)] = *moved;
    return;
  }
  OpOperand *copied = getCopiedInput(op);
  if (!copied || !encodings.contains(copied->get()))
    return;
  auto [codes, source] = encodings.lookup(copied->get());
  if (!codes) {
    encodings[op->getResult(0)] = {codes, source};
    return;
  }
  TensorFormat format = getFormat(codes);
  // linalg.transpose and linalg.broadcast have no body that could read codes
  // and yield reals.
  if (!isa<linalg::GenericOp>(op)) {
    FailureOr<linalg::GenericOp> generic =
        linalg::generalizeNamedOp(rewriter, cast<linalg::LinalgOp>(op));
    if (failed(generic))
      return;
    op = *generic;
    rewriter.setInsertionPointAfter(op);
  }
  // linalg results are real; their codes are those of the input again.
  Value result = op->getResult(0);
  encodings[result] = {quantize(result, {format}), source};
}

/// The encoding in which a layer reads a tensor; null if it reads reals.
OperandEncoding
ActivationRewriter::getReadEncoding(const LayerFormat &layer,
                                    const Encoding &tensor) const {
  const OperandFormat &format = layer.choice.activations;
  if (format.number) {
    ScaledAttr own;
    if (tensor.codes)
      own = cast<ScaledAttr>(getFormat(tensor.codes));
    return getStatic(formats.lookupRead(tensor.source, layer, own));
  }
  if (!tensor.codes || !layer.dataEncoding.format)
    return layer.dataEncoding;
  // Codes gain nothing from a wider format.
  TensorFormat own = getFormat(tensor.codes);
  unsigned width = cast<ScaledAttr>(own).getNumberFormat().getFormatWidth();
  if (width < format.getCodeWidth(rewriter.getContext()))
    return {own};
  return layer.dataEncoding;
}

/// A tensor as a layer reads it; null for reals.
Value ActivationRewriter::read(const LayerFormat &layer, Value real,
                               const Encoding &tensor,
                               SmallVectorImpl<Read> &known) {
  OperandEncoding encoding = getReadEncoding(layer, tensor);
  if (!encoding.format)
    return {};
  for (const Read &read : known)
    if (read.encoding == encoding)
      return read.value;
  rewriter.setInsertionPointAfterValue(tensor.codes ? tensor.codes : real);
  Value value =
      tensor.codes ? convert(tensor.codes, encoding) : quantize(real, encoding);
  known.push_back({encoding, value});
  return value;
}

void ActivationRewriter::replaceUses(Value real, const Encoding &encoding) {
  Value encoded = encoding.codes;
  Value dequantized;
  SmallVector<Read> known;
  for (OpOperand &use : llvm::make_early_inc_range(real.getUses())) {
    Operation *user = use.getOwner();
    if (replaced.contains(user) || (encoded && user == encoded.getDefiningOp()))
      continue;
    if (const LayerFormat *layer = layers.findReader(use)) {
      if (Value value = read(*layer, real, encoding, known)) {
        use.set(value);
        continue;
      }
    } else if (auto op = dyn_cast<linalg::LinalgOp>(user);
               encoded && op && op.hasPureTensorSemantics() &&
               op.isDpsInput(&use)) {
      use.set(encoded);
      continue;
    }
    if (!encoded)
      continue;
    rewriter.setInsertionPointAfterValue(encoded);
    if (!dequantized)
      dequantized = DequantizeOp::create(rewriter, real.getLoc(),
                                         real.getType(), encoded);
    use.set(dequantized);
  }
}

/// Scales that come at run time need no statistics: a layer may read data that
/// was not observed, or whose codes could not be moved.
void ActivationRewriter::quantizeUnobserved() {
  for (const LayerFormat &layer : layers.getLayers()) {
    Value real = layer.data->get();
    if (!layer.dataEncoding.format || encodings.contains(real) ||
        EncodedTensorType::isEncoded(real.getType()))
      continue;
    rewriter.setInsertionPointAfterValue(real);
    layer.data->set(quantize(real, layer.dataEncoding));
  }
}
