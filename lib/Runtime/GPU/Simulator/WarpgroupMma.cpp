//===- WarpgroupMma.cpp - wgmma -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// D = A * B + D of four warps, A 64 x k, B k x n, k of 32 bytes. Warp w has
// rows 16 w to 16 w + 15; with g = lane / 4 and t = lane % 4, element i of a
// lane's accumulator is row g + 8 (i / 2 mod 2), column 8 (i / 4) + 2 t + i
// mod 2. A in registers is as in mma.m16n8k*.
//
// The product is computed when it is issued. What it reads in shared memory
// must not be written until the threads have waited, and its result must not
// be used before: uses of results are tested at run time (AccumulatorUses.cpp).
//
// Sums are as those of mma.sync, WarpMma.cpp.
//
//===----------------------------------------------------------------------===//

#include "AsyncCopies.h"
#include "MatrixDescriptor.h"
#include "SmallFloat.h"
#include <algorithm>

namespace mlir::qfmt::sim {

namespace {

constexpr int kM = 64, kMaxN = 256, kMaxK = 32, kGroupThreads = 128;

struct Factor {
  unsigned bits;
  bool isSigned;
  const SmallFloat *format;
};

struct WarpgroupShape {
  int n, k;
  Factor a, b;
  bool isFloat, saturates, dIsF16;
};

/// Of the operands that the instruction has, as arguments of the handler.
enum Argument { kScaleD, kScaleA, kScaleB, kTransposeA, kTransposeB, kB, kA };

/// Of Site::fields.
enum Field { kAIsInRegisters };

template <typename T>
struct Matrices {
  T a[kM][kMaxK];
  T b[kMaxK][kMaxN];
};

/// Threads of a warpgroup that have come to a wgmma.
struct GroupCall {
  const Site *site = nullptr;
  unsigned arrived = 0;
  const uint64_t *arguments[kGroupThreads] = {};
  uint64_t *results[kGroupThreads] = {};
};

} // namespace

struct WarpgroupState {
  GroupCall calls[kMaxWarps / 4];
  uint32_t steps[kMaxWarps / 4] = {};
};

static WarpgroupState &getState() {
  std::shared_ptr<WarpgroupState> &state = currentCta->warpgroups;
  if (!state)
    state = std::make_shared<WarpgroupState>();
  return *state;
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

template <typename T>
static T decode(const Factor &factor, uint32_t code) {
  if constexpr (std::is_same_v<T, float>) {
    return factor.format->decode(code);
  } else {
    unsigned shift = 32 - factor.bits;
    return factor.isSigned ? int32_t(code << shift) >> shift : int32_t(code);
  }
}

static uint32_t readCode(uint64_t address, unsigned bits) {
  if (bits == 8)
    return *reinterpret_cast<const uint8_t *>(address);
  if (bits == 16)
    return *reinterpret_cast<const uint16_t *>(address);
  return *reinterpret_cast<const uint32_t *>(address) >> 13;
}

/// Reads a factor of `count` rows or columns; store(index, k, element).
template <typename T, typename Store>
static void readShared(const Site &site, const Factor &factor,
                       uint64_t descriptor, bool isTransposed, int count, int k,
                       const Accessor &who, Store store) {
  MatrixDescriptor matrix(descriptor);
  if (matrix.baseOffset)
    failThread(*currentThread, &site,
               "a matrix descriptor with a base offset, which the simulator "
               "does not know");
  int bytes = factor.bits / 8, perPiece = 16 / bytes;
  int contiguous = isTransposed ? count : k, other = isTransposed ? k : count;
  for (int j = 0; j != other; ++j)
    for (int i = 0; i < contiguous; i += perPiece) {
      uint64_t address = matrix.addressOf(i * bytes, j, !isTransposed);
      checkSharedAccess(*currentThread, site, address, 16, false, who);
      for (int e = 0; e != perPiece; ++e) {
        T value = decode<T>(factor, readCode(address + e * bytes, factor.bits));
        isTransposed ? store(i + e, j, value) : store(j, i + e, value);
      }
    }
}

/// A in registers: four words a lane, as in mma.m16n8k*.
template <typename T>
static void readRegisters(const WarpgroupShape &shape, const GroupCall &call,
                          Matrices<T> &matrices) {
  int bits = shape.a.bits, perWord = 32 / bits;
  uint32_t mask = bits == 32 ? ~0u : (1u << bits) - 1;
  for (int thread = 0; thread != kGroupThreads; ++thread) {
    int warp = thread / 32, g = thread % 32 / 4, t = thread % 4;
    for (int r = 0; r != 4; ++r) {
      uint32_t word = call.arguments[thread][kA + r];
      for (int e = 0; e != perWord; ++e) {
        uint32_t code = word >> (e * (bits % 32)) & mask;
        matrices.a[16 * warp + g + 8 * (r % 2)]
                  [4 * perWord * (r / 2) + perWord * t + e] =
            decode<T>(shape.a, bits == 32 ? code >> 13 : code);
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// Product
//===----------------------------------------------------------------------===//

template <typename T, typename Sum>
static void addProducts(const WarpgroupShape &shape,
                        const Matrices<T> &matrices, int row, Sum *sums) {
  for (int k = 0; k != shape.k; ++k) {
    T a = matrices.a[row][k];
    for (int n = 0; n != shape.n; ++n)
      sums[n] += a * matrices.b[k][n];
  }
}

template <typename T>
static uint32_t encodeSum(const WarpgroupShape &shape, T sum) {
  if constexpr (std::is_same_v<T, float>)
    return shape.dIsF16 ? kF16.encode(sum) : llvm::bit_cast<uint32_t>(sum);
  else
    return uint32_t(
        shape.saturates ? std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX) : sum);
}

/// T: of factors; Sum: of what is added. Rows of D one after the other.
template <typename T, typename Sum>
static void multiply(const WarpgroupShape &shape, const GroupCall &call,
                     unsigned group) {
  // The stack of a fiber is small; only one product is computed at a time.
  static Matrices<T> matrices;
  const Site &site = *call.site;
  const uint64_t *common = call.arguments[0];
  unsigned agent = kFirstWarpgroup + group;
  VectorClock clock;
  for (unsigned warp = 4 * group; warp != 4 * group + 4; ++warp)
    clock.join(currentCta->getWarp(warp).clock);
  uint32_t step = getState().steps[group];
  clock.steps[warpOf(agent)] = step;
  Accessor who = {threadOf(agent), warpOf(agent), &clock, step};
  T signA = int32_t(common[kScaleA]) < 0 ? T(-1) : T(1);
  T signB = int32_t(common[kScaleB]) < 0 ? T(-1) : T(1);
  if (site.fields[kAIsInRegisters])
    readRegisters(shape, call, matrices);
  else
    readShared<T>(site, shape.a, common[kA], common[kTransposeA], kM, shape.k,
                  who,
                  [&](int row, int k, T value) { matrices.a[row][k] = value; });
  readShared<T>(
      site, shape.b, common[kB], common[kTransposeB], shape.n, shape.k, who,
      [&](int n, int k, T value) { matrices.b[k][n] = value * signB; });
  unsigned firstD = kA + (site.fields[kAIsInRegisters] ? 4 : 1);
  bool adds = common[kScaleD] & 1;
  for (int row = 0; row != kM; ++row) {
    for (int k = 0; k != shape.k; ++k)
      matrices.a[row][k] *= signA;
    Sum sums[kMaxN] = {};
    // Visits each element of the row: threads 4 g to 4 g + 3 of its warp.
    auto forRow = [&](auto visit) {
      int first = row / 16 * 32 + row % 8 * 4, high = row / 8 % 2;
      for (int t = 0; t != 4; ++t)
        for (int n = 0; n < shape.n; n += 8)
          for (int e = 0; e != 2; ++e) {
            unsigned i = n / 2 + 2 * high + e;
            visit(first + t, shape.dIsF16 ? i / 2 : i,
                  shape.dIsF16 ? 16 * e : 0, n + 2 * t + e);
          }
    };
    if (adds)
      forRow([&](int thread, unsigned i, unsigned shift, int n) {
        uint64_t word = call.arguments[thread][firstD + i];
        if constexpr (std::is_same_v<T, float>)
          sums[n] = shape.dIsF16 ? kF16.decode(word >> shift & 0xFFFF)
                                 : readAs<float>(word);
        else
          sums[n] = readAs<int32_t>(word);
      });
    addProducts(shape, matrices, row, sums);
    forRow([&](int thread, unsigned i, unsigned shift, int n) {
      uint64_t code = encodeSum(shape, sums[n]);
      uint64_t &result = call.results[thread][i];
      result = shift ? result | code << shift : code;
    });
  }
}

static void checkCommon(const GroupCall &call) {
  unsigned last = call.site->fields[kAIsInRegisters] ? kB : kA;
  for (int thread = 1; thread != kGroupThreads; ++thread)
    for (unsigned i = 0; i <= last; ++i)
      if (call.arguments[thread][i] != call.arguments[0][i])
        failThread(*currentThread, call.site,
                   "threads of a warpgroup give different matrices or factors "
                   "to '" +
                       call.site->name + "'");
}

/// Waits for all four warps of the warpgroup.
static void runMma(const Site &site, const uint64_t *arguments,
                   uint64_t *results) {
  Cta &cta = *currentCta;
  Thread &thread = *currentThread;
  unsigned group = thread.number / kGroupThreads;
  ThreadAsync &async = getAsync(thread);
  if ((group + 1) * kGroupThreads > cta.getNumThreads())
    failThread(thread, &site,
               "'" + site.name + "' in a warpgroup of less than four warps");
  if (!async.hasFenced)
    failThread(thread, &site, "'" + site.name + "' without wgmma.fence before");
  GroupCall &call = getState().calls[group];
  if (call.arrived && call.site != &site)
    failThread(thread, &site,
               "threads of a warpgroup are at different wgmma instructions");
  call.site = &site;
  unsigned number = thread.number % kGroupThreads;
  call.arguments[number] = arguments;
  call.results[number] = results;
  if (++call.arrived != unsigned(kGroupThreads)) {
    cta.wait(site, "the other threads of its warpgroup");
  } else {
    checkCommon(call);
    ++getState().steps[group];
    const auto &shape = *static_cast<const WarpgroupShape *>(site.table.get());
    if (shape.isFloat)
      multiply<float, float>(shape, call, group);
    else
      multiply<int32_t, int64_t>(shape, call, group);
    call = GroupCall();
    for (int i = 0; i != kGroupThreads; ++i) {
      Thread &other = cta.getThread(group * kGroupThreads + i);
      if (&other != &thread)
        cta.wake(other);
    }
  }
  // Nobody can have come to the next one.
  async.lastMma = getState().steps[group];
  async.lastMmaOf[site.whole ? site.whole : &site] = async.lastMma;
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

static void fence(const Site &, const uint64_t *, uint64_t *) {
  getAsync(*currentThread).hasFenced = true;
}

static void commit(const Site &, const uint64_t *, uint64_t *) {
  ThreadAsync &async = getAsync(*currentThread);
  async.mmaGroups.push_back(async.lastMma);
}

static void completeGroups(ThreadAsync &async, uint64_t numLeft) {
  while (async.mmaGroups.size() > numLeft) {
    async.completedMma = async.mmaGroups.front();
    async.mmaGroups.pop_front();
  }
}

static void applyWait(Warp &warp, unsigned firstThread, const WarpCall &call) {
  unsigned group = firstThread / kGroupThreads;
  uint32_t &known = warp.clock.steps[warpOf(kFirstWarpgroup + group)];
  for (unsigned lane = 0; lane != kWarpSize; ++lane) {
    ThreadAsync &async = getAsync(currentCta->getThread(firstThread + lane));
    completeGroups(async, call.arguments[lane][0]);
    known = std::max(known, async.completedMma);
  }
}

/// Argument: how many of the latest groups may stay. The threads of a warp have
/// one clock: none knows of the end before all have come.
static void waitGroup(const Site &site, const uint64_t *arguments,
                      uint64_t *results) {
  callWholeWarp(site, arguments, results, applyWait);
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

static std::optional<Factor> findFactor(llvm::StringRef name) {
  if (name == "s8" || name == "u8")
    return Factor{8, name == "s8", nullptr};
  const SmallFloat *format = findSmallFloat(name);
  if (!format || format->width() < 8)
    return std::nullopt;
  return Factor{format == &kTF32 ? 32 : format->width(), true, format};
}

/// mma_async.sync.aligned.m64nNkK.d.a.b[.satfinite]
static bool findMma(llvm::StringRef name, Site &site) {
  if (!name.consume_front("mma_async.sync.aligned.m64n"))
    return false;
  auto shape = std::make_shared<WarpgroupShape>(WarpgroupShape());
  if (name.consumeInteger(10, shape->n) || !name.consume_front("k") ||
      name.consumeInteger(10, shape->k))
    return false;
  shape->saturates = name.consume_back(".satfinite");
  llvm::SmallVector<llvm::StringRef> types;
  name.split(types, '.', -1, false);
  if (types.size() != 3)
    return false;
  auto a = findFactor(types[1]), b = findFactor(types[2]);
  if (!a || !b || shape->n < 8 || shape->n > kMaxN || shape->n % 8 ||
      shape->k * a->bits != 256 || a->bits != b->bits)
    return false;
  shape->a = *a;
  shape->b = *b;
  shape->isFloat = types[0] != "s32";
  shape->dIsF16 = types[0] == "f16";
  if (shape->isFloat != bool(a->format))
    return false;
  site.handler = runMma;
  site.table = std::move(shape);
  return true;
}

bool findWarpgroupMma(llvm::StringRef name, Site &site) {
  if (!name.consume_front("wgmma."))
    return false;
  site.isBlocking = true;
  static constexpr std::pair<llvm::StringLiteral, Handler> kHandlers[] = {
      {"fence.sync.aligned", fence},
      {"commit_group.sync.aligned", commit},
      {"wait_group.sync.aligned", waitGroup}};
  for (auto [text, handler] : kHandlers)
    if (name == text) {
      site.handler = handler;
      return true;
    }
  return findMma(name, site);
}

} // namespace mlir::qfmt::sim
