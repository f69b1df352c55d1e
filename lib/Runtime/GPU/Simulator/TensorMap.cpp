//===- TensorMap.cpp - Tensors that the copy engine knows -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The conditions are those of cuTensorMapEncodeTiled.
//
//===----------------------------------------------------------------------===//

#include "TensorMap.h"
#include "Error.h"
#include "MemRefDescriptor.h"
#include "Mgpu.h"
#include <map>

using namespace mlir::qfmt::sim;

namespace mlir::qfmt::sim {

uint64_t TensorMap::boxBytes() const {
  uint64_t bytes = rowBytes();
  for (unsigned i = 1; i < rank; ++i)
    bytes *= box[i];
  return bytes;
}

void forEachPiece(const TensorMap &map, uint64_t shared,
                  const int32_t *coordinates,
                  llvm::function_ref<void(uint64_t, uint64_t, uint64_t)> move) {
  constexpr uint64_t kPiece = 16;
  uint64_t rowBytes = map.rowBytes(), numRows = map.boxBytes() / rowBytes;
  for (uint64_t row = 0; row != numRows; ++row) {
    uint64_t address = map.address, rest = row;
    bool isInside = true;
    for (unsigned i = 1; i < map.rank; ++i) {
      int64_t at = coordinates[i] + int64_t(rest % map.box[i]);
      rest /= map.box[i];
      isInside &= at >= 0 && uint64_t(at) < map.sizes[i];
      address += at * map.strides[i];
    }
    for (uint64_t byte = 0; byte < rowBytes; byte += kPiece) {
      uint64_t linear = shared + row * rowBytes + byte;
      uint64_t to = swizzleAddress(linear, map.swizzle);
      uint64_t bytes = std::min(kPiece, rowBytes - byte);
      int64_t width = map.elementBytes();
      int64_t x = coordinates[0] + int64_t(byte) / width;
      int64_t end = x + int64_t(bytes) / width, size = map.sizes[0];
      if (!isInside || end <= 0 || x >= size) {
        move(to, 0, bytes);
      } else if (x >= 0 && end <= size) {
        move(to, address + x * width, bytes);
      } else {
        for (; x != end; ++x, to += width)
          move(to, x >= 0 && x < size ? address + x * width : 0, width);
      }
    }
  }
}

const TensorMap &getTensorMap(const Site &site, uint64_t address,
                              unsigned rank) {
  DeviceMemory &memory = DeviceMemory::get();
  bool isReadable =
      !memory.contains(address) || *memory.statesOf(address) == kInitialised;
  const auto *map = reinterpret_cast<const TensorMap *>(address);
  if (address < 4096 || address % 64 || !isReadable ||
      map->magic != TensorMap::kMagic)
    failThread(*currentThread, &site,
               "'" + site.name + "' with what is not a tensor map");
  if (map->rank != rank)
    failThread(*currentThread, &site,
               "'" + site.name + "' with a tensor map of " +
                   llvm::Twine(unsigned(map->rank)) + " dimensions");
  return *map;
}

} // namespace mlir::qfmt::sim

//===----------------------------------------------------------------------===//
// Making maps
//===----------------------------------------------------------------------===//

/// By CUtensorMapDataType.
static constexpr uint8_t kElementBytes[] = {1, 2, 4, 4, 8, 8, 2,
                                            4, 8, 2, 4, 4, 4};
static constexpr int64_t kUInt8 = 0, kBFloat16 = 9;

/// Tensor's address -> maps of it.
static std::multimap<uint64_t, void *> maps;

static const char *findProblem(const TensorMap &map) {
  uint64_t rowBytes = map.rowBytes();
  if (map.address % 16)
    return "the address is not a multiple of 16";
  if (rowBytes == 0 || rowBytes % 16)
    return "the innermost size of the box is not a multiple of 16 bytes";
  if (map.swizzle > 3)
    return "the swizzle is not none, 32, 64, or 128 bytes";
  if (map.swizzle && rowBytes > uint64_t(16) << map.swizzle)
    return "the innermost size of the box is more than the swizzle";
  for (unsigned i = 0; i != map.rank; ++i) {
    if (map.sizes[i] == 0 || map.sizes[i] >> 32)
      return "a size is 0 or more than 2^32";
    if (map.box[i] == 0 || map.box[i] > 256)
      return "a size of the box is not 1 to 256";
    if (i && (map.strides[i] % 16 || map.strides[i] >> 40))
      return "a stride is not a multiple of 16 bytes or too large";
  }
  return nullptr;
}

static void *keep(const TensorMap &map) {
  if (const char *problem = findProblem(map)) {
    reportError(llvm::Twine("tensor map: ") + problem);
    return nullptr;
  }
  DeviceMemory &memory = DeviceMemory::get();
  void *copy = memory.allocate(128);
  if (!copy)
    return nullptr;
  memory.copy(copy, &map, sizeof(map));
  maps.insert({map.address, copy});
  return copy;
}

/// Sizes and box from the outermost dimension on, strides of all but the
/// innermost.
static void *makeMap(void *address, int64_t rank, int64_t dataType,
                     const int64_t *sizes, const int64_t *strides,
                     const int64_t *box, int64_t swizzle) {
  if (rank < 1 || rank > int64_t(TensorMap::kMaxRank) || dataType < 0 ||
      dataType >= int64_t(std::size(kElementBytes))) {
    reportError("tensor map of " + llvm::Twine(rank) +
                " dimensions and data type " + llvm::Twine(dataType) +
                ": 1 to 5 dimensions and 0 to 12 there are");
    return nullptr;
  }
  TensorMap map = {};
  map.magic = TensorMap::kMagic;
  map.address = reinterpret_cast<uint64_t>(address);
  map.rank = rank;
  map.swizzle = uint64_t(swizzle) > 3 ? 255 : swizzle;
  for (int64_t i = 0; i != rank; ++i) {
    map.sizes[i] = sizes[rank - 1 - i];
    map.box[i] = uint64_t(box[rank - 1 - i]) > 256 ? 257 : box[rank - 1 - i];
    map.strides[i] = i ? strides[rank - 1 - i] : kElementBytes[dataType];
  }
  return keep(map);
}

void mlir::qfmt::sim::releaseTensorMaps(const void *buffer) {
  // All that begin in it.
  DeviceMemory &memory = DeviceMemory::get();
  uint64_t begin = reinterpret_cast<uint64_t>(buffer);
  uint64_t end = begin + memory.sizeOf(buffer);
  auto first = maps.lower_bound(begin), last = maps.lower_bound(end);
  for (auto it = first; it != last; ++it)
    memory.free(it->second);
  maps.erase(first, last);
}

void *mgpuTensorMapEncodeTiledMemref(int64_t rank, void *descriptor,
                                     int64_t dataType, int64_t interleave,
                                     int64_t swizzle, int64_t, int64_t,
                                     int64_t *box) {
  if (::qfmt::gpu::hasFailed())
    return nullptr;
  if (interleave) {
    reportError("tensor map: the simulator has no interleaved layouts");
    return nullptr;
  }
  if (dataType == kBFloat16)
    dataType = kUInt8;
  if (rank < 1 || rank > int64_t(TensorMap::kMaxRank) || dataType < 0 ||
      dataType >= int64_t(std::size(kElementBytes)))
    return makeMap(nullptr, rank, dataType, nullptr, nullptr, nullptr, 0);
  int64_t elementBytes = kElementBytes[dataType];
  ::qfmt::gpu::MemRefDescriptor memref(rank, descriptor);
  int64_t sizes[TensorMap::kMaxRank], strides[TensorMap::kMaxRank];
  for (int64_t i = 0; i != rank; ++i) {
    sizes[i] = memref.getSize(i);
    strides[i] = memref.getStride(i) * elementBytes;
  }
  return makeMap(memref.getBegin(elementBytes), rank, dataType, sizes, strides,
                 box, swizzle);
}

void *qfmtGpuTensorMap(void *address, int64_t rank, int64_t dataType,
                       const int64_t *sizes, const int64_t *strides,
                       const int64_t *box, int64_t swizzle, int64_t) {
  if (::qfmt::gpu::hasFailed() || !address)
    return nullptr;
  return makeMap(address, rank, dataType, sizes, strides, box, swizzle);
}
