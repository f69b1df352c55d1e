// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_CODEGEN_CPU_PASSES_TD
#define QFMT_CODEGEN_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

// What a core does in a cycle, for estimates in remarks; 0 for what CpuTarget has.
defvar rateOptions = [
  Option<"productsPerCycle", "products-per-cycle", "uint64_t", "0", "For estimates: products a core multiplies in a cycle; 0 for those of one instruction">,
  Option<"l2BytesPerCycle", "l2-bytes-per-cycle", "uint64_t", "0", "For estimates: bytes read from the level-2 cache in a cycle; 0 for 48">,
  Option<"farBytesPerCycle", "far-bytes-per-cycle", "uint64_t", "0", "For estimates: bytes read from beyond it in a cycle; 0 for 16">,
];

class CpuPass<string flag, list<Option> more = []> : Pass<flag, "::mlir::ModuleOp"> {
  let options = !listconcat([
    Option<"instructions", "instructions", "::mlir::qfmt::DotInstructions", "::mlir::qfmt::DotInstructions::Auto",
           "Which instructions multiply bytes", [{::llvm::cl::values(
      clEnumValN(::mlir::qfmt::DotInstructions::Auto, "auto", "what the module's qfmt.target_features allow"),
      clEnumValN(::mlir::qfmt::DotInstructions::Amx, "amx", "AMX tiles; vnni512 for few rows"),
      clEnumValN(::mlir::qfmt::DotInstructions::Vnni512, "vnni512", "vpdpbusd on 64 bytes"),
      clEnumValN(::mlir::qfmt::DotInstructions::Vnni256, "vnni256", "vpdpbusd on 32 bytes"),
      clEnumValN(::mlir::qfmt::DotInstructions::Madd512, "madd512", "vpmaddwd on 64 bytes"),
      clEnumValN(::mlir::qfmt::DotInstructions::Madd256, "madd256", "vpmaddwd on 32 bytes"),
      clEnumValN(::mlir::qfmt::DotInstructions::Madd128, "madd128", "pmaddwd on 16 bytes"),
      clEnumValN(::mlir::qfmt::DotInstructions::Usdot, "usdot", "usdot and sdot on 16 bytes"),
      clEnumValN(::mlir::qfmt::DotInstructions::Sdot, "sdot", "sdot on 16 bytes"),
      clEnumValN(::mlir::qfmt::DotInstructions::Plain, "plain", "32-bit multiplication"))}]>,
    Option<"l2Bytes", "l2-bytes", "uint64_t", "0", "Size of a core's level-2 cache; 0 for 1 MiB">,
  ], more);
}

def BatchesToProducts : CpuPass<"qfmt-batches-to-products"> {
  let summary = "Writes batches of products of variable integer matrices as one product";
  let description = [{
    On tensors, of `linalg.generic` that add up products of two variable matrices, or batches of them, of 8 bits in 32 or of 16 bits in 32 or 64. The
    result becomes one matrix with the rows of all batches, and a map says which batch of the second factor a row reads.

    ```mlir
    %y = linalg.generic {indexing_maps = [(b, m, n, k) -> (b, m, k), (b, k, n), (b, m, n)]}
      ins(%q, %k : tensor<12x128x32xi16>, tensor<12x32x128xi16>) outs(... : tensor<12x128x128xi64>)
    ```
    becomes
    ```mlir
    %rows = tensor.collapse_shape %q [[0, 1], [2]] : tensor<12x128x32xi16> into tensor<1536x32xi16>
    %m = linalg.generic {indexing_maps = [(m, n, k) -> (m, k), (m floordiv 128, k, n), (m, n)]}
      ins(%rows, %k : tensor<1536x32xi16>, tensor<12x32x128xi16>) outs(... : tensor<1536x128xi64>)
    %y = tensor.expand_shape %m [[0, 1], [2]] output_shape [12, 128, 128] : tensor<1536x128xi64> into tensor<12x128x128xi64>
    ```
    Products that the target has no instruction for, with few rows or unknown sizes, stay as they are; remarks (missed) say so.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def PackProducts : CpuPass<"qfmt-pack-products"> {
  let summary = "Lays out constant factors of integer matrix products for dot instructions";
  let description = [{
    On tensors, of `linalg.generic` that add up products of an 8-bit matrix and a constant one in 32 bits. The constant K x N
    matrix becomes an `unpack` of a constant [N/16][K/4][16][4], so that 64 bytes in a row hold four terms for each of 16
    columns; N and K are filled up with zeros.

    Offsets of the codes (zero points) leave the product: what they add to it is known for each column at compile time, or is
    a sum of the rows of the other factor, and is added to the initial values. On targets whose instructions take unsigned times signed
    bytes, a signed first factor is read as code + 128, which is the code with its highest bit flipped.

    ```mlir
    %y = linalg.generic ... ins(%x, %w : tensor<8x64xi8>, tensor<64x32xi8>) outs(%bias : tensor<8x32xi32>) // (x - 3) * w
    ```
    becomes
    ```mlir
    %packed = arith.constant dense<...> : tensor<2x16x16x4xi8>
    %w = linalg.unpack %packed outer_dims_perm = [1, 0] inner_dims_pos = [1, 0] inner_tiles = [16, 4] into %empty
      : tensor<2x16x16x4xi8> -> tensor<64x32xi8>
    %y = linalg.generic ... ins(%x, %w : tensor<8x64xi8>, tensor<64x32xi8>) outs(%corrected : tensor<8x32xi32>) // x * w
    ```
    A constant of at most 16 different values takes four bits, or two: it becomes `qfmt_cpu.unpack_integers`, N x K, whatever the width of its type. With few
    rows, or an unknown number, the product then is one of a group, which qfmt-groups-to-vectors takes. Depthwise convolutions keep bytes.

    Remarks (missed) say why a product of bytes is left alone.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::qfmt::cpu::QFmtCpuDialect"];
}

def ProductsToVectors : CpuPass<"qfmt-products-to-vectors", rateOptions> {
  let summary = "Writes packed integer matrix products as loops over vectors";
  let description = [{
    What qfmt-pack-products has packed becomes a loop nest on tensors: blocks of rows that stay in the level-2 cache, panels of
    columns, blocks of accumulators that stay in registers over a long part of the sum, and the target's instructions on 64 bytes of the packed
    constant at a time. Element-wise operations that alone read the product (rescaling, clamping, conversion to codes) are
    computed on the accumulators, and so are initial values that are broadcast. Every size is legal, an unknown number of rows, too. Constants of two or four bits
    are unpacked once for each panel and block of rows, to memory that stays in the level-2 cache.

    Targets differ in one place, how four products are added up; integers and so results are the same on all of them.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::vector::VectorDialect", "::mlir::qfmt::cpu::QFmtCpuDialect"];
}

def FloatProductsToVectors : Pass<"qfmt-float-products-to-vectors", "::mlir::ModuleOp"> {
  let summary = "Writes matrix products of real numbers as loops over vectors";
  let description = [{
    On tensors, of `linalg.generic` that add up products of two matrices in f32, whichever way round these lie; f16 and bf16 are extended by
    the body. The product becomes a loop nest: blocks of rows that stay in the level-2 cache, panels of columns, blocks of sums that stay in
    registers. Element-wise operations that alone read the product are computed on those. Batches are loops around that. Sizes other than the number of
    rows have to be known.

    Each sum is added up in the order of its terms, by the operations of the body, and so is the same number as before. With `contract`, a multiplication
    and the addition of its result may be rounded once: a sum of n terms then lies within (n + 1) 2^-24 times the sum of |a b| of the exact one, to first
    order, as the one before did.

    With `group-sums`, the default, products with few rows and a constant factor that is decoded in registers, in groups of at least 16 terms with a scale
    s each, are computed as the sum over groups of (the sum over the group of a w) s, with `contract` in effect. That is the other order of additions by
    which a result may differ: n terms in G groups lie within (n + G + 2) 2^-24 times the sum of |a w s| of the exact sum, to first order, unless a group's sum
    overflows before it is scaled. Where the factor's terms are sums of entries of tables, P terms for one code of each of M tables, products with all entries are computed
    once and looked up, within (P + (G + 1) M + 3) 2^-24 times the sum of |a| |s| and the entries' magnitudes, if there are at least four times as many columns as entries. Neither the number of threads nor block sizes have an influence on it.
  }];
  let options = !listconcat([
    Option<"l2Bytes", "l2-bytes", "uint64_t", "0", "Size of a core's level-2 cache; 0 for 1 MiB">,
    Option<"contract", "contract", "bool", "false", "Let a multiplication and an addition round once, where the target has such an instruction">,
    Option<"groupSums", "group-sums", "bool", "true", "Multiply sums of groups by scales, instead of each term, where there are few rows">,
  ], rateOptions);
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::vector::VectorDialect", "::mlir::qfmt::cpu::QFmtCpuDialect"];
}

def TransposesToVectors : Pass<"qfmt-transposes-to-vectors", "::mlir::ModuleOp"> {
  let summary = "Writes copies that change the order of dimensions as loops over squares";
  let description = [{
    On buffers of known sizes, of `linalg.generic` that copies elements of 8, 16 or 32 bits and has different loops as last dimensions of its buffers. Squares with 16
    bytes a side are loaded along one, interleaved in registers and stored along the other; edges move element by element.

    ```mlir
    linalg.generic {indexing_maps = [(n, h, w, c) -> (n, c, h, w), (n, h, w, c) -> (n, h, w, c)]}
      ins(%x : memref<1x64x56x56xi8>) outs(%y : memref<1x56x56x64xi8>)
    ```
    becomes, for each 16 x 16 elements,
    ```mlir
    %0 = vector.load %x[%n, %c, %h, %w] : memref<1x64x56x56xi8>, vector<16xi8>   // and 15 others
    %1 = vector.shuffle %0, %8 [0, 16, 1, 17, 2, 18, ...]                         // 64 of these
    vector.store %2, %y[%n, %h, %w, %c] : memref<1x56x56x64xi8>, vector<16xi8>   // and 15 others
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def HighProducts : CpuPass<"qfmt-high-products"> {
  let summary = "Multiplies even and odd elements apart where upper halves of products are wanted";
  let description = [{
    On vectors, for x86 with AVX2 or AVX-512, whose instruction for 64-bit products of 32-bit integers takes each second element.

    ```mlir
    %p = arith.muli %a64, %b64 : vector<16xi64>   // of extended vectors of i32
    %s = arith.shrsi %p, %32 : vector<16xi64>
    %h = arith.trunci %s : vector<16xi64> to vector<16xi32>
    ```
    becomes, `even` and `odd` being sign-extended in place,
    ```mlir
    %e = arith.muli %even_a, %even_b : vector<8xi64>
    %o = arith.muli %odd_a, %odd_b : vector<8xi64>
    %u = arith.shrui %e, %32 : vector<8xi64>
    %k = arith.andi %o, %upper : vector<8xi64>
    %b = arith.ori %u, %k : vector<8xi64>
    %h = vector.bitcast %b : vector<8xi64> to vector<16xi32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect"];
}

def DotsToLLVM : Pass<"qfmt-dots-to-llvm"> {
  let summary = "Writes qfmt_cpu.dot and qfmt_cpu.lookup_bytes as calls of LLVM's intrinsics";
  let description = [{
    After bufferization.

    ```mlir
    %sum = qfmt_cpu.dot %acc, %codes, %weights : vector<16xi32>, vector<64xi8>
    ```
    becomes
    ```mlir
    %sum = llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%acc, %codes, %weights)
      : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect"];
}

def TilesToAmx : Pass<"qfmt-tiles-to-amx"> {
  let summary = "Writes qfmt_cpu.tile_product as a loop over AMX tiles";
  let description = [{
    After bufferization. Sums stay in tile registers from the first step to the last.

    ```mlir
    qfmt_cpu.tile_product %x[%row, %k] * %w[%block, %step] for %steps into %sums
      : memref<64x768xi8>, memref<4x12x16x64xi8>, memref<16x16xi32>
    ```
    becomes
    ```mlir
    %zero = amx.tile_zero : !amx.tile<16x16xi32>
    %last = scf.for %i = %c0 to %steps step %c1 iter_args(%sum = %zero) -> !amx.tile<16x16xi32> {
      %a = amx.tile_load %x[%row, %k64] : memref<64x768xi8> into !amx.tile<16x64xi8>
      %b = amx.tile_load %w[%block, %next, %c0, %c0] : memref<4x12x16x64xi8> into !amx.tile<16x64xi8>
      %next = amx.tile_muli %a, %b, %sum : !amx.tile<16x64xi8>, !amx.tile<16x64xi8>, !amx.tile<16x16xi32>
      scf.yield %next
    }
    amx.tile_store %sums[%c0, %c0], %last : memref<16x16xi32>, !amx.tile<16x16xi32>
    ```
  }];
  let dependentDialects = ["::mlir::amx::AMXDialect", "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

//===----------------------------------------------------------------------===//
// Products with scales
//===----------------------------------------------------------------------===//

def PackGroups : Pass<"qfmt-pack-groups"> {
  let summary = "Packs constant integers and scales of products in groups";
  let description = [{
    On tensors, of what qfmt-factor-scales makes. The constant integers become codes of 2, 4 or 8 bits, as few as their different values need, whatever
    number format they came from: an offset if they are neighbours, else a table. The constant scales become as many bits as they need: 8 or 16 with the mantissa
    and exponent bits that occur, or f32. What reads them sees them through `qfmt_cpu.unpack_integers` and `qfmt_cpu.unpack_scales`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::qfmt::cpu::QFmtCpuDialect"];
}

def GroupsToVectors : CpuPass<"qfmt-groups-to-vectors", rateOptions> {
  let summary = "Writes products in groups as loops over vectors";
  let description = [{
    What qfmt-pack-groups has packed becomes the loops of qfmt-products-to-vectors around a tile of two kinds of sums: for each group those of integers, which start anew, and
    those of f32, which stay in registers over all groups. Codes are unpacked in registers, once for all rows of a tile. They are the unsigned factor: what their
    offset adds is taken from sums of the first factor's groups, and so is what numbers of groups add. What qfmt-pack-products makes of few rows has one group, and sums of i32.

    With AMX and at least 16 rows, a known number, panels are unpacked to signed bytes for `qfmt_cpu.tile_product`, and sums of f32 are added up from its results. The numbers are the same.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::vector::VectorDialect", "::mlir::qfmt::cpu::QFmtCpuDialect", "::mlir::qfmt::QFmtDialect"];
}

def UnpackToLinalg : Pass<"qfmt-unpack-to-linalg"> {
  let summary = "Writes unpack_integers and unpack_scales as linalg operations";
  let description = [{
    On tensors, for those that no loop nest has read packed.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect", "::mlir::qfmt::QFmtDialect"];
}

#endif // QFMT_CODEGEN_CPU_PASSES_TD
