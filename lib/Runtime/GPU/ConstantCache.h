// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants of host programs that have a copy on the device, by their address.
//
// An address alone does not say what is there: a program that was compiled in
// memory can go and another take its place. A program's own modules are
// unloaded when it goes, so
//  - when the last module is unloaded all copies are released, and
//  - when any is unloaded, each copy is compared once before it is used again.

#ifndef QFMT_RUNTIME_GPU_CONSTANTCACHE_H
#define QFMT_RUNTIME_GPU_CONSTANTCACHE_H

#include <cstdint>

namespace qfmt::gpu {

/// What the cache needs of a library, which defines `deviceMemory`. Functions
/// wait until the work is done. Errors go to the error slot.
class DeviceMemory {
public:
  virtual ~DeviceMemory() = default;
  /// Null on errors.
  virtual void *allocate(uint64_t bytes) = 0;
  virtual void release(void *device) = 0;
  virtual bool write(void *device, const void *host, uint64_t bytes) = 0;
  virtual bool read(void *host, const void *device, uint64_t bytes) = 0;
};
DeviceMemory &deviceMemory();

/// A library calls these after it has loaded or unloaded a module.
void countLoadedModule();
void countUnloadedModule();

/// Releases all copies.
void releaseConstants();

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_CONSTANTCACHE_H
