// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "RowErrors.h"
#include "ChannelOrder.h"

using namespace mlir;
using namespace mlir::qfmt;

FailureOr<RowErrors>
RowErrors::create(StringRef format, int64_t block, unsigned bits,
                  MLIRContext *context,
                  function_ref<InFlightDiagnostic()> emitError) {
  if (bits < 2 || bits > 32)
    return emitError() << "option 'bits' is " << bits << ": give 2 to 32";
  RowErrors errors;
  errors.bits = bits;
  errors.block = block;
  if (format.empty())
    return errors;
  FailureOr<OperandFormat> parsed = OperandFormat::parse(
      format, OperandFormat::Side::Activations, context, emitError);
  if (failed(parsed))
    return failure();
  errors.format = *parsed;
  errors.roundTrips = std::make_unique<WeightErrors>();
  return errors;
}

OperandEncoding RowErrors::getEncoding(MLIRContext *context) const {
  if (format.preset)
    return {format.preset->getFormat(context, /*rank=*/2),
            format.getScaleRule(), format.preset->rounding};
  if (!format.number)
    return {format.encoding, format.getScaleRule()};
  SmallVector<int64_t> block(2, ScaledAttr::kWhole);
  auto scaled = ScaledAttr::get(context, format.number, block,
                                TypeAttr::get(Float32Type::get(context)));
  return {cast<TensorFormat>(static_cast<Attribute>(scaled))};
}

/// The sum of the squares of errors [n][channels] times weights
/// [channels][others].
static double getProductEnergy(ArrayRef<double> errors,
                               ArrayRef<double> weights, int64_t channels) {
  size_t others = weights.size() / channels;
  std::vector<double> products(others);
  double sum = 0;
  for (size_t row = 0; row < errors.size(); row += channels) {
    std::fill(products.begin(), products.end(), 0.0);
    for (int64_t i = 0; i < channels; ++i)
      for (size_t j = 0; j < others; ++j)
        products[j] += errors[row + i] * weights[i * others + j];
    for (double product : products)
      sum += product * product;
  }
  return sum;
}

FailureOr<double> RowErrors::get(Operation *op, ArrayRef<double> rows,
                                 int64_t channels, ArrayRef<double> weights) {
  if (!roundTrips) {
    // As if errors were independent.
    std::vector<double> factors;
    if (!weights.empty())
      factors = getRowNorms(weights, weights.size() / channels);
    for (double &factor : factors)
      factor *= factor;
    return getBlockLoss(rows, channels, block, bits, factors);
  }
  // f32 loses nothing.
  if (format.isReal() || rows.empty())
    return 0.0;
  MLIRContext *context = op->getContext();
  int64_t numRows = rows.size() / channels;
  auto type =
      RankedTensorType::get({numRows, channels}, Float32Type::get(context));
  OperandEncoding encoding = getEncoding(context);
  if (failed(encoding.format.verifyEncoding(
          type.getShape(), type.getElementType(), [&] {
            return op->emitOpError()
                   << "has data of " << channels
                   << " channels, whose rounding in the format " << format.str()
                   << " cannot be measured: ";
          })))
    return failure();
  FailureOr<std::vector<double>> errors =
      roundTrips->compute(op->getLoc(), type, rows.vec(), encoding);
  if (failed(errors))
    return failure();
  if (!weights.empty())
    return getProductEnergy(*errors, weights, channels);
  double sum = 0;
  for (double error : *errors)
    sum += error * error;
  return sum;
}
