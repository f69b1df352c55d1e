// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "RowErrors.h"
#include "ChannelOrder.h"

using namespace mlir;
using namespace mlir::qfmt;

FailureOr<RowErrors>
RowErrors::create(StringRef format, int64_t block, MLIRContext *context,
                  function_ref<InFlightDiagnostic()> emitError) {
  RowErrors errors;
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

FailureOr<double> RowErrors::get(Operation *op, ArrayRef<double> rows,
                                 int64_t channels) {
  if (!roundTrips)
    return getBlockLoss(rows, channels, block);
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
  double sum = 0;
  for (double error : *errors)
    sum += error * error;
  return sum;
}
