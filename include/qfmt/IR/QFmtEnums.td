// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_IR_QFMTENUMS_TD
#define QFMT_IR_QFMTENUMS_TD

include "qfmt/IR/QFmtBase.td"
include "qfmt/Support/RoundingEnums.td"

class QFmt_EnumAttr<EnumInfo info, string mnemonic> : EnumAttr<QFmt_Dialect, info, mnemonic> {
  let assemblyFormat = "$value";
}

def QFmt_RoundingModeAttr : QFmt_EnumAttr<QFmt_RoundingMode, "rounding">;
def QFmt_OverflowModeAttr : QFmt_EnumAttr<QFmt_OverflowMode, "overflow">;
def QFmt_NaNModeAttr : QFmt_EnumAttr<QFmt_NaNMode, "nan">;
def QFmt_CodePackingAttr : QFmt_EnumAttr<QFmt_CodePacking, "packing">;
def QFmt_ScaleRuleAttr : QFmt_EnumAttr<QFmt_ScaleRule, "scale_rule">;

#endif // QFMT_IR_QFMTENUMS_TD
