// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "IntegerMmaTile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::qfmt {

/// Of one mma.sync.
static constexpr int64_t kStepTerms = 32;
static constexpr int64_t kLhsRegisters = 4, kRhsRegisters = 2, kSums = 4;
/// Of a fragment of eight columns or rows, which is one matrix of ldmatrix.
static constexpr int64_t kMatrixRows = 8;

MmaTile::~MmaTile() = default;

IntegerMmaTile::IntegerMmaTile(KernelBuilder &b, kernel::ProductOp op,
                               const BlockShape &shape)
    : op(op), shape(shape), lhs(b, op.getLhs()), rhs(b, op.getRhs()),
      lhsSwizzle{2}, rhsSwizzle{shape.fragments.getNumColumns()},
      terms(op.getNumTerms()) {
  // Parts of the same number of steps, so that few of these are of zeros.
  parts = llvm::divideCeil(terms, kRowBytes);
  partTerms = llvm::alignTo(llvm::divideCeil(terms, parts), kStepTerms);
}

int64_t IntegerMmaTile::getStageBytes(const BlockShape &shape) {
  return SharedCopy::getBytes(shape.getRows() + shape.getColumns());
}

int64_t IntegerMmaTile::getSteps() const { return partTerms / kStepTerms; }

int64_t IntegerMmaTile::getSharedBytes() const {
  return getStages() * getStageBytes(shape);
}

void IntegerMmaTile::enter(KernelBuilder &b) {
  lhs.enter(b);
  rhs.enter(b);
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

void IntegerMmaTile::emitCopies(KernelBuilder &b, Value firstTerm,
                                Value stage) {
  Value lhsPart = b.advance(shared, stage);
  lhsCopy->emit(b, firstTerm, lhsPart);
  int64_t lhsBytes = SharedCopy::getBytes(shape.getRows());
  rhsCopy->emit(b, firstTerm, b.advance(lhsPart, lhsBytes));
}

/// For the oldest of the parts that are on their way, of all threads.
void IntegerMmaTile::emitWait(KernelBuilder &b) {
  NVVM::CpAsyncCommitGroupOp::create(b);
  NVVM::CpAsyncWaitGroupOp::create(b, uint32_t(getDepth() - 1));
  gpu::BarrierOp::create(b);
}

Value IntegerMmaTile::emitNextStage(KernelBuilder &b, Value stage) {
  if (getStages() == 1)
    return stage;
  int64_t bytes = getStageBytes(shape);
  Value isLast = b.isLess(stage, (getStages() - 1) * bytes);
  return b.select(isLast, b.add(stage, bytes), b.i32(0));
}

//===----------------------------------------------------------------------===//
// Registers
//===----------------------------------------------------------------------===//

/// ldmatrix reads four matrices of 8 rows x 16 bytes, and lane 8 i + j says
/// where row j of matrix i is. Left: rows 0 ... 7 and 8 ... 15 of a tile for 16
/// terms, then for the next 16. Right: 16 terms, then the next 16, of a tile's
/// columns, then the same of the next tile.
void IntegerMmaTile::placeLane(KernelBuilder &b, const BlockPlace &place) {
  Value inMatrix = b.rem(place.lane, kMatrixRows);
  Value lhsTileRow = b.rem(place.lane, 2 * kMatrixRows);
  Value second = b.div(place.lane, 2 * kMatrixRows);
  lhsRow = b.mul(b.add(b.mul(place.warpRow, shape.getWarpRows()), lhsTileRow),
                 kRowBytes);
  // The row of a lane in its matrix is the phase, see FragmentShape for
  // columns.
  lhsPiece = b.mul(b.bitXor(second, inMatrix), kPieceBytes);

  Value column =
      b.add(b.mul(b.div(inMatrix, 2), shape.fragments.getNumColumns()),
            b.add(b.rem(inMatrix, 2), b.mul(second, 2)));
  rhsRow = b.mul(b.add(b.mul(place.warpColumn, shape.getWarpColumns()), column),
                 kRowBytes);
  rhsRow = b.add(rhsRow, SharedCopy::getBytes(shape.getRows()));
  Value secondTerms = b.rem(b.div(place.lane, kMatrixRows), 2);
  rhsPiece = b.mul(b.bitXor(secondTerms, inMatrix), kPieceBytes);
}

static void emitMatrices(KernelBuilder &b, Value address,
                         SmallVectorImpl<Value> &registers) {
  SmallVector<Type> types(4, b.getI32Type());
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), types);
  auto shape = NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8);
  Value loaded =
      NVVM::LdMatrixOp::create(b, type, address, 4, NVVM::MMALayout::row, shape,
                               NVVM::LdStMatrixEltType::B16);
  for (int64_t i = 0; i < 4; ++i)
    registers.push_back(LLVM::ExtractValueOp::create(b, loaded, i));
}

IntegerMmaTile::Fragments IntegerMmaTile::emitLoads(KernelBuilder &b,
                                                    Value stage, int64_t step) {
  Fragments fragments;
  int64_t turn = step * kStepTerms;
  auto locate = [&](Value row, Value piece) {
    return b.advance(shared, b.add(b.add(stage, row), b.bitXor(piece, turn)));
  };
  Value lhsAddress = locate(lhsRow, lhsPiece);
  for (int64_t i = 0; i < shape.fragments.rows; ++i)
    emitMatrices(b, b.advance(lhsAddress, i * 16 * kRowBytes), fragments.lhs);
  Value rhsAddress = locate(rhsRow, rhsPiece);
  // Two columns of each thread belong to a tile.
  for (int64_t i = 0; i < shape.fragments.columns; i += 2)
    emitMatrices(b, b.advance(rhsAddress, i * 2 * kRowBytes), fragments.rhs);
  return fragments;
}

void IntegerMmaTile::emitProducts(KernelBuilder &b, const Fragments &fragments,
                                  MutableArrayRef<Value> sums) {
  using Types = NVVM::MMATypes;
  std::array<Types, 2> types = {op.getLhsUnsigned() ? Types::u8 : Types::s8,
                                op.getRhsUnsigned() ? Types::u8 : Types::s8};
  std::array<NVVM::MMALayout, 2> layouts = {NVVM::MMALayout::row,
                                            NVVM::MMALayout::col};
  SmallVector<Type> sumTypes(kSums, b.getI32Type());
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), sumTypes);
  for (int64_t i = 0; i < shape.fragments.rows; ++i)
    for (int64_t j = 0; j < shape.fragments.columns; ++j) {
      auto tile = sums.slice((i * shape.fragments.columns + j) * kSums, kSums);
      auto left =
          ArrayRef(fragments.lhs).slice(i * kLhsRegisters, kLhsRegisters);
      auto right =
          ArrayRef(fragments.rhs).slice(j * kRhsRegisters, kRhsRegisters);
      Value product = NVVM::MmaOp::create(
          b, type, left, right, ValueRange(tile), ArrayRef<int64_t>{16, 8, 32},
          /*b1Op=*/std::nullopt, NVVM::MMAIntOverflow::wrapped, types, layouts);
      for (int64_t k = 0; k < kSums; ++k)
        tile[k] = LLVM::ExtractValueOp::create(b, product, k);
    }
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// `state`: the stage of the part, the stage that is free, fragments of the
/// first step, sums.
SmallVector<Value> IntegerMmaTile::emitPart(KernelBuilder &b, Value part,
                                            ValueRange state) {
  Value stage = state[0], freeStage = state[1];
  ValueRange rest = state.drop_front(2);
  int64_t numLhs = shape.fragments.rows * kLhsRegisters;
  int64_t numRhs = shape.fragments.columns * kRhsRegisters;
  Fragments current = {llvm::to_vector(rest.take_front(numLhs)),
                       llvm::to_vector(rest.slice(numLhs, numRhs))};
  SmallVector<Value> sums = llvm::to_vector(rest.drop_front(numLhs + numRhs));
  int64_t steps = getSteps();
  for (int64_t step = 0; step < steps; ++step) {
    // What was in the free stage was read before the last barrier.
    if (step == 0 && isRing()) {
      Value term = b.mul(b.add(part, getDepth()), partTerms);
      emitCopies(b, term, freeStage);
      freeStage = emitNextStage(b, freeStage);
    }
    if (step + 1 == steps) {
      emitWait(b);
      stage = emitNextStage(b, stage);
    }
    Fragments next = emitLoads(b, stage, (step + 1) % steps);
    emitProducts(b, current, sums);
    current = std::move(next);
  }
  SmallVector<Value> result = {stage, freeStage};
  llvm::append_range(result, current.lhs);
  llvm::append_range(result, current.rhs);
  llvm::append_range(result, sums);
  return result;
}

SmallVector<Value> IntegerMmaTile::emitSums(KernelBuilder &b,
                                            const BlockPlace &place,
                                            Value sharedMemory) {
  shared = sharedMemory;
  Value columns = place.hasAllColumns ? Value() : b.i32(op.getNumColumns());
  // The right factor may have terms that the left one has not, which are zeros
  // there.
  lhsCopy.emplace(
      lhs, SharedCopy::Shape{place.numRows, terms, shape.getRows(), partTerms},
      lhsSwizzle, shape.getThreads());
  rhsCopy.emplace(
      rhs,
      SharedCopy::Shape{columns,
                        cast<ShapedType>(op.getRhs().getType()).getDimSize(1),
                        shape.getColumns(), partTerms},
      rhsSwizzle, shape.getThreads());
  lhsCopy->begin(b, place.thread, place.row);
  rhsCopy->begin(b, place.thread, place.column);
  placeLane(b, place);

  Value zero = b.i32(0);
  for (int64_t part = 0; part < getDepth(); ++part) {
    emitCopies(b, b.i32(part * partTerms), b.i32(part * getStageBytes(shape)));
    if (part + 1 < getDepth())
      NVVM::CpAsyncCommitGroupOp::create(b);
  }
  emitWait(b);
  Fragments first = emitLoads(b, zero, 0);
  SmallVector<Value> state = {
      zero, b.i32(isRing() ? getDepth() * getStageBytes(shape) : 0)};
  llvm::append_range(state, first.lhs);
  llvm::append_range(state, first.rhs);
  size_t numBefore = state.size();
  state.append(shape.fragments.rows * shape.fragments.columns * kSums, zero);
  auto loop = scf::ForOp::create(b, zero, b.i32(parts), b.i32(1), state);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> next =
        emitPart(b, loop.getInductionVar(), loop.getRegionIterArgs());
    scf::YieldOp::create(b, next);
  }
  // No copy may be under way when the block ends.
  NVVM::CpAsyncWaitGroupOp::create(b, 0u);
  return SmallVector<Value>(loop.getResults().drop_front(numBefore));
}

} // namespace mlir::qfmt
