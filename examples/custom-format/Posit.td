// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef POSIT_TD
#define POSIT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/DialectBase.td"
include "qfmt/IR/NumberFormat.td"

def Posit_Dialect : Dialect {
  let name = "posit";
  let cppNamespace = "::posit";
  let summary = "Posits as a number format of qfmt";
  let useDefaultTypePrinterParser = 1;
}

def Posit_PositType : TypeDef<Posit_Dialect, "Posit", [
    DeclareTypeInterfaceMethods<QFmt_NumberFormat, ["getScaleTarget"]>]> {
  let mnemonic = "posit";
  let summary = "A posit of few bits";
  let description = [{
    `width` = N = 3 to 10 bits and `exponentBits` = ES = 0 to 3; ES = 2 is the standard of 2022. The code 0 denotes 0, the code
    100...0 is NaR, a NaN. A code with the high bit set is the two's complement of that of the negated value. Any other has, after
    the high bit, from the left:

    - the regime: a run of r equal bits, ended by one that differs or by the end of the code; k = r - 1 for ones, -r for zeros;
    - the exponent e: ES bits, those beyond the end of the code being 0;
    - the fraction f: what is left of the code, after the binary point.

    ```
    2^(k * 2^ES + e) * (1 + f)
    ```

    Rounding to nearest is that of the standard: the limit between two neighbours is the posit of N + 1 bits between them, whose
    code is that of the lower one and a 1, and of two equally near ones the one with the even code is taken. (So the limit is the
    middle where neighbours differ in the fraction, and their geometric mean, or a power of two, where they differ in the exponent
    or regime.) Nothing but 0 becomes 0, and no number becomes NaR. The other modes to nearest differ in what is at the limit.
    Directed modes, which the standard lacks, take the neighbour that they say, which may be 0. Nothing is beyond the largest value
    but infinity: it becomes NaR with `overflow = infinity`, 0 with `zero`, else the value at that end.
  }];
  let parameters = (ins "unsigned":$width, "unsigned":$exponentBits);
  let assemblyFormat = "`<` $width `,` $exponentBits `>`";
  let genVerifyDecl = 1;
}

#endif // POSIT_TD
