// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CompiledCall.h"
#include "Options.h"
#include "llvm/Support/MathExtras.h"
#include <csignal>
#include <cstdlib>
#include <unistd.h>

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// Functions of the C library
//===----------------------------------------------------------------------===//

/// The caller is compiled code, through which nothing can be thrown.
[[noreturn]] static void fail(const Twine &message) {
  (void)error(message);
  _exit(1);
}

/// `memory` of `count` times `size` bytes, if that is not null.
static void *checkMemory(void *memory, uint64_t count, uint64_t size) {
  if (memory || count == 0 || size == 0)
    return memory;
  uint64_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes) || int64_t(bytes) < 0)
    fail("the compiled code asks for memory of a negative number of bytes, or "
         "of more than 2^63; a tensor has a size that cannot be: "
         "--engine=reference says which");
  fail("the compiled code asks for " + Twine(bytes) +
       " bytes of memory, which this machine does not give");
}

static void *allocate(size_t size) {
  return checkMemory(std::malloc(size), 1, size);
}

/// What LLVM makes of malloc and memset.
static void *allocateZeros(size_t count, size_t size) {
  return checkMemory(std::calloc(count, size), count, size);
}

/// What was last told to keepText, which is how cf.assert says what failed.
static const char *assertion = nullptr;

static int keepText(const char *text) {
  assertion = text;
  return 0;
}

[[noreturn]] static void failAssertion() {
  fail(assertion ? "an assertion of the program fails: " + Twine(assertion)
                 : "the compiled code gave up");
}

ArrayRef<std::pair<std::string, void *>> mlir::qfmt::getCheckedFunctions() {
  static const std::pair<std::string, void *> functions[] = {
      {"malloc", reinterpret_cast<void *>(allocate)},
      {"calloc", reinterpret_cast<void *>(allocateZeros)},
      {"puts", reinterpret_cast<void *>(keepText)},
      {"abort", reinterpret_cast<void *>(failAssertion)}};
  return functions;
}

//===----------------------------------------------------------------------===//
// Signals
//===----------------------------------------------------------------------===//

namespace {
/// What a signal of compiled code tells of the program.
struct SignalMeaning {
  int number;
  const char *text;
};
} // namespace

static constexpr SignalMeaning kMeanings[] = {
    {SIGFPE, "divided an integer by zero, or the lowest one by -1 (SIGFPE)"},
    {SIGSEGV, "used memory that is not its own (SIGSEGV), as with an index "
              "beyond a tensor"},
    {SIGBUS, "used memory that is not its own (SIGBUS), as with an index "
             "beyond a tensor"},
    {SIGILL, "met an instruction that does not run here (SIGILL): one that "
             "--mcpu or --mattr allow and this processor has not, or the mark "
             "of a place that no program should come to"},
    {SIGTRAP, "came to a place that no program should come to (SIGTRAP)"},
    {SIGABRT, "or a library that it uses gave up (SIGABRT)"},
};

/// The lines that are printed: a handler cannot compose them.
static std::string lines[std::size(kMeanings)];
static struct sigaction previous[std::size(kMeanings)];
/// Of all threads: the code may have started some.
static volatile std::sig_atomic_t isCalling = 0;

/// Only what may be called from a signal handler.
static void handleSignal(int number) {
  for (auto [meaning, line, handler] :
       llvm::zip_equal(kMeanings, lines, previous)) {
    if (meaning.number != number)
      continue;
    if (isCalling) {
      (void)!write(STDERR_FILENO, line.data(), line.size());
      _exit(1);
    }
    // Not the code's: for who was there before, once this handler is left.
    (void)sigaction(number, &handler, nullptr);
    (void)std::raise(number);
    return;
  }
}

/// Once for the process.
static void installHandlers() {
  struct sigaction action = {};
  action.sa_handler = handleSignal;
  // LLVM's stack for handlers serves when the code's own is used up.
  action.sa_flags = SA_ONSTACK;
  (void)sigemptyset(&action.sa_mask);
  for (auto [meaning, line, handler] :
       llvm::zip_equal(kMeanings, lines, previous)) {
    line = std::string("qfmt-run: error: the compiled code ") + meaning.text +
           "; --engine=reference names the operation, if it is the program's\n";
    (void)sigaction(meaning.number, &action, &handler);
  }
}

/// Sizes that the code computed, of memory that it got for them.
static LogicalResult verifyShape(const TensorSpec &spec,
                                 ArrayRef<int64_t> shape) {
  int64_t bytes = spec.element.getBytes();
  for (int64_t size : shape) {
    if (size < 0)
      return error(spec.name + " has a negative size, " + Twine(size));
    if (llvm::MulOverflow(bytes, size, bytes))
      return error(spec.name +
                   " takes more than 2^63 bytes; one of its sizes "
                   "is " +
                   Twine(size));
  }
  return success();
}

FailureOr<SmallVector<TensorResult>>
mlir::qfmt::callCompiled(const CompiledFunction &function,
                         ArrayRef<TensorView> inputs) {
  [[maybe_unused]] static const bool installed = (installHandlers(), true);
  isCalling = 1;
  SmallVector<TensorResult> results = function.call(inputs);
  isCalling = 0;
  for (auto [result, spec] :
       llvm::zip_equal(results, function.getSignature().outputs))
    if (failed(verifyShape(spec, result.shape)))
      return failure();
  return results;
}
