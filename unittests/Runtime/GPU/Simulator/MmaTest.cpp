//===- MmaTest.cpp - mma, ldmatrix, stmatrix against scalar models --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fragments are packed here by the tables of the PTX manual, written out a
// type of element at a time, not by the one formula of the simulator.
//
//===----------------------------------------------------------------------===//

#include "SimulatedDevice.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"
#include "gmock/gmock.h"
#include <random>

using namespace mlir::qfmt;

namespace {
struct Case {
  const char *name;
  /// f16, bf16, s8, u8, ...
  const char *a, *b;
  /// s32, f32, f16.
  const char *c;
  int m, k;
  bool saturates = false;
};

/// Row and column of element i of a lane's A fragment.
struct Position {
  int row, column;
};
} // namespace

static int bitsOf(const std::string &type) {
  return type == "f16" || type == "bf16"      ? 16
         : type.size() == 2 && type[1] == '4' ? 4
         : type == "tf32"                     ? 32
                                              : 8;
}

/// The figures of "Matrix Fragments for mma.m16n8k*".
static Position positionOfA(int bits, int m, int k, int lane, int i) {
  int group = lane >> 2, thread = lane % 4;
  if (bits == 32) // tf32, m16n8k8
    return {i == 0 || i == 2 ? group : group + 8, i < 2 ? thread : thread + 4};
  if (bits == 16 && k == 8)
    return {i < 2 ? group : group + 8, thread * 2 + (i & 1)};
  if (bits == 16) // m16n8k16
    return {i < 2 || (i >= 4 && i < 6) ? group : group + 8,
            thread * 2 + (i & 1) + (i >= 4 ? 8 : 0)};
  if (bits == 8 && m == 8)
    return {group, thread * 4 + i};
  if (bits == 8 && k == 16)
    return {i < 4 ? group : group + 8, thread * 4 + (i & 3)};
  if (bits == 8) // m16n8k32
    return {i < 4 || (i >= 8 && i < 12) ? group : group + 8,
            thread * 4 + (i & 3) + (i >= 8 ? 16 : 0)};
  if (k == 32) // 4 bits, m16n8k32
    return {i < 8 ? group : group + 8, thread * 8 + (i & 7)};
  return {i < 8 || (i >= 16 && i < 24) ? group : group + 8,
          thread * 8 + (i & 7) + (i >= 16 ? 32 : 0)};
}

/// Row (along k) and column of element i of a lane's B fragment.
static Position positionOfB(int bits, int lane, int i) {
  int group = lane >> 2, thread = lane % 4;
  if (bits == 32)
    return {i == 0 ? thread : thread + 4, group};
  if (bits == 16)
    return {thread * 2 + (i & 1) + (i >= 2 ? 8 : 0), group};
  if (bits == 8)
    return {thread * 4 + (i & 3) + (i >= 4 ? 16 : 0), group};
  return {thread * 8 + (i & 7) + (i >= 8 ? 32 : 0), group};
}

static double decode(const std::string &type, uint32_t code) {
  using llvm::APFloat;
  auto small = [&](const llvm::fltSemantics &semantics, unsigned bits) {
    return double(APFloat(semantics, llvm::APInt(bits, code)).convertToFloat());
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
  int bits = bitsOf(type);
  return type[0] == 's' ? int32_t(code << (32 - bits)) >> (32 - bits)
                        : int32_t(code);
}

static uint32_t drawCode(const std::string &type, std::mt19937 &random) {
  uint32_t code;
  do {
    code = random() & uint32_t((uint64_t(1) << bitsOf(type)) - 1);
    // Numbers of tf32 have 10 bits after the point.
    if (type == "tf32")
      code = (code & 0x807FE000) | (0x3F000000 + (random() % 4 << 23));
    // Keeps sums of f16 finite.
    if (type == "f16" || type == "bf16")
      code = (code & 0x83FF) | (type == "f16" ? 0x3800 : 0x3F00);
  } while (decode(type, code) != decode(type, code) ||
           std::abs(decode(type, code)) > 1e30);
  return code;
}

/// b = mma(a): all registers of a lane lie one after the other.
static std::string makeKernel(const std::string &name,
                              const std::vector<std::string> &arguments,
                              const std::vector<std::string> &results) {
  std::string text = R"(
  gpu.func @k(%in: !llvm.ptr, %out: !llvm.ptr) kernel {
    %t = gpu.thread_id x
    %i = arith.index_cast %t : index to i32
)";
  auto join = [](const std::vector<std::string> &parts) {
    std::string joined;
    for (const std::string &part : parts)
      joined += (joined.empty() ? "" : ", ") + part;
    return joined;
  };
  auto count = [&](const char *value, size_t n) {
    text += std::string("    %") + value + " = arith.constant " +
            std::to_string(n) + " : i32\n";
  };
  count("na", arguments.size());
  count("nr", results.size());
  text += "    %ia = arith.muli %i, %na : i32\n"
          "    %ir = arith.muli %i, %nr : i32\n"
          "    %pa = llvm.getelementptr %in[%ia] : (!llvm.ptr, i32) -> "
          "!llvm.ptr, i32\n"
          "    %pr = llvm.getelementptr %out[%ir] : (!llvm.ptr, i32) -> "
          "!llvm.ptr, i32\n";
  std::vector<std::string> values;
  for (size_t i = 0; i != arguments.size(); ++i) {
    std::string n = std::to_string(i);
    text += "    %pa" + n + " = llvm.getelementptr %pa[" + n +
            "] : (!llvm.ptr) -> !llvm.ptr, i32\n    %a" + n +
            " = llvm.load %pa" + n + " : !llvm.ptr -> " + arguments[i] + "\n";
    values.push_back("%a" + n);
  }
  std::string type = "!llvm.struct<(" + join(results) + ")>";
  text += "    %r = llvm.call_intrinsic \"llvm.nvvm." + name + "\"(" +
          join(values) + ") : (" + join(arguments) + ") -> " + type + "\n";
  for (size_t i = 0; i != results.size(); ++i) {
    std::string n = std::to_string(i);
    text += "    %pr" + n + " = llvm.getelementptr %pr[" + n +
            "] : (!llvm.ptr) -> !llvm.ptr, i32\n    %r" + n +
            " = llvm.extractvalue %r[" + n + "] : " + type +
            "\n    llvm.store %r" + n + ", %pr" + n + " : " + results[i] +
            ", !llvm.ptr\n";
  }
  return text + "    gpu.return\n  }\n";
}

static void checkMma(const Case &test) {
  SCOPED_TRACE(test.name);
  std::mt19937 random(7);
  const int n = 8;
  std::string a = test.a, b = test.b, c = test.c;
  bool isFloat = c != "s32";
  std::vector<std::vector<uint32_t>> codesA(test.m,
                                            std::vector<uint32_t>(test.k)),
      codesB(test.k, std::vector<uint32_t>(n));
  for (auto &row : codesA)
    for (uint32_t &code : row)
      code = drawCode(a, random);
  for (auto &row : codesB)
    for (uint32_t &code : row)
      code = drawCode(b, random);
  std::vector<std::vector<double>> matrixC(test.m, std::vector<double>(n));
  for (auto &row : matrixC)
    for (double &value : row) {
      int32_t integer = random();
      // Close to where integers overflow.
      value = !isFloat     ? (integer > 0 ? INT32_MAX - 1000 : INT32_MIN + 1000)
              : c == "f16" ? decode("f16", drawCode("f16", random))
                           : float(integer % 1000) / 7;
    }

  // Fragments.
  int perLaneA = test.m * test.k / 32, perLaneB = test.k * n / 32;
  int bits = bitsOf(a), perRegister = 32 / bits;
  int numA = perLaneA / perRegister, numB = perLaneB / perRegister;
  int perLaneC = test.m * n / 32;
  int numC = c == "f16" ? perLaneC / 2 : perLaneC;
  std::vector<int32_t> input;
  for (int lane = 0; lane != 32; ++lane) {
    std::vector<uint32_t> words(numA + numB + numC);
    for (int i = 0; i != perLaneA; ++i) {
      Position at = positionOfA(bits, test.m, test.k, lane, i);
      words[i / perRegister] |= codesA[at.row][at.column]
                                << (i % perRegister * bits % 32);
    }
    for (int i = 0; i != perLaneB; ++i) {
      Position at = positionOfB(bits, lane, i);
      words[numA + i / perRegister] |= codesB[at.row][at.column]
                                       << (i % perRegister * bits % 32);
    }
    for (int i = 0; i != perLaneC; ++i) {
      double value =
          matrixC[i < 2 ? lane >> 2 : (lane >> 2) + 8][lane % 4 * 2 + (i & 1)];
      uint32_t *word = &words[numA + numB];
      if (c == "s32") {
        word[i] = uint32_t(int32_t(value));
      } else if (c == "f32") {
        word[i] = llvm::bit_cast<uint32_t>(float(value));
      } else {
        llvm::APFloat half(value);
        bool isInexact;
        half.convert(llvm::APFloat::IEEEhalf(),
                     llvm::APFloat::rmNearestTiesToEven, &isInexact);
        word[i / 2] |= uint32_t(half.bitcastToAPInt().getZExtValue())
                       << (i % 2 * 16);
      }
    }
    input.insert(input.end(), words.begin(), words.end());
  }

  std::string registerA = a == "f16" ? "vector<2xf16>" : "i32";
  std::string registerC = c == "f16"   ? "vector<2xf16>"
                          : c == "f32" ? "f32"
                                       : "i32";
  std::vector<std::string> arguments(numA + numB, registerA);
  std::vector<std::string> results(numC, registerC);
  arguments.insert(arguments.end(), results.begin(), results.end());
  SimulatedModule module(makeKernel(test.name, arguments, results));
  Buffer<int32_t> in(input), out(32 * numC);
  ASSERT_EQ(module.launch({1, 1, 1}, {32, 1, 1}, {in.get(), out.get()}), "");
  std::vector<int32_t> output = out.read();

  for (int lane = 0; lane != 32; ++lane)
    for (int i = 0; i != perLaneC; ++i) {
      int row = i < 2 ? lane >> 2 : (lane >> 2) + 8;
      int column = lane % 4 * 2 + (i & 1);
      uint32_t word = output[lane * numC + (c == "f16" ? i / 2 : i)];
      if (!isFloat) {
        int64_t sum = int64_t(matrixC[row][column]);
        for (int k = 0; k != test.k; ++k)
          sum += int64_t(decode(a, codesA[row][k])) *
                 int64_t(decode(b, codesB[k][column]));
        if (test.saturates)
          sum = std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX);
        EXPECT_EQ(int32_t(word), int32_t(uint32_t(sum)));
        continue;
      }
      float sum = matrixC[row][column];
      for (int k = 0; k != test.k; ++k)
        sum += float(decode(a, codesA[row][k]) * decode(b, codesB[k][column]));
      if (c == "f32") {
        EXPECT_EQ(word, llvm::bit_cast<uint32_t>(sum));
        continue;
      }
      llvm::APFloat half(sum);
      bool isInexact;
      half.convert(llvm::APFloat::IEEEhalf(),
                   llvm::APFloat::rmNearestTiesToEven, &isInexact);
      EXPECT_EQ(word >> (i % 2 * 16) & 0xFFFF,
                half.bitcastToAPInt().getZExtValue());
    }
}

TEST(SimulatorMma, IsWhatPtxSays) {
  const Case cases[] = {
      {"mma.m16n8k32.row.col.s8", "s8", "s8", "s32", 16, 32},
      {"mma.m16n8k32.row.col.s8.u8", "s8", "u8", "s32", 16, 32},
      {"mma.m16n8k32.row.col.u8.s8", "u8", "s8", "s32", 16, 32},
      {"mma.m16n8k32.row.col.u8", "u8", "u8", "s32", 16, 32},
      {"mma.m16n8k32.row.col.satfinite.s8", "s8", "s8", "s32", 16, 32, true},
      {"mma.m16n8k32.row.col.satfinite.s8.u8", "s8", "u8", "s32", 16, 32, true},
      {"mma.m16n8k32.row.col.satfinite.u8.s8", "u8", "s8", "s32", 16, 32, true},
      {"mma.m16n8k32.row.col.satfinite.u8", "u8", "u8", "s32", 16, 32, true},
      {"mma.m16n8k16.row.col.s8", "s8", "s8", "s32", 16, 16},
      {"mma.m16n8k16.row.col.satfinite.u8.s8", "u8", "s8", "s32", 16, 16, true},
      {"mma.m16n8k64.row.col.s4", "s4", "s4", "s32", 16, 64},
      {"mma.m16n8k64.row.col.satfinite.s4.u4", "s4", "u4", "s32", 16, 64, true},
      {"mma.m16n8k32.row.col.u4", "u4", "u4", "s32", 16, 32},
      {"mma.m16n8k16.row.col.f32.f32", "f16", "f16", "f32", 16, 16},
      {"mma.m16n8k8.row.col.f32.f32", "f16", "f16", "f32", 16, 8},
      {"mma.m16n8k16.row.col.f16.f16", "f16", "f16", "f16", 16, 16},
      {"mma.m16n8k8.row.col.f16.f16", "f16", "f16", "f16", 16, 8},
      {"mma.m16n8k16.row.col.bf16", "bf16", "bf16", "f32", 16, 16},
      {"mma.m16n8k8.row.col.bf16", "bf16", "bf16", "f32", 16, 8},
      {"mma.m16n8k8.row.col.tf32", "tf32", "tf32", "f32", 16, 8},
      {"mma.m16n8k32.row.col.f32.e4m3.e4m3.f32", "e4m3", "e4m3", "f32", 16, 32},
      {"mma.m16n8k32.row.col.f32.e5m2.e4m3.f32", "e5m2", "e4m3", "f32", 16, 32},
      {"mma.m16n8k16.row.col.f32.e4m3.e5m2.f32", "e4m3", "e5m2", "f32", 16, 16},
      {"mma.m8n8k16.row.col.s8", "s8", "s8", "s32", 8, 16}};
  for (const Case &test : cases)
    checkMma(test);
}

//===----------------------------------------------------------------------===//
// ldmatrix and stmatrix
//===----------------------------------------------------------------------===//

/// Four matrices from in to shared memory to registers to shared memory to
/// out, and the registers.
static std::string makeMoves(const std::string &load,
                             const std::string &store) {
  return R"(
  llvm.mlir.global internal @s() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<512 x i8>
  llvm.mlir.global internal @u() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<512 x i8>
  gpu.func @k(%in: !llvm.ptr, %registers: !llvm.ptr, %out: !llvm.ptr) kernel {
    %s = llvm.mlir.addressof @s : !llvm.ptr<3>
    %u = llvm.mlir.addressof @u : !llvm.ptr<3>
    %t = gpu.thread_id x
    %i = arith.index_cast %t : index to i32
    %c16 = arith.constant 16 : i32
    %o = arith.muli %i, %c16 : i32
    %pi = llvm.getelementptr %in[%o] : (!llvm.ptr, i32) -> !llvm.ptr, i8
    %ps = llvm.getelementptr %s[%o] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    %pu = llvm.getelementptr %u[%o] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    %pr = llvm.getelementptr %registers[%o] : (!llvm.ptr, i32) -> !llvm.ptr, i8
    %po = llvm.getelementptr %out[%o] : (!llvm.ptr, i32) -> !llvm.ptr, i8
    %v = llvm.load %pi {alignment = 16} : !llvm.ptr -> vector<4xi32>
    llvm.store %v, %ps {alignment = 16} : vector<4xi32>, !llvm.ptr<3>
    gpu.barrier
    %r = llvm.call_intrinsic "llvm.nvvm.)" +
         load + R"("(%ps) : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32, i32, i32)>
    llvm.store %r, %pr : !llvm.struct<(i32, i32, i32, i32)>, !llvm.ptr
    %r0 = llvm.extractvalue %r[0] : !llvm.struct<(i32, i32, i32, i32)>
    %r1 = llvm.extractvalue %r[1] : !llvm.struct<(i32, i32, i32, i32)>
    %r2 = llvm.extractvalue %r[2] : !llvm.struct<(i32, i32, i32, i32)>
    %r3 = llvm.extractvalue %r[3] : !llvm.struct<(i32, i32, i32, i32)>
    llvm.call_intrinsic "llvm.nvvm.)" +
         store +
         R"("(%pu, %r0, %r1, %r2, %r3) : (!llvm.ptr<3>, i32, i32, i32, i32) -> ()
    gpu.barrier
    %w = llvm.load %pu {alignment = 16} : !llvm.ptr<3> -> vector<4xi32>
    llvm.store %w, %po {alignment = 16} : vector<4xi32>, !llvm.ptr
    gpu.return
  })";
}

TEST(SimulatorMma, MovesMatrices) {
  std::vector<int16_t> values(256);
  for (int i = 0; i != 256; ++i)
    values[i] = i * 3 + 1;
  for (bool isTransposed : {false, true}) {
    std::string trans = isTransposed ? ".trans" : "";
    SimulatedModule module(
        makeMoves("ldmatrix.sync.aligned.m8n8.x4" + trans + ".b16.p3",
                  "stmatrix.sync.aligned.m8n8.x4" + trans + ".b16.p3"));
    Buffer<int16_t> in(values), registers(256), out(256);
    ASSERT_EQ(module.launch({1, 1, 1}, {32, 1, 1},
                            {in.get(), registers.get(), out.get()}),
              "");
    EXPECT_EQ(out.read(), values);
    std::vector<int16_t> found = registers.read();
    for (int lane = 0; lane != 32; ++lane)
      for (int matrix = 0; matrix != 4; ++matrix)
        for (int e = 0; e != 2; ++e) {
          int row = lane / 4, column = lane % 4 * 2 + e;
          if (isTransposed)
            std::swap(row, column);
          EXPECT_EQ(found[lane * 8 + matrix * 2 + e],
                    values[matrix * 64 + row * 8 + column]);
        }
  }
}

TEST(SimulatorMma, ReportsMatricesOutside) {
  std::string text = makeMoves("ldmatrix.sync.aligned.m8n8.x4.b16.p3",
                               "stmatrix.sync.aligned.m8n8.x4.b16.p3");
  Buffer<int16_t> in(std::vector<int16_t>(256)), registers(256), out(256);
  auto run = [&](const std::string &from, const std::string &to) {
    SimulatedModule module(replaced(text, from, to));
    return module.launch({1, 1, 1}, {32, 1, 1},
                         {in.get(), registers.get(), out.get()});
  };
  EXPECT_THAT(run("@u() {addr_space = 3 : i32, alignment = 16 : i64} : "
                  "!llvm.array<512",
                  "@u() {addr_space = 3 : i32, alignment = 16 : i64} : "
                  "!llvm.array<511"),
              testing::HasSubstr("out-of-bounds write of 16 bytes to shared"));
  EXPECT_THAT(run("b16.p3\"(%ps)", "b16.p3\"(%pu)"),
              testing::HasSubstr("uninitialised read of 16 bytes from shared"));
}
