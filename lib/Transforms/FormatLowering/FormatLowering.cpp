// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all format lowerings share: exactness of arithmetic, types of codes,
// registration.

#include "qfmt/Transforms/FormatLowering.h"
#include "FormatModels.h"
#include "Steps.h"
#include "mlir/IR/DialectRegistry.h"
#include <algorithm>

using namespace mlir;
using namespace mlir::qfmt;

#include "qfmt/Transforms/FormatLoweringAttr.cpp.inc"
#include "qfmt/Transforms/FormatLoweringType.cpp.inc"

//===----------------------------------------------------------------------===//
// Exactness
//===----------------------------------------------------------------------===//

ExactRange ExactRange::of(FloatType type) {
  BinaryFormat format = BinaryFormat::of(type.getFloatSemantics());
  return {format.precision, format.minExponent - int(format.precision) + 1,
          format.maxExponent + 1};
}

ExactRange ExactRange::of(double value) {
  ExactReal real = ExactReal::fromDouble(value);
  if (!real.isFinite() || real.isZero())
    return {};
  return {real.getMantissaBits(), real.getExponent(),
          real.getLeadingExponent() + 1};
}

bool ExactRange::fits(FloatType type) const {
  ExactRange range = of(type);
  return bits <= range.bits && low >= range.low && high <= range.high;
}

ExactRange ExactRange::operator-(const ExactRange &other) const {
  ExactRange difference;
  difference.low = std::min(low, other.low);
  difference.high = std::max(high, other.high) + 1;
  difference.bits = difference.high - difference.low;
  return difference;
}

//===----------------------------------------------------------------------===//
// Types of codes
//===----------------------------------------------------------------------===//

Type mlir::qfmt::getCodeType(Type storage) {
  if (isa<FloatType>(storage) && storage.getIntOrFloatBitWidth() < 16)
    return IntegerType::get(storage.getContext(),
                            storage.getIntOrFloatBitWidth());
  return storage;
}

RankedTensorType mlir::qfmt::getCodeTensorType(RankedTensorType storage) {
  return RankedTensorType::get(storage.getShape(),
                               getCodeType(storage.getElementType()),
                               storage.getEncoding());
}

//===----------------------------------------------------------------------===//
// Registration
//===----------------------------------------------------------------------===//

void mlir::qfmt::registerFormatLowerings(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, QFmtDialect *dialect) {
    dialect->addInterfaces<FormatTables>();
    attachMinifloatLowerings(context);
    attachAdditiveLowering(context);
    attachScaledLowering(context);
    attachSelectLowering(context);
  });
}
