// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What qfmtGpuOpen's options of GPU runtimes say: "device=1".

#ifndef QFMT_RUNTIME_GPU_DEVICEOPTIONS_H
#define QFMT_RUNTIME_GPU_DEVICEOPTIONS_H

#include <string>

namespace qfmt::gpu {

struct DeviceOptions {
  /// Empty: the library's choice.
  std::string device;
};

/// `options` may be null. Empty where understood, otherwise what is wrong.
std::string parseDeviceOptions(const char *options, DeviceOptions &parsed);

/// Whether `text` is a number of at most 4 digits.
bool isDeviceIndex(const std::string &text, int &index);

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_DEVICEOPTIONS_H
