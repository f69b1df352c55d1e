// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The modes in which a real number becomes a code. They are defined here, once, for the number code of lib/Support and for
// the attributes of the dialect.

#ifndef QFMT_SUPPORT_ROUNDINGENUMS_TD
#define QFMT_SUPPORT_ROUNDINGENUMS_TD

include "mlir/IR/EnumAttr.td"

class QFmt_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mlir::qfmt";
  let genSpecializedAttr = 0;
}

def QFmt_RoundingMode : QFmt_Enum<"RoundingMode", "what a real between two codes becomes", [
  I32EnumAttrCase<"HalfEven", 0, "half_even">,
  I32EnumAttrCase<"HalfAway", 1, "half_away">,
  I32EnumAttrCase<"HalfUp", 2, "half_up">,
  I32EnumAttrCase<"TowardZero", 3, "toward_zero">,
  I32EnumAttrCase<"Floor", 4, "floor">,
  I32EnumAttrCase<"Ceil", 5, "ceil">,
  I32EnumAttrCase<"HalfDown", 6, "half_down">,
  I32EnumAttrCase<"HalfTowardZero", 7, "half_toward_zero">
]>;

def QFmt_OverflowMode : QFmt_Enum<"OverflowMode", "what a real beyond the largest code becomes", [
  I32EnumAttrCase<"Saturate", 0, "saturate">,
  I32EnumAttrCase<"Wrap", 1, "wrap">,
  I32EnumAttrCase<"Infinity", 2, "infinity">,
  I32EnumAttrCase<"Zero", 3, "zero">,
  I32EnumAttrCase<"SaturateSymmetric", 4, "saturate_symmetric">
]>;

def QFmt_NaNMode : QFmt_Enum<"NaNMode", "what a NaN becomes", [
  I32EnumAttrCase<"Zero", 0, "zero">,
  I32EnumAttrCase<"Propagate", 1, "propagate">
]>;

def QFmt_ScaleRule : QFmt_Enum<"ScaleRule", "how the scale of a block follows from its values", [
  I32EnumAttrCase<"AbsMax", 0, "absmax">,
  I32EnumAttrCase<"FloorLog2", 1, "floor_log2">,
  I32EnumAttrCase<"CeilLog2", 2, "ceil_log2">,
  I32EnumAttrCase<"MSE", 3, "mse">,
  I32EnumAttrCase<"TwoLevel", 4, "two_level">
]>;

def QFmt_CodePacking : QFmt_Enum<"CodePacking", "how codes narrower than a byte lie in bytes", [
  I32EnumAttrCase<"Bits", 0, "bits">,
  I32EnumAttrCase<"Base3", 1, "base3">
]>;

#endif // QFMT_SUPPORT_ROUNDINGENUMS_TD
