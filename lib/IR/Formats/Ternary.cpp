// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// !qfmt.ternary: -1, 0 and 1, packed five in a byte (spec C52).

#include "qfmt/IR/QFmt.h"
#include "qfmt/Support/Integer.h"

using namespace mlir;
using namespace mlir::qfmt;

static IntegerSpec getSpec() { return {2, true, -1, 1}; }

LogicalResult
TernaryType::verifyFormat(function_ref<InFlightDiagnostic()>) const {
  return success();
}
unsigned TernaryType::getFormatWidth() const { return 2; }
double TernaryType::decodeCode(uint64_t code) const {
  return getSpec().decode(code & getSpec().getMask());
}
uint64_t TernaryType::encodeReal(const ExactReal &value, RoundingMode rounding,
                                 OverflowMode overflow, NaNMode) const {
  return getSpec().encode(value, rounding, overflow);
}
double TernaryType::getLargest() const { return 1; }
double TernaryType::getLowest() const { return -1; }
bool TernaryType::hasIntegerCodes() const { return true; }
CodePacking TernaryType::getPacking() const { return CodePacking::Base3; }
std::optional<IntegerGrid> TernaryType::getIntegerGrid() const {
  return IntegerSpec{2}.getIntegerGrid();
}
Type TernaryType::getStorageType() const {
  return IntegerType::get(getContext(), 2);
}
