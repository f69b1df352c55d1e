// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_CODEGEN_GPU_PASSES_TD
#define QFMT_CODEGEN_GPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def SetGpuTarget : Pass<"qfmt-set-gpu-target", "::mlir::ModuleOp"> {
  let summary = "Says which GPU code is generated for";
  let description = [{
    Writes the module's attribute `qfmt_gpu.target`, which the other passes for GPUs read. Fails if the chip is unknown, or older than what kernels need.

    ```mlir
    module attributes {qfmt_gpu.target = {chip = "sm_90", runtime = "cuda"}} { ... }
    ```
  }];
  let options = [
    Option<"runtime", "runtime", "::mlir::qfmt::GpuRuntime", "::mlir::qfmt::GpuRuntime::Cuda", "Who runs the kernels",
           [{::llvm::cl::values(
      clEnumValN(::mlir::qfmt::GpuRuntime::Cuda, "cuda", "NVIDIA's driver"),
      clEnumValN(::mlir::qfmt::GpuRuntime::Sim, "sim", "the simulator"),
      clEnumValN(::mlir::qfmt::GpuRuntime::Vulkan, "vulkan", "any Vulkan driver"),
      clEnumValN(::mlir::qfmt::GpuRuntime::Rocm, "rocm", "AMD's driver"))}]>,
    Option<"chip", "chip", "std::string", "\"\"", "The chip, sm_90a for example; empty for the runtime's usual one">,
  ];
  let dependentDialects = ["::mlir::qfmt::kernel::QFmtGpuDialect"];
}

def VerifyTensorSizes : Pass<"qfmt-verify-tensor-sizes", "::mlir::ModuleOp"> {
  let summary = "Fails for tensors with more elements than kernels can count";
  let description = [{
    Kernels for Vulkan have indices of 32 bits: a tensor of more than 2139095040 elements (2^31 less one for each thread of a launch) is an error. Other targets take any size.
  }];
}

def LinalgToKernels : Pass<"qfmt-linalg-to-kernels", "::mlir::ModuleOp"> {
  let summary = "Writes linalg.generic on buffers as kernels";
  let description = [{
    One thread computes one element of the outputs: loops along which the outputs do not move run within the thread, in their order, so that no float
    operation is reordered. Threads lie along one dimension, neighbours next to each other in the first output. Where an output has more elements than
    threads can be launched, each thread takes several. Stores to single elements outside of loops become kernels of one thread.

    For Vulkan, whose drivers may end the loops of a thread after 65535 turns without an error, a thread has at most 32768 turns, those of loops in bodies among them: sums of more
    are made by several launches. A body that has more itself, and one with a loop of unknown length, `scf.while` for example, is an error.

    ```mlir
    linalg.generic {indexing_maps = [(m, n, k) -> (m, k), (k, n), (m, n)]} ins(%a, %b : memref<4x8xi8>, memref<8x16xi8>) outs(%c : memref<4x16xi32>)
    ```
    becomes
    ```mlir
    gpu.launch blocks(%bx, %by, %bz) in (%gx = %c1, ...) threads(%tx, %ty, %tz) in (%sx = %c128, ...) {
      %id = ... // bx * 128 + tx
      scf.if %inside { // id < 64
        %init = memref.load %c[%m, %n]
        %sum = scf.for %k = %c0 to %c8 step %c1 iter_args(%acc = %init) { ... }
        memref.store %sum, %c[%m, %n]
      }
      gpu.terminator
    }
    ```
  }];
  let options = [
    Option<"blockSize", "block-size", "int64_t", "128", "Threads of a block, at most 1024">,
    Option<"maxBlocks", "max-blocks", "int64_t", "65535", "Blocks of a launch; every driver takes 65535">,
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def ConstantsToWords : Pass<"qfmt-constants-to-words", "::mlir::ModuleOp"> {
  let summary = "Stores constants of few values as codes in 32-bit words";
  let description = [{
    A private constant of bytes that has at most 16 different values, and that kernels alone read, by loads of single elements, becomes words of 32 bits along its
    innermost dimension, with 8 codes of 4 bits each, 16 of 2 or 32 of 1, the first one in the lowest bits; what fills up the last word of a row is 0. Values that are
    neighbours are an offset and the code; others are bytes of a table, which the kernel has in one to four registers.

    Remarks say what became words, and what did not, and why: it is read in another way (by dot products of four bytes, vectors, or the host), has more values, or rows
    that do not fill words, so that these would take more than three quarters of the bytes.

    ```mlir
    memref.global "private" constant @weights : memref<48x5x128xi8> = dense<...> // -8 ... 7
    %w = memref.get_global @weights : memref<48x5x128xi8>
    gpu.launch ... {
      %v = memref.load %w[%n, %g, %k] : memref<48x5x128xi8>
    ```
    becomes
    ```mlir
    memref.global "private" constant @weights_words : memref<48x5x16xi32> = dense<...>
    %w = memref.get_global @weights_words : memref<48x5x16xi32>
    gpu.launch ... {
      %word = memref.load %w[%n, %g, %place] : memref<48x5x16xi32> // %k >> 3
      %shifted = arith.shrui %word, %bit : i32                     // (%k & 7) << 2
      %code = arith.andi %shifted, %c15 : i32
      %sum = arith.addi %code, %c-8 : i32
      %v = arith.trunci %sum overflow<nsw> : i32 to i8
    ```
  }];
  let options = [
    Option<"minBytes", "min-bytes", "int64_t", "1024", "Bytes that a constant has at least">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def FlattenKernelBuffers : Pass<"qfmt-flatten-kernel-buffers", "::mlir::ModuleOp"> {
  let summary = "Lets kernels read buffers of one dimension";
  let description = [{
    Kernels get a pointer for each buffer and nothing else: no sizes, no strides. Where a `gpu.launch` reads or writes elements of buffers from outside, those become
    buffers of one dimension, whose addresses are computed in the kernel; sizes that are unknown become arguments.

    ```mlir
    gpu.launch ... {
      %v = memref.load %x[%i, %j] : memref<4x8xi8, strided<[16, 1], offset: 3>>
    ```
    becomes
    ```mlir
    %flat = memref.reinterpret_cast %x to offset: [0], sizes: [59], strides: [1] : memref<4x8xi8, strided<[16, 1], offset: 3>> to memref<59xi8>
    gpu.launch ... {
      %n = affine.apply (i, j) -> (i * 16 + j + 3)
      %v = memref.load %flat[%n] : memref<59xi8>
    ```
    Buffers that anything else in the kernel uses stay as they are.
  }];
  let options = [
    Option<"wideAsWords", "wide-as-words", "bool", "false", "Read and write 64-bit integers as pairs of words">,
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def DeviceMemory : Pass<"qfmt-device-memory", "::mlir::ModuleOp"> {
  let summary = "Puts buffers into the memory of the device";
  let description = [{
    Buffers that functions allocate are memory of the device. A public function copies its arguments there and its results back, so that callers see
    memory of the host as before; private functions get and return memory of the device, and callers free what these return, which is a copy where it was
    an argument or a constant. Constants are copied once for the process, by the runtime. An element that the host loads itself, for a condition of a loop
    for example, is copied to it first; where the buffer has more, a kernel of one thread takes it, but for Vulkan, where the whole buffer is copied.

    ```mlir
    func.func @main(%x: memref<4xf32>) -> memref<4xf32> {
      %y = memref.alloc() : memref<4xf32>
      gpu.launch ... // reads %x, writes %y
      return %y
    }
    ```
    becomes
    ```mlir
    func.func @main(%x: memref<4xf32>) -> memref<4xf32> {
      %dx = gpu.alloc () : memref<4xf32>
      gpu.memcpy %dx, %x
      %dy = gpu.alloc () : memref<4xf32>
      gpu.launch ... // reads %dx, writes %dy
      gpu.dealloc %dx
      %y = memref.alloc() : memref<4xf32>
      gpu.memcpy %y, %dy
      gpu.dealloc %dy
      return %y
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::memref::MemRefDialect"];
}

def MergeKernels : Pass<"qfmt-merge-kernels", "::mlir::ModuleOp"> {
  let summary = "Puts all kernels into one module, equal ones once";
  let description = [{
    Outlining makes a `gpu.module` for each kernel. A driver loads and compiles each by itself, so they become one, `@kernels`; kernels that differ in nothing but
    their names are kept once.
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect"];
}

def AttachGpuTarget : Pass<"qfmt-attach-gpu-target", "::mlir::ModuleOp"> {
  let summary = "Tells the modules of kernels the target of the module";
  let description = [{
    Writes the target attribute that serialization reads, `#nvvm.target`, `#rocdl.target` or `#spirv.target_env`, as the module's attribute `qfmt_gpu.target`
    says, with versions that LLVM does not choose itself.
  }];
  let options = [
    Option<"optLevel", "O", "unsigned", "3", "LLVM's optimization level for kernels, 0 to 3">,
  ];
  let dependentDialects = ["::mlir::gpu::GPUDialect", "::mlir::NVVM::NVVMDialect", "::mlir::ROCDL::ROCDLDialect", "::mlir::spirv::SPIRVDialect"];
}

def SpirvToBinary : Pass<"qfmt-spirv-to-binary", "::mlir::ModuleOp"> {
  let summary = "Serializes SPIR-V modules";
  let description = [{
    After convert-gpu-to-spirv, which leaves each `gpu.module` beside the `spirv.module` that it became: both become a `gpu.binary` with the words of the latter.
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect", "::mlir::spirv::SPIRVDialect"];
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

def FuseProducts : Pass<"qfmt-fuse-products", "::mlir::ModuleOp"> {
  let summary = "Makes one operation of a product and what is computed from its sums";
  let description = [{
    A matrix product of bytes with a constant, the initial values before it and the element-wise operations that alone read it, on tensors, become a
    `qfmt_gpu.product`, if the target has the tensor cores for it. Zero points of the constant become part of its codes, others part of what is
    added to a column or a row. Remarks say what is left to other kernels, and why.

    ```mlir
    %0 = linalg.generic ins(%x, %w : tensor<?x64xi8>, tensor<64x32xi8>) outs(%init : tensor<?x32xi32>) { ... extsi, muli, addi }
    %1 = linalg.generic ins(%0 : tensor<?x32xi32>) outs(%e : tensor<?x32xi8>) { ... }
    ```
    becomes
    ```mlir
    %1 = qfmt_gpu.product %x * %w1 into %e { ... } : tensor<?x64xi8>, tensor<32x64xi8>, tensor<?x32xi8> -> tensor<?x32xi8>
    ```
  }];
  let options = [
    Option<"tier", "tier", "std::string", "\"auto\"",
           "auto: tensor cores, if the target has them; mma, wgmma: an error if it has not; portable: none">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::qfmt::kernel::QFmtGpuDialect"];
}

def FactorFloat8Scales : Pass<"qfmt-factor-float8-scales", "::mlir::ModuleOp"> {
  let summary = "Takes scales out of the sums of products of fp8, for wgmma";
  let description = [{
    On tensors, at constituents level, with `tier=wgmma`, of matrix products in f32 whose factors are decoded from codes of f8E4M3FN and f8E5M2, in any combination, with scales of
    a row of the left factor, of a column of the right one, or of all. With a[m,k] and w[n,k] the numbers of the codes,

        init + sum over k of (a[m,k] sa[m]) (w[n,k] sw[n])   becomes   init + ((sum over k of a[m,k] w[n,k]) sw[n]) sa[m]

    The right factor may be a constant or not. Runs before element-wise operations are fused, so that codes that are computed stay codes.

    **What it changes.** Products of numbers of fp8 are exact in f32 and cannot overflow; so there is one rounding for each term, one for each scale that is multiplied, and one for `init`,
    where each term had a rounding for each scale before. With u = 2^-24, K terms and s scales the result differs from the exact one by at most (K + s + 1) u S to first order,
    S = |init| + sum of |a sa| |w sw|. Scales are expected to be numbers, and so large that a sum times them is a normal number.

    ```mlir
    %a = linalg.generic ... ins(%x, %sx : tensor<5x64xi8>, tensor<5xf32>) outs(...)      // number(x) sx
    %w = linalg.generic ... ins(%c, %sw : tensor<128x64xi8>, tensor<128xf32>) outs(...)  // number(c) sw
    %r = linalg.matmul ... ins(%a, %w : tensor<5x64xf32>, tensor<128x64xf32>) outs(%zeros : tensor<5x128xf32>)
    ```
    becomes
    ```mlir
    %s = linalg.generic ... ins(%x, %c : tensor<5x64xi8>, tensor<128x64xi8>) outs(%zeros : tensor<5x128xf32>)            // number(x) number(c)
    %r = linalg.generic ... ins(%s, %sw, %sx : tensor<5x128xf32>, tensor<128xf32>, tensor<5xf32>) outs(... : tensor<5x128xf32>)
    ```
    Remarks (missed) say why a product of codes of fp8 is left alone; with other tiers, on a chip with wgmma, that it is.
  }];
  let options = [
    Option<"tier", "tier", "std::string", "\"auto\"", "wgmma: rewrites, and an error if the target has it not; auto, mma, portable: does nothing">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def FuseFloat8Products : Pass<"qfmt-fuse-float8-products", "::mlir::ModuleOp"> {
  let summary = "Makes one operation of a product of fp8 and what is computed from its sums";
  let description = [{
    With `tier=wgmma`, sums of products of the numbers of codes of fp8, as qfmt-factor-float8-scales makes them, the initial values before them and the element-wise operations that alone
    read them, on tensors, become a `qfmt_gpu.product`.

    **What it changes.** The order of sums, which becomes that of the kernel: parts of 128 terms each, added up from 0, and these one after the other. With u = 2^-24 and K terms the sum differs
    from the exact one by at most (min(K, 128) + K / 128) u sum |a| |w| if tensor cores round each sum to f32, which is less than the K u sum |a| |w| of the operation. Devices keep fewer bits
    within a part, see docs/Gpu.md.

    ```mlir
    %0 = linalg.generic ins(%x, %w : tensor<?x64xi8>, tensor<32x64xi8>) outs(%init : tensor<?x32xf32>) { ... numbers of %x and %w, mulf, addf }
    %1 = linalg.generic ins(%0, %scales : tensor<?x32xf32>, tensor<32xf32>) outs(%e : tensor<?x32xf16>) { ... }
    ```
    becomes
    ```mlir
    %1 = qfmt_gpu.product %x as f8E4M3FN * %w as f8E4M3FN with %scales ... into %e { ... } : tensor<?x64xi8>, tensor<32x64xi8>, tensor<?x32xf16> -> tensor<?x32xf16>
    ```
  }];
  let options = [
    Option<"tier", "tier", "std::string", "\"auto\"", "wgmma: fuses, and an error if the target has it not; auto, mma, portable: does nothing">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::qfmt::kernel::QFmtGpuDialect"];
}

def UnpackCodes : Pass<"qfmt-unpack-codes", "::mlir::ModuleOp"> {
  let summary = "Makes one code a byte of packed codes that are no constants";
  let description = [{
    `qfmt.unpack`, of arguments for example, becomes `qfmt_gpu.unpack`, and bodies that extend a code read its byte.

    ```mlir
    %codes = qfmt.unpack %bytes : tensor<10xi8> to tensor<4x5xi4>
    %0 = linalg.generic ins(%codes : tensor<4x5xi4>) outs(%e : tensor<4x5xi32>) { ^bb0(%c: i4, %o: i32): arith.extsi %c : i4 to i32 ... }
    ```
    becomes
    ```mlir
    %codes = qfmt_gpu.unpack %bytes bits 4 : tensor<10xi8> -> tensor<4x5xi8>
    %0 = linalg.generic ins(%codes : tensor<4x5xi8>) outs(%e : tensor<4x5xi32>) { ^bb0(%c: i8, %o: i32): arith.extsi %c : i8 to i32 ... }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::qfmt::kernel::QFmtGpuDialect"];
}

def CodesToLinalg : Pass<"qfmt-codes-to-linalg", "::mlir::ModuleOp"> {
  let summary = "Computes packed codes that are no factor of a product, one after the other";
  let description = [{
    `qfmt_gpu.unpack` becomes a `linalg.generic` that reads the one or two bytes in which a code lies.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def BatchesToRows : Pass<"qfmt-batches-to-rows", "::mlir::ModuleOp"> {
  let summary = "Writes batches of products of two variables as one product of matrices";
  let description = [{
    On tensors of known sizes, of products of integers of 8 or 16 bits of which neither is a constant, as those of attention are. Where tensor cores can compute them, the result
    becomes a matrix with the rows of all batches, and a map says which batch of the second factor a row reads. Remarks (missed) say which ones are left alone, and why.

    ```mlir
    %z = linalg.generic {indexing_maps = [(b, m, n, k) -> (b, m, k), (b, k, n), (b, m, n)]} ins(%x, %y : tensor<4x16x8xi8>, tensor<4x8x32xi8>)
    ```
    becomes
    ```mlir
    %m = linalg.generic {indexing_maps = [(m, n, k) -> (m, k), (m floordiv 16, k, n), (m, n)]} ins(%rows, %y : tensor<64x8xi8>, tensor<4x8x32xi8>)
    %z = tensor.expand_shape %m [[0, 1], [2]] output_shape [4, 16, 32] : tensor<64x32xi32> into tensor<4x16x32xi32>
    ```
  }];
  let options = [
    Option<"tier", "tier", "std::string", "\"auto\"",
           "auto: tensor cores, if the target has them; mma, wgmma: an error if it has not; portable: none">,
  ];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def FuseVariableProducts : Pass<"qfmt-fuse-variable-products", "::mlir::ModuleOp"> {
  let summary = "Makes one operation of a product of two variables and what is computed from its sums";
  let description = [{
    The products of qfmt-batches-to-rows, the initial values before them and the element-wise operations that alone read them become `qfmt_gpu.product` with batches, if the target
    has the tensor cores for it. The second factor is read as it is, its terms in rows or in columns. Where it is `qfmt_gpu.unpack` of codes of 4 bits, whose rows
    begin at whole bytes, the product reads these bytes (`bits 4`), if there are no more than 2^14 terms and the first factor has bytes.

    ```mlir
    %r = qfmt_gpu.product %q * %k into %e { ... } : tensor<64x32xi8>, tensor<4x16x32xi8>, tensor<64x16xi8> -> tensor<64x16xi8>
    %s = qfmt_gpu.product %p unsigned * %v by_terms into %f { ... } : tensor<64x16xi8>, tensor<4x16x32xi8>, tensor<64x32xi8> -> tensor<64x32xi8>
    ```
  }];
  let options = [
    Option<"tier", "tier", "std::string", "\"auto\"",
           "auto: tensor cores, if the target has them; mma, wgmma: an error if it has not; portable: none">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::qfmt::kernel::QFmtGpuDialect"];
}

def FuseScaledProducts : Pass<"qfmt-fuse-scaled-products", "::mlir::ModuleOp"> {
  let summary = "Makes one operation of a product with weights of few bits";
  let description = [{
    A product with a constant of few bits, with scales of groups or without, together with the element-wise operations that alone read it, becomes
    `qfmt_gpu.scaled_product`, if the target has tensor cores: bytes in groups as qfmt-factor-scales makes them, bytes without groups whose constants have at most
    4 bits, and f16 or bf16 with a constant decoded from codes. The constant is stored in the order in which tensor cores take it. Runs before
    qfmt-fuse-products, which takes the other products of bytes.
  }];
  let options = [
    Option<"tier", "tier", "std::string", "\"auto\"",
           "auto: tensor cores, if the target has them; mma: an error if it has not; portable: none">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::qfmt::kernel::QFmtGpuDialect"];
}

def ScaledProductsToKernels : Pass<"qfmt-scaled-products-to-kernels", "::mlir::ModuleOp"> {
  let summary = "Makes kernels for tensor cores of products with weights of few bits";
  let description = [{
    `qfmt_gpu.scaled_product` on buffers becomes a `gpu.launch`, or, with an unknown number of rows, one for up to 8 rows and one for more. Weights are the left
    factor of `mma.sync`: each is read once for a block of rows, 16 bytes a lane, and unpacked in registers. Warps share the columns and the terms among them.
  }];
  let options = [
    Option<"warpsAlongTerms", "warps-along-terms", "int64_t", "0", "Warps of a block that share the terms of a column; 0: chosen">,
    Option<"blockRows", "block-rows", "int64_t", "0", "Rows of a block, 8, 16, 32 or 64; 0: chosen">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ProductsToKernels : Pass<"qfmt-products-to-kernels", "::mlir::ModuleOp"> {
  let summary = "Makes kernels for tensor cores of fused products";
  let description = [{
    `qfmt_gpu.product` on buffers becomes a `gpu.launch`: blocks of the result, of `block-rows` x `block-columns`, each of some warps; factors
    come to shared memory by `cp.async` in as many stages as it has room for, `ldmatrix` and `mma.sync` do the rest, and the body is computed on the
    sums in registers. Block sizes that are not given are chosen by an estimate of the time.

    With `tier=wgmma`, for sm_90a alone, one thread copies by tensor maps and warpgroups multiply by `wgmma`, where rows of the factors begin at multiples
    of 16 bytes; a remark says of what other products are left to `mma.sync`. Products of fp8 need this tier; where their rows begin elsewhere, factors are copied first.
    With both tiers factors are copied whose rows have a stride between their elements.
  }];
  let options = [
    Option<"tier", "tier", "std::string", "\"auto\"", "auto, mma: mma.sync; wgmma: an error if the target has it not; portable: an error if there is a product">,
    Option<"blockRows", "block-rows", "int64_t", "0", "Rows of a block; 0: chosen. With block-columns one of the sizes that there are">,
    Option<"blockColumns", "block-columns", "int64_t", "0", "Columns of a block; 0: chosen">,
    Option<"stages", "stages", "int64_t", "0", "Parts of the factors that are in shared memory at a time; 0: chosen">,
    Option<"rowsIfUnknown", "rows-if-unknown", "int64_t", "1024", "The number of rows to expect where it is not known">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
                           "::mlir::qfmt::kernel::QFmtGpuDialect"];
}

def TensorMapsToCalls : Pass<"qfmt-tensor-maps-to-calls", "::mlir::ModuleOp"> {
  let summary = "Makes calls of the runtime of tensor maps";
  let description = [{
    `qfmt_gpu.tensor_map` becomes a call of `qfmtGpuTensorMap` of lib/Runtime/GPU/Mgpu.h. Runs after gpu-async-region, which would let the host wait before
    each call.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect"];
}

def DyadicScalesToWords : Pass<"qfmt-dyadic-scales-to-words"> {
  let summary = "Rescales without 64-bit integers";
  let description = [{
    `qfmt.dyadic_scale` on scalars, with a result of at most 32 bits, becomes arithmetic on 32-bit words: the product is two of them, and so is what the
    rounding mode adds to it. Exact for all operands and modes.

    ```mlir
    %q = qfmt.dyadic_scale %acc, %m, %n rounding = floor : i32, i32, i32 to i8
    ```
    becomes
    ```mlir
    %low, %high = arith.mulsi_extended %acc, %m : i32
    ... // (high : low) >> n in words, saturated
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def LegalizeGpuTypes : Pass<"qfmt-legalize-gpu-types", "::mlir::ModuleOp"> {
  let summary = "Writes arithmetic of kernels in operations that every GPU has";
  let description = [{
    In kernels, the upper word of a product of two words becomes `arith.mulsi_extended`, leading zeros of 64 bits those of two words. Fails for complex numbers.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def WidenOddIntegers : Pass<"qfmt-widen-odd-integers", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Writes integers of kernels in widths that SPIR-V has";
  let description = [{
    Scalars of 2 to 63 bits become scalars of the next of 8, 16, 32 and 64 bits, whose upper bits are 0; results are the same, bit for bit.

    ```mlir
    %0 = arith.addi %x, %y : i6
    %1 = arith.extsi %0 : i6 to i32
    ```
    becomes
    ```mlir
    %s = arith.addi %x, %y : i8
    %0 = arith.andi %s, %c63 : i8
    %h = arith.shli %0, %c2 : i8
    %n = arith.shrsi %h, %c2 : i8
    %1 = arith.extsi %n : i8 to i32
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

def ReplaceDeviceFunctions : Pass<"qfmt-replace-device-functions", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Lets kernels for AMD's chips do without device libraries";
  let description = [{
    Calls of `__ocml_fmod_f32` and its like become `llvm.frem`. Fails for calls of other functions that the module does not define.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def KernelLocations : Pass<"qfmt-kernel-locations", "::mlir::ModuleOp"> {
  let summary = "Gives every operation of kernels a place in a file";
  let description = [{
    Before ensure-debug-info-scope-on-llvm-func, so that the simulator can say where a kernel did something wrong. Operations that have only the name of a layer
    get a file of that name.
  }];
}

def EmulateWideIntegers : Pass<"qfmt-emulate-wide-integers", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Writes 64-bit integers of kernels as pairs of 32-bit ones";
  let description = [{
    arith-emulate-wide-int for kernels, whose loops carry such integers. Their buffers have to be flattened with `wide-as-words`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ProductsToDots : Pass<"qfmt-products-to-dots", "::mlir::ModuleOp"> {
  let summary = "Makes kernels of fused products where there are no tensor cores";
  let description = [{
    `qfmt_gpu.product` on buffers becomes a `gpu.launch` with one thread a sum. Four products are added up by one instruction, `dp4a`, SPIR-V's dot products or AMD's `v_dot4`, where
    rows lie in whole words of four bytes; elsewhere one by one. Chips of AMD older than gfx11 have it for factors of the same signs: with others the unsigned bytes, less 128, are
    the signed ones, and 128 times the sum of the other factor's is added. Does nothing for targets with tensor cores.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::NVVM::NVVMDialect", "::mlir::scf::SCFDialect", "::mlir::spirv::SPIRVDialect",
                           "::mlir::vector::VectorDialect"];
}

def KernelMath : Pass<"qfmt-kernel-math", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Writes functions of real numbers in kernels as polynomials";
  let description = [{
    `math.exp` and the like in f32, f16 and bf16, by expansions in f32 within a few units in the last place, so that kernels need no library of a vendor, and compute the same on every
    target. Fails where there is none, in f64 for example. Where kernels become LLVM IR, what is left are calls of LLVM's intrinsics.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

#endif // QFMT_CODEGEN_GPU_PASSES_TD
