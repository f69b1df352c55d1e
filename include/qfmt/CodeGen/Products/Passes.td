// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_CODEGEN_PRODUCTS_PASSES_TD
#define QFMT_CODEGEN_PRODUCTS_PASSES_TD

include "mlir/Pass/PassBase.td"

def FactorScales : Pass<"qfmt-factor-scales"> {
  let summary = "Takes scales out of the sums of matrix products";
  let description = [{
    On tensors, at constituents level, of matrix products in f32 whose factors are decoded from codes: value = F(code) * 2^u * scales, F(code) an
    integer of -128 ... 127, which covers i8, i4, ternary, FP4, FP6 E2M3, tables of codes and zero points alike; one factor is constant. With a[m,k]
    and w[n,k] the integers and s the scales of groups g of terms,

        sum over k of (a[m,k] sa) (w[n,k] sw[n,g])   becomes   (sum over g of float(sum over k in g of a[m,k] w[n,k]) sw[n,g]) sa

    with inner sums in 32 bits, which cannot overflow: a group has at most 2^31 / 2^14 terms. Scales of a group of the first factor are multiplied beside sw,
    scales of a row or column after the sum. Without scales of groups there is one sum. Everything that follows computes this form bit for bit.

    **What it changes.** A sum of real bodies may be reassociated; this is how far the result lies from before. Let u = 2^-24, n the terms, G the groups,
    s the scales that are multiplied, and S = |initial value| + sum of |a sa| |w sw|. The sum over k is exact; its conversion to float rounds once, each scale
    rounds once (those of a constant factor are products of at most s of them, and count), and adding G terms rounds G times. So what is computed differs from the exact sum by at
    most (G + s + 1) u S to first order: each term (sum of a group) is multiplied by at most G + s + 1 factors of the form 1 + d, |d| <= u, and
    the groups' absolute sums add up to no more than S. Before, each term had the factors' s + 2 roundings (decoding two values, one product) and n additions: (n + s + 2) u S.
    So the bound is smaller than the one of the sum it replaces, and the two results differ by at most their sum. What is multiplied before the other factor's scale cannot overflow, as
    constants show, or the product is left alone; nor can it become subnormal, as scales are normal numbers and integers. Zeros, which scales that are no numbers would make NaN,
    stay with the same scale. A scale that is known only at run time may make single terms overflow, and not their sum: the result then is finite where it was not.

    ```mlir
    %a = linalg.generic ... ins(%x, %sx : tensor<5x64xi8>, tensor<5xf32>) outs(...)                // x sx
    %w = linalg.generic ... ins(%c, %sw : tensor<128x2x32xi4>, tensor<128x2xf16>) outs(...)        // c sw
    %r = linalg.matmul ... ins(%a, %w' : tensor<5x64xf32>, tensor<128x64xf32>) outs(%zeros : tensor<5x128xf32>)
    ```
    becomes
    ```mlir
    %x3 = tensor.expand_shape %x [[0], [1, 2]] output_shape [5, 2, 32] : tensor<5x64xi8> into tensor<5x2x32xi8>
    %w = arith.constant ... : tensor<128x2x32xi8>
    %i = linalg.generic ... ins(%x3, %w : tensor<5x2x32xi8>, tensor<128x2x32xi8>) outs(... : tensor<5x128x2xi32>)
    %s = arith.constant ... : tensor<2x128xf32>
    %y = linalg.generic ... ins(%i, %s : tensor<5x128x2xi32>, tensor<2x128xf32>) outs(... : tensor<5x128xf32>)
    %r = linalg.generic ... ins(%y, %sx : tensor<5x128xf32>, tensor<5xf32>) outs(... : tensor<5x128xf32>)
    ```
    Remarks (missed) say why a product of decoded factors is left alone.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect", "::mlir::qfmt::QFmtDialect"];
}

def UnpackFactors : Pass<"qfmt-unpack-factors", "::mlir::ModuleOp"> {
  let summary = "Unpacks constant codes that become factors of products";
  let description = [{
    On tensors, before qfmt.unpack becomes loops. Where a packed constant does nothing but become a factor of matrix products, through reshapes and
    element-wise operations, its codes are a constant of one code a byte, which qfmt-float-products-to-vectors packs in its own layout.

    ```mlir
    %codes = qfmt.unpack %bytes : tensor<1024xi8> to tensor<32x64xi4>
    ```
    becomes
    ```mlir
    %codes = arith.constant dense_resource<codes> : tensor<32x64xi4>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def ChannelsLast : Pass<"qfmt-channels-last", "::mlir::ModuleOp"> {
  let summary = "Moves the channels of integer convolutions to the last dimension";
  let description = [{
    On tensors, of convolutions of bytes with constants as `linalg.generic` whose result has its channels in the second dimension (NCHW), and of what is
    computed between them: element-wise operations, pooling, padding. All of these read and write tensors with the channels last; where such a tensor
    comes from elsewhere or goes elsewhere, its elements are moved, unless it has one channel or one place, or only a `linalg.generic` reads it, which can
    read it so.

    ```mlir
    %y = linalg.generic {indexing_maps = [(n, f, h, w, c, i, j) -> (n, c, h + i, w + j), (f, c, i, j), (n, f, h, w)]}
      ins(%x, %k : tensor<1x16x9x9xi8>, tensor<32x16x3x3xi8>) outs(... : tensor<1x32x7x7xi32>)
    ```
    becomes
    ```mlir
    %t = linalg.generic ... ins(%x : tensor<1x16x9x9xi8>) outs(... : tensor<1x9x9x16xi8>)
    %y = linalg.generic {indexing_maps = [(n, h, w, f, c, i, j) -> (n, h + i, w + j, c), (f, c, i, j), (n, h, w, f)]}
      ins(%t, %k : tensor<1x9x9x16xi8>, tensor<32x16x3x3xi8>) outs(... : tensor<1x7x7x32xi32>)
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def ConvolutionsToProducts : Pass<"qfmt-convolutions-to-products", "::mlir::ModuleOp"> {
  let summary = "Writes integer convolutions as products of matrices";
  let description = [{
    On tensors, of convolutions of bytes with constants, channels last, as `linalg.generic`. The result becomes a matrix with a row for each place and a
    column for each channel, the constant R x K x N, and a map says where the K terms of each of the R runs of a row lie. Nothing is copied.

    ```mlir
    %y = linalg.generic {indexing_maps = [(n, h, w, f, c, i, j) -> (n, h + i, w + j, c), (f, c, i, j), (n, h, w, f)]}
      ins(%x, %k : tensor<1x9x9x16xi8>, tensor<32x16x3x3xi8>) outs(%init : tensor<1x7x7x32xi32>)
    ```
    becomes
    ```mlir
    %rows = tensor.collapse_shape %x [[0], [1], [2, 3]] : tensor<1x9x9x16xi8> into tensor<1x9x144xi8>
    %m = linalg.generic {indexing_maps = [(m, n, r, k) -> (0, m floordiv 7 + r, (m mod 7) * 16 + k), (r, k, n), (m, n)]}
      ins(%rows, %moved : tensor<1x9x144xi8>, tensor<3x48x32xi8>) outs(... : tensor<49x32xi32>)
    %y = tensor.expand_shape %m [[0, 1, 2], [3]] output_shape [1, 7, 7, 32] : tensor<49x32xi32> into tensor<1x7x7x32xi32>
    ```
    Remarks (missed) say why a convolution is left alone.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def CollapseReaders : Pass<"qfmt-collapse-readers"> {
  let summary = "Lets element-wise readers of matrix products read matrices";
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

#endif // QFMT_CODEGEN_PRODUCTS_PASSES_TD
