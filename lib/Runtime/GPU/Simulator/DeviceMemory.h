//===- DeviceMemory.h - Global memory of the simulator ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One range of addresses holds all device buffers, and a second one, at a
// constant distance, one byte of state for each of its bytes:
//
//   memory  [ ... | buffer 0 | gap | buffer 1 | gap | ... ]
//   state   [  0  | 1 or 3   |  0  | 1 or 3   |  0  | ... ]
//
// so that generated code tests an access with a subtraction, a comparison, a
// load, and a comparison. A third range says which block has touched a byte
// (BlockAccesses.h). All are reserved, not filled: only buffers take memory.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_DEVICEMEMORY_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_DEVICEMEMORY_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace mlir::qfmt::sim {

/// What is known of one byte of global or shared memory.
enum State : uint8_t {
  kUnallocated = 0,
  /// Holds the poison.
  kUninitialised = 1,
  /// An asynchronous copy writes it, and nobody has waited for it.
  kInFlight = 2,
  kInitialised = 3
};

/// Fills memory that nobody has written.
constexpr uint8_t kPoison = 0xDB;

class DeviceMemory {
public:
  static DeviceMemory &get();

  /// A buffer aligned to 256 bytes, poisoned, or null with an error reported.
  /// No bytes: an address that no access is allowed to.
  void *allocate(int64_t bytes);
  void free(void *buffer);
  /// Copies between host and device, either way, or on one side; states follow.
  /// The host gets only what somebody wrote.
  void copy(void *destination, const void *source, int64_t bytes);
  /// Writes `count` times the `width` bytes of `value`.
  void fill(void *destination, const void *value, int64_t width, int64_t count);

  /// For errors of what a kernel should have written.
  void noteLaunch(const std::string &kernel) { lastKernel = kernel; }

  /// Of a buffer that begins at `buffer`; otherwise 0.
  uint64_t sizeOf(const void *buffer) const {
    auto it = allocated.find(reinterpret_cast<uint64_t>(buffer) - base());
    return it == allocated.end() ? 0 : it->second;
  }

  uint64_t base() const { return reinterpret_cast<uint64_t>(memory); }
  uint64_t size() const { return capacity; }
  /// State of the byte at `address` at address + this (modulo 2^64).
  uint64_t stateDistance() const {
    return reinterpret_cast<uint64_t>(states) - base();
  }
  /// The same for who has touched the byte.
  uint64_t ownerDistance() const {
    return reinterpret_cast<uint64_t>(owners) - base();
  }
  uint8_t *ownersOf(uint64_t address) const {
    return owners + (address - base());
  }
  bool contains(uint64_t address) const { return address - base() < capacity; }
  State *statesOf(uint64_t address) const {
    return reinterpret_cast<State *>(states + (address - base()));
  }

  /// Host memory that kernels may read and write, too.
  void registerHost(const void *begin, int64_t bytes);
  void unregisterHost(const void *begin);
  bool isRegisteredHost(uint64_t address, uint64_t bytes) const;

  /// Where `address` lies, in words: "8 bytes past the end of a buffer of 64
  /// bytes".
  std::string describe(uint64_t address) const;

private:
  DeviceMemory();
  bool checkRange(const void *address, int64_t bytes, const char *what) const;
  bool checkWritten(uint64_t address, int64_t bytes) const;

  bool reserveAll();

  uint8_t *memory = nullptr, *states = nullptr, *owners = nullptr;
  uint64_t capacity = 0;
  /// Offset -> bytes, of what is allocated (as asked for) and what is free.
  std::map<uint64_t, uint64_t> allocated, available;
  std::map<uint64_t, uint64_t> hostRanges;
  std::string lastKernel;
};

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_DEVICEMEMORY_H
