//===- EmulateWideIntegers.cpp - Kernels without 64-bit integers ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  kernels, with scf for loops; buffers have no 64-bit integers
//         (qfmt-flatten-kernel-buffers{wide-as-words}).
// Output: the same with pairs of 32-bit integers, by upstream's patterns.
//
// Upstream's pass arith-emulate-wide-int does not know values that loops carry.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Arith/Transforms/WideIntEmulationConverter.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/DialectConversion.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_EMULATEWIDEINTEGERS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

struct EmulateWideIntegersPass
    : impl::EmulateWideIntegersBase<EmulateWideIntegersPass> {
  void runOnOperation() override {
    arith::WideIntEmulationConverter converter(/*widestIntSupported=*/32);
    ConversionTarget target(getContext());
    target.markUnknownOpDynamicallyLegal(
        [&](Operation *op) { return converter.isLegal(op); });
    RewritePatternSet patterns(&getContext());
    arith::populateArithWideIntEmulationPatterns(converter, patterns);
    scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns,
                                                         target);
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
