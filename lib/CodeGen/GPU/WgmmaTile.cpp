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

/// Of codes of fp8 that are multiplied at a time.
static constexpr int64_t kFloatColumns = 128;

WgmmaTile::WgmmaTile(KernelBuilder &b, kernel::ProductOp op, Value lhs,
                     Value rhs, const WgmmaShape &shape)
    : op(op), shape(shape),
      parts(
          std::max<int64_t>(llvm::divideCeil(op.getNumTerms(), kRowBytes), 1)) {
  auto makeMap = [&](Value matrix, int64_t rows) -> Value {
    return kernel::TensorMapOp::create(b, b.getI64Type(), matrix,
                                       ArrayRef<int64_t>{rows, kRowBytes});
  };
  lhsMap = makeMap(lhs, shape.getRows());
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

static NVVM::WGMMATypes getNumbers(std::optional<Type> format,
                                   bool isUnsigned) {
  if (format)
    return isa<Float8E4M3FNType>(*format) ? NVVM::WGMMATypes::e4m3
                                          : NVVM::WGMMATypes::e5m2;
  return isUnsigned ? NVVM::WGMMATypes::u8 : NVVM::WGMMATypes::s8;
}

Value WgmmaTile::emitPart(KernelBuilder &b, Value stage, int64_t firstColumn,
                          Value sums, bool startsAtZero) {
  Value lhs = emitDescriptor(
      b, stage, b.mul(warpgroup, SharedCopy::getBytes(kWarpgroupRows)));
  Value rhs = emitDescriptor(
      b, stage, b.i32(shape.getLhsBytes() + SharedCopy::getBytes(firstColumn)));
  auto type = cast<LLVM::LLVMStructType>(sums.getType());
  auto instruction = NVVM::MMAShapeAttr::get(
      b.getContext(), kWarpgroupRows, 2 * type.getBody().size(), kStepTerms);
  bool isFloat = kernel::ProductOp(op).hasFloats();
  auto overflow = isFloat ? NVVM::MMAIntOverflowAttr()
                          : NVVM::MMAIntOverflowAttr::get(
                                b.getContext(), NVVM::MMAIntOverflow::wrapped);
  NVVM::WgmmaFenceAlignedOp::create(b);
  for (int64_t term = 0; term < kRowBytes; term += kStepTerms) {
    int64_t pieces = term / kPieceBytes;
    sums = NVVM::WgmmaMmaAsyncOp::create(
        b, type, sums, b.add(lhs, pieces), b.add(rhs, pieces), instruction,
        getNumbers(op.getLhsFormat(), op.getLhsUnsigned()),
        getNumbers(op.getRhsFormat(), op.getRhsUnsigned()),
        isFloat ? NVVM::WGMMATypes::f32 : NVVM::WGMMATypes::s32,
        startsAtZero && term == 0 ? NVVM::WGMMAScaleOut::zero
                                  : NVVM::WGMMAScaleOut::one,
        NVVM::WGMMAScaleIn::one, NVVM::WGMMAScaleIn::one, NVVM::MMALayout::row,
        NVVM::MMALayout::col, overflow);
  }
  NVVM::WgmmaGroupSyncAlignedOp::create(b);
  return sums;
}

void WgmmaTile::emitArrival(KernelBuilder &b, Value stage, Value condition) {
  b.emitIf(b.both(b.isLess(lane, 1), condition), [&] {
    NVVM::MBarrierArriveOp::create(b, b.getI64Type(), getEmpty(b, stage),
                                   /*count=*/Value(), getBlockScope(b));
  });
}

static LLVM::LLVMStructType getSumsType(Type element, int64_t count) {
  SmallVector<Type> types(count, element);
  return LLVM::LLVMStructType::getLiteral(element.getContext(), types);
}

/// Numbers in registers that are computed before and used after this place.
static SmallVector<Value> pin(KernelBuilder &b, SmallVector<Value> registers) {
  int64_t count = registers.size();
  Type type = getSumsType(registers.front().getType(), count);
  StringRef output = registers.front().getType().isF32() ? "=f" : "=r";
  std::string constraints;
  for (int64_t i = 0; i < count; ++i)
    constraints += (i == 0 ? "" : ",") + output.str();
  for (int64_t i = 0; i < count; ++i)
    constraints += "," + std::to_string(i);
  Value pinned = LLVM::InlineAsmOp::create(
                     b, type, registers, /*asm_string=*/"", constraints,
                     /*has_side_effects=*/true, /*is_align_stack=*/false,
                     LLVM::tailcallkind::TailCallKind::None,
                     LLVM::AsmDialectAttr(), ArrayAttr())
                     .getRes();
  for (int64_t i = 0; i < count; ++i)
    registers[i] = LLVM::ExtractValueOp::create(b, pinned, i);
  return registers;
}

/// In LLVM IR sums are there when wgmma is issued. Nothing that is computed
/// from them may move before the wait.
static SmallVector<Value> pinSums(KernelBuilder &b, Value sums) {
  SmallVector<Value> registers;
  size_t count = cast<LLVM::LLVMStructType>(sums.getType()).getBody().size();
  for (size_t i = 0; i < count; ++i)
    registers.push_back(LLVM::ExtractValueOp::create(b, sums, i));
  return pin(b, registers);
}

SmallVector<Value> WgmmaTile::emitIntegerSums(KernelBuilder &b) {
  int64_t count = shape.getSumsPerThread();
  Value sums = LLVM::PoisonOp::create(b, getSumsType(b.getI32Type(), count));
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
    Value next = emitPart(b, turn.stage, /*firstColumn=*/0, arguments[3],
                          /*startsAtZero=*/false);
    NVVM::WgmmaWaitGroupSyncOp::create(b, uint64_t(1));
    Value hasBefore = b.isLess(zero, loop.getInductionVar());
    emitArrival(b, arguments[2], hasBefore);
    Turn after = emitNextTurn(b, turn);
    scf::YieldOp::create(
        b, ValueRange{after.stage, after.phase, turn.stage, next});
  }
  NVVM::WgmmaWaitGroupSyncOp::create(b, uint64_t(0));
  return pinSums(b, loop.getResult(3));
}

static LLVM::LLVMStructType getPartType(KernelBuilder &b,
                                        const WgmmaShape &shape) {
  int64_t columns = std::min(shape.columns, kFloatColumns);
  return getSumsType(b.getF32Type(), columns / 2);
}

void WgmmaTile::emitFloatPart(KernelBuilder &b, Value stage, Value &part,
                              MutableArrayRef<Value> sums) {
  size_t count = getPartType(b, shape).getBody().size();
  for (size_t first = 0; first < sums.size(); first += count) {
    part = emitPart(b, stage, 2 * first, part, /*startsAtZero=*/true);
    NVVM::WgmmaWaitGroupSyncOp::create(b, uint64_t(0));
    if (first + count == sums.size())
      emitArrival(b, stage, /*condition=*/Value());
    SmallVector<Value> added;
    for (auto [sum, addend] :
         llvm::zip_equal(sums.slice(first, count), pinSums(b, part)))
      added.push_back(arith::AddFOp::create(b, sum, addend));
    // Later, the part's registers were not free for the next columns.
    llvm::copy(pin(b, added), sums.begin() + first);
  }
}

SmallVector<Value> WgmmaTile::emitFloatSums(KernelBuilder &b) {
  Value none = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
  // The turn, the registers of a part, and the sums. What a part had before is
  // never read, but all parts have the same registers in this way.
  SmallVector<Value> start(2, b.i32(0));
  start.push_back(LLVM::PoisonOp::create(b, getPartType(b, shape)));
  start.append(shape.getSumsPerThread(), none);
  auto loop = scf::ForOp::create(b, b.i32(0), b.i32(parts), b.i32(1),
                                 ValueRange(start));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next(loop.getRegionIterArgs());
  Turn turn = {next[0], next[1]};
  emitWait(b, getFull(b, turn.stage), turn.phase);
  emitFloatPart(b, turn.stage, next[2], MutableArrayRef(next).drop_front(3));
  Turn after = emitNextTurn(b, turn);
  next[0] = after.stage;
  next[1] = after.phase;
  scf::YieldOp::create(b, next);
  return SmallVector<Value>(loop.getResults().drop_front(3));
}

SmallVector<Value> WgmmaTile::emitSums(KernelBuilder &b) {
  return kernel::ProductOp(op).hasFloats() ? emitFloatSums(b)
                                           : emitIntegerSums(b);
}

} // namespace mlir::qfmt
