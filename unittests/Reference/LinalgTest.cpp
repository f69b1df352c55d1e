// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EvaluatorTest.h"
#include <cmath>

using namespace mlir;

namespace mlir::qfmt::reference {
namespace {

class LinalgTest : public EvaluatorTest {};

TEST_F(LinalgTest, matmul_accumulates_into_its_output) {
  expectElements(
      runOne(
          R"(func.func @main(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>, %c: tensor<2x2xf32>) -> tensor<2x2xf32> {
        %0 = linalg.matmul ins(%a, %b : tensor<2x3xf32>, tensor<3x2xf32>) outs(%c : tensor<2x2xf32>) -> tensor<2x2xf32>
        return %0 : tensor<2x2xf32>
      })",
          {make("tensor<2x3xf32>", {1, 2, 3, 4, 5, 6}),
           make("tensor<3x2xf32>", {1, 0, 0, 1, 1, 1}),
           make("tensor<2x2xf32>", {10, 20, 30, 40})}),
      {14, 25, 40, 51});
}

// extsi, extsi, muli, addi.
TEST_F(LinalgTest, integer_batch_matmul_widens) {
  expectElements(
      runOne(
          R"(func.func @main(%a: tensor<1x1x2xi8>, %b: tensor<1x2x1xi8>) -> tensor<1x1x1xi32> {
        %zero = arith.constant 0 : i32
        %e = tensor.empty() : tensor<1x1x1xi32>
        %f = linalg.fill ins(%zero : i32) outs(%e : tensor<1x1x1xi32>) -> tensor<1x1x1xi32>
        %0 = linalg.batch_matmul ins(%a, %b : tensor<1x1x2xi8>, tensor<1x2x1xi8>) outs(%f : tensor<1x1x1xi32>) -> tensor<1x1x1xi32>
        return %0 : tensor<1x1x1xi32>
      })",
          {make("tensor<1x1x2xi8>", {-128, 127}),
           make("tensor<1x2x1xi8>", {-128, 127})}),
      {16384 + 16129});
}

// Rounding happens after each addition, in row-major order of the iterators.
TEST_F(LinalgTest, reduction_runs_in_order) {
  StringRef ir =
      R"(func.func @main(%a: tensor<3xf32>, %c: tensor<f32>) -> tensor<f32> {
    %0 = linalg.reduce ins(%a : tensor<3xf32>) outs(%c : tensor<f32>) dimensions = [0]
      (%in: f32, %acc: f32) {
        %1 = arith.addf %acc, %in : f32
        linalg.yield %1 : f32
      }
    return %0 : tensor<f32>
  })";
  Value zero = make("tensor<f32>", {0});
  expectElements(runOne(ir, {make("tensor<3xf32>", {1, 1, 16777216}), zero}),
                 {16777218});
  expectElements(runOne(ir, {make("tensor<3xf32>", {16777216, 1, 1}), zero}),
                 {16777216});
}

TEST_F(LinalgTest, convolution_with_stride_and_dilation) {
  // Output 0 reads 0, 2; output 1 reads 3, 5.
  expectElements(
      runOne(
          R"(func.func @main(%x: tensor<1x1x6xf32>, %w: tensor<1x1x2xf32>, %c: tensor<1x1x2xf32>) -> tensor<1x1x2xf32> {
        %0 = linalg.conv_1d_ncw_fcw {strides = dense<3> : tensor<1xi64>, dilations = dense<2> : tensor<1xi64>}
          ins(%x, %w : tensor<1x1x6xf32>, tensor<1x1x2xf32>) outs(%c : tensor<1x1x2xf32>) -> tensor<1x1x2xf32>
        return %0 : tensor<1x1x2xf32>
      })",
          {make("tensor<1x1x6xf32>", {1, 2, 3, 4, 5, 6}),
           make("tensor<1x1x2xf32>", {10, 1}),
           make("tensor<1x1x2xf32>", {0, 0})}),
      {13, 46});
}

TEST_F(LinalgTest, depthwise_convolution) {
  expectElements(
      runOne(
          R"(func.func @main(%x: tensor<1x2x2x2xf32>, %w: tensor<2x2x2xf32>, %c: tensor<1x2x1x1xf32>) -> tensor<1x2x1x1xf32> {
        %0 = linalg.depthwise_conv_2d_nchw_chw {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
          ins(%x, %w : tensor<1x2x2x2xf32>, tensor<2x2x2xf32>) outs(%c : tensor<1x2x1x1xf32>) -> tensor<1x2x1x1xf32>
        return %0 : tensor<1x2x1x1xf32>
      })",
          {make("tensor<1x2x2x2xf32>", {1, 2, 3, 4, 5, 6, 7, 8}),
           make("tensor<2x2x2xf32>", {1, 1, 1, 1, 1, 0, 0, -1}),
           make("tensor<1x2x1x1xf32>", {0, 0})}),
      {10, -3});
}

// The window operand has no elements that are read, only a shape.
TEST_F(LinalgTest, pooling) {
  expectElements(
      runOne(
          R"(func.func @main(%x: tensor<1x1x2x4xf32>, %c: tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32> {
        %w = tensor.empty() : tensor<2x2xf32>
        %0 = linalg.pooling_nchw_max {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
          ins(%x, %w : tensor<1x1x2x4xf32>, tensor<2x2xf32>) outs(%c : tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
        return %0 : tensor<1x1x1x2xf32>
      })",
          {make("tensor<1x1x2x4xf32>", {1, 2, 3, 4, 8, 7, 6, 5}),
           make("tensor<1x1x1x2xf32>", {-100, -100})}),
      {8, 6});
}

TEST_F(LinalgTest, moves_and_elementwise_named_operations) {
  Value matrix = make("tensor<2x3xf32>", {1, 2, 3, 4, 5, 6});
  expectElements(
      runOne(R"(func.func @main(%a: tensor<2x3xf32>) -> tensor<3x2xf32> {
      %e = tensor.empty() : tensor<3x2xf32>
      %0 = linalg.transpose ins(%a : tensor<2x3xf32>) outs(%e : tensor<3x2xf32>) permutation = [1, 0]
      return %0 : tensor<3x2xf32>
    })",
             matrix),
      {1, 4, 2, 5, 3, 6});
  expectElements(
      runOne(R"(func.func @main(%a: tensor<2xf32>) -> tensor<2x3xf32> {
      %e = tensor.empty() : tensor<2x3xf32>
      %0 = linalg.broadcast ins(%a : tensor<2xf32>) outs(%e : tensor<2x3xf32>) dimensions = [1]
      return %0 : tensor<2x3xf32>
    })",
             make("tensor<2xf32>", {1, 2})),
      {1, 1, 1, 2, 2, 2});
  expectElements(
      runOne(R"(func.func @main(%a: tensor<2x3xf32>) -> tensor<2x3xf32> {
      %e = tensor.empty() : tensor<2x3xf32>
      %0 = linalg.add ins(%a, %a : tensor<2x3xf32>, tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
      %1 = linalg.map { arith.negf } ins(%0 : tensor<2x3xf32>) outs(%e : tensor<2x3xf32>)
      %2 = linalg.copy ins(%1 : tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
      return %2 : tensor<2x3xf32>
    })",
             matrix),
      {-2, -4, -6, -8, -10, -12});
}

// Softmax's maximum with an index, as torch-mlir writes argmax.
TEST_F(LinalgTest, index_and_several_results) {
  SmallVector<Value> results =
      run(R"(
    func.func @main(%a: tensor<2x3xf32>, %m: tensor<2xf32>, %i: tensor<2xi64>) -> (tensor<2xf32>, tensor<2xi64>) {
      %0:2 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0)>],
        iterator_types = ["parallel", "reduction"]}
        ins(%a : tensor<2x3xf32>) outs(%m, %i : tensor<2xf32>, tensor<2xi64>) {
      ^bb0(%x: f32, %best: f32, %at: i64):
        %j = linalg.index 1 : index
        %k = arith.index_cast %j : index to i64
        %c = arith.cmpf ogt, %x, %best : f32
        %1 = arith.select %c, %x, %best : f32
        %2 = arith.select %c, %k, %at : i64
        linalg.yield %1, %2 : f32, i64
      } -> (tensor<2xf32>, tensor<2xi64>)
      return %0#0, %0#1 : tensor<2xf32>, tensor<2xi64>
    })",
          {make("tensor<2x3xf32>", {1, 3, 2, 9, 8, 9}),
           make("tensor<2xf32>", {-1, -1}), make("tensor<2xi64>", {0, 0})});
  ASSERT_EQ(results.size(), 2u);
  expectElements(results[0], {3, 9});
  expectElements(results[1], {1, 0});
}

// An embedding lookup reads a captured tensor; its index is checked.
TEST_F(LinalgTest, body_extracts_from_captured_tensor) {
  StringRef ir = R"(
    func.func @main(%table: tensor<3x2xf32>, %ids: tensor<2xi64>) -> tensor<2x2xf32> {
      %e = tensor.empty() : tensor<2x2xf32>
      %0 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>],
        iterator_types = ["parallel", "parallel"]}
        ins(%ids : tensor<2xi64>) outs(%e : tensor<2x2xf32>) {
      ^bb0(%id: i64, %out: f32):
        %row = arith.index_cast %id : i64 to index
        %column = linalg.index 1 : index
        %1 = tensor.extract %table[%row, %column] : tensor<3x2xf32>
        linalg.yield %1 : f32
      } -> tensor<2x2xf32>
      return %0 : tensor<2x2xf32>
    })";
  Value table = make("tensor<3x2xf32>", {1, 2, 3, 4, 5, 6});
  expectElements(runOne(ir, {table, make("tensor<2xi64>", {2, 0})}),
                 {5, 6, 1, 2});
  EXPECT_EQ(runError(ir, {table, make("tensor<2xi64>", {2, 3})}),
            "'tensor.extract' op reads outside of its tensor; found operands "
            "3, 0\n");
}

// scf.if in a body: interpreted operation by operation, with the same result.
TEST_F(LinalgTest, body_with_control_flow) {
  expectElements(
      runOne(R"(
    func.func @main(%a: tensor<4xi32>, %limit: i32) -> tensor<4xi32> {
      %e = tensor.empty() : tensor<4xi32>
      %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>],
                           iterator_types = ["parallel"]}
        ins(%a : tensor<4xi32>) outs(%e : tensor<4xi32>) {
      ^bb0(%x: i32, %out: i32):
        %i = linalg.index 0 : index
        %k = arith.index_cast %i : index to i32
        %c = arith.cmpi sgt, %x, %limit : i32
        %1 = scf.if %c -> i32 {
          scf.yield %k : i32
        } else {
          %2 = arith.subi %x, %limit : i32
          scf.yield %2 : i32
        }
        linalg.yield %1 : i32
      } -> tensor<4xi32>
      return %0 : tensor<4xi32>
    })",
             {make("tensor<4xi32>", {5, 1, 9, 2}), make("i32", {3})}),
      {0, -2, 2, -1});
}

TEST_F(LinalgTest, body_with_assertion) {
  StringRef ir = R"(
    func.func @main(%a: tensor<2xi32>) -> tensor<2xi32> {
      %zero = arith.constant 0 : i32
      %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>],
                           iterator_types = ["parallel"]} outs(%a : tensor<2xi32>) {
      ^bb0(%x: i32):
        %c = arith.cmpi sge, %x, %zero : i32
        cf.assert %c, "index is negative"
        linalg.yield %x : i32
      } -> tensor<2xi32>
      return %0 : tensor<2xi32>
    })";
  expectElements(runOne(ir, make("tensor<2xi32>", {0, 1})), {0, 1});
  EXPECT_EQ(runError(ir, make("tensor<2xi32>", {0, -1})),
            "'cf.assert' op fails: index is negative\n");
}

// A reversed and a constant map are linear; floordiv and mod are not.
TEST_F(LinalgTest, indexing_maps_of_every_kind) {
  expectElements(runOne(R"(
    func.func @main(%a: tensor<4xf32>, %b: tensor<2xf32>, %s: tensor<3xf32>) -> tensor<4xf32> {
      %e = tensor.empty() : tensor<4xf32>
      %0 = linalg.generic {
        indexing_maps = [affine_map<(d0) -> (3 - d0)>, affine_map<(d0) -> (d0 floordiv 2)>,
                         affine_map<(d0) -> (d0 mod 2)>, affine_map<(d0) -> (1)>, affine_map<(d0) -> (d0)>],
        iterator_types = ["parallel"]}
        ins(%a, %b, %b, %s : tensor<4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<3xf32>) outs(%e : tensor<4xf32>) {
      ^bb0(%x: f32, %y: f32, %z: f32, %w: f32, %out: f32):
        %1 = arith.addf %x, %y : f32
        %2 = arith.addf %1, %z : f32
        %3 = arith.addf %2, %w : f32
        linalg.yield %3 : f32
      } -> tensor<4xf32>
      return %0 : tensor<4xf32>
    })",
                        {make("tensor<4xf32>", {1000, 2000, 3000, 4000}),
                         make("tensor<2xf32>", {100, 200}),
                         make("tensor<3xf32>", {1, 2, 3})}),
                 {4202, 3302, 2302, 1402});
}

TEST_F(LinalgTest, dynamic_shapes) {
  expectElements(runOne(R"(
    func.func @main(%a: tensor<?x?xf32>) -> tensor<?xf32> {
      %c0 = arith.constant 0 : index
      %zero = arith.constant 0.0 : f32
      %n = tensor.dim %a, %c0 : tensor<?x?xf32>
      %e = tensor.empty(%n) : tensor<?xf32>
      %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
      %0 = linalg.reduce { arith.addf } ins(%a : tensor<?x?xf32>) outs(%f : tensor<?xf32>) dimensions = [1]
      return %0 : tensor<?xf32>
    })",
                        make("tensor<2x3xf32>", {1, 2, 3, 4, 5, 6})),
                 {6, 15});
}

TEST_F(LinalgTest, access_out_of_bounds_is_an_error) {
  EXPECT_EQ(runError(R"(
    func.func @main(%a: tensor<?xf32>, %b: tensor<?xf32>) -> tensor<?xf32> {
      %0 = linalg.add ins(%a, %b : tensor<?xf32>, tensor<?xf32>) outs(%a : tensor<?xf32>) -> tensor<?xf32>
      return %0 : tensor<?xf32>
    })",
                     {make("tensor<3xf32>", {1, 2, 3}),
                      make("tensor<2xf32>", {1, 2})}),
            "'linalg.add' op operand 1 is accessed at index 2 of dimension 0, "
            "which has size 2\n");
}

TEST_F(LinalgTest, empty_iteration_space) {
  Value result = runOne(R"(
    func.func @main(%a: tensor<0xf32>, %c: tensor<f32>) -> tensor<f32> {
      %0 = linalg.reduce { arith.addf } ins(%a : tensor<0xf32>) outs(%c : tensor<f32>) dimensions = [0]
      return %0 : tensor<f32>
    })",
                        {make("tensor<0xf32>", {}), make("tensor<f32>", {5})});
  expectElements(result, {5});
}

// The caller's tensor and other uses of an output keep their elements.
TEST_F(LinalgTest, outputs_are_values) {
  Value argument = make("tensor<2xf32>", {1, 2});
  SmallVector<Value> results = run(R"(
    func.func @main(%a: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
      %0 = linalg.add ins(%a, %a : tensor<2xf32>, tensor<2xf32>) outs(%a : tensor<2xf32>) -> tensor<2xf32>
      %1 = linalg.add ins(%0, %0 : tensor<2xf32>, tensor<2xf32>) outs(%0 : tensor<2xf32>) -> tensor<2xf32>
      return %0, %1 : tensor<2xf32>, tensor<2xf32>
    })",
                                   argument);
  ASSERT_EQ(results.size(), 2u);
  expectElements(argument, {1, 2});
  expectElements(results[0], {2, 4});
  expectElements(results[1], {4, 8});
}

//===----------------------------------------------------------------------===//
// Encoded operands
//===----------------------------------------------------------------------===//

TEST_F(LinalgTest, encoded_inputs_are_read_as_reals) {
  expectElements(runOne(R"(
    !q = tensor<2x2xf32, #qfmt.scaled<i8, scale = 0.5, zero_point = 1>>
    !w = tensor<2x2xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>
    func.func @main(%x: tensor<2x2xi8>, %w: tensor<2x2xi8>, %s: tensor<2x1xf32>, %c: tensor<2x2xf32>) -> tensor<2x2xf32> {
      %0 = qfmt.assemble %x : tensor<2x2xi8> to !q
      %1 = qfmt.assemble %w, %s : tensor<2x2xi8>, tensor<2x1xf32> to !w
      %2 = linalg.matmul ins(%0, %1 : !q, !w) outs(%c : tensor<2x2xf32>) -> tensor<2x2xf32>
      return %2 : tensor<2x2xf32>
    })",
                        {make("tensor<2x2xi8>", {3, 5, -1, 1}),
                         make("tensor<2x2xi8>", {1, 2, 3, 4}),
                         make("tensor<2x1xf32>", {10, 100}),
                         make("tensor<2x2xf32>", {0, 0, 0, 0})}),
                 // x = [[1, 2], [-1, 0]], w = [[10, 20], [300, 400]]
                 {610, 820, -10, -20});
}

TEST_F(LinalgTest, encoded_transpose_moves_codes) {
  Value result = runOne(R"(
    !q = tensor<2x3xf32, #qfmt.scaled<i8, scale = 0.5, zero_point = 1>>
    !t = tensor<3x2xf32, #qfmt.scaled<i8, scale = 0.5, zero_point = 1>>
    func.func @main(%x: tensor<2x3xi8>) -> !t {
      %0 = qfmt.assemble %x : tensor<2x3xi8> to !q
      %e = tensor.empty() : !t
      %1 = linalg.transpose ins(%0 : !q) outs(%e : !t) permutation = [1, 0]
      return %1 : !t
    })",
                        make("tensor<2x3xi8>", {1, 2, 3, 4, 5, 6}));
  ASSERT_TRUE(result.isEncoded());
  expectElements(result.getConstituents().front(), {1, 4, 2, 5, 3, 6});
}

TEST_F(LinalgTest, body_cannot_capture_an_encoded_tensor) {
  std::string error = runError(R"(
    !q = tensor<2xf32, #qfmt.scaled<i8, scale = 0.5>>
    func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
      %q = qfmt.quantize %x : tensor<2xf32> to !q
      %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>],
                           iterator_types = ["parallel"]} outs(%x : tensor<2xf32>) {
      ^bb0(%a: f32):
        %i = linalg.index 0 : index
        %1 = tensor.extract %q[%i] : !q
        linalg.yield %1 : f32
      } -> tensor<2xf32>
      return %0 : tensor<2xf32>
    })",
                               make("tensor<2xf32>", {1, 2}));
  EXPECT_NE(error.find("dequantize it first"), std::string::npos) << error;
}

TEST_F(LinalgTest, encoded_output_is_refused) {
  std::string error = runError(R"(
    !q = tensor<2xf32, #qfmt.scaled<i8, scale = 0.5>>
    func.func @main(%x: tensor<2xf32>) -> !q {
      %e = tensor.empty() : !q
      %1 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>],
                           iterator_types = ["parallel"]} ins(%x : tensor<2xf32>) outs(%e : !q) {
      ^bb0(%a: f32, %b: f32):
        linalg.yield %a : f32
      } -> !q
      return %1 : !q
    })",
                               make("tensor<2xf32>", {1, 2}));
  EXPECT_NE(error.find("followed by qfmt.quantize"), std::string::npos)
      << error;
}

} // namespace
} // namespace mlir::qfmt::reference
