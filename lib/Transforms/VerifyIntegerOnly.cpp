// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_VERIFYINTEGERONLY
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

namespace {
struct VerifyIntegerOnlyPass : qfmt::impl::VerifyIntegerOnlyBase<VerifyIntegerOnlyPass> {
  using Base::Base;
  void runOnOperation() override {
    getOperation().emitError("not written yet");
    signalPassFailure();
  }
};
} // namespace
