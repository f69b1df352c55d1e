// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses how the codes of a number format are read and written.

#include "Table.h"
#include "Uniform.h"

using namespace mlir;
using namespace mlir::qfmt;

/// The format's own lowering, or null.
static NumberFormatLowering getOwnLowering(Type format) {
  auto lowering = dyn_cast<NumberFormatLowering>(format);
  return lowering && lowering.coversFormat() ? lowering : nullptr;
}

static bool isUniform(Type format) {
  return UniformCodes::get(cast<NumberFormat>(format)).has_value();
}

LogicalResult
CodeEmitter::verify(std::optional<EncodeModes> modes,
                    function_ref<InFlightDiagnostic()> emitError) const {
  if (getOwnLowering(format) || isUniform(format))
    return success();
  auto number = cast<NumberFormat>(format);
  if (number.getFormatWidth() > kMaxTableBits)
    return emitError() << "no lowering is registered for " << format
                       << ", whose codes of " << number.getFormatWidth()
                       << " bits are too many for a table";
  if (!modes)
    return success();
  if (modes->overflow == OverflowMode::Wrap)
    return emitError() << "no lowering is registered for " << format
                       << " that wraps: its unit is no power of two";
  const EncodeSteps &steps =
      FormatTables::get(number).getEncodeSteps(number, *modes);
  if (!steps.error.empty())
    return emitError() << "the number format " << format << " " << steps.error;
  return success();
}

ExactRange CodeEmitter::getExactRange() const {
  if (NumberFormatLowering lowering = getOwnLowering(format))
    return lowering.getExactRange();
  auto number = cast<NumberFormat>(format);
  if (std::optional<UniformCodes> codes = UniformCodes::get(number))
    return codes->getExactRange();
  return FormatTables::get(number).getDecodeTable(number).range;
}

Value CodeEmitter::emitDecode(OpBuilder &builder, Location loc,
                              Value code) const {
  if (NumberFormatLowering lowering = getOwnLowering(format))
    return lowering.emitDecode(builder, loc, code);
  ScalarBuilder b(builder, loc);
  auto number = cast<NumberFormat>(format);
  if (std::optional<UniformCodes> codes = UniformCodes::get(number))
    return codes->emitDecode(b, code);
  return emitTableDecode(b, number, code);
}

Value CodeEmitter::emitEncode(OpBuilder &builder, Location loc, Value real,
                              const EncodeModes &modes, Value zeroPoint) const {
  if (NumberFormatLowering lowering = getOwnLowering(format))
    return lowering.emitEncode(builder, loc, real, modes, zeroPoint);
  ScalarBuilder b(builder, loc);
  auto number = cast<NumberFormat>(format);
  if (std::optional<UniformCodes> codes = UniformCodes::get(number))
    return codes->emitEncode(b, real, modes, zeroPoint);
  return emitTableEncode(b, number, real, modes);
}

CodeEmitter::QuotientNeeds
CodeEmitter::getQuotientNeeds(const EncodeModes &modes, int high) const {
  if (NumberFormatLowering lowering = getOwnLowering(format))
    return {lowering.getExactRange().bits, false};
  auto number = cast<NumberFormat>(format);
  if (std::optional<UniformCodes> codes = UniformCodes::get(number)) {
    // Every integer and every half that decides a rounding to a code of at most
    // 16 bits, with a zero point; larger quotients saturate. Without saturation
    // every quotient counts.
    constexpr int bits = 20;
    return {unsigned(modes.overflow == OverflowMode::Wrap
                         ? std::max(bits, high + 2 - codes->unitExponent)
                         : bits),
            false};
  }
  return FormatTables::get(number).getQuotientNeeds(number, modes);
}
