//===- Fiber.cpp - Stacks to switch between -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Fiber.h"
#include <sys/mman.h>

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

#if defined(__x86_64__)

void FiberStack::prepare(FiberContext &context, void (*body)()) {
  auto **top = reinterpret_cast<void **>(memory + kBytes);
  // At a function's first instruction the stack is 8 off a multiple of 16.
  *--top = nullptr;
  *--top = reinterpret_cast<void *>(body);
  for (int i = 0; i != 6; ++i)
    *--top = nullptr;
  context.stackPointer = top;
}

void switchFiber(FiberContext &from, FiberContext &to) {
  qfmtSimSwitch(&from.stackPointer, to.stackPointer);
}

#else

void FiberStack::prepare(FiberContext &context, void (*body)()) {
  getcontext(&context.context);
  context.context.uc_stack.ss_sp = memory + kPage;
  context.context.uc_stack.ss_size = kBytes - kPage;
  context.context.uc_link = nullptr;
  makecontext(&context.context, body, 0);
}

void switchFiber(FiberContext &from, FiberContext &to) {
  swapcontext(&from.context, &to.context);
}

#endif

} // namespace mlir::qfmt::sim
