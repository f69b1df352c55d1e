// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions that compiled host code calls to use a GPU. The mgpu functions
// are those of MLIR 22's `gpu-to-llvm` and `convert-nvgpu-to-nvvm`, with
// exactly its types; the qfmt functions are ours. One host program, three
// libraries that define all of them:
//
//   libqfmt_cuda.so     NVIDIA's driver, found at run time; kernels are PTX
//   libqfmt_vulkan.so   any Vulkan 1.2 device; kernels are SPIR-V
//   libqfmt_sim.so      kernels are NVPTX bitcode, executed by the CPU
//
// Errors. No function ends the process or throws. The first error is kept and
// is told by qfmtGpuError(); until then every other function does nothing,
// returns null, and only releases what it is asked to release. After
// qfmtGpuError() has told it, functions work again as far as they can. Errors
// of the device itself show at the next call that waits for it.
//
// Threads. All functions may be called from several threads. The error is that
// of the process, not of the thread.
//
// Streams. A null stream is the default stream of the library. Work within a
// stream is done in order. A pointer to device memory may point into what
// mgpuMemAlloc has returned, not only to its begin.
//
// This header is C.

#ifndef QFMT_RUNTIME_GPU_MGPU_H
#define QFMT_RUNTIME_GPU_MGPU_H

#include <stdint.h>

#ifdef __cplusplus
#define QFMT_GPU_API extern "C" __attribute__((visibility("default")))
#else
#define QFMT_GPU_API extern __attribute__((visibility("default")))
#endif

/* The device and errors. */

/// Opens the device, once; further calls return 0. `options` may be null or has
/// "key=value" separated by commas: "device=1" is an index for CUDA, an index
/// or a part of the name for Vulkan. Returns 0; 77 if there is no driver or no
/// device; 1 for other errors. The message is in qfmtGpuError(). Without this
/// call the first function that needs the device opens it with its defaults.
QFMT_GPU_API int qfmtGpuOpen(const char *options);

/// Waits for the device and releases constants, what was kept for later use,
/// and the device. Pointers, modules and streams are no longer valid. A later
/// call opens the device again.
QFMT_GPU_API void qfmtGpuClose(void);

/// The first error since the last call of this function, or null. The text
/// lives until the next call from the same thread.
QFMT_GPU_API const char *qfmtGpuError(void);

/// What to compile for: "sm_90a" (CUDA; the simulator says what it takes), or
/// the name of the device (Vulkan). Null if there is none, with an error.
QFMT_GPU_API const char *qfmtGpuChip(void);

/// The device's copy of `bytes` bytes at `host`, which never change while a
/// module is loaded. Made at the first call, kept until the last module is
/// unloaded. Complete when the function returns, for all streams.
QFMT_GPU_API void *qfmtGpuConstant(const void *host, int64_t bytes,
                                   void *stream);

/* Modules and kernels. */

/// `size` bytes at `data`: cubin or fatbin (CUDA), bitcode (simulator), SPIR-V
/// (Vulkan).
QFMT_GPU_API void *mgpuModuleLoad(void *data, int64_t size);
/// PTX, ending in a zero byte, compiled by the driver at `optLevel` 0 to 4.
QFMT_GPU_API void *mgpuModuleLoadJIT(void *data, int32_t optLevel);
QFMT_GPU_API void mgpuModuleUnload(void *module);
/// The same function for the same name; lives as long as the module.
QFMT_GPU_API void *mgpuModuleGetFunction(void *module, const char *name);

/// Grid and block in blocks and threads; `sharedBytes` of dynamic shared
/// memory; `params` points to one pointer to each argument's value. Vulkan:
/// arguments are pairs of a pointer and its number of bytes (int64_t), that is
/// what `gpu-to-llvm{use-bare-pointers-for-kernels
/// intersperse-sizes-for-kernels}` gives. An empty grid does nothing.
QFMT_GPU_API void mgpuLaunchKernel(void *function, int64_t gridX, int64_t gridY,
                                   int64_t gridZ, int64_t blockX,
                                   int64_t blockY, int64_t blockZ,
                                   int32_t sharedBytes, void *stream,
                                   void **params, void **extra,
                                   int64_t paramsCount);
/// The same with blocks in clusters of clusterX * clusterY * clusterZ.
QFMT_GPU_API void mgpuLaunchClusterKernel(void *function, int64_t clusterX,
                                          int64_t clusterY, int64_t clusterZ,
                                          int64_t gridX, int64_t gridY,
                                          int64_t gridZ, int64_t blockX,
                                          int64_t blockY, int64_t blockZ,
                                          int32_t sharedBytes, void *stream,
                                          void **params, void **extra);

/* Streams and events. */

QFMT_GPU_API void *mgpuStreamCreate(void);
QFMT_GPU_API void mgpuStreamDestroy(void *stream);
QFMT_GPU_API void mgpuStreamSynchronize(void *stream);
QFMT_GPU_API void mgpuStreamWaitEvent(void *stream, void *event);
QFMT_GPU_API void *mgpuEventCreate(void);
QFMT_GPU_API void mgpuEventDestroy(void *event);
QFMT_GPU_API void mgpuEventSynchronize(void *event);
QFMT_GPU_API void mgpuEventRecord(void *event, void *stream);

/* Memory. */

/// Null for 0 bytes. `isHostShared`: memory that the host reads and writes too.
QFMT_GPU_API void *mgpuMemAlloc(uint64_t bytes, void *stream,
                                int8_t isHostShared);
QFMT_GPU_API void mgpuMemFree(void *pointer, void *stream);
/// Between device and host in any direction. Host memory may be reused after
/// the call when it is read from, after a synchronisation when it is written.
QFMT_GPU_API void mgpuMemcpy(void *to, void *from, uint64_t bytes,
                             void *stream);
QFMT_GPU_API void mgpuMemset32(void *pointer, int32_t value, uint64_t count,
                               void *stream);
QFMT_GPU_API void mgpuMemset16(void *pointer, int16_t value, uint64_t count,
                               void *stream);
/// `descriptor`: a ranked memref's {allocated, aligned, offset, sizes,
/// strides}; elements of `elementBytes`. Page-locks its memory.
QFMT_GPU_API void mgpuMemHostRegisterMemRef(int64_t rank, void *descriptor,
                                            int64_t elementBytes);
QFMT_GPU_API void mgpuMemHostUnregisterMemRef(int64_t rank, void *descriptor,
                                              int64_t elementBytes);
QFMT_GPU_API void mgpuSetDefaultDevice(int32_t device);

/* Tensor maps, for copies by TMA (CUDA and the simulator). */

/// The tensor map of a memref on the device, innermost dimension last, whose
/// box has `box[rank]` elements. Enumerations are those of CUDA's
/// cuTensorMapEncodeTiled. Returns the address of the map on the device; it
/// lives as long as the memory that it describes.
///
/// `dataType` 9 means UINT8 here: MLIR 22's convert-nvgpu-to-nvvm passes 9
/// (BFLOAT16) for i8, f8 and i16 alike. Elements of 16 bits must be ui16 or f16
/// there, or call qfmtGpuTensorMap, which takes 9 for what it is.
QFMT_GPU_API void *
mgpuTensorMapEncodeTiledMemref(int64_t rank, void *descriptor, int64_t dataType,
                               int64_t interleave, int64_t swizzle,
                               int64_t l2Promotion, int64_t outOfBoundsFill,
                               int64_t *box);

/// The same for dense memory given by address and sizes, nothing reinterpreted.
/// `strides[i]` in bytes for all but the innermost dimension. Null for a null
/// address, which is that of memory of 0 bytes.
QFMT_GPU_API void *qfmtGpuTensorMap(void *address, int64_t rank,
                                    int64_t dataType, const int64_t *sizes,
                                    const int64_t *strides, const int64_t *box,
                                    int64_t swizzle, int64_t l2Promotion);

#endif // QFMT_RUNTIME_GPU_MGPU_H
