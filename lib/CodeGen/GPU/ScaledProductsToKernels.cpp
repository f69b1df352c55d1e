//===- ScaledProductsToKernels.cpp - Weights of few bits as kernels -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  qfmt_gpu.scaled_product on buffers.
// Output: gpu.launch with mma.sync. Operands stay what they are:
//         qfmt-device-memory comes after.
//
//===----------------------------------------------------------------------===//

#include "KernelBuffers.h"
#include "ScaledTile.h"
#include "TensorCoreTier.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_SCALEDPRODUCTSTOKERNELS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

/// A tile of mma.sync.
constexpr int64_t kFewRows = 8;
constexpr int64_t kMaxBlockRows = 64;
/// Of a block.
constexpr int64_t kMaxTermWarps = 8;

/// The fewer rows there are, the more warps share the terms, so that enough
/// loads are on their way at a time.
ScaledBlock chooseBlock(int64_t rows, int64_t tiles) {
  ScaledBlock block;
  block.rows =
      std::clamp<int64_t>(llvm::PowerOf2Ceil(rows), kFewRows, kMaxBlockRows);
  block.columnWarps = std::max<int64_t>(1, block.rows / 16);
  block.termWarps =
      std::min(tiles, kMaxTermWarps / std::max<int64_t>(1, block.rows / 16));
  return block;
}

struct ScaledProductsToKernelsPass
    : impl::ScaledProductsToKernelsBase<ScaledProductsToKernelsPass> {
  using ScaledProductsToKernelsBase::ScaledProductsToKernelsBase;

  void runOnOperation() override {
    if (failed(verifyOptions()))
      return signalPassFailure();
    SmallVector<kernel::ScaledProductOp> ops;
    getOperation()->walk(
        [&](kernel::ScaledProductOp op) { ops.push_back(op); });
    for (kernel::ScaledProductOp op : ops)
      if (failed(emitKernels(op)))
        return signalPassFailure();
  }

  LogicalResult verifyOptions() {
    if (blockRows != 0 && (!llvm::isPowerOf2_64(blockRows) ||
                           blockRows < kFewRows || blockRows > kMaxBlockRows))
      return emitError(getOperation().getLoc())
             << "a block has 8, 16, 32 or 64 rows, found "
             << blockRows.getValue();
    if (warpsAlongTerms < 0 || warpsAlongTerms > kMaxTermWarps)
      return emitError(getOperation().getLoc())
             << "1 to " << kMaxTermWarps
             << " warps share the terms of a column, found "
             << warpsAlongTerms.getValue();
    return success();
  }

  void emitKernel(KernelBuilder &b, kernel::ScaledProductOp op, int64_t rows) {
    FewBitLayout layout{int64_t(op.getBits()), bool(op.getTable()),
                        op.hasFloats(), op.getNumGroups(), op.getGroupTerms()};
    ScaledBlock block =
        chooseBlock(blockRows != 0 ? blockRows : rows, layout.getNumTiles());
    if (warpsAlongTerms != 0)
      block.termWarps =
          std::min<int64_t>(warpsAlongTerms, kMaxTermWarps / block.columnWarps);
    ScaledTile(b, op, block).emitLaunch();
  }

  LogicalResult emitKernels(kernel::ScaledProductOp op) {
    if (failed(verifyOnBuffers(op)) || failed(getTensorCoreTarget(op)))
      return failure();
    copyStridedRows(op, op.getDpsInputs());
    KernelBuilder b(op.getLoc(), op);
    int64_t known = op.getNumRows();
    if (!ShapedType::isDynamic(known)) {
      if (known != 0)
        emitKernel(b, op, known);
    } else {
      emitByNumRows(b, op);
    }
    op.erase();
    return success();
  }

  /// Kernels for few and for many rows.
  void emitByNumRows(KernelBuilder &b, kernel::ScaledProductOp op) {
    Value height = memref::DimOp::create(b, op.getOut(), int64_t(0));
    auto isLess = [&](int64_t count) -> Value {
      return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, height,
                                   arith::ConstantIndexOp::create(b, count));
    };
    auto any = scf::IfOp::create(b, isLess(1), /*withElseRegion=*/true);
    b.setInsertionPointToStart(&any.getElseRegion().front());
    if (blockRows != 0)
      return emitKernel(b, op, blockRows);
    auto few =
        scf::IfOp::create(b, isLess(kFewRows + 1), /*withElseRegion=*/true);
    b.setInsertionPointToStart(&few.getThenRegion().front());
    emitKernel(b, op, kFewRows);
    b.setInsertionPointToStart(&few.getElseRegion().front());
    emitKernel(b, op, kMaxBlockRows);
  }
};

} // namespace
} // namespace mlir::qfmt
