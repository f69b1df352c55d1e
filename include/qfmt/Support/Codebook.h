//===- Codebook.h - Tables of values given one by one -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_SUPPORT_CODEBOOK_H
#define QFMT_SUPPORT_CODEBOOK_H

#include "qfmt/Support/ValueTable.h"
#include <string>

namespace mlir::qfmt {

/// Empty if the values are a codebook, else what is wrong with them in words
/// fit for a diagnostic, with the index and the value where one is to blame. A
/// codebook has 2 to 256 values, finite, exact in f32, strictly ascending.
std::string getCodebookInvalidReason(llvm::ArrayRef<double> values);

/// Bits of a code: ceil(log2(count)), for count >= 2.
unsigned getCodebookWidth(size_t count);

/// The table of a valid codebook. The code of a value is its index; thresholds
/// are the exact midpoints.
ValueTable makeCodebook(llvm::ArrayRef<double> values);

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_CODEBOOK_H
