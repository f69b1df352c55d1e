//===- Float8ProductsTest.cpp - Products of fp8 by wgmma, simulated -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of qfmt-products-to-kernels for codes of fp8 against a model that
// adds up in the order that docs/Gpu.md has, bit for bit, and against exact
// sums within the bound that stands there; those that were changed for the
// worse are all found.
//
//===----------------------------------------------------------------------===//

#include "ExpectedResult.h"
#include "WgmmaChanges.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/FormatVariadic.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

//===----------------------------------------------------------------------===//
// Cases
//===----------------------------------------------------------------------===//

constexpr int64_t kPartTerms = 128;
constexpr float kHalfUlp = 0x1p-24f;

struct Float8Product {
  int64_t n, k;
  bool isLhsE5M2 = false, isRhsE5M2 = false;
  /// f32 or f16.
  std::string result = "f32";
  int64_t blockRows = 0, blockColumns = 0, stages = 0;
  /// The right factor is an argument.
  bool isRhsVariable = false;

  std::string getName() const {
    return llvm::formatv("N {0} K {1} {2} * {3} to {4}, block {5}x{6}, {7} "
                         "stages{8}",
                         n, k, getFormat(isLhsE5M2), getFormat(isRhsE5M2),
                         result, blockRows, blockColumns, stages,
                         isRhsVariable ? ", variable" : "");
  }

  static const char *getFormat(bool isE5M2) {
    return isE5M2 ? "f8E5M2" : "f8E4M3FN";
  }
};

const llvm::fltSemantics &getSemantics(bool isE5M2) {
  return isE5M2 ? APFloat::Float8E5M2() : APFloat::Float8E4M3FN();
}

float decode(char code, bool isE5M2) {
  return APFloat(getSemantics(isE5M2), APInt(8, uint8_t(code)))
      .convertToDouble();
}

/// Codes of numbers.
Bytes makeCodes(int64_t size, bool isE5M2, unsigned seed) {
  Bytes codes = makeBytes(size, seed);
  for (char &code : codes)
    if (!std::isfinite(decode(code, isE5M2)))
      code = 0x31;
  return codes;
}

std::vector<float> makeFloats(int64_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> floats(size);
  for (float &number : floats)
    number = std::ldexp(float(random() % 2000) - 1000, -8);
  return floats;
}

Bytes toBytes(llvm::ArrayRef<float> floats) {
  const char *begin = reinterpret_cast<const char *>(floats.data());
  return Bytes(begin, begin + floats.size() * sizeof(float));
}

constexpr const char *kFunction = R"(
#row = affine_map<(m, n) -> (m)>
#col = affine_map<(m, n) -> (n)>
func.func @main(%x: tensor<?x$Kxi8>, %rows: tensor<?xf32>, %v: tensor<$Nx$Kxi8>) -> tensor<?x$Nx$OUT> {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x$Kxi8>
  %w = arith.constant $WEIGHTS : tensor<$Nx$Kxi8>
  %columns = arith.constant $COLUMNS : tensor<$Nxf32>
  %bias = arith.constant $BIAS : tensor<$Nxf32>
  %e = tensor.empty(%m) : tensor<?x$Nx$OUT>
  %r = qfmt_gpu.product %x as $LHS * $RIGHT as $RHS with %columns, %rows, %bias : tensor<$Nxf32>, tensor<?xf32>, tensor<$Nxf32>
      maps [#col, #row, #col] into %e {
  ^bb0(%s: f32, %c: f32, %f: f32, %b: f32):
    %0 = arith.mulf %s, %c : f32
    %1 = arith.mulf %0, %f : f32
    %2 = arith.addf %b, %1 : f32
    $CONVERT
  } : tensor<?x$Kxi8>, tensor<$Nx$Kxi8>, tensor<?x$Nx$OUT> -> tensor<?x$Nx$OUT>
  return %r : tensor<?x$Nx$OUT>
}
)";

/// A case with its data.
class Float8Case {
public:
  Float8Case(const Float8Product &c, int64_t rows)
      : c(c), rows(rows), x(makeCodes(rows * c.k, c.isLhsE5M2, 1)),
        w(makeCodes(c.n * c.k, c.isRhsE5M2, 2)), rowScales(makeFloats(rows, 3)),
        columnScales(makeFloats(c.n, 4)), bias(makeFloats(c.n, 5)) {}

  LoweredKernel lower() const {
    return LoweredKernel(
        getText(), "sm_90a", [](OpPassManager &) {},
        [&](OpPassManager &pm) {
          ProductsToKernelsOptions options;
          options.tier = "wgmma";
          options.blockRows = c.blockRows;
          options.blockColumns = c.blockColumns;
          options.stages = c.stages;
          pm.addPass(createProductsToKernels(options));
        });
  }

  /// Of the first rows: an error, or where it differs.
  std::string check(LoweredKernel &kernel, int64_t numRows, int seed,
                    int64_t missingSharedBytes = 0) const {
    Bytes found;
    std::string error = kernel.run({x, toBytes(rowScales), w}, numRows, found,
                                   seed, missingSharedBytes);
    if (!error.empty())
      return error;
    int64_t bytes = c.result == "f32" ? 4 : 2;
    if (int64_t(found.size()) != numRows * c.n * bytes)
      return "a result of another size";
    for (int64_t m = 0; m < numRows; ++m)
      for (int64_t n = 0; n < c.n; ++n) {
        uint32_t word = 0;
        memcpy(&word, &found[(m * c.n + n) * bytes], bytes);
        if (word != getExpected(m, n))
          return llvm::formatv("wrong numbers, ({0}, {1})", m, n);
      }
    return "";
  }

  /// True if the sums of the model are within the bound of exact ones.
  bool isWithinBound() const {
    double factor =
        std::min(c.k, kPartTerms) + llvm::divideCeil(c.k, kPartTerms);
    for (int64_t m = 0; m < rows; ++m)
      for (int64_t n = 0; n < c.n; ++n) {
        double exact = 0, magnitude = 0;
        for (int64_t k = 0; k < c.k; ++k) {
          double product = double(getLeft(m, k)) * getRight(n, k);
          exact += product;
          magnitude += std::fabs(product);
        }
        if (std::fabs(getSum(m, n) - exact) > factor * kHalfUlp * magnitude)
          return false;
      }
    return true;
  }

private:
  float getLeft(int64_t m, int64_t k) const {
    return decode(x[m * c.k + k], c.isLhsE5M2);
  }
  float getRight(int64_t n, int64_t k) const {
    return decode(w[n * c.k + k], c.isRhsE5M2);
  }

  /// In the documented order.
  float getSum(int64_t m, int64_t n) const {
    float sum = 0;
    for (int64_t first = 0; first < c.k; first += kPartTerms) {
      float part = 0;
      for (int64_t k = first; k < std::min(first + kPartTerms, c.k); ++k)
        part += getLeft(m, k) * getRight(n, k);
      sum += part;
    }
    return sum;
  }

  /// The bits of an element.
  uint32_t getExpected(int64_t m, int64_t n) const {
    float scaled = getSum(m, n) * columnScales[n];
    scaled *= rowScales[m];
    APFloat number(bias[n] + scaled);
    bool losesInfo;
    if (c.result == "f16")
      number.convert(APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven,
                     &losesInfo);
    return number.bitcastToAPInt().getZExtValue();
  }

  std::string getText() const {
    std::string text = kFunction;
    auto putConstant = [&](StringRef name, const Bytes &bytes) {
      size_t i = 0;
      replaceAll(text, name,
                 makeDense<char>(bytes.size(), [&] { return bytes[i++]; }));
    };
    replaceAll(text, "$CONVERT",
               c.result == "f32" ? "qfmt_gpu.yield %2 : f32"
                                 : "%3 = arith.truncf %2 : f32 to f16\n"
                                   "    qfmt_gpu.yield %3 : f16");
    replaceAll(text, "$RIGHT", c.isRhsVariable ? "%v" : "%w");
    replaceAll(text, "$OUT", c.result);
    replaceAll(text, "$LHS", Float8Product::getFormat(c.isLhsE5M2));
    replaceAll(text, "$RHS", Float8Product::getFormat(c.isRhsE5M2));
    putConstant("$WEIGHTS", w);
    putConstant("$COLUMNS", toBytes(columnScales));
    putConstant("$BIAS", toBytes(bias));
    replaceAll(text, "$N", std::to_string(c.n));
    replaceAll(text, "$K", std::to_string(c.k));
    return text;
  }

  Float8Product c;
  int64_t rows;
  Bytes x, w;
  std::vector<float> rowScales, columnScales, bias;
};

void check(const Float8Product &c, llvm::ArrayRef<int64_t> rows) {
  SCOPED_TRACE(c.getName());
  Float8Case data(c, *std::max_element(rows.begin(), rows.end()));
  EXPECT_TRUE(data.isWithinBound());
  LoweredKernel kernel = data.lower();
  kernel.load(kernel.getText());
  for (int64_t m : rows)
    for (int seed : {0, 1})
      EXPECT_EQ(data.check(kernel, m, seed), "") << m << " rows, seed " << seed;
}

//===----------------------------------------------------------------------===//
// Tests
//===----------------------------------------------------------------------===//

TEST(GpuFloat8Products, OddSizes) {
  const int64_t columns[] = {1, 3, 17, 31, 33, 63, 65, 127, 200};
  const int64_t terms[] = {16, 48, 128, 144, 272};
  for (auto [i, n] : llvm::enumerate(columns))
    for (auto [j, k] : llvm::enumerate(terms))
      if ((i + j) % 3 == 0)
        check({n, k, (i & 1) != 0, (j & 1) != 0}, {1, 65});
}

/// Every block, in rings of stages, with blocks that are not full.
TEST(GpuFloat8Products, Blocks) {
  struct {
    int64_t rows, columns, stages;
  } blocks[] = {{128, 256, 2}, {128, 128, 3}, {64, 256, 2}, {64, 128, 4},
                {128, 64, 2},  {64, 64, 3},   {64, 32, 5},  {64, 16, 2}};
  for (auto [rows, columns, stages] : blocks)
    check({columns + 16, 688, false, false, "f32", rows, columns, stages},
          {rows + 3});
}

TEST(GpuFloat8Products, Formats) {
  for (bool isLhsE5M2 : {false, true})
    for (bool isRhsE5M2 : {false, true})
      for (const char *result : {"f32", "f16"})
        check({40, 400, isLhsE5M2, isRhsE5M2, result}, {37});
}

TEST(GpuFloat8Products, TwoVariables) {
  for (int64_t n : {1, 33, 130}) {
    Float8Product c{n, 272, true, false};
    c.isRhsVariable = true;
    check(c, {1, 70});
  }
}

//===----------------------------------------------------------------------===//
// Changes for the worse
//===----------------------------------------------------------------------===//

using Mma = NVVM::WgmmaMmaAsyncOp;

/// A part goes on with what is in its registers.
Change keepsSums(size_t i) {
  return [=](gpu::GPUFuncOp kernel) {
    collect<Mma>(kernel)[i].setScaleD(NVVM::WGMMAScaleOut::one);
  };
}

Change startsAgain(size_t i) {
  return [=](gpu::GPUFuncOp kernel) {
    collect<Mma>(kernel)[i].setScaleD(NVVM::WGMMAScaleOut::zero);
  };
}

/// An addition to sums is left out: the part, or the sum, is what remains.
Change replacesSum(size_t i, unsigned operand) {
  return [=](gpu::GPUFuncOp kernel) {
    arith::AddFOp add = collect<arith::AddFOp>(kernel)[i];
    add.getResult().replaceAllUsesWith(add->getOperand(operand));
  };
}

/// An addition to sums takes the number of another register.
Change exchangesParts(size_t i, size_t j) {
  return [=](gpu::GPUFuncOp kernel) {
    auto adds = collect<arith::AddFOp>(kernel);
    Value first = adds[i].getRhs();
    adds[i].getRhsMutable().assign(adds[j].getRhs());
    adds[j].getRhsMutable().assign(first);
  };
}

/// The last wait for products moves behind the arrival that gives their stage
/// back.
Change arriveBeforeTheWait() {
  return [](gpu::GPUFuncOp kernel) {
    auto wait = collect<NVVM::WgmmaWaitGroupSyncOp>(kernel).back();
    auto arrival = collect<NVVM::MBarrierArriveOp>(kernel).front();
    ASSERT_TRUE(wait->isBeforeInBlock(arrival->getParentOp()));
    wait->moveAfter(arrival->getParentOp());
  };
}

TEST(GpuFloat8Products, ChangesAreFound) {
  // 8 parts in 3 stages, 256 columns in two products; blocks with rows and
  // columns that are not there.
  constexpr int64_t kRows = 70, kStageBytes = (64 + 256) * 128;
  Float8Case data({264, 944, true, false, "f32", 64, 256, 3}, kRows);
  LoweredKernel kernel = data.lower();
  auto run = [&](int seed, int64_t missing) {
    return data.check(kernel, kRows, seed, missing);
  };
  expectFound(kernel, getRingChanges(kStageBytes), run);
  const ChangeForTheWorse changes[] = {
      {"stages given back too early", arriveBeforeTheWait(), ""},
      {"the first columns' sums go on", keepsSums(4), "wrong numbers"},
      {"a part starts twice", startsAgain(2), "wrong numbers"},
      {"sums of the last part alone", replacesSum(5, 1), "wrong numbers"},
      {"sums of no part", replacesSum(70, 0), "wrong numbers"},
      {"parts of other sums", exchangesParts(3, 5), "wrong numbers"},
      {"another format", readAs(NVVM::WGMMATypes::e4m3), "wrong numbers"},
      {"one part too few", shortenLoop(), ""},
  };
  expectFound(kernel, changes, run);
}

} // namespace
