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

    `narrow` says that the sum of the first two of four products, and that of the last two, fit 16 bits, with `lhs` unsigned. What is computed
    otherwise is undefined.

    ```mlir
    %sum = qfmt_cpu.dot %acc, %codes, %weights : vector<16xi32>, vector<64xi8>
    ```
  }];
  let arguments = (ins VectorOfRankAndType<[1], [I32]>:$accumulator, VectorOfRankAndType<[1], [I8, I16]>:$lhs,
                   VectorOfRankAndType<[1], [I8, I16]>:$rhs, UnitAttr:$isLhsSigned, UnitAttr:$hasNarrowPairs);
  let results = (outs VectorOfRankAndType<[1], [I32]>:$result);
  let assemblyFormat = "$accumulator `,` (`signed` $isLhsSigned^)? $lhs `,` $rhs (`narrow` $hasNarrowPairs^)? attr-dict `:` type($result) `,` type($lhs)";
  let hasVerifier = 1;
}

def QFmtCpu_LookupBytesOp : Op<QFmtCpu_Dialect, "lookup_bytes", [Pure, AllTypesMatch<["indices", "first", "second", "third", "fourth", "result"]>]> {
  let summary = "Bytes of a table that is in registers";
  let description = [{
    Each index, read as an unsigned number, selects one of the 256 bytes that the four vectors have together. For AVX-512 VBMI, which has an instruction for 128 of them.

    ```mlir
    %r = qfmt_cpu.lookup_bytes %codes in %t0, %t1, %t2, %t3 : vector<64xi8>
    ```
  }];
  let arguments = (ins VectorOfLengthAndType<[64], [I8]>:$indices, VectorOfLengthAndType<[64], [I8]>:$first, VectorOfLengthAndType<[64], [I8]>:$second,
                       VectorOfLengthAndType<[64], [I8]>:$third, VectorOfLengthAndType<[64], [I8]>:$fourth);
  let results = (outs VectorOfLengthAndType<[64], [I8]>:$result);
  let assemblyFormat = "$indices `in` $first `,` $second `,` $third `,` $fourth attr-dict `:` type($result)";
}

def QFmtCpu_TileProductOp : Op<QFmtCpu_Dialect, "tile_product", [DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<BufferizableOpInterface, ["bufferizesToMemoryRead", "bufferizesToMemoryWrite", "getAliasingValues", "bufferize"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Product of blocks of rows and columns";
  let description = [{
    On tensors or buffers. Writes sums of `64 steps` products of bytes, in 32 bits, modulo 2^32, to `sums`, which has 16 R rows and 16 C columns, R
    and C 1 or 2; with `added`, what `sums` had is added.

    `rhs` is [N/16][K/64][16][64], as qfmt-pack-products lays it out; columns begin with its block `rhs_block` and terms with its `rhs_step`. Or it is
    [N/16][K/4][64], and that counts four terms.
    `lhs` is M x K, and rows begin with `lhs_row`, terms with `lhs_term`; or it is [M/16][K/64][16][64], and those count blocks of 16 rows and
    of 64 terms. Everything that is read must be there.

    ```mlir
    %r = qfmt_cpu.tile_product %x[%row, %k] unsigned * %w[%block, %step] for %steps into %sums
      : tensor<64x768xi8>, tensor<4x12x16x64xi8>, tensor<32x32xi32>
    ```
  }];
  let arguments = (ins AnyTypeOf<[TensorRankOf<[I8], [2, 4]>, MemRefRankOf<[I8], [2, 4]>]>:$lhs, Index:$lhs_row, Index:$lhs_term,
                   AnyTypeOf<[TensorRankOf<[I8], [3, 4]>, MemRefRankOf<[I8], [3, 4]>]>:$rhs, Index:$rhs_block, Index:$rhs_step, Index:$steps,
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

//===----------------------------------------------------------------------===//
// Constants that stay packed
//===----------------------------------------------------------------------===//

def QFmtCpu_UnpackIntegersOp : Op<QFmtCpu_Dialect, "unpack_integers", [Pure]> {
  let summary = "Integers of a matrix that lie in memory as codes of 8, 4 or 2 bits";
  let description = [{
    The result is N x K, or N x G x K for G groups of K terms each. With F = 8 / `bits` codes in each byte, `packed` is
    [N/16][G][K/(4 F)][64]: field f of byte 4 c + j of a row of 64, counted from the lowest bits, is the code of column c and of term
    4 f + j, of 16 columns and 4 F terms. N and K are filled up. The integer of a code is `table[code] + offset`, or `code + offset` if there is no
    table; codes and entries of the table are unsigned.

    `groups`, [N/16][G][16], has a byte for each column's groups. Without a table it is a signed number that is added. With a table, of up to 64 entries, it
    is where the group's own begins, a multiple of 2^bits: `table[groups + code] + offset`.

    ```mlir
    %w = qfmt_cpu.unpack_integers %p bits = 4 offset = -8 : tensor<2x4x4x64xi8> to tensor<32x4x32xi8>
    %v = qfmt_cpu.unpack_integers %q bits = 4 offset = -12 table = [12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0]
      : tensor<2x4x4x64xi8> to tensor<32x4x32xi8>
    %u = qfmt_cpu.unpack_integers %p groups %z : tensor<2x4x16xi8> bits = 4 offset = 0 : tensor<2x4x4x64xi8> to tensor<32x4x32xi8>
    ```
  }];
  let arguments = (ins TensorRankOf<[I8], [4]>:$packed, Optional<TensorRankOf<[I8], [3]>>:$groups, I64Attr:$bits, I64Attr:$offset,
                   OptionalAttr<DenseI64ArrayAttr>:$table);
  let results = (outs TensorRankOf<[I8], [2, 3]>:$result);
  let assemblyFormat = [{
    $packed (`groups` $groups^ `:` type($groups))? `bits` `=` $bits `offset` `=` $offset (`table` `=` $table^)? attr-dict
    `:` type($packed) `to` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Codes in a byte.
    int64_t getNumFields() { return 8 / getBits(); }
    /// Of the result; 1 if it is a matrix.
    int64_t getNumGroups();
    /// The least and the greatest integer of any code.
    std::pair<int64_t, int64_t> getRange();
  }];
}

def QFmtCpu_UnpackScalesOp : Op<QFmtCpu_Dialect, "unpack_scales", [Pure]> {
  let summary = "Positive numbers of f32 that lie in memory in fewer bits";
  let description = [{
    The result is G x N, `packed` [N/16][G][16]. The number of a code is that whose bits as f32 are `(code << shift) + (exponent << 23)`; elements
    of f32 are numbers themselves. All are normal numbers: there is no code of 0.

    ```mlir
    %s = qfmt_cpu.unpack_scales %p shift = 13 exponent = 112 : tensor<2x4x16xi16> to tensor<4x32xf32>
    ```
  }];
  let arguments = (ins TensorRankOf<[I8, I16, F32], [3]>:$packed, I64Attr:$shift, I64Attr:$exponent);
  let results = (outs TensorRankOf<[F32], [2]>:$result);
  let assemblyFormat = "$packed `shift` `=` $shift `exponent` `=` $exponent attr-dict `:` type($packed) `to` type($result)";
  let hasVerifier = 1;
}

#endif // QFMT_CODEGEN_CPU_CPUOPS_TD
