// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// libqfmt_record.so: takes the place of a GPU runtime, does nothing, and writes
// what it was asked for into the directory QFMT_RECORD_TO (Trace.h). Results of
// the program are meaningless.
//
// Streams are not recorded: work is done in the order of the calls.

#include "ConstantCache.h"
#include "ErrorSlot.h"
#include "MemRefDescriptor.h"
#include "Mgpu.h"
#include "RandomData.h"
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>

using namespace qfmt::gpu;
using namespace qfmt::gpu::benchmark;

namespace {
struct Kernel {
  int64_t module;
  std::string name;
  /// Of its parameters.
  std::vector<int64_t> bytes;
};

struct Module {
  int64_t index;
  std::string ptx;
  std::map<std::string, std::unique_ptr<Kernel>> kernels;
};

struct Buffer {
  int64_t index;
  uint64_t bytes;
};

struct Recording {
  std::recursive_mutex mutex;
  std::string directory;
  std::ofstream trace, data;
  int64_t dataBytes = 0;
  std::vector<std::unique_ptr<Module>> modules;
  /// By address. Freed ones stay, so that no address comes twice.
  std::map<const char *, Buffer> buffers;
  std::map<void *, int64_t> maps;
};

/// A place in a buffer, or -1.
struct Place {
  int64_t index = -1, offset = 0;
};
} // namespace

static Recording &recording() {
  static Recording &recording = *new Recording;
  return recording;
}

static std::unique_lock<std::recursive_mutex> lock() {
  return std::unique_lock<std::recursive_mutex>(recording().mutex);
}

int qfmtGpuOpen(const char *) {
  Recording &r = recording();
  auto guard = lock();
  if (r.trace.is_open())
    return 0;
  const char *directory = std::getenv("QFMT_RECORD_TO");
  r.directory = directory ? directory : "";
  r.trace.open(r.directory + "/trace.txt");
  r.data.open(r.directory + "/data.bin", std::ios::binary);
  if (directory && r.trace && r.data)
    return 0;
  fail("cannot write to the directory QFMT_RECORD_TO: '" + r.directory + "'");
  return 1;
}

/// Every function begins with it. Lines are written at once: programs need not
/// end in a way that the recorder sees.
static bool isRecording() { return !hasFailed() && qfmtGpuOpen(nullptr) == 0; }

void qfmtGpuClose() { recording().trace.flush(); }

const char *qfmtGpuChip() {
  const char *chip = std::getenv("QFMT_RECORD_CHIP");
  return chip ? chip : "sm_90a";
}

static void write(const std::string &line) {
  recording().trace << line << std::endl;
}

template <typename... Ts>
static void writeLine(const char *first, const Ts &...words) {
  std::ostringstream line;
  line << first;
  ((line << ' ' << words), ...);
  write(line.str());
}

static Place find(const void *pointer) {
  auto *byte = static_cast<const char *>(pointer);
  auto next = recording().buffers.upper_bound(byte);
  if (next == recording().buffers.begin())
    return {};
  auto &[begin, buffer] = *std::prev(next);
  uint64_t offset = byte - begin;
  return offset < buffer.bytes ? Place{buffer.index, int64_t(offset)} : Place{};
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

void *mgpuModuleLoadJIT(void *data, int32_t) {
  auto guard = lock();
  if (!isRecording())
    return nullptr;
  Recording &r = recording();
  auto module = std::make_unique<Module>();
  module->index = int64_t(r.modules.size());
  module->ptx = static_cast<const char *>(data);
  std::ofstream(r.directory + "/module" + std::to_string(module->index) +
                ".ptx")
      << module->ptx;
  writeLine("module");
  countLoadedModule();
  r.modules.push_back(std::move(module));
  return r.modules.back().get();
}

void *mgpuModuleLoad(void *, int64_t) {
  return fail("only PTX can be recorded");
}

void mgpuModuleUnload(void *module) {}

/// The bytes of ".param .u64 ..." or ".param .align 4 .b8 name[12]".
static int64_t getParameterBytes(const std::string &text) {
  int64_t count = 1;
  size_t bracket = text.find('[');
  if (bracket != std::string::npos)
    count = std::atoll(text.c_str() + bracket + 1);
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    size_t digits = word.find_first_of("0123456789");
    bool isType = word[0] == '.' && word.size() >= 3 && digits == 2 &&
                  std::string("usbf").find(word[1]) != std::string::npos;
    if (isType)
      return count * std::atoll(word.c_str() + 2) / 8;
  }
  return 0;
}

/// The parameters between the parentheses behind ".entry name".
static std::vector<int64_t> readParameters(const std::string &ptx,
                                           const std::string &name) {
  std::vector<int64_t> bytes;
  size_t begin = ptx.find(".entry " + name + "(");
  size_t end = ptx.find(')', begin);
  for (size_t at = begin; (at = ptx.find(".param", at)) < end;) {
    at += 6;
    size_t last = std::min(ptx.find(".param", at), end);
    bytes.push_back(getParameterBytes(ptx.substr(at, last - at)));
  }
  return bytes;
}

void *mgpuModuleGetFunction(void *module, const char *name) {
  auto guard = lock();
  if (!isRecording() || !module)
    return nullptr;
  auto *m = static_cast<Module *>(module);
  if (m->ptx.find(std::string(".entry ") + name + "(") == std::string::npos)
    return fail(std::string("there is no kernel '") + name + "'");
  std::unique_ptr<Kernel> &kernel = m->kernels[name];
  if (!kernel)
    kernel.reset(new Kernel{m->index, name, readParameters(m->ptx, name)});
  return kernel.get();
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

/// As Trace.h has it.
static std::string formatArgument(const void *value, int64_t bytes) {
  if (bytes == 8) {
    void *pointer;
    std::memcpy(&pointer, value, 8);
    auto map = recording().maps.find(pointer);
    if (map != recording().maps.end())
      return "m:" + std::to_string(map->second);
    Place place = find(pointer);
    if (place.index >= 0)
      return "p:" + std::to_string(place.index) + ":" +
             std::to_string(place.offset);
  }
  std::string text = "v:";
  const char *digits = "0123456789abcdef";
  for (int64_t i = 0; i < bytes; ++i) {
    auto byte = static_cast<const uint8_t *>(value)[i];
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

void mgpuLaunchClusterKernel(void *function, int64_t clusterX, int64_t clusterY,
                             int64_t clusterZ, int64_t gridX, int64_t gridY,
                             int64_t gridZ, int64_t blockX, int64_t blockY,
                             int64_t blockZ, int32_t sharedBytes, void *,
                             void **params, void **) {
  auto guard = lock();
  if (!isRecording() || !function)
    return;
  auto *kernel = static_cast<Kernel *>(function);
  std::string arguments;
  for (size_t i = 0; i < kernel->bytes.size(); ++i)
    arguments += " " + formatArgument(params[i], kernel->bytes[i]);
  writeLine("launch", kernel->module, kernel->name, gridX, gridY, gridZ, blockX,
            blockY, blockZ, clusterX, clusterY, clusterZ, sharedBytes,
            std::to_string(kernel->bytes.size()) + arguments);
}

/// No clusters are clusters of 0.
void mgpuLaunchKernel(void *function, int64_t gridX, int64_t gridY,
                      int64_t gridZ, int64_t blockX, int64_t blockY,
                      int64_t blockZ, int32_t sharedBytes, void *stream,
                      void **params, void **extra, int64_t) {
  mgpuLaunchClusterKernel(function, 0, 0, 0, gridX, gridY, gridZ, blockX,
                          blockY, blockZ, sharedBytes, stream, params, extra);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

void *mgpuMemAlloc(uint64_t bytes, void *, int8_t) {
  auto guard = lock();
  if (!isRecording() || bytes == 0)
    return nullptr;
  auto *memory = static_cast<char *>(std::calloc(bytes, 1));
  if (!memory)
    return fail("cannot allocate " + std::to_string(bytes) + " bytes");
  Recording &r = recording();
  r.buffers[memory] = {int64_t(r.buffers.size()), bytes};
  writeLine("buffer", bytes);
  return memory;
}

void mgpuMemFree(void *, void *) {}

/// The kind of random data that `data` is, or empty.
static std::string findRandom(const char *data, uint64_t bytes,
                              uint64_t &seed) {
  constexpr uint64_t kSeeds = 8, kBegin = 64;
  std::vector<char> random;
  for (const std::string &kind : getRandomKinds())
    for (seed = 1; seed <= kSeeds && bytes >= kBegin; ++seed) {
      random.resize(kBegin);
      if (!fillRandom(kind, seed, random.data(), kBegin) ||
          std::memcmp(random.data(), data, kBegin) != 0)
        continue;
      random.resize(bytes);
      if (fillRandom(kind, seed, random.data(), bytes) &&
          std::memcmp(random.data(), data, bytes) == 0)
        return kind;
    }
  return "";
}

static void writeData(const Place &to, const char *data, uint64_t bytes) {
  Recording &r = recording();
  uint64_t seed;
  std::string kind = findRandom(data, bytes, seed);
  if (!kind.empty()) {
    writeLine("random", to.index, to.offset, bytes, kind, seed);
    return;
  }
  writeLine("data", to.index, to.offset, bytes, r.dataBytes);
  r.data.write(data, int64_t(bytes)).flush();
  r.dataBytes += int64_t(bytes);
}

void mgpuMemcpy(void *to, void *from, uint64_t bytes, void *) {
  auto guard = lock();
  if (!isRecording() || bytes == 0)
    return;
  Place target = find(to), source = find(from);
  if (target.index >= 0 && source.index >= 0)
    writeLine("copy", target.index, target.offset, source.index, source.offset,
              bytes);
  else if (target.index >= 0)
    writeData(target, static_cast<const char *>(from), bytes);
  else if (source.index >= 0)
    writeLine("read", source.index, source.offset, bytes);
  std::memmove(to, from, bytes);
}

static void set(void *pointer, int elementBytes, int64_t value,
                uint64_t count) {
  auto guard = lock();
  Place place = find(pointer);
  if (isRecording() && place.index >= 0)
    writeLine("set", elementBytes, place.index, place.offset, value, count);
}
void mgpuMemset32(void *pointer, int32_t value, uint64_t count, void *) {
  set(pointer, 4, value, count);
}
void mgpuMemset16(void *pointer, int16_t value, uint64_t count, void *) {
  set(pointer, 2, value, count);
}
void mgpuMemHostRegisterMemRef(int64_t, void *, int64_t) {}
void mgpuMemHostUnregisterMemRef(int64_t, void *, int64_t) {}
void mgpuSetDefaultDevice(int32_t) {}

//===----------------------------------------------------------------------===//
// Tensor maps
//===----------------------------------------------------------------------===//

void *qfmtGpuTensorMap(void *address, int64_t rank, int64_t dataType,
                       const int64_t *sizes, const int64_t *strides,
                       const int64_t *box, int64_t swizzle,
                       int64_t l2Promotion) {
  auto guard = lock();
  if (!isRecording())
    return nullptr;
  Place place = find(address);
  std::string numbers;
  for (auto *list : {sizes, strides, box})
    for (int64_t i = 0; i < rank; ++i)
      // The stride of the innermost dimension says nothing.
      numbers +=
          " " + std::to_string(list == strides && i + 1 == rank ? 0 : list[i]);
  Recording &r = recording();
  void *map = std::malloc(1);
  auto index = int64_t(r.maps.size());
  r.maps[map] = index;
  writeLine("map", place.index, place.offset, dataType,
            std::to_string(rank) + numbers, swizzle, l2Promotion);
  return map;
}

void *mgpuTensorMapEncodeTiledMemref(int64_t rank, void *descriptor,
                                     int64_t dataType, int64_t, int64_t swizzle,
                                     int64_t l2Promotion, int64_t,
                                     int64_t *box) {
  constexpr int64_t kElementBytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 1, 4, 4, 4};
  if (dataType < 0 || dataType >= int64_t(std::size(kElementBytes)))
    return fail("a tensor map has no data type " + std::to_string(dataType));
  // As Mgpu.h says.
  int64_t bytes = kElementBytes[dataType];
  MemRefDescriptor memref(rank, descriptor);
  std::vector<int64_t> sizes, strides;
  for (int64_t i = 0; i < rank; ++i) {
    sizes.push_back(memref.getSize(i));
    strides.push_back(memref.getStride(i) * bytes);
  }
  return qfmtGpuTensorMap(memref.getBegin(bytes), rank,
                          dataType == 9 ? 0 : dataType, sizes.data(),
                          strides.data(), box, swizzle, l2Promotion);
}

//===----------------------------------------------------------------------===//
// Streams, events, constants
//===----------------------------------------------------------------------===//

/// What stands for a stream or an event.
static char handle;

void *mgpuStreamCreate() { return &handle; }
void mgpuStreamDestroy(void *) {}
void mgpuStreamSynchronize(void *) {}
void mgpuStreamWaitEvent(void *, void *) {}
void *mgpuEventCreate() { return &handle; }
void mgpuEventDestroy(void *) {}
void mgpuEventSynchronize(void *) {}
void mgpuEventRecord(void *, void *) {}

namespace {
class RecordedConstants : public DeviceMemory {
public:
  void *allocate(uint64_t bytes) override {
    return mgpuMemAlloc(bytes, nullptr, 0);
  }
  void release(void *) override {}
  bool write(void *device, const void *host, uint64_t bytes) override {
    mgpuMemcpy(device, const_cast<void *>(host), bytes, nullptr);
    return true;
  }
  bool read(void *host, const void *device, uint64_t bytes) override {
    std::memcpy(host, device, bytes);
    return true;
  }
};
} // namespace

DeviceMemory &qfmt::gpu::deviceMemory() {
  static RecordedConstants &constants = *new RecordedConstants;
  return constants;
}
