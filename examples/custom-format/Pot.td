// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef POT_TD
#define POT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/DialectBase.td"
include "qfmt/IR/NumberFormat.td"
include "qfmt/Transforms/FormatLowering.td"

def Pot_Dialect : Dialect {
  let name = "pot";
  let cppNamespace = "::pot";
  let summary = "Powers of two as a number format of qfmt";
  let useDefaultTypePrinterParser = 1;
}

def Pot_PowerType : TypeDef<Pot_Dialect, "Power", [
    DeclareTypeInterfaceMethods<QFmt_NumberFormat>,
    DeclareTypeInterfaceMethods<QFmt_NumberFormatLowering>]> {
  let mnemonic = "power";
  let summary = "0 and +-2^-k, so that a product is a shift";
  let description = [{
    N = 2 to 8 bits. The high bit is the sign s, the others are the field f, and with L = 2^(N-1) - 1, the largest field,
    a code denotes

    ```
    f = 0:  (-1)^s * 0
    f > 0:  (-1)^s * 2^(f - L)
    ```

    The values have neither infinity nor NaN: a NaN becomes 0, whatever is beyond 1 saturates. Of two values equally near,
    half to even takes the one with the even field. (N = 9 would have values that f32 lacks.)
  }];
  let parameters = (ins "unsigned":$width);
  let assemblyFormat = "`<` $width `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// L, the field of the value 1.
    unsigned getLargestField() const { return (1u << (getWidth() - 1)) - 1; }
  }];
}

#endif // POT_TD
