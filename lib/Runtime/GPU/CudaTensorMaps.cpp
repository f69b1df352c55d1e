// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Descriptions of matrices for copies by TMA. The driver counts dimensions from
// the innermost, callers from the outermost.

#include "CudaMemory.h"
#include "ErrorSlot.h"
#include "MemRefDescriptor.h"
#include "Mgpu.h"

using namespace qfmt::gpu;

/// Bytes of an element by CUtensorMapDataType: u8, u16, u32, s32, u64, s64,
/// f16, f32, f64, bf16, f32 flushed, tf32, tf32 flushed.
static constexpr int kElementBytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
static constexpr int64_t kDataTypes = std::size(kElementBytes);
static constexpr int64_t kUInt8 = 0;
static constexpr int64_t kBFloat16 = 9;
static constexpr int64_t kMaxRank = 5;

namespace {
/// What is described, as the driver counts.
struct Tensor {
  void *address;
  int64_t dataType;
  int64_t rank;
  uint64_t sizes[kMaxRank];
  /// In bytes, of all but the innermost dimension.
  uint64_t strides[kMaxRank];
  uint32_t box[kMaxRank];
  int interleave, swizzle, l2Promotion, outOfBoundsFill;
};
} // namespace

static bool isDescribable(int64_t rank, int64_t dataType) {
  if (rank < 1 || rank > kMaxRank)
    fail("a tensor map has 1 to 5 dimensions, found " + std::to_string(rank));
  else if (dataType < 0 || dataType >= kDataTypes)
    fail("a tensor map has no data type " + std::to_string(dataType));
  else
    return true;
  return false;
}

/// "8x16 elements of 1 bytes, box 8x16".
static std::string describe(const Tensor &tensor) {
  std::string sizes, box;
  for (int64_t i = tensor.rank - 1; i >= 0; --i) {
    const char *by = i > 0 ? "x" : "";
    sizes += std::to_string(tensor.sizes[i]) + by;
    box += std::to_string(tensor.box[i]) + by;
  }
  return sizes + " elements of " +
         std::to_string(kElementBytes[tensor.dataType]) + " bytes, box " + box;
}

static void *encode(const CudaSession &session, const Tensor &tensor) {
  if (!session->tensorMapEncodeTiled)
    return fail("the CUDA driver has no cuTensorMapEncodeTiled, which kernels "
                "with TMA need: CUDA 12.0 or later");
  CudaTensorMap map;
  uint32_t elementStrides[kMaxRank] = {1, 1, 1, 1, 1};
  CudaResult result = session->tensorMapEncodeTiled(
      &map, int(tensor.dataType), unsigned(tensor.rank), tensor.address,
      tensor.sizes, tensor.strides, tensor.box, elementStrides,
      tensor.interleave, tensor.swizzle, tensor.l2Promotion,
      tensor.outOfBoundsFill);
  if (result) {
    session.check(result, "cannot make a tensor map of ", describe(tensor));
    return nullptr;
  }
  return keepTensorMap(session, reinterpret_cast<CudaPointer>(tensor.address),
                       map);
}

void *mgpuTensorMapEncodeTiledMemref(int64_t rank, void *descriptor,
                                     int64_t dataType, int64_t interleave,
                                     int64_t swizzle, int64_t l2Promotion,
                                     int64_t outOfBoundsFill, int64_t *box) {
  CudaSession session;
  if (!session || !isDescribable(rank, dataType))
    return nullptr;
  if (dataType == kBFloat16)
    dataType = kUInt8;
  MemRefDescriptor memref(rank, descriptor);
  int elementBytes = kElementBytes[dataType];
  Tensor tensor = {memref.getBegin(elementBytes),
                   dataType,
                   rank,
                   {},
                   {},
                   {},
                   int(interleave),
                   int(swizzle),
                   int(l2Promotion),
                   int(outOfBoundsFill)};
  for (int64_t i = 0; i < rank; ++i) {
    tensor.sizes[i] = memref.getSize(rank - 1 - i);
    tensor.box[i] = uint32_t(box[rank - 1 - i]);
    if (i + 1 < rank)
      tensor.strides[i] = memref.getStride(rank - 2 - i) * elementBytes;
  }
  return encode(session, tensor);
}

void *qfmtGpuTensorMap(void *address, int64_t rank, int64_t dataType,
                       const int64_t *sizes, const int64_t *strides,
                       const int64_t *box, int64_t swizzle,
                       int64_t l2Promotion) {
  CudaSession session;
  if (!session || !address || !isDescribable(rank, dataType))
    return nullptr;
  Tensor tensor = {address,      dataType,         rank, {}, {}, {}, 0,
                   int(swizzle), int(l2Promotion), 0};
  for (int64_t i = 0; i < rank; ++i) {
    tensor.sizes[i] = sizes[rank - 1 - i];
    tensor.box[i] = uint32_t(box[rank - 1 - i]);
    if (i + 1 < rank)
      tensor.strides[i] = strides[rank - 2 - i];
  }
  return encode(session, tensor);
}
