// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect, and what !posit.posit<N, ES> means: decodeCode and encodeReal
// are all that qfmt needs of a number format.

#include "Posit.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>
#include <limits>
#include <vector>

using namespace mlir;
using namespace mlir::qfmt;
using namespace posit;

#include "PositDialect.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "PositTypes.cpp.inc"

void PositDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "PositTypes.cpp.inc"
      >();
}

LogicalResult PositType::verify(function_ref<InFlightDiagnostic()> emitError,
                                unsigned width, unsigned exponentBits) {
  if (width < 3 || width > 10 || exponentBits > 3)
    return emitError() << "!posit.posit needs 3 to 10 bits and at most 3 "
                          "exponent bits, found <"
                       << width << ", " << exponentBits << ">";
  return success();
}

//===----------------------------------------------------------------------===//
// Posits of any width
//===----------------------------------------------------------------------===//

/// The value of a code between 0 and NaR.
static double decodePositive(uint64_t code, unsigned width,
                             unsigned exponentBits) {
  int position = int(width) - 2;
  auto bit = [&](int i) { return i >= 0 ? int(code >> i & 1) : 0; };
  int regimeBit = bit(position), run = 0;
  while (position >= 0 && bit(position) == regimeBit) {
    ++run;
    --position;
  }
  --position; // The bit that ended the run.
  int exponent = regimeBit ? run - 1 : -run;
  for (unsigned i = 0; i < exponentBits; ++i)
    exponent = 2 * exponent + bit(position--);
  double significand = 1;
  for (double place = 0.5; position >= 0; place /= 2)
    significand += place * bit(position--);
  return std::ldexp(significand, exponent);
}

static uint64_t getNaR(unsigned width) { return uint64_t(1) << (width - 1); }

/// The code of the magnitude x > 0, rounded. Codes ascend as values do.
static uint64_t encodePositive(const ExactReal &x, bool negative,
                               unsigned width, unsigned exponentBits,
                               RoundingMode rounding) {
  auto decode = [&](uint64_t code, unsigned bits) {
    return ExactReal::fromDouble(decodePositive(code, bits, exponentBits));
  };
  // The largest code that is not beyond x, or 0.
  uint64_t code = 0;
  for (uint64_t step = getNaR(width) / 2; step > 0; step /= 2)
    if (!(x < decode(code + step, width)))
      code += step;
  if (code == getNaR(width) - 1 || (code > 0 && x == decode(code, width)))
    return code;
  ExactReal limit = decode(2 * code + 1, width + 1);
  Remainder remainder = x < limit    ? Remainder::BelowHalf
                        : x == limit ? Remainder::Half
                                     : Remainder::AboveHalf;
  // To nearest nothing becomes 0.
  if (code == 0)
    remainder = Remainder::AboveHalf;
  return code + roundsAwayFromZero(rounding, negative, code & 1, remainder);
}

//===----------------------------------------------------------------------===//
// NumberFormat
//===----------------------------------------------------------------------===//

/// Every type that verify accepts is a number format.
LogicalResult
PositType::verifyFormat(function_ref<InFlightDiagnostic()>) const {
  return success();
}

unsigned PositType::getFormatWidth() const { return getWidth(); }

double PositType::decodeCode(uint64_t code) const {
  uint64_t nar = getNaR(getWidth()), mask = 2 * nar - 1;
  code &= mask;
  if (code == 0)
    return 0;
  if (code == nar)
    return std::numeric_limits<double>::quiet_NaN();
  return code > nar
             ? -decodePositive(-code & mask, getWidth(), getExponentBits())
             : decodePositive(code, getWidth(), getExponentBits());
}

uint64_t PositType::encodeReal(const ExactReal &value, RoundingMode rounding,
                               OverflowMode overflow, NaNMode nan) const {
  uint64_t nar = getNaR(getWidth()), mask = 2 * nar - 1;
  if (value.isNaN())
    return nan == NaNMode::Propagate ? nar : 0;
  if (value.isZero())
    return 0;
  if (value.isInfinity() && overflow == OverflowMode::Infinity)
    return nar;
  if (value.isInfinity() && overflow == OverflowMode::Zero)
    return 0;
  uint64_t code = value.isInfinity()
                      ? nar - 1
                      : encodePositive(value.abs(), value.isNegative(),
                                       getWidth(), getExponentBits(), rounding);
  return value.isNegative() ? -code & mask : code;
}

double PositType::getLargest() const {
  return decodeCode(getNaR(getWidth()) - 1);
}
double PositType::getLowest() const { return -getLargest(); }
/// Written out, because the interface's own default needs the dialect's
/// library, which a plugin does not link.
double PositType::getScaleTarget() const { return getLargest(); }

std::optional<IntegerGrid> PositType::getIntegerGrid() const {
  std::vector<double> values;
  for (uint64_t code = 0; code < getNaR(getWidth()); ++code)
    values.push_back(decodeCode(code));
  return computeIntegerGrid(values);
}

Type PositType::getStorageType() const {
  return IntegerType::get(getContext(), getWidth());
}
