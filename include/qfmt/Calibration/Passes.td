// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_CALIBRATION_PASSES_TD
#define QFMT_CALIBRATION_PASSES_TD

include "mlir/Pass/PassBase.td"

def Annotate : Pass<"qfmt-annotate", "::mlir::ModuleOp"> {
  let summary = "Runs the network on data and writes down what observers see";
  let description = [{
    At level observed. The entry function is compiled for this machine and called once for each sample of `data`, twice
    over: first for the ranges, then for the histograms. Each `observe` gets its `statistics`; statistics that it had are
    replaced.

    `data` is an .npz file with one array for each argument, named as the argument's `qfmt.name` (without such names:
    `arr_0`, `arr_1`, ... as numpy.savez numbers them), or an .npy file if there is one argument. Samples lie along the
    first axis: argument tensor<1x3x32x32xf32> takes an array of N x 3 x 32 x 32 or of N x 1 x 3 x 32 x 32 floats.

    With `moments`, an .npz file is written with arrays for each layer (a contraction with constant weights). Let x be the vectors that one
    result element is computed from, of all positions and samples, in the order of the weights' dimensions:

    - `<name>`, f8 [depth, depth]: `sum x x^T` over all positions, mean over the samples. This is what qfmt-assign-formats takes as
      `damage=moments`, and qfmt-round-weights.
    - `<name>.mean`, `<name>.magnitude`, `<name>.min`, `<name>.max`, f8 [depth]: the means of x and |x| over positions and samples, and the
      range of each entry.
    - `<name>.rows`, f4 [n, depth]: at most `rows` of these vectors, each with the same probability; the same ones in every run.

    Of grouped and depthwise convolutions all arrays have one more dimension in front, [groups, ...]. The memory does not grow with the
    number of samples.

    Refused: no samples, arrays of another shape or type, NaN or infinity in a tensor that is observed, an `observe` that
    the entry function never reaches.
  }];
  let options = [
    Option<"data", "data", "std::string", "\"\"", "The .npz or .npy file with the samples">,
    Option<"moments", "moments", "std::string", "\"\"", "The .npz file for the statistics of what layers read">,
    Option<"rows", "rows", "unsigned", "256", "How many vectors that a layer reads are kept in it, at most">,
    Option<"bins", "bins", "unsigned", "2048", "Bins of each histogram">,
    Option<"entry", "entry", "std::string", "\"main\"", "The function to run">
  ];
}

def EncodeConstants : Pass<"qfmt-encode-constants", "::mlir::ModuleOp"> {
  let summary = "Computes `quantize` of constants";
  let description = [{
    Each `quantize` of a constant (dense or dense_resource, of f16, bf16, f32 or f64) becomes `assemble` of constants. The operation
    is compiled for this machine, as it would be compiled in its place, and run on pieces that end at block boundaries, on all of the
    context's threads. Beside the constant and its codes there is only a few MiB of memory for each thread: weights that are mapped
    from bytecode stream through.

    One with a seed (`stochastic`) is run as a whole: what is drawn depends on the number of an element. A `quantize` with given scales
    stays, and so does one of a value that is no constant.
  }];
}

def RoundWeights : Pass<"qfmt-round-weights", "::mlir::ModuleOp"> {
  let summary = "Rounds weights such that the results of layers change least";
  let description = [{
    At level encoded, between qfmt-quantize{encode-weights=false} (or qfmt-quantize-weights) and qfmt-encode-constants. The weights of a
    layer are `quantize` of a constant there; they become `assemble` of codes that `method` chooses by the second moments H = E[x x^T] of
    the data that the layer reads, which `qfmt-annotate{moments=FILE}` has written:

    - `gptq`: column by column, where the columns that are left make up for the error (Frantar et al., ICLR 2023). Scales of groups are
      fixed when the first of their columns is reached; with those that `quantize` gives, columns with large moments come first. Of
      both, and of `nearest`, each output row keeps what loses least.
    - `learned`: the codes of `gptq`, changed one at a time to whatever code is best, until no single change helps or `sweeps` are over
      (coordinate descent on the objective of Nagel et al., ICML 2020).

    Of weights in `#qfmt.additive` with constant scales and tables, whose elements are not rounded one by one, `gptq` takes all columns of a
    group at once, and `learned` is the beam search of AQLM (Egiazarian et al., ICML 2024): code by code to whatever vector is best, `beam`
    ways at a time. In `#qfmt.select`, `gptq` chooses number formats of blocks again together with their scales, and `learned` tries all
    number formats for each block of a row.

    The loss of a row with errors d is d H d^T, the mean squared error of what it computes. No row loses more by `gptq` than by `nearest`,
    nor more by `learned` than by `gptq`; of rows that share groups of `#qfmt.additive` that is true of the sum. Each layer gets a remark
    with the three numbers.

    A layer has the name `qfmt.layer`, by which its moments are found; the attribute is removed. Its format is `#qfmt.scaled` or
    `#qfmt.select` of number formats of at most 16 bits, with blocks of any shape, or `#qfmt.additive`. What has no name, given scales of
    other formats than the last, or a seed stays `quantize`; a remark says so.
  }];
  let options = [
    Option<"method", "method", "::mlir::qfmt::WeightRoundingMethod", "::mlir::qfmt::WeightRoundingMethod::Gptq", "How to round",
           [{::llvm::cl::values(
             clEnumValN(::mlir::qfmt::WeightRoundingMethod::Gptq, "gptq", "with error feedback"),
             clEnumValN(::mlir::qfmt::WeightRoundingMethod::Learned, "learned", "by coordinate descent"))}]>,
    Option<"moments", "moments", "std::string", "\"\"", "The .npz file with the second moments">,
    Option<"damping", "damping", "double", "0.01", "What gptq adds to the diagonal of H, in means of it">,
    Option<"sweeps", "sweeps", "unsigned", "20", "How often learned looks at each weight, at most">,
    Option<"beam", "beam", "unsigned", "4", "How many ways of coding are kept in the search of the codes of #qfmt.additive">
  ];
  let dependentDialects = ["::mlir::qfmt::QFmtDialect", "::mlir::arith::ArithDialect"];
}

def RoundWeightsAtRandom : Pass<"qfmt-round-weights-at-random", "::mlir::ModuleOp"> {
  let summary = "Rounds weights up or down by chance";
  let description = [{
    At level encoded, between qfmt-quantize{encode-weights=false} (or qfmt-quantize-weights) and qfmt-encode-constants. The `quantize` of
    a layer's weights gets a seed: it rounds up with a probability that is the distance from the value below (spec C36), so that each
    weight is right on average over seeds. What a layer draws follows from `seed` and from its name, `qfmt.layer`, which is removed;
    layers that share weights and a format share what the first one draws.

    Weights that have a seed keep it. Those whose encoding does not round at random, and those of layers without a name, are rounded to
    nearest; a remark says so.
  }];
  let options = [
    Option<"seed", "seed", "uint64_t", "0", "What is drawn follows from it">
  ];
}

def KeepWeights : Pass<"qfmt-keep-weights", "::mlir::ModuleOp"> {
  let summary = "Lets layers remember their weights and names";
  let description = [{
    At level observed or assigned, before qfmt-quantize. Each layer gets its name as `qfmt.layer` and the constant of its weights as
    `qfmt.real_weights`, for qfmt-correct-biases, which removes both. The constant is shared, not copied, unless it lies behind moves.
  }];
}

def CorrectBiases : Pass<"qfmt-correct-biases", "::mlir::ModuleOp"> {
  let summary = "Takes what errors of weights add on average out of the biases of layers";
  let description = [{
    At level encoded, after the weights have got their codes. A layer with weights W has W' for them, whose results differ by
    (W' - W) E[x] on average; this is subtracted from what the layer adds its products to (its init). E[x] is `<name>.mean` in the file
    that `qfmt-annotate{moments=FILE}` has written, and W is what qfmt-keep-weights has kept before qfmt-quantize. W' is what the codes
    denote, whoever has chosen them.

    ```mlir
    %y = linalg.matmul {qfmt.layer = "fc", qfmt.real_weights = dense<...> : tensor<64x8xf32>}
        ins(%x, %w : tensor<1x64xf32, #q_i8>, tensor<64x8xf32, #q_i4>) outs(%bias : tensor<1x8xf32>) -> tensor<1x8xf32>
    ```

    A constant init becomes another constant, repeated as it was; zeros become a bias. A bias that another operation adds afterwards
    stays: the sum is the same. A layer that adds to a tensor which is no constant stays as it is, and a remark says so. A remark for each
    corrected layer says by how much. Statistics that are missing, or of another shape, are an error.
  }];
  let options = [
    Option<"moments", "moments", "std::string", "\"\"", "The .npz file with the means">
  ];
}

def ExtractLayer : Pass<"qfmt-extract-layer", "::mlir::ModuleOp"> {
  let summary = "Leaves one layer of a network, to be timed alone";
  let description = [{
    At level observed or assigned. Of the module @main is left, which computes what the layer `name` computes, from the observed tensors
    before it to those after it: padding, bias and activation included. Its arguments and results are observed with the statistics that
    they had, so that qfmt-quantize gives them the formats that they have in the network. The layer keeps its name, as `qfmt.layer`.

    ```mlir
    func.func @main(%x: tensor<1x64xf32>) -> tensor<1x10xf32> {
      %0 = qfmt.observe %x "relu.3" {...} : tensor<1x64xf32>
      %1 = linalg.matmul {qfmt.layer = "matmul.2"} ins(%0, %w : tensor<1x64xf32>, tensor<64x10xf32>) ...
      %2 = qfmt.observe %1 "matmul.2" {...} : tensor<1x10xf32>
      return %2 : tensor<1x10xf32>
    }
    ```
  }];
  let options = [Option<"name", "name", "std::string", "\"\"", "The layer's name">];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

#endif // QFMT_CALIBRATION_PASSES_TD
