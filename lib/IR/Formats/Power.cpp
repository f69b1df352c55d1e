// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// !qfmt.power<b, a>: integers under a power (spec C54). PowerQuant (Yvinec et
// al., 2023) and NUPES.

#include "qfmt/Support/Power.h"
#include "qfmt/IR/QFmt.h"

using namespace mlir;
using namespace mlir::qfmt;

static PowerSpec getSpec(PowerType type) {
  return {type.getWidth(), type.getExponent().getValueAsDouble()};
}

LogicalResult PowerType::verify(function_ref<InFlightDiagnostic()> emitError,
                                unsigned width, FloatAttr exponent) {
  double value = exponent.getValueAsDouble();
  StringRef reason = PowerSpec{width, value}.getInvalidReason();
  if (!reason.empty())
    return emitError() << "!qfmt.power<" << width << ", " << value << "> "
                       << reason;
  if (value == 1) {
    int64_t largest = PowerSpec{width, value}.getLargestInteger();
    return emitError() << "!qfmt.power<" << width << ", " << value
                       << "> is !qfmt.int<i" << width << ", " << -largest
                       << ", " << largest << ">, use that";
  }
  return success();
}

ValueTable PowerType::buildTable() const { return getSpec(*this).getTable(); }

double PowerType::decodeUnused(uint64_t code) const {
  return getSpec(*this).decode(code);
}
