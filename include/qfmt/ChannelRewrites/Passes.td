// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_CHANNELREWRITES_PASSES_TD
#define QFMT_CHANNELREWRITES_PASSES_TD

include "mlir/Pass/PassBase.td"

// What all rewrites have in common; docs/Channels.md describes them.
class ChannelRewrite<string name, list<Option> own> : Pass<name, "::mlir::ModuleOp"> {
  let options = own # [
    Option<"materialize", "materialize", "bool", "true",
           "Allow operations that change channels at run time where no constant can absorb a scale, shift or rotation">,
    Option<"gather", "gather", "bool", "false", "Allow the same for permutations: as gathers">,
    Option<"verifyEquivalence", "verify-equivalence", "bool", "false",
           "Run both functions on random numbers in double and fail if they differ by more than 1e-12 of the largest output">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

// What was recorded, and the formats in which a change has to lessen what rounding loses.
defvar ChannelData = [
  Option<"moments", "moments", "std::string", "\"\"", "The .npz file that qfmt-annotate{moments=FILE} has written of the same network">
];
defvar ChannelFormats = [
  Option<"weights", "weights", "std::string", "\"i8\"", "The format that the layers' weights will have, as qfmt-quantize names it">,
  Option<"activations", "activations", "std::string", "\"i8\"", "The format that their data will have">
];

def SmoothQuant : ChannelRewrite<"qfmt-smooth-quant", [
    Option<"alpha", "alpha", "double", "0.5", "How much of the differences between channels the weights take over, 0 to 1">,
    Option<"powerOfTwo", "power-of-two", "bool", "false", "Round scales to powers of two: the function is the same bit for bit">
  ] # ChannelData # ChannelFormats> {
  let summary = "Moves differences between channels of data into the weights that read them";
  let description = [{
    At level real or observed, which stays. Channel j of a tensor that layers read is divided by

        s_j = max |x_j| ^ alpha / max |w_j| ^ (1 - alpha)

    and the weights that read it are multiplied by it (Xiao et al., SmoothQuant, arXiv 2211.10438). All layers that read the tensor share
    the scales: max |w_j| is over all of their weights. Scales are divided by their geometric mean, and lie in 2^-16 ... 2^16. Channels that
    are 0 in all samples, or that only zeros read, keep 1.

    The channels of a tensor stay as they are if its layers' results, computed of the recorded rows in the formats `weights` and
    `activations`, are not closer to the exact ones with the scales (docs/Channels.md).

    Refused: `alpha` outside of 0 to 1, formats that there are not, statistics that are missing, of another shape or not finite, a
    network without layers.
  }];
}

def SuppressOutliers : ChannelRewrite<"qfmt-suppress-outliers", [
    Option<"shift", "shift", "bool", "true", "Shift channels, too, where that asks for no operation at run time beyond those of a scale">,
    Option<"leastThreshold", "least-threshold", "double", "1", "The least threshold that is tried, in units of the data">
  ] # ChannelData # ChannelFormats> {
  let summary = "Shifts channels of data to 0 and scales down those beyond a threshold";
  let description = [{
    At level real or observed, which stays. Channel j of a tensor that layers read becomes (x_j - z_j) / s_j, and their weights and biases
    make up for it (Wei et al., Outlier Suppression+, arXiv 2304.09145), with

        z_j = (max x_j + min x_j) / 2          s_j = max(1, max |x_j - z_j| / t)

    The threshold t is the one with the least loss of those from A = max |x - z| down to `least-threshold` in max(100, floor(A / 0.5)) equal
    steps. The loss is the mean over the recorded rows of the squared error of the results, summed over all layers that read the
    tensor, with weights and data in the formats `weights` and `activations`. t = A is s = 1. The same is done with z = 0, and the shifts are
    used if they lose less and cost nothing at run time beyond what scales alone would.

    The channels of a tensor stay as they are if nothing loses less. The paper's loss for query, key and value is that of the attention's
    result; here it is that of the three products.

    Refused: a `least-threshold` that is not positive, and what qfmt-smooth-quant refuses.
  }];
}

def ScaleByActivations : ChannelRewrite<"qfmt-scale-by-activations", [
    Option<"weights", "weights", "std::string", "\"int4_g32\"", "The format that the layers' weights will have, as qfmt-quantize names it">
  ] # ChannelData> {
  let summary = "Enlarges weights that read large channels, which are then rounded finer";
  let description = [{
    At level real or observed, which stays. For formats of few bits with blocks of weights along what is summed over, which share a scale
    (Lin et al., AWQ, arXiv 2306.00978). Channel j of a tensor that layers read is divided by

        s_j = (mean |x_j|) ^ a

    over the geometric mean, and the weights that read it are multiplied by it. a is the one of 0, 1/20, ..., 19/20 with the least sum over
    these layers of tr(D H D^T), where D = Q(W s) / s - W are the errors of weights in the format `weights`, and H the second moments of the
    data. a = 0 changes nothing and is kept if nothing loses less. Channels that are 0 in all samples keep 1.

    Refused: what qfmt-smooth-quant refuses of formats and statistics, second moments that are missing or of another shape.
  }];
}

def ShiftExponents : ChannelRewrite<"qfmt-shift-exponents", [
    Option<"format", "format", "std::string", "\"f4E2M1FN\"", "The format that the layers' data will have: a float with one scale a tensor">,
    Option<"weights", "weights", "std::string", "\"f4E2M1FN\"", "The format that their weights will have, as qfmt-quantize names it">
  ] # ChannelData> {
  let summary = "Gives each channel of data in a small float its own exponent bias";
  let description = [{
    At level real or observed, which stays. Channel j of a tensor that layers read is multiplied by 2^k_j, the weights that read it by
    2^-k_j, before they are rounded (Liu et al., LLM-FP4, arXiv 2310.16836, pre-shifted exponent biases), with

        b_j = 2^e - log2 max |x_j| + log2(2 - 2^-m) - 1         k_j = clip(round(b_j - b), 0, 2^e - 1)

    for a float of e exponent and m mantissa bits. The tensor's bias b is the one with the least loss (qfmt-suppress-outliers) of
    min b_j and 100 from min b_j - 2^e + 1 to max b_j. The paper searches 0.01 to 1.2 times min b_j, which depends on the unit of the data.
    The scale of the tensor is that of its largest magnitude, as qfmt-quantize chooses it, not 2^-b.

    Powers of two change no bit of the results, barring over- and underflow. The channels stay as they are if nothing loses less.

    Refused: a `format` that is no float of 1 to 5 exponent bits, and what qfmt-smooth-quant refuses.
  }];
}

def EqualizeWeights : ChannelRewrite<"qfmt-equalize-weights", [
    Option<"rounds", "rounds", "unsigned", "16", "How often all tensors are looked at, at most: chains of layers converge in a few rounds">,
    Option<"powerOfTwo", "power-of-two", "bool", "false", "Round scales to powers of two: the function is the same bit for bit">]> {
  let summary = "Scales channels such that the weights on both sides reach equally far";
  let description = [{
    At level real or observed: cross-layer equalization (Nagel et al., Data-Free Quantization through Weight Equalization and Bias Correction,
    ICCV 2019). Between two layers (with ReLU, pooling, attention's values and all else through which scales pass) channel i becomes

    ```
    x~[i] = x[i] / s[i]      s[i] = sqrt(r1[i] / r2[i])
    ```

    where r1[i] is the largest magnitude of the weights that compute the channel, r2[i] that of those that read it. Afterwards both are
    sqrt(r1[i] r2[i]): weights that share a scale across channels are rounded better. Repeated until no scale is off by more than 0.1 %, as
    tensors of a chain share layers.

    A tensor stays where constants do not absorb all of it, where more than one layer computes it (residual streams), and a channel where
    r1 or r2 is 0. Nothing is ever added at run time.
  }];
}

def SortKeys : ChannelRewrite<"qfmt-sort-keys", [
    Option<"side", "side", "::mlir::qfmt::KeySide", "::mlir::qfmt::KeySide::Right", "Which factor of the scores the keys are",
           [{::llvm::cl::values(
             clEnumValN(::mlir::qfmt::KeySide::Left, "left", "the first input"),
             clEnumValN(::mlir::qfmt::KeySide::Right, "right", "the second input"))}]>,
    Option<"by", "by", "::mlir::qfmt::KeyNorms", "::mlir::qfmt::KeyNorms::Weights", "The norms that channels are sorted by",
           [{::llvm::cl::values(
             clEnumValN(::mlir::qfmt::KeyNorms::Weights, "weights", "those of the weights that compute them"),
             clEnumValN(::mlir::qfmt::KeyNorms::Data, "data", "those of the keys for the rows that were recorded"))}]>,
    Option<"moments", "moments", "std::string", "\"\"", "The .npz file with statistics of what layers read">,
    Option<"block", "block", "unsigned", "16", "Channels that share a scale in the format of the keys">,
    Option<"bits", "bits", "unsigned", "4", "Bits of an element in these blocks, which are of integers">,
    Option<"format", "format", "std::string", "\"\"", "The format of the keys, by which `moments` measures instead of `block`">]> {
  let summary = "Sorts the channels of attention's keys by norm";
  let description = [{
    At level real or observed: K-sort (Trukhanov and Soloveychik, Accurate Block Quantization in LLMs with Outliers, 2024). Scores are sums
    q . k over the channels of a head. Sorted by the norms of the keys' channels, descending, channels of like magnitude share the blocks of
    formats such as BFP12, so that an outlier does not cost small channels their bits. The same permutation of the queries undoes it: both
    fold into the layers that compute queries and keys.

    Scores are sums of products of two computed tensors, over channels that the layer with constant weights before the factor `side`
    computes; what sums over positions (attention's values) stays, with a remark. Heads are as long as the sum. Of grouped queries all heads of
    a group get the order of their keys. Behind a rotary embedding whose halves are taken apart, channels move in the pairs that are rotated together
    (i and i + d/2, or neighbours), sorted by the norm of the pair.

    A head stays as it is where sorting does not lessen the rounding errors: with `moments` those of the keys that the layer computes for the
    recorded rows, before any rotary embedding, in `format`, or else about those of integers of `bits` bits in blocks. Without
    `moments` the norms themselves stand for a key. A remark says by how much. Keys stay where one layer computes queries as well.
  }];
}

def SortChannels : ChannelRewrite<"qfmt-sort-channels", [
    Option<"moments", "moments", "std::string", "\"\"", "The .npz file with statistics of what layers read; without it their weights decide">,
    Option<"block", "block", "unsigned", "32", "Channels that share a scale">,
    Option<"bits", "bits", "unsigned", "4", "Bits of an element in these blocks, which are of integers">,
    Option<"format", "format", "std::string", "\"\"", "A format to measure rounding errors in, instead of `block`">]> {
  let summary = "Sorts channels by magnitude, so that blocks hold channels of like magnitude";
  let description = [{
    At level real or observed. The channels of tensors that layers read are sorted, descending, by the root mean square of their data in the
    recorded rows, or without `moments` by that of the weights that read them. Blocks along the channels (MXFP4, int4 with a scale for 32) then hold
    channels of like magnitude, and fewer of them hold an outlier.

    Tensors that can only be permuted together, as those of a residual stream, are sorted once, by the sum of the norms in all layers that read
    them, each relative to that of all of the layer's channels. Where all channels must not be permuted, the largest equal runs of them
    are that may (heads of attention), each in its own order, or all in the same where they are tied.

    Tensors stay where constants do not absorb all of it (unless `gather` is set), and where the errors, averaged over the layers, do not become
    smaller: those that rounded data make in results, with data in `format`, or about those of data or weights as integers of `bits` bits in blocks.
  }];
}

def RotateChannels : ChannelRewrite<"qfmt-rotate-channels", [
    Option<"block", "block", "unsigned", "0", "Channels that are rotated together: a power of two, or one times 12 or 20; 0: the largest">,
    Option<"seed", "seed", "uint64_t", "1", "Of the random signs; 0: no signs">,
    Option<"moments", "moments", "std::string", "\"\"", "The .npz file with statistics of what layers read; without it all are rotated">,
    Option<"group", "group", "unsigned", "0", "Channels that share a scale in the format of the data; 0: all of a row">,
    Option<"bits", "bits", "unsigned", "4", "Bits of an element in these blocks, which are of integers">,
    Option<"format", "format", "std::string", "\"\"", "A format to measure rounding errors in, instead of `group`">]> {
  let summary = "Rotates channels by Hadamard matrices, which spread outliers";
  let description = [{
    At level real or observed (Ashkboos et al., QuaRot, 2024; Tseng et al., QuIP#, 2024). A layer sums over channels x; with an orthogonal R

    ```
    W x = (W R) (R^T x)
    ```

    and in R^T x an outlier is spread over all channels of its block. R is a Hadamard matrix after random signs. W R is folded. Where a
    linear layer computes x it takes R^T in; elsewhere an operation that multiplies by R is added before the layers that read x, unless
    `materialize` is off. Without `block`, the largest block that costs nothing at run time is taken, and if there is none, the largest.

    With `moments`, a tensor stays where that does not lessen the errors of results that come from rounding the recorded rows: in
    `format`, or else about those of integers of `bits` bits in groups.
  }];
}

#endif // QFMT_CHANNELREWRITES_PASSES_TD
