//===- ExpectedResult.cpp - What a function computes ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ExpectedResult.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "qfmt/Reference/Evaluator.h"
#include "gtest/gtest.h"
#include <random>

namespace mlir::qfmt {

Bytes makeBytes(int64_t size, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (char &byte : bytes)
    byte = char(random());
  return bytes;
}

void replaceAll(std::string &text, StringRef from, StringRef to) {
  for (size_t at = text.find(from.str()); at != std::string::npos;
       at = text.find(from.str(), at + to.size()))
    text.replace(at, from.size(), to.str());
}

ExpectedResult::ExpectedResult(const std::string &function,
                               std::vector<Bytes> arguments, int64_t rows)
    : inputs(std::move(arguments)), rows(rows) {
  auto module = parseSourceString<ModuleOp>(function, &getGpuContext());
  EXPECT_TRUE(module) << function;
  if (!module)
    return;
  auto results = reference::evaluateBuffers(
      module->lookupSymbol<func::FuncOp>("main"),
      SmallVector<ArrayRef<char>>(inputs.begin(), inputs.end()));
  EXPECT_TRUE(succeeded(results));
  if (succeeded(results))
    result = results->front().toBytes();
}

std::string ExpectedResult::check(LoweredKernel &kernel, int64_t someRows,
                                  int seed, int64_t missingSharedBytes) const {
  Bytes found;
  std::string error =
      kernel.run(inputs, someRows, found, seed, missingSharedBytes);
  if (!error.empty())
    return error;
  size_t bytes = result.size() / rows * someRows;
  EXPECT_EQ(found.size(), bytes);
  return found == Bytes(result.begin(), result.begin() + bytes)
             ? ""
             : "wrong numbers";
}

} // namespace mlir::qfmt
