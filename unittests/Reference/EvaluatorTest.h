// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parses IR, evaluates @main, and compares elements bit by bit.

#ifndef QFMT_UNITTESTS_REFERENCE_EVALUATORTEST_H
#define QFMT_UNITTESTS_REFERENCE_EVALUATORTEST_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "qfmt/Reference/Evaluator.h"
#include "gtest/gtest.h"

namespace mlir::qfmt::reference {

class EvaluatorTest : public ::testing::Test {
protected:
  EvaluatorTest();

  /// A tensor or scalar of a type that is written as in IR.
  Value make(StringRef type, ArrayRef<double> elements);

  /// The results of @main; records a test failure and returns nothing if there
  /// is any diagnostic.
  SmallVector<Value> run(StringRef ir, ArrayRef<Value> arguments = {},
                         const EvaluatorOptions &options = {});
  /// The single result of @main.
  Value runOne(StringRef ir, ArrayRef<Value> arguments = {});
  /// The text of the diagnostics of a run that must fail.
  std::string runError(StringRef ir, ArrayRef<Value> arguments = {},
                       const EvaluatorOptions &options = {});

  MLIRContext context;

private:
  FailureOr<SmallVector<Value>> evaluateMain(StringRef ir,
                                             ArrayRef<Value> arguments,
                                             const EvaluatorOptions &options,
                                             std::string &diagnostics);
  /// Kept so that types in results stay valid, and for probes.
  std::vector<OwningOpRef<ModuleOp>> modules;
};

/// Elements as doubles.
std::vector<double> getElements(const Tensor &tensor);

/// Same number of elements, and each equal: NaN equals NaN, -0 differs from 0.
void expectElements(const Tensor &found, ArrayRef<double> expected);
inline void expectElements(const Value &found, ArrayRef<double> expected) {
  expectElements(found.getTensor(), expected);
}

} // namespace mlir::qfmt::reference

#endif // QFMT_UNITTESTS_REFERENCE_EVALUATORTEST_H
