//===- Fiber.h - Stacks to switch between -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A fiber is a stack and the registers that a call preserves. Nothing unwinds
// a fiber that is given up: what runs on one owns nothing.
//
// AddressSanitizer has to know which stack is in use, which members of
// FiberContext and calls around each switch tell it.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_FIBER_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_FIBER_H

#include <cstddef>
#include <cstdint>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define QFMT_SIM_ASAN 1
#endif
#endif

namespace mlir::qfmt::sim {

/// Where a fiber, or what resumed it, goes on.
struct FiberContext {
#if defined(__x86_64__)
  void *stackPointer = nullptr;
#else
  ucontext_t context;
#endif
#if QFMT_SIM_ASAN
  void *fakeStack = nullptr;
  const void *bottom = nullptr;
  size_t bytes = 0;
#endif
};

/// A stack with an unmapped page below it.
class FiberStack {
public:
  FiberStack();
  ~FiberStack();
  FiberStack(const FiberStack &) = delete;
  FiberStack &operator=(const FiberStack &) = delete;
  FiberStack(FiberStack &&other) : memory(other.memory) {
    other.memory = nullptr;
  }

  /// Whether there was memory for it.
  explicit operator bool() const { return memory; }
  bool contains(uint64_t address) const {
    return address - reinterpret_cast<uint64_t>(memory) < kBytes;
  }
  /// Makes `context` one that calls `body`, which must not return.
  void prepare(FiberContext &context, void (*body)());

private:
  static constexpr size_t kBytes = 256 << 10;
  uint8_t *memory;
};

/// Goes on at `to`, and returns when somebody switches to `from`.
void switchFiber(FiberContext &from, FiberContext &to);
/// The first call of a fiber's body, which `from` has switched to.
void enterFiber(FiberContext &from);
/// Goes on at `to` and gives up the fiber.
[[noreturn]] void leaveFiber(FiberContext &to);

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_FIBER_H
