//===- IntegerProgramTest.cpp - Straight-line integer code ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/IntegerProgram.h"
#include "gtest/gtest.h"
#include <limits>

using namespace mlir::qfmt;

using Range = IntegerProgram::Range;
using Opcode = IntegerProgram::Opcode;

TEST(IntegerProgram, EveryOpcode) {
  IntegerProgramBuilder b;
  auto x = b.addInput({-100, 100});
  auto y = b.addInput({1, 7});
  auto product = b.multiply(x, y);
  auto index = b.bitAnd(product, 3);
  IntegerProgram program =
      b.finish({b.add(x, y), b.subtract(x, y), product, b.shiftLeft(x, y),
                b.shiftRight(x, y), index, b.minimum(x, y), b.maximum(x, y),
                b.leadingZeros(y), b.lookup(index, {10, -20, 30, 40}),
                b.roundingShiftRight(x, y), b.roundingShiftRightBy(x, 2)});
  bool rangesHold;
  auto results = program.evaluate({-99, 3}, &rangesHold);
  EXPECT_TRUE(rangesHold);
  // -99 / 8 = -12.375, -297 & 3 = 3, -99 / 4 = -24.75.
  EXPECT_EQ(results, (llvm::SmallVector<int64_t>{-96, -102, -297, -792, -13, 3,
                                                 -99, 3, 62, 40, -12, -25}));
  // Intervals enclose the results of all inputs, and are met by some.
  for (unsigned result = 0; result < results.size(); ++result) {
    int64_t lo = std::numeric_limits<int64_t>::max(), hi = -lo;
    for (int64_t i = -100; i <= 100; ++i)
      for (int64_t j = 1; j <= 7; ++j) {
        int64_t value = program.evaluate({i, j}, &rangesHold)[result];
        EXPECT_TRUE(rangesHold);
        lo = std::min(lo, value);
        hi = std::max(hi, value);
      }
    EXPECT_EQ(program.getResultRange(result).hi, hi) << result;
    EXPECT_EQ(program.getResultRange(result).lo, lo) << result;
  }
}

TEST(IntegerProgram, FoldsAndDropsWhatIsNotNeeded) {
  IntegerProgramBuilder b;
  auto x = b.addInput({0, 10});
  b.multiply(x, x);
  auto seven = b.add(b.addConstant(3), b.addConstant(4));
  auto same =
      b.clamp(b.multiply(b.addImmediate(x, 0), b.addConstant(1)), {-5, 10});
  IntegerProgram program = b.finish({seven, b.roundingShiftRightBy(same, 0)});
  EXPECT_EQ(program.countOperations(), 0u);
  EXPECT_EQ(program.evaluate({9}, nullptr), (llvm::SmallVector<int64_t>{7, 9}));
}

TEST(IntegerProgram, FailsInsteadOfOverflowing) {
  int64_t large = int64_t(1) << 62;
  auto expectFailure = [](IntegerProgramBuilder &b, const char *reason) {
    EXPECT_TRUE(b.hasFailed());
    EXPECT_NE(b.getFailure().find(reason), std::string::npos);
  };
  IntegerProgramBuilder sum;
  auto x = sum.addInput({0, large});
  sum.add(x, x);
  expectFailure(sum, "64 bits");
  IntegerProgramBuilder product;
  auto y = product.addInput({0, int64_t(1) << 31});
  product.multiply(y, product.addConstant(2));
  expectFailure(product, "32 bits");
  IntegerProgramBuilder shift;
  auto amount = shift.addInput({0, 64});
  shift.shiftRight(amount, amount);
  expectFailure(shift, "shift");
  IntegerProgramBuilder table;
  table.lookup(table.addInput({0, 4}), {1, 2, 3, 4});
  expectFailure(table, "index");
}

TEST(IntegerProgram, Append) {
  IntegerProgramBuilder inner;
  auto x = inner.addInput({0, 3});
  IntegerProgram square = inner.finish(
      {inner.add(inner.multiply(x, x), inner.lookup(x, {5, 6, 7, 8}))});
  IntegerProgramBuilder outer;
  auto y = outer.addInput({10, 13});
  auto shifted = outer.addImmediate(y, -10);
  IntegerProgram program = outer.finish(outer.append(square, {
                                                                 shifted,
                                                             })[0]);
  for (int64_t i = 10; i <= 13; ++i)
    EXPECT_EQ(program.evaluate(i), (i - 10) * (i - 10) + 5 + i - 10);
  IntegerProgramBuilder wrong;
  wrong.append(square, {wrong.addInput({0, 4})});
  EXPECT_TRUE(wrong.hasFailed());
}
