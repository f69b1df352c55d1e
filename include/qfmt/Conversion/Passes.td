// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_CONVERSION_PASSES_TD
#define QFMT_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def PartialWritesToLoops : Pass<"qfmt-partial-writes-to-loops"> {
  let summary = "Writes linalg operations that leave elements of their results as loops";
  let description = [{
    A result keeps the initial values of the elements that its operation does not write: those beside a diagonal, for example. Upstream's fusion,
    bufferization and canonicalization take initial values that the body does not read as overwritten, all of them. So an operation whose
    indexing map may not reach every element of a result, and one of whose loops may never run, becomes a loop nest of `tensor.extract` and
    `tensor.insert`, in the order of the operation's own loops. A map reaches every element if each dimension of more than one element has a loop
    of its own, `(i, j, k) -> (j, i)` for example.

    ```mlir
    %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i, i)>], iterator_types = ["parallel"]}
        ins(%x : tensor<4xi32>) outs(%y : tensor<4x4xi32>) {
    ^bb0(%a: i32, %b: i32):
      linalg.yield %a : i32
    } -> tensor<4x4xi32>
    ```
    becomes
    ```mlir
    %r = scf.for %i = %c0 to %c4 step %c1 iter_args(%t = %y) -> (tensor<4x4xi32>) {
      %a = tensor.extract %x[%i] : tensor<4xi32>
      %u = tensor.insert %a into %t[%i, %i] : tensor<4x4xi32>
      scf.yield %u : tensor<4x4xi32>
    }
    ```
  }];
  let options = [Option<"refuse", "refuse", "bool", "false",
                        "Refuse such operations: code for GPUs cannot loop over elements">];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ConvertQFmtToArith : Pass<"convert-qfmt-to-arith"> {
  let summary = "Writes dyadic_scale and lmul in integer arithmetic";
  let description = [{
    On scalars, vectors and tensors, in every rounding mode. With p = acc * multiplier in 64 bits, the result is the
    arithmetic shift `(p + bias) >> shift`, saturated to its type, where the bias depends on the rounding mode alone. No
    intermediate value leaves 64 bits: |p| <= 2^62 and 0 <= bias < 2^62.

    ```mlir
    %q = qfmt.dyadic_scale %acc, %m, %n rounding = floor : i32, i32, i32 to i8
    ```
    becomes
    ```mlir
    %p = arith.muli %acc64, %m64 : i64
    %s = arith.shrsi %p, %n64 : i64
    %a = arith.maxsi %s, %c-128 : i64
    %b = arith.minsi %a, %c127 : i64
    %q = arith.trunci %b : i64 to i8
    ```

    L-Mul adds the operands' bits without their signs and takes a constant off, in integers of the float's width; selections follow
    for zeros, what leaves the range, and what is not finite.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def ConvertPackingToLoops : Pass<"convert-qfmt-packing-to-loops"> {
  let summary = "Writes pack and unpack as loops over vectors";
  let description = [{
    On tensors, before bufferization: one loop over 64 codes at a time (320 in base 3) between the bytes and a tensor of i8
    with one code a byte, whose high bits are any. Where this tensor stands for one of iN there is a
    `builtin.unrealized_conversion_cast`; qfmt-widen-storage, which gives every code a byte, removes it.

    ```mlir
    %codes = qfmt.unpack %bytes : tensor<64xi8> to tensor<2x64xi4>
    ```
    becomes
    ```mlir
    %flat = scf.for %i = %c0 to %c2 step %c1 iter_args(%t = %empty) -> (tensor<128xi8>) {
      %codeAt = arith.muli %i, %c64 : index
      %byteAt = arith.muli %i, %c32 : index
      %bytes32 = vector.transfer_read %bytes[%byteAt], %c0_i8 {in_bounds = [true]} : tensor<64xi8>, vector<32xi8>
      %x = arith.extui %bytes32 : vector<32xi8> to vector<32xi16>
      ... // (x & 0x000f) | ((x << 4) & 0x0f00)
      %y = vector.transfer_write %codes64, %t[%codeAt] {in_bounds = [true]} : vector<64xi8>, tensor<128xi8>
      scf.yield %y : tensor<128xi8>
    }
    %bytes = tensor.expand_shape %flat [[0, 1]] output_shape [2, 64] : tensor<128xi8> into tensor<2x64xi8>
    %codes = builtin.unrealized_conversion_cast %bytes : tensor<2x64xi8> to tensor<2x64xi4>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::vector::VectorDialect"];
}

def SharpnessToLinalg : Pass<"qfmt-sharpness-to-linalg"> {
  let summary = "Writes sharpness as reductions in f64";
  let description = [{
    Two `linalg.generic` over the classes, for the largest logit and the sum of exponentials (with and without the perturbation), and one over the rows. The
    difference of two cross entropies loses most of its digits, so everything is computed in f64 and rounded once; it differs from the exact
    value by a few roundings of f64, and by the C library's `exp` and `log`.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect", "::mlir::math::MathDialect",
                           "::mlir::arith::ArithDialect"];
}

def WidenStorage : Pass<"qfmt-widen-storage", "::mlir::ModuleOp"> {
  let summary = "Gives each sub-byte or odd-width tensor element a byte or a machine word";
  let description = [{
    Upstream lays out a memref of i4 in two ways at once (scalar accesses take a byte an element, vector accesses half a
    byte), so such a type must not reach LLVM. A tensor of iN becomes one of the next wider of i8, i16, i32 and i64; a
    tensor of a float of less than 8 bits becomes one of i8 that holds the code. Constants, signatures of
    functions, structured control flow, tensor operations and the bodies of linalg operations follow; a scalar keeps its type.

    The high bits of a wide element are ignored when it is read. A linalg operation writes them as copies of the sign, 0 for i1;
    unpacked codes have zeros there.

    ```mlir
    linalg.generic ... ins(%x : tensor<8xi4>) outs(%y : tensor<8xi32>) {
    ^bb0(%a: i4, %b: i32):
      %0 = arith.extsi %a : i4 to i32
    ```
    becomes
    ```mlir
    linalg.generic ... ins(%x : tensor<8xi8>) outs(%y : tensor<8xi32>) {
    ^bb0(%a8: i8, %b: i32):
      %a = arith.trunci %a8 : i8 to i4
      %0 = arith.extsi %a : i4 to i32
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def NarrowArithmetic : Pass<"qfmt-narrow-arithmetic"> {
  let summary = "Computes in 32 bits what is truncated to 32 bits, where that is exact";
  let description = [{
    In linalg.generic on tensors, from the ranges that values have. Tables of 64-bit integers, as fixed-point polynomials have them, become tables
    of 32-bit ones: where entries agree in the lower bits that are shifted out, they are added after the shift.

    ```mlir
    %t = qfmt.lookup %i in dense<[0x12000080, 0x34000080]> : tensor<2xi64> : i8 to i64
    %s = arith.shrsi (arith.addi %product, %t), %c8 : i64
    %r = arith.trunci %s : i64 to i32
    ```
    becomes
    ```mlir
    %s = arith.shrsi (arith.addi %product, %c128), %c8 : i64
    %t = qfmt.lookup %i in dense<[0x120000, 0x340000]> : tensor<2xi32> : i8 to i32
    %r = arith.addi (arith.trunci %s), %t : i32
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def NarrowDyadicScales : Pass<"qfmt-narrow-dyadic-scales"> {
  let summary = "Rescales in 32 bits where that is exact";
  let description = [{
    `qfmt.dyadic_scale` with constant multipliers and shifts, in linalg.generic on tensors, becomes the upper half of a 32-bit product, an addition
    and a shift where the accumulator's range leaves room, which a sum of products of codes has from their types and constants. Half way between two
    integers that rounds up; where such results can occur and another mode is asked for, three operations mend it. The result is the same for
    every accumulator. A missed remark says what keeps 64 bits.

    ```mlir
    %r = qfmt.dyadic_scale %acc, %m, %c40 : i32, i32, i32 to i32
    ```
    becomes
    ```mlir
    %p = arith.muli (arith.extsi %acc), (arith.extsi %m) : i64
    %h = arith.trunci (arith.shrsi %p, %c32) : i64 to i32
    %r = arith.shrsi (arith.addi %h, %c128), %c8 : i32
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect"];
}

def ExpandAggregates : Pass<"qfmt-expand-aggregates"> {
  let summary = "Writes concat and aggregate linalg operations with simpler ones";
  let description = [{
    `tensor.concat` becomes slices inserted into one tensor, and `linalg.softmax` and the like become the element-wise
    operations and reductions that define them: neither can be bufferized as it is. Nor can a `tensor.pad` of a tensor without elements,
    which becomes `tensor.generate`.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect", "::mlir::math::MathDialect",
                           "::mlir::arith::ArithDialect", "::mlir::affine::AffineDialect"];
}

def FuseElementwise : Pass<"qfmt-fuse-elementwise"> {
  let summary = "Fuses element-wise linalg operations where no work is repeated";
  let description = [{
    As upstream's `linalg-fuse-elementwise-ops`, but into an operation with reduction loops only a chain of casts is fused:
    a convolution reads each input element many times and would compute a rescaling again each time.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::affine::AffineDialect"];
}

def ReadOnlyArguments : Pass<"qfmt-read-only-arguments", "::mlir::ModuleOp"> {
  let summary = "Forbids bufferization to write into arguments of public functions";
  let description = [{
    Sets `bufferization.writable = false` on the tensor arguments of public functions that do not say otherwise: a caller
    passes its data to read. Without it bufferization may use an argument's memory for a result of the same shape.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def ContiguousBoundaries : Pass<"qfmt-contiguous-boundaries", "::mlir::ModuleOp"> {
  let summary = "Copies slices that are returned or passed to a function";
  let description = [{
    Functions take and return buffers without gaps. A slice has the strides of what it was cut from, and bufferization casts
    one with dynamic sizes to a buffer without gaps as if it were one, which reads wrong elements. Whatever may be a slice is
    copied before it crosses a function's border.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def WidenBroadcasts : Pass<"qfmt-widen-broadcasts"> {
  let summary = "Converts operands that are broadcast in a loop nest before it";
  let description = [{
    In a reduction on buffers, an input that does not move along the vectorized loop is loaded as a scalar, converted and
    broadcast for every vector. If its body converts it first and it is read often, it is converted once, to a buffer of
    its own; the multiplication then broadcasts from memory without an instruction.

    ```mlir
    linalg.generic ... ins(%x, %w : memref<1x64x9x9xi8>, memref<64x64x3x3xi8>) outs(%y : memref<1x64x7x7xi32>)
    ```
    becomes
    ```mlir
    %w32 = memref.alloc() : memref<64x64x3x3xi32>
    linalg.generic ... ins(%w : memref<64x64x3x3xi8>) outs(%w32 : memref<64x64x3x3xi32>)   // extsi
    linalg.generic ... ins(%x, %w32 : memref<1x64x9x9xi8>, memref<64x64x3x3xi32>) outs(%y : memref<1x64x7x7xi32>)
    memref.dealloc %w32 : memref<64x64x3x3xi32>
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect"];
}

def LinalgToVectorLoops : Pass<"qfmt-linalg-to-vector-loops"> {
  let summary = "Writes linalg.generic on buffers as loops over vectors";
  let description = [{
    One parallel loop, along which the outputs are contiguous, becomes a vector; its last, partial vector is masked. A
    second parallel loop is unrolled, so that what is loaded once serves several accumulators, and the accumulators stay in
    registers over all reduction loops. Reductions run in the order of the operation's loops, each output element by
    itself: no float operation is reordered.

    Operations stay as they are (for qfmt-order-loops and convert-linalg-to-loops) if they have dynamic sizes, if no
    parallel loop has contiguous outputs, if a reduction is the better innermost loop, or if their body holds something
    other than element-wise arithmetic without division. A missed remark says which.

    Loops over elements of the outputs are `scf.parallel`, for qfmt-distribute-loops.
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "uint64_t", "512", "Bits of a vector register">
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def OrderLoops : Pass<"qfmt-order-loops"> {
  let summary = "Chooses the loop order of linalg.generic on buffers";
  let description = [{
    For LLVM's loop vectorizer, where qfmt-linalg-to-vector-loops has left an operation. From the outside in: parallel loops, long reductions, the parallel loop along which
    the output and every input are contiguous or do not move, short reductions (up to `max-unroll` iterations together; LLVM
    unrolls them, so that the accumulator stays in a register). A convolution's loops become n, f, h, c, w, kh, kw.

    Reductions keep their order among themselves, so that each sum of floats has the order of the original loops
    and no result changes by a bit.
  }];
  let options = [
    Option<"maxUnroll", "max-unroll", "uint64_t", "16", "Iterations of short reduction loops that become innermost">
  ];
}

def LinalgToParallelLoops : Pass<"qfmt-linalg-to-parallel-loops"> {
  let summary = "Writes linalg.generic on buffers as loops, parallel ones as scf.parallel";
  let description = [{
    As convert-linalg-to-parallel-loops does, but only where each iteration of the parallel loops writes elements of its own: an output that does not
    move along a parallel loop would be written by several threads at once. The others stay, for convert-linalg-to-loops.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def ExpandArith : Pass<"qfmt-expand-arith"> {
  let summary = "Writes casts of small floats, extrema and the like in arith that targets have";
  let description = [{
    In place of upstream's `arith-expand`, whose casts to f4E2M1FN and f8E8M0FNU do not round as the reference evaluator does, and whose extrema
    take one of two zeros by its place. Every cast from and to a float of less than 16 bits becomes arithmetic on its bits, in f32 and i32 (f64 and
    i64 for f64), on scalars and vectors, rounded once; so do casts with a rounding mode, and those from f64 to bf16. What overflows becomes
    infinity, NaN where there is none, and the largest number where there is neither (docs/spec.md, C87). Arithmetic on these types and on bf16 is done
    in f32 and rounded once more, which is as if done exactly; integers of more than 24 bits become bf16 and f8E8M0FNU by way of f64.

    `arith.maxnumf` and `arith.minnumf` become comparisons and selections, with constants one of each; -0 is below +0. `arith.maximumf` and
    `arith.minimumf`, which LLVM has, stay unless `extrema` is set.

    ```mlir
    %y = arith.extf %x : f8E5M2 to f32
    ```
    becomes
    ```mlir
    %code = arith.bitcast %x : f8E5M2 to i8
    %bits = arith.extui %code : i8 to i32
    %magnitude = arith.andi %bits, %c127 : i32
    %f = arith.bitcast (arith.shli %magnitude, %c21) : i32 to f32
    %number = arith.mulf %f, %2^112 : f32
    ... // selections of infinity and NaN; the sign
    ```
  }];
  let options = [Option<"extrema", "extrema", "bool", "false",
                        "Write arith.maximumf and arith.minimumf out, too">];
  let dependentDialects = ["::mlir::qfmt::QFmtDialect", "::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect"];
}

def WidenMath : Pass<"qfmt-widen-math"> {
  let summary = "Computes math of bf16 and smaller floats in f32";
  let description = [{
    As upstream's `math-extend-to-supported-types` does, for bf16 and floats of less than 16 bits, f16 stays. But absolute values and signs are changed in the bits where
    that is all there is to do; `math.isnormal` asks for the smallest normal number of its operand's type; and `math.fma`, which upstream leaves alone, is rounded once: it is
    a product and a sum in f64 whose last bit is odd if the sum is not exact. Run before `qfmt-expand-arith`, which writes the casts.

    ```mlir
    %y = math.sqrt %x : bf16
    ```
    becomes
    ```mlir
    %wide = arith.extf %x : bf16 to f32
    %root = math.sqrt %wide : f32
    %y = arith.truncf %root : f32 to bf16
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def KeepLongLoops : Pass<"qfmt-keep-long-loops", "::mlir::LLVM::LLVMFuncOp"> {
  let summary = "Forbids LLVM to unroll loops that would make long code";
  let description = [{
    Branches back of loops that would be more than `max-operations` operations, if they and the loops in them were unrolled whole, get
    `loop_annotation` with `unroll = <disable = true>`.
  }];
  let options = [
    Option<"maxOperations", "max-operations", "uint64_t", "1024", "Operations of straight code that a loop may become">
  ];
}

def CopiesToLoops : Pass<"qfmt-copies-to-loops"> {
  let summary = "Turns strided memref.copy into linalg.generic";
  let description = [{
    Without it a copy to or from a strided view calls a function of MLIR's runtime library, which an object file for
    others must not need. Copies between contiguous buffers become llvm.memcpy and stay.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def ShareBuffers : InterfacePass<"qfmt-share-buffers", "::mlir::FunctionOpInterface"> {
  let summary = "Puts large buffers into one allocation";
  let description = [{
    On functions of one block, after deallocation. Buffers of known size of at least `min-bytes` become views of one buffer, which is allocated at the
    beginning and deallocated at the end. Those that are not alive together share bytes. The C library gives large memory back to the system whenever
    it is freed; what it takes to get it again, page by page, was a fifth of the time of a sentence encoder.

    ```mlir
    %a = memref.alloc() : memref<128x1536xi32>
    ...
    memref.dealloc %a : memref<128x1536xi32>
    ```
    becomes
    ```mlir
    %memory = memref.alloc() {alignment = 64} : memref<1572864xi8>
    %a = memref.view %memory[%c0][] : memref<1572864xi8> to memref<128x1536xi32>
    ...
    memref.dealloc %memory : memref<1572864xi8>
    ```
  }];
  let options = [
    Option<"minBytes", "min-bytes", "uint64_t", "65536", "Smaller buffers stay">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def LookupToShuffles : Pass<"qfmt-lookup-to-shuffles", "::mlir::ModuleOp"> {
  let summary = "Writes table lookups as permutations of registers";
  let description = [{
    `qfmt.lookup` on vectors, where the attribute `qfmt.target_features` of the module names an instruction for it: with `avx512f`
    vpermd and vpermi2d for tables of up to 256 numbers of 32 bits, vpermq and vpermi2q for 128 of 64; with `avx2` vpermd for 64
    of 32; with `ssse3` pshufb for 16 bytes. Other lookups stay.

    ```mlir
    %x = qfmt.lookup %codes in dense<[-1.0, 0.0, 0.5, 1.0]> : tensor<4xf32> : vector<16xi8> to vector<16xf32>
    ```
    becomes
    ```mlir
    %table = arith.constant dense<...> : vector<16xi32>
    %index = arith.extui %codes : vector<16xi8> to vector<16xi32>
    %bits = llvm.call_intrinsic "llvm.x86.avx512.permvar.si.512"(%table, %index) : (vector<16xi32>, vector<16xi32>) -> vector<16xi32>
    %x = arith.bitcast %bits : vector<16xi32> to vector<16xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect", "::mlir::LLVM::LLVMDialect"];
}

def LookupToMemory : Pass<"qfmt-lookup-to-memory", "::mlir::ModuleOp"> {
  let summary = "Writes table lookups as loads from constant globals";
  let description = [{
    `qfmt.lookup` on scalars becomes memref.load, on vectors vector.gather; lookups on tensors stay. Equal tables share a global.
    An entry of an odd width takes whole bytes. No load goes beyond a table: with an index of at most 8 bits it has an entry for
    each, the last one repeated; a wider index is clamped.

    ```mlir
    %x = qfmt.lookup %code in dense<[-1.0, 0.0, 0.5]> : tensor<3xf32> : i2 to f32
    ```
    becomes
    ```mlir
    memref.global "private" constant @qfmt_table : memref<4xf32> = dense<[-1.0, 0.0, 0.5, 0.5]> {alignment = 64 : i64}
    %table = memref.get_global @qfmt_table : memref<4xf32>
    %index = arith.index_castui %code : i2 to index
    %x = memref.load %table[%index] : memref<4xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect", "::mlir::vector::VectorDialect"];
}

def WeightsToBlob : Pass<"qfmt-weights-to-blob", "::mlir::ModuleOp"> {
  let summary = "Collects constant globals in one aligned blob";
  let description = [{
    Every constant `memref.global` becomes an offset into one external symbol of bytes. Offsets are multiples of 64. The
    bytes travel as the module's attribute `qfmt.weights`, a dense_resource, until they are written to a section or
    given to the JIT. They never become LLVM constants. The data is little endian, one element a power of two of bytes.

    ```mlir
    memref.global "private" constant @w : memref<4x4xi8> = dense<...> {alignment = 64 : i64}
    %0 = memref.get_global @w : memref<4x4xi8>
    ```
    becomes
    ```mlir
    memref.global @qfmt_weights : memref<64xi8> {alignment = 64 : i64}
    %b = memref.get_global @qfmt_weights : memref<64xi8>
    %0 = memref.view %b[%c0][] : memref<64xi8> to memref<4x4xi8>
    ```
  }];
  let options = [
    Option<"symbol", "symbol", "std::string", "\"qfmt_weights\"", "The symbol of the blob">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

//===----------------------------------------------------------------------===//
// Exchange with other dialects (docs/Exchange.md)
//===----------------------------------------------------------------------===//

def ConvertQuantToQFmt : Pass<"convert-quant-to-qfmt", "::mlir::ModuleOp"> {
  let summary = "Turns upstream's quant types and casts into encoded tensors";
  let description = [{
    `!quant.uniform` elements, per layer, per axis and sub-channel, with any storage range, become integer formats with the same
    scales and zero points. A tensor with one scale becomes an encoded tensor. A tensor with several becomes its payload where it
    is stored or passed on, and is assembled with constants of its scales and zero points where it is read: in `quant` they belong
    to the type. `qcast` rounds half to even and saturates, which upstream leaves open.

    ```mlir
    %q = quant.qcast %x : tensor<4xf32> to tensor<4x!quant.uniform<i8<-127:127>:f32, 0.5:3>>
    %y = quant.dcast %q : tensor<4x!quant.uniform<i8<-127:127>:f32, 0.5:3>> to tensor<4xf32>
    ```
    becomes
    ```mlir
    %q = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<!qfmt.int<i8, -127, 127>, scale = 0.5, zero_point = 3>>
    %y = qfmt.dequantize %q : tensor<4xf32, #qfmt.scaled<!qfmt.int<i8, -127, 127>, scale = 0.5, zero_point = 3>> to tensor<4xf32>
    ```

    Scales are rounded to the expressed type, of which quant says they are values. Operations other than casts, moves of elements,
    functions and control flow are refused, and so are scalars and unranked tensors.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::quant::QuantDialect", "::mlir::qfmt::QFmtDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ConvertQFmtToQuant : Pass<"convert-qfmt-to-quant", "::mlir::ModuleOp"> {
  let summary = "Turns encoded tensors into upstream's quant types and casts";
  let description = [{
    The inverse of convert-quant-to-qfmt. What can be written as `!quant.uniform` is a format whose codes are integers, with scales
    and zero points that are static or constants: those of `assemble`, and those given to `quantize`. linalg operations that read
    encoded tensors read them through `quant.dcast`. Everything else is refused: float formats, tables, scales computed at run time,
    scales that are encoded or no values of the logical type, partial blocks, `convert`, and rounding other than half to even with
    saturation.
  }];
  let dependentDialects = ["::mlir::quant::QuantDialect", "::mlir::qfmt::QFmtDialect"];
}

def ConvertTosaToQFmt : Pass<"convert-tosa-to-qfmt", "::mlir::ModuleOp"> {
  let summary = "Turns TOSA's rescale and block-scaled operations into qfmt";
  let description = [{
    `tosa.rescale` becomes a linalg operation around `qfmt.dyadic_scale rounding = half_up`, which is its rounding; DOUBLE_ROUND
    with a shift above 31 is written out in 64-bit arithmetic. The block-scaled operations, which tosa-to-linalg does not know,
    become encoded tensors: `cast_from_block_scaled` a `dequantize`, `matmul_t_block_scaled` a product of encoded tensors, and
    `cast_to_block_scaled` a `quantize` with the scales that the TOSA specification defines.

    ```mlir
    %y = tosa.cast_from_block_scaled %data, %scale {block_size = BLOCK_SIZE_32}
         : (tensor<4x64xf4E2M1FN>, tensor<4x2xf8E8M0FNU>) -> tensor<4x64xf32>
    ```
    becomes
    ```mlir
    %0 = qfmt.assemble %data, %scale : tensor<4x64xf4E2M1FN>, tensor<4x2xf8E8M0FNU>
         to tensor<4x64xf32, #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>>
    %y = qfmt.dequantize %0 : tensor<4x64xf32, #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>> to tensor<4x64xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                           "::mlir::qfmt::QFmtDialect", "::mlir::tensor::TensorDialect"];
}

def ConvertQFmtToTosa : Pass<"convert-qfmt-to-tosa", "::mlir::ModuleOp"> {
  let summary = "Turns dyadic scaling and block-scaled tensors into TOSA";
  let description = [{
    The inverse of convert-tosa-to-qfmt. `qfmt.dyadic_scale rounding = half_up` by constants, on tensors or alone in a linalg
    operation with what surrounds a rescale there, becomes `tosa.rescale`, if its shift is so long that no value of the operand's
    type leaves the range that TOSA requires. Tensors in blocks of 32 along the last dimension with scales of f8E8M0FNU become pairs
    of data and scales; they are read by `cast_from_block_scaled` and `matmul_t_block_scaled`. `quantize` to f8E4M3FN by
    `scale_rule = ceil_log2` becomes `cast_to_block_scaled`; for the other formats no rule of ours is that of TOSA.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::qfmt::QFmtDialect", "::mlir::tosa::TosaDialect"];
}

def ConvertArithScalingToQFmt : Pass<"convert-arith-scaling-to-qfmt", "::mlir::ModuleOp"> {
  let summary = "Turns arith.scaling_extf and scaling_truncf on tensors into qfmt";
  let description = [{
    `scaling_extf` becomes `dequantize` of a tensor assembled of codes and scales, `scaling_truncf` a `quantize` with given scales,
    `overflow = infinity` and `nan = propagate`. Where the scales are broadcast, what is broadcast over is a block.

    ```mlir
    %t = linalg.broadcast ins(%s : tensor<4x2xf8E8M0FNU>) outs(%init : tensor<4x2x32xf8E8M0FNU>) dimensions = [2]
    %y = arith.scaling_extf %x, %t : tensor<4x2x32xf4E2M1FN>, tensor<4x2x32xf8E8M0FNU> to tensor<4x2x32xf32>
    ```
    becomes
    ```mlir
    %g = tensor.expand_shape %s [[0], [1, 2]] output_shape [4, 2, 1] : tensor<4x2xf8E8M0FNU> into tensor<4x2x1xf8E8M0FNU>
    %0 = qfmt.assemble %x, %g : tensor<4x2x32xf4E2M1FN>, tensor<4x2x1xf8E8M0FNU>
         to tensor<4x2x32xf32, #qfmt.scaled<f4E2M1FN, block = [1, 1, *], scale = f8E8M0FNU>>
    %y = qfmt.dequantize %0 : tensor<4x2x32xf32, #qfmt.scaled<f4E2M1FN, block = [1, 1, *], scale = f8E8M0FNU>> to tensor<4x2x32xf32>
    ```
  }];
  let dependentDialects = ["::mlir::qfmt::QFmtDialect", "::mlir::tensor::TensorDialect"];
}

def ConvertQFmtToArithScaling : Pass<"convert-qfmt-to-arith-scaling", "::mlir::ModuleOp"> {
  let summary = "Turns tensors of floats scaled by powers of two into arith.scaling_extf and scaling_truncf";
  let description = [{
    The inverse of convert-arith-scaling-to-qfmt. Encoded tensors become their codes and scales; blocked dimensions are split in two
    around the operations of arith, which are element-wise. What chooses scales, integer formats and scales that are no powers of two
    are refused.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::qfmt::QFmtDialect",
                           "::mlir::tensor::TensorDialect"];
}

#endif // QFMT_CONVERSION_PASSES_TD
