//===- Number.h - Numbers as text -------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_ASSIGNMENT_NUMBER_H
#define QFMT_ASSIGNMENT_NUMBER_H

#include <cstdio>
#include <cstdlib>
#include <string>

namespace mlir::qfmt::assignment {

/// The shorter of 15 and 17 digits that is the same number again; -0 is 0.
inline std::string toString(double value) {
  if (value == 0)
    return "0";
  char text[32];
  snprintf(text, sizeof text, "%.15g", value);
  if (strtod(text, nullptr) != value)
    snprintf(text, sizeof text, "%.17g", value);
  return text;
}

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_NUMBER_H
