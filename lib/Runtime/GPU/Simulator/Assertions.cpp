//===- Assertions.cpp - Conditions that kernels state ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CUDA's __assertfail(message, file, line, function, character size), which
// cf.assert becomes, ends the kernel with an error.
//
//===----------------------------------------------------------------------===//

#include "Operations.h"

namespace mlir::qfmt::sim {

/// A constant of the module that ends with a zero.
static std::string readString(uint64_t address) {
  for (const GlobalRange &range : *currentCta->getKernel().globals) {
    uint64_t offset = address - range.begin;
    if (offset >= range.bytes)
      continue;
    auto *text = reinterpret_cast<const char *>(address);
    return std::string(text, strnlen(text, range.bytes - offset));
  }
  return "?";
}

static void failAssertion(const Site &site, const uint64_t *arguments,
                          uint64_t *) {
  failThread(*currentThread, &site,
             "assertion failed: " + readString(arguments[0]) + " (" +
                 readString(arguments[1]) + ":" +
                 std::to_string(uint32_t(arguments[2])) + ")");
}

bool findAssertion(llvm::StringRef name, Site &site) {
  if (name != "__assertfail")
    return false;
  site.handler = failAssertion;
  return true;
}

} // namespace mlir::qfmt::sim
