// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_IR_QFMTTYPES_TD
#define QFMT_IR_QFMTTYPES_TD

include "mlir/IR/AttrTypeBase.td"
include "qfmt/IR/QFmtBase.td"
include "qfmt/IR/NumberFormat.td"

def QFmt_FloatType : TypeDef<QFmt_Dialect, "QFloat", [DeclareTypeInterfaceMethods<QFmt_NumberFormat>]> {
  let mnemonic = "float";
  let summary = "A minifloat that MLIR has no builtin type for";
  let description = [{
    One sign bit, `exponentBits` = E (1 to 7) and `mantissaBits` = M (0 to 10) with E + M <= 15; every code is finite. With
    exponent field e, mantissa field m and bias B = 2^(E-1) - 1 (spec C10):

    ```
    e = 0:  (-1)^s * m * 2^-M * 2^(1-B)
    e > 0:  (-1)^s * (1 + m * 2^-M) * 2^(e-B)
    ```

    The type never equals a builtin one: where MLIR has the same set of values (`f4E2M1FN`, `f6E2M3FN`, `f6E3M2FN`) the
    builtin type is to be used, and verification says so.

    ```mlir
    !qfmt.float<3, 4>
    ```
  }];
  let parameters = (ins "unsigned":$exponentBits, "unsigned":$mantissaBits);
  let assemblyFormat = "`<` $exponentBits `,` $mantissaBits `>`";
  let genVerifyDecl = 1;
}

#endif // QFMT_IR_QFMTTYPES_TD
