//===- ProductsToKernels.cpp - Fused products as kernels ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  qfmt_gpu.product on buffers.
// Output: gpu.launch with a MmaTile for each block of the result.
//         With tier=wgmma a WgmmaKernel, where it can be.
//
//===----------------------------------------------------------------------===//

#include "BlockChoice.h"
#include "BlockGrid.h"
#include "IntegerMmaTile.h"
#include "KernelBuffers.h"
#include "TensorCoreTier.h"
#include "VariableMmaTile.h"
#include "WgmmaKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_PRODUCTSTOKERNELS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

class ProductKernel {
public:
  ProductKernel(KernelBuilder &b, kernel::ProductOp op, const BlockShape &shape)
      : b(b), op(op), shape(shape), store(b, op) {
    if (op.hasBatches())
      tile = std::make_unique<VariableMmaTile>(b, op, shape);
    else
      tile = std::make_unique<IntegerMmaTile>(b, op, shape);
  }

  void emit() {
    BlockGrid grid(op, shape.getRows(), shape.getColumns());
    gpu::LaunchOp launch =
        grid.beginLaunch(b, shape.getThreads(), tile->getSharedBytes());
    tile->enter(b);
    store.enter(b);
    BlockPlace place = emitPlace(launch, grid.emitOrigin(b, launch));
    SmallVector<Value> sums =
        tile->emitSums(b, place, BlockGrid::emitShared(b));
    FragmentShape run = tile->getRun();
    Value row =
        b.add(b.mul(place.warpRow, shape.getWarpRows()), b.div(place.lane, 4));
    Value column = b.add(b.mul(place.warpColumn, shape.getWarpColumns()),
                         b.mul(b.rem(place.lane, 4), run.getNumColumns()));
    int64_t sumsOfRun = run.getNumRows() * run.getNumColumns();
    for (int64_t i = 0; i < shape.fragments.columns / run.columns; ++i)
      store.emit(b, run, ArrayRef(sums).slice(i * sumsOfRun, sumsOfRun),
                 b.add(place.row, row),
                 b.add(b.add(place.column, column), i * 8 * run.columns),
                 place.numRows, place.hasAllColumns);
    gpu::TerminatorOp::create(b);
  }

private:
  BlockPlace emitPlace(gpu::LaunchOp launch, const BlockOrigin &origin) {
    BlockPlace place;
    place.thread = b.toI32(launch.getThreadIds().x);
    place.lane = b.rem(place.thread, kThreadsPerWarp);
    Value warp = b.div(place.thread, kThreadsPerWarp);
    place.warpRow = b.div(warp, shape.warpColumns);
    place.warpColumn = b.rem(warp, shape.warpColumns);
    place.row = origin.row;
    place.column = origin.column;
    place.batch = origin.batch;
    place.numRows = origin.numRows;
    place.hasAllColumns = origin.hasAllColumns;
    return place;
  }

  KernelBuilder &b;
  kernel::ProductOp op;
  BlockShape shape;
  std::unique_ptr<MmaTile> tile;
  FragmentStore store;
};

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

int64_t getBytes(Type type, int64_t sizeIfUnknown) {
  auto shaped = cast<ShapedType>(type);
  int64_t bytes = llvm::divideCeil(shaped.getElementTypeBitWidth(), 8);
  for (int64_t size : shaped.getShape())
    bytes *= ShapedType::isDynamic(size) ? sizeIfUnknown : size;
  return bytes;
}

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-products-to-kernels");
}

void report(kernel::ProductOp op, const GpuTarget &target,
            const ProductSize &size, const BlockShape &shape) {
  int64_t bytes = 0;
  for (Value operand : op.getOperands())
    bytes += getBytes(operand.getType(), size.rows);
  KernelEstimate estimate = estimateKernel(target, size, shape, bytes);
  remark::passed(op.getLoc(), getRemarkOptions("Blocks"))
      << "a product on tensor cores" << remark::metric("Rows", shape.getRows())
      << remark::metric("Columns", shape.getColumns())
      << remark::metric("Warps", shape.getThreads() / kThreadsPerWarp)
      << remark::metric("Stages", shape.stages);
  remark::analysis(op.getLoc(), getRemarkOptions("Roofline"))
      << (estimate.productCycles >= estimate.memoryCycles
              ? "bound by the rate of the instructions that multiply"
              : "bound by reading and writing memory")
      << remark::metric("MemoryBytes", bytes)
      << remark::metric("ProductCycles", estimate.productCycles)
      << remark::metric("MemoryCycles", estimate.memoryCycles)
      << remark::metric("BlockCycles", estimate.blockCycles);
}

struct ProductsToKernelsPass
    : impl::ProductsToKernelsBase<ProductsToKernelsPass> {
  using ProductsToKernelsBase::ProductsToKernelsBase;

  void runOnOperation() override {
    if (failed(usesTensorCores(getOperation(), tier)))
      return signalPassFailure();
    if (failed(verifyRequest(getOperation().getLoc(),
                             {blockRows, blockColumns, stages}, rowsIfUnknown)))
      return signalPassFailure();
    SmallVector<kernel::ProductOp> products;
    getOperation()->walk([&](kernel::ProductOp op) { products.push_back(op); });
    for (kernel::ProductOp op : products)
      if (failed(emitKernel(op)))
        return signalPassFailure();
  }

  ProductSize getSize(kernel::ProductOp op) {
    ProductSize size;
    size.hasUnknownRows = ShapedType::isDynamic(op.getNumRows());
    size.rows =
        size.hasUnknownRows ? int64_t(rowsIfUnknown) : op.getBatchRows();
    size.columns = op.getNumColumns();
    size.terms = op.getNumTerms();
    size.isGathered = op.getRows().has_value();
    size.getStageBytes = [](const BlockShape &shape) {
      return IntegerMmaTile::getStageBytes(shape);
    };
    if (!op.hasBatches())
      return size;
    size.isByTerms = op.getByTerms();
    size.batches = op.getNumRows() / op.getBatchRows();
    size.sumsPerElement = VariableMmaTile::getSumsPerElement(op);
    size.getStageBytes = [op](const BlockShape &shape) {
      return VariableMmaTile::getStageBytes(op, shape);
    };
    return size;
  }

  LogicalResult emitKernel(kernel::ProductOp op) {
    if (failed(verifyOnBuffers(op)))
      return failure();
    if (tier == "portable")
      return op.emitOpError("is computed by tensor cores, which tier=portable "
                            "leaves out; qfmt-products-to-dots makes kernels "
                            "for targets without them");
    FailureOr<GpuTarget> target = getTensorCoreTarget(op);
    if (failed(target))
      return failure();
    copyStridedRows(op, {op.getLhs(), op.getRhs()});
    ProductSize size = getSize(op);
    BlockRequest request = {blockRows, blockColumns, stages};
    StringRef whyNot = "tier=wgmma has not asked for it";
    if (tier == "wgmma" && !op.hasBatches() &&
        succeeded(emitWgmma(op, *target, size, request, whyNot)))
      return success();
    if (op.hasFloats())
      return op.emitOpError() << "multiplies " << *op.getLhsFormat() << " by "
                              << *op.getRhsFormat()
                              << ", for which there is wgmma alone: " << whyNot;
    std::optional<BlockShape> shape = chooseBlock(*target, size, request);
    if (!shape)
      return op.emitOpError()
             << "has no block of " << describe(request) << " that fits the "
             << target->getSharedBytesPerBlock() << " bytes of shared memory "
             << "of '" << target->chip << "'; 0 lets the pass choose";
    report(op, *target, size, *shape);
    KernelBuilder b(op.getLoc(), op);
    ProductKernel(b, op, *shape).emit();
    op.erase();
    return success();
  }

  /// Fails where it is left to mma.sync, and says why.
  LogicalResult emitWgmma(kernel::ProductOp op, const GpuTarget &target,
                          const ProductSize &size, const BlockRequest &request,
                          StringRef &whyNot) {
    whyNot = "no block of the size that is asked for fits";
    KernelBuilder b(op.getLoc(), op);
    std::optional<WgmmaShape> shape =
        chooseWgmmaShape(target, size, request, op.hasFloats());
    if (!shape || failed(emitWgmmaKernel(b, op, *shape, whyNot))) {
      remark::missed(op.getLoc(), getRemarkOptions("NotByWgmma"))
          << "a product by mma.sync: " << whyNot;
      return failure();
    }
    remark::passed(op.getLoc(), getRemarkOptions("Wgmma"))
        << "a product by wgmma" << remark::metric("Rows", shape->getRows())
        << remark::metric("Columns", shape->columns)
        << remark::metric("Stages", shape->stages);
    op.erase();
    return success();
  }
};

} // namespace
} // namespace mlir::qfmt
