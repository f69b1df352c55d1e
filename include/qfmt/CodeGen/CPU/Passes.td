// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_CODEGEN_CPU_PASSES_TD
#define QFMT_CODEGEN_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

class CpuPass<string flag> : Pass<flag, "::mlir::ModuleOp"> {
  let options = [
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
    Option<"l2Bytes", "l2-bytes", "int64_t", "0", "Size of a core's level-2 cache; 0 for 1 MiB">,
  ];
}

def CollapseReaders : Pass<"qfmt-collapse-readers"> {
  let summary = "Lets element-wise readers of integer matrix products read matrices";
  let description = [{
    On tensors. Where the result of a product of bytes is expanded and one element-wise `linalg.generic` reads that, the reader moves before the
    reshape: to qfmt-products-to-vectors it is then one more operation on accumulators.

    ```mlir
    %e = tensor.expand_shape %y [[0, 1], [2]] output_shape [1, 16, 384] : tensor<16x384xi32> into tensor<1x16x384xi32>
    %z = linalg.generic ... ins(%e, %x : tensor<1x16x384xi32>, tensor<1x16x384xi16>) outs(... : tensor<1x16x384xi16>)
    ```
    becomes
    ```mlir
    %c = tensor.collapse_shape %x [[0, 1], [2]] : tensor<1x16x384xi16> into tensor<16x384xi16>
    %m = linalg.generic ... ins(%y, %c : tensor<16x384xi32>, tensor<16x384xi16>) outs(... : tensor<16x384xi16>)
    %z = tensor.expand_shape %m [[0, 1], [2]] output_shape [1, 16, 384] : tensor<16x384xi16> into tensor<1x16x384xi16>
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
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
    Remarks (missed) say why a product of bytes is left alone.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def ProductsToVectors : CpuPass<"qfmt-products-to-vectors"> {
  let summary = "Writes packed integer matrix products as loops over vectors";
  let description = [{
    What qfmt-pack-products has packed becomes a loop nest on tensors: blocks of rows that stay in the level-2 cache, panels of
    columns, blocks of accumulators that stay in registers over a long part of the sum, and the target's instructions on 64 bytes of the packed
    constant at a time. Element-wise operations that alone read the product (rescaling, clamping, conversion to codes) are
    computed on the accumulators, and so are initial values that are broadcast. Every size is legal, an unknown number of rows, too.

    Targets differ in one place, how four products are added up; integers and so results are the same on all of them.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::vector::VectorDialect", "::mlir::qfmt::cpu::QFmtCpuDialect"];
}

def DotsToLLVM : Pass<"qfmt-dots-to-llvm"> {
  let summary = "Writes qfmt_cpu.dot as calls of LLVM's intrinsics";
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
  let dependentDialects = ["::mlir::amx::AMXDialect", "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

#endif // QFMT_CODEGEN_CPU_PASSES_TD
