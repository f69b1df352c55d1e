// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// !qfmt.int<iN, lo, hi>: some of the integers of a builtin format (spec C50).

#include "qfmt/IR/QFmt.h"
#include "qfmt/Support/Integer.h"

using namespace mlir;
using namespace mlir::qfmt;

static IntegerSpec getSpec(IntegerRangeType type) {
  auto storage = cast<IntegerType>(type.getStorage());
  return {storage.getWidth(), !storage.isUnsigned(), type.getLowestInteger(),
          type.getLargestInteger()};
}

LogicalResult
IntegerRangeType::verify(function_ref<InFlightDiagnostic()> emitError,
                         Type storage, int64_t lowest, int64_t largest) {
  NumberFormat format = verifyNumberFormat(storage, emitError);
  if (!format)
    return failure();
  if (!isa<IntegerType>(storage))
    return emitError() << "!qfmt.int is a range of iN or uiN, found "
                       << storage;
  if (lowest >= largest || lowest < format.getLowest() ||
      largest > format.getLargest() || lowest > 0 || largest < 0)
    return emitError() << "!qfmt.int<" << storage << ", " << lowest << ", "
                       << largest << "> needs two or more values of " << storage
                       << ", 0 among them";
  // Codes are two's complement exactly if there are negative values.
  if (lowest == 0 && format.getLowest() < 0)
    return emitError() << "!qfmt.int<" << storage << ", " << lowest << ", "
                       << largest << "> has no negative value, store it in ui"
                       << storage.getIntOrFloatBitWidth();
  if (lowest == format.getLowest() && largest == format.getLargest())
    return emitError() << "!qfmt.int<" << storage << ", " << lowest << ", "
                       << largest << "> is " << storage << ", use that";
  return success();
}

LogicalResult
IntegerRangeType::verifyFormat(function_ref<InFlightDiagnostic()>) const {
  return success();
}
unsigned IntegerRangeType::getFormatWidth() const {
  return getStorage().getIntOrFloatBitWidth();
}
double IntegerRangeType::decodeCode(uint64_t code) const {
  IntegerSpec spec = getSpec(*this);
  return spec.decode(code & spec.getMask());
}
uint64_t IntegerRangeType::encodeReal(const ExactReal &value,
                                      RoundingMode rounding,
                                      OverflowMode overflow, NaNMode) const {
  return getSpec(*this).encode(value, rounding, overflow);
}
double IntegerRangeType::getLargest() const { return getLargestInteger(); }
double IntegerRangeType::getLowest() const { return getLowestInteger(); }
double IntegerRangeType::getScaleTarget() const {
  return cast<NumberFormat>(getStorage()).getLowest() < 0 && getLargest() > 0
             ? getLargest()
             : std::max(getLargest(), -getLowest());
}
bool IntegerRangeType::hasIntegerCodes() const { return true; }
std::optional<IntegerGrid> IntegerRangeType::getIntegerGrid() const {
  // Codes outside of the range are legal, too.
  return cast<NumberFormat>(getStorage()).getIntegerGrid();
}
Type IntegerRangeType::getStorageType() const {
  return cast<NumberFormat>(getStorage()).getStorageType();
}
