// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EvaluatorTest.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace mlir::qfmt::reference {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

class MathTest : public EvaluatorTest {
protected:
  void expectUnary(StringRef op, StringRef type, ArrayRef<double> a,
                   ArrayRef<double> expected, StringRef result = "") {
    SCOPED_TRACE((op + " " + type).str());
    if (result.empty())
      result = type;
    std::string ir =
        ("func.func @main(%a: " + type + ") -> " + result + " { %0 = " + op +
         " %a : " + type + " return %0 : " + result + " }")
            .str();
    expectElements(runOne(ir, make(type, a)), expected);
  }
};

TEST_F(MathTest, exact_functions) {
  expectUnary("math.absf", "tensor<2xf32>", {-0.0, -3}, {0, 3});
  expectUnary("math.ceil", "tensor<2xf32>", {-0.5, 1.5}, {-0.0, 2});
  expectUnary("math.floor", "tensor<2xf32>", {-0.5, 1.5}, {-1, 1});
  expectUnary("math.trunc", "tensor<2xf32>", {-1.5, 1.5}, {-1, 1});
  expectUnary("math.roundeven", "tensor<4xf32>", {0.5, 1.5, -2.5, kNaN},
              {0, 2, -2, kNaN});
  expectUnary("math.round", "tensor<3xf32>", {0.5, 1.5, -2.5}, {1, 2, -3});
  expectUnary("math.sqrt", "tensor<3xf32>", {4, 2, -1},
              {2, double(std::sqrt(2.0f)), kNaN});
}

TEST_F(MathTest, library_functions_round_to_the_type) {
  expectUnary("math.exp", "f32", {1}, {double(float(std::exp(1.0)))});
  expectUnary("math.exp", "f64", {1}, {std::exp(1.0)});
  expectUnary("math.exp", "f16", {1}, {2.71875});
  expectUnary("math.exp", "tensor<2xf32>", {-kInf, 1000}, {0, kInf});
  expectUnary("math.tanh", "tensor<2xf32>", {0, kInf}, {0, 1});
  expectUnary("math.erf", "tensor<2xf32>", {0, kInf}, {0, 1});
  expectUnary("math.rsqrt", "tensor<2xf32>", {4, 0}, {0.5, kInf});
  expectUnary("math.log", "tensor<2xf32>", {1, 0}, {0, -kInf});
}

TEST_F(MathTest, power) {
  StringRef ir = "func.func @main(%a: f32, %b: f32) -> f32 { %0 = math.powf "
                 "%a, %b : f32 return %0 : f32 }";
  expectElements(runOne(ir, {make("f32", 2), make("f32", 0.5)}),
                 {double(float(std::sqrt(2.0)))});
  StringRef integers = "func.func @main(%a: i32, %b: i32) -> i32 { %0 = "
                       "math.ipowi %a, %b : i32 return %0 : i32 }";
  auto power = [&](double a, double b) {
    return runOne(integers, {make("i32", a), make("i32", b)});
  };
  expectElements(power(-3, 3), {-27});
  expectElements(power(2, 33), {0});
  expectElements(power(-1, -3), {-1});
  expectElements(power(2, -1), {0});
  EXPECT_NE(runError(integers, {make("i32", 0), make("i32", -1)}), "");
  StringRef mixed = "func.func @main(%a: f32, %b: i32) -> f32 { %0 = "
                    "math.fpowi %a, %b : f32, i32 return %0 : f32 }";
  expectElements(runOne(mixed, {make("f32", 2), make("i32", -2)}), {0.25});
}

// a * b = 1 + 2^-11 + 2^-24 in f32 would round to 1 + 2^-11 before adding.
TEST_F(MathTest, fma_rounds_once) {
  auto fma = [&](StringRef type, double a, double b, double c) {
    std::string ir =
        ("func.func @main(%a: " + type + ", %b: " + type + ", %c: " + type +
         ") -> " + type + " { %0 = math.fma %a, %b, %c : " + type +
         " return %0 : " + type + " }")
            .str();
    return runOne(ir, {make(type, a), make(type, b), make(type, c)});
  };
  double a = 1 + std::ldexp(1, -12);
  expectElements(fma("f32", a, a, -1),
                 {std::ldexp(1, -11) + std::ldexp(1, -24)});
  double b = 1 + std::ldexp(1, -6);
  expectElements(fma("f16", b, b, -1),
                 {std::ldexp(1, -5) + std::ldexp(1, -12)});
  // a * b + c is 2^-64 below a tie of f32 that goes up; rounding to double
  // first makes it the tie.
  double odd = 1 + std::ldexp(1, -23), tiny = std::ldexp(1, -20);
  expectElements(fma("f32", 1 + tiny, (1 - tiny) * std::ldexp(1, -24), odd),
                 {odd});
}

TEST_F(MathTest, clamp) {
  StringRef ir = "func.func @main(%a: tensor<3xf32>, %b: tensor<3xf32>, %c: "
                 "tensor<3xf32>) -> tensor<3xf32> { %0 = math.clampf %a to "
                 "[%b, %c] : tensor<3xf32> return %0 : tensor<3xf32> }";
  expectElements(runOne(ir, {make("tensor<3xf32>", {-5, 0.5, 7}),
                             make("tensor<3xf32>", {-1, -1, -1}),
                             make("tensor<3xf32>", {1, 1, 1})}),
                 {-1, 0.5, 1});
}

TEST_F(MathTest, classification) {
  double values[] = {1, kNaN, -kInf, std::ldexp(1.0, -130)};
  expectUnary("math.isnan", "tensor<4xf32>", values, {0, -1, 0, 0},
              "tensor<4xi1>");
  expectUnary("math.isinf", "tensor<4xf32>", values, {0, 0, -1, 0},
              "tensor<4xi1>");
  expectUnary("math.isfinite", "tensor<4xf32>", values, {-1, 0, 0, -1},
              "tensor<4xi1>");
  // 2^-130 is subnormal in f32.
  expectUnary("math.isnormal", "tensor<4xf32>", values, {-1, 0, 0, 0},
              "tensor<4xi1>");
}

TEST_F(MathTest, integer_functions) {
  expectUnary("math.absi", "tensor<3xi8>", {-3, 3, -128}, {3, 3, -128});
  expectUnary("math.ctlz", "tensor<3xi8>", {1, -1, 0}, {7, 0, 8});
  expectUnary("math.cttz", "tensor<3xi8>", {8, -1, 0}, {3, 0, 8});
  expectUnary("math.ctpop", "tensor<2xi8>", {-1, 5}, {8, 2});
}

} // namespace
} // namespace mlir::qfmt::reference
