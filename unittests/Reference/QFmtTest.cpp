// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The qfmt operations besides what #qfmt.scaled means.

#include "qfmt/IR/QFmt.h"
#include "EvaluatorTest.h"

using namespace mlir;

namespace mlir::qfmt::reference {
namespace {

class QFmtTest : public EvaluatorTest {
protected:
  static std::string getDyadic(StringRef options, StringRef result) {
    return ("func.func @main(%a: i64, %m: i32, %n: i32) -> " + result +
            " { %0 = qfmt.dyadic_scale %a, %m, %n " + options +
            " : i64, i32, i32 to " + result + " return %0 : " + result + " }")
        .str();
  }
  void expectDyadic(double acc, double multiplier, double shift,
                    double expected, StringRef rounding = "half_even",
                    StringRef result = "i32") {
    SCOPED_TRACE(rounding.str());
    expectElements(
        runOne(getDyadic(("rounding = " + rounding).str(), result),
               {make("i64", acc), make("i32", multiplier), make("i32", shift)}),
        expected);
  }
};

TEST_F(QFmtTest, dyadic_scale_rounds_by_every_mode) {
  // 2.5, 3.5, -2.5, 2.25 and -2.25 as acc / 2^2.
  struct Case {
    StringRef mode;
    double results[5];
  } cases[] = {
      {"half_even", {2, 4, -2, 2, -2}}, {"half_away", {3, 4, -3, 2, -2}},
      {"half_up", {3, 4, -2, 2, -2}},   {"toward_zero", {2, 3, -2, 2, -2}},
      {"floor", {2, 3, -3, 2, -3}},     {"ceil", {3, 4, -2, 3, -2}}};
  double accs[] = {10, 14, -10, 9, -9};
  for (const Case &c : cases)
    for (auto [acc, expected] : llvm::zip(accs, c.results))
      expectDyadic(acc, 1, 2, expected, c.mode);
}

TEST_F(QFmtTest, dyadic_scale_at_its_limits) {
  double largest = 2147483648.0; // 2^31
  // 2^31 * (2^31 - 1) / 2^62 = 0.99999...
  expectDyadic(largest, largest - 1, 62, 1);
  expectDyadic(-largest, largest - 1, 62, -1);
  expectDyadic(largest, largest - 1, 31, largest - 1);
  expectDyadic(5, 0, 0, 0);
  // The result saturates in its type.
  expectDyadic(largest, 1, 0, largest - 1);
  expectDyadic(largest, 1, 0, largest, "half_even", "i64");
  expectDyadic(-129, 1, 0, -128, "half_even", "i8");
  expectDyadic(1000, 1, 2, 127, "half_even", "i8");
}

TEST_F(QFmtTest, dyadic_scale_outside_of_its_domain_is_an_error) {
  double bad[][3] = {{2147483649.0, 1, 0},
                     {-2147483649.0, 1, 0},
                     {1, -1, 0},
                     {1, 1, 63},
                     {1, 1, -1}};
  for (auto &operands : bad)
    EXPECT_NE(runError(getDyadic("", "i32"),
                       {make("i64", operands[0]), make("i32", operands[1]),
                        make("i32", operands[2])})
                  .find("needs |acc| <= 2^31, 0 <= multiplier < 2^31 and 0 <= "
                        "shift <= 62"),
              std::string::npos);
}

TEST_F(QFmtTest, dyadic_scale_of_tensors_and_in_bodies) {
  expectElements(runOne(R"(
    func.func @main(%a: tensor<3xi32>, %m: tensor<3xi32>, %n: tensor<3xi32>) -> tensor<3xi8> {
      %0 = qfmt.dyadic_scale %a, %m, %n : tensor<3xi32>, tensor<3xi32>, tensor<3xi32> to tensor<3xi8>
      return %0 : tensor<3xi8>
    })",
                        {make("tensor<3xi32>", {10, 14, 1000}),
                         make("tensor<3xi32>", {1, 3, 1}),
                         make("tensor<3xi32>", {2, 2, 0})}),
                 {2, 10, 127});
  expectElements(
      runOne(R"(
    func.func @main(%a: tensor<2xi32>, %m: tensor<2xi32>) -> tensor<2xi8> {
      %e = tensor.empty() : tensor<2xi8>
      %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>],
                           iterator_types = ["parallel"]}
        ins(%a, %m : tensor<2xi32>, tensor<2xi32>) outs(%e : tensor<2xi8>) {
      ^bb0(%x: i32, %y: i32, %out: i8):
        %n = arith.constant 2 : i32
        %1 = qfmt.dyadic_scale %x, %y, %n rounding = ceil : i32, i32, i32 to i8
        linalg.yield %1 : i8
      } -> tensor<2xi8>
      return %0 : tensor<2xi8>
    })",
             {make("tensor<2xi32>", {10, -10}), make("tensor<2xi32>", {1, 1})}),
      {3, -2});
}

TEST_F(QFmtTest, constituents_invert_assemble) {
  SmallVector<Value> results =
      run(R"(
    !q = tensor<2x2xf32, #qfmt.scaled<i4, block = [1, *], scale = f32, zero_point = i4>>
    func.func @main(%p: tensor<2x2xi4>, %s: tensor<2x1xf32>, %z: tensor<2x1xi4>)
        -> (tensor<2x2xi4>, tensor<2x1xf32>, tensor<2x1xi4>) {
      %0 = qfmt.assemble %p, %s, %z : tensor<2x2xi4>, tensor<2x1xf32>, tensor<2x1xi4> to !q
      %1:3 = qfmt.constituents %0 : !q to tensor<2x2xi4>, tensor<2x1xf32>, tensor<2x1xi4>
      return %1#0, %1#1, %1#2 : tensor<2x2xi4>, tensor<2x1xf32>, tensor<2x1xi4>
    })",
          {make("tensor<2x2xi4>", {1, 2, 3, -8}),
           make("tensor<2x1xf32>", {0.5, 2}), make("tensor<2x1xi4>", {0, -1})});
  ASSERT_EQ(results.size(), 3u);
  expectElements(results[0], {1, 2, 3, -8});
  expectElements(results[1], {0.5, 2});
  expectElements(results[2], {0, -1});
}

// With dynamic sizes the shapes of constituents are known only at run time.
TEST_F(QFmtTest, assemble_checks_run_time_shapes) {
  std::string error = runError(
      R"(
    !q = tensor<?x4xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>
    func.func @main(%p: tensor<?x4xi8>, %s: tensor<?x1xf32>) -> !q {
      %0 = qfmt.assemble %p, %s : tensor<?x4xi8>, tensor<?x1xf32> to !q
      return %0 : !q
    })",
      {make("tensor<1x4xi8>", {1, 2, 3, 4}), make("tensor<2x1xf32>", {1, 2})});
  EXPECT_EQ(error, "'qfmt.assemble' op constituent 'scale' must be "
                   "'tensor<1x1xf32>', found 'tensor<2x1xf32>'\n");
}

TEST_F(QFmtTest, dynamic_sizes_of_encoded_tensors) {
  Value result = runOne(R"(
    !q = tensor<?x2xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>
    func.func @main(%x: tensor<?x2xf32>) -> !q {
      %0 = qfmt.quantize %x : tensor<?x2xf32> to !q
      return %0 : !q
    })",
                        make("tensor<3x2xf32>", {127, 0, 254, 2, 0, 0}));
  ASSERT_TRUE(result.isEncoded());
  EXPECT_EQ(result.getShape(), (ArrayRef<int64_t>{3, 2}));
  expectElements(result.getConstituents()[0], {127, 0, 127, 1, 0, 0});
  expectElements(result.getConstituents()[1], {1, 2, 1});
}

TEST_F(QFmtTest, observe_passes_its_operand_through) {
  expectElements(runOne(R"(func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
      %0 = qfmt.observe %x "a" statistics = <min = 0.0, max = 1.0, count = 1, histogram = [0, 1]> : tensor<2xf32>
      return %0 : tensor<2xf32>
    })",
                        make("tensor<2xf32>", {5, -7})),
                 {5, -7});
}

} // namespace
} // namespace mlir::qfmt::reference
