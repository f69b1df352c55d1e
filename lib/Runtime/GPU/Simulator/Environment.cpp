// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Environment.h"
#include "Error.h"
#include "llvm/ADT/StringRef.h"
#include <cstdlib>

namespace mlir::qfmt::sim {

std::optional<uint64_t> EnvironmentNumber::read() const {
  const char *value = std::getenv(name);
  llvm::StringRef text(value ? value : "");
  if (text.empty())
    return usual;
  uint64_t number = 0;
  if (!text.getAsInteger(10, number) && number >= least && number <= most)
    return number;
  reportError(llvm::Twine(name) + " is a number from " + llvm::Twine(least) +
              " to " + llvm::Twine(most) + ", found '" + text + "'");
  return std::nullopt;
}

} // namespace mlir::qfmt::sim
