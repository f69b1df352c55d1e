// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EvaluatorTest.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace mlir::qfmt::reference {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

class ArithTest : public EvaluatorTest {
protected:
  /// An operation with operands of one type, given with its result type.
  std::string getBinary(StringRef op, StringRef type, StringRef result = "") {
    if (result.empty())
      result = type;
    std::string t = type.str();
    return "func.func @main(%a: " + t + ", %b: " + t + ") -> " + result.str() +
           " { %0 = " + op.str() + " %a, %b : " + t +
           " return %0 : " + result.str() + " }";
  }
  void expectBinary(StringRef op, StringRef type, ArrayRef<double> a,
                    ArrayRef<double> b, ArrayRef<double> expected,
                    StringRef result = "") {
    SCOPED_TRACE((op + " " + type).str());
    expectElements(
        runOne(getBinary(op, type, result), {make(type, a), make(type, b)}),
        expected);
  }
  void expectUndefined(StringRef op, StringRef type, double a, double b) {
    SCOPED_TRACE((op + " " + type).str());
    EXPECT_NE(runError(getBinary(op, type), {make(type, a), make(type, b)})
                  .find("found operands"),
              std::string::npos);
  }
  void expectCast(StringRef op, StringRef from, StringRef to,
                  ArrayRef<double> a, ArrayRef<double> expected) {
    SCOPED_TRACE((op + " " + from + " to " + to).str());
    std::string ir = "func.func @main(%a: " + from.str() + ") -> " + to.str() +
                     " { %0 = " + op.str() + " %a : " + from.str() + " to " +
                     to.str() + " return %0 : " + to.str() + " }";
    expectElements(runOne(ir, make(from, a)), expected);
  }
  std::string castError(StringRef op, StringRef from, StringRef to, double a) {
    std::string ir = "func.func @main(%a: " + from.str() + ") -> " + to.str() +
                     " { %0 = " + op.str() + " %a : " + from.str() + " to " +
                     to.str() + " return %0 : " + to.str() + " }";
    return runError(ir, make(from, a));
  }
};

TEST_F(ArithTest, integers_wrap) {
  expectBinary("arith.addi", "tensor<3xi8>", {127, -128, 5}, {1, -1, 6},
               {-128, 127, 11});
  expectBinary("arith.subi", "tensor<2xi8>", {-128, 3}, {1, 5}, {127, -2});
  expectBinary("arith.muli", "tensor<2xi8>", {100, -128}, {3, -1}, {44, -128});
  expectBinary("arith.muli", "tensor<1xi4>", {7}, {7}, {1});
  expectBinary("arith.addi", "i32", {2147483647}, {1}, {-2147483648.0});
}

TEST_F(ArithTest, overflow_flags_are_checked) {
  expectBinary("arith.addi", "i8", {100}, {27}, {127});
  EXPECT_EQ(
      runError("func.func @main(%a: i8) -> i8 { %0 = arith.addi %a, %a "
               "overflow<nsw> : i8 return %0 : i8 }",
               make("i8", 100)),
      "'arith.addi' op overflows although it has nsw or nuw; found operands "
      "100, 100\n");
  // 200 + 50 fits unsigned.
  expectElements(runOne("func.func @main(%a: i8, %b: i8) -> i8 { %0 = "
                        "arith.addi %a, %b overflow<nuw> : i8 return %0 : i8 }",
                        {make("i8", -56), make("i8", 50)}),
                 {-6});
  EXPECT_NE(runError("func.func @main(%a: i8) -> i8 { %0 = arith.muli %a, %a "
                     "overflow<nuw> : i8 return %0 : i8 }",
                     make("i8", 16)),
            "");
  EXPECT_NE(runError("func.func @main(%a: i32) -> i8 { %0 = arith.trunci %a "
                     "overflow<nsw> : i32 to i8 return %0 : i8 }",
                     make("i32", 128)),
            "");
}

TEST_F(ArithTest, division_rounds_as_named) {
  expectBinary("arith.divsi", "tensor<4xi32>", {7, -7, 7, -7}, {2, 2, -2, -2},
               {3, -3, -3, 3});
  expectBinary("arith.floordivsi", "tensor<4xi32>", {7, -7, 7, -7},
               {2, 2, -2, -2}, {3, -4, -4, 3});
  expectBinary("arith.ceildivsi", "tensor<4xi32>", {7, -7, 7, -7},
               {2, 2, -2, -2}, {4, -3, -3, 4});
  expectBinary("arith.remsi", "tensor<4xi32>", {7, -7, 7, -7}, {2, 2, -2, -2},
               {1, -1, 1, -1});
  // -1 is 255 unsigned.
  expectBinary("arith.divui", "i8", {-1}, {2}, {127});
  expectBinary("arith.ceildivui", "i8", {-1}, {2}, {-128});
  expectBinary("arith.remui", "i8", {-1}, {10}, {5});
}

TEST_F(ArithTest, undefined_division_and_shift_are_errors) {
  for (StringRef op :
       {"arith.divsi", "arith.divui", "arith.floordivsi", "arith.ceildivsi",
        "arith.ceildivui", "arith.remsi", "arith.remui"})
    expectUndefined(op, "i32", 1, 0);
  expectUndefined("arith.divsi", "i8", -128, -1);
  for (StringRef op : {"arith.shli", "arith.shrsi", "arith.shrui"}) {
    expectUndefined(op, "i8", 1, 8);
    expectUndefined(op, "i8", 1, -1);
  }
}

TEST_F(ArithTest, bits_and_shifts) {
  expectBinary("arith.andi", "i8", {-4}, {7}, {4});
  expectBinary("arith.ori", "i8", {-4}, {3}, {-1});
  expectBinary("arith.xori", "i8", {-1}, {5}, {-6});
  expectBinary("arith.shli", "i8", {3}, {6}, {-64});
  expectBinary("arith.shrsi", "i8", {-128}, {7}, {-1});
  expectBinary("arith.shrui", "i8", {-128}, {7}, {1});
}

TEST_F(ArithTest, extended_results) {
  auto expectPair = [&](StringRef op, double a, double b, double low,
                        double high, StringRef second = "i8") {
    std::string ir = ("func.func @main(%a: i8, %b: i8) -> (i8, " + second +
                      ") { %0, %1 = " + op + " %a, %b : i8" +
                      (second == "i1" ? ", i1" : "") + " return %0, %1 : i8, " +
                      second + " }")
                         .str();
    SmallVector<Value> results = run(ir, {make("i8", a), make("i8", b)});
    ASSERT_EQ(results.size(), 2u);
    expectElements(results[0], low);
    expectElements(results[1], high);
  };
  // 100 * -3 = -300 = -2 * 256 + 212.
  expectPair("arith.mulsi_extended", 100, -3, -44, -2);
  // 100 * 253 = 25300 = 98 * 256 + 212.
  expectPair("arith.mului_extended", 100, -3, -44, 98);
  expectPair("arith.addui_extended", -1, 1, 0, -1, "i1");
  expectPair("arith.addui_extended", -2, 1, -1, 0, "i1");
}

TEST_F(ArithTest, integer_minimum_maximum_and_comparison) {
  expectBinary("arith.maxsi", "i8", {-1}, {1}, {1});
  expectBinary("arith.maxui", "i8", {-1}, {1}, {-1});
  expectBinary("arith.minsi", "i8", {-1}, {1}, {-1});
  expectBinary("arith.minui", "i8", {-1}, {1}, {1});
  // True is i1 -1.
  std::pair<StringRef, double> cases[] = {
      {"eq", 0},  {"ne", -1}, {"slt", -1}, {"sle", -1}, {"sgt", 0},
      {"sge", 0}, {"ult", 0}, {"ule", 0},  {"ugt", -1}, {"uge", -1}};
  for (auto [predicate, expected] : cases)
    expectBinary(("arith.cmpi " + predicate + ",").str(), "i8", {-1}, {1},
                 {expected}, "i1");
}

TEST_F(ArithTest, floats_round_once_to_their_type) {
  // 2^24 + 1 is a tie; half to even keeps 2^24, and 2^24 + 3 becomes + 4.
  expectBinary("arith.addf", "tensor<2xf32>", {16777216, 16777216}, {1, 3},
               {16777216, 16777220});
  expectBinary("arith.mulf", "f16", {1.0009765625}, {1.0009765625},
               {1.001953125});
  expectBinary("arith.addf", "f16", {65504}, {16}, {kInf});
  expectBinary("arith.addf", "f16", {65504}, {8}, {65504});
  expectBinary("arith.addf", "bf16", {256}, {1}, {256});
  expectBinary("arith.addf", "bf16", {256}, {3}, {260});
  // The smallest subnormal halved is a tie with 0.
  expectBinary("arith.mulf", "f16", {std::ldexp(1, -24)}, {0.5}, {0});
  expectBinary("arith.mulf", "f16", {std::ldexp(3, -24)}, {0.5},
               {std::ldexp(2, -24)});
  expectBinary("arith.divf", "f32", {1}, {3}, {double(1.0f / 3.0f)});
  expectBinary("arith.divf", "tensor<3xf32>", {1, -1, 0}, {0, 0, 0},
               {kInf, -kInf, kNaN});
  expectBinary("arith.subf", "f64", {1}, {std::ldexp(1, -54)}, {1});
  expectBinary("arith.remf", "tensor<2xf32>", {5.5, -5.5}, {2, 2}, {1.5, -1.5});
}

TEST_F(ArithTest, minimum_and_maximum_of_nan_and_zeros) {
  expectBinary("arith.maximumf", "tensor<4xf32>", {kNaN, 1, -0.0, 0.0},
               {1, kNaN, 0.0, -0.0}, {kNaN, kNaN, 0.0, 0.0});
  expectBinary("arith.minimumf", "tensor<4xf32>", {kNaN, 1, -0.0, 0.0},
               {1, kNaN, 0.0, -0.0}, {kNaN, kNaN, -0.0, -0.0});
  expectBinary("arith.maxnumf", "tensor<3xf32>", {kNaN, 1, kNaN},
               {1, kNaN, kNaN}, {1, 1, kNaN});
  expectBinary("arith.minnumf", "tensor<3xf32>", {kNaN, 1, 2}, {1, kNaN, 1},
               {1, 1, 1});
}

TEST_F(ArithTest, float_comparison_knows_nan) {
  struct Case {
    StringRef predicate;
    double less, equal, unordered;
  } cases[] = {{"false", 0, 0, 0},  {"oeq", 0, -1, 0},  {"ogt", 0, 0, 0},
               {"oge", 0, -1, 0},   {"olt", -1, 0, 0},  {"ole", -1, -1, 0},
               {"one", -1, 0, 0},   {"ord", -1, -1, 0}, {"ueq", 0, -1, -1},
               {"ugt", 0, 0, -1},   {"uge", 0, -1, -1}, {"ult", -1, 0, -1},
               {"ule", -1, -1, -1}, {"une", -1, 0, -1}, {"uno", 0, 0, -1},
               {"true", -1, -1, -1}};
  for (const Case &c : cases)
    expectBinary(("arith.cmpf " + c.predicate + ",").str(), "tensor<3xf32>",
                 {1, 2, kNaN}, {2, 2, 2}, {c.less, c.equal, c.unordered},
                 "tensor<3xi1>");
}

TEST_F(ArithTest, casts) {
  expectCast("arith.extsi", "i8", "i32", {-3}, {-3});
  expectCast("arith.extui", "i8", "i32", {-3}, {253});
  expectCast("arith.extui", "i1", "i8", {-1}, {1});
  expectCast("arith.trunci", "i32", "i8", {130}, {-126});
  expectCast("arith.index_cast", "i8", "index", {-3}, {-3});
  expectCast("arith.index_castui", "i8", "index", {-3}, {253});
  expectCast("arith.sitofp", "i32", "f32", {16777217}, {16777216});
  expectCast("arith.uitofp", "i8", "f32", {-1}, {255});
  expectCast("arith.uitofp", "i1", "f32", {-1}, {1});
  expectCast("arith.extf", "f16", "f32", {1.5}, {1.5});
  expectCast("arith.truncf", "f32", "f16", {1 + std::ldexp(1, -11)}, {1});
  expectCast("arith.truncf", "f32", "f8E4M3FN", {1.0625}, {1});
  expectCast("arith.bitcast", "f32", "i32", {1}, {0x3f800000});
  expectCast("arith.bitcast", "i16", "bf16", {0x3f80}, {1});
}

// 2^53 + 2^29 + 1 would round to an even f32 tie in double first.
TEST_F(ArithTest, wide_integers_round_once) {
  Tensor wide =
      Tensor::scalar(IntegerType::get(&context, 64),
                     makeInteger((int64_t(1) << 53) + (int64_t(1) << 29) + 1));
  expectElements(runOne("func.func @main(%a: i64) -> f32 { %0 = arith.sitofp "
                        "%a : i64 to f32 return %0 : f32 }",
                        Value(wide)),
                 {std::ldexp(1, 53) + std::ldexp(1, 30)});
}

TEST_F(ArithTest, float_to_integer_truncates_or_fails) {
  expectCast("arith.fptosi", "tensor<4xf32>", "tensor<4xi8>",
             {2.9, -2.9, 127.5, -128.5}, {2, -2, 127, -128});
  expectCast("arith.fptoui", "tensor<3xf32>", "tensor<3xi8>", {255.5, -0.5, 3},
             {-1, 0, 3});
  EXPECT_EQ(castError("arith.fptosi", "f32", "i8", 128),
            "'arith.fptosi' op converts a value that its result type cannot "
            "hold; found operands 1.280000e+02\n");
  EXPECT_NE(castError("arith.fptosi", "f32", "i8", kNaN), "");
  EXPECT_NE(castError("arith.fptosi", "f32", "i32", kInf), "");
  EXPECT_NE(castError("arith.fptoui", "f32", "i8", -1), "");
}

TEST_F(ArithTest, truncf_to_formats_without_special_codes) {
  expectCast("arith.truncf", "tensor<5xf32>", "tensor<5xf4E2M1FN>",
             {5, -7.5, kInf, -kInf, kNaN}, {4, -6, 6, -6, 0});
  expectCast("arith.truncf", "tensor<4xf32>", "tensor<4xf8E4M3FN>",
             {464, 465, kInf, kNaN}, {448, kNaN, kNaN, kNaN});
  double lowest = std::ldexp(1, -127);
  expectCast("arith.truncf", "tensor<6xf32>", "tensor<6xf8E8M0FNU>",
             {3, 0, -lowest / 2, -lowest, -1, kNaN},
             {4, lowest, lowest, kNaN, kNaN, kNaN});
  // What is written and what the next operation reads are the same.
  expectElements(
      runOne("func.func @main(%a: tensor<2xf32>) -> tensor<2xf32> { "
             "%0 = arith.truncf %a : tensor<2xf32> to tensor<2xf4E2M1FN> "
             "%1 = arith.extf %0 : tensor<2xf4E2M1FN> to tensor<2xf32> "
             "return %1 : tensor<2xf32> }",
             make("tensor<2xf32>", {kNaN, -kInf})),
      {0, -6});
  // f16 ends before 2^20.
  expectCast("arith.extf", "f8E8M0FNU", "f16", {std::ldexp(1, 20)}, {kInf});
  expectElements(
      runOne("func.func @main(%a: tensor<2xf32>) -> tensor<2xf8E4M3FN> { "
             "%0 = arith.truncf %a toward_zero "
             ": tensor<2xf32> to tensor<2xf8E4M3FN> "
             "return %0 : tensor<2xf8E4M3FN> }",
             make("tensor<2xf32>", {1000, -1.99})),
      {448, -1.875});
}

TEST_F(ArithTest, truncf_rounding_modes) {
  auto expect = [&](StringRef mode, ArrayRef<double> expected) {
    std::string ir = ("func.func @main(%a: tensor<2xf32>) -> tensor<2xf16> { "
                      "%0 = arith.truncf %a " +
                      mode +
                      " : tensor<2xf32> to tensor<2xf16> return %0 : "
                      "tensor<2xf16> }")
                         .str();
    double tie = 1 + std::ldexp(1, -11);
    expectElements(runOne(ir, make("tensor<2xf32>", {tie, -tie})), expected);
  };
  double next = 1 + std::ldexp(1, -10);
  expect("to_nearest_even", {1, -1});
  expect("to_nearest_away", {next, -next});
  expect("upward", {next, -1});
  expect("downward", {1, -next});
  expect("toward_zero", {1, -1});
}

TEST_F(ArithTest, select_of_scalars_and_tensors) {
  StringRef byElement = R"(func.func @main(%c: tensor<2xi1>) -> tensor<2xi8> {
    %a = arith.constant dense<[1, 2]> : tensor<2xi8>
    %b = arith.constant dense<[3, 4]> : tensor<2xi8>
    %0 = arith.select %c, %a, %b : tensor<2xi1>, tensor<2xi8>
    return %0 : tensor<2xi8>
  })";
  expectElements(runOne(byElement, make("tensor<2xi1>", {-1, 0})), {1, 4});
  StringRef whole = R"(func.func @main(%c: i1) -> tensor<2xi8> {
    %a = arith.constant dense<[1, 2]> : tensor<2xi8>
    %b = arith.constant dense<[3, 4]> : tensor<2xi8>
    %0 = arith.select %c, %a, %b : tensor<2xi8>
    return %0 : tensor<2xi8>
  })";
  expectElements(runOne(whole, make("i1", {0})), {3, 4});
}

TEST_F(ArithTest, constants) {
  SmallVector<Value> results = run(R"(
    func.func @main() -> (i8, f32, index, i1, tensor<2xf16>, tensor<3xi4>, tensor<2xf32>) {
      %0 = arith.constant -3 : i8
      %1 = arith.constant 0.1 : f32
      %2 = arith.constant 7 : index
      %3 = arith.constant true
      %4 = arith.constant dense<1.5> : tensor<2xf16>
      %5 = arith.constant dense<[-8, 7, 0]> : tensor<3xi4>
      %6 = arith.constant dense_resource<data> : tensor<2xf32>
      return %0, %1, %2, %3, %4, %5, %6
        : i8, f32, index, i1, tensor<2xf16>, tensor<3xi4>, tensor<2xf32>
    }
    {-# dialect_resources: { builtin: { data: "0x040000000000803F00000040" } } #-})");
  ASSERT_EQ(results.size(), 7u);
  expectElements(results[0], {-3});
  expectElements(results[1], {double(0.1f)});
  expectElements(results[2], {7});
  expectElements(results[3], {-1});
  expectElements(results[4], {1.5, 1.5});
  expectElements(results[5], {-8, 7, 0});
  expectElements(results[6], {1, 2});
}

TEST_F(ArithTest, resource_without_data_is_an_error) {
  EXPECT_EQ(runError("func.func @main() -> tensor<2xf32> { %0 = "
                     "arith.constant dense_resource<gone> : tensor<2xf32> "
                     "return %0 : tensor<2xf32> }"),
            "'arith.constant' op the data of resource 'gone' is missing\n");
}

} // namespace
} // namespace mlir::qfmt::reference
