//===- ProductsTest.cpp - Products of bytes on tensor cores, simulated ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of qfmt-products-to-kernels against the reference evaluator, bit for
// bit: sizes that fit nothing, signed and unsigned factors with and without
// zero points, every block, and what is computed from the sums; threads in
// several orders. Kernels that were changed for the worse are all found. The
// same of those by wgmma.
//
//===----------------------------------------------------------------------===//

#include "LoweredKernel.h"
#include "SimulatedDevice.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Parser/Parser.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "qfmt/Reference/Evaluator.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

//===----------------------------------------------------------------------===//
// Cases
//===----------------------------------------------------------------------===//

/// What is computed from the sums.
enum class Body { Nothing, Bias, Requantize, Residual, Float };

struct Case {
  int64_t n, k;
  bool isLhsUnsigned, isRhsUnsigned;
  int64_t lhsZeroPoint, rhsZeroPoint;
  Body body;
  int64_t blockRows = 0, blockColumns = 0, stages = 0;
  /// N x K.
  bool isRhsTransposed = false;
  std::string tier = "mma";
};

std::string getName(const Case &c) {
  return llvm::formatv("N {0} K {1} {2}{3} * {4}{5} body {6} block {7}x{8}, {9}"
                       " stages{10}, {11}",
                       c.n, c.k, c.isLhsUnsigned ? "u8 - " : "s8 - ",
                       c.lhsZeroPoint, c.isRhsUnsigned ? "u8 - " : "s8 - ",
                       c.rhsZeroPoint, int(c.body), c.blockRows, c.blockColumns,
                       c.stages, c.isRhsTransposed ? " transposed" : "",
                       c.tier);
}

template <typename T>
std::string makeDense(int64_t size, llvm::function_ref<T()> next) {
  std::vector<T> values(size);
  for (T &value : values)
    value = next();
  return "dense<\"0x" +
         llvm::toHex(StringRef(reinterpret_cast<char *>(values.data()),
                               values.size() * sizeof(T))) +
         "\">";
}

Bytes makeBytes(int64_t size, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (char &byte : bytes)
    byte = char(random());
  return bytes;
}

/// What follows the sums %p, up to the end of the function.
std::string getBodyText(Body body) {
  switch (body) {
  case Body::Nothing:
  case Body::Bias:
    return "  return %p : tensor<$Mx$Nxi32>\n";
  case Body::Requantize:
  case Body::Residual:
    return R"(
  %mult = arith.constant $MULT : tensor<$Nxi32>
  %shift = arith.constant $SHIFT : tensor<$Nxi8>
  %e = tensor.empty($SIZE) : tensor<$Mx$Nxi8>
  %r = linalg.generic {indexing_maps = [#id, #col, #col, #id, #id], iterator_types = ["parallel", "parallel"]}
    ins(%p, %mult, %shift, %res : tensor<$Mx$Nxi32>, tensor<$Nxi32>, tensor<$Nxi8>, tensor<$Mx$Nxi8>) outs(%e : tensor<$Mx$Nxi8>) {
  ^bb0(%s: i32, %m: i32, %h: i8, %a: i8, %o: i8):
    %lo = arith.constant -128 : i32
    %hi = arith.constant 127 : i32
    %s64 = arith.extsi %s : i32 to i64
    %m64 = arith.extsi %m : i32 to i64
    %h64 = arith.extui %h : i8 to i64
    %x0 = arith.muli %s64, %m64 : i64
    %x1 = arith.shrsi %x0, %h64 : i64
    %x2 = arith.trunci %x1 : i64 to i32
    %a32 = arith.extsi %a : i8 to i32
    %x3 = arith.addi %x2, $ADDEND : i32
    %x4 = arith.maxsi %x3, %lo : i32
    %x5 = arith.minsi %x4, %hi : i32
    %x6 = arith.trunci %x5 : i32 to i8
    linalg.yield %x6 : i8
  } -> tensor<$Mx$Nxi8>
  return %r : tensor<$Mx$Nxi8>
)";
  case Body::Float:
    return R"(
  %scale = arith.constant dense<0.0123> : tensor<f32>
  %e = tensor.empty($SIZE) : tensor<$Mx$Nxf32>
  %r = linalg.generic {indexing_maps = [#id, #none, #id], iterator_types = ["parallel", "parallel"]}
    ins(%p, %scale : tensor<$Mx$Nxi32>, tensor<f32>) outs(%e : tensor<$Mx$Nxf32>) {
  ^bb0(%s: i32, %f: f32, %o: f32):
    %x0 = arith.sitofp %s : i32 to f32
    %x1 = arith.mulf %x0, %f : f32
    linalg.yield %x1 : f32
  } -> tensor<$Mx$Nxf32>
  return %r : tensor<$Mx$Nxf32>
)";
  }
  return "";
}

StringRef getResultType(Body body) {
  if (body == Body::Nothing || body == Body::Bias)
    return "i32";
  return body == Body::Float ? "f32" : "i8";
}

constexpr const char *kProduct = R"(
#id = affine_map<(m, n) -> (m, n)>
#col = affine_map<(m, n) -> (n)>
#none = affine_map<(m, n) -> ()>
func.func @main(%x: tensor<$Mx$Kxi8>, %res: tensor<$Mx$Nxi8>) -> tensor<$Mx$Nx$TYPE> {
  %c0 = arith.constant 0 : index
  %size = tensor.dim %x, %c0 : tensor<$Mx$Kxi8>
  %w = arith.constant $WEIGHTS : tensor<$WSHAPExi8>
  %bias = arith.constant $BIAS : tensor<$Nxi32>
  %ie = tensor.empty($SIZE) : tensor<$Mx$Nxi32>
  %init = linalg.generic {indexing_maps = [#col, #id], iterator_types = ["parallel", "parallel"]}
    ins(%bias : tensor<$Nxi32>) outs(%ie : tensor<$Mx$Nxi32>) {
  ^bb0(%b: i32, %o: i32):
    linalg.yield %b : i32
  } -> tensor<$Mx$Nxi32>
  %p = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> ($WMAP)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<$Mx$Kxi8>, tensor<$WSHAPExi8>) outs(%init : tensor<$Mx$Nxi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %zx = arith.constant $LZERO : i32
    %zw = arith.constant $RZERO : i32
    %a0 = arith.$LEXT %a : i8 to i32
    %a1 = arith.subi %a0, %zx : i32
    %b0 = arith.$REXT %b : i8 to i32
    %b1 = arith.subi %b0, %zw : i32
    %t = arith.muli %a1, %b1 : i32
    %u = arith.addi %s, %t : i32
    linalg.yield %u : i32
  } -> tensor<$Mx$Nxi32>
$BODY}
)";

/// With M rows; unknown ones if it is 0.
std::string makeFunction(const Case &c, int64_t m) {
  std::mt19937 random(c.n * 1000 + c.k);
  std::string text = kProduct;
  auto put = [&](StringRef from, const std::string &to) {
    for (size_t at = text.find(from.str()); at != std::string::npos;
         at = text.find(from.str(), at + to.size()))
      text.replace(at, from.size(), to);
  };
  put("$BODY", getBodyText(c.body));
  put("$TYPE", getResultType(c.body).str());
  put("$WSHAPE", c.isRhsTransposed ? "$Nx$K" : "$Kx$N");
  put("$WMAP", c.isRhsTransposed ? "n, k" : "k, n");
  put("$SIZE", m == 0 ? "%size" : "");
  put("$LZERO", std::to_string(c.lhsZeroPoint));
  put("$RZERO", std::to_string(c.rhsZeroPoint));
  put("$LEXT", c.isLhsUnsigned ? "extui" : "extsi");
  put("$REXT", c.isRhsUnsigned ? "extui" : "extsi");
  put("$ADDEND", c.body == Body::Residual ? "%a32" : "%hi");
  put("$MULT", makeDense<int32_t>(c.n, [&] { return int32_t(random()); }));
  put("$SHIFT",
      makeDense<uint8_t>(c.n, [&] { return uint8_t(40 + random() % 6); }));
  put("$WEIGHTS",
      makeDense<uint8_t>(c.k * c.n, [&] { return uint8_t(random()); }));
  put("$BIAS", makeDense<int32_t>(c.n, [&] {
        return c.body == Body::Nothing ? 0 : int32_t(random() % 65536) - 32768;
      }));
  put("$M", m == 0 ? "?" : std::to_string(m));
  put("$N", std::to_string(c.n));
  put("$K", std::to_string(c.k));
  return text;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

LoweredKernel lower(const Case &c, int64_t m = 0) {
  return LoweredKernel(
      makeFunction(c, m), c.tier == "wgmma" ? "sm_90a" : "sm_80",
      [&](OpPassManager &pm) {
        FuseProductsOptions options;
        options.tier = c.tier;
        pm.addPass(createFuseProducts(options));
      },
      [&](OpPassManager &pm) {
        ProductsToKernelsOptions options;
        options.tier = c.tier;
        options.blockRows = c.blockRows;
        options.blockColumns = c.blockColumns;
        options.stages = c.stages;
        pm.addPass(createProductsToKernels(options));
      });
}

/// Inputs of a case and what has to come out.
struct Expected {
  Expected(const Case &c, int64_t m) : m(m) {
    inputs = {makeBytes(m * c.k, 1), makeBytes(m * c.n, 2)};
    auto module =
        parseSourceString<ModuleOp>(makeFunction(c, m), &getGpuContext());
    auto results = reference::evaluateBuffers(
        module->lookupSymbol<func::FuncOp>("main"),
        SmallVector<ArrayRef<char>>(inputs.begin(), inputs.end()));
    EXPECT_TRUE(succeeded(results));
    if (succeeded(results))
      result = results->front().toBytes();
  }

  /// Of the first rows: an error, or "wrong numbers".
  std::string check(LoweredKernel &kernel, int64_t rows, int seed,
                    int64_t missingSharedBytes = 0) const {
    Bytes found;
    std::string error =
        kernel.run(inputs, rows, found, seed, missingSharedBytes);
    if (!error.empty())
      return error;
    size_t bytes = result.size() / m * rows;
    EXPECT_EQ(found.size(), bytes);
    return found == Bytes(result.begin(), result.begin() + bytes)
               ? ""
               : "wrong numbers";
  }

  int64_t m;
  std::vector<Bytes> inputs;
  Bytes result;
};

void check(const Case &c, llvm::ArrayRef<int64_t> rows) {
  SCOPED_TRACE(getName(c));
  LoweredKernel kernel = lower(c);
  kernel.load(kernel.getText());
  Expected expected(c, *std::max_element(rows.begin(), rows.end()));
  for (int64_t m : rows)
    for (int seed : {0, 1})
      EXPECT_EQ(expected.check(kernel, m, seed), "")
          << m << " rows, seed " << seed;
}

//===----------------------------------------------------------------------===//
// Tests
//===----------------------------------------------------------------------===//

TEST(GpuProducts, OddSizes) {
  const int64_t sizes[] = {1, 3, 17, 31, 33, 63, 65, 127};
  for (auto [i, n] : llvm::enumerate(sizes))
    for (auto [j, k] : llvm::enumerate(sizes))
      if ((i + j) % 3 == 0)
        check({n, k, (i & 1) != 0, (j & 1) != 0, 3, 0,
               i % 2 ? Body::Residual : Body::Bias},
              {1, 17, 33});
}

/// Every block, in a ring of stages, all of them at once, and with the last
/// part and the last blocks not full.
TEST(GpuProducts, Blocks) {
  struct {
    int64_t rows, columns, stages;
  } blocks[] = {{128, 256, 2}, {128, 128, 3}, {64, 128, 4},
                {64, 64, 3},   {32, 128, 2},  {32, 64, 5},
                {16, 128, 6},  {16, 64, 3},   {16, 32, 2}};
  for (auto [rows, columns, stages] : blocks)
    check({columns + 16, 400, true, false, 0, 0, Body::Requantize, rows,
           columns, stages},
          {rows + 3, rows});
}

TEST(GpuProducts, SignsAndZeroPoints) {
  for (bool isLhsUnsigned : {false, true})
    for (bool isRhsUnsigned : {false, true})
      for (int64_t zeroPoint : {0, 7})
        check({24, 80, isLhsUnsigned, isRhsUnsigned, zeroPoint,
               isRhsUnsigned ? 128 : 0, Body::Requantize},
              {37});
  // Codes that are all signed read as unsigned ones, and the other way round.
  check({24, 80, false, false, -128, -128, Body::Bias}, {37});
}

/// Rows of the left factor begin at multiples of 16, 8, 4, 2 bytes and 1 byte.
TEST(GpuProducts, RowsOfAnyAlignment) {
  for (int64_t k : {144, 136, 132, 130, 131})
    for (bool isTransposed : {false, true})
      check({40, k, false, false, 0, 0, Body::Nothing, 0, 0, 0, isTransposed},
            {19});
}

/// Stores of every width, and of elements of every size.
TEST(GpuProducts, Bodies) {
  for (Body body : {Body::Nothing, Body::Bias, Body::Requantize, Body::Residual,
                    Body::Float})
    for (int64_t n : {64, 40, 20, 10, 5})
      check({n, 64, true, false, 128, 0, body, 32, 64}, {35});
}

/// More blocks of rows than those that are computed together.
TEST(GpuProducts, OrderOfBlocks) {
  check({96, 48, false, false, 0, 0, Body::Requantize, 16, 32}, {16 * 19});
}

/// The number of rows is known.
TEST(GpuProducts, KnownRows) {
  for (int64_t m : {1, 32, 50}) {
    Case c{48, 160, false, false, 0, 0, Body::Residual, 32, 64};
    LoweredKernel kernel = lower(c, m);
    kernel.load(kernel.getText());
    EXPECT_EQ(Expected(c, m).check(kernel, m, 1), "");
  }
}

//===----------------------------------------------------------------------===//
// wgmma
//===----------------------------------------------------------------------===//

constexpr const char *kWgmma = "nvvm.wgmma.mma_async";

/// Rows of the left factor begin at multiples of 16 bytes.
void checkWgmma(Case c, llvm::ArrayRef<int64_t> rows) {
  c.tier = "wgmma";
  EXPECT_THAT(lower(c).getText(), testing::HasSubstr(kWgmma));
  check(c, rows);
}

TEST(GpuWgmmaProducts, OddSizes) {
  const int64_t columns[] = {1, 3, 17, 33, 65, 127, 200};
  const int64_t terms[] = {16, 48, 144, 272};
  for (auto [i, n] : llvm::enumerate(columns))
    for (auto [j, k] : llvm::enumerate(terms))
      if ((i + j) % 3 == 0)
        checkWgmma({n, k, (i & 1) != 0, (j & 1) != 0, 3, 0,
                    i % 2 ? Body::Residual : Body::Bias},
                   {1, 65});
}

/// Every block, in rings of stages, with blocks that are not full.
TEST(GpuWgmmaProducts, Blocks) {
  struct {
    int64_t rows, columns, stages;
  } blocks[] = {{128, 256, 2}, {128, 128, 3}, {64, 256, 2}, {64, 128, 4},
                {128, 64, 2},  {64, 64, 3},   {64, 32, 5},  {64, 16, 2}};
  for (auto [rows, columns, stages] : blocks)
    checkWgmma({columns + 16, 688, true, false, 0, 0, Body::Requantize, rows,
                columns, stages},
               {rows + 3});
}

TEST(GpuWgmmaProducts, SignsAndZeroPoints) {
  for (bool isLhsUnsigned : {false, true})
    for (bool isRhsUnsigned : {false, true})
      checkWgmma({24, 160, isLhsUnsigned, isRhsUnsigned, isLhsUnsigned ? 7 : 0,
                  isRhsUnsigned ? 128 : 0, Body::Requantize},
                 {37});
}

TEST(GpuWgmmaProducts, Bodies) {
  for (Body body : {Body::Nothing, Body::Bias, Body::Requantize, Body::Residual,
                    Body::Float})
    for (int64_t n : {128, 20, 5})
      checkWgmma({n, 64, true, false, 128, 0, body}, {70});
}

TEST(GpuWgmmaProducts, KnownRows) {
  for (int64_t m : {64, 100}) {
    Case c{64, 160, false, false, 0, 0, Body::Residual};
    c.tier = "wgmma";
    LoweredKernel kernel = lower(c, m);
    kernel.load(kernel.getText());
    EXPECT_EQ(Expected(c, m).check(kernel, m, 1), "");
  }
}

TEST(GpuWgmmaProducts, OtherRowsAreLeftToMmaSync) {
  Case c{40, 130, false, false, 0, 0, Body::Nothing};
  c.tier = "wgmma";
  EXPECT_THAT(lower(c).getText(), testing::Not(testing::HasSubstr(kWgmma)));
  check(c, {19});
}

//===----------------------------------------------------------------------===//
// Changes for the worse
//===----------------------------------------------------------------------===//

using Change = std::function<void(gpu::GPUFuncOp)>;

template <typename OpTy>
SmallVector<OpTy> collect(gpu::GPUFuncOp kernel) {
  SmallVector<OpTy> found;
  kernel.walk([&](OpTy op) { found.push_back(op); });
  EXPECT_FALSE(found.empty());
  return found;
}

template <typename OpTy>
Change eraseAll() {
  return [](gpu::GPUFuncOp kernel) {
    for (OpTy op : collect<OpTy>(kernel))
      op.erase();
  };
}

template <typename OpTy>
Change eraseOne(int64_t i) {
  return [i](gpu::GPUFuncOp kernel) { collect<OpTy>(kernel)[i].erase(); };
}

/// Exchanges two operands of one operation.
template <typename OpTy>
Change exchange(size_t op, unsigned a, unsigned b) {
  return [=](gpu::GPUFuncOp kernel) {
    Operation *found = collect<OpTy>(kernel)[op];
    Value first = found->getOperand(a);
    found->setOperand(a, found->getOperand(b));
    found->setOperand(b, first);
  };
}

/// The first operand in place of the result.
template <typename OpTy>
Change bypass(size_t i) {
  return [i](gpu::GPUFuncOp kernel) {
    OpTy op = collect<OpTy>(kernel)[i];
    op->getResult(0).replaceAllUsesWith(op->getOperand(0));
  };
}

Change setCopySize(size_t i) {
  return [i](gpu::GPUFuncOp kernel) {
    collect<NVVM::CpAsyncOp>(kernel)[i].getCpSizeMutable().clear();
  };
}

Change waitForFewer() {
  return [](gpu::GPUFuncOp kernel) {
    for (auto wait : collect<NVVM::CpAsyncWaitGroupOp>(kernel))
      wait.setN(wait.getN() + 1);
  };
}

Change isAlwaysTrue(size_t i) {
  return [i](gpu::GPUFuncOp kernel) {
    auto guard = collect<scf::IfOp>(kernel)[i];
    OpBuilder b(guard);
    Value isTrue = arith::ConstantIntOp::create(b, guard.getLoc(), 1, 1);
    guard.getConditionMutable().assign(isTrue);
  };
}

Change shortenLoop() {
  return [](gpu::GPUFuncOp kernel) {
    scf::ForOp loop = collect<scf::ForOp>(kernel).front();
    OpBuilder b(loop);
    loop.setUpperBound(arith::SubIOp::create(
        b, loop.getLoc(), loop.getUpperBound(), loop.getStep()));
  };
}

Change readAsSigned() {
  return [](gpu::GPUFuncOp kernel) {
    for (auto product : collect<NVVM::MmaOp>(kernel))
      product.setMultiplicandAPtxType(NVVM::MMATypes::s8);
  };
}

/// Where one matrix of ldmatrix is read, or one piece is copied to.
template <typename OpTy>
Change moveAddress(size_t i, int32_t bytes) {
  return [=](gpu::GPUFuncOp kernel) {
    OpTy op = collect<OpTy>(kernel)[i];
    OpBuilder b(op);
    Value address = op->getOperand(0);
    op->setOperand(0, LLVM::GEPOp::create(b, op.getLoc(), address.getType(),
                                          b.getI8Type(), address,
                                          ArrayRef<LLVM::GEPArg>{bytes}));
  };
}

TEST(GpuProducts, ChangesAreFound) {
  // 4 parts in 3 stages; blocks with rows and columns that are not there.
  Case c{72, 400, true, false, 0, 0, Body::Requantize, 32, 64, 3};
  constexpr int64_t kRows = 40;
  LoweredKernel kernel = lower(c);
  Expected expected(c, kRows);
  struct {
    const char *what;
    Change change;
    /// Part of the error.
    const char *error;
    int64_t missingSharedBytes = 0;
  } changes[] = {
      {"no waits", eraseAll<NVVM::CpAsyncWaitGroupOp>(), ""},
      {"waits for fewer copies", waitForFewer(), ""},
      {"no wait before the loop", eraseOne<NVVM::CpAsyncWaitGroupOp>(0), ""},
      {"no wait in the loop", eraseOne<NVVM::CpAsyncWaitGroupOp>(1), ""},
      {"no commits", eraseAll<NVVM::CpAsyncCommitGroupOp>(), ""},
      {"no commit in the loop", eraseOne<NVVM::CpAsyncCommitGroupOp>(2), ""},
      {"no barrier before the loop", eraseOne<gpu::BarrierOp>(0), ""},
      {"no barrier in the loop", eraseOne<gpu::BarrierOp>(1), ""},
      {"registers of the left factor exchanged", exchange<NVVM::MmaOp>(0, 1, 2),
       "wrong numbers"},
      {"registers of the right factor exchanged",
       exchange<NVVM::MmaOp>(3, 4, 5), "wrong numbers"},
      {"registers of the sums exchanged", exchange<NVVM::MmaOp>(5, 6, 8),
       "wrong numbers"},
      {"signed codes", readAsSigned(), "wrong numbers"},
      {"pieces not moved when they are copied", bypass<arith::XOrIOp>(0), ""},
      {"pieces not moved when they are read", bypass<arith::XOrIOp>(2), ""},
      {"one matrix from another row", moveAddress<NVVM::LdMatrixOp>(3, 128),
       ""},
      {"one piece to another place", moveAddress<NVVM::CpAsyncOp>(2, 128), ""},
      {"rows that are not there are copied", setCopySize(0), "out-of-bounds"},
      {"all stores are done", isAlwaysTrue(1), "out-of-bounds"},
      {"one part too few", shortenLoop(), "wrong numbers"},
      {"less shared memory", [](gpu::GPUFuncOp) {}, "out-of-bounds", 16},
  };
  for (auto &[what, change, error, missing] : changes) {
    SCOPED_TRACE(what);
    kernel.load(kernel.change(change));
    for (int seed : {0, 1}) {
      std::string found = expected.check(kernel, kRows, seed, missing);
      EXPECT_NE(found, "") << "seed " << seed;
      EXPECT_THAT(found, testing::HasSubstr(error));
    }
  }
}

/// Another constant in place of an operand.
template <typename OpTy>
Change setOperandOf(size_t i, unsigned operand, int64_t value) {
  return [=](gpu::GPUFuncOp kernel) {
    OpTy op = collect<OpTy>(kernel)[i];
    OpBuilder b(op);
    op->setOperand(operand,
                   arith::ConstantIntOp::create(b, op.getLoc(), value, 32));
  };
}

Change setWait(size_t i, int64_t groups) {
  return [=](gpu::GPUFuncOp kernel) {
    collect<NVVM::WgmmaWaitGroupSyncOp>(kernel)[i].setGroup(groups);
  };
}

/// Bits of a 64-bit constant, which are those of descriptors.
Change flipDescriptors(int64_t bits) {
  return [=](gpu::GPUFuncOp kernel) {
    bool isFound = false;
    for (auto constant : collect<arith::ConstantOp>(kernel)) {
      auto value = dyn_cast<IntegerAttr>(constant.getValue());
      if (!value || value.getType() != Builder(constant).getI64Type() ||
          value.getInt() >> 62 != 1)
        continue;
      isFound = true;
      constant.setValueAttr(
          IntegerAttr::get(value.getType(), value.getInt() ^ bits));
    }
    EXPECT_TRUE(isFound);
  };
}

Change readAsSignedByWgmma() {
  return [](gpu::GPUFuncOp kernel) {
    for (auto product : collect<NVVM::WgmmaMmaAsyncOp>(kernel))
      product.setTypeA(NVVM::WGMMATypes::s8);
  };
}

/// One wgmma reads the terms of another.
Change exchangeTerms() {
  return [](gpu::GPUFuncOp kernel) {
    auto products = collect<NVVM::WgmmaMmaAsyncOp>(kernel);
    products[2].getDescriptorBMutable().assign(products[1].getDescriptorB());
  };
}

constexpr int64_t kWgmmaRows = 70;

Case getWgmmaCase() {
  // 6 parts in 3 stages; blocks with rows and columns that are not there.
  Case c{72, 688, true, false, 0, 0, Body::Requantize, 64, 64, 3};
  c.tier = "wgmma";
  return c;
}

TEST(GpuWgmmaProducts, ChangesAreFound) {
  Case c = getWgmmaCase();
  LoweredKernel kernel = lower(c);
  Expected expected(c, kWgmmaRows);
  using Wait = NVVM::MBarrierTryWaitParityOp;
  using Expect = NVVM::MBarrierArriveExpectTxOp;
  constexpr int64_t kStageBytes = 128 * 128;
  struct {
    const char *what;
    Change change;
    /// Part of the error.
    const char *error;
    int64_t missingSharedBytes = 0;
  } changes[] = {
      {"no wait for free stages", eraseOne<Wait>(0), ""},
      {"no wait for copies", eraseOne<Wait>(1), ""},
      {"one phase for free stages", setOperandOf<Wait>(0, 1, 1), ""},
      {"one phase for copies", setOperandOf<Wait>(1, 1, 0), ""},
      {"no arrivals", eraseAll<NVVM::MBarrierArriveOp>(), "waits forever"},
      {"too few arrivals", setOperandOf<NVVM::MBarrierInitOp>(1, 1, 1), ""},
      {"too few bytes", setOperandOf<Expect>(0, 1, kStageBytes - 128), ""},
      {"too many bytes", setOperandOf<Expect>(0, 1, kStageBytes + 128),
       "waits forever"},
      {"no barrier", eraseOne<gpu::BarrierOp>(0), ""},
      {"no wgmma.fence", eraseAll<NVVM::WgmmaFenceAlignedOp>(),
       "without wgmma.fence before"},
      {"no commits", eraseAll<NVVM::WgmmaGroupSyncAlignedOp>(), ""},
      {"no wait in the loop", eraseOne<NVVM::WgmmaWaitGroupSyncOp>(0), ""},
      {"no wait before sums are used", eraseOne<NVVM::WgmmaWaitGroupSyncOp>(1),
       ""},
      {"early stores", setWait(1, 1), ""},
      {"stages given back too early", setWait(0, 2), ""},
      {"another swizzle", flipDescriptors(int64_t(3) << 62), "wrong numbers"},
      {"another stride", flipDescriptors(int64_t(3) << 37), ""},
      {"signed codes", readAsSignedByWgmma(), "wrong numbers"},
      {"terms of another step", exchangeTerms(), "wrong numbers"},
      {"less shared memory", [](gpu::GPUFuncOp) {}, "", 1024 + 16},
  };
  for (auto &[what, change, error, missing] : changes) {
    SCOPED_TRACE(what);
    kernel.load(kernel.change(change));
    for (int seed : {0, 1}) {
      std::string found = expected.check(kernel, kWgmmaRows, seed, missing);
      EXPECT_NE(found, "") << "seed " << seed;
      EXPECT_THAT(found, testing::HasSubstr(error));
    }
  }
}

TEST(GpuWgmmaProducts, WrongMapsAreFound) {
  for (int64_t i : {0, 1})
    for (auto [rows, bytes] : {std::pair(56, 128), std::pair(64, 64)}) {
      LoweredKernel kernel = lower(getWgmmaCase());
      kernel.load(kernel.getText());
      Expected expected(getWgmmaCase(), kWgmmaRows);
      EXPECT_EQ(expected.check(kernel, kWgmmaRows, 0), "");
      SmallVector<kernel::TensorMapOp> maps;
      kernel.getHost().walk(
          [&](kernel::TensorMapOp map) { maps.push_back(map); });
      ASSERT_EQ(maps.size(), 2u);
      maps[i].setBox({rows, bytes});
      EXPECT_NE(expected.check(kernel, kWgmmaRows, 0), "");
    }
}

} // namespace
