// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaTile.h"
#include "SharedTile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::qfmt {

/// Of one wgmma.
static constexpr int64_t kStepTerms = 32;
static constexpr int64_t kWarpgroupRows = 64;
static constexpr int64_t kWarpsPerWarpgroup = 4;
/// Where a swizzle of 128 bytes begins: 8 rows.
static constexpr int64_t kSharedAlignment = 1024;
static constexpr int64_t kBarrierBytes = 8;
static constexpr int64_t kTensorMapBytes = 128;
/// NVVM's number of the memory of a cluster, of which a block is one.
static constexpr unsigned kClusterMemory = 7;
/// How long a thread is suspended before it asks a barrier again.
static constexpr int64_t kWaitTicks = 1000000;

WgmmaTile::WgmmaTile(KernelBuilder &b, kernel::ProductOp op, Value rhs,
                     const WgmmaShape &shape)
    : op(op), shape(shape),
      parts(
          std::max<int64_t>(llvm::divideCeil(op.getNumTerms(), kRowBytes), 1)) {
  auto makeMap = [&](Value matrix, int64_t rows) -> Value {
    return kernel::TensorMapOp::create(b, b.getI64Type(), matrix,
                                       ArrayRef<int64_t>{rows, kRowBytes});
  };
  lhsMap = makeMap(op.getLhs(), shape.getRows());
  rhsMap = makeMap(rhs, shape.columns);
}

//===----------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------===//

Value WgmmaTile::getFull(KernelBuilder &b, Value stage) {
  return b.advance(barriers, b.mul(stage, kBarrierBytes));
}

Value WgmmaTile::getEmpty(KernelBuilder &b, Value stage) {
  return b.advance(getFull(b, stage), shape.stages * kBarrierBytes);
}

static void emitWait(KernelBuilder &b, Value barrier, Value phase) {
  NVVM::MBarrierTryWaitParityOp::create(b, barrier, phase, b.i32(kWaitTicks));
}

static NVVM::MemScopeKindAttr getBlockScope(KernelBuilder &b) {
  return NVVM::MemScopeKindAttr::get(b.getContext(), NVVM::MemScopeKind::CTA);
}

WgmmaTile::Turn WgmmaTile::emitNextTurn(KernelBuilder &b, const Turn &turn) {
  Value isInside = b.isLess(turn.stage, shape.stages - 1);
  return {b.select(isInside, b.add(turn.stage, 1), b.i32(0)),
          b.select(isInside, turn.phase, b.bitXor(turn.phase, 1))};
}

void WgmmaTile::begin(KernelBuilder &b, Value thread, Value sharedMemory) {
  // The alignment of the shared memory of a launch is not said anywhere.
  Value address =
      LLVM::PtrToIntOp::create(b, b.getI32Type(), sharedMemory).getResult();
  Value missing = b.bitAnd(b.sub(b.i32(0), address), kSharedAlignment - 1);
  shared = b.advance(sharedMemory, missing);
  barriers = b.advance(shared, shape.stages * shape.getStageBytes());
  warpgroup = b.div(thread, kThreadsPerWarpgroup);
  lane = b.rem(thread, kThreadsPerWarp);
  b.emitIf(b.isLess(thread, 1), [&] {
    for (int64_t i = 0; i < shape.stages; ++i) {
      Value stage = b.i32(i);
      NVVM::MBarrierInitOp::create(b, getFull(b, stage), b.i32(1),
                                   /*predicate=*/Value());
      NVVM::MBarrierInitOp::create(b, getEmpty(b, stage),
                                   b.i32(shape.warpgroups * kWarpsPerWarpgroup),
                                   /*predicate=*/Value());
    }
    // The copies have to see them, too.
    NVVM::FenceMbarrierInitOp::create(b);
  });
  gpu::BarrierOp::create(b);
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

static Value acquireMap(KernelBuilder &b, Value map) {
  auto type = LLVM::LLVMPointerType::get(b.getContext());
  Value pointer = LLVM::IntToPtrOp::create(b, type, map);
  auto system =
      NVVM::MemScopeKindAttr::get(b.getContext(), NVVM::MemScopeKind::SYS);
  auto proxy = [&](NVVM::ProxyKind kind) {
    return NVVM::ProxyKindAttr::get(b.getContext(), kind);
  };
  NVVM::FenceProxyAcquireOp::create(b, system, pointer, b.i32(kTensorMapBytes),
                                    proxy(NVVM::ProxyKind::GENERIC),
                                    proxy(NVVM::ProxyKind::TENSORMAP));
  return pointer;
}

void WgmmaTile::emitCopy(KernelBuilder &b, Value map, Value firstRow,
                         Value firstTerm, Value to, Value barrier) {
  auto cluster = LLVM::LLVMPointerType::get(b.getContext(), kClusterMemory);
  Value place = LLVM::AddrSpaceCastOp::create(b, cluster, to);
  NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
      b, place, map, ValueRange{firstTerm, firstRow}, barrier,
      /*im2colOffsets=*/ValueRange(), /*multicastMask=*/Value(),
      /*l2CacheHint=*/Value(),
      NVVM::TMALoadModeAttr::get(b.getContext(), NVVM::TMALoadMode::TILE),
      /*isCTAOnly=*/b.getBoolAttr(false), /*group=*/NVVM::CTAGroupKindAttr(),
      /*predicate=*/Value());
}

void WgmmaTile::emitCopies(KernelBuilder &b, const BlockOrigin &origin) {
  Value lhs = acquireMap(b, lhsMap), rhs = acquireMap(b, rhsMap);
  // All stages are empty: that is the phase before the first one.
  auto loop = scf::ForOp::create(b, b.i32(0), b.i32(parts), b.i32(1),
                                 ValueRange{b.i32(0), b.i32(1)});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Turn turn = {loop.getRegionIterArg(0), loop.getRegionIterArg(1)};
  emitWait(b, getEmpty(b, turn.stage), turn.phase);
  Value full = getFull(b, turn.stage);
  NVVM::MBarrierArriveExpectTxOp::create(
      b, /*res=*/Type(), full, b.i32(shape.getStageBytes()), getBlockScope(b),
      b.getBoolAttr(false), /*predicate=*/Value());
  Value term = b.mul(loop.getInductionVar(), kRowBytes);
  Value to = b.advance(shared, b.mul(turn.stage, shape.getStageBytes()));
  emitCopy(b, lhs, origin.row, term, to, full);
  emitCopy(b, rhs, origin.column, term, b.advance(to, shape.getLhsBytes()),
           full);
  Turn next = emitNextTurn(b, turn);
  scf::YieldOp::create(b, ValueRange{next.stage, next.phase});
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Of a matrix whose rows have 128 bytes, swizzled: addresses and strides are
/// counted in 16 bytes; 8 rows lie behind each other.
Value WgmmaTile::emitDescriptor(KernelBuilder &b, Value stage, Value bytes) {
  constexpr int64_t kSwizzle128 = int64_t(1) << 62;
  constexpr int64_t kStride = (8 * kRowBytes / kPieceBytes) << 32 | 1 << 16;
  constexpr int64_t kAddressBits = 0x3FFFF;
  Value address = LLVM::PtrToIntOp::create(b, b.getI32Type(), shared);
  address = b.add(address, b.mul(stage, shape.getStageBytes()));
  address = b.bitAnd(b.add(address, bytes), kAddressBits);
  Value descriptor = b.toI64(b.div(address, kPieceBytes));
  return b.add(descriptor, kSwizzle128 | kStride);
}

Value WgmmaTile::emitPart(KernelBuilder &b, Value stage, Value sums) {
  using Types = NVVM::WGMMATypes;
  Value lhs = emitDescriptor(
      b, stage, b.mul(warpgroup, SharedCopy::getBytes(kWarpgroupRows)));
  Value rhs = emitDescriptor(b, stage, b.i32(shape.getLhsBytes()));
  auto instruction = NVVM::MMAShapeAttr::get(b.getContext(), kWarpgroupRows,
                                             shape.columns, kStepTerms);
  NVVM::WgmmaFenceAlignedOp::create(b);
  for (int64_t term = 0; term < kRowBytes; term += kStepTerms) {
    int64_t pieces = term / kPieceBytes;
    sums = NVVM::WgmmaMmaAsyncOp::create(
        b, sums.getType(), sums, b.add(lhs, pieces), b.add(rhs, pieces),
        instruction, op.getLhsUnsigned() ? Types::u8 : Types::s8,
        op.getRhsUnsigned() ? Types::u8 : Types::s8, Types::s32,
        NVVM::WGMMAScaleOut::one, NVVM::WGMMAScaleIn::one,
        NVVM::WGMMAScaleIn::one, NVVM::MMALayout::row, NVVM::MMALayout::col,
        NVVM::MMAIntOverflowAttr::get(b.getContext(),
                                      NVVM::MMAIntOverflow::wrapped));
  }
  NVVM::WgmmaGroupSyncAlignedOp::create(b);
  return sums;
}

void WgmmaTile::emitArrival(KernelBuilder &b, Value part, Value stage) {
  Value isFirst = b.isLess(lane, 1);
  Value hasPart = b.isLess(b.i32(0), part);
  b.emitIf(b.both(isFirst, hasPart), [&] {
    NVVM::MBarrierArriveOp::create(b, b.getI64Type(), getEmpty(b, stage),
                                   /*count=*/Value(), getBlockScope(b));
  });
}

/// In LLVM IR sums are there when wgmma is issued. Nothing that is computed
/// from them may move before the wait.
static Value pinSums(KernelBuilder &b, Value sums, int64_t count) {
  std::string constraints;
  SmallVector<Value> registers;
  for (int64_t i = 0; i < count; ++i) {
    constraints += i == 0 ? "=r" : ",=r";
    registers.push_back(LLVM::ExtractValueOp::create(b, sums, i));
  }
  for (int64_t i = 0; i < count; ++i)
    constraints += "," + std::to_string(i);
  return LLVM::InlineAsmOp::create(
             b, sums.getType(), registers, /*asm_string=*/"", constraints,
             /*has_side_effects=*/true, /*is_align_stack=*/false,
             LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(),
             ArrayAttr())
      .getRes();
}

SmallVector<Value> WgmmaTile::emitSums(KernelBuilder &b) {
  int64_t count = shape.getSumsPerThread();
  SmallVector<Type> types(count, b.getI32Type());
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), types);
  Value sums = LLVM::PoisonOp::create(b, type);
  Value zero = b.i32(0);
  for (int64_t i = 0; i < count; ++i)
    sums = LLVM::InsertValueOp::create(b, sums, zero, i);
  // The turn, the stage before it, the sums.
  auto loop = scf::ForOp::create(b, zero, b.i32(parts), b.i32(1),
                                 ValueRange{zero, zero, zero, sums});
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    auto arguments = loop.getRegionIterArgs();
    Turn turn = {arguments[0], arguments[1]};
    emitWait(b, getFull(b, turn.stage), turn.phase);
    Value next = emitPart(b, turn.stage, arguments[3]);
    NVVM::WgmmaWaitGroupSyncOp::create(b, uint64_t(1));
    emitArrival(b, loop.getInductionVar(), arguments[2]);
    Turn after = emitNextTurn(b, turn);
    scf::YieldOp::create(
        b, ValueRange{after.stage, after.phase, turn.stage, next});
  }
  NVVM::WgmmaWaitGroupSyncOp::create(b, uint64_t(0));
  Value pinned = pinSums(b, loop.getResult(3), count);
  SmallVector<Value> result;
  for (int64_t i = 0; i < count; ++i)
    result.push_back(LLVM::ExtractValueOp::create(b, pinned, i));
  return result;
}

} // namespace mlir::qfmt
