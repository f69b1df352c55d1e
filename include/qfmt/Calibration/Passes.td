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

    Refused: no samples, arrays of another shape or type, NaN or infinity in a tensor that is observed, an `observe` that
    the entry function never reaches.
  }];
  let options = [
    Option<"data", "data", "std::string", "\"\"", "The .npz or .npy file with the samples">,
    Option<"bins", "bins", "unsigned", "2048", "Bins of each histogram">,
    Option<"entry", "entry", "std::string", "\"main\"", "The function to run">
  ];
  let statistics = [Statistic<"numSamples", "samples", "Samples the network was run on">];
}

def EncodeConstants : Pass<"qfmt-encode-constants", "::mlir::ModuleOp"> {
  let summary = "Computes `quantize` of constants";
  let description = [{
    Each `quantize` of a constant (dense or dense_resource, of f16, bf16, f32 or f64) becomes `assemble` of constants. The operation
    is compiled for this machine, as it would be compiled in its place, and run on pieces that end at block boundaries, on all of the
    context's threads. Beside the constant and its codes there is only a few MiB of memory for each thread: weights that are mapped
    from bytecode stream through.

    A `quantize` with given scales or with a seed stays, and so does one of a value that is no constant.
  }];
  let statistics = [
    Statistic<"numEncoded", "encoded", "Constants encoded">,
    Statistic<"packedBytes", "packed-bytes", "Bytes of their constituents, packed">
  ];
}

#endif // QFMT_CALIBRATION_PASSES_TD
