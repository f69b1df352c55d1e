// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensor formats other than #qfmt.scaled.

#ifndef QFMT_IR_QFMTTENSORFORMATS_TD
#define QFMT_IR_QFMTTENSORFORMATS_TD

include "mlir/IR/AttrTypeBase.td"
include "qfmt/IR/QFmtBase.td"
include "qfmt/IR/TensorFormat.td"

class QFmt_TensorFormatAttr<string name, string attrMnemonic>
    : AttrDef<QFmt_Dialect, name, [
        DeclareAttrInterfaceMethods<QFmt_TensorFormat, ["verifyEncode"]>,
        DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let mnemonic = attrMnemonic;
  let genMnemonicAlias = 1;
  let skipDefaultBuilders = 1;
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def QFmt_SelectAttr : QFmt_TensorFormatAttr<"Select", "select"> {
  let summary = "Codes of one of several number formats, chosen for each block";
  let description = [{
    Element i of the tensor denotes the exact real

    ```
    decode_{formats[selector[block(i)]]}(payload[i]) * scale[block(i)]
    ```

    - `formats` are 2 to 256 number formats of one width of at most 16 bits.
    - `block` and `scale` are as in `#qfmt.scaled`, but that a static scale may go with a `block`: the selector has one, too.
    - There is no zero point.

    The payload has signless integers of the formats' width. The constituent `selector` has one entry a block: a number `uiM` of as
    many bits M as the last index of `formats` needs; a stored index beyond it denotes the last format.

    `quantize` and `convert` take, for each block, the format with the smallest sum of squared errors (spec C73).

    With a special value in the place of the minifloat's -0 this is BitMoD (Chen et al., HPCA 2025), whose authors state that their
    work is subject to a patent application of Cornell University:

    ```mlir
    #qfmt.select<[!qfmt.float<2, 1, negative_zero = 5.0>, !qfmt.float<2, 1, negative_zero = -5.0>,
                  !qfmt.float<2, 1, negative_zero = 8.0>, !qfmt.float<2, 1, negative_zero = -8.0>],
                 block = [1, 128], scale = #qfmt.scaled<ui8, block = [1, *], scale = f16>>
    ```
  }];
  let parameters = (ins
    ArrayRefParameter<"::mlir::Type">:$formats,
    ArrayRefParameter<"int64_t">:$block,
    "::mlir::Attribute":$scale);
  let builders = [
    AttrBuilder<(ins "::llvm::ArrayRef<::mlir::Type>":$formats,
                     CArg<"::llvm::ArrayRef<int64_t>", "{}">:$block,
                     CArg<"::mlir::Attribute", "{}">:$scale), [{
      normalize(block, scale);
      return $_get($_ctxt, formats, block, scale);
    }]>
  ];
  let extraClassDeclaration = [{
    /// Brings parameters to normal form (spec C4).
    static void normalize(::llvm::ArrayRef<int64_t> &block, ::mlir::Attribute &scale);

    /// The bits of a code.
    unsigned getCodeWidth() const;
    /// uiM, the number format of the selector.
    ::mlir::Type getSelectorFormat() const;
    /// The static scale, as ScaledAttr::getStaticScale.
    std::optional<double> getStaticScale(::mlir::Type elementType) const;
    /// The encoding of the tensor if all of its blocks had formats[index]. A static scale becomes a constituent of f32, because
    /// only such scales have blocks there (spec C6).
    ::mlir::qfmt::ScaledAttr getChoice(unsigned index) const;
    /// One entry a block, as ScaledAttr::getBlockGrid.
    ::llvm::SmallVector<int64_t> getBlockGrid(::llvm::ArrayRef<int64_t> shape) const;
  }];
}

def QFmt_AdditiveAttr : QFmt_TensorFormatAttr<"Additive", "additive"> {
  let summary = "Sums of vectors that are looked up in tables";
  let description = [{
    The tensor is cut into groups of the shape `group`, each of which has K = `codebooks` codes of B = `bits` bits, one for each of K
    tables of 2^B vectors with the shape of a group. The element at place p of group j denotes the exact real

    ```
    scale[block] * sum over k < K of tables[k, payload[j, k], p]
    ```

    - `codebooks` and `bits` are 1 to 16.
    - `group` has one entry a dimension, a positive size that divides the tensor's; a dimension that is cut into groups of more than one
      element is static.
    - `table` is the number format of the tables' entries. If there are several tables its largest magnitude is less than 2^40 times
      its smallest one other than 0, as that of `f16`; so sums are exact in f64.
    - `block` and `scale` are as in `#qfmt.scaled`; a block consists of whole groups.

    The payload has the shape of the grid of groups and K as the last dimension. The constituent `tables` has the shape
    K x 2^B x group.

    With a scale a row this is AQLM(K, B, g) (Egiazarian et al., 2024); with one table and groups of one element a learned scalar
    codebook:

    ```mlir
    #qfmt.additive<codebooks = 2, bits = 8, group = [1, 8], table = f16, block = [1, *], scale = f16>
    #qfmt.additive<codebooks = 1, bits = 4, group = [1, 1], table = f16, block = [1, 64], scale = f16>
    ```
  }];
  let parameters = (ins
    "unsigned":$codebooks,
    "unsigned":$bits,
    ArrayRefParameter<"int64_t">:$group,
    "::mlir::Type":$table,
    ArrayRefParameter<"int64_t">:$block,
    "::mlir::Attribute":$scale);
  let builders = [
    AttrBuilder<(ins "unsigned":$codebooks, "unsigned":$bits, "::llvm::ArrayRef<int64_t>":$group, "::mlir::Type":$table,
                     CArg<"::llvm::ArrayRef<int64_t>", "{}">:$block,
                     CArg<"::mlir::Attribute", "{}">:$scale), [{
      normalize(block, scale);
      return $_get($_ctxt, codebooks, bits, group, table, block, scale);
    }]>
  ];
  let extraClassDeclaration = [{
    /// Brings parameters to normal form (spec C4).
    static void normalize(::llvm::ArrayRef<int64_t> &block, ::mlir::Attribute &scale);

    /// How often `quantize` and `convert` look for a better code in each of several tables (spec C84).
    static constexpr unsigned kSearchSweeps = 4;

    /// uiB, the number format of the payload.
    ::mlir::Type getCodeFormat() const;
    /// The elements of one group.
    int64_t getGroupSize() const;
    /// One entry a group; dynamic sizes stay dynamic.
    ::llvm::SmallVector<int64_t> getGroupGrid(::llvm::ArrayRef<int64_t> shape) const;
    /// An encoding with the same blocks and scale, of numbers instead of groups: for what concerns scales alone.
    ::mlir::qfmt::ScaledAttr getScaling() const;
  }];
}

#endif // QFMT_IR_QFMTTENSORFORMATS_TD
