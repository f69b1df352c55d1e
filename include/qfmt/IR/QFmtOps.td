// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_IR_QFMTOPS_TD
#define QFMT_IR_QFMTOPS_TD

include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/BuiltinTypes.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "qfmt/IR/QFmtAttrs.td"
include "qfmt/IR/QFmtTypes.td"

class QFmt_Op<string mnemonic, list<Trait> traits = []> : Op<QFmt_Dialect, mnemonic, traits>;

def QFmt_EncodedTensor : Type<CPred<"::mlir::qfmt::EncodedTensorType::isEncoded($_self)">,
    "ranked tensor with a qfmt encoding", "::mlir::RankedTensorType">;

def QFmt_RealTensor : Type<
    And<[RankedTensorOf<[F16, BF16, F32, F64]>.predicate, CPred<"!::llvm::cast<::mlir::RankedTensorType>($_self).getEncoding()">]>,
    "ranked tensor of f16, bf16, f32 or f64 without an encoding", "::mlir::RankedTensorType">;

//===----------------------------------------------------------------------===//
// Between reals and codes
//===----------------------------------------------------------------------===//

def QFmt_QuantizeOp : QFmt_Op<"quantize", [Pure]> {
  let summary = "Rounds reals to the values of a format";
  let description = [{
    With s and z the scale and zero point of the element's block, [lo, hi] the codes of the format, and T the logical type:

    ```
    integer formats:   code = clamp(round(fl_T(x / s)) + z, lo, hi)
    other formats:     code = encode(fl_T(x / s))
    ```

    fl_T(x / s) is the division correctly rounded (half to even) in T; `round` and `encode` round once by `rounding`.
    `overflow` says what values beyond the format become, `nan` what a NaN becomes.

    Static scales and zero points are those of the type. If the scale is a constituent, `scale_rule` computes it from the
    finite values of each block, with a = max |x|:

    - `absmax`: a / largest(format), rounded half to even to the scale's format; if the zero point is a constituent, too:
      s = (max(x, 0) - min(x, 0)) / (hi - lo) and z = clamp(round(lo - min(x, 0) / s), lo, hi).
    - `floor_log2` (OCP MX): 2^(floor(log2 a) - floor(log2 largest(format))). The zero point is not a constituent then.

    - `ceil_log2`: the smallest power of two with which no value of the block overflows, 2^ceil(log2(a / largest(format))).
    - `mse`: of the scales k/64 times that of `absmax`, 16 <= k <= 80, the one whose codes have the smallest sum of squared errors.
    - `two_level` (NVFP4): the scale of scales is max a / (largest(scale's format) * largest(format)).

    `given` values are all constituents but the payload, which then are taken as they are. A scale that would be 0 or underflows
    to 0, a block of zeros among them, is 1 (spec C23, C24).

    `stochastic` rounds up with a probability that is the distance from the value below, by the seed and the element's number alone
    (spec C36).

    ```mlir
    %q = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<i8, scale = 0.5>>
    %m = qfmt.quantize %y scale_rule = floor_log2
         : tensor<4x32xf32> to tensor<4x32xf32, #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>>
    ```
  }];
  let arguments = (ins QFmt_RealTensor:$input,
    Variadic<AnyRankedTensor>:$given,
    DefaultValuedAttr<QFmt_RoundingModeAttr, "::mlir::qfmt::RoundingMode::HalfEven">:$rounding,
    DefaultValuedAttr<QFmt_OverflowModeAttr, "::mlir::qfmt::OverflowMode::Saturate">:$overflow,
    DefaultValuedAttr<QFmt_NaNModeAttr, "::mlir::qfmt::NaNMode::Zero">:$nan,
    DefaultValuedAttr<QFmt_ScaleRuleAttr, "::mlir::qfmt::ScaleRule::AbsMax">:$scale_rule,
    OptionalAttr<I64Attr>:$stochastic_seed);
  let results = (outs QFmt_EncodedTensor:$result);
  let assemblyFormat = [{
    $input (`given` `(` $given^ `:` type($given) `)`)? (`rounding` `=` `` $rounding^)? (`stochastic` `=` $stochastic_seed^)?
    (`overflow` `=` `` $overflow^)? (`nan` `=` `` $nan^)? (`scale_rule` `=` `` $scale_rule^)? attr-dict `:` type($input) `to` type($result)
  }];
  let builders = [OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$input), [{
    $_state.addOperands(input);
    $_state.addTypes(result);
  }]>];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def QFmt_DequantizeOp : QFmt_Op<"dequantize", [Pure]> {
  let summary = "Reads an encoded tensor";
  let description = [{
    Each element is the exact real (code - zero_point) * scale rounded once, half to even, to the logical type. The body
    of a linalg op reads its encoded operands in the same way.

    ```mlir
    %x = qfmt.dequantize %q : tensor<4xf32, #qfmt.scaled<i8, scale = 0.5>> to tensor<4xf32>
    ```
  }];
  let arguments = (ins QFmt_EncodedTensor:$input);
  let results = (outs QFmt_RealTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `to` type($result)";
  let hasVerifier = 1;
}

def QFmt_ConvertOp : QFmt_Op<"convert", [Pure]> {
  let summary = "Changes the format of an encoded tensor with one rounding";
  let description = [{
    As `quantize`, but x is the exact real that the source code denotes, the division x / s is not rounded, and so
    the value is rounded exactly once: code = clamp(round(x / s + z), lo, hi) for integer formats, encode(x / s) for others.

    ```mlir
    %b = qfmt.convert %a : tensor<4xf32, #qfmt.scaled<i8, scale = 0.5>> to tensor<4xf32, #qfmt.scaled<i4, scale = 4.0>>
    ```
  }];
  let arguments = (ins QFmt_EncodedTensor:$input,
    Variadic<AnyRankedTensor>:$given,
    DefaultValuedAttr<QFmt_RoundingModeAttr, "::mlir::qfmt::RoundingMode::HalfEven">:$rounding,
    DefaultValuedAttr<QFmt_OverflowModeAttr, "::mlir::qfmt::OverflowMode::Saturate">:$overflow,
    DefaultValuedAttr<QFmt_NaNModeAttr, "::mlir::qfmt::NaNMode::Zero">:$nan,
    DefaultValuedAttr<QFmt_ScaleRuleAttr, "::mlir::qfmt::ScaleRule::AbsMax">:$scale_rule,
    OptionalAttr<I64Attr>:$stochastic_seed);
  let results = (outs QFmt_EncodedTensor:$result);
  let assemblyFormat = [{
    $input (`given` `(` $given^ `:` type($given) `)`)? (`rounding` `=` `` $rounding^)? (`stochastic` `=` $stochastic_seed^)?
    (`overflow` `=` `` $overflow^)? (`nan` `=` `` $nan^)? (`scale_rule` `=` `` $scale_rule^)? attr-dict `:` type($input) `to` type($result)
  }];
  let builders = [OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$input), [{
    $_state.addOperands(input);
    $_state.addTypes(result);
  }]>];
  let hasVerifier = 1;
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Between an encoded tensor and its constituents
//===----------------------------------------------------------------------===//

def QFmt_AssembleOp : QFmt_Op<"assemble", [Pure]> {
  let summary = "Makes an encoded tensor of its constituents";
  let description = [{
    No number changes. The operands are the constituents that the result's encoding names, in its order: payload, the
    scale's constituents, zero point; each has its storage type.

    ```mlir
    %w = qfmt.assemble %codes, %scales : tensor<16x9xi8>, tensor<16x1xf32>
         to tensor<16x9xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>
    ```
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$constituents);
  let results = (outs QFmt_EncodedTensor:$result);
  let assemblyFormat = "$constituents attr-dict `:` type($constituents) `to` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def QFmt_ConstituentsOp : QFmt_Op<"constituents", [Pure]> {
  let summary = "Takes an encoded tensor apart";
  let description = [{
    The inverse of `assemble`.

    ```mlir
    %codes, %scales = qfmt.constituents %w : tensor<16x9xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>
                      to tensor<16x9xi8>, tensor<16x1xf32>
    ```
  }];
  let arguments = (ins QFmt_EncodedTensor:$input);
  let results = (outs Variadic<AnyRankedTensor>:$constituents);
  let assemblyFormat = "$input attr-dict `:` type($input) `to` type($constituents)";
  let builders = [OpBuilder<(ins "::mlir::Value":$input)>];
  let hasVerifier = 1;
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Calibration
//===----------------------------------------------------------------------===//

def QFmt_ObserveOp : QFmt_Op<"observe", [Pure, SameOperandsAndResultType]> {
  let summary = "Passes its operand through and carries what calibration saw there";
  let description = [{
    `id` is unique in a module and stays the same from one run of the compiler to the next. The `statistics` are absent
    until calibration has written them.

    ```mlir
    %y = qfmt.observe %x "conv1" : tensor<1x8x28x28xf32>
    %z = qfmt.observe %y "relu1" statistics = <min = 0.0, max = 1.0, count = 4, histogram = [0, 0, 1, 3]>
         : tensor<1x8x28x28xf32>
    ```
  }];
  let arguments = (ins QFmt_RealTensor:$input, StrAttr:$id, OptionalAttr<QFmt_StatisticsAttr>:$statistics);
  let results = (outs QFmt_RealTensor:$result);
  let assemblyFormat = "$input $id (`statistics` `=` $statistics^)? attr-dict `:` type($input)";
}

//===----------------------------------------------------------------------===//
// Integer arithmetic that MLIR lacks
//===----------------------------------------------------------------------===//

def QFmt_DyadicScaleOp : QFmt_Op<"dyadic_scale", [Pure, Elementwise, Scalarizable, Vectorizable, Tensorizable]> {
  let summary = "round(acc * m / 2^n) in integers";
  let description = [{
    The 64-bit product acc * m, divided by 2^n and rounded once by `rounding`; a result beyond its type saturates. Required:
    -2^31 <= acc <= 2^31, 0 <= m < 2^31, 0 <= n <= 62, read as signed numbers; outside these the result is poison, and
    constants outside are not folded. The rounding is that of dyadic inference (HAWQ-V3).

    With `double_rounding` the result is that of gemmlowp's high multiply, as TFLite's kernels compute it, which may differ in the
    last bit: t = acc * m / 2^31 rounded half up, then t / 2^(n - 31) rounded half away from zero. 31 <= n is required then.

    ```mlir
    %q = qfmt.dyadic_scale %acc, %m, %n : i32, i32, i32 to i32
    %v = qfmt.dyadic_scale %accs, %ms, %ns rounding = half_up : vector<16xi32>, vector<16xi32>, vector<16xi32> to vector<16xi32>
    %t = qfmt.dyadic_scale %acc, %m, %n double_rounding : i32, i32, i32 to i32
    ```
  }];
  let arguments = (ins SignlessIntegerLike:$acc, SignlessIntegerLike:$multiplier, SignlessIntegerLike:$shift,
    DefaultValuedAttr<QFmt_RoundingModeAttr, "::mlir::qfmt::RoundingMode::HalfEven">:$rounding,
    UnitAttr:$double_rounding);
  let results = (outs SignlessIntegerLike:$result);
  let assemblyFormat = [{
    $acc `,` $multiplier `,` $shift (`rounding` `=` `` $rounding^)? (`double_rounding` $double_rounding^)? attr-dict
    `:` type($acc) `,` type($multiplier) `,` type($shift) `to` type($result)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Codes in bytes
//===----------------------------------------------------------------------===//

def QFmt_PackOp : QFmt_Op<"pack", [Pure]> {
  let summary = "Packs codes of less than a byte into bytes";
  let description = [{
    The codes in row-major order, without gaps between rows. `bits`: code i of width N lies in the bits i*N ... i*N + N - 1,
    counted from the low bit of byte 0; unused bits of the last byte are 0. `base3`: byte b holds the codes 5*b ... 5*b + 4, which
    are -1, 0 or 1 in two's complement, as sum (code_k + 1) * 3^(4 - k); missing codes count as -1. A code of -2 packs as -1.

    ```mlir
    %bytes = qfmt.pack %codes : tensor<4x5xi4> to tensor<10xi8>
    %trits = qfmt.pack %t packing = base3 : tensor<4x5xi2> to tensor<4xi8>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$codes,
    DefaultValuedAttr<QFmt_CodePackingAttr, "::mlir::qfmt::CodePacking::Bits">:$packing);
  let results = (outs AnyRankedTensor:$bytes);
  let assemblyFormat = "$codes (`packing` `=` `` $packing^)? attr-dict `:` type($codes) `to` type($bytes)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def QFmt_UnpackOp : QFmt_Op<"unpack", [Pure]> {
  let summary = "The inverse of `pack`";
  let description = [{
    In base 3 code k of byte b is floor(b / 3^(4 - k)) mod 3 - 1, for bytes above 242, too.

    ```mlir
    %codes = qfmt.unpack %bytes : tensor<10xi8> to tensor<4x5xi4>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$bytes,
    DefaultValuedAttr<QFmt_CodePackingAttr, "::mlir::qfmt::CodePacking::Bits">:$packing);
  let results = (outs AnyRankedTensor:$codes);
  let assemblyFormat = "$bytes (`packing` `=` `` $packing^)? attr-dict `:` type($bytes) `to` type($codes)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Scalar arithmetic on numbers of few bits
//===----------------------------------------------------------------------===//

def QFmt_LookupOp : QFmt_Op<"lookup", [Pure, Elementwise, Scalarizable, Vectorizable, Tensorizable]> {
  let summary = "An entry of a constant table";
  let description = [{
    `table` has one dimension. The index is read as an unsigned number; the result is poison if the table has no such entry.

    ```mlir
    %x = qfmt.lookup %code in dense<[-1.0, 0.0, 0.5, 1.0]> : tensor<4xf32> : i2 to f32
    %v = qfmt.lookup %codes in dense<[-1.0, 0.0, 0.5, 1.0]> : tensor<4xf32> : vector<16xi8> to vector<16xf32>
    ```
  }];
  let arguments = (ins SignlessIntegerLike:$index, ElementsAttr:$table);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$index `in` $table attr-dict `:` type($index) `to` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def QFmt_LMulOp : QFmt_Op<"lmul", [Pure, Commutative, Elementwise, SameOperandsAndResultType, Scalarizable, Vectorizable,
                                  Tensorizable]> {
  let summary = "L-Mul: a float product by one integer addition";
  let description = [{
    With field(x) the bits of x without its sign, M the type's mantissa bits, B its bias, k = `mantissa` (M if absent) and l(k) = k for
    k <= 3, 3 for k = 4, 4 above (Luo and Sun, "Addition is all you need", 2024):

    ```
    field(result) = field(a) + field(b) - (B << M) + (2^M >> l(k)),   sign(result) = sign(a) xor sign(b)
    ```

    The operands are first rounded, half to even, to k mantissa bits; bits of the result below are 0. An operand with exponent field
    0 counts as 0. If one does, and if the sum is below 0, the result is a zero; a field beyond the largest finite value becomes
    that, cut to k mantissa bits. A NaN operand, and infinity times zero, give NaN; infinity times another number is infinity.
    The type is f16, bf16, f32, f8E3M4, f8E4M3, f8E4M3FN or f8E5M2 (spec C38).

    ```mlir
    %p = qfmt.lmul %a, %b : f32
    %q = qfmt.lmul %x, %y mantissa = 3 : vector<16xbf16>
    ```
  }];
  let arguments = (ins FloatLike:$lhs, FloatLike:$rhs, OptionalAttr<I64Attr>:$mantissa);
  let results = (outs FloatLike:$result);
  let assemblyFormat = "$lhs `,` $rhs (`mantissa` `=` $mantissa^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The layout of `element` as L-Mul takes it; none if it does not.
    static ::std::optional<::mlir::qfmt::MinifloatSpec> getLayout(::mlir::Type element);
    /// What this operation computes on the bits of its elements.
    ::mlir::qfmt::LMulSpec getSpec();
  }];
}

//===----------------------------------------------------------------------===//
// Analysis
//===----------------------------------------------------------------------===//

def QFmt_SharpnessOp : QFmt_Op<"sharpness", [Pure]> {
  let summary = "How much the loss can grow near the logits";
  let description = [{
    For each row z of `logits`, with l the cross entropy against the row's target and C the box |d_i| <= epsilon * (|z_i| + 1):

    ```
    100 * (max over d in C of l(z + d) - l(z)) / (1 + l(z))
    ```

    The maximum is attained at d_target = -epsilon * (|z_target| + 1) and d_i = epsilon * (|z_i| + 1) elsewhere, because the cross
    entropy falls with the target's logit and grows with all others. ("To FP8 and back again", after Keskar et al.) A target out of
    range gives a NaN.

    ```mlir
    %s = qfmt.sharpness %logits, %targets epsilon = 5.0e-4 : tensor<4x32000xf32>, tensor<4xi64> to tensor<4xf32>
    ```
  }];
  let arguments = (ins QFmt_RealTensor:$logits, AnyRankedTensor:$targets, F64Attr:$epsilon);
  let results = (outs QFmt_RealTensor:$result);
  let assemblyFormat = [{
    $logits `,` $targets `epsilon` `=` $epsilon attr-dict `:` type($logits) `,` type($targets) `to` type($result)
  }];
  let hasVerifier = 1;
}

#endif // QFMT_IR_QFMTOPS_TD
