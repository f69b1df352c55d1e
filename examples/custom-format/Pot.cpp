// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect, and what !pot.power<N> means: decodeCode and encodeReal are the
// definition that everything else has to agree with.

#include "Pot.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;
using namespace pot;

#include "PotDialect.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "PotTypes.cpp.inc"

void PotDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "PotTypes.cpp.inc"
      >();
}

LogicalResult PowerType::verify(function_ref<InFlightDiagnostic()> emitError,
                                unsigned width) {
  if (width < 2 || width > 8)
    return emitError() << "!pot.power needs 2 to 8 bits, found " << width;
  return success();
}

//===----------------------------------------------------------------------===//
// NumberFormat
//===----------------------------------------------------------------------===//

/// Every type that verify accepts is a number format.
LogicalResult
PowerType::verifyFormat(function_ref<InFlightDiagnostic()>) const {
  return success();
}

unsigned PowerType::getFormatWidth() const { return getWidth(); }

static double decodeField(PowerType type, unsigned field) {
  return field == 0 ? 0.0
                    : std::ldexp(1.0, int(field) - int(type.getLargestField()));
}

double PowerType::decodeCode(uint64_t code) const {
  double magnitude = decodeField(*this, code & getLargestField());
  return code >> (getWidth() - 1) & 1 ? -magnitude : magnitude;
}

/// Where `magnitude` lies between the values of `field` and `field` + 1.
static Remainder getRemainder(PowerType type, const ExactReal &magnitude,
                              unsigned field) {
  ExactReal low = ExactReal::fromDouble(decodeField(type, field));
  ExactReal high = ExactReal::fromDouble(decodeField(type, field + 1));
  if (magnitude == low)
    return Remainder::Zero;
  ExactReal twice = magnitude.scaleByPowerOfTwo(1), sum = low + high;
  return twice < sum    ? Remainder::BelowHalf
         : twice == sum ? Remainder::Half
                        : Remainder::AboveHalf;
}

uint64_t PowerType::encodeReal(const ExactReal &value, RoundingMode rounding,
                               OverflowMode, NaNMode) const {
  if (value.isNaN())
    return 0;
  int largest = getLargestField();
  // The field of the largest value that is not beyond |value|.
  int field = largest;
  if (value.isZero())
    field = 0;
  else if (value.isFinite())
    field = std::clamp(value.getLeadingExponent() + largest, 0, largest);
  if (field < largest)
    field += roundsAwayFromZero(rounding, value.isNegative(), field & 1,
                                getRemainder(*this, value.abs(), field));
  return uint64_t(value.isNegative()) << (getWidth() - 1) | field;
}

double PowerType::getLargest() const { return 1.0; }
double PowerType::getLowest() const { return -1.0; }

std::optional<IntegerGrid> PowerType::getIntegerGrid() const {
  // The unit is the smallest value, 2^(1-L), and 1 is 2^(L-1) of them.
  unsigned bits = getLargestField();
  if (bits > IntegerGrid::kMaxBits)
    return std::nullopt;
  return IntegerGrid{1 - int(bits), bits};
}

Type PowerType::getStorageType() const {
  return IntegerType::get(getContext(), getWidth());
}
