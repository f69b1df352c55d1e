//===- LinalgToKernels.cpp - One thread an element ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  linalg.generic on buffers; memref.store on buffers outside of
//         kernels.
// Output: gpu.launch in their place. Operands stay what they are:
//         qfmt-flatten-kernel-buffers and qfmt-device-memory come after.
// Where a target ends long loops (GpuTarget::getMaxLoopTurns), sums are made by
// several launches, one after the other.
// Does not tile, and uses no shared memory: what profits from that is written
// by other passes before this one.
//
//===----------------------------------------------------------------------===//

#include "LoopTurns.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_LINALGTOKERNELS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

/// Of one operation: each is code of the host.
constexpr int64_t kMaxLaunches = 4096;
/// CUDA's limit; Vulkan promises 128 only.
constexpr int64_t kMaxBlockSize = 1024;

struct Grid {
  int64_t blockSize;
  int64_t maxBlocks;
  /// Of all loops within a thread, and of those that the body has.
  int64_t maxTurns, bodyTurns;
};

//===----------------------------------------------------------------------===//
// Which loops are threads
//===----------------------------------------------------------------------===//

struct LoopPart {
  int64_t begin, end;
};

struct LoopRoles {
  /// Loops along which all outputs move, slowest first.
  SmallVector<unsigned> threads;
  /// The others, in their order.
  SmallVector<unsigned> inner;
  /// True if no output moves along an inner loop: results then stay in
  /// registers.
  bool hasSums = true;
};

bool movesAlong(AffineMap map, unsigned loop) {
  return llvm::any_of(map.getResults(), [&](AffineExpr expr) {
    return expr.isFunctionOfDim(loop);
  });
}

/// True if different iterations of the loop write different elements, whatever
/// the other loops do.
bool isResult(AffineMap map, unsigned loop) {
  return llvm::is_contained(map.getResults(),
                            getAffineDimExpr(loop, map.getContext()));
}

LoopRoles getLoopRoles(linalg::GenericOp op) {
  SmallVector<AffineMap> outputs;
  for (OpOperand &output : op.getDpsInitsMutable())
    outputs.push_back(op.getMatchingIndexingMap(&output));
  LoopRoles roles;
  SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
  // In the order of the first output's dimensions, so that neighbouring threads
  // write neighbouring elements. What has no outputs may hold assertions.
  AffineMap order =
      outputs.empty()
          ? AffineMap::getMultiDimIdentityMap(op.getNumLoops(), op.getContext())
          : outputs.front();
  for (AffineExpr expr : order.getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (dim && !llvm::is_contained(roles.threads, dim.getPosition()) &&
        kinds[dim.getPosition()] == utils::IteratorType::parallel &&
        llvm::all_of(outputs, [&](AffineMap map) {
          return isResult(map, dim.getPosition());
        }))
      roles.threads.push_back(dim.getPosition());
  }
  for (unsigned loop = 0, e = op.getNumLoops(); loop < e; ++loop) {
    if (llvm::is_contained(roles.threads, loop))
      continue;
    roles.inner.push_back(loop);
    if (llvm::any_of(outputs,
                     [&](AffineMap map) { return movesAlong(map, loop); }))
      roles.hasSums = false;
  }
  return roles;
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

Value toValue(ImplicitLocOpBuilder &b, OpFoldResult size) {
  return getValueOrCreateConstantIndexOp(b, b.getLoc(), size);
}

/// Writes `op` as a kernel in front of it.
class KernelWriter {
public:
  KernelWriter(linalg::GenericOp op, Grid grid)
      : op(op), grid(grid), roles(getLoopRoles(op)), b(op.getLoc(), op),
        parts(op.getNumLoops()), indices(op.getNumLoops()) {}

  LogicalResult write() {
    hoistGlobals();
    SmallVector<OpFoldResult> sizes = getLoopSizes();
    AffineExpr product = b.getAffineConstantExpr(1);
    SmallVector<OpFoldResult> factors;
    for (unsigned loop : roles.threads) {
      product = product * b.getAffineSymbolExpr(factors.size());
      factors.push_back(sizes[loop]);
    }
    OpFoldResult count =
        affine::makeComposedFoldedAffineApply(b, b.getLoc(), product, factors);
    for (OpFoldResult size : sizes)
      loopSizes.push_back(size);
    int64_t elements = llvm::divideCeil(getConstantIntValue(count).value_or(1),
                                        grid.blockSize * grid.maxBlocks);
    int64_t maxTurns = grid.maxTurns;
    if (elements > 1)
      maxTurns = getBodyTurns(elements, maxTurns);
    return writeLaunches(count, roles.inner, maxTurns);
  }

private:
  /// Tables that the body reads are the same for all threads.
  void hoistGlobals() {
    op.getBody()->walk(
        [&](memref::GetGlobalOp global) { global->moveBefore(op); });
  }

  SmallVector<OpFoldResult> getLoopSizes() {
    SmallVector<OpFoldResult> sizes;
    for (Range range : cast<linalg::LinalgOp>(op.getOperation())
                           .createLoopRanges(b, b.getLoc()))
      sizes.push_back(range.size);
    return sizes;
  }

  /// The turns that the body of a loop may have which runs `times` times, so
  /// that the loop has at most `maxTurns`.
  static int64_t getBodyTurns(int64_t times, int64_t maxTurns) {
    return (maxTurns - 1) / times - 1;
  }

  /// Of `loops`, of which each is within the one before; those of unknown
  /// lengths count as one turn of their body.
  int64_t getTurns(ArrayRef<unsigned> loops) {
    int64_t turns = grid.bodyTurns;
    for (unsigned loop : llvm::reverse(loops))
      turns =
          getLoopTurns(getConstantIntValue(loopSizes[loop]).value_or(1), turns);
    return turns;
  }

  /// One launch if `loops`, those within a thread, have at most `maxTurns`
  /// turns; otherwise one for each part of the outermost.
  LogicalResult writeLaunches(OpFoldResult count, ArrayRef<unsigned> loops,
                              int64_t maxTurns) {
    if (++numLaunches > kMaxLaunches)
      return op.emitOpError()
             << "needs more than " << kMaxLaunches
             << " launches, since a thread of the target may have "
             << grid.maxTurns
             << " turns of loops; write it as a loop on tensors, or choose "
                "another target";
    if (getTurns(loops) <= maxTurns) {
      writeLaunch(count);
      return success();
    }
    if (loops.empty())
      return op.emitOpError()
             << "has loops of " << grid.bodyTurns
             << " turns in its body, and a thread of the target may have "
             << grid.maxTurns << " for all its elements; write a loop on "
             << "tensors, or choose another target";
    unsigned loop = loops.front();
    int64_t size = getConstantIntValue(loopSizes[loop]).value_or(1);
    ArrayRef<unsigned> rest = loops.drop_front();
    int64_t step = std::max<int64_t>(1, (maxTurns - 1) / (getTurns(rest) + 1));
    for (int64_t begin = 0; begin < size; begin += step) {
      parts[loop] = {begin, std::min(begin + step, size)};
      if (failed(writeLaunches(count, rest, getBodyTurns(step, maxTurns))))
        return failure();
    }
    return success();
  }

  void writeLaunch(OpFoldResult count) {
    std::optional<int64_t> known = getConstantIntValue(count);
    if (known == 0)
      return;
    Value one = arith::ConstantIndexOp::create(b, 1);
    Value block = arith::ConstantIndexOp::create(b, grid.blockSize);
    AffineExpr n = b.getAffineSymbolExpr(0);
    OpFoldResult needed = affine::makeComposedFoldedAffineApply(
        b, b.getLoc(), n.ceilDiv(grid.blockSize), {count});
    bool loops = !known || *known > grid.blockSize * grid.maxBlocks;
    Value blocks = toValue(b, needed);
    if (loops) {
      // A launch of nothing is an error of the driver.
      blocks = arith::MinUIOp::create(
          b, blocks, arith::ConstantIndexOp::create(b, grid.maxBlocks));
      blocks = arith::MaxUIOp::create(b, blocks, one);
    }
    Value total = toValue(b, count);
    SmallVector<Value> sizes;
    for (OpFoldResult size : loopSizes)
      sizes.push_back(toValue(b, size));
    auto launch = gpu::LaunchOp::create(b, blocks, one, one, block, one, one);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&launch.getBody().front());
    Value id = arith::MulIOp::create(b, launch.getBlockIds().x, block);
    id = arith::AddIOp::create(b, id, launch.getThreadIds().x);
    if (loops) {
      // Not the grid's size as the kernel sees it, which is a function of a
      // library on AMD's chips.
      Value stride = arith::MulIOp::create(b, blocks, block);
      auto loop = scf::ForOp::create(b, id, total, stride);
      OpBuilder::InsertionGuard inner(b);
      b.setInsertionPointToStart(loop.getBody());
      writeElement(loop.getInductionVar(), sizes);
    } else if (*known % grid.blockSize != 0) {
      Value inside =
          arith::CmpIOp::create(b, arith::CmpIPredicate::ult, id, total);
      auto guarded = scf::IfOp::create(b, inside, /*withElseRegion=*/false);
      OpBuilder::InsertionGuard inner(b);
      b.setInsertionPointToStart(guarded.thenBlock());
      writeElement(id, sizes);
    } else {
      writeElement(id, sizes);
    }
    b.setInsertionPointToEnd(&launch.getBody().front());
    gpu::TerminatorOp::create(b);
  }

  /// What the thread computes for the element with the number `id`.
  void writeElement(Value id, ArrayRef<Value> sizes) {
    for (unsigned i = roles.threads.size(); i > 0; --i) {
      unsigned loop = roles.threads[i - 1];
      if (i == 1) {
        indices[loop] = id;
        break;
      }
      indices[loop] = arith::RemUIOp::create(b, id, sizes[loop]);
      id = arith::DivUIOp::create(b, id, sizes[loop]);
    }
    if (!roles.hasSums || roles.inner.empty()) {
      writeLoops(roles.inner, sizes, {});
      return;
    }
    SmallVector<Value> sums;
    for (OpOperand &output : op.getDpsInitsMutable())
      sums.push_back(load(output));
    sums = writeLoops(roles.inner, sizes, sums);
    storeAll(sums);
  }

  /// The loops within a thread. `sums` are their values; if there are none, the
  /// innermost iteration loads and stores what it computes.
  SmallVector<Value> writeLoops(ArrayRef<unsigned> loops, ArrayRef<Value> sizes,
                                ArrayRef<Value> sums) {
    if (loops.empty()) {
      if (!sums.empty())
        return writeBody(sums);
      SmallVector<Value> outputs;
      for (OpOperand &output : op.getDpsInitsMutable())
        outputs.push_back(op.getMatchingBlockArgument(&output).use_empty()
                              ? Value()
                              : load(output));
      storeAll(writeBody(outputs));
      return {};
    }
    std::optional<LoopPart> part = parts[loops.front()];
    Value begin = arith::ConstantIndexOp::create(b, part ? part->begin : 0);
    Value end = part ? arith::ConstantIndexOp::create(b, part->end).getResult()
                     : sizes[loops.front()];
    Value one = arith::ConstantIndexOp::create(b, 1);
    auto loop = scf::ForOp::create(b, begin, end, one, sums);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    indices[loops.front()] = loop.getInductionVar();
    SmallVector<Value> next =
        writeLoops(loops.drop_front(), sizes,
                   SmallVector<Value>(loop.getRegionIterArgs()));
    if (!sums.empty())
      scf::YieldOp::create(b, next);
    return SmallVector<Value>(loop.getResults());
  }

  SmallVector<Value> getIndices(OpOperand &operand) {
    SmallVector<Value> result;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (AffineExpr expr : map.getResults()) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (dim)
        result.push_back(indices[dim.getPosition()]);
      else
        result.push_back(affine::makeComposedAffineApply(
            b, b.getLoc(),
            AffineMap::get(map.getNumDims(), 0, expr, b.getContext()),
            getAsOpFoldResult(indices)));
    }
    return result;
  }

  Value load(OpOperand &operand) {
    if (!isa<MemRefType>(operand.get().getType()))
      return operand.get();
    return memref::LoadOp::create(b, operand.get(), getIndices(operand));
  }

  void storeAll(ArrayRef<Value> values) {
    for (auto [output, value] :
         llvm::zip_equal(op.getDpsInitsMutable(), values))
      memref::StoreOp::create(b, value, output.get(), getIndices(output));
  }

  /// The operation's body once; `outputs` are null where it does not read them.
  SmallVector<Value> writeBody(ArrayRef<Value> outputs) {
    IRMapping mapping;
    for (OpOperand *input : op.getDpsInputOperands()) {
      BlockArgument argument = op.getMatchingBlockArgument(input);
      if (!argument.use_empty())
        mapping.map(argument, load(*input));
    }
    for (auto [output, value] :
         llvm::zip_equal(op.getDpsInitsMutable(), outputs))
      if (value)
        mapping.map(op.getMatchingBlockArgument(&output), value);
    for (Operation &nested : op.getBody()->without_terminator()) {
      if (auto index = dyn_cast<linalg::IndexOp>(nested))
        mapping.map(index.getResult(), indices[index.getDim()]);
      else
        b.clone(nested, mapping);
    }
    SmallVector<Value> results;
    for (Value value : op.getBody()->getTerminator()->getOperands())
      results.push_back(mapping.lookupOrDefault(value));
    return results;
  }

  linalg::GenericOp op;
  Grid grid;
  LoopRoles roles;
  ImplicitLocOpBuilder b;
  SmallVector<OpFoldResult> loopSizes;
  /// Those that are written, and groups of them.
  int64_t numLaunches = 0;
  /// Of each loop of `op`, what the launch does of it; none: all.
  SmallVector<std::optional<LoopPart>> parts;
  /// Of each loop of `op`, where the builder is.
  SmallVector<Value> indices;
};

/// A store on the host to what is a buffer of the device.
void writeStoreKernel(memref::StoreOp store) {
  ImplicitLocOpBuilder b(store.getLoc(), store);
  Value one = arith::ConstantIndexOp::create(b, 1);
  auto launch = gpu::LaunchOp::create(b, one, one, one, one, one, one);
  b.setInsertionPointToStart(&launch.getBody().front());
  gpu::TerminatorOp::create(b);
  store->moveBefore(launch.getBody().front().getTerminator());
}

/// False for memory of the host: what a function has on its stack.
bool isDeviceBuffer(Value buffer) {
  return !buffer.getDefiningOp<memref::AllocaOp>();
}

/// True if `store` is code of the host.
bool isOnHost(memref::StoreOp store) {
  return !store->getParentOfType<gpu::LaunchOp>() &&
         !store->getParentOfType<linalg::LinalgOp>() &&
         !store->getParentOfType<gpu::GPUModuleOp>();
}

struct LinalgToKernelsPass : impl::LinalgToKernelsBase<LinalgToKernelsPass> {
  using LinalgToKernelsBase::LinalgToKernelsBase;

  void runOnOperation() override {
    if (failed(verifyOptions()))
      return signalPassFailure();
    SmallVector<linalg::GenericOp> generics;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.hasPureBufferSemantics())
        generics.push_back(op);
    });
    SmallVector<memref::StoreOp> stores;
    getOperation()->walk([&](memref::StoreOp store) {
      if (isDeviceBuffer(store.getMemRef()) && isOnHost(store))
        stores.push_back(store);
    });
    for (linalg::GenericOp op : generics)
      if (failed(writeKernel(op)))
        return signalPassFailure();
    for (memref::StoreOp store : stores)
      writeStoreKernel(store);
  }

  LogicalResult writeKernel(linalg::GenericOp op) {
    Grid grid = {blockSize, maxBlocks, std::numeric_limits<int64_t>::max(), 0};
    std::optional<GpuTarget> target = GpuTarget::get(getOperation());
    if (auto maxTurns = target ? target->getMaxLoopTurns() : std::nullopt) {
      grid.maxTurns = *maxTurns;
      FailureOr<int64_t> turns = countLoopTurns(*op.getBody(), *maxTurns);
      if (failed(turns))
        return failure();
      grid.bodyTurns = *turns;
    }
    if (failed(KernelWriter(op, grid).write()))
      return failure();
    op.erase();
    return success();
  }

  LogicalResult verifyOptions() {
    if (blockSize < 1 || blockSize > kMaxBlockSize)
      return emitError(getOperation().getLoc())
             << "a block has 1 to " << kMaxBlockSize << " threads, found "
             << blockSize.getValue();
    if (maxBlocks < 1 || maxBlocks > std::numeric_limits<int32_t>::max())
      return emitError(getOperation().getLoc())
             << "a launch has 1 to 2147483647 blocks, found "
             << maxBlocks.getValue();
    return success();
  }
};

} // namespace
} // namespace mlir::qfmt
