// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What tests of networks have in common: a context with all dialects, whose
// diagnostics are kept as text.

#ifndef QFMT_UNITTESTS_CHANNELREWRITES_NETWORKTEST_H
#define QFMT_UNITTESTS_CHANNELREWRITES_NETWORKTEST_H

#include "mlir/IR/MLIRContext.h"
#include "qfmt/InitAll.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "gtest/gtest.h"
#include <string>

namespace mlir::qfmt {

class NetworkTest : public testing::Test {
protected:
  NetworkTest() : context(makeRegistry()) {
    context.disableMultithreading();
    context.loadAllAvailableDialects();
    context.getDiagEngine().registerHandler([&](Diagnostic &diag) {
      (diag.getSeverity() == DiagnosticSeverity::Error ? errors : remarks) +=
          diag.str() + "\n";
    });
  }

  static DialectRegistry makeRegistry() {
    DialectRegistry registry;
    registerAllQFmtDialects(registry);
    registerPipelineDialects(registry);
    return registry;
  }

  MLIRContext context;
  std::string errors, remarks;
};

} // namespace mlir::qfmt

#endif // QFMT_UNITTESTS_CHANNELREWRITES_NETWORKTEST_H
