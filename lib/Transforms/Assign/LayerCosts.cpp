// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LayerCosts.h"
#include "LutCost.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::qfmt;

/// The product of the sizes of all loops, or of those of reductions; none if
/// one is dynamic.
static std::optional<int64_t> multiplyLoops(linalg::LinalgOp op,
                                            bool onlyReductions) {
  int64_t product = 1;
  for (auto [size, type] :
       llvm::zip_equal(op.getStaticLoopRanges(), op.getIteratorTypesArray())) {
    if (onlyReductions && type != utils::IteratorType::reduction)
      continue;
    if (ShapedType::isDynamic(size) ||
        llvm::MulOverflow(product, size, product))
      return std::nullopt;
  }
  return product;
}

double mlir::qfmt::getPackedBytes(RankedTensorType type,
                                  const OperandEncoding &encoding) {
  if (!encoding.format)
    return double(type.getNumElements()) * sizeof(float);
  TensorFormat stored = encoding.master ? encoding.master : encoding.format;
  double bytes = 0;
  for (const Constituent &part :
       stored.getConstituents(type.getShape(), type.getElementType()))
    bytes += llvm::divideCeil(getPackedBits(part), 8);
  return bytes;
}

std::map<std::string, double>
mlir::qfmt::getLayerCosts(const WeightedSum &sum, const FormatChoice &choice) {
  linalg::LinalgOp op = sum.op;
  MLIRContext *context = op.getContext();
  std::map<std::string, double> costs;
  costs[kBytesCost.str()] =
      getPackedBytes(cast<RankedTensorType>(sum.weights->get().getType()),
                     getWeightEncoding(choice.weights, sum));
  if (auto products = multiplyLoops(op, /*onlyReductions=*/false))
    costs[kBitOperationsCost.str()] = double(*products) *
                                      choice.weights.getCodeWidth(context) *
                                      choice.activations.getCodeWidth(context);
  if (auto terms = multiplyLoops(op, /*onlyReductions=*/true))
    if (auto luts = getLutCost(choice, std::max<int64_t>(*terms, 1), context))
      costs[kLutsCost.str()] = *luts;
  return costs;
}
