// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads MLIR's descriptor of a ranked memref:
//
//   {allocated, aligned, offset, sizes[rank], strides[rank]}
//
// Offset, sizes and strides are in elements, innermost dimension last.

#ifndef QFMT_RUNTIME_GPU_MEMREFDESCRIPTOR_H
#define QFMT_RUNTIME_GPU_MEMREFDESCRIPTOR_H

#include <cstdint>

namespace qfmt::gpu {

class MemRefDescriptor {
public:
  MemRefDescriptor(int64_t rank, void *descriptor)
      : rank(rank), words(static_cast<int64_t *>(descriptor)) {}

  int64_t getSize(int64_t i) const { return words[3 + i]; }
  int64_t getStride(int64_t i) const { return words[3 + rank + i]; }

  /// The address of the first element.
  char *getBegin(int64_t elementBytes) const {
    return reinterpret_cast<char *>(words[1]) + words[2] * elementBytes;
  }

  /// From the first to behind the last element. Strides are not negative.
  uint64_t getSpanBytes(int64_t elementBytes) const {
    uint64_t last = 0;
    for (int64_t i = 0; i < rank; ++i) {
      if (getSize(i) == 0)
        return 0;
      last += uint64_t(getSize(i) - 1) * uint64_t(getStride(i));
    }
    return (last + 1) * uint64_t(elementBytes);
  }

private:
  int64_t rank;
  int64_t *words;
};

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_MEMREFDESCRIPTOR_H
