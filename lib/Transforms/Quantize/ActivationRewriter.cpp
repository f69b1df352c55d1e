// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ActivationRewriter.h"
#include "../ConstantTensor.h"
#include "../Moves.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"

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
  for (Operation *op : llvm::reverse(replaced))
    rewriter.eraseOp(op);
  return numQuantized;
}

Value ActivationRewriter::quantize(Value real, ScaledAttr format) {
  ++numQuantized;
  auto type = EncodedTensorType::get(cast<RankedTensorType>(real.getType()),
                                     cast<TensorFormat>(format));
  auto op = QuantizeOp::create(rewriter, real.getLoc(), type.getType(), real);
  return op.getResult();
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
  auto [codes, narrow] = encodings.lookup(tensors.front());
  TensorFormat format = getFormat(codes);
  if (isa<tensor::ConcatOp>(op)) {
    SmallVector<ObserveOp> sources;
    collectSources(op->getResult(0), sources);
    ScaledAttr shared = formats.lookupShared(sources.front());
    narrow = formats.lookupNarrow(sources.front(), shared);
    format = shared;
  }
  IRMapping mapping;
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    FailureOr<Value> padding = getPadding(pad, format);
    if (failed(padding))
      return std::nullopt;
    mapping.map(pad.getConstantPaddingValue(), *padding);
  }
  for (Value tensor : tensors)
    mapping.map(tensor, convert(encodings.lookup(tensor).codes, format));
  Operation *moved = rewriter.clone(*op, mapping);
  auto logical = cast<RankedTensorType>(op->getResult(0).getType());
  moved->getResult(0).setType(
      EncodedTensorType::get(logical, format).getType());
  replaced.insert(op);
  return Encoding{moved->getResult(0), narrow};
}

Value ActivationRewriter::convert(Value encoded, TensorFormat format) {
  if (getFormat(encoded) == format)
    return encoded;
  RankedTensorType logical =
      EncodedTensorType::get(encoded.getType()).getLogicalType();
  return ConvertOp::create(rewriter, encoded.getLoc(),
                           EncodedTensorType::get(logical, format).getType(),
                           encoded);
}

void ActivationRewriter::encodeResult(Operation *op) {
  rewriter.setInsertionPointAfter(op);
  if (auto observe = dyn_cast<ObserveOp>(op)) {
    ScaledAttr format = formats.lookup(observe);
    encodings[observe.getResult()] = {quantize(observe.getInput(), format),
                                      formats.lookupNarrow(observe, format)};
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
  auto [codes, narrow] = encodings.lookup(copied->get());
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
  encodings[result] = {quantize(result, cast<ScaledAttr>(format)), narrow};
}

void ActivationRewriter::replaceUses(Value real, const Encoding &encoding) {
  Value encoded = encoding.codes;
  Value narrow, dequantized;
  for (OpOperand &use : llvm::make_early_inc_range(real.getUses())) {
    Operation *user = use.getOwner();
    if (user == encoded.getDefiningOp() || replaced.contains(user))
      continue;
    auto linalgOp = dyn_cast<linalg::LinalgOp>(user);
    if (linalgOp && linalgOp.hasPureTensorSemantics() &&
        linalgOp.isDpsInput(&use)) {
      if (!narrow && weighted.contains(&use)) {
        rewriter.setInsertionPointAfterValue(encoded);
        narrow = convert(encoded, cast<TensorFormat>(encoding.narrow));
      }
      use.set(weighted.contains(&use) ? narrow : encoded);
      continue;
    }
    rewriter.setInsertionPointAfterValue(encoded);
    if (!dequantized)
      dequantized = DequantizeOp::create(rewriter, real.getLoc(),
                                         real.getType(), encoded);
    use.set(dequantized);
  }
}
