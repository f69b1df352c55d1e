// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Streams, and what they have launched: an error of a kernel shows later, when
// somebody waits.

#ifndef QFMT_RUNTIME_GPU_CUDASTREAMS_H
#define QFMT_RUNTIME_GPU_CUDASTREAMS_H

#include "CudaSession.h"

namespace qfmt::gpu {

/// The driver's stream of what mgpuStreamCreate has returned, or its null one.
CudaStream getCudaStream(void *stream);

/// Remembers that `stream` runs `kernel`, for messages.
void noteLaunch(void *stream, const std::string &kernel);

/// Waits for `stream`; an error names the kernels since the last time.
bool waitForStream(const CudaSession &session, void *stream);

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_CUDASTREAMS_H
