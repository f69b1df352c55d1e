//===- ExpectedResult.h - What a function computes --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers for tests, and the reference evaluator's results of them.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_UNITTESTS_CODEGEN_GPU_EXPECTEDRESULT_H
#define QFMT_UNITTESTS_CODEGEN_GPU_EXPECTEDRESULT_H

#include "LoweredKernel.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace mlir::qfmt {

/// The text of a constant of `size` elements.
template <typename T>
std::string makeDense(int64_t size, llvm::function_ref<T()> next) {
  std::vector<T> values(size);
  for (T &value : values)
    value = next();
  return "dense<\"0x" +
         llvm::toHex(StringRef(reinterpret_cast<char *>(values.data()),
                               values.size() * sizeof(T))) +
         "\">";
}

/// Any bytes.
Bytes makeBytes(int64_t size, unsigned seed);

/// `text` with every `from` replaced.
void replaceAll(std::string &text, StringRef from, StringRef to);

/// What has to come out of a function of matrices.
class ExpectedResult {
public:
  /// `function` is the text of a function @main that knows its `rows`.
  ExpectedResult(const std::string &function, std::vector<Bytes> inputs,
                 int64_t rows);

  /// Of the first rows: an error, or "wrong numbers".
  std::string check(LoweredKernel &kernel, int64_t rows, int seed,
                    int64_t missingSharedBytes = 0) const;

private:
  std::vector<Bytes> inputs;
  int64_t rows;
  Bytes result;
};

} // namespace mlir::qfmt

#endif // QFMT_UNITTESTS_CODEGEN_GPU_EXPECTEDRESULT_H
