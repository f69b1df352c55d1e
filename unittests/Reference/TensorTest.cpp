// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EvaluatorTest.h"
#include <cmath>

using namespace mlir;

namespace mlir::qfmt::reference {
namespace {

class TensorTest : public EvaluatorTest {};

TEST_F(TensorTest, making) {
  SmallVector<Value> results = run(R"(
    func.func @main(%n: index, %x: f32) -> (tensor<?xf32>, tensor<2x2xf32>, tensor<?x2xindex>, index, index) {
      %0 = tensor.splat %x[%n] : tensor<?xf32>
      %c = arith.constant 3.0 : f32
      %1 = tensor.from_elements %x, %c, %c, %x : tensor<2x2xf32>
      %2 = tensor.generate %n {
      ^bb0(%i: index, %j: index):
        %3 = affine.apply affine_map<(a, b) -> (a * 10 + b)>(%i, %j)
        tensor.yield %3 : index
      } : tensor<?x2xindex>
      %c0 = arith.constant 0 : index
      %4 = tensor.dim %2, %c0 : tensor<?x2xindex>
      %5 = tensor.rank %2 : tensor<?x2xindex>
      return %0, %1, %2, %4, %5 : tensor<?xf32>, tensor<2x2xf32>, tensor<?x2xindex>, index, index
    })",
                                   {make("index", 3), make("f32", 1.5)});
  ASSERT_EQ(results.size(), 5u);
  expectElements(results[0], {1.5, 1.5, 1.5});
  expectElements(results[1], {1.5, 3, 3, 1.5});
  expectElements(results[2], {0, 1, 10, 11, 20, 21});
  expectElements(results[3], {3});
  expectElements(results[4], {2});
}

// What nobody wrote must not look like a result.
TEST_F(TensorTest, empty_is_not_zero) {
  SmallVector<Value> results =
      run("func.func @main() -> (tensor<1xf32>, tensor<1xi8>) { %0 = "
          "tensor.empty() : tensor<1xf32> %1 = tensor.empty() : tensor<1xi8> "
          "return %0, %1 : tensor<1xf32>, tensor<1xi8> }");
  ASSERT_EQ(results.size(), 2u);
  expectElements(results[0], {std::nan("")});
  expectElements(results[1], {0x55});
}

TEST_F(TensorTest, extract_and_insert) {
  StringRef ir =
      R"(func.func @main(%t: tensor<2x2xi8>, %i: index) -> (i8, tensor<2x2xi8>, tensor<2x2xi8>) {
      %c1 = arith.constant 1 : index
      %0 = tensor.extract %t[%c1, %i] : tensor<2x2xi8>
      %1 = tensor.insert %0 into %t[%i, %i] : tensor<2x2xi8>
      return %0, %1, %t : i8, tensor<2x2xi8>, tensor<2x2xi8>
    })";
  Value tensor = make("tensor<2x2xi8>", {1, 2, 3, 4});
  SmallVector<Value> results = run(ir, {tensor, make("index", 0)});
  ASSERT_EQ(results.size(), 3u);
  expectElements(results[0], {3});
  expectElements(results[1], {3, 2, 3, 4});
  expectElements(results[2], {1, 2, 3, 4});
  EXPECT_EQ(runError(ir, {tensor, make("index", 2)}),
            "'tensor.extract' op index [1, 2] is outside of a tensor of shape "
            "[2, 2]\n");
  EXPECT_NE(runError(ir, {tensor, make("index", -1)}), "");
}

TEST_F(TensorTest, slices) {
  SmallVector<Value> results =
      run(R"(
    func.func @main(%t: tensor<3x4xi8>, %o: index) -> (tensor<2xi8>, tensor<?x2xi8>, tensor<3x4xi8>) {
      %0 = tensor.extract_slice %t[1, 1] [1, 2] [1, 2] : tensor<3x4xi8> to tensor<2xi8>
      %1 = tensor.extract_slice %t[%o, 0] [%o, 2] [2, 1] : tensor<3x4xi8> to tensor<?x2xi8>
      %2 = tensor.insert_slice %0 into %t[%o, 0] [2, 1] [1, 1] : tensor<2xi8> into tensor<3x4xi8>
      return %0, %1, %2 : tensor<2xi8>, tensor<?x2xi8>, tensor<3x4xi8>
    })",
          {make("tensor<3x4xi8>", {0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23}),
           make("index", 1)});
  ASSERT_EQ(results.size(), 3u);
  expectElements(results[0], {11, 13});
  expectElements(results[1], {10, 11});
  expectElements(results[2], {0, 1, 2, 3, 11, 11, 12, 13, 13, 21, 22, 23});
}

TEST_F(TensorTest, slice_out_of_bounds_is_an_error) {
  EXPECT_EQ(
      runError("func.func @main(%t: tensor<4xi8>, %o: index) -> tensor<2xi8> { "
               "%0 = tensor.extract_slice %t[%o] [2] [2] : tensor<4xi8> to "
               "tensor<2xi8> return %0 : tensor<2xi8> }",
               {make("tensor<4xi8>", {1, 2, 3, 4}), make("index", 2)}),
      "'tensor.extract_slice' op takes 2 elements from offset 2 with stride 2 "
      "of dimension 0, which has size 4\n");
}

TEST_F(TensorTest, pad) {
  expectElements(runOne(R"(
    func.func @main(%t: tensor<2x1xf32>, %p: f32, %n: index) -> tensor<3x?xf32> {
      %0 = tensor.pad %t low[1, 0] high[0, %n] {
      ^bb0(%i: index, %j: index):
        tensor.yield %p : f32
      } : tensor<2x1xf32> to tensor<3x?xf32>
      return %0 : tensor<3x?xf32>
    })",
                        {make("tensor<2x1xf32>", {1, 2}), make("f32", 9),
                         make("index", 2)}),
                 {9, 9, 9, 1, 9, 9, 2, 9, 9});
}

TEST_F(TensorTest, reshapes) {
  SmallVector<Value> results =
      run(R"(
    func.func @main(%t: tensor<2x3xi8>, %d: tensor<?x3xi8>, %n: index) -> (tensor<6xi8>, tensor<1x2x3x1xi8>, tensor<?x1x3xi8>, tensor<3x2xi8>) {
      %0 = tensor.collapse_shape %t [[0, 1]] : tensor<2x3xi8> into tensor<6xi8>
      %1 = tensor.expand_shape %t [[0, 1], [2, 3]] output_shape [1, 2, 3, 1] : tensor<2x3xi8> into tensor<1x2x3x1xi8>
      %2 = tensor.expand_shape %d [[0, 1], [2]] output_shape [%n, 1, 3] : tensor<?x3xi8> into tensor<?x1x3xi8>
      %s = arith.constant dense<[3, 2]> : tensor<2xi64>
      %3 = tensor.reshape %t(%s) : (tensor<2x3xi8>, tensor<2xi64>) -> tensor<3x2xi8>
      return %0, %1, %2, %3 : tensor<6xi8>, tensor<1x2x3x1xi8>, tensor<?x1x3xi8>, tensor<3x2xi8>
    })",
          {make("tensor<2x3xi8>", {1, 2, 3, 4, 5, 6}),
           make("tensor<1x3xi8>", {1, 2, 3}), make("index", 1)});
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(results[0].getShape(), (ArrayRef<int64_t>{6}));
  EXPECT_EQ(results[1].getShape(), (ArrayRef<int64_t>{1, 2, 3, 1}));
  EXPECT_EQ(results[2].getShape(), (ArrayRef<int64_t>{1, 1, 3}));
  EXPECT_EQ(results[3].getShape(), (ArrayRef<int64_t>{3, 2}));
  expectElements(results[3], {1, 2, 3, 4, 5, 6});
}

TEST_F(TensorTest, expand_of_wrong_size_is_an_error) {
  EXPECT_EQ(runError("func.func @main(%t: tensor<?xi8>, %n: index) -> "
                     "tensor<?x2xi8> { %0 = tensor.expand_shape %t [[0, 1]] "
                     "output_shape [%n, 2] : tensor<?xi8> into tensor<?x2xi8> "
                     "return %0 : tensor<?x2xi8> }",
                     {make("tensor<3xi8>", {1, 2, 3}), make("index", 1)}),
            "'tensor.expand_shape' op expands a dimension of size 3 to 2 "
            "elements\n");
}

TEST_F(TensorTest, concat_and_cast) {
  expectElements(runOne(R"(
    func.func @main(%a: tensor<2x1xi8>, %b: tensor<2x2xi8>) -> tensor<2x?xi8> {
      %0 = tensor.concat dim(1) %a, %b : (tensor<2x1xi8>, tensor<2x2xi8>) -> tensor<2x3xi8>
      %1 = tensor.cast %0 : tensor<2x3xi8> to tensor<2x?xi8>
      return %1 : tensor<2x?xi8>
    })",
                        {make("tensor<2x1xi8>", {1, 2}),
                         make("tensor<2x2xi8>", {3, 4, 5, 6})}),
                 {1, 3, 4, 2, 5, 6});
  EXPECT_EQ(runError("func.func @main(%a: tensor<?xi8>) -> tensor<3xi8> { %0 = "
                     "tensor.cast %a : tensor<?xi8> to tensor<3xi8> return %0 "
                     ": tensor<3xi8> }",
                     make("tensor<2xi8>", {1, 2})),
            "'tensor.cast' op casts a tensor of shape [2] to "
            "'tensor<3xi8>'\n");
}

TEST_F(TensorTest, bitcast) {
  expectElements(runOne("func.func @main(%a: tensor<1xf32>) -> tensor<1xi32> { "
                        "%0 = tensor.bitcast %a : tensor<1xf32> to "
                        "tensor<1xi32> return %0 : tensor<1xi32> }",
                        make("tensor<1xf32>", {1})),
                 {0x3f800000});
}

//===----------------------------------------------------------------------===//
// Encoded tensors
//===----------------------------------------------------------------------===//

TEST_F(TensorTest, encoded_tensors_move_as_codes) {
  SmallVector<Value> results = run(R"(
    #q = #qfmt.scaled<i8, scale = 0.5, zero_point = 3>
    func.func @main(%c: tensor<2x2xi8>)
        -> (tensor<1x2xf32, #q>, tensor<4xf32, #q>, tensor<2x3xf32, #q>, tensor<4x2xf32, #q>, tensor<2x2xf32, #q>) {
      %0 = qfmt.assemble %c : tensor<2x2xi8> to tensor<2x2xf32, #q>
      %1 = tensor.extract_slice %0[1, 0] [1, 2] [1, 1] : tensor<2x2xf32, #q> to tensor<1x2xf32, #q>
      %2 = tensor.collapse_shape %0 [[0, 1]] : tensor<2x2xf32, #q> into tensor<4xf32, #q>
      %p = arith.constant -1.0 : f32
      %3 = tensor.pad %0 low[0, 1] high[0, 0] {
      ^bb0(%i: index, %j: index):
        tensor.yield %p : f32
      } : tensor<2x2xf32, #q> to tensor<2x3xf32, #q>
      %4 = tensor.concat dim(0) %0, %0 : (tensor<2x2xf32, #q>, tensor<2x2xf32, #q>) -> tensor<4x2xf32, #q>
      %5 = tensor.insert_slice %1 into %0[0, 0] [1, 2] [1, 1] : tensor<1x2xf32, #q> into tensor<2x2xf32, #q>
      return %1, %2, %3, %4, %5
        : tensor<1x2xf32, #q>, tensor<4xf32, #q>, tensor<2x3xf32, #q>, tensor<4x2xf32, #q>, tensor<2x2xf32, #q>
    })",
                                   make("tensor<2x2xi8>", {10, 20, 30, 40}));
  ASSERT_EQ(results.size(), 5u);
  auto expectPayload = [&](unsigned i, ArrayRef<double> expected) {
    SCOPED_TRACE(i);
    ASSERT_TRUE(results[i].isEncoded());
    expectElements(results[i].getConstituents().front(), expected);
  };
  expectPayload(0, {30, 40});
  expectPayload(1, {10, 20, 30, 40});
  // -1.0 is code 1.
  expectPayload(2, {1, 10, 20, 1, 30, 40});
  expectPayload(3, {10, 20, 30, 40, 10, 20, 30, 40});
  expectPayload(4, {30, 40, 30, 40});
}

TEST_F(TensorTest, encoded_padding_must_be_representable) {
  std::string error = runError(R"(
    #q = #qfmt.scaled<i8, scale = 0.5>
    func.func @main(%c: tensor<1xi8>) -> tensor<2xf32, #q> {
      %0 = qfmt.assemble %c : tensor<1xi8> to tensor<1xf32, #q>
      %p = arith.constant 0.25 : f32
      %1 = tensor.pad %0 low[1] high[0] {
      ^bb0(%i: index):
        tensor.yield %p : f32
      } : tensor<1xf32, #q> to tensor<2xf32, #q>
      return %1 : tensor<2xf32, #q>
    })",
                               make("tensor<1xi8>", {1}));
  EXPECT_NE(error.find("pads with 2.5"), std::string::npos) << error;
}

/// A slice of the second dimension would need half of a row's scale.
TEST_F(TensorTest, encoded_move_through_a_block_is_refused) {
  std::string error = runError(R"(
    #q = #qfmt.scaled<i8, block = [1, *], scale = f32>
    func.func @main(%x: tensor<2x2xf32>) -> tensor<2x1xf32, #q> {
      %0 = qfmt.quantize %x : tensor<2x2xf32> to tensor<2x2xf32, #q>
      %1 = tensor.extract_slice %0[0, 1] [2, 1] [1, 1] : tensor<2x2xf32, #q> to tensor<2x1xf32, #q>
      return %1 : tensor<2x1xf32, #q>
    })",
                               make("tensor<2x2xf32>", {1, 2, 3, 4}));
  EXPECT_NE(error.find("cuts through a block of"), std::string::npos) << error;
}

TEST_F(TensorTest, joining_different_formats_is_refused) {
  std::string error = runError(R"(
    #q = #qfmt.scaled<i8, scale = 0.5>
    #r = #qfmt.scaled<i8, scale = 0.25>
    func.func @main(%x: tensor<1xf32>) -> tensor<2xf32, #q> {
      %0 = qfmt.quantize %x : tensor<1xf32> to tensor<1xf32, #q>
      %1 = qfmt.quantize %x : tensor<1xf32> to tensor<1xf32, #r>
      %2 = tensor.concat dim(0) %0, %1 : (tensor<1xf32, #q>, tensor<1xf32, #r>) -> tensor<2xf32, #q>
      return %2 : tensor<2xf32, #q>
    })",
                               make("tensor<1xf32>", {1}));
  EXPECT_NE(error.find("joins tensors of different formats"), std::string::npos)
      << error;
}

TEST_F(TensorTest, cast_between_encodings_is_refused) {
  std::string error = runError(R"(
    #q = #qfmt.scaled<i8, scale = 0.5>
    #r = #qfmt.scaled<i8, scale = 0.25>
    func.func @main(%x: tensor<1xf32>) -> tensor<1xf32, #r> {
      %0 = qfmt.quantize %x : tensor<1xf32> to tensor<1xf32, #q>
      %1 = tensor.cast %0 : tensor<1xf32, #q> to tensor<1xf32, #r>
      return %1 : tensor<1xf32, #r>
    })",
                               make("tensor<1xf32>", {1}));
  EXPECT_NE(error.find("use qfmt.convert"), std::string::npos) << error;
}

} // namespace
} // namespace mlir::qfmt::reference
