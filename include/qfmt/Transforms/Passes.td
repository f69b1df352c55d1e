// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_TRANSFORMS_PASSES_TD
#define QFMT_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def VerifyLevel : Pass<"qfmt-verify-level", "::mlir::ModuleOp"> {
  let summary = "Checks the rules of a level that upstream verifiers do not know";
  let description = [{
    Upstream accepts IR that treats encoded tensors as if they were float tensors: `arith.addf` on them, `linalg` results
    of encoded type, casts between encodings, slices through a block, bufferization. This pass reports each as an error that
    says what to do. It changes nothing.

    - `real`: of qfmt only arithmetic (`lmul`, `lookup`, `sharpness`), which every level may have; no encoded type.
    - `observed`: and `observe`.
    - `encoded`: a value of encoded type comes from `quantize`, `convert` or `assemble`, is read through `ins` of a
      linalg operation, is passed through func, scf and cf, or is moved in whole blocks (slice, pad with a value the format
      has, reshape, transpose, concat).
    - `integer`: as `encoded`, and no operation outside of qfmt has a float operand or result, except encoded tensors.
    - `constituents`: no encoded type and, of qfmt, only `dyadic_scale`.
  }];
  let options = [
    Option<"level", "level", "::mlir::qfmt::Level", "::mlir::qfmt::Level::Encoded",
           "The level whose rules hold", [{::llvm::cl::values(
      clEnumValN(::mlir::qfmt::Level::Real, "real", "floats only"),
      clEnumValN(::mlir::qfmt::Level::Observed, "observed", "floats and observers"),
      clEnumValN(::mlir::qfmt::Level::Encoded, "encoded", "encoded tensors"),
      clEnumValN(::mlir::qfmt::Level::Integer, "integer", "encoded tensors, integer arithmetic"),
      clEnumValN(::mlir::qfmt::Level::Constituents, "constituents", "no encoded tensors"))}]>
  ];
}

def VerifyIntegerOnly : Pass<"qfmt-verify-integer-only", "::mlir::ModuleOp"> {
  let summary = "Fails at the first float operation or type of a decomposed function";
  let description = [{
    For use after `qfmt-decompose`. Functions with the attribute `qfmt.float_wrapper` (the `<name>_f32` entry points for
    callers that hold floats) are not counted.

    With `division=forbid` it also fails at the first integer division or remainder, scalar, vector or tensor. Those of `index` values
    are allowed where loops, positions and sizes are all they depend on.
  }];
  let options = [
    Option<"division", "division", "::mlir::qfmt::DivisionPolicy", "::mlir::qfmt::DivisionPolicy::Allow",
           "Whether integer division of data is allowed", [{::llvm::cl::values(
      clEnumValN(::mlir::qfmt::DivisionPolicy::Allow, "allow", "it is"),
      clEnumValN(::mlir::qfmt::DivisionPolicy::Forbid, "forbid", "it is an error"))}]>
  ];
}

def RaiseConcat : Pass<"qfmt-raise-concat"> {
  let summary = "Makes chains of insert_slice that fill a tensor side by side concatenations";
  let description = [{
    At level real, after tosa-to-tensor, which writes `tosa.concat` as insertions into an empty tensor. A `tensor.concat` moves
    whole tensors: it needs no observer, and codes of one format are joined as they are.
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def EraseUnusedResults : Pass<"qfmt-erase-unused-results", "::mlir::ModuleOp"> {
  let summary = "Erases results of linalg.generic that nothing reads, and what only they need";
  let description = [{
    At level real. Upstream's patterns: results without uses go, with the operations of the body that only they need (the argmax of a
    torch.max whose index nobody reads), and so do operands that the body does not read or that occur twice. Changes no number.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def InsertObservers : Pass<"qfmt-insert-observers", "::mlir::ModuleOp"> {
  let summary = "Puts an `observe` where the network may be quantized";
  let description = [{
    From level real to level observed. An `observe` follows every f32 argument of a function and every f32 tensor computed from
    arguments, but for
    - tensors that are only moved (padding, reshape, slice, concat, transpose, broadcast: their source is observed);
    - tensors which a single element-wise operation reads that an integer accumulator can enter: sums, differences, minima, maxima,
      selections, products with constants. So convolution, bias, residual sum and relu are rounded once, after the relu;
    - the insides of non-linear functions: of softmax, layer norm and GELU the operands are observed and the result, if a contraction,
      a reduction without broadcast or the caller reads it, but nothing in between. docs/Quantization.md says what an inside is.

    Ids follow the order of the operations and name their kind: `conv_2d_nchw_fchw.0`.
  }];
  let dependentDialects = ["::mlir::qfmt::QFmtDialect"];
}

def AssignFormats : Pass<"qfmt-assign-formats", "::mlir::ModuleOp"> {
  let summary = "Chooses the formats of every layer, such that budgets are kept and the damage is least";
  let description = [{
    At level real or observed, which stays: each layer (a contraction with constant weights) gets the attribute `qfmt.assigned`, which
    `qfmt-quantize` reads. A layer may get one of `candidates`, "weights/data" in the words of `qfmt-quantize`; an integer program finds
    the choice of all layers with the least sum of damages among those that keep every budget, and proves it.

    ```mlir
    // candidates=i4/i8,i8/i8 damage=weights budget-bytes=50%
    %y = linalg.matmul ins(%x, %w : tensor<1x64xf32>, tensor<64x8xf32>) ...
    // becomes
    %y = linalg.matmul {qfmt.assigned = "i4/i8"} ins(%x, %w : tensor<1x64xf32>, tensor<64x8xf32>) ...
    ```

    A layer is called what its attribute `qfmt.layer` says, else by its kind and a number (`conv_2d_nchw_fchw.0`), counted over all layers
    of this kind. The damage of a choice is, by `damage`,

    - `weights`: ||W - Q(W)||^2, of weights encoded as the network will encode them;
    - `traces`: that times the layer's trace in `damage-file`, `{"layer": trace}` (HAWQ-V3);
    - `moments`: the sum over all outputs of d H d^T, where d is the output's row of W - Q(W) and H are the second moments of what the layer
      reads: `damage-file` is an .npz file with an array [K, K] a layer, or [groups, K, K], K being what the layer sums over in the order of
      its weights' dimensions;
    - `measured`: what `damage-file` says, `{"layer": {"i4/i8": 0.31, ...}, ...}`, and for pairs of layers
      `"pairwise": [{"layers": ["a", "b"], "formats": ["i4/i8", "i4/i8"], "damage": -0.02}, ...]`;
    - `given`: what the layer's attribute `qfmt.candidates` says, `[{format = "i4/i8", damage = 0.31, costs = {bytes = 1152.0}}, ...]`, and for
      pairs of layers `qfmt.pairwise` of the module or a function,
      `[{layers = ["a", "b"], formats = ["i4/i8", "i4/i8"], damage = -0.02}, ...]`.

    The first two know nothing of the format of data, which `moments` takes from statistics. Damage of pairs is what two layers do
    beyond the sum of both, and may be negative. `qfmt.candidates` may be there with any measure: then its formats stand in the
    place of `candidates`. `qfmt.forced = "i8"` leaves a layer no choice, layers of equal `qfmt.tie = "label"` get the same, and so do
    layers that read the same constant in the same way.

    A budget is a number, the most that all layers may cost together, or `50%`: half way between the cheapest and the dearest choice of
    all layers. A cost which `qfmt.candidates` gives is not computed. docs/Assignment.md defines the costs.

    With `solution` nothing is solved: the layers get what this file says, `{"choice": {"layer": "i4/i8", ...}}`, as `qfmt-assign`
    writes it for the problem of `write-problem`. It has to keep the budgets.

    Each layer gets a remark: what it costs, and what the next better format would save and cost. `report` has everything as JSON.
    An impossible budget is an error that says what is missing.
  }];
  let options = [
    Option<"candidates", "candidates", "std::string", "\"\"", "Formats to choose from, and families of them: i4/i8,mxfp4/mxfp8,float<4>/i8">,
    Option<"damage", "damage", "::mlir::qfmt::DamageMeasure", "::mlir::qfmt::DamageMeasure::Weights", "What a format does to a layer",
           [{::llvm::cl::values(
      clEnumValN(::mlir::qfmt::DamageMeasure::Given, "given", "what qfmt.candidates says"),
      clEnumValN(::mlir::qfmt::DamageMeasure::Weights, "weights", "squared errors of weights"),
      clEnumValN(::mlir::qfmt::DamageMeasure::Traces, "traces", "the same times traces of damage-file"),
      clEnumValN(::mlir::qfmt::DamageMeasure::Moments, "moments", "squared errors of outputs, by moments of damage-file"),
      clEnumValN(::mlir::qfmt::DamageMeasure::Measured, "measured", "what damage-file says"))}]>,
    Option<"damageFile", "damage-file", "std::string", "\"\"", "Traces or damages (JSON) or moments (.npz) by layer">,
    Option<"budgetBytes", "budget-bytes", "std::string", "\"\"", "Bytes of the weights, packed, with scales">,
    Option<"budgetActivationBytes", "budget-activation-bytes", "std::string", "\"\"",
           "Largest bytes of observed tensors that live at the same time, packed">,
    Option<"budgetBitOperations", "budget-bit-operations", "std::string", "\"\"", "Products times the bits of both factors">,
    Option<"budgetLatency", "budget-latency", "std::string", "\"\"", "Milliseconds, of latency-table">,
    Option<"budgetLuts", "budget-luts", "std::string", "\"\"", "Lookup tables of an FPGA, for one multiply-accumulate unit a layer">,
    Option<"latencyTable", "latency-table", "std::string", "\"\"", "Milliseconds by layer and choice, JSON">,
    Option<"otherActivations", "other-activations", "std::string", "\"i8\"",
           "Number format of activations that not only layers read, for budget-activation-bytes">,
    Option<"tieSharedInputs", "tie-shared-inputs", "bool", "false", "Layers that read the same tensor get the same formats">,
    Option<"solver", "solver", "std::string", "\"cbc\"", "cbc, exhaustive (small networks) or reinforce (no proof)">,
    Option<"timeLimit", "time-limit", "double", "0", "Seconds for the solver; 0: any time">,
    Option<"seed", "seed", "uint64_t", "0", "Of the random numbers of solver=reinforce">,
    Option<"solutionFile", "solution", "std::string", "\"\"", "Take the formats of this file, JSON, instead of solving the problem">,
    Option<"reportFile", "report", "std::string", "\"\"", "Write candidates, choices, budgets and prices to this file, JSON">,
    Option<"problemFile", "write-problem", "std::string", "\"\"", "Write the problem to this file, for qfmt-assign, JSON">,
    Option<"lpFile", "write-lp", "std::string", "\"\"", "Write the integer program to this file, LP format">
  ];
}

def ClonePrecisions : Pass<"qfmt-clone-precisions", "::mlir::ModuleOp"> {
  let summary = "Makes one function of a network for each of several assignments of formats";
  let description = [{
    At level real or observed, which stays. One module then holds a network in several precisions, among which its caller chooses: of every
    public function that has layers there is one for each variant, `<function>_<variant>`, whose layers have the variant's formats as
    `qfmt.assigned`. A variant is a name and the formats of all layers, or a file: a report of `qfmt-assign-formats` or a solution of
    `qfmt-assign`.

    ```mlir
    // variants=i8=i8,i4=i4@i8/i8,mixed=report.json
    func.func @main(%x: tensor<1x64xf32>) -> tensor<1x8xf32>
    // becomes
    func.func @main_i8(%x: tensor<1x64xf32>) -> tensor<1x8xf32>
    func.func @main_i4(%x: tensor<1x64xf32>) -> tensor<1x8xf32>
    func.func @main_mixed(%x: tensor<1x64xf32>) -> tensor<1x8xf32>
    ```

    Weights in `i8`, `i6@i8` and `i4@i8` are rounded from one master (Double Rounding): after `qfmt-quantize` the functions share its
    codes, which the module stores once.

    Names of layers and observers get the variant's name in front. `qfmt.candidates`, `qfmt.forced` and `qfmt.tie` go.
  }];
  let options = [
    Option<"variants", "variants", "std::string", "\"\"", "Name and formats, or name and file, of each: i8=i8,i4=i4@i8/i8,mixed=report.json">
  ];
  let dependentDialects = ["::mlir::qfmt::QFmtDialect"];
}

def FoldBatchNorm : Pass<"qfmt-fold-batch-norm", "::mlir::ModuleOp"> {
  let summary = "Folds per-channel affine operations into the weights before them";
  let description = [{
    At level real. An element-wise operation that computes a[c] * x + b[c] with constants a and b along the output channels of the
    convolution or matrix product which produces x (batch normalization at inference, bias) disappears: the weights become
    a[c] * w, the initial value a[c] * init + b[c]. A chain of such operations is folded as one; the new constants are computed in
    double and rounded once.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect"];
}

def Quantize : Pass<"qfmt-quantize", "::mlir::ModuleOp"> {
  let summary = "Replaces observers by `quantize` and float weights by codes";
  let description = [{
    From level observed to level encoded. A layer, a contraction with constant weights, has one format for its weights and one for
    the data that it reads: those of its attribute `qfmt.assigned`, else those of the options. Both write them alike, `"i4/i8"` for
    weights in i4 and data in i8, or one for both:

    - a number format (`i8`, `f8E4M3FN`, `!qfmt.float<3, 4>`): symmetric, weights with one scale an output channel, from their largest
      magnitude, data with one static scale, from the statistics of the `observe`;
    - a name that `qfmt-opt --list-formats` lists (`mxfp4`, `nf4`): blocks along what is summed over, scales of data at run time;
    - an encoding (`#qfmt.scaled<i4, scale = f16>`) that fits every tensor;
    - `f32`: stays;
    - one of these and a scale rule of `quantize`: `f4E2M1FN:mse`, `mxfp4:ceil_log2` (not for data in number formats);
    - for weights `i4@i8`: i4 rounded from i8 codes, with their scales times 16 (Double Rounding), by `convert` of these. Layers with
      the same weights, in any function, share the codes.

    ```mlir
    %y = linalg.matmul {qfmt.assigned = "i4/i8"} ins(%x, %w : tensor<1x64xf32>, tensor<64x8xf32>) ...
    ```

    A tensor that not only layers read has the format of the option `activations` if that is a number format, and stays real if not.
    One that only layers read has the widest format that one of them asks for, the first of equally wide ones; if its scales come at run
    time, or it is f32, every layer quantizes what it reads. A layer that asks for another format than the tensor has reads a `convert` of
    it, but the tensor as it is if that is narrower. A range without negative values takes the unsigned format of the same width. The
    result of max pooling has the format of its input, and tensors that meet in a concat share one. With `input-format`, arguments of
    public functions enter in that format; statistics that reach beyond it are an error.

    With `wide-activations`, a tensor takes that format if anything reads it but layers: the residual stream, operands of attention,
    softmax and layer norm, results. Layers always read their own: of a wide tensor a `convert`, of one that stays f32 a `quantize`
    with the same statistics.

    Weights in formats other than integers become `quantize` of the constant; qfmt-encode-constants computes the codes. With
    `encode-weights=false` all weights do, and each layer gets its name as the attribute `qfmt.layer`, for qfmt-round-weights.

    Arguments and results stay f32: arguments are quantized on entry, results dequantized on return. Padding with less than all
    values of the format (-infinity, before max pooling) becomes padding with its lowest value.
  }];
  let options = [
    Option<"weights", "weights", "std::string", "\"i8\"", "Format of the weights of layers without their own">,
    Option<"activations", "activations", "std::string", "\"i8\"", "Format of activations, but for layers with their own">,
    Option<"wideActivations", "wide-activations", "std::string", "\"\"",
           "Number format of activations that not only layers read: i2 ... i16, or f32; empty: as activations">,
    Option<"calibration", "calibration", "std::string", "\"minmax\"", "How a range follows from statistics: minmax, percentile, mse">,
    Option<"percentile", "percentile", "double", "99.99", "Share of the values inside of the range, in percent">,
    Option<"inputFormat", "input-format", "std::string", "\"\"",
           "Format of the function's arguments, `ui8:0.00392156862745098` (number format and scale); empty: as activations">,
    Option<"encodeWeights", "encode-weights", "bool", "true", "Compute the codes of weights in integers; if not, they stay `quantize`">
  ];
  let dependentDialects = ["::mlir::qfmt::QFmtDialect", "::mlir::arith::ArithDialect"];
}

def LMul : Pass<"qfmt-lmul", "::mlir::ModuleOp"> {
  let summary = "Replaces chosen float multiplications by L-Mul";
  let description = [{
    `arith.mulf` of a type that `qfmt.lmul` takes becomes that, one integer addition; sums stay as they are. By default those are replaced
    whose factors come from the inputs of a linalg operation and which it sums: matrix products, convolutions, attention. A named
    operation becomes a linalg.generic for that. `scope = marked` replaces those with the attribute `qfmt.lmul`, on the product itself
    or on the linalg operation around it: a unit attribute, or an integer that takes the place of `mantissa`.

    ```mlir
    %y = linalg.matmul ins(%a, %b : tensor<4x8xf32>, tensor<8x4xf32>) outs(%zero : tensor<4x4xf32>) -> tensor<4x4xf32>
    ```
    becomes
    ```mlir
    %y = linalg.generic ... ins(%a, %b : tensor<4x8xf32>, tensor<8x4xf32>) outs(%zero : tensor<4x4xf32>) {
    ^bb0(%x: f32, %w: f32, %acc: f32):
      %0 = qfmt.lmul %x, %w : f32
      %1 = arith.addf %acc, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<4x4xf32>
    ```

    Products of f64 and `math.fma` stay. Quantization does not know L-Mul: at level observed its factors are floats, and
    `qfmt-integerize` refuses it.
  }];
  let options = [
    Option<"mantissa", "mantissa", "int64_t", "0", "Mantissa bits to which factors are rounded first; 0, and more than the type has: all">,
    Option<"scope", "scope", "::mlir::qfmt::LMulScope", "::mlir::qfmt::LMulScope::Contractions",
           "Which multiplications", [{::llvm::cl::values(
      clEnumValN(::mlir::qfmt::LMulScope::Contractions, "contractions", "products of inputs that a linalg operation sums"),
      clEnumValN(::mlir::qfmt::LMulScope::All, "all", "every arith.mulf"),
      clEnumValN(::mlir::qfmt::LMulScope::Marked, "marked", "those with the attribute qfmt.lmul"))}]>
  ];
  let dependentDialects = ["::mlir::qfmt::QFmtDialect", "::mlir::linalg::LinalgDialect"];
}

def ExpandMath : Pass<"qfmt-expand-math", "::mlir::ModuleOp"> {
  let summary = "Expands exp, exp2, log2 and erf to arithmetic of a chosen accuracy";
  let description = [{
    `math.exp`, `math.exp2`, `math.log2` and `math.erf` on f16, bf16, f32 and f64, scalars, vectors and tensors of static shape, become
    straight-line code: range reduction by integer operations on the exponent field, and a program of additions, products and
    divisions from a table. Of the programs whose error, over all inputs, is at most `max-ulp`, the one with the fewest operations is
    taken; `max-ops` bounds those. No call of a library remains, so the results are the same on every machine, and code in vectors
    stays in vectors.

    ```mlir
    %y = math.exp2 %x : f32
    ```
    becomes, with `max-ulp=4`, a clamp of `%x`, a rounding to an integer n by an addition, r = x - n, the quotient (q(r^2) + r) /
    (q(r^2) - r) with q of degree 2, and two products with powers of two, whose bits are made of n (two, since 2^n itself may overflow or be
    subnormal where the result does not). With `division=false` a polynomial of degree 5 takes the place of the quotient.

    One ulp is the distance of two neighbouring numbers of the type at the exact result. Special values are those of C: NaN for NaN and
    logarithms of negative numbers, infinities at overflow and of log2(0); subnormal arguments and results are not flushed. f16
    and bf16 are computed in f32 and rounded once. The operations of a program are those on the reduced argument, without range
    reduction; with `fma` a `math.fma` counts as one.

    The table is made by `qfmt-find-programs` (utils/), which fits coefficients by Remez' exchange and measures errors.
  }];
  let options = [
    Option<"maxUlp", "max-ulp", "double", "4.0", "Largest error, in units in the last place of the operation's type; more than 0.5">,
    Option<"maxOps", "max-ops", "unsigned", "0", "Most operations on the reduced argument; 0: any number">,
    Option<"division", "division", "bool", "true", "Programs may divide: fewer operations, but slow ones">,
    Option<"fma", "fma", "bool", "false", "Use math.fma, for which a target without it calls a library">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def SimulatePrecision : Pass<"qfmt-simulate-precision", "::mlir::ModuleOp"> {
  let summary = "Rounds tensors to a float of fewer bits, to see what that does to a network";
  let description = [{
    Inserts `quantize` and `dequantize` with the format `!qfmt.float<exponent, mantissa, specials = ieee>`, without scales, on the factors
    of matrix products and convolutions; with `scope = all` on every tensor, as if it were stored so. Where the format has less exponent
    bits than the tensor's type the range is clipped: too large saturates; what is below the smallest normal number becomes 0 (with
    `half_even`: the nearer of the two). Otherwise subnormal and infinite numbers stay. NaN stays NaN.

    `exponent=8 mantissa=3 rounding=toward_zero` clears the low four bits of a bf16.

    ```mlir
    linalg.matmul ins(%a, %b : tensor<4x8xf32>, tensor<8x4xf32>) ...
    // becomes, with exponent=7 mantissa=3
    %q = qfmt.quantize %a rounding = toward_zero nan = propagate
         : tensor<4x8xf32> to tensor<4x8xf32, #qfmt.scaled<!qfmt.float<7, 3, specials = ieee, no_subnormals>>>
    %r = qfmt.dequantize %q : tensor<4x8xf32, #qfmt.scaled<!qfmt.float<7, 3, specials = ieee, no_subnormals>>> to tensor<4x8xf32>
    // the same for %b
    linalg.matmul ins(%r, ...) ...
    ```
  }];
  let options = [
    Option<"exponent", "exponent", "unsigned", "8", "Exponent bits, 2 to 8">,
    Option<"mantissa", "mantissa", "unsigned", "7", "Mantissa bits, at least 1; with those of the exponent at most 15">,
    Option<"rounding", "rounding", "::mlir::qfmt::RoundingMode", "::mlir::qfmt::RoundingMode::TowardZero",
           "How the mantissa is shortened", [{::llvm::cl::values(
      clEnumValN(::mlir::qfmt::RoundingMode::TowardZero, "toward_zero", "mask the low bits"),
      clEnumValN(::mlir::qfmt::RoundingMode::HalfEven, "half_even", "to nearest"))}]>,
    Option<"scope", "scope", "::mlir::qfmt::PrecisionScope", "::mlir::qfmt::PrecisionScope::Contractions",
           "Which tensors", [{::llvm::cl::values(
      clEnumValN(::mlir::qfmt::PrecisionScope::Contractions, "contractions", "factors of products that a linalg operation sums"),
      clEnumValN(::mlir::qfmt::PrecisionScope::All, "all", "arguments, constants and results"))}]>
  ];
  let dependentDialects = ["::mlir::qfmt::QFmtDialect"];
}

def QuantizeWeights : Pass<"qfmt-quantize-weights", "::mlir::ModuleOp"> {
  let summary = "Quantizes the constant factors of matrix products and convolutions, to any format";
  let description = [{
    At level real or encoded. A constant that a linalg operation multiplies by another operand and sums up is replaced by
    `quantize` of it; the operation reads the encoded tensor, activations stay as they are (weight-only quantization).
    qfmt-encode-constants then computes the codes.

    `format` is a name that `qfmt-opt --list-formats` lists, or an encoding such as `#qfmt.scaled<i4, block = [1, 32], scale = f16>`.
    With a name, a row is what is summed up for one output channel, and blocks lie along the largest of its dimensions (the last
    of equals); scale rule and rounding are those of the list. With an encoding they are the defaults of `quantize`.
  }];
  let options = [
    Option<"format", "format", "std::string", "\"int8\"", "Name or encoding">
  ];
  let dependentDialects = ["::mlir::qfmt::QFmtDialect"];
}

def Integerize : Pass<"qfmt-integerize", "::mlir::ModuleOp"> {
  let summary = "Rewrites a network on encoded tensors to integer arithmetic";
  let description = [{
    From level encoded to level integer. The scalar body of every linalg operation is compiled to integers: each scalar value
    is (integer, scale, range). Multiplication multiplies scales; addition brings both sides to one scale with dyadic numbers
    m / 2^n; ranges choose widths. `quantize` becomes `dyadic_scale` and a clamp. docs/IntegerOnly.md has the rules and the error
    of each.

    An operation without an integer rule, a scale that is only known at run time and an accumulator that may overflow are errors.
  }];
  let options = [
    Option<"accumulatorBits", "accumulator-bits", "unsigned", "0",
           "Width of the accumulators of sums: 32 or 64, or 0 for 32 where the sum fits">,
    Option<"tableBits", "table-bits", "unsigned", "8", "Functions of codes of at most that many bits are tables, up to 16">,
    Option<"functionBits", "function-bits", "unsigned", "24",
           "Significant bits of the largest value of a function, its sign included">,
    Option<"functionError", "function-error", "double", "4",
           "The largest error of a fitted function, in units of the last of function-bits; more than 0.5">,
    Option<"compat", "compat", "std::string", "\"\"",
           "Requantize results, add tensors and average as tflite, onnx, tosa, tosa-double-round or hawq does; empty: nearest, ties to "
           "even, 31-bit multipliers">,
    Option<"functions", "functions", "std::string", "\"minimax\"",
           "minimax: tables and fitted polynomials; ibert: exp of what is not positive, softmax, GELU and layer norm as I-BERT computes them">,
    Option<"emitFloatWrapper", "float-wrapper", "bool", "true", "Also emit <name>_f32, which takes and returns floats">
  ];
  let dependentDialects = ["::mlir::qfmt::QFmtDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect"];
}

def SplitAccumulators : Pass<"qfmt-split-accumulators"> {
  let summary = "Adds up in 32 bits what a 64-bit accumulator holds, in chains that cannot overflow";
  let description = [{
    Level integer, which stays. Where `qfmt-integerize` gave a sum an accumulator of 64 bits, its terms are added up in 32 bits, in
    chains that are short enough, and the chains' sums in 64 bits (chains of dynamic fixed point, Das et al., 2018). No result
    changes, in no bit.

    ```mlir
    %0 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<4x1024xi16>, tensor<1024x8xi8>) outs(%acc : tensor<4x8xi64>)
    // becomes, of (m, n, k)
    %xs = tensor.expand_shape %x [[0], [1, 2]] output_shape [4, 4, 256] : tensor<4x1024xi16> into tensor<4x4x256xi16>
    %ws = tensor.expand_shape %w [[0, 1], [2]] output_shape [4, 256, 8] : tensor<1024x8xi8> into tensor<4x256x8xi8>
    %parts = linalg.generic ... ins(%xs, %ws : tensor<4x4x256xi16>, tensor<4x256x8xi8>) outs(%zeros : tensor<4x4x8xi32>)
    %1 = linalg.generic ... ins(%parts : tensor<4x4x8xi32>) outs(%acc : tensor<4x8xi64>)
    ```

    The length of a safe chain follows from the range of one term, L = floor((2^31 - 1) / (max|a| max|b|)) for products, and ranges
    from what is known: constants, zero points, the formats that `quantize` and `convert` round to, clamps. With constant weights
    chains are as long as sum |w| max|a| <= 2^31 - 1 allows. If the whole sum is safe, it is one chain. Of several reduced loops (a
    convolution) the one is cut that leaves the longest chains. Chains may be up to half as long if
    there is no rest then; a rest is a sum of its own. Run this before
    `qfmt-decompose`, which turns quantization into float arithmetic, of which no range is known here.

    `chain-length` asks for chains of a given length, safe or not. Where they may overflow, that is a warning, and
    `qfmt.error_bound` of results that depend on them becomes infinite.

    The chains' sums take memory, so that code as it is generated today is faster only with chains of 64 terms or more; shorter
    ones are for targets with dot-product instructions. `qfmt-compile` runs this pass with `min-length=128`.
  }];
  let options = [
    Option<"chainLength", "chain-length", "uint64_t", "0",
           "Most terms of a chain, safe or not; 0: as many as are safe">,
    Option<"minLength", "min-length", "uint64_t", "2", "Sums of which only shorter chains are safe stay in 64 bits">
  ];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect"];
}

def Decompose : Pass<"qfmt-decompose", "::mlir::ModuleOp"> {
  let summary = "Splits every encoded tensor into its constituents";
  let description = [{
    From level encoded or integer to level constituents. `quantize`, `dequantize` and `convert` become linalg on the
    constituents, linalg operations read their encoded inputs through `dequantize`, moves of tensors with static scales act
    on the payload, and every value, function signature, call and branch of encoded type is split one to many.

    ```mlir
    func.func @f(%w: tensor<16x9xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>> {qfmt.name = "w"})
    // becomes
    func.func @f(%w: tensor<16x9xi8> {qfmt.name = "w"}, %s: tensor<16x1xf32> {qfmt.name = "w.scale"})
    ```

    - Attributes of arguments and results are those of each part. The payload keeps the name (`qfmt.name`); to the names of
      other constituents theirs is added.
    - A constituent in a builtin float of less than 16 bits (`f8E4M3FN`, `f4E2M1FN`, ...) becomes a tensor of signless
      integers, in signatures too: such floats have no arithmetic, and most no memory, on a CPU. So does any other tensor of
      such floats; an operation this pass does not know keeps its type behind `arith.bitcast`.
    - A dimension in blocks of B elements is split into ceildiv(d, B) x B by `expand_shape`, after padding with zeros.
    - Results are those of docs/spec.md, bit for bit. Where f64 is too narrow to compute them, the pass fails and says so.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect", "::mlir::func::FuncDialect"];
}

def PackStorage : Pass<"qfmt-pack-storage", "::mlir::ModuleOp"> {
  let summary = "Stores codes narrower than a byte without gaps";
  let description = [{
    At level encoded, integer or constituents, which stays. A constant of codes becomes `unpack` of constant bytes, before its
    first use and outside of loops; equal constants share their bytes. The packing is that of the number format where the
    constant goes into an `assemble`, else bits. Constants that repeat one value stay, and so do tensors of i1 which no number
    format claims.

    With `boundaries`, the arguments and results of public functions that hold such codes become bytes, too; calls in the module
    follow. An encoded one is passed as its constituents, named as `qfmt-decompose` names them. `qfmt.packed` says what the bytes
    hold. Dynamic sizes are refused there.

    ```mlir
    func.func @f(%w: tensor<4x5xf32, #qfmt.scaled<i4, block = [1, *], scale = f16>> {qfmt.name = "w"})
    // becomes
    func.func @f(%b: tensor<10xi8> {qfmt.name = "w", qfmt.packed = tensor<4x5xi4>}, %s: tensor<4x1xf16> {qfmt.name = "w.scale"}) {
      %c = qfmt.unpack %b : tensor<10xi8> to tensor<4x5xi4>
      %w = qfmt.assemble %c, %s : ...
    ```
  }];
  let options = [
    Option<"constants", "constants", "bool", "true", "Pack constants">,
    Option<"boundaries", "boundaries", "bool", "false", "Pack arguments and results of public functions">
  ];
  let dependentDialects = ["::mlir::qfmt::QFmtDialect", "::mlir::arith::ArithDialect"];
}

def UnpackConstants : Pass<"qfmt-unpack-constants", "::mlir::ModuleOp"> {
  let summary = "Turns unpacked constant bytes back into constants of codes";
  let description = [{
    The inverse of `qfmt-pack-storage` for constants: for passes that look into weights, such as `qfmt-integerize`, on a module
    that was stored packed.
  }];
  let dependentDialects = ["::mlir::qfmt::QFmtDialect", "::mlir::arith::ArithDialect"];
}

def ExposeIntermediates : Pass<"qfmt-expose-intermediates", "::mlir::ModuleOp"> {
  let summary = "Makes intermediate tensors results of the public functions";
  let description = [{
    At level observed every `observe`, which disappears, at level encoded every `quantize` (dequantized) becomes one more
    result, in the order of computation: what a report of the error layer by layer reads. A network exposed at level encoded can be made integer-only
    like any other.
  }];
  let dependentDialects = ["::mlir::qfmt::QFmtDialect"];
}

def OutlineRegions : Pass<"qfmt-outline-regions", "::mlir::ModuleOp"> {
  let summary = "Puts each region of a network into a function, and into another one in real arithmetic";
  let description = [{
    At level encoded, which stays. A region is what lies between encoded tensors and one quantized tensor: the operations that a
    `quantize` or `convert` depends on, back to arguments and to results of other `quantize` and `convert`. For region number N of a
    public function `f`

    - `@f.regionN` takes the encoded tensors and returns the quantized one; `f` calls it,
    - `@f.regionN.real` takes the same and returns what exact arithmetic has there instead of the codes, in f64: every float type is
      f64, casts between float types are gone, static scales are the numbers they were.

    The quantization of an argument is no region and stays in `f`. Compute that several regions read is in each of them.
    `qfmt-run --check-bound` compares regions that `qfmt-integerize` made with their real functions.
  }];
  let dependentDialects = ["::mlir::qfmt::QFmtDialect", "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect"];
}

#endif // QFMT_TRANSFORMS_PASSES_TD
