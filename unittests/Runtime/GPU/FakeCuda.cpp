// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FakeCuda.h"
#include "CudaDriver.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <memory>

using namespace qfmt::gpu;
using namespace qfmt::gpu::test;

#define FAKE extern "C" __attribute__((visibility("default"))) CudaResult

namespace {
enum : CudaResult {
  kInvalidValue = 1,
  kInvalidContext = 201,
  kInvalidPtx = 218,
  kInvalidHandle = 400,
  kIllegalAddress = 700,
};

struct Module {
  std::string text;
  std::map<std::string, std::unique_ptr<std::string>> functions;
};
} // namespace

static std::unique_ptr<FakeCuda> &state() {
  static auto &state = *new std::unique_ptr<FakeCuda>(new FakeCuda);
  return state;
}

FakeCuda &qfmt::gpu::test::fakeCuda() { return *state(); }

void qfmt::gpu::test::resetFakeCuda() {
  // What is left where a test lets releases fail.
  FakeCuda &f = fakeCuda();
  for (auto &[begin, size] : f.memory)
    std::free(reinterpret_cast<void *>(begin));
  for (void *module : f.modules)
    delete static_cast<Module *>(module);
  for (auto *handles : {&f.streams, &f.events})
    for (void *handle : *handles)
      std::free(handle);
  state() = std::make_unique<FakeCuda>();
}

/// How often this thread has pushed the context.
static thread_local int pushes = 0;

namespace {
/// One call: counted, and what the test wants to fail fails.
class Call {
public:
  enum Needs { Nothing, Context };
  explicit Call(const char *name, Needs needs = Context)
      : lock(fakeCuda().mutex), name(name) {
    FakeCuda &f = fakeCuda();
    int earlier = f.calls[name]++;
    auto failure = f.failures.find(name);
    if (failure != f.failures.end() && earlier >= failure->second.callsBefore)
      result = failure->second.result;
    else if (needs == Context && pushes == 0)
      require(false, "no context is current", kInvalidContext);
  }

  /// Unless `isRight`, complains, and the call fails.
  void require(bool isRight, const char *what,
               CudaResult error = kInvalidValue) {
    if (isRight || result)
      return;
    fakeCuda().complaints.push_back(std::string(name) + ": " + what);
    result = error;
  }

  bool works() const { return result == kCudaSuccess; }

  std::lock_guard<std::mutex> lock;
  const char *name;
  CudaResult result = kCudaSuccess;
};
} // namespace

/// Whether `bytes` at `pointer` are within an allocation, or in none.
static bool isWithinMemory(uint64_t pointer, size_t bytes, bool mustBeOurs) {
  auto &memory = fakeCuda().memory;
  auto next = memory.upper_bound(pointer);
  if (next != memory.begin()) {
    auto &[begin, size] = *std::prev(next);
    if (pointer - begin < size)
      return pointer - begin + bytes <= size;
  }
  return !mustBeOurs;
}

static CudaResult allocate(Call &call, CudaPointer *pointer, size_t bytes) {
  FakeCuda &f = fakeCuda();
  call.require(bytes > 0, "allocates nothing");
  size_t used = 0;
  for (auto &[begin, size] : f.memory)
    used += size;
  if (call.works() && bytes > f.memoryBytes - used)
    call.result = kCudaOutOfMemory;
  if (call.works()) {
    void *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
    std::memset(memory, 0xA5, std::min(bytes, size_t(64) << 20));
    *pointer = reinterpret_cast<CudaPointer>(memory);
    f.memory[*pointer] = bytes;
  }
  return call.result;
}

static CudaResult release(Call &call, CudaPointer pointer) {
  call.require(fakeCuda().memory.count(pointer), "frees what is not allocated");
  if (call.works()) {
    fakeCuda().memory.erase(pointer);
    std::free(reinterpret_cast<void *>(pointer));
  }
  return call.result;
}

static void requireStream(Call &call, void *stream) {
  call.require(!stream || fakeCuda().streams.count(stream),
               "the stream does not live", kInvalidHandle);
}

static CudaResult wait(Call &call) {
  if (call.works() && fakeCuda().isFaulty)
    call.result = kIllegalAddress;
  return call.result;
}

FAKE cuInit(unsigned) { return Call("cuInit", Call::Nothing).result; }

FAKE cuGetErrorName(CudaResult result, const char **name) {
  static const std::map<int, const char *> names = {
      {1, "CUDA_ERROR_INVALID_VALUE"},
      {2, "CUDA_ERROR_OUT_OF_MEMORY"},
      {100, "CUDA_ERROR_NO_DEVICE"},
      {201, "CUDA_ERROR_INVALID_CONTEXT"},
      {218, "CUDA_ERROR_INVALID_PTX"},
      {400, "CUDA_ERROR_INVALID_HANDLE"},
      {500, "CUDA_ERROR_NOT_FOUND"},
      {700, "CUDA_ERROR_ILLEGAL_ADDRESS"},
      {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"}};
  auto found = names.find(result);
  *name = found == names.end() ? nullptr : found->second;
  return found == names.end() ? kInvalidValue : kCudaSuccess;
}
FAKE cuGetErrorString(CudaResult, const char **text) {
  *text = "text of the error";
  return kCudaSuccess;
}
FAKE cuDriverGetVersion(int *version) {
  *version = 13000;
  return kCudaSuccess;
}
FAKE cuDeviceGetCount(int *count) {
  *count = fakeCuda().devices;
  return Call("cuDeviceGetCount", Call::Nothing).result;
}
FAKE cuDeviceGet(CudaDevice *device, int ordinal) {
  *device = ordinal;
  return Call("cuDeviceGet", Call::Nothing).result;
}
FAKE cuDeviceGetName(char *name, int bytes, CudaDevice) {
  std::snprintf(name, bytes, "Fake GPU");
  return kCudaSuccess;
}
FAKE cuDeviceGetAttribute(int *value, CudaDeviceAttribute attribute,
                          CudaDevice) {
  using Attribute = CudaDeviceAttribute;
  const FakeCuda &f = fakeCuda();
  const std::map<Attribute, int> values = {
      {Attribute::MaxThreadsPerBlock, 1024},
      {Attribute::MaxBlockX, 1024},
      {Attribute::MaxBlockY, 1024},
      {Attribute::MaxBlockZ, 64},
      {Attribute::MaxGridX, 2147483647},
      {Attribute::MaxGridY, 65535},
      {Attribute::MaxGridZ, 65535},
      {Attribute::ComputeCapabilityMajor, f.major},
      {Attribute::ComputeCapabilityMinor, f.minor},
      {Attribute::MaxSharedPerBlock, 227 * 1024},
      {Attribute::MemoryPools, f.hasPools},
      {Attribute::ClusterLaunch, f.major >= 9}};
  auto found = values.find(attribute);
  if (found == values.end())
    return kInvalidValue;
  *value = found->second;
  return kCudaSuccess;
}
FAKE cuDevicePrimaryCtxRetain(CudaContext *context, CudaDevice) {
  Call call("cuDevicePrimaryCtxRetain", Call::Nothing);
  if (call.works()) {
    ++fakeCuda().contexts;
    *context = reinterpret_cast<CudaContext>(&state());
  }
  return call.result;
}
FAKE cuDevicePrimaryCtxRelease_v2(CudaDevice) {
  --fakeCuda().contexts;
  return kCudaSuccess;
}
FAKE cuCtxPushCurrent_v2(CudaContext) {
  Call call("cuCtxPushCurrent", Call::Nothing);
  pushes += call.works();
  return call.result;
}
FAKE cuCtxPopCurrent_v2(CudaContext *) {
  --pushes;
  return kCudaSuccess;
}
FAKE cuCtxSynchronize() {
  Call call("cuCtxSynchronize");
  fakeCuda().isCopying = false;
  return wait(call);
}

FAKE cuModuleLoadDataEx(CudaModule *module, const void *data, unsigned count,
                        CudaJitOption *options, void **values) {
  Call call("cuModuleLoadDataEx");
  std::string text = static_cast<const char *>(data);
  if (call.works() && text.find("bad_instruction") != std::string::npos) {
    size_t *bytes = nullptr;
    for (unsigned i = 0; i < count; ++i)
      if (options[i] == CudaJitOption::ErrorLogBytes)
        bytes = reinterpret_cast<size_t *>(&values[i]);
    for (unsigned i = 0; i < count; ++i)
      if (options[i] == CudaJitOption::ErrorLog && bytes)
        std::snprintf(static_cast<char *>(values[i]), *bytes,
                      "ptxas application ptx input, line 7; error: unknown "
                      "instruction 'bad_instruction'\n");
    call.result = kInvalidPtx;
  }
  if (call.works()) {
    auto *loaded = new Module{text, {}};
    fakeCuda().modules.insert(loaded);
    *module = reinterpret_cast<CudaModule>(loaded);
  }
  return call.result;
}
FAKE cuModuleUnload(CudaModule module) {
  Call call("cuModuleUnload");
  call.require(fakeCuda().modules.count(module), "the module does not live",
               kInvalidHandle);
  if (call.works()) {
    fakeCuda().modules.erase(module);
    delete reinterpret_cast<Module *>(module);
  }
  return call.result;
}
FAKE cuModuleGetFunction(CudaFunction *function, CudaModule handle,
                         const char *name) {
  Call call("cuModuleGetFunction");
  call.require(fakeCuda().modules.count(handle), "the module does not live",
               kInvalidHandle);
  if (!call.works())
    return call.result;
  auto *module = reinterpret_cast<Module *>(handle);
  if (module->text.find(std::string(".entry ") + name + "(") ==
      std::string::npos)
    return kCudaNotFound;
  auto &known = module->functions[name];
  if (!known)
    known = std::make_unique<std::string>(name);
  *function = reinterpret_cast<CudaFunction>(known.get());
  return kCudaSuccess;
}
FAKE cuFuncGetAttribute(int *value, CudaFunctionAttribute attribute,
                        CudaFunction) {
  Call call("cuFuncGetAttribute");
  const FakeCuda &f = fakeCuda();
  *value = attribute == CudaFunctionAttribute::MaxThreadsPerBlock
               ? f.maxThreadsOfKernels
           : attribute == CudaFunctionAttribute::StaticShared ? f.staticShared
                                                              : 32;
  return call.result;
}
FAKE cuFuncSetAttribute(CudaFunction, CudaFunctionAttribute, int value) {
  Call call("cuFuncSetAttribute");
  call.require(value >= 0 && value <= 227 * 1024, "the value is out of range");
  return call.result;
}

/// Programs that do not know of this library give kernels as functions of
/// another one: environment variable QFMT_FAKE_CUDA_KERNELS.
static void (*findKernelCode(const std::string &name))(void **) {
  const char *file = std::getenv("QFMT_FAKE_CUDA_KERNELS");
  void *library = file ? dlopen(file, RTLD_NOW) : nullptr;
  return library
             ? reinterpret_cast<void (*)(void **)>(dlsym(library, name.c_str()))
             : nullptr;
}

static CudaResult launch(Call &call, CudaFunction function,
                         const FakeLaunch &launch, void **params) {
  FakeCuda &f = fakeCuda();
  requireStream(call, launch.stream);
  for (int i = 0; i < 3; ++i)
    call.require(launch.grid[i] > 0 && launch.block[i] > 0,
                 "the grid or the block is empty");
  call.require(!launch.stream || !f.isCopying,
               "a copy in the null stream may be on its way");
  if (!call.works())
    return call.result;
  f.launches.push_back(launch);
  f.launches.back().kernel = *reinterpret_cast<std::string *>(function);
  const std::string &name = f.launches.back().kernel;
  if (name == f.faultyKernel)
    f.isFaulty = true;
  auto kernel = f.kernels.find(name);
  if (kernel != f.kernels.end())
    kernel->second(params);
  else if (auto *code = findKernelCode(name))
    code(params);
  return call.result;
}
FAKE cuLaunchKernel(CudaFunction function, unsigned gridX, unsigned gridY,
                    unsigned gridZ, unsigned blockX, unsigned blockY,
                    unsigned blockZ, unsigned sharedBytes, CudaStream stream,
                    void **params, void **) {
  Call call("cuLaunchKernel");
  return launch(call, function,
                {"",
                 {gridX, gridY, gridZ},
                 {blockX, blockY, blockZ},
                 {1, 1, 1},
                 sharedBytes,
                 stream},
                params);
}
FAKE cuLaunchKernelEx(const CudaLaunchConfig *c, CudaFunction function,
                      void **params, void **) {
  Call call("cuLaunchKernelEx");
  call.require(c->attributeCount == 1 && c->attributes[0].id == 4,
               "a cluster is missing");
  if (!call.works())
    return call.result;
  const CudaLaunchAttribute &cluster = c->attributes[0];
  return launch(call, function,
                {"",
                 {c->gridX, c->gridY, c->gridZ},
                 {c->blockX, c->blockY, c->blockZ},
                 {cluster.x, cluster.y, cluster.z},
                 c->sharedBytes,
                 c->stream},
                params);
}

template <typename HandleT>
static CudaResult create(Call &call, std::set<void *> &handles,
                         HandleT *handle) {
  if (call.works()) {
    *handle = reinterpret_cast<HandleT>(std::malloc(1));
    handles.insert(*handle);
  }
  return call.result;
}
static CudaResult destroy(Call &call, std::set<void *> &handles, void *handle) {
  call.require(handles.count(handle), "the handle does not live",
               kInvalidHandle);
  if (call.works()) {
    handles.erase(handle);
    std::free(handle);
  }
  return call.result;
}
FAKE cuStreamCreate(CudaStream *stream, unsigned) {
  Call call("cuStreamCreate");
  return create(call, fakeCuda().streams, stream);
}
FAKE cuStreamDestroy_v2(CudaStream stream) {
  Call call("cuStreamDestroy");
  return destroy(call, fakeCuda().streams, stream);
}
FAKE cuStreamSynchronize(CudaStream stream) {
  Call call("cuStreamSynchronize");
  requireStream(call, stream);
  if (!stream)
    fakeCuda().isCopying = false;
  return wait(call);
}
FAKE cuStreamWaitEvent(CudaStream stream, CudaEvent event, unsigned) {
  Call call("cuStreamWaitEvent");
  requireStream(call, stream);
  call.require(fakeCuda().events.count(event), "the event does not live",
               kInvalidHandle);
  return call.result;
}
FAKE cuEventCreate(CudaEvent *event, unsigned) {
  Call call("cuEventCreate");
  return create(call, fakeCuda().events, event);
}
FAKE cuEventDestroy_v2(CudaEvent event) {
  Call call("cuEventDestroy");
  return destroy(call, fakeCuda().events, event);
}
FAKE cuEventSynchronize(CudaEvent event) {
  Call call("cuEventSynchronize");
  call.require(fakeCuda().events.count(event), "the event does not live",
               kInvalidHandle);
  return wait(call);
}
FAKE cuEventRecord(CudaEvent event, CudaStream stream) {
  Call call("cuEventRecord");
  requireStream(call, stream);
  call.require(fakeCuda().events.count(event), "the event does not live",
               kInvalidHandle);
  return call.result;
}

FAKE cuEventElapsedTime(float *milliseconds, CudaEvent begin, CudaEvent end) {
  Call call("cuEventElapsedTime");
  call.require(fakeCuda().events.count(begin) && fakeCuda().events.count(end),
               "the event does not live", kInvalidHandle);
  *milliseconds = 0.5f;
  return call.result;
}

FAKE cuMemAlloc_v2(CudaPointer *pointer, size_t bytes) {
  Call call("cuMemAlloc");
  return allocate(call, pointer, bytes);
}
FAKE cuMemAllocManaged(CudaPointer *pointer, size_t bytes, unsigned) {
  Call call("cuMemAllocManaged");
  return allocate(call, pointer, bytes);
}
FAKE cuMemFree_v2(CudaPointer pointer) {
  Call call("cuMemFree");
  return release(call, pointer);
}
FAKE cuMemGetInfo_v2(size_t *free, size_t *total) {
  *free = 1234;
  *total = fakeCuda().memoryBytes;
  return kCudaSuccess;
}

static CudaResult copy(Call &call, uint64_t to, uint64_t from, size_t bytes,
                       bool isOursTo, bool isOursFrom) {
  call.require(isWithinMemory(to, bytes, isOursTo), "writes outside of memory");
  call.require(isWithinMemory(from, bytes, isOursFrom),
               "reads outside of memory");
  // Benchmarks copy more, only for the time.
  constexpr size_t kMostToCopy = size_t(64) << 20;
  if (call.works() && bytes <= kMostToCopy)
    std::memmove(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from),
                 bytes);
  return call.result;
}
FAKE cuMemcpyAsync(CudaPointer to, CudaPointer from, size_t bytes,
                   CudaStream stream) {
  Call call("cuMemcpyAsync");
  requireStream(call, stream);
  return copy(call, to, from, bytes, false, false);
}
FAKE cuMemcpyHtoD_v2(CudaPointer to, const void *from, size_t bytes) {
  Call call("cuMemcpyHtoD");
  fakeCuda().isCopying = true;
  return copy(call, to, reinterpret_cast<uint64_t>(from), bytes, true, false);
}
FAKE cuMemcpyDtoH_v2(void *to, CudaPointer from, size_t bytes) {
  Call call("cuMemcpyDtoH");
  return copy(call, reinterpret_cast<uint64_t>(to), from, bytes, false, true);
}

template <typename T>
static CudaResult fill(Call &call, CudaPointer to, T value, size_t count,
                       CudaStream stream) {
  requireStream(call, stream);
  call.require(isWithinMemory(to, count * sizeof(T), true),
               "writes outside of memory");
  call.require(to % sizeof(T) == 0, "the address is not aligned");
  if (call.works())
    std::fill_n(reinterpret_cast<T *>(to), count, value);
  return call.result;
}
FAKE cuMemsetD16Async(CudaPointer to, unsigned short value, size_t count,
                      CudaStream stream) {
  Call call("cuMemsetD16Async");
  return fill(call, to, value, count, stream);
}
FAKE cuMemsetD32Async(CudaPointer to, unsigned value, size_t count,
                      CudaStream stream) {
  Call call("cuMemsetD32Async");
  return fill(call, to, value, count, stream);
}
FAKE cuMemHostRegister_v2(void *pointer, size_t, unsigned) {
  Call call("cuMemHostRegister");
  call.require(!fakeCuda().registered.count(pointer),
               "the memory is registered already");
  if (call.works())
    fakeCuda().registered.insert(pointer);
  return call.result;
}
FAKE cuMemHostUnregister(void *pointer) {
  Call call("cuMemHostUnregister");
  call.require(fakeCuda().registered.count(pointer),
               "the memory is not registered");
  if (call.works())
    fakeCuda().registered.erase(pointer);
  return call.result;
}

FAKE cuMemPoolCreate(CudaPool *pool, const CudaPoolProperties *properties) {
  Call call("cuMemPoolCreate");
  call.require(properties->allocationType == 1 && properties->locationType == 1,
               "the pool is not of a device");
  fakeCuda().pools += call.works();
  *pool = reinterpret_cast<CudaPool>(&state());
  return call.result;
}
FAKE cuMemPoolDestroy(CudaPool) {
  --fakeCuda().pools;
  return Call("cuMemPoolDestroy").result;
}
FAKE cuMemPoolSetAttribute(CudaPool, int, void *) {
  return Call("cuMemPoolSetAttribute").result;
}
FAKE cuMemPoolTrimTo(CudaPool, size_t) {
  return Call("cuMemPoolTrimTo").result;
}
FAKE cuMemAllocFromPoolAsync(CudaPointer *pointer, size_t bytes, CudaPool,
                             CudaStream stream) {
  Call call("cuMemAllocFromPoolAsync");
  requireStream(call, stream);
  return allocate(call, pointer, bytes);
}
FAKE cuMemFreeAsync(CudaPointer pointer, CudaStream stream) {
  Call call("cuMemFreeAsync");
  requireStream(call, stream);
  return release(call, pointer);
}
FAKE cuTensorMapEncodeTiled(CudaTensorMap *map, int dataType, unsigned rank,
                            void *address, const uint64_t *sizes,
                            const uint64_t *strides, const uint32_t *box,
                            const uint32_t *, int, int swizzle, int, int) {
  Call call("cuTensorMapEncodeTiled");
  call.require(reinterpret_cast<uint64_t>(address) % 16 == 0,
               "the address is not aligned");
  for (unsigned i = 0; i + 1 < rank; ++i)
    call.require(strides[i] % 16 == 0, "a stride is not a multiple of 16");
  for (unsigned i = 0; i < rank; ++i)
    call.require(box[i] >= 1 && box[i] <= 256, "the box is too large");
  if (!call.works())
    return call.result;
  fakeCuda().tensorMaps.push_back({dataType,
                                   {sizes, sizes + rank},
                                   {strides, strides + rank - 1},
                                   {box, box + rank},
                                   swizzle,
                                   address});
  std::memset(map, 0, sizeof(*map));
  map->opaque[0] = reinterpret_cast<uint64_t>(address);
  map->opaque[1] = dataType;
  map->opaque[2] = box[0];
  return call.result;
}
