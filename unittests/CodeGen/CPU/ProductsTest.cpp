//===- ProductsTest.cpp - Integer matrix products on every target ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled products of bytes against the reference evaluator, bit for bit: odd
// sizes, signed and unsigned factors with and without zero points, each kind of
// initial value and of what follows, each kind of dot instruction that this
// machine has.
//
//===----------------------------------------------------------------------===//

#include "AmxEmulator.h"
#include "Targets.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Transforms/Passes.h"
#include "qfmt/CodeGen/CPU/Passes.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Reference/Evaluator.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/TargetParser/Host.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

//===----------------------------------------------------------------------===//
// Targets
//===----------------------------------------------------------------------===//

constexpr Target kTargets[] = {kPlainO0, kSse2, kAvx2,     kAvx512,
                               kVnni256, kVnni, kAmxTiles, kAmxTilesO0};
/// Bits of the targets above.
constexpr unsigned kNumVectorTargets = 6, kAmx = 1u << 6, kAmxO0 = 1u << 7;

/// What qfmt-lower-to-llvm does, with the instructions of the target.
void buildLowering(OpPassManager &pm, DotInstructions instructions,
                   int64_t l2Bytes) {
  pm.addPass(createConvertQFmtToArith());
  pm.addPass(createLinalgGeneralizeNamedOpsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  PackProductsOptions pack;
  pack.instructions = instructions;
  pm.addPass(createPackProducts(pack));
  GroupsToVectorsOptions groups;
  groups.instructions = instructions;
  groups.l2Bytes = l2Bytes;
  pm.addPass(createGroupsToVectors(groups));
  ProductsToVectorsOptions vectors;
  vectors.instructions = instructions;
  vectors.l2Bytes = l2Bytes;
  pm.addPass(createProductsToVectors(vectors));
  pm.addPass(createUnpackToLinalg());
  pm.addPass(createCanonicalizerPass());
  buildLowerToLLVMPipeline(pm);
}

//===----------------------------------------------------------------------===//
// Cases
//===----------------------------------------------------------------------===//

enum class Init { Zero, Bias, Argument };
enum class Epilogue { None, Requantize };

struct Case {
  int64_t m, n, k;
  bool isLhsUnsigned, isRhsUnsigned;
  int64_t lhsZeroPoint, rhsZeroPoint;
  Init init;
  Epilogue epilogue;
  bool isRhsTransposed = false;
  bool isDynamic = false;
  /// 0 for what the target has.
  int64_t l2Bytes = 0;
  /// The constant factor's codes lie so far from 0 at most, or anywhere if 0.
  int greatest = 0;
  /// Codes are multiples of that.
  int unit = 1;
};

std::string getName(const Case &c) {
  return llvm::formatv("{0}x{1}x{2} {3}{4} * {5}{6} init {7} epilogue "
                       "{8}{9}{10} codes to {11} times {12}",
                       c.m, c.n, c.k, c.isLhsUnsigned ? "u8 - " : "s8 - ",
                       c.lhsZeroPoint, c.isRhsUnsigned ? "u8 - " : "s8 - ",
                       c.rhsZeroPoint, int(c.init), int(c.epilogue),
                       c.isRhsTransposed ? " transposed" : "",
                       c.isDynamic ? " dynamic" : "", c.greatest, c.unit);
}

template <typename T>
std::string makeDense(int64_t size, llvm::function_ref<T()> next) {
  std::vector<T> values(size);
  for (T &value : values)
    value = next();
  return "dense<\"0x" +
         llvm::toHex(ArrayRef(reinterpret_cast<const uint8_t *>(values.data()),
                              size * sizeof(T))) +
         "\">";
}

std::string makeSource(const Case &c, std::mt19937 &random) {
  auto byte = [&] { return uint8_t(random()); };
  auto code = [&] {
    if (c.greatest == 0)
      return byte();
    int multiple = int(random() % (2 * c.greatest + 1)) - c.greatest;
    return uint8_t(multiple * c.unit);
  };
  auto bias = [&] { return int32_t(random()) / 1024; };
  std::string rows = c.isDynamic ? "?" : llvm::itostr(c.m);
  std::string x = llvm::formatv("tensor<{0}x{1}xi8>", rows, c.k);
  std::string y = llvm::formatv("tensor<{0}x{1}xi32>", rows, c.n);
  std::string q = llvm::formatv("tensor<{0}x{1}xi8>", rows, c.n);
  std::string columns = llvm::formatv("tensor<{0}xi32>", c.n);
  std::string w = c.isRhsTransposed
                      ? llvm::formatv("tensor<{0}x{1}xi8>", c.n, c.k).str()
                      : llvm::formatv("tensor<{0}x{1}xi8>", c.k, c.n).str();
  std::string result = c.epilogue == Epilogue::None ? y : q;
  std::string size = c.isDynamic ? "(%m)" : "()";

  std::string source;
  llvm::raw_string_ostream os(source);
  os << llvm::formatv("func.func @main(%x: {0}", x);
  if (c.init == Init::Argument)
    os << ", %init: " << y;
  os << llvm::formatv(") -> {0} {{\n", result);
  os << llvm::formatv("  %w = arith.constant {0} : {1}\n",
                      makeDense<uint8_t>(c.n * c.k, code), w);
  os << llvm::formatv("  %xz = arith.constant {0} : i32\n", c.lhsZeroPoint);
  os << llvm::formatv("  %wz = arith.constant {0} : i32\n", c.rhsZeroPoint);
  os << "  %z = arith.constant 0 : i32\n  %i = arith.constant 0 : index\n";
  os << llvm::formatv("  %m = tensor.dim %x, %i : {0}\n", x);
  os << llvm::formatv("  %e = tensor.empty{0} : {1}\n", size, y);
  if (c.init == Init::Zero)
    os << llvm::formatv("  %init = linalg.fill ins(%z : i32) outs(%e : {0}) "
                        "-> {0}\n",
                        y);
  if (c.init == Init::Bias)
    os << llvm::formatv(
        "  %bias = arith.constant {0} : {1}\n"
        "  %init = linalg.broadcast ins(%bias : {1}) outs(%e : {2}) "
        "dimensions = [0]\n",
        makeDense<int32_t>(c.n, bias), columns, y);
  os << llvm::formatv(
      "  %y = linalg.generic {{indexing_maps = ["
      "affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> ({0})>, "
      "affine_map<(m, n, k) -> (m, n)>], iterator_types = [\"parallel\", "
      "\"parallel\", \"reduction\"]} ins(%x, %w : {1}, {2}) outs(%init : {3}) "
      "{{\n"
      "  ^bb0(%a: i8, %b: i8, %c: i32):\n"
      "    %a32 = arith.{4} %a : i8 to i32\n"
      "    %az = arith.subi %a32, %xz : i32\n"
      "    %b32 = arith.{5} %b : i8 to i32\n"
      "    %bz = arith.subi %b32, %wz : i32\n"
      "    %p = arith.muli %az, %bz : i32\n"
      "    %s = arith.addi %c, %p : i32\n"
      "    linalg.yield %s : i32\n  } -> {3}\n",
      c.isRhsTransposed ? "n, k" : "k, n", x, w, y,
      c.isLhsUnsigned ? "extui" : "extsi", c.isRhsUnsigned ? "extui" : "extsi");
  if (c.epilogue == Epilogue::None) {
    os << llvm::formatv("  return %y : {0}\n}\n", y);
    return source;
  }
  auto multiplier = [&] { return int32_t(random() >> 2 | 1 << 29); };
  auto shift = [&] { return int32_t(36 + random() % 6); };
  os << llvm::formatv(
      "  %mul = arith.constant {0} : {1}\n  %shift = arith.constant {2} : {1}\n"
      "  %qe = tensor.empty{3} : {4}\n",
      makeDense<int32_t>(c.n, multiplier), columns,
      makeDense<int32_t>(c.n, shift), size, q);
  os << llvm::formatv(
      "  %q = linalg.generic {{indexing_maps = ["
      "affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (n)>, "
      "affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>], "
      "iterator_types = [\"parallel\", \"parallel\"]} "
      "ins(%y, %mul, %shift : {0}, {1}, {1}) outs(%qe : {2}) {{\n"
      "  ^bb0(%a: i32, %f: i32, %r: i32, %o: i8):\n"
      "    %scaled = qfmt.dyadic_scale %a, %f, %r : i32, i32, i32 to i32\n"
      "    %low = arith.constant -128 : i32\n"
      "    %high = arith.constant 127 : i32\n"
      "    %max = arith.maxsi %scaled, %low : i32\n"
      "    %min = arith.minsi %max, %high : i32\n"
      "    %t = arith.trunci %min : i32 to i8\n"
      "    linalg.yield %t : i8\n  } -> {2}\n  return %q : {2}\n}\n",
      y, columns, q);
  return source;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

class Products : public ::testing::Test {
protected:
  Products() {
    DialectRegistry registry;
    registerPipelineDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// The same numbers whether the number of rows is known or not.
  OwningOpRef<ModuleOp> parse(const Case &c) {
    std::mt19937 random(c.m * 10000 + c.n * 100 + c.k);
    return parseSourceString<ModuleOp>(makeSource(c, random), &context);
  }

  std::vector<char> makeBytes(size_t size, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<char> bytes(size);
    for (char &byte : bytes)
      byte = char(random());
    return bytes;
  }

  /// On all targets, or on those whose bit in `targets` is set.
  void check(const Case &c, unsigned targets = ~0u) {
    SCOPED_TRACE(getName(c));
    Case known = c;
    known.isDynamic = false;
    OwningOpRef<ModuleOp> reference = parse(known), module = parse(c);
    ASSERT_TRUE(reference && module);
    std::vector<std::vector<char>> inputs = {makeBytes(c.m * c.k, 1)};
    SmallVector<SmallVector<int64_t>> shapes = {{c.m, c.k}};
    if (c.init == Init::Argument) {
      inputs.push_back(makeBytes(c.m * c.n * 4, 2));
      shapes.push_back({c.m, c.n});
    }
    auto expected = reference::evaluateBuffers(
        reference->lookupSymbol<func::FuncOp>("main"),
        SmallVector<ArrayRef<char>>(inputs.begin(), inputs.end()));
    ASSERT_TRUE(succeeded(expected));
    std::vector<char> bytes = expected->front().toBytes();
    for (auto [i, target] : llvm::enumerate(kTargets))
      if ((targets >> i & 1) != 0 && canRun(target))
        checkBytes(
            target, *module,
            [instructions = target.instructions, &c](OpPassManager &pm) {
              buildLowering(pm, instructions, c.l2Bytes);
            },
            makeViews(inputs, shapes), bytes);
  }

  MLIRContext context;
};

/// Factors that let AVX2 and AVX-512 add up two products in 16 bits, among them
/// the greatest ones for which that is true, and the least for which it is not.
TEST_F(Products, Pairs) {
  for (int greatest : {65, 64, 8})
    for (bool lhs : {false, true})
      for (int64_t n : {1, 33}) {
        Case c{9, n, 67, lhs, false, 3, 0, Init::Bias, Epilogue::None};
        c.greatest = greatest;
        check(c, 1u << 2 | 1u << 3);
      }
}

/// Constants of two and four bits, neighbours and tables; each on one target.
TEST_F(Products, FewBits) {
  const int64_t sizes[] = {1, 3, 17, 31, 33, 63, 65, 127};
  const int greatest[] = {7, 1, 7, 1}, units[] = {1, 1, 17, 100};
  for (unsigned i = 0; i < 8; ++i)
    for (unsigned j = 0; j < 8; ++j) {
      unsigned number = 8 * i + j;
      Case c{sizes[i],
             sizes[j],
             sizes[(i + 3 * j) % 8],
             (number & 1) != 0,
             false,
             number % 3 == 0 ? 0 : int64_t(number),
             number % 5 == 0 ? 3 : 0,
             Init(number % 3),
             Epilogue(number / 3 % 2),
             /*isRhsTransposed=*/number % 4 == 3};
      c.greatest = greatest[(number / 2) % 4];
      c.unit = units[(number / 2) % 4];
      check(c, 1u << (i + 2 * j) % kNumVectorTargets);
    }
}

/// On every target, with signs of all kinds; few rows, many, unknown ones.
TEST_F(Products, FewBitsOnEachTarget) {
  for (int greatest : {7, 1})
    for (int unit : {1, 18}) {
      for (bool isUnsigned : {false, true})
        for (int64_t m : {4, 19}) {
          Case c{m, 37, 90,         isUnsigned,          false,
                 2, 0,  Init::Bias, Epilogue::Requantize};
          c.greatest = greatest;
          c.unit = unit;
          check(c, m == 19 ? ~0u : ~(kAmx | kAmxO0));
        }
      Case c{13,
             40,
             64,
             true,
             false,
             0,
             0,
             Init::Argument,
             Epilogue::None,
             /*isRhsTransposed=*/true,
             /*isDynamic=*/true};
      c.greatest = greatest;
      c.unit = unit;
      check(c);
    }
}

/// Sums in parts, blocks of rows, and tiles whose last terms are missing.
TEST_F(Products, FewBitsInParts) {
  for (int64_t k : {508, 512, 515}) {
    Case c{70, 83, k, false, false, 0, 0, Init::Bias, Epilogue::Requantize};
    c.greatest = k == 512 ? 1 : 7;
    c.l2Bytes = 16384;
    check(c, 1u << (k % 3 + 3) | kAmx);
    Case few{3, 83, k, k % 2 == 0, false, 0, 0, Init::Bias, Epilogue::None};
    few.greatest = c.greatest;
    few.l2Bytes = 16384;
    check(few, 1u << 5 | 1u << 2);
  }
  for (int64_t k : {1024, 1100}) {
    Case c{83, 50, k, true, false, 0, 0, Init::Bias, Epilogue::Requantize};
    c.greatest = 7;
    check(c, kAmx);
  }
}

/// Each pair of numbers of rows and columns, with every number of terms, in
/// tiles, whose last rows, columns and terms are missing.
TEST_F(Products, OddSizesInTiles) {
  const int64_t sizes[] = {1, 3, 17, 31, 33, 63, 65, 127};
  uint64_t before = getNumEmulatedProducts();
  for (unsigned i = 0; i < 8; ++i)
    for (unsigned j = 0; j < 8; ++j) {
      unsigned number = 8 * i + j;
      check({sizes[i], sizes[j], sizes[(i + 3 * j) % 8], (number & 1) != 0,
             (number >> 1 & 1) != 0, number % 3 == 0 ? 0 : int64_t(number),
             number % 5 == 0 ? 0 : int64_t(number % 7) - 3,
             Init((i + j / 4) % 3), Epilogue(number / 3 % 2)},
            kAmx);
    }
  if (isAmxEmulated() && canRun(kAmxTiles))
    EXPECT_GT(getNumEmulatedProducts(), before);
}

/// Rows that are read where they lie, all signs; with and without optimization.
TEST_F(Products, WholeTiles) {
  for (bool lhs : {false, true})
    for (bool rhs : {false, true})
      for (int64_t m : {16, 32, 48, 100})
        check({m, 64, 192, lhs, rhs, lhs ? 128 : 0, rhs ? 128 : 0, Init::Bias,
               Epilogue::Requantize},
              m == 48 ? kAmxO0 : kAmx);
}

/// Code with tiles is not called if the system denies them.
TEST_F(Products, DeniedTiles) {
  OwningOpRef<ModuleOp> module =
      parse({16, 16, 64, true, false, 0, 0, Init::Zero, Epilogue::None});
  ASSERT_TRUE(module);
  CompileOptions options;
  options.cpu = "cascadelake";
  options.features = "+amx-int8,+amx-tile";
  options.lowering = buildLowerToLLVMPipeline;
  options.requestTiles = [] { return false; };
  if (!llvm::Triple(llvm::sys::getProcessTriple()).isX86())
    GTEST_SKIP();
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message = diagnostic.str();
    return success();
  });
  EXPECT_TRUE(failed(CompiledFunction::compile(*module, options)));
  EXPECT_NE(message.find("denies"), std::string::npos) << message;
  options.features = "-amx-tile";
  EXPECT_TRUE(succeeded(CompiledFunction::compile(*module, options)));
}

/// Long sums in parts, rows copied; blocks of rows of a small cache.
TEST_F(Products, PartsInTiles) {
  for (int64_t k : {1024, 1100})
    for (int64_t m : {64, 83}) {
      check({m, 50, k, false, false, 1, 0, Init::Bias, Epilogue::Requantize},
            kAmx);
      check({m, 50, k, true, false, 0, 0, Init::Argument, Epilogue::None, false,
             k == 1100, 65536},
            kAmx);
    }
}

/// Each pair of sizes in each two dimensions, a few zero points and initial
/// values among them; each on two targets, to save time.
TEST_F(Products, OddSizes) {
  const int64_t sizes[] = {1, 3, 17, 31, 33, 63, 65, 127};
  for (unsigned i = 0; i < 8; ++i)
    for (unsigned j = 0; j < 8; ++j) {
      unsigned number = 8 * i + j;
      check({sizes[i], sizes[j], sizes[(i + j) % 8], (number & 1) != 0,
             (number >> 1 & 1) != 0, number % 4 == 0 ? 0 : int64_t(number),
             number % 5 == 0 ? 0 : int64_t(number % 7) - 3, Init(number % 3),
             Epilogue(number / 3 % 2)},
            1u << (i + 2 * j) % kNumVectorTargets |
                1u << (i + 2 * j + 3) % kNumVectorTargets);
    }
}

TEST_F(Products, Signs) {
  for (bool lhs : {false, true})
    for (bool rhs : {false, true})
      for (int64_t zeroPoint : {0, 3, 128})
        check({7, 19, 14, lhs, rhs, zeroPoint, zeroPoint, Init::Bias,
               Epilogue::Requantize});
}

/// Whole registers and quadruples of terms, where nothing is masked.
TEST_F(Products, RoundSizes) {
  check({12, 64, 64, true, false, 0, 0, Init::Zero, Epilogue::None});
  check({12, 128, 32, false, false, 0, 0, Init::Bias, Epilogue::Requantize});
  check({1, 256, 64, false, false, 0, 0, Init::Argument, Epilogue::None});
}

/// Without a loop around the rows, and with initial values in memory that is
/// only read.
TEST_F(Products, FewRows) {
  for (int64_t m : {2, 5, 6})
    check({m, 9, 16, true, false, 0, 0, Init::Argument, Epilogue::None});
  check({6, 40, 16, true, false, 0, 0, Init::Argument, Epilogue::Requantize});
}

TEST_F(Products, Transposed) {
  check({5, 33, 17, false, false, 2, 0, Init::Bias, Epilogue::None, true});
}

TEST_F(Products, UnknownRows) {
  for (int64_t m : {1, 5, 6, 13, 40})
    check({m, 35, 31, false, true, 1, 130, Init(m % 3), Epilogue(m % 2), false,
           true});
}

/// Rows that do not fit the level-2 cache together, and sums in parts: a cache
/// of 16 KiB gives them 256 terms.
TEST_F(Products, CacheBlocks) {
  for (int64_t k : {511, 512, 515})
    for (bool isDynamic : {false, true})
      check({70, 83, k, false, false, 0, 0, Init::Bias,
             isDynamic ? Epilogue::None : Epilogue::Requantize, false,
             isDynamic, 16384},
            1u << (k % 3 + 3 * isDynamic));
}

} // namespace
