// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_IR_NUMBERFORMAT_TD
#define QFMT_IR_NUMBERFORMAT_TD

include "mlir/IR/OpBase.td"

def QFmt_NumberFormat : TypeInterface<"NumberFormat"> {
  let cppNamespace = "::mlir::qfmt";
  let description = [{
    A type each of whose codes of `getFormatWidth()` bits denotes one real number (or a NaN or an infinity). Every finite
    value is exact in f32.

    An external model sits on a type's class, so that types of a class that are no number format (`i1`, `i64`, `si8`) pass
    `isa<NumberFormat>`: whoever forms an encoding calls `verifyFormat`, and only then the other methods.
  }];
  let methods = [
    InterfaceMethod<
      "Says why this type is not a number format, or succeeds.",
      "::llvm::LogicalResult", "verifyFormat",
      (ins "::llvm::function_ref<::mlir::InFlightDiagnostic()>":$emitError)>,
    InterfaceMethod<"The bits of one code, 1 to 32.",
      "unsigned", "getFormatWidth", (ins)>,
    InterfaceMethod<[{
      The real that `code` denotes; NaN and infinities where the format has them. Only the low `getFormatWidth()` bits of
      `code` count.}],
      "double", "decodeCode", (ins "uint64_t":$code)>,
    InterfaceMethod<[{
      The code of the value of this format that `value` rounds to: once, by `rounding`; beyond the largest value `overflow`
      decides, and for a NaN `nan`. The code's high bits are zero.}],
      "uint64_t", "encodeReal",
      (ins "const ::mlir::qfmt::ExactReal &":$value,
           "::mlir::qfmt::RoundingMode":$rounding,
           "::mlir::qfmt::OverflowMode":$overflow,
           "::mlir::qfmt::NaNMode":$nan)>,
    InterfaceMethod<"The largest finite value.", "double", "getLargest", (ins)>,
    InterfaceMethod<"The smallest (most negative) finite value.",
      "double", "getLowest", (ins)>,
    InterfaceMethod<[{
      The magnitude that scale rules map the largest magnitude of a block to: 127 for `i8`. By default the larger of
      `getLargest()` and -`getLowest()`.}],
      "double", "getScaleTarget", (ins), "", [{
        auto format = ::llvm::cast<::mlir::qfmt::NumberFormat>(static_cast<::mlir::Type>($_type));
        return std::max(format.getLargest(), -format.getLowest());
      }]>,
    InterfaceMethod<[{
      True if each code is the integer that it denotes, in two's complement if `getLowest()` is negative and as a plain
      binary number otherwise, and every integer from `getLowest()` to `getLargest()` has one: integer arithmetic may be
      done on the codes, and zero points make sense.}],
      "bool", "hasIntegerCodes", (ins), "", "return false;">,
    InterfaceMethod<[{
      True if `overflow = wrap` is defined: the codes are those of consecutive multiples of a unit, and all are used.}],
      "bool", "canWrap", (ins), "", "return false;">,
    InterfaceMethod<[{
      How codes narrower than a byte lie in bytes: one after the other from the low bit, or five digits of base 3.}],
      "::mlir::qfmt::CodePacking", "getPacking", (ins), "",
      "return ::mlir::qfmt::CodePacking::Bits;">,
    InterfaceMethod<[{
      Unit 2^u and bits w such that every finite value is k * 2^u with an integer |k| < 2^w; none if w would exceed 32.}],
      "std::optional<::mlir::qfmt::IntegerGrid>", "getIntegerGrid", (ins)>,
    InterfaceMethod<[{
      How wide significand and exponent are if codes are a sign, an exponent and a mantissa (one of them may be empty); none
      if they are something else.}],
      "std::optional<::mlir::qfmt::FloatFields>", "getFloatFields", (ins), "", "return std::nullopt;">,
    InterfaceMethod<[{
      The element type of a tensor of codes: a builtin float keeps its type; every other format of width N is signless iN.}],
      "::mlir::Type", "getStorageType", (ins)>
  ];
}

#endif // QFMT_IR_NUMBERFORMAT_TD
