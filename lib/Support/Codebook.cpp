//===- Codebook.cpp - Tables of values given one by one -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/Codebook.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <cassert>
#include <cmath>
#include <limits>

using namespace mlir::qfmt;

/// What is wrong with one value, given the one before it.
static const char *getInvalidReason(double value, const double *previous) {
  if (!std::isfinite(value))
    return "is not finite";
  // Compared before the conversion, which would be undefined beyond f32.
  if (std::fabs(value) > std::numeric_limits<float>::max() ||
      double(float(value)) != value)
    return "is not exact in f32";
  if (previous && value == *previous)
    return "is there twice";
  if (previous && value < *previous)
    return "is less than the one before it";
  return nullptr;
}

std::string
mlir::qfmt::getCodebookInvalidReason(llvm::ArrayRef<double> values) {
  std::string reason;
  llvm::raw_string_ostream out(reason);
  if (values.size() < 2 || values.size() > 256) {
    out << "must have 2 to 256 values, has " << values.size();
    return reason;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (const char *what =
            getInvalidReason(values[i], i ? &values[i - 1] : nullptr)) {
      // 17 digits tell any two doubles apart.
      out << "has the value " << llvm::format("%.17g", values[i])
          << " at index " << i << ", which " << what;
      return reason;
    }
  }
  return reason;
}

unsigned mlir::qfmt::getCodebookWidth(size_t count) {
  assert(count >= 2);
  return llvm::bit_width(count - 1);
}

ValueTable mlir::qfmt::makeCodebook(llvm::ArrayRef<double> values) {
  assert(getCodebookInvalidReason(values).empty() && "not a codebook");
  ValueTable::Definition definition;
  for (double value : values)
    definition.values.push_back(value + 0.0); // -0 becomes +0.
  return ValueTable(std::move(definition));
}
