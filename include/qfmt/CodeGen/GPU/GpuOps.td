// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_CODEGEN_GPU_GPUOPS_TD
#define QFMT_CODEGEN_GPU_GPUOPS_TD

include "mlir/IR/OpBase.td"
include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def QFmtGpu_Dialect : Dialect {
  let name = "qfmt_gpu";
  let cppNamespace = "::mlir::qfmt::kernel";
  let summary = "Kernels of GPUs";
  let description = [{
    What one kernel computes, as one operation on tensors or buffers, and the module's attribute `qfmt_gpu.target`, whose runtime and chip have to be known:

    ```mlir
    module attributes {qfmt_gpu.target = {chip = "sm_90a", runtime = "cuda"}} { ... }
    ```
  }];
  let hasOperationAttrVerify = 1;
}

class QFmtGpu_MatrixOf<list<Type> types> : AnyTypeOf<[RankedTensorOf<types>, MemRefOf<types>]>;

def QFmtGpu_ProductOp : Op<QFmtGpu_Dialect, "product", [DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<BufferizableOpInterface, ["bufferizesToMemoryRead", "bufferizesToMemoryWrite", "getAliasingValues", "bufferize"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Matrix product and what is computed from its sums";
  let description = [{
    On tensors or buffers:

    ```
    sum(m, n) = sum over k < K of value(lhs[m, k]) * value(rhs[n, k])
    out[m, n] = body(sum(m, n), extra[map(m, n)], ...)
    ```

    `lhs` is M x K, where M may be unknown, `rhs` is N x K', K' >= K: terms that `lhs` does not have do not count. Bytes are signed unless they are
    `unsigned`, and are added in 32 bits, modulo 2^32. Initial values, bias, requantization, limits and further addends are in the body, which
    has one argument for the sum and one for each extra operand; a map's results are m, n or 0. What `out` had is not read.

    With formats (`as f8E4M3FN`, `as f8E5M2`), which both factors have or none, bytes are codes of these numbers, and sums are of f32, in the order of the
    kernel, which docs/Gpu.md has: parts of 128 terms are added up.

    A product of two variables has batches, one or more: `rhs` is B x N x K, or with `by_terms` B x K x N, B is known, and row m reads batch m floordiv (M / B).
    Elements of both factors are bytes, or integers of 16 bits, whose sums are of 32 or 64 bits. With `bits 4` bytes of `rhs` are two codes along its last dimension, the
    first one in the lower half. Then, and with sums of 64 bits, there are at most 2^14 terms.

    With `rows = affine_map<(m, r, k) -> (...)>` the factor `lhs` has any rank, and its element (m, r, k) is where the map says; the terms are `runs` runs
    of K' / `runs` terms each, which lie one after the other in both factors, as in a convolution. The map's results are sums of something that depends on
    m alone and something that depends on r alone, and the last one of k. With `runs R of T`, T <= K' / R, `lhs` has the first T terms of each run; the others do not count.

    ```mlir
    %r = qfmt_gpu.product %x unsigned * %w with %bias : tensor<32xi32> maps [affine_map<(m, n) -> (n)>] into %out {
    ^bb0(%sum: i32, %b: i32):
      %0 = arith.addi %sum, %b : i32
      qfmt_gpu.yield %0 : i32
    } : tensor<?x64xi8>, tensor<32x64xi8>, tensor<?x32xi32> -> tensor<?x32xi32>
    ```
  }];
  let arguments = (ins QFmtGpu_MatrixOf<[AnyType]>:$lhs, QFmtGpu_MatrixOf<[AnyType]>:$rhs, Variadic<QFmtGpu_MatrixOf<[AnyType]>>:$extras,
                   QFmtGpu_MatrixOf<[AnyType]>:$out, UnitAttr:$lhs_unsigned, UnitAttr:$rhs_unsigned,
                   DefaultValuedOptionalAttr<AffineMapArrayAttr, "{}">:$maps, OptionalAttr<AffineMapAttr>:$rows,
                   DefaultValuedOptionalAttr<I64Attr, "1">:$runs, OptionalAttr<TypeAttr>:$lhs_format, OptionalAttr<TypeAttr>:$rhs_format,
                   UnitAttr:$by_terms, DefaultValuedOptionalAttr<I64Attr, "8">:$rhs_bits,
                   OptionalAttr<I64Attr>:$of_terms);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $lhs (`unsigned` $lhs_unsigned^)? (`as` $lhs_format^)? `*` $rhs (`unsigned` $rhs_unsigned^)? (`as` $rhs_format^)? (`by_terms` $by_terms^)? (`bits` $rhs_bits^)?
    (`rows` $rows^ `runs` $runs (`of` $of_terms^)?)?
    (`with` $extras^ `:` type($extras) `maps` $maps)? `into` $out $body attr-dict `:` type($lhs) `,` type($rhs) `,` type($out)
    (`->` type($result)^)?
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let builders = [
    /// On tensors, of signed bytes, with no extra operands and an empty body.
    OpBuilder<(ins "Value":$lhs, "Value":$rhs, "Value":$out), [{
      build($_builder, $_state, out.getType(), lhs, rhs, ValueRange(), out, UnitAttr(), UnitAttr(), $_builder.getArrayAttr({}), AffineMapAttr(),
            $_builder.getI64IntegerAttr(1), TypeAttr(), TypeAttr(), UnitAttr(), $_builder.getI64IntegerAttr(8), IntegerAttr());
    }]>,
  ];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getOutMutable(); }
    Block &getBlock() { return getBody().front(); }
    /// How the extra operands are read, from (m, n).
    SmallVector<AffineMap> getExtraMaps();
    /// Dynamic, if unknown.
    int64_t getNumRows();
    int64_t getNumColumns();
    /// Terms of `lhs`; with `rows` those of `rhs`.
    int64_t getNumTerms();
    /// Of one run, in `lhs` and in `rhs`.
    int64_t getRunTerms() { return getOfTerms().value_or(getStoredRunTerms()); }
    int64_t getStoredRunTerms();
    /// Of codes of 4 bits, and in sums of 64 bits: then sums of products of planes of bytes, 2 * 255 * 255 at most for each term, and of
    /// bytes and codes of 4 bits in upper halves of bytes, 255 * 240, stay below 2^31.
    static constexpr int64_t kMostTermsOfParts = 1 << 14;
    /// Neither factor is a constant.
    bool hasBatches() { return ::llvm::cast<ShapedType>(getRhs().getType()).getRank() == 3; }
    /// Dynamic, if unknown; all rows without batches.
    int64_t getBatchRows();
    /// Bytes are codes of fp8.
    bool hasFloats() { return getLhsFormat().has_value(); }
  }];
}

def QFmtGpu_ScaledProductOp : Op<QFmtGpu_Dialect, "scaled_product", [AttrSizedOperandSegments, DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<BufferizableOpInterface, ["bufferizesToMemoryRead", "bufferizesToMemoryWrite", "getAliasingValues", "bufferize"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Matrix product with codes of few bits and scales of groups";
  let description = [{
    On tensors or buffers:

    ```
    part(m, n, g) = sum over k < S of lhs[m, g, k] * number(code(n, g, k))
    sum(m, n)     = sum over g < G of part(m, n, g) * column_scale(n, g) * row_scales[m, g]
    out[m, n]     = body(sum(m, n), extra[map(m, n)], ...)
    ```

    `lhs` is M x G x S, M may be unknown, S is a multiple of 16. Its elements are signed bytes, f16 or bf16; parts are integers of 32 bits, or f32.
    Without scales the sum is one of parts, of their type; otherwise f32. Partial sums are added in the order of the kernel, which docs/Gpu.md has.

    The number of a code is `table[code]`, or without a table the code itself, a signed integer of `bits` bits; with elements of f16 and bf16 it is stored plus
    2^(`bits` - 1). With bytes, entries of a table are integers of 8 bits.

    `codes`, [N/16][G S / (32 F)][32][4], F = 32 / (4 `bits`), are words of 4 F codes in the order in which `mma.sync` takes them, see lib/CodeGen/GPU/FewBitCodes.h;
    `column_scales` are [N/16][G][16], 0 beyond N.

    ```mlir
    %r = qfmt_gpu.scaled_product %x * %c bits 4 scales %s : tensor<1x2x16xf32> into %out {
    ^bb0(%sum: f32):
      qfmt_gpu.yield %sum : f32
    } : tensor<?x2x32xi8>, tensor<1x1x32x4xi32>, tensor<?x3xf32> -> tensor<?x3xf32>
    ```
  }];
  let arguments = (ins QFmtGpu_MatrixOf<[I8, F16, BF16]>:$lhs, QFmtGpu_MatrixOf<[I32]>:$codes, Optional<QFmtGpu_MatrixOf<[F32]>>:$column_scales,
                   Optional<QFmtGpu_MatrixOf<[F32]>>:$row_scales, Variadic<QFmtGpu_MatrixOf<[AnyType]>>:$extras, QFmtGpu_MatrixOf<[AnyType]>:$out,
                   I64Attr:$bits, OptionalAttr<DenseF32ArrayAttr>:$table, DefaultValuedOptionalAttr<AffineMapArrayAttr, "{}">:$maps);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $lhs `*` $codes `bits` $bits (`table` $table^)? (`scales` $column_scales^ `:` type($column_scales))?
    (`row_scales` $row_scales^ `:` type($row_scales))? (`with` $extras^ `:` type($extras) `maps` $maps)?
    `into` $out $body attr-dict `:` type($lhs) `,` type($codes) `,` type($out) (`->` type($result)^)?
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getOutMutable(); }
    Block &getBlock() { return getBody().front(); }
    /// How the extra operands are read, from (m, n).
    SmallVector<AffineMap> getExtraMaps();
    /// Dynamic, if unknown.
    int64_t getNumRows();
    int64_t getNumColumns();
    int64_t getNumGroups();
    int64_t getGroupTerms();
    bool hasFloats();
    bool hasScales() { return getColumnScales() || getRowScales(); }
  }];
}

def QFmtGpu_UnpackCodesOp : Op<QFmtGpu_Dialect, "unpack", [Pure]> {
  let summary = "Packed codes, one a byte";
  let description = [{
    The codes of `qfmt.unpack` (`bits` bits each without gaps, or with `base3` five ternary ones a byte), in row-major order, each extended to a byte: by its sign, or with
    zeros if it is `unsigned`. A product of two variables may read the bytes instead.

    ```mlir
    %codes = qfmt_gpu.unpack %bytes bits 4 unsigned : tensor<10xi8> -> tensor<4x5xi8>
    ```
  }];
  let arguments = (ins RankedTensorOf<[I8]>:$bytes, I64Attr:$bits, UnitAttr:$is_unsigned, UnitAttr:$base3);
  let results = (outs RankedTensorOf<[I8]>:$codes);
  let assemblyFormat = "$bytes `bits` $bits (`unsigned` $is_unsigned^)? (`base3` $base3^)? attr-dict `:` type($bytes) `->` type($codes)";
  let hasVerifier = 1;
}

def QFmtGpu_TensorMapOp : Op<QFmtGpu_Dialect, "tensor_map", [Pure]> {
  let summary = "The tensor map of a matrix of bytes";
  let description = [{
    The address, on the device, of the description by which copies of boxes of `box[0]` rows of `box[1]` bytes find the matrix: with a swizzle of
    128 bytes, and zeros for what the matrix does not have. It lives as long as the matrix. The same matrix and box give the same map.

    ```mlir
    %map = qfmt_gpu.tensor_map %x box [128, 128] : memref<?x64xi8>
    ```
  }];
  let arguments = (ins MemRefRankOf<[I8], [2]>:$matrix, DenseI64ArrayAttr:$box);
  let results = (outs I64:$map);
  let assemblyFormat = "$matrix `box` $box attr-dict `:` type($matrix)";
  let hasVerifier = 1;
}

def QFmtGpu_YieldOp : Op<QFmtGpu_Dialect, "yield", [Pure, ReturnLike, Terminator,
    ParentOneOf<["ProductOp", "ScaledProductOp"]>]> {
  let summary = "The element that a body computes";
  let arguments = (ins AnyType:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

#endif // QFMT_CODEGEN_GPU_GPUOPS_TD
