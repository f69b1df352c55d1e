// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_IR_QFMTATTRS_TD
#define QFMT_IR_QFMTATTRS_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpAsmInterface.td"
include "qfmt/IR/QFmtBase.td"
include "qfmt/IR/QFmtEnums.td"
include "qfmt/IR/QFmtTensorFormats.td"
include "qfmt/IR/TensorFormat.td"

def QFmt_ScaledAttr : AttrDef<QFmt_Dialect, "Scaled", [
    DeclareAttrInterfaceMethods<QFmt_TensorFormat, ["verifyEncode"]>,
    DeclareAttrInterfaceMethods<OpAsmAttrInterface, ["getAlias"]>,
    DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let mnemonic = "scaled";
  let summary = "Codes of one number format, with a scale and a zero point a block";
  let description = [{
    Element i of the tensor denotes the exact real

    ```
    (decode(payload[i]) - zero_point[block(i)]) * scale[block(i)]
    ```

    - `format` is a number format.
    - `block` has one entry a dimension, a positive size or `*` for the whole dimension. Omitted: one block, the tensor.
      Block k of a dimension holds the elements k*B ... k*B+B-1; the last one may be partial.
    - `scale` is static (a positive finite number, per tensor only: with no `block`), or the format of a constituent, one
      entry a block: a number format, or an encoding of its own, whose blocks refer to the scale tensor's shape. Omitted: 1.
      A static scale is read in the precision of the logical type, at least f32 (spec C7).
    - `zero_point` is static (an integer that `format` can represent) or the format of a constituent of the same shape as the
      scale's. It needs an integer `format`. Omitted: 0.

    Granularity is the block shape; there are no separate per-tensor, per-axis and per-block classes:

    ```mlir
    #qfmt.scaled<i8, scale = 0.0235, zero_point = 3>                      // per tensor, static
    #qfmt.scaled<i8, block = [1, *], scale = f32>                         // one scale a row
    #qfmt.scaled<i4, block = [1, 32], scale = f16, zero_point = i4>       // group-wise, asymmetric
    #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>            // OCP MXFP4
    #qfmt.scaled<f4E2M1FN, block = [1, 16],
                 scale = #qfmt.scaled<f8E4M3FN, scale = f32>>             // NVFP4
    #qfmt.scaled<i16, scale = f8E8M0FNU>                                  // dynamic fixed point
    ```

    Normal form, made by the builder: a scale of 1, a zero point of 0 and a block of only `*` are omitted.
  }];
  let parameters = (ins
    "::mlir::Type":$format,
    ArrayRefParameter<"int64_t">:$block,
    "::mlir::Attribute":$scale,
    "::mlir::Attribute":$zeroPoint);
  let builders = [
    AttrBuilder<(ins "::mlir::Type":$format,
                     CArg<"::llvm::ArrayRef<int64_t>", "{}">:$block,
                     CArg<"::mlir::Attribute", "{}">:$scale,
                     CArg<"::mlir::Attribute", "{}">:$zeroPoint), [{
      normalize(block, scale, zeroPoint);
      return $_get($_ctxt, format, block, scale, zeroPoint);
    }]>,
    AttrBuilderWithInferredContext<(ins "::mlir::Type":$format, "double":$scale,
                     CArg<"int64_t", "0">:$zeroPoint), [{
      ::mlir::Builder builder(format.getContext());
      ::llvm::ArrayRef<int64_t> block;
      ::mlir::Attribute scaleAttr = builder.getF64FloatAttr(scale);
      ::mlir::Attribute zeroPointAttr = builder.getI64IntegerAttr(zeroPoint);
      normalize(block, scaleAttr, zeroPointAttr);
      return $_get(builder.getContext(), format, block, scaleAttr, zeroPointAttr);
    }]>
  ];
  let skipDefaultBuilders = 1;
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// `*` in a block.
    static constexpr int64_t kWhole = ::mlir::ShapedType::kDynamic;

    /// Brings parameters to normal form (spec C4).
    static void normalize(::llvm::ArrayRef<int64_t> &block, ::mlir::Attribute &scale, ::mlir::Attribute &zeroPoint);

    ::mlir::qfmt::NumberFormat getNumberFormat() const;
    /// The static scale, read in the precision of `elementType`, at least f32 (1 if omitted); none if it is a constituent.
    std::optional<double> getStaticScale(::mlir::Type elementType) const;
    /// The static zero point (0 if omitted); none if it is a constituent.
    std::optional<int64_t> getStaticZeroPoint() const;
    /// The encoding of the scale constituent, if it is itself encoded.
    ::mlir::qfmt::TensorFormat getScaleEncoding() const;
    /// The number format of the scale constituent, if it is not encoded.
    ::mlir::Type getScaleFormat() const;
    /// The number format of the zero point constituent, if there is one.
    ::mlir::Type getZeroPointFormat() const;
    /// One entry a block: ceildiv(d, block), 1 for `*`; dynamic sizes stay dynamic.
    ::llvm::SmallVector<int64_t> getBlockGrid(::llvm::ArrayRef<int64_t> shape) const;
  }];
}

def QFmt_StatisticsAttr : AttrDef<QFmt_Dialect, "Statistics"> {
  let mnemonic = "statistics";
  let summary = "What calibration saw at one `observe`";
  let description = [{
    `count` values were seen, all finite, between `min` and `max`. `histogram` counts the values in equal bins that cover
    [-a, a] with a = max(|min|, |max|), ascending; its entries add up to `count`.

    ```mlir
    #qfmt.statistics<min = 0.0, max = 1.0, count = 4, histogram = [0, 0, 1, 3]>
    ```
  }];
  let parameters = (ins "::mlir::FloatAttr":$minAttr, "::mlir::FloatAttr":$maxAttr, "int64_t":$count,
                        ArrayRefParameter<"int64_t">:$histogram);
  let assemblyFormat = [{
    `<` `min` `=` custom<Double>($minAttr) `,` `max` `=` custom<Double>($maxAttr) `,` `count` `=` $count `,`
    `histogram` `=` `[` $histogram `]` `>`
  }];
  let builders = [
    AttrBuilder<(ins "double":$min, "double":$max, "int64_t":$count, "::llvm::ArrayRef<int64_t>":$histogram), [{
      ::mlir::Builder builder($_ctxt);
      return $_get($_ctxt, builder.getF64FloatAttr(min), builder.getF64FloatAttr(max), count, histogram);
    }]>
  ];
  let extraClassDeclaration = [{
    double getMin() const { return getMinAttr().getValueAsDouble(); }
    double getMax() const { return getMaxAttr().getValueAsDouble(); }
  }];
  let genVerifyDecl = 1;
}

#endif // QFMT_IR_QFMTATTRS_TD
