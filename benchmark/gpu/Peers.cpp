// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Peers.h"
#include "CudaSession.h"
#include "CudaStreams.h"
#include "ErrorSlot.h"
#include "Mgpu.h"
#include "RandomData.h"
#include "Timer.h"
#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>

using namespace qfmt::gpu;
using namespace qfmt::gpu::benchmark;

static constexpr int64_t kRuns = 20;

namespace {
// Numbers of cublas_api.h, library_types.h and cublasLt.h.
enum : int { kCompute32F = 68, kCompute32I = 72 };
enum : int { kR32F = 0, kR8I = 3, kR32I = 10, kR16BF = 14, kR8E4M3 = 28 };
enum : int { kDescTransA = 3, kDescAScale = 17, kDescBScale = 18 };
enum : int { kPreferenceWorkspace = 1 };
constexpr int kTransposed = 1;

struct Algorithm {
  uint64_t data[8];
};
struct Heuristic {
  Algorithm algorithm;
  size_t workspaceBytes;
  int state;
  float waves;
  int reserved[4];
};

/// The types of a product: sums, factors, results.
struct ProductTypes {
  const char *name;
  int compute, scale, factors, result;
  int64_t factorBytes, resultBytes;
  const char *randomKind;
};
constexpr ProductTypes kProducts[] = {
    {"int8", kCompute32I, kR32I, kR8I, kR32I, 1, 4, "bytes"},
    {"fp8", kCompute32F, kR32F, kR8E4M3, kR16BF, 1, 2, "e4m3"},
    {"bf16", kCompute32F, kR32F, kR16BF, kR16BF, 2, 2, "bf16"}};
} // namespace

namespace qfmt::gpu::benchmark {
/// The library, by the names of its functions.
class CublasLt {
public:
  /// Empty, or what is missing.
  std::string load();
  /// Seconds, or a negative number.
  double time(const ProductTypes &types, int64_t m, int64_t n, int64_t k);

private:
  struct Product;
  bool describe(Product &product, const ProductTypes &types, int64_t m,
                int64_t n, int64_t k);
  double timeAlgorithms(const Product &product, const ProductTypes &types,
                        void *a, void *b, void *d);

  int (*create)(void **);
  int (*makeDescription)(void **, int compute, int scale);
  int (*setDescription)(void *, int attribute, const void *, size_t);
  int (*makeLayout)(void **, int type, uint64_t rows, uint64_t columns,
                    int64_t stride);
  int (*makePreference)(void **);
  int (*setPreference)(void *, int attribute, const void *, size_t);
  int (*getHeuristic)(void *, void *, void *, void *, void *, void *, void *,
                      int, Heuristic *, int *);
  int (*matmul)(void *, void *, const void *, const void *, void *,
                const void *, void *, const void *, const void *, void *,
                void *, void *, const Algorithm *, void *, size_t, void *);
  void *handle = nullptr;
};
} // namespace qfmt::gpu::benchmark

/// Descriptions of one product; as many as a program needs, never freed.
struct CublasLt::Product {
  void *description, *a, *b, *d, *preference;
};

static constexpr size_t kWorkspaceBytes = size_t(64) << 20;

std::string CublasLt::load() {
  const char *chosen = std::getenv("QFMT_LIBCUBLASLT");
  const char *names[] = {chosen, "libcublasLt.so.13", "libcublasLt.so.12",
                         "/usr/local/cuda/lib64/libcublasLt.so"};
  void *library = nullptr;
  for (const char *name : names)
    if (name && !library)
      library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return "no libcublasLt.so.13 or .12 is found (QFMT_LIBCUBLASLT)";
  std::string missing;
  auto find = [&](const char *name, auto &function) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(
        dlsym(library, name));
    if (!function)
      missing = std::string("cublasLt has no ") + name;
  };
  find("cublasLtCreate", create);
  find("cublasLtMatmulDescCreate", makeDescription);
  find("cublasLtMatmulDescSetAttribute", setDescription);
  find("cublasLtMatrixLayoutCreate", makeLayout);
  find("cublasLtMatmulPreferenceCreate", makePreference);
  find("cublasLtMatmulPreferenceSetAttribute", setPreference);
  find("cublasLtMatmulAlgoGetHeuristic", getHeuristic);
  find("cublasLtMatmul", matmul);
  CudaSession session;
  if (missing.empty() && session && create(&handle) != 0)
    missing = "cublasLtCreate fails";
  return missing;
}

/// Columns are contiguous, factors' ones along k: what cublasLt's products of
/// bytes take.
bool CublasLt::describe(Product &p, const ProductTypes &types, int64_t m,
                        int64_t n, int64_t k) {
  return !makeDescription(&p.description, types.compute, types.scale) &&
         !setDescription(p.description, kDescTransA, &kTransposed,
                         sizeof(kTransposed)) &&
         !makeLayout(&p.a, types.factors, k, m, k) &&
         !makeLayout(&p.b, types.factors, k, n, k) &&
         !makeLayout(&p.d, types.result, m, n, m) &&
         !makePreference(&p.preference) &&
         !setPreference(p.preference, kPreferenceWorkspace, &kWorkspaceBytes,
                        sizeof(kWorkspaceBytes));
}

double CublasLt::timeAlgorithms(const Product &p, const ProductTypes &types,
                                void *a, void *b, void *d) {
  constexpr int kAlgorithms = 16;
  Heuristic found[kAlgorithms] = {};
  int count = 0;
  if (getHeuristic(handle, p.description, p.a, p.b, p.d, p.d, p.preference,
                   kAlgorithms, found, &count))
    return -1;
  // As wide as either type of a scale.
  const float oneFloat = 1, zeroFloat = 0;
  const int32_t oneInt = 1, zeroInt = 0;
  bool isInt = types.scale == kR32I;
  const void *one = isInt ? static_cast<const void *>(&oneInt) : &oneFloat;
  const void *zero = isInt ? static_cast<const void *>(&zeroInt) : &zeroFloat;
  void *workspace = mgpuMemAlloc(kWorkspaceBytes, nullptr, 0);
  double best = -1;
  for (int i = 0; i < count && !hasFailed(); ++i) {
    bool works = found[i].state == 0;
    auto start = [&](int64_t, void *stream) {
      works = works && !matmul(handle, p.description, one, a, p.a, b, p.b, zero,
                               d, p.d, d, p.d, &found[i].algorithm, workspace,
                               kWorkspaceBytes, getCudaStream(stream));
    };
    double time = timeWork(start, kRuns, 3);
    if (works && time > 0 && (best < 0 || time < best))
      best = time;
  }
  mgpuMemFree(workspace, nullptr);
  return best;
}

/// Memory of the device with random data.
static void *makeRandom(const char *kind, uint64_t seed, int64_t bytes) {
  std::vector<char> data(bytes);
  fillRandom(kind, seed, data.data(), bytes);
  void *device = mgpuMemAlloc(bytes, nullptr, 0);
  mgpuMemcpy(device, data.data(), bytes, nullptr);
  mgpuStreamSynchronize(nullptr);
  return device;
}

double CublasLt::time(const ProductTypes &types, int64_t m, int64_t n,
                      int64_t k) {
  CudaSession session;
  Product product;
  if (!session || !describe(product, types, m, n, k))
    return -1;
  void *a = makeRandom(types.randomKind, 1, m * k * types.factorBytes);
  void *b = makeRandom(types.randomKind, 2, k * n * types.factorBytes);
  void *d = mgpuMemAlloc(m * n * types.resultBytes, nullptr, 0);
  double time = hasFailed() ? -1 : timeAlgorithms(product, types, a, b, d);
  for (void *memory : {a, b, d})
    mgpuMemFree(memory, nullptr);
  return time;
}

Peers::Peers() : cublas(std::make_unique<CublasLt>()) {
  missing = cublas->load();
  if (!missing.empty())
    cublas.reset();
}

Peers::~Peers() = default;

double Peers::timeProduct(const Target &target) {
  auto types = std::find_if(
      std::begin(kProducts), std::end(kProducts),
      [&](const ProductTypes &t) { return t.name == target.peer; });
  if (!cublas || types == std::end(kProducts))
    return -1;
  std::string key = target.peer + " " + std::to_string(target.m) + " " +
                    std::to_string(target.n) + " " + std::to_string(target.k);
  auto found = known.find(key);
  if (found == known.end())
    found =
        known.insert({key, cublas->time(*types, target.m, target.n, target.k)})
            .first;
  return found->second;
}

double Peers::measureCopy() {
  auto found = known.find("copy");
  if (found != known.end())
    return found->second;
  // Far more than fits in caches.
  constexpr int64_t kBytes = int64_t(256) << 20;
  void *from = mgpuMemAlloc(kBytes, nullptr, 0);
  void *to = mgpuMemAlloc(kBytes, nullptr, 0);
  mgpuMemset32(from, 0x5A3C9617, kBytes / 4, nullptr);
  mgpuStreamSynchronize(nullptr);
  double time = timeWork(
      [&](int64_t, void *stream) { mgpuMemcpy(to, from, kBytes, stream); },
      kRuns);
  mgpuMemFree(from, nullptr);
  mgpuMemFree(to, nullptr);
  return known["copy"] = time > 0 ? 2 * double(kBytes) / time : -1;
}
