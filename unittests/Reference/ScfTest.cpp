// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EvaluatorTest.h"

using namespace mlir;

namespace mlir::qfmt::reference {
namespace {

class ScfTest : public EvaluatorTest {};

TEST_F(ScfTest, for_carries_values) {
  StringRef ir = R"(
    func.func @main(%lb: index, %ub: index, %step: index, %t: tensor<4xindex>) -> (index, tensor<4xindex>) {
      %zero = arith.constant 0 : index
      %0:2 = scf.for %i = %lb to %ub step %step iter_args(%sum = %zero, %acc = %t) -> (index, tensor<4xindex>) {
        %1 = arith.addi %sum, %i : index
        %2 = tensor.insert %1 into %acc[%i] : tensor<4xindex>
        scf.yield %1, %2 : index, tensor<4xindex>
      }
      return %0#0, %0#1 : index, tensor<4xindex>
    })";
  Value start = make("tensor<4xindex>", {-1, -1, -1, -1});
  auto loop = [&](double lower, double upper, double step) {
    return run(ir, {make("index", lower), make("index", upper),
                    make("index", step), start});
  };
  SmallVector<Value> results = loop(1, 4, 2);
  ASSERT_EQ(results.size(), 2u);
  expectElements(results[0], {4});
  expectElements(results[1], {-1, 1, -1, 4});
  expectElements(start, {-1, -1, -1, -1});
  results = loop(2, 2, 1);
  expectElements(results[0], {0});
  EXPECT_EQ(runError(ir, {make("index", 0), make("index", 2), make("index", 0),
                          start}),
            "'scf.for' op needs a positive step, found 0\n");
}

TEST_F(ScfTest, for_ends_at_the_end_of_its_type) {
  expectElements(runOne(R"(
    func.func @main(%lb: i8, %ub: i8, %step: i8) -> i32 {
      %zero = arith.constant 0 : i32
      %one = arith.constant 1 : i32
      %0 = scf.for %i = %lb to %ub step %step iter_args(%n = %zero) -> i32 : i8 {
        %1 = arith.addi %n, %one : i32
        scf.yield %1 : i32
      }
      return %0 : i32
    })",
                        {make("i8", 100), make("i8", 127), make("i8", 20)}),
                 {2});
}

TEST_F(ScfTest, if_takes_one_branch) {
  StringRef ir = R"(
    func.func @main(%c: i1, %a: tensor<1xf32>) -> tensor<1xf32> {
      %0 = scf.if %c -> tensor<1xf32> {
        %1 = arith.addf %a, %a : tensor<1xf32>
        scf.yield %1 : tensor<1xf32>
      } else {
        scf.yield %a : tensor<1xf32>
      }
      scf.if %c {
      }
      return %0 : tensor<1xf32>
    })";
  expectElements(runOne(ir, {make("i1", -1), make("tensor<1xf32>", 3)}), {6});
  expectElements(runOne(ir, {make("i1", 0), make("tensor<1xf32>", 3)}), {3});
}

// Collatz: 6, 3, 10, 5, 16, 8, 4, 2, 1.
TEST_F(ScfTest, while_runs_until_its_condition_fails) {
  SmallVector<Value> results = run(R"(
    func.func @main(%start: i32) -> (i32, i32) {
      %zero = arith.constant 0 : i32
      %one = arith.constant 1 : i32
      %two = arith.constant 2 : i32
      %three = arith.constant 3 : i32
      %0:2 = scf.while (%x = %start, %n = %zero) : (i32, i32) -> (i32, i32) {
        %c = arith.cmpi ne, %x, %one : i32
        scf.condition(%c) %x, %n : i32, i32
      } do {
      ^bb0(%x: i32, %n: i32):
        %half = arith.divui %x, %two : i32
        %m = arith.muli %x, %three : i32
        %up = arith.addi %m, %one : i32
        %bit = arith.andi %x, %one : i32
        %odd = arith.cmpi eq, %bit, %one : i32
        %next = arith.select %odd, %up, %half : i32
        %k = arith.addi %n, %one : i32
        scf.yield %next, %k : i32, i32
      }
      return %0#0, %0#1 : i32, i32
    })",
                                   make("i32", 6));
  ASSERT_EQ(results.size(), 2u);
  expectElements(results[0], {1});
  expectElements(results[1], {8});
}

// An encoded tensor passes through control flow.
TEST_F(ScfTest, encoded_values_are_carried) {
  Value result = runOne(R"(
    !q = tensor<2xf32, #qfmt.scaled<i8, scale = 0.5>>
    func.func @main(%c: i1, %x: tensor<2xf32>) -> !q {
      %0 = qfmt.quantize %x : tensor<2xf32> to !q
      %1 = scf.if %c -> !q {
        scf.yield %0 : !q
      } else {
        scf.yield %0 : !q
      }
      return %1 : !q
    })",
                        {make("i1", -1), make("tensor<2xf32>", {1, 2})});
  ASSERT_TRUE(result.isEncoded());
  expectElements(result.getConstituents().front(), {2, 4});
}

} // namespace
} // namespace mlir::qfmt::reference
