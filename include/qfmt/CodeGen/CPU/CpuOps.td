// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_CODEGEN_CPU_CPUOPS_TD
#define QFMT_CODEGEN_CPU_CPUOPS_TD

include "mlir/IR/OpBase.td"
include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def QFmtCpu_Dialect : Dialect {
  let name = "qfmt_cpu";
  let cppNamespace = "::mlir::qfmt::cpu";
  let summary = "Instructions of CPUs";
  let description = [{
    What an instruction computes, as an operation without side effects, for IR on tensors and buffers: an `llvm.call_intrinsic` might
    do anything there, which bufferization refuses.
  }];
}

def QFmtCpu_DotOp : Op<QFmtCpu_Dialect, "dot", [Pure, AllTypesMatch<["accumulator", "result"]>, AllTypesMatch<["lhs", "rhs"]>]> {
  let summary = "Adds sums of neighbouring products";
  let description = [{
    `result[i] = accumulator[i] + sum of lhs[t i + j] * rhs[t i + j], j = 0 ... t - 1`, in 32 bits, modulo 2^32. With factors of 8 bits
    t is 4, `rhs` is signed, and `lhs` unsigned (x86's vpdpbusd, AArch64's usdot) unless it says `signed` (sdot); with factors of 16 bits t is 2
    and both are signed (vpmaddwd).

    ```mlir
    %sum = qfmt_cpu.dot %acc, %codes, %weights : vector<16xi32>, vector<64xi8>
    ```
  }];
  let arguments = (ins VectorOfRankAndType<[1], [I32]>:$accumulator, VectorOfRankAndType<[1], [I8, I16]>:$lhs,
                   VectorOfRankAndType<[1], [I8, I16]>:$rhs, UnitAttr:$isLhsSigned);
  let results = (outs VectorOfRankAndType<[1], [I32]>:$result);
  let assemblyFormat = "$accumulator `,` (`signed` $isLhsSigned^)? $lhs `,` $rhs attr-dict `:` type($result) `,` type($lhs)";
  let hasVerifier = 1;
}

def QFmtCpu_TileProductOp : Op<QFmtCpu_Dialect, "tile_product", [DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<BufferizableOpInterface, ["bufferizesToMemoryRead", "bufferizesToMemoryWrite", "getAliasingValues", "bufferize"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Product of blocks of rows and columns";
  let description = [{
    On tensors or buffers. Writes sums of `64 steps` products of bytes, in 32 bits, modulo 2^32, to `sums`, which has 16 R rows and 16 C columns, R
    and C 1 or 2; with `added`, what `sums` had is added.

    `rhs` is [N/16][K/64][16][64], as qfmt-pack-products lays it out; columns begin with its block `rhs_block` and terms with its `rhs_step`.
    `lhs` is M x K, and rows begin with `lhs_row`, terms with `lhs_term`; or it is [M/16][K/64][16][64], and those count blocks of 16 rows and
    of 64 terms. Everything that is read must be there.

    ```mlir
    %r = qfmt_cpu.tile_product %x[%row, %k] unsigned * %w[%block, %step] for %steps into %sums
      : tensor<64x768xi8>, tensor<4x12x16x64xi8>, tensor<32x32xi32>
    ```
  }];
  let arguments = (ins AnyTypeOf<[TensorRankOf<[I8], [2, 4]>, MemRefRankOf<[I8], [2, 4]>]>:$lhs, Index:$lhs_row, Index:$lhs_term,
                   AnyTypeOf<[TensorRankOf<[I8], [4]>, MemRefRankOf<[I8], [4]>]>:$rhs, Index:$rhs_block, Index:$rhs_step, Index:$steps,
                   AnyTypeOf<[TensorRankOf<[I32], [2]>, MemRefRankOf<[I32], [2]>]>:$sums, UnitAttr:$is_lhs_unsigned, UnitAttr:$added);
  let results = (outs Optional<TensorRankOf<[I32], [2]>>:$result);
  let assemblyFormat = [{
    $lhs `[` $lhs_row `,` $lhs_term `]` (`unsigned` $is_lhs_unsigned^)? `*` $rhs `[` $rhs_block `,` $rhs_step `]` `for` $steps
    (`added` $added^)? `into` $sums attr-dict `:` type($lhs) `,` type($rhs) `,` type($sums) (`->` type($result)^)?
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getSumsMutable(); }
  }];
  let hasVerifier = 1;
}

#endif // QFMT_CODEGEN_CPU_CPUOPS_TD
