// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// !qfmt.float<E, M>: minifloats without special codes that MLIR has no builtin
// type for.

#include "qfmt/IR/QFmt.h"
#include "qfmt/Support/Minifloat.h"

using namespace mlir;
using namespace mlir::qfmt;

static MinifloatSpec getSpec(QFloatType type) {
  return MinifloatSpec::generic(type.getExponentBits(), type.getMantissaBits());
}

LogicalResult
QFloatType::verify(function_ref<InFlightDiagnostic()> emitError,
                   unsigned exponentBits, unsigned mantissaBits) {
  // (C10) With 8 exponent bits and no special codes the largest value would be
  // beyond f32.
  if (exponentBits < 1 || exponentBits > 7 || mantissaBits > 10 ||
      exponentBits + mantissaBits > 15)
    return emitError() << "!qfmt.float needs 1 to 7 exponent bits, 0 to 10 "
                          "mantissa bits and at most 15 together, found <"
                       << exponentBits << ", " << mantissaBits << ">";
  MinifloatSpec spec = MinifloatSpec::generic(exponentBits, mantissaBits);
  StringRef builtin = spec == MinifloatSpec::f4E2M1FN()   ? "f4E2M1FN"
                      : spec == MinifloatSpec::f6E2M3FN() ? "f6E2M3FN"
                      : spec == MinifloatSpec::f6E3M2FN() ? "f6E3M2FN"
                                                          : "";
  if (!builtin.empty())
    return emitError() << "!qfmt.float<" << exponentBits << ", "
                       << mantissaBits << "> is the builtin type " << builtin
                       << ", use that";
  return success();
}

LogicalResult
QFloatType::verifyFormat(function_ref<InFlightDiagnostic()>) const {
  return success();
}
unsigned QFloatType::getFormatWidth() const {
  return getSpec(*this).getWidth();
}
double QFloatType::decodeCode(uint64_t code) const {
  MinifloatSpec spec = getSpec(*this);
  return spec.decode(code & (spec.getNumCodes() - 1));
}
uint64_t QFloatType::encodeReal(const ExactReal &value, RoundingMode rounding,
                                OverflowMode overflow, NaNMode nan) const {
  return getSpec(*this).encode(value, rounding, overflow, nan);
}
double QFloatType::getLargest() const { return getSpec(*this).getLargest(); }
double QFloatType::getLowest() const { return getSpec(*this).getLowest(); }
std::optional<IntegerGrid> QFloatType::getIntegerGrid() const {
  return getSpec(*this).getIntegerGrid();
}
Type QFloatType::getStorageType() const {
  return IntegerType::get(getContext(), getFormatWidth());
}
