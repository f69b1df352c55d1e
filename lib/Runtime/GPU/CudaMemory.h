// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory of the device, known by its address, and what lives as long as it.

#ifndef QFMT_RUNTIME_GPU_CUDAMEMORY_H
#define QFMT_RUNTIME_GPU_CUDAMEMORY_H

#include "CudaSession.h"

namespace qfmt::gpu {

/// The device's copy of `map`, released together with the memory that
/// map.address is in; memory of others: when the device is closed. The same map
/// gives the same copy. Null on errors.
void *keepTensorMap(const CudaSession &session, CudaPointer address,
                    const CudaTensorMap &map);

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_CUDAMEMORY_H
