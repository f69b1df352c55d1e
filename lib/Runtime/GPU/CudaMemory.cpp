// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Allocations, copies and fills. Allocations on a stream come from a pool that
// keeps freed memory, those without one are the driver's plain ones.

#include "CudaMemory.h"
#include "AllocationSize.h"
#include "ConstantCache.h"
#include "CudaStreams.h"
#include "ErrorSlot.h"
#include "MemRefDescriptor.h"
#include "Mgpu.h"
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

using namespace qfmt::gpu;

namespace {
struct TensorMapCopy {
  CudaTensorMap map;
  CudaPointer device;
};

struct Allocation {
  uint64_t bytes;
  bool isPooled;
  std::vector<TensorMapCopy> tensorMaps;
};

struct Allocations {
  std::mutex mutex;
  std::map<CudaPointer, Allocation> live;
  /// Tensor maps of memory that others have allocated.
  std::vector<TensorMapCopy> foreignTensorMaps;
  std::set<void *> registered;
};
} // namespace

static Allocations &allocations() {
  static Allocations &allocations = *new Allocations;
  return allocations;
}

static CudaPointer toCuda(const void *pointer) {
  return reinterpret_cast<CudaPointer>(pointer);
}
static void *fromCuda(CudaPointer pointer) {
  return reinterpret_cast<void *>(pointer);
}

static CudaResult allocatePooled(const CudaSession &session, uint64_t bytes,
                                 CudaStream stream, CudaPointer &pointer) {
  CudaPool pool = session.getDevice().pool;
  CudaResult result =
      session->memAllocFromPoolAsync(&pointer, bytes, pool, stream);
  if (result != kCudaOutOfMemory)
    return result;
  // What other streams have freed, once they are done.
  if (CudaResult error = session->ctxSynchronize())
    return error;
  session->memPoolTrimTo(pool, 0);
  return session->memAllocFromPoolAsync(&pointer, bytes, pool, stream);
}

/// "cannot allocate 100 bytes on the device: ..., 10 bytes of 50 are free".
static void failToAllocate(const CudaSession &session, uint64_t bytes,
                           CudaResult result) {
  size_t free = 0, total = 0;
  std::string memory;
  if (result == kCudaOutOfMemory && !session->memGetInfo(&free, &total))
    memory = ", " + std::to_string(free) + " bytes of " +
             std::to_string(total) + " are free";
  fail("cannot allocate " + std::to_string(bytes) + " bytes on the device: " +
       describeCudaResult(session.getDevice().driver, result) + memory);
}

void *mgpuMemAlloc(uint64_t bytes, void *stream, int8_t isHostShared) {
  CudaSession session;
  if (!session || bytes == 0 || !verifyAllocationSize(bytes))
    return nullptr;
  CudaPointer pointer = 0;
  bool isPooled = session.getDevice().pool && stream && !isHostShared;
  constexpr unsigned kAttachGlobal = 1;
  CudaResult result =
      isHostShared ? session->memAllocManaged(&pointer, bytes, kAttachGlobal)
      : isPooled
          ? allocatePooled(session, bytes, getCudaStream(stream), pointer)
          : session->memAlloc(&pointer, bytes);
  if (result) {
    failToAllocate(session, bytes, result);
    return nullptr;
  }
  Allocations &a = allocations();
  std::lock_guard<std::mutex> lock(a.mutex);
  a.live[pointer] = {bytes, isPooled, {}};
  return fromCuda(pointer);
}

static void freeTensorMaps(const CudaSession &session,
                           const std::vector<TensorMapCopy> &maps) {
  for (const TensorMapCopy &map : maps)
    session.check(session->memFree(map.device), "cannot free a tensor map");
}

/// `stream` is null where the order is not known.
static void freeMemory(const CudaSession &session, CudaPointer pointer,
                       const Allocation &allocation, void *stream) {
  CudaResult result = kCudaSuccess;
  if (allocation.isPooled && stream) {
    result = session->memFreeAsync(pointer, getCudaStream(stream));
  } else {
    // The driver waits by itself only for what is not of a pool.
    if (allocation.isPooled)
      result = session->ctxSynchronize();
    if (!result)
      result = session->memFree(pointer);
  }
  session.check(result, "cannot free memory of the device");
  // Frees of plain memory wait for all that may still read the maps.
  freeTensorMaps(session, allocation.tensorMaps);
}

void mgpuMemFree(void *pointer, void *stream) {
  CudaSession session(CudaSession::Release);
  if (!session || !pointer)
    return;
  Allocation allocation;
  {
    Allocations &a = allocations();
    std::lock_guard<std::mutex> lock(a.mutex);
    auto found = a.live.find(toCuda(pointer));
    if (found == a.live.end()) {
      fail("cannot free memory that is not allocated, or freed already");
      return;
    }
    allocation = std::move(found->second);
    a.live.erase(found);
  }
  freeMemory(session, toCuda(pointer), allocation, stream);
}

void mgpuMemcpy(void *to, void *from, uint64_t bytes, void *stream) {
  CudaSession session;
  if (session && bytes > 0)
    session.check(session->memcpyAsync(toCuda(to), toCuda(from), bytes,
                                       getCudaStream(stream)),
                  "cannot copy ", std::to_string(bytes) + " bytes");
}

/// The driver copies from memory that is not page-locked when it likes to, in
/// the null stream, for which kernels of other streams do not wait.
static CudaResult copyAtOnce(const CudaSession &session, CudaPointer to,
                             const void *from, uint64_t bytes) {
  if (CudaResult error = session->memcpyHtoD(to, from, bytes))
    return error;
  return session->streamSynchronize(nullptr);
}

void mgpuMemset32(void *pointer, int32_t value, uint64_t count, void *stream) {
  CudaSession session;
  if (session && count > 0)
    session.check(session->memsetD32Async(toCuda(pointer), value, count,
                                          getCudaStream(stream)),
                  "cannot fill ", std::to_string(count) + " words");
}

void mgpuMemset16(void *pointer, int16_t value, uint64_t count, void *stream) {
  CudaSession session;
  if (session && count > 0)
    session.check(session->memsetD16Async(toCuda(pointer), value, count,
                                          getCudaStream(stream)),
                  "cannot fill ", std::to_string(count) + " half words");
}

void mgpuMemHostRegisterMemRef(int64_t rank, void *descriptor,
                               int64_t elementBytes) {
  CudaSession session;
  MemRefDescriptor memref(rank, descriptor);
  uint64_t bytes = memref.getSpanBytes(elementBytes);
  if (!session || bytes == 0)
    return;
  void *begin = memref.getBegin(elementBytes);
  if (!session.check(session->memHostRegister(begin, bytes, 0),
                     "cannot page-lock ", std::to_string(bytes) + " bytes"))
    return;
  Allocations &a = allocations();
  std::lock_guard<std::mutex> lock(a.mutex);
  a.registered.insert(begin);
}

void mgpuMemHostUnregisterMemRef(int64_t rank, void *descriptor,
                                 int64_t elementBytes) {
  CudaSession session(CudaSession::Release);
  void *begin = MemRefDescriptor(rank, descriptor).getBegin(elementBytes);
  Allocations &a = allocations();
  std::lock_guard<std::mutex> lock(a.mutex);
  if (session && a.registered.erase(begin))
    session.check(session->memHostUnregister(begin),
                  "cannot unlock memory of the host");
}

void *qfmt::gpu::keepTensorMap(const CudaSession &session, CudaPointer address,
                               const CudaTensorMap &map) {
  Allocations &a = allocations();
  std::lock_guard<std::mutex> lock(a.mutex);
  auto owner = a.live.upper_bound(address);
  bool isOurs = owner != a.live.begin() && address - std::prev(owner)->first <
                                               std::prev(owner)->second.bytes;
  std::vector<TensorMapCopy> &maps =
      isOurs ? std::prev(owner)->second.tensorMaps : a.foreignTensorMaps;
  for (const TensorMapCopy &known : maps)
    if (!std::memcmp(&known.map, &map, sizeof(map)))
      return fromCuda(known.device);
  CudaPointer device = 0;
  if (!session.check(session->memAlloc(&device, sizeof(map)),
                     "cannot allocate a tensor map"))
    return nullptr;
  if (!session.check(copyAtOnce(session, device, &map, sizeof(map)),
                     "cannot copy a tensor map")) {
    session->memFree(device);
    return nullptr;
  }
  maps.push_back({map, device});
  return fromCuda(device);
}

void qfmt::gpu::releaseCudaMemory(const CudaSession &session) {
  Allocations &a = allocations();
  std::lock_guard<std::mutex> lock(a.mutex);
  for (auto &[pointer, allocation] : a.live)
    freeMemory(session, pointer, allocation, nullptr);
  freeTensorMaps(session, a.foreignTensorMaps);
  for (void *begin : a.registered)
    session.check(session->memHostUnregister(begin),
                  "cannot unlock memory of the host");
  a.live.clear();
  a.foreignTensorMaps.clear();
  a.registered.clear();
}

namespace {
class CudaConstants : public DeviceMemory {
public:
  void *allocate(uint64_t bytes) override {
    return mgpuMemAlloc(bytes, nullptr, /*isHostShared=*/0);
  }
  void release(void *device) override { mgpuMemFree(device, nullptr); }
  bool write(void *device, const void *host, uint64_t bytes) override {
    CudaSession session;
    return session &&
           session.check(copyAtOnce(session, toCuda(device), host, bytes),
                         "cannot copy a constant to the device");
  }
  bool read(void *host, const void *device, uint64_t bytes) override {
    CudaSession session;
    return session &&
           session.check(session->memcpyDtoH(host, toCuda(device), bytes),
                         "cannot copy a constant from the device");
  }
};
} // namespace

DeviceMemory &qfmt::gpu::deviceMemory() {
  static CudaConstants &constants = *new CudaConstants;
  return constants;
}
