//===- WarpMma.cpp - mma.sync ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// D = A * B + C of a warp, A m x k by rows, B k x n by columns, n = 8. With
// p elements in a register of 32 bits, g = lane / 4, and t = lane % 4, element
// e of register r is
//
//   A   row g + 8 (r mod m/8), column 4p (r div m/8) + p t + e
//   B   row 4p r + p t + e, column g
//   C   row g + 8 (r div 2), column 2t + r mod 2; of f16, register r holds
//       elements 2r and 2r + 1
//
// which is what the figures of the PTX manual say for all shapes here.
//
// Integers are exact, wrapping or saturating at the end. Floats: products are
// exact, and added to C one after the other, in the order of k, each sum
// rounded to the nearest f32; f16 results are rounded from it. NVIDIA does not
// document the order of the sum; devices add several products before they
// round, and drop low bits.
//
//===----------------------------------------------------------------------===//

#include "Operations.h"
#include "SmallFloat.h"
#include <algorithm>
#include <vector>

namespace mlir::qfmt::sim {

namespace {

struct ElementType {
  unsigned bits;
  bool isSigned;
  const SmallFloat *format;
};

struct MmaShape {
  int m, n, k;
  ElementType a, b;
  bool isFloat, saturates;
  /// Accumulators in pairs of f16.
  bool cIsF16, dIsF16;
};

constexpr int kMaxM = 16, kN = 8, kMaxK = 64;

template <typename T>
struct Matrices {
  T a[kMaxM][kMaxK];
  T b[kMaxK][kN];
  T c[kMaxM][kN];
};

} // namespace

template <typename T>
static T decode(const ElementType &type, uint32_t code) {
  if constexpr (std::is_same_v<T, float>) {
    // The upper bits of an f32.
    return type.format->decode(type.format == &kTF32 ? code >> 13 : code);
  } else {
    unsigned shift = 32 - type.bits;
    return type.isSigned ? int32_t(code << shift) >> shift : int32_t(code);
  }
}

/// Calls store(row or column along k, other index, element).
template <typename T, typename Store>
static void readFactor(const WarpCall &call, unsigned firstArgument,
                       const ElementType &type, int other, int k, Store store) {
  int perRegister = 32 / type.bits, groups = other / 8;
  int numRegisters = groups * k / (4 * perRegister);
  // tf32 has 19 bits of a whole register.
  uint32_t mask = type.bits == 32 ? ~0u : (1u << type.bits) - 1;
  for (int lane = 0; lane != int(kWarpSize); ++lane) {
    int g = lane / 4, t = lane % 4;
    for (int r = 0; r != numRegisters; ++r) {
      uint32_t word = call.arguments[lane][firstArgument + r];
      int along = 4 * perRegister * (r / groups) + perRegister * t;
      int across = g + 8 * (r % groups);
      for (int e = 0; e != perRegister; ++e)
        store(along + e, across,
              decode<T>(type, word >> (e * (type.bits % 32)) & mask));
    }
  }
}

static unsigned countRegisters(const ElementType &type, int other, int k) {
  return other / 8 * k * type.bits / 128;
}

/// Calls access(lane, register, bits' offset in it, row, column).
template <typename Access>
static void forEachAccumulator(int m, bool isF16, Access access) {
  for (int lane = 0; lane != int(kWarpSize); ++lane)
    for (int i = 0; i != m / 4; ++i)
      access(lane, isF16 ? i / 2 : i, isF16 ? 16 * (i % 2) : 0,
             lane / 4 + 8 * (i / 2), lane % 4 * 2 + i % 2);
}

template <typename T>
static void readMatrices(const MmaShape &shape, const WarpCall &call,
                         Matrices<T> &matrices) {
  unsigned argument = 0;
  readFactor<T>(call, argument, shape.a, shape.m, shape.k,
                [&](int k, int row, T value) { matrices.a[row][k] = value; });
  argument += countRegisters(shape.a, shape.m, shape.k);
  readFactor<T>(call, argument, shape.b, shape.n, shape.k,
                [&](int k, int n, T value) { matrices.b[k][n] = value; });
  argument += countRegisters(shape.b, shape.n, shape.k);
  forEachAccumulator(shape.m, shape.cIsF16,
                     [&](int lane, int r, int shift, int row, int column) {
                       uint32_t word = call.arguments[lane][argument + r];
                       T &c = matrices.c[row][column];
                       if (shape.cIsF16)
                         c = T(kF16.decode(word >> shift & 0xFFFF));
                       else
                         c = readAs<T>(word);
                     });
}

static void multiplyIntegers(const MmaShape &shape,
                             Matrices<int32_t> &matrices) {
  for (int row = 0; row != shape.m; ++row) {
    int64_t sums[kN];
    std::copy_n(matrices.c[row], kN, sums);
    for (int k = 0; k != shape.k; ++k)
      for (int n = 0; n != kN; ++n)
        sums[n] += matrices.a[row][k] * matrices.b[k][n];
    for (int n = 0; n != kN; ++n) {
      if (shape.saturates)
        sums[n] = std::clamp<int64_t>(sums[n], INT32_MIN, INT32_MAX);
      matrices.c[row][n] = int32_t(uint32_t(sums[n]));
    }
  }
}

static void multiplyFloats(const MmaShape &shape, Matrices<float> &matrices) {
  for (int row = 0; row != shape.m; ++row)
    for (int k = 0; k != shape.k; ++k)
      for (int n = 0; n != kN; ++n) {
        // Products of at most 11 significant bits each are exact in f32.
        float product = matrices.a[row][k] * matrices.b[k][n];
        matrices.c[row][n] += product;
      }
}

template <typename T>
static void writeResults(const MmaShape &shape, const WarpCall &call,
                         const Matrices<T> &matrices) {
  forEachAccumulator(shape.m, shape.dIsF16,
                     [&](int lane, int r, int shift, int row, int column) {
                       T value = matrices.c[row][column];
                       uint64_t &result = call.results[lane][r];
                       if (!shape.dIsF16) {
                         result = llvm::bit_cast<uint32_t>(value);
                         return;
                       }
                       uint64_t code = kF16.encode(value);
                       result = shift ? result | code << shift : code;
                     });
}

static void applyMma(Warp &, unsigned, const WarpCall &call) {
  const auto &shape = *static_cast<const MmaShape *>(call.site->table.get());
  if (shape.isFloat) {
    Matrices<float> matrices;
    readMatrices(shape, call, matrices);
    multiplyFloats(shape, matrices);
    writeResults(shape, call, matrices);
  } else {
    Matrices<int32_t> matrices;
    readMatrices(shape, call, matrices);
    multiplyIntegers(shape, matrices);
    writeResults(shape, call, matrices);
  }
}

static void runMma(const Site &site, const uint64_t *arguments,
                   uint64_t *results) {
  callWholeWarp(site, arguments, results, applyMma);
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

static std::optional<ElementType> findInteger(llvm::StringRef name) {
  if (name == "s8" || name == "u8")
    return ElementType{8, name[0] == 's', nullptr};
  if (name == "s4" || name == "u4")
    return ElementType{4, name[0] == 's', nullptr};
  return std::nullopt;
}

static std::optional<ElementType> findFloat(llvm::StringRef name) {
  const SmallFloat *format = findSmallFloat(name);
  if (!format || format->width() < 8)
    return std::nullopt;
  unsigned bits = format == &kTF32 ? 32 : format->width();
  return ElementType{bits, true, format};
}

/// The types after the layouts: integers "s8[.u8]"; f16 "d.c"; fp8 "d.a.b.c";
/// others "a".
static bool parseTypes(llvm::ArrayRef<llvm::StringRef> types, MmaShape &shape) {
  if (types.empty() || types.size() == 3 || types.size() > 4)
    return false;
  auto isAccumulator = [](llvm::StringRef name) {
    return name == "f16" || name == "f32";
  };
  if (auto a = findInteger(types[0])) {
    auto b = findInteger(types.back());
    if (!b || types.size() > 2)
      return false;
    shape.a = *a;
    shape.b = *b;
    return true;
  }
  shape.isFloat = true;
  if (types.size() == 1) {
    auto a = findFloat(types[0]);
    if (!a || types[0] == "f16")
      return false;
    shape.a = shape.b = *a;
    return true;
  }
  if (!isAccumulator(types[0]) || !isAccumulator(types.back()))
    return false;
  shape.dIsF16 = types[0] == "f16";
  shape.cIsF16 = types.back() == "f16";
  auto a = findFloat(types.size() == 2 ? "f16" : types[1]);
  auto b = findFloat(types.size() == 2 ? "f16" : types[2]);
  if (!a || !b)
    return false;
  shape.a = *a;
  shape.b = *b;
  return true;
}

static bool parseShape(llvm::StringRef text, MmaShape &shape) {
  return text.consume_front("m") && !text.consumeInteger(10, shape.m) &&
         text.consume_front("n") && !text.consumeInteger(10, shape.n) &&
         text.consume_front("k") && !text.consumeInteger(10, shape.k) &&
         text.empty();
}

bool findWarpMma(llvm::StringRef name, Site &site) {
  // mma.mMnNkK.row.col[.satfinite].types
  if (!name.consume_front("mma.m"))
    return false;
  llvm::SmallVector<llvm::StringRef> parts;
  llvm::StringRef(name.data() - 1, name.size() + 1).split(parts, '.');
  auto shape = std::make_shared<MmaShape>(MmaShape());
  if (parts.size() < 4 || !parseShape(parts[0], *shape) || parts[1] != "row" ||
      parts[2] != "col")
    return false;
  llvm::ArrayRef<llvm::StringRef> types(parts);
  types = types.drop_front(3);
  shape->saturates = types.front() == "satfinite";
  if (!parseTypes(types.drop_front(shape->saturates), *shape))
    return false;
  if ((shape->m != 16 && shape->m != 8) || shape->n != kN || shape->k > kMaxK ||
      countRegisters(shape->b, kN, shape->k) == 0)
    return false;
  site.handler = runMma;
  site.isBlocking = true;
  site.table = std::move(shape);
  return true;
}

} // namespace mlir::qfmt::sim
