// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_IR_QFMTTYPES_TD
#define QFMT_IR_QFMTTYPES_TD

include "mlir/IR/AttrTypeBase.td"
include "qfmt/IR/QFmtBase.td"
include "qfmt/IR/NumberFormat.td"

class QFmt_FormatType<string name, string typeMnemonic, list<Trait> traits = []>
    : TypeDef<QFmt_Dialect, name, traits> {
  let mnemonic = typeMnemonic;
  let genVerifyDecl = 1;
}

/// A format that is a table of values: implemented by TableFormat.h on the
/// ValueTable that the type builds.
def QFmt_TableFormatTrait : NativeTypeTrait<"TableFormat"> {
  let cppNamespace = "::mlir::qfmt";
}
class QFmt_TableType<string name, string typeMnemonic>
    : QFmt_FormatType<name, typeMnemonic, [QFmt_NumberFormat, QFmt_TableFormatTrait]> {
  code buildTableDecl = [{
    /// Its values and codes; computed once a type and kept by the dialect.
    ::mlir::qfmt::ValueTable buildTable() const;
    /// What a code denotes that rounding does not make.
    double decodeUnused(uint64_t code) const;
  }];
  let extraClassDeclaration = buildTableDecl;
}

//===----------------------------------------------------------------------===//
// Integers and fixed point
//===----------------------------------------------------------------------===//

def QFmt_IntegerRangeType : QFmt_FormatType<"IntegerRange", "int", [
    DeclareTypeInterfaceMethods<QFmt_NumberFormat, ["hasIntegerCodes", "getScaleTarget"]>]> {
  let summary = "Some of the integers that iN or uiN has";
  let description = [{
    The integers lo to hi, 0 among them, as codes of `storage`, `iN` or `uiN`; rounding makes no other code. A code outside denotes
    its integer (spec C50). `!qfmt.int<i8, -127, 127>` is the narrow range of weights; ternary weights in two bits are
    `!qfmt.int<i2, -1, 1>`. The whole range is spelled `iN` or `uiN`.
  }];
  let parameters = (ins "::mlir::Type":$storage, "int64_t":$lowestInteger, "int64_t":$largestInteger);
  let assemblyFormat = "`<` $storage `,` $lowestInteger `,` $largestInteger `>`";
  let builders = [TypeBuilderWithInferredContext<(ins "::mlir::Type":$storage, "int64_t":$lowest, "int64_t":$largest), [{
    return $_get(storage.getContext(), storage, lowest, largest);
  }]>];
}

def QFmt_FixedType : QFmt_FormatType<"Fixed", "fixed", [
    DeclareTypeInterfaceMethods<QFmt_NumberFormat, ["canWrap", "getScaleTarget"]>]> {
  let summary = "Fixed point: an integer times a power of two";
  let description = [{
    `width` = W bits (1 to 16), of which I are integer bits (the sign among them): code n, two's complement or unsigned, denotes
    n * 2^-(W - I) (ap_fixed<W, I>, ap_ufixed<W, I>). I may be negative or above W. I = W is `iN` or `uiN` and refused (spec C51).

    ```mlir
    !qfmt.fixed<8, 4>
    !qfmt.fixed<8, 2, unsigned>
    ```
  }];
  let parameters = (ins "unsigned":$width, "int64_t":$integerBits, "bool":$isSigned);
  let hasCustomAssemblyFormat = 1;
}

def QFmt_TernaryType : QFmt_FormatType<"Ternary", "ternary", [
    DeclareTypeInterfaceMethods<QFmt_NumberFormat, ["hasIntegerCodes", "getPacking"]>]> {
  let summary = "-1, 0 and 1, five in a byte";
  let description = [{
    A code of two bits, two's complement; in packed storage five take a byte (1.6 bits each), as digits of base 3 (spec C52, C61). The
    same values in two bits each are `!qfmt.int<i2, -1, 1>`.
  }];
  let genVerifyDecl = 0;
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

def QFmt_FloatType : QFmt_FormatType<"QFloat", "float", [
    DeclareTypeInterfaceMethods<QFmt_NumberFormat, ["getFloatFields"]>]> {
  let summary = "A minifloat that MLIR has no builtin type for";
  let description = [{
    One sign bit, `exponentBits` = E (1 to 8) and `mantissaBits` = M bits with at most 16 bits together. With exponent field e,
    mantissa field m and bias B (2^(E-1) - 1 unless given) a code that is not special denotes (spec C10)

    ```
    e = 0:  (-1)^s * m * 2^-M * 2^(1-B)
    e > 0:  (-1)^s * (1 + m * 2^-M) * 2^(e-B)
    ```

    `specials`: none (the default; every code is finite), `ieee` (e all ones: infinity or NaN), `fn` (all ones: NaN) or `fnuz` (the
    code of -0: NaN). `no_subnormals`: the codes with e = 0 denote 0 (M > 0). `negative_zero = v`: the code of -0 denotes v instead.

    The type never equals a builtin one: where MLIR has the same format the builtin type is to be used, and verification says so.

    ```mlir
    !qfmt.float<3, 4>
    !qfmt.float<8, 3, specials = ieee>
    !qfmt.float<4, 3, bias = 4, no_subnormals>
    !qfmt.float<2, 1, negative_zero = 5.0>
    ```
  }];
  let parameters = (ins "unsigned":$exponentBits, "unsigned":$mantissaBits, "int64_t":$bias,
                        "::mlir::qfmt::MinifloatSpec::Specials":$specials, "bool":$subnormals,
                        "::mlir::FloatAttr":$negativeZero);
  let hasCustomAssemblyFormat = 1;
  let builders = [TypeBuilder<(ins "unsigned":$exponentBits, "unsigned":$mantissaBits), [{
    return $_get($_ctxt, exponentBits, mantissaBits, ::mlir::qfmt::MinifloatSpec::defaultBias(exponentBits),
                 ::mlir::qfmt::MinifloatSpec::Specials::None, true, ::mlir::FloatAttr());
  }]>];
  let extraClassDeclaration = [{
    ::mlir::qfmt::MinifloatSpec getSpec() const;
  }];
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

def QFmt_CodebookType : QFmt_TableType<"Codebook", "codebook"> {
  let summary = "Any 2 to 256 numbers";
  let description = [{
    `values` ascend strictly, are finite and exact in f32; the code is the index, of as many bits as the last index needs. A code
    beyond the last index denotes the last value; rounding does not make it. What is `uiN` or `!qfmt.fixed` is refused (spec C53).

    ```mlir
    !qfmt.codebook<[-1.0, -0.25, 0.0, 0.25, 1.0]>
    ```
  }];
  let parameters = (ins "::mlir::DenseF64ArrayAttr":$values);
  let hasCustomAssemblyFormat = 1;
}

def QFmt_PowerType : QFmt_TableType<"Power", "power"> {
  let summary = "Integers under a power: PowerQuant and NUPES";
  let description = [{
    Code q, two's complement of `width` = b bits (2 to 16), denotes sign(q) * |q|^(1/a) rounded to f32, for the `exponent` a
    above 0; rounding makes the q nearest to sign(x) * |x|^a, between -L and L = 2^(b-1) - 1 (spec C54). The papers have a < 1; with
    a = 1/2 or 1/3 the values are integers. a = 1 is `!qfmt.int<ib, -L, L>` and refused, as are values beyond f32 or that it does
    not tell apart. The code -2^(b-1), which rounding does not make, denotes what the formula says.

    ```mlir
    !qfmt.power<4, 0.5>
    ```
  }];
  let parameters = (ins "unsigned":$width, "::mlir::FloatAttr":$exponent);
  let assemblyFormat = "`<` custom<Count>($width) `,` custom<Double>($exponent) `>`";
}

def QFmt_KHotType : QFmt_TableType<"KHot", "khot"> {
  let summary = "Integers with few one bits, so that a product is a few shifts";
  let description = [{
    Sign and magnitude in `width` = W bits (2 to 16), or a magnitude alone (1 to 15); rounding makes magnitudes with at most `ones` = K
    one bits, and no -0. Other codes denote their integer. K is at most the bits of the magnitude; a magnitude alone with K = W is
    `uiW` and refused (spec C55).

    ```mlir
    !qfmt.khot<8, 2>
    !qfmt.khot<8, 2, unsigned>
    ```
  }];
  let parameters = (ins "unsigned":$width, "unsigned":$ones, "bool":$isSigned);
  let hasCustomAssemblyFormat = 1;
}

#endif // QFMT_IR_QFMTTYPES_TD
