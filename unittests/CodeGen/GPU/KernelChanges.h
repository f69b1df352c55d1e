//===- KernelChanges.h - Kernels changed for the worse ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What tests do to kernels that have to be right: each change has to be found,
// by the simulator or by wrong numbers.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_UNITTESTS_CODEGEN_GPU_KERNELCHANGES_H
#define QFMT_UNITTESTS_CODEGEN_GPU_KERNELCHANGES_H

#include "LoweredKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <functional>

namespace mlir::qfmt {

using Change = std::function<void(gpu::GPUFuncOp)>;

struct ChangeForTheWorse {
  const char *what;
  Change change;
  /// Part of the error.
  const char *error;
  int64_t missingSharedBytes = 0;
};

/// `run` loads nothing and returns the error of a call with a seed and with so
/// many bytes less of shared memory.
inline void
expectFound(LoweredKernel &kernel, llvm::ArrayRef<ChangeForTheWorse> changes,
            llvm::function_ref<std::string(int seed, int64_t missing)> run) {
  for (auto &[what, change, error, missing] : changes) {
    SCOPED_TRACE(what);
    kernel.load(kernel.change(change));
    for (int seed : {0, 1}) {
      std::string found = run(seed, missing);
      EXPECT_NE(found, "") << "seed " << seed;
      EXPECT_THAT(found, testing::HasSubstr(error));
    }
  }
}

template <typename OpTy>
SmallVector<OpTy> collect(gpu::GPUFuncOp kernel) {
  SmallVector<OpTy> found;
  kernel.walk([&](OpTy op) { found.push_back(op); });
  EXPECT_FALSE(found.empty());
  return found;
}

template <typename OpTy>
Change eraseAll() {
  return [](gpu::GPUFuncOp kernel) {
    for (OpTy op : collect<OpTy>(kernel))
      op.erase();
  };
}

template <typename OpTy>
Change eraseOne(int64_t i) {
  return [i](gpu::GPUFuncOp kernel) { collect<OpTy>(kernel)[i].erase(); };
}

/// Exchanges two operands of one operation.
template <typename OpTy>
Change exchange(size_t op, unsigned a, unsigned b) {
  return [=](gpu::GPUFuncOp kernel) {
    Operation *found = collect<OpTy>(kernel)[op];
    Value first = found->getOperand(a);
    found->setOperand(a, found->getOperand(b));
    found->setOperand(b, first);
  };
}

/// The first operand in place of the result.
template <typename OpTy>
Change bypass(size_t i) {
  return [i](gpu::GPUFuncOp kernel) {
    OpTy op = collect<OpTy>(kernel)[i];
    op->getResult(0).replaceAllUsesWith(op->getOperand(0));
  };
}

inline Change isAlwaysTrue(size_t i) {
  return [i](gpu::GPUFuncOp kernel) {
    auto guard = collect<scf::IfOp>(kernel)[i];
    OpBuilder b(guard);
    Value isTrue = arith::ConstantIntOp::create(b, guard.getLoc(), 1, 1);
    guard.getConditionMutable().assign(isTrue);
  };
}

inline Change shortenLoop() {
  return [](gpu::GPUFuncOp kernel) {
    scf::ForOp loop = collect<scf::ForOp>(kernel).front();
    OpBuilder b(loop);
    loop.setUpperBound(arith::SubIOp::create(
        b, loop.getLoc(), loop.getUpperBound(), loop.getStep()));
  };
}

/// Another address, the first operand.
template <typename OpTy>
Change moveAddress(size_t i, int32_t bytes) {
  return [=](gpu::GPUFuncOp kernel) {
    OpTy op = collect<OpTy>(kernel)[i];
    OpBuilder b(op);
    Value address = op->getOperand(0);
    op->setOperand(0, LLVM::GEPOp::create(b, op.getLoc(), address.getType(),
                                          b.getI8Type(), address,
                                          ArrayRef<LLVM::GEPArg>{bytes}));
  };
}

/// Another constant in place of an operand.
template <typename OpTy>
Change setOperandOf(size_t i, unsigned operand, int64_t value) {
  return [=](gpu::GPUFuncOp kernel) {
    OpTy op = collect<OpTy>(kernel)[i];
    OpBuilder b(op);
    op->setOperand(operand,
                   arith::ConstantIntOp::create(b, op.getLoc(), value, 32));
  };
}

} // namespace mlir::qfmt

#endif // QFMT_UNITTESTS_CODEGEN_GPU_KERNELCHANGES_H
