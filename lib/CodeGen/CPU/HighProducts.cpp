//===- HighProducts.cpp - 64-bit arithmetic between 32-bit vectors --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  vectors of at most 32-bit integers, extended to 64 bits, computed
// with, and truncated again: what rescaling and fixed-point polynomials consist
// of.
// Output: the same for even and for odd elements apart, which is how x86
// multiplies 32-bit integers to 64 bits (vpmuldq). As it was written LLVM 22
// widens both halves of the vector and narrows them again, which takes twice as
// many instructions.
//
// Vectors that fit a register of 64-bit elements stay, as do those that are
// loaded, stored or computed otherwise in 64 bits: putting their elements into
// this order would take as long.
//
// Does nothing without AVX2 or AVX-512: other targets have other instructions.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "qfmt/CodeGen/CPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_HIGHPRODUCTS
#include "qfmt/CodeGen/CPU/Passes.h.inc"

namespace {

/// The even and the odd elements of a vector of 64-bit integers.
struct Halves {
  Value even, odd;
};

//===----------------------------------------------------------------------===//
// What is computed by halves
//===----------------------------------------------------------------------===//

/// A vector of 64-bit integers that one register of `registerBits` does not
/// hold.
bool isWideVector(Type type, int64_t registerBits) {
  auto vector = dyn_cast<VectorType>(type);
  return vector && vector.getRank() == 1 && !vector.isScalable() &&
         vector.getElementType().isInteger(64) &&
         vector.getDimSize(0) % 4 == 0 &&
         vector.getDimSize(0) * 64 > registerBits;
}

/// Computes each element from those at the same place, or compares them.
bool isLaneWise(Operation *op) {
  return isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::AndIOp,
             arith::OrIOp, arith::XOrIOp, arith::ShLIOp, arith::ShRSIOp,
             arith::ShRUIOp, arith::MaxSIOp, arith::MinSIOp, arith::MaxUIOp,
             arith::MinUIOp, arith::CmpIOp, arith::SelectOp>(op);
}

/// An extension of integers of at most 32 bits.
bool isExtension(Operation *op) {
  return isa_and_nonnull<arith::ExtSIOp, arith::ExtUIOp>(op) &&
         getElementTypeOrSelf(op->getOperand(0)).getIntOrFloatBitWidth() <= 32;
}

bool isTruncation(Operation *op) {
  return isa<arith::TruncIOp>(op) &&
         getElementTypeOrSelf(op->getResult(0)).getIntOrFloatBitWidth() <= 32;
}

/// Operations of which all operands are extended, uniform or such operations,
/// and all users are such operations or truncations.
class SplitOperations {
public:
  SplitOperations(Operation *root, int64_t registerBits) {
    root->walk([&](Operation *op) {
      if (isLaneWise(op) &&
          isWideVector(op->getOperand(op->getNumOperands() - 1).getType(),
                       registerBits))
        operations.insert(op);
    });
    while (removeMixed()) {
    }
  }

  bool contains(Operation *op) const { return operations.contains(op); }

private:
  bool isKnown(Value operand) const {
    Operation *op = operand.getDefiningOp();
    DenseIntElementsAttr elements;
    return contains(op) || isExtension(op) || isUniform(op) ||
           matchPattern(operand, m_Constant(&elements));
  }

  static bool isUniform(Operation *op) {
    auto broadcast = dyn_cast_or_null<vector::BroadcastOp>(op);
    return broadcast && !isa<VectorType>(broadcast.getSourceType());
  }

  /// True if there were any.
  bool removeMixed() {
    return operations.remove_if([&](Operation *op) {
      return !llvm::all_of(op->getOperands(), [&](Value operand) {
        return isKnown(operand);
      }) || !llvm::all_of(op->getUsers(), [&](Operation *user) {
        return contains(user) || isTruncation(user);
      });
    });
  }

  llvm::SetVector<Operation *> operations;
};

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

class HalvesEmitter {
public:
  /// Of an operation that is split; operands have been visited.
  void visit(Operation *op) {
    ImplicitLocOpBuilder b(op->getLoc(), op);
    SmallVector<Value> even, odd;
    for (Value operand : op->getOperands()) {
      Halves found = getHalves(b, operand);
      even.push_back(found.even);
      odd.push_back(found.odd);
    }
    auto whole = cast<VectorType>(op->getResult(0).getType());
    auto half =
        VectorType::get(whole.getDimSize(0) / 2, whole.getElementType());
    auto emit = [&](ValueRange operands) {
      OperationState state(op->getLoc(), op->getName(), operands, half,
                           op->getAttrs());
      return b.create(state)->getResult(0);
    };
    halves[op->getResult(0)] = {emit(even), emit(odd)};
  }

  /// Writes a truncation of what is split.
  void merge(arith::TruncIOp op) {
    ImplicitLocOpBuilder b(op.getLoc(), op);
    Halves known = halves.lookup(op.getIn());
    auto half = cast<VectorType>(known.even.getType());
    Value even =
        arith::AndIOp::create(b, known.even, emitSplat(b, half, 0xffffffffu));
    Value odd = arith::ShLIOp::create(b, known.odd, emitSplat(b, half, 32));
    auto type = cast<VectorType>(op.getType());
    Value both = vector::BitCastOp::create(b, type.clone(b.getI32Type()),
                                           arith::OrIOp::create(b, even, odd));
    if (both.getType() != type)
      both = arith::TruncIOp::create(b, type, both);
    op.replaceAllUsesWith(both);
    // Extensions of it read the halves.
    merged[both] = op.getIn();
  }

private:
  static Value emitSplat(ImplicitLocOpBuilder &b, VectorType type,
                         uint64_t value) {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, APInt(64, value)));
  }

  Halves getHalves(ImplicitLocOpBuilder &b, Value value) {
    if (auto known = halves.find(value); known != halves.end())
      return known->second;
    Operation *op = value.getDefiningOp();
    if (isExtension(op))
      return emitExtension(b, op);
    // Of 64 bits, or, if it is the condition of a selection, of one.
    auto type = cast<VectorType>(value.getType());
    auto half = VectorType::get(type.getDimSize(0) / 2, type.getElementType());
    if (auto broadcast = dyn_cast<vector::BroadcastOp>(op)) {
      Value both = vector::BroadcastOp::create(b, half, broadcast.getSource());
      return {both, both};
    }
    return emitConstant(b, op, half);
  }

  static Halves emitConstant(ImplicitLocOpBuilder &b, Operation *op,
                             VectorType half) {
    DenseIntElementsAttr elements;
    matchPattern(op, m_Constant(&elements));
    if (elements.isSplat()) {
      Value both = arith::ConstantOp::create(
          b, DenseElementsAttr::get(half, elements.getSplatValue<APInt>()));
      return {both, both};
    }
    SmallVector<APInt> even, odd;
    for (auto [i, element] : llvm::enumerate(elements.getValues<APInt>()))
      (i % 2 == 0 ? even : odd).push_back(element);
    return {arith::ConstantOp::create(b, DenseElementsAttr::get(half, even)),
            arith::ConstantOp::create(b, DenseElementsAttr::get(half, odd))};
  }

  /// Pairs of 32 bits in 64: the lower one extended in place, and the upper
  /// one.
  Halves emitExtension(ImplicitLocOpBuilder &b, Operation *op) {
    Value in = op->getOperand(0);
    bool isSigned = isa<arith::ExtSIOp>(op);
    auto type = cast<VectorType>(in.getType());
    auto half = VectorType::get(type.getDimSize(0) / 2, b.getI64Type());
    Value shift = emitSplat(b, half, 32);
    Value even, odd;
    if (Value wide = merged.lookup(in);
        wide && type.getElementType().isInteger(32)) {
      Halves known = halves.lookup(wide);
      even = arith::ShLIOp::create(b, known.even, shift);
      odd = arith::ShLIOp::create(b, known.odd, shift);
      if (isSigned)
        return {arith::ShRSIOp::create(b, even, shift),
                arith::ShRSIOp::create(b, odd, shift)};
      return {arith::ShRUIOp::create(b, even, shift),
              arith::ShRUIOp::create(b, odd, shift)};
    }
    if (!type.getElementType().isInteger(32)) {
      VectorType wider = type.clone(b.getI32Type());
      in = isSigned ? arith::ExtSIOp::create(b, wider, in).getResult()
                    : arith::ExtUIOp::create(b, wider, in).getResult();
    }
    Value pairs = vector::BitCastOp::create(b, half, in);
    if (!isSigned)
      return {arith::AndIOp::create(b, pairs, emitSplat(b, half, 0xffffffffu)),
              arith::ShRUIOp::create(b, pairs, shift)};
    even = arith::ShLIOp::create(b, pairs, shift);
    return {arith::ShRSIOp::create(b, even, shift),
            arith::ShRSIOp::create(b, pairs, shift)};
  }

  llvm::DenseMap<Value, Halves> halves;
  /// Of 32-bit vectors that were truncated, what was.
  llvm::DenseMap<Value, Value> merged;
};

void splitWideVectors(Operation *root, int64_t registerBits) {
  SplitOperations split(root, registerBits);
  HalvesEmitter emitter;
  SmallVector<Operation *> replaced;
  root->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (split.contains(op)) {
      emitter.visit(op);
      replaced.push_back(op);
    } else if (auto truncation = dyn_cast<arith::TruncIOp>(op);
               truncation &&
               split.contains(truncation.getIn().getDefiningOp())) {
      emitter.merge(truncation);
      replaced.push_back(op);
    }
  });
  for (Operation *op : llvm::reverse(replaced))
    op->erase();
}

struct HighProductsPass : impl::HighProductsBase<HighProductsPass> {
  using HighProductsBase::HighProductsBase;

  void runOnOperation() override {
    switch (
        CpuTarget::get(getOperation(), instructions, l2Bytes).instructions) {
    case DotInstructions::Vnni512:
    case DotInstructions::Madd512:
      return splitWideVectors(getOperation(), 512);
    case DotInstructions::Vnni256:
    case DotInstructions::Madd256:
      return splitWideVectors(getOperation(), 256);
    default:
      return;
    }
  }
};

} // namespace
} // namespace mlir::qfmt
