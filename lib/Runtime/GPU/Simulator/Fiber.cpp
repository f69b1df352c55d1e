//===- Fiber.cpp - Stacks to switch between -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Fiber.h"
#include <sys/mman.h>
#if QFMT_SIM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(__x86_64__)

// What the System V ABI preserves; swapcontext would call the system as well.
extern "C" void qfmtSimSwitch(void **from, void *to);
asm(R"(
  .text
  .hidden qfmtSimSwitch
  .globl qfmtSimSwitch
  .type qfmtSimSwitch, @function
qfmtSimSwitch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size qfmtSimSwitch, .-qfmtSimSwitch
)");

#endif

namespace mlir::qfmt::sim {

static constexpr size_t kPage = 4096;

FiberStack::FiberStack() {
  void *range = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  memory = range == MAP_FAILED ? nullptr : static_cast<uint8_t *>(range);
  if (memory)
    (void)mprotect(memory, kPage, PROT_NONE);
}

FiberStack::~FiberStack() {
  if (memory)
    munmap(memory, kBytes);
}

//===----------------------------------------------------------------------===//
// What AddressSanitizer is told
//===----------------------------------------------------------------------===//

#if QFMT_SIM_ASAN

/// What an earlier fiber had there was not unwound.
static void describeStack(FiberContext &context, uint8_t *bottom,
                          size_t bytes) {
  __asan_unpoison_memory_region(bottom, bytes);
  context.fakeStack = nullptr;
  context.bottom = bottom;
  context.bytes = bytes;
}

/// A fiber that does not save its state is given up.
static void beginSwitch(void **state, const FiberContext &to) {
  __sanitizer_start_switch_fiber(state, to.bottom, to.bytes);
}

static void endSwitch(FiberContext &to) {
  __sanitizer_finish_switch_fiber(to.fakeStack, nullptr, nullptr);
}

void enterFiber(FiberContext &from) {
  __sanitizer_finish_switch_fiber(nullptr, &from.bottom, &from.bytes);
}

static void **getState(FiberContext &context) { return &context.fakeStack; }

#else

static void describeStack(FiberContext &, uint8_t *, size_t) {}
static void beginSwitch(void **, const FiberContext &) {}
static void endSwitch(FiberContext &) {}
void enterFiber(FiberContext &) {}
static void **getState(FiberContext &) { return nullptr; }

#endif

//===----------------------------------------------------------------------===//
// Switching
//===----------------------------------------------------------------------===//

#if defined(__x86_64__)

static void prepareRegisters(FiberContext &context, uint8_t *stack,
                             size_t bytes, void (*body)()) {
  auto **top = reinterpret_cast<void **>(stack + bytes);
  // At a function's first instruction the stack is 8 off a multiple of 16.
  *--top = nullptr;
  *--top = reinterpret_cast<void *>(body);
  for (int i = 0; i != 6; ++i)
    *--top = nullptr;
  context.stackPointer = top;
}

static void exchangeRegisters(FiberContext &from, FiberContext &to) {
  qfmtSimSwitch(&from.stackPointer, to.stackPointer);
}

#else

static void prepareRegisters(FiberContext &context, uint8_t *stack,
                             size_t bytes, void (*body)()) {
  getcontext(&context.context);
  context.context.uc_stack.ss_sp = stack;
  context.context.uc_stack.ss_size = bytes;
  context.context.uc_link = nullptr;
  makecontext(&context.context, body, 0);
}

static void exchangeRegisters(FiberContext &from, FiberContext &to) {
  swapcontext(&from.context, &to.context);
}

#endif

void FiberStack::prepare(FiberContext &context, void (*body)()) {
  describeStack(context, memory + kPage, kBytes - kPage);
  prepareRegisters(context, memory + kPage, kBytes - kPage, body);
}

void switchFiber(FiberContext &from, FiberContext &to) {
  beginSwitch(getState(from), to);
  exchangeRegisters(from, to);
  endSwitch(from);
}

void leaveFiber(FiberContext &to) {
  // Not on the stack, which AddressSanitizer takes away first.
  static FiberContext unused;
  beginSwitch(nullptr, to);
  exchangeRegisters(unused, to);
  __builtin_unreachable();
}

} // namespace mlir::qfmt::sim
