//===- WarpgroupTest.cpp - wgmma, mbarrier, and bulk copies ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product as kernels for Hopper are written: one thread copies tiles by
// tensor maps, four warps wait at barriers in shared memory and multiply.
//
//===----------------------------------------------------------------------===//

#include "SimulatedDevice.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"
#include "gmock/gmock.h"
#include <cstring>
#include <random>

using namespace mlir::qfmt;
using testing::HasSubstr;

namespace {
/// What a product is made of.
struct Kind {
  const char *name;
  /// Types of the factors and of the sums.
  const char *a, *b, *sum;
  int bytes;
  /// Swizzle of the tensor map; 3 is 128 bytes.
  int swizzle;
  int n;
  /// Rows of A and of B (64 of them) are contiguous, not k.
  bool isTransposed = false;
};

/// A factor in global memory, k along `ld` or across.
struct Factor {
  int rows, k, bytes, ld;
  bool isTransposed;
  std::string type;
  std::vector<uint8_t> data;

  Factor(const Kind &kind, const char *type, int rows, int k,
         std::mt19937 &random);
  uint8_t *at(int row, int l) {
    return &data[isTransposed ? l * ld + row * bytes : row * ld + l * bytes];
  }
  float get(int row, int l);
  void *makeMap(void *address, const Kind &kind, int boxRows) const;
};

std::string repeat(int count, const std::string &text,
                   const std::string &separator = ", ") {
  std::string result;
  for (int i = 0; i != count; ++i) {
    std::string item = text;
    for (size_t at; (at = item.find('#')) != std::string::npos;)
      item.replace(at, 1, std::to_string(i));
    result += (i ? separator : "") + item;
  }
  return result;
}
} // namespace

/// c[64, n] = sum over k of a[m, k] b[n, k], in stages of one span of the
/// swizzle along k. 160 threads: warp 4 copies. Two stages.
static std::string makeKernel(const Kind &kind) {
  int span = 16 << kind.swizzle;
  int tileA = 64 * span, tileB = kind.n * span;
  int sums = kind.n / 2;
  // Instructions take 32 bytes along k; descriptors count in 16 bytes.
  uint64_t layout = kind.swizzle == 3   ? uint64_t(1) << 62
                    : kind.swizzle == 2 ? uint64_t(2) << 62
                                        : uint64_t(3) << 62;
  uint64_t descriptor = layout | uint64_t(8 * span / 16) << 32 | 1 << 16;
  std::string struct_ =
      "!llvm.struct<(" +
      repeat(sums, kind.sum == std::string("s32") ? "i32" : "f32") + ")>";
  std::string type = kind.sum == std::string("s32") ? "i32" : "f32";
  std::string n = std::to_string(kind.n);
  std::string text = R"(
  llvm.mlir.global internal @sa() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<SIZEA x i8>
  llvm.mlir.global internal @sb() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<SIZEB x i8>
  llvm.mlir.global internal @full() {addr_space = 3 : i32, alignment = 8 : i64} : !llvm.array<2 x i64>
  llvm.mlir.global internal @empty() {addr_space = 3 : i32, alignment = 8 : i64} : !llvm.array<2 x i64>

  gpu.func @k(%mapA: !llvm.ptr, %mapB: !llvm.ptr, %c: !llvm.ptr, %steps: i32) kernel {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %c2 = arith.constant 2 : i32
    %c3 = arith.constant 3 : i32
    %c4 = arith.constant 4 : i32
    %c5 = arith.constant 5 : i32
    %c8 = arith.constant 8 : i32
    %c16 = arith.constant 16 : i32
    %c31 = arith.constant 31 : i32
    %c128 = arith.constant 128 : i32
    %bytes = arith.constant BYTES : i32
    %perStep = arith.constant PERSTEP : i32
    %tileA = arith.constant TILEA : i32
    %tileB = arith.constant TILEB : i32
    %ticks = arith.constant 1000 : i32
    %sa = llvm.mlir.addressof @sa : !llvm.ptr<3>
    %sb = llvm.mlir.addressof @sb : !llvm.ptr<3>
    %full = llvm.mlir.addressof @full : !llvm.ptr<3>
    %empty = llvm.mlir.addressof @empty : !llvm.ptr<3>
    %full1 = llvm.getelementptr %full[8] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %empty1 = llvm.getelementptr %empty[8] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %tx = gpu.thread_id x
    %thread = arith.index_cast %tx : index to i32
    %isFirst = arith.cmpi eq, %thread, %c0 : i32
    scf.if %isFirst {
      nvvm.mbarrier.init %full, %c1 : !llvm.ptr<3>, i32
      nvvm.mbarrier.init %full1, %c1 : !llvm.ptr<3>, i32
      nvvm.mbarrier.init %empty, %c128 : !llvm.ptr<3>, i32
      nvvm.mbarrier.init %empty1, %c128 : !llvm.ptr<3>, i32
    }
    gpu.barrier
    %isProducer = arith.cmpi eq, %thread, %c128 : i32
    scf.if %isProducer {
      scf.for %step = %c0 to %steps step %c1 : i32 {
        %stage = arith.andi %step, %c1 : i32
        %round = arith.shrui %step, %c1 : i32
        %roundBit = arith.andi %round, %c1 : i32
        %parity = arith.xori %roundBit, %c1 : i32
        %f = llvm.getelementptr %full[%stage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i64
        %e = llvm.getelementptr %empty[%stage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i64
        nvvm.mbarrier.try_wait.parity %e, %parity, %ticks : !llvm.ptr<3>, i32, i32 // stage is free
        nvvm.mbarrier.arrive.expect_tx %f, %bytes : !llvm.ptr<3>, i32
        %oa = arith.muli %stage, %tileA : i32
        %ob = arith.muli %stage, %tileB : i32
        %pa = llvm.getelementptr %sa[%oa] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
        %pb = llvm.getelementptr %sb[%ob] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
        %k = arith.muli %step, %perStep : i32
        nvvm.cp.async.bulk.tensor.shared.cluster.global %pa, %mapA, %f, box[%k, %c0] {isCTAOnly = true} : !llvm.ptr<3>, !llvm.ptr
        nvvm.cp.async.bulk.tensor.shared.cluster.global %pb, %mapB, %f, box[%k, %c0] {isCTAOnly = true} : !llvm.ptr<3>, !llvm.ptr
      }
    }
    %isConsumer = arith.cmpi ult, %thread, %c128 : i32
    scf.if %isConsumer {
      %zero = arith.constant ZERO : TYPE
      %u0 = llvm.mlir.undef : STRUCT
ZEROS
      %base = arith.constant DESCRIPTOR : i64
      %mask = arith.constant 262143 : i64
      %c4l = arith.constant 4 : i64
      %sum = scf.for %step = %c0 to %steps step %c1 iter_args(%acc = %uLAST) -> (STRUCT) : i32 {
        %stage = arith.andi %step, %c1 : i32
        %round = arith.shrui %step, %c1 : i32
        %parity = arith.andi %round, %c1 : i32
        %f = llvm.getelementptr %full[%stage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i64
        %e = llvm.getelementptr %empty[%stage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i64
        nvvm.mbarrier.try_wait.parity %f, %parity, %ticks : !llvm.ptr<3>, i32, i32 // stage is full
        %oa = arith.muli %stage, %tileA : i32
        %ob = arith.muli %stage, %tileB : i32
        %pa = llvm.getelementptr %sa[%oa] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
        %pb = llvm.getelementptr %sb[%ob] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
        %ia = llvm.ptrtoint %pa : !llvm.ptr<3> to i64
        %ib = llvm.ptrtoint %pb : !llvm.ptr<3> to i64
        %ma = arith.andi %ia, %mask : i64
        %mb = arith.andi %ib, %mask : i64
        %ua = arith.shrui %ma, %c4l : i64
        %ub = arith.shrui %mb, %c4l : i64
        %da0 = arith.addi %base, %ua : i64
        %db0 = arith.addi %base, %ub : i64
        %acc0 = llvm.mlir.undef : STRUCT
        nvvm.wgmma.fence.aligned
PRODUCTS
        nvvm.wgmma.commit.group.sync.aligned
        nvvm.wgmma.wait.group.sync.aligned 0
        nvvm.mbarrier.arrive %e : !llvm.ptr<3> -> i64
        scf.yield %rLAST : STRUCT
      }
      %lane = arith.andi %thread, %c31 : i32
      %warp = arith.shrui %thread, %c5 : i32
      %group = arith.shrui %lane, %c2 : i32
      %inGroup = arith.andi %lane, %c3 : i32
      %rowOfWarp = arith.muli %warp, %c16 : i32
      %row = arith.addi %rowOfWarp, %group : i32
      %n = arith.constant SIZEN : i32
      %rowStart = arith.muli %row, %n : i32
      %column = arith.muli %inGroup, %c2 : i32
      %start = arith.addi %rowStart, %column : i32
      %out = llvm.getelementptr %c[%start] : (!llvm.ptr, i32) -> !llvm.ptr, TYPE
STORES
    }
    gpu.return
  })";
  std::string zeros, products, stores;
  for (int i = 0; i != sums; ++i)
    zeros += "      %u" + std::to_string(i + 1) +
             " = llvm.insertvalue %zero, %u" + std::to_string(i) + "[" +
             std::to_string(i) + "] : " + struct_ + "\n";
  int perStage = span / 32;
  for (int i = 0; i != perStage; ++i) {
    std::string j = std::to_string(i);
    products +=
        "        %k" + j + " = arith.constant " +
        std::to_string(kind.isTransposed ? 128 * i : 2 * i) +
        " : i64\n        %da" + j + "x = arith.addi %da0, %k" + j +
        " : i64\n        %db" + j + "x = arith.addi %db0, %k" + j +
        " : i64\n        %r" + j + " = nvvm.wgmma.mma_async %da" + j +
        "x, %db" + j + "x, " + (i ? "%r" + std::to_string(i - 1) : "%acc") +
        ", #nvvm.shape<m = 64, n = " + n +
        ", k = " + std::to_string(32 / kind.bytes) + ">, D [<" + kind.sum +
        ">, #nvvm.wgmma_scale_out<one>" + (type == "i32" ? ", <wrapped>" : "") +
        "], A [<" + kind.a + ">, #nvvm.wgmma_scale_in<one>, <" +
        (kind.isTransposed ? "col" : "row") + ">], B [<" + kind.b +
        ">, #nvvm.wgmma_scale_in<one>, <" +
        (kind.isTransposed ? "row" : "col") + ">] : " + struct_ + " -> " +
        struct_ + "\n";
  }
  for (int i = 0; i != sums; ++i) {
    std::string j = std::to_string(i);
    int offset = i / 4 * 8 + i % 2 + (i / 2 % 2 ? 8 * kind.n : 0);
    stores += "      %s" + j + " = llvm.extractvalue %sum[" + j +
              "] : " + struct_ + "\n      %p" + j +
              " = llvm.getelementptr %out[" + std::to_string(offset) +
              "] : (!llvm.ptr) -> !llvm.ptr, " + type +
              "\n      llvm.store %s" + j + ", %p" + j + " : " + type +
              ", !llvm.ptr\n";
  }
  auto set = [&](const std::string &from, const std::string &to) {
    text = replaced(text, from, to);
  };
  if (kind.isTransposed)
    set("box[%k, %c0]", "box[%c0, %k]");
  set("SIZEA", std::to_string(2 * tileA));
  set("SIZEB", std::to_string(2 * tileB));
  set("SIZEN", n);
  set("BYTES", std::to_string(tileA + tileB));
  set("PERSTEP", std::to_string(span / kind.bytes));
  set("TILEA", std::to_string(tileA));
  set("TILEB", std::to_string(tileB));
  set("ZEROS", zeros);
  set("ZERO", type == "i32" ? "0" : "0.0");
  set("PRODUCTS", products);
  set("STORES", stores);
  set("%uLAST", "%u" + std::to_string(sums));
  set("%rLAST", "%r" + std::to_string(perStage - 1));
  set("STRUCT", struct_);
  set("TYPE", type);
  set("DESCRIPTOR", std::to_string(int64_t(descriptor)));
  return text;
}

static float decode(const std::string &type, uint32_t code) {
  using llvm::APFloat;
  auto small = [&](const llvm::fltSemantics &semantics, unsigned bits) {
    return APFloat(semantics, llvm::APInt(bits, code)).convertToFloat();
  };
  if (type == "f16")
    return small(APFloat::IEEEhalf(), 16);
  if (type == "bf16")
    return small(APFloat::BFloat(), 16);
  if (type == "e4m3")
    return small(APFloat::Float8E4M3FN(), 8);
  if (type == "e5m2")
    return small(APFloat::Float8E5M2(), 8);
  if (type == "tf32")
    return llvm::bit_cast<float>(code);
  return type == "s8" ? float(int8_t(code)) : float(code);
}

Factor::Factor(const Kind &kind, const char *type, int rows, int k,
               std::mt19937 &random)
    : rows(rows), k(k), bytes(kind.bytes),
      ld(((kind.isTransposed ? rows : k) * kind.bytes + 15) / 16 * 16),
      isTransposed(kind.isTransposed), type(type),
      data(ld * (kind.isTransposed ? k : rows)) {
  // tf32 has no lower bits.
  uint32_t mask = bytes == 1 ? 0xFF : bytes == 2 ? 0xFFFF : 0xFFFFE000;
  for (int row = 0; row != rows; ++row)
    for (int l = 0; l != k; ++l) {
      uint32_t code;
      do
        code = random() & mask;
      while (!(std::abs(decode(type, code)) < 1e3));
      std::memcpy(at(row, l), &code, bytes);
    }
}

float Factor::get(int row, int l) {
  uint32_t code = 0;
  std::memcpy(&code, at(row, l), bytes);
  return decode(type, code);
}

void *Factor::makeMap(void *address, const Kind &kind, int boxRows) const {
  int perStep = (16 << kind.swizzle) / bytes;
  int64_t sizes[] = {rows, k}, strides[] = {ld, bytes},
          box[] = {boxRows, perStep};
  if (isTransposed) {
    std::swap(sizes[0], sizes[1]);
    std::swap(box[0], box[1]);
  }
  static const int64_t kTypes[] = {0, 0, 1, 0, 7};
  return qfmtGpuTensorMap(address, 2, kTypes[bytes], sizes, strides, box,
                          kind.swizzle, 0);
}

/// Empty if right. `k` is not a multiple of what a stage holds: the rest is
/// zeros that the copy engine fills in; so are rows of A from `m` on.
static std::string run(SimulatedModule &module, const Kind &kind, int m,
                       int k) {
  std::mt19937 random(k);
  int span = 16 << kind.swizzle, perStep = span / kind.bytes;
  Factor a(kind, kind.a, m, k, random), b(kind, kind.b, kind.n, k, random);
  Buffer<uint8_t> da(a.data), db(b.data);
  Buffer<uint32_t> dc(64 * kind.n);
  void *mapA = a.makeMap(da.get(), kind, 64);
  void *mapB = b.makeMap(db.get(), kind, kind.n);
  int steps = (k + perStep - 1) / perStep;
  std::string error = takeError();
  if (error.empty())
    error =
        module.launch({1, 1, 1}, {160, 1, 1}, {mapA, mapB, dc.get()}, {steps});
  if (!error.empty())
    return error;
  std::vector<uint32_t> c = dc.read();
  for (int i = 0; i != 64; ++i)
    for (int j = 0; j != kind.n; ++j) {
      // Integers of these sizes are exact in f32, as well.
      float sum = 0;
      for (int l = 0; i < m && l != k; ++l)
        sum += a.get(i, l) * b.get(j, l);
      uint32_t expected = kind.sum == std::string("s32")
                              ? uint32_t(int32_t(sum))
                              : llvm::bit_cast<uint32_t>(sum);
      if (c[i * kind.n + j] != expected)
        return "wrong numbers";
    }
  return "";
}

static const Kind kS8 = {"s8", "s8", "s8", "s32", 1, 3, 16};

TEST(SimulatorWarpgroup, IsWhatPtxSays) {
  const Kind kinds[] = {
      kS8,
      {"s8 u8, 64 bytes", "s8", "u8", "s32", 1, 2, 24},
      {"u8, 32 bytes", "u8", "u8", "s32", 1, 1, 8},
      {"e4m3", "e4m3", "e4m3", "f32", 1, 3, 64},
      {"e5m2 e4m3", "e5m2", "e4m3", "f32", 1, 2, 8},
      {"f16", "f16", "f16", "f32", 2, 3, 16},
      {"bf16", "bf16", "bf16", "f32", 2, 3, 40},
      {"tf32", "tf32", "tf32", "f32", 4, 3, 8},
      {"f16, transposed", "f16", "f16", "f32", 2, 3, 64, true}};
  for (const Kind &kind : kinds) {
    SCOPED_TRACE(kind.name);
    SimulatedModule module(makeKernel(kind));
    for (auto [m, k] : {std::pair(1, 1), std::pair(61, 330)})
      for (int seed : {0, 1}) {
        Seed scope(seed);
        EXPECT_EQ(run(module, kind, m, k), "") << m << " " << k;
      }
  }
}

TEST(SimulatorWarpgroup, EveryMutationIsFound) {
  std::string right = makeKernel(kS8);
  struct {
    const char *what, *from, *to, *error;
  } mutations[] = {
      {"no wait for the copy",
       "nvvm.mbarrier.try_wait.parity %f, %parity, %ticks : !llvm.ptr<3>, i32, "
       "i32 // stage is full",
       "", ""},
      {"no wait for the consumers",
       "nvvm.mbarrier.try_wait.parity %e, %parity, %ticks : !llvm.ptr<3>, i32, "
       "i32 // stage is free",
       "", ""},
      {"the wrong phase", "%parity = arith.andi %round, %c1 : i32",
       "%parity = arith.andi %step, %c1 : i32", ""},
      {"no barrier after the initialisation", "gpu.barrier", "", ""},
      {"no commit", "nvvm.wgmma.commit.group.sync.aligned", "", ""},
      {"no wait for wgmma", "nvvm.wgmma.wait.group.sync.aligned 0", "", ""},
      {"wait for too few groups", "nvvm.wgmma.wait.group.sync.aligned 0",
       "nvvm.wgmma.wait.group.sync.aligned 1", ""},
      {"no wgmma.fence", "nvvm.wgmma.fence.aligned", "",
       "without wgmma.fence before"},
      {"too few bytes expected", "arith.constant 10240 : i32",
       "arith.constant 10112 : i32", ""},
      {"too many bytes expected", "arith.constant 10240 : i32",
       "arith.constant 10368 : i32", "waits forever"},
      {"wrong arrivals", "nvvm.mbarrier.init %empty, %c128",
       "nvvm.mbarrier.init %empty, %c31", ""},
      {"smaller buffer", "array<16384 x i8>", "array<16383 x i8>",
       "out-of-bounds write"},
      {"wrong step along k", "%k1 = arith.constant 2", "%k1 = arith.constant 4",
       "wrong numbers"}};
  for (auto [what, from, to, error] : mutations) {
    SCOPED_TRACE(what);
    SimulatedModule module(replaced(right, from, to));
    for (int seed : {0, 1}) {
      Seed scope(seed);
      std::string found = run(module, kS8, 64, 640);
      EXPECT_NE(found, "");
      EXPECT_THAT(found, HasSubstr(error));
    }
  }
}

/// A in registers, B without swizzle, written by threads; added to something.
TEST(SimulatorWarpgroup, TakesARegisters) {
  std::string text = R"(
  llvm.mlir.global internal @s() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<256 x i8>
  gpu.func @k(%a: !llvm.ptr, %b: !llvm.ptr, %out: !llvm.ptr) kernel {
    %s = llvm.mlir.addressof @s : !llvm.ptr<3>
    %tx = gpu.thread_id x
    %thread = arith.index_cast %tx : index to i32
    %c1 = arith.constant 1 : i32
    %c4 = arith.constant 4 : i32
    %few = arith.constant 64 : i32
    %inside = arith.cmpi ult, %thread, %few : i32
    scf.if %inside {
      %pb = llvm.getelementptr %b[%thread] : (!llvm.ptr, i32) -> !llvm.ptr, i32
      %v = llvm.load %pb : !llvm.ptr -> i32
      %ps = llvm.getelementptr %s[%thread] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
      llvm.store %v, %ps : i32, !llvm.ptr<3>
    }
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    gpu.barrier
    %four = arith.muli %thread, %c4 : i32
    %pa = llvm.getelementptr %a[%four] : (!llvm.ptr, i32) -> !llvm.ptr, i32
    %va = llvm.load %pa {alignment = 16} : !llvm.ptr -> !llvm.struct<(i32, i32, i32, i32)>
    %a0 = llvm.extractvalue %va[0] : !llvm.struct<(i32, i32, i32, i32)>
    %a1 = llvm.extractvalue %va[1] : !llvm.struct<(i32, i32, i32, i32)>
    %a2 = llvm.extractvalue %va[2] : !llvm.struct<(i32, i32, i32, i32)>
    %a3 = llvm.extractvalue %va[3] : !llvm.struct<(i32, i32, i32, i32)>
    %is = llvm.ptrtoint %s : !llvm.ptr<3> to i64
    %mask = arith.constant 262143 : i64
    %c4l = arith.constant 4 : i64
    %ms = arith.andi %is, %mask : i64
    %us = arith.shrui %ms, %c4l : i64
    %layout = arith.constant LAYOUT : i64
    %d = arith.addi %us, %layout : i64
    nvvm.wgmma.fence.aligned
    %r = llvm.inline_asm has_side_effects "{\0A.reg .pred p;\0Asetp.ne.b32 p, $13, 0;\0Awgmma.mma_async.sync.aligned.m64n8k32.s32.s8.s8 {$0, $1, $2, $3}, {$8, $9, $10, $11}, $12, p;\0A}\0A", "=r,=r,=r,=r,0,1,2,3,r,r,r,r,l,n" %thread, %thread, %thread, %thread, %a0, %a1, %a2, %a3, %d, %c1 : (i32, i32, i32, i32, i32, i32, i32, i32, i64, i32) -> !llvm.struct<(i32, i32, i32, i32)>
    nvvm.wgmma.commit.group.sync.aligned
    nvvm.wgmma.wait.group.sync.aligned 0
    %po = llvm.getelementptr %out[%four] : (!llvm.ptr, i32) -> !llvm.ptr, i32
    llvm.store %r, %po : !llvm.struct<(i32, i32, i32, i32)>, !llvm.ptr
    gpu.return
  })";
  // The second half of k lies 128 bytes behind the first.
  SimulatedModule module(replaced(text, "LAYOUT", std::to_string(8 << 16)));
  std::mt19937 random(1);
  std::vector<int8_t> a(64 * 32), b(8 * 32);
  for (std::vector<int8_t> *matrix : {&a, &b})
    for (int8_t &value : *matrix)
      value = random();
  // Registers of thread t: rows 16 (t / 32) + t % 32 / 4 and 8 more, bytes
  // 4 (t % 4) and 16 more.
  std::vector<int8_t> fragments;
  for (int t = 0; t != 128; ++t)
    for (int r = 0; r != 4; ++r)
      for (int e = 0; e != 4; ++e) {
        int row = 16 * (t / 32) + t % 32 / 4 + (r & 1 ? 8 : 0);
        fragments.push_back(a[row * 32 + t % 4 * 4 + (r & 2 ? 16 : 0) + e]);
      }
  std::vector<int8_t> shared;
  for (int half = 0; half != 2; ++half)
    for (int n = 0; n != 8; ++n)
      for (int e = 0; e != 16; ++e)
        shared.push_back(b[n * 32 + half * 16 + e]);
  Buffer<int8_t> da(fragments), db(shared);
  Buffer<int32_t> out(512);
  ASSERT_EQ(
      module.launch({1, 1, 1}, {128, 1, 1}, {da.get(), db.get(), out.get()}),
      "");
  std::vector<int32_t> found = out.read();
  for (int t = 0; t != 128; ++t)
    for (int i = 0; i != 4; ++i) {
      int row = 16 * (t / 32) + t % 32 / 4 + (i & 2 ? 8 : 0);
      int column = t % 4 * 2 + (i & 1), sum = t;
      for (int l = 0; l != 32; ++l)
        sum += a[row * 32 + l] * b[column * 32 + l];
      EXPECT_EQ(found[t * 4 + i], sum);
    }
}

/// One step: no later copy can disturb the products.
TEST(SimulatorWarpgroup, FindsAnEarlyUse) {
  SimulatedModule module(
      replaced(makeKernel(kS8), "nvvm.wgmma.wait.group.sync.aligned 0", ""));
  EXPECT_THAT(run(module, kS8, 64, 128),
              HasSubstr("use of the result of a wgmma that has not been waited "
                        "for"));
}

/// The map says 128 bytes, the descriptor something else.
TEST(SimulatorWarpgroup, FindsAWrongSwizzle) {
  SimulatedModule module(makeKernel(kS8));
  std::string text = makeKernel(kS8);
  uint64_t stride = uint64_t(1024 / 16) << 32 | 1 << 16;
  SimulatedModule wrong(
      replaced(text, std::to_string(int64_t(uint64_t(1) << 62 | stride)),
               std::to_string(int64_t(uint64_t(2) << 62 | stride))));
  EXPECT_EQ(run(module, kS8, 64, 128), "");
  EXPECT_EQ(run(wrong, kS8, 64, 128), "wrong numbers");
}
