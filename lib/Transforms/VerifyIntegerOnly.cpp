// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fails at the first float operation or type of a decomposed function, and at
// the first division if asked. Changes nothing.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/Statistic.h"
#include "llvm/ADT/StringSwitch.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_VERIFYINTEGERONLY
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-verify-integer-only"
ALWAYS_ENABLED_STATISTIC(numFloatOps,
                         "Operations with a float operand or result");

/// The first float type within `type`, at any depth.
static Type findFloat(Type type) {
  Type found;
  type.walk([&](FloatType inner) {
    found = inner;
    return WalkResult::interrupt();
  });
  return found;
}

/// The first float type of an operand, a result, a block argument, a signature
/// or a constant.
static Type findFloat(Operation *op) {
  auto findIn = [](TypeRange types) -> Type {
    for (Type type : types)
      if (findFloat(type))
        return type;
    return nullptr;
  };
  if (Type type = findIn(op->getOperandTypes()))
    return type;
  if (Type type = findIn(op->getResultTypes()))
    return type;
  for (Region &region : op->getRegions())
    for (Block &block : region)
      if (Type type = findIn(block.getArgumentTypes()))
        return type;
  if (auto function = dyn_cast<FunctionOpInterface>(op))
    if (findFloat(function.getFunctionType()))
      return function.getFunctionType();
  return nullptr;
}

/// Integer division or remainder, of scalars, vectors or tensors.
static bool isDivision(Operation *op) {
  if (isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
          arith::FloorDivSIOp, arith::CeilDivSIOp, arith::CeilDivUIOp>(op))
    return true;
  return llvm::StringSwitch<bool>(op->getName().getStringRef())
      .Cases({"index.divs", "index.divu", "index.rems", "index.remu",
              "index.floordivs", "index.ceildivs", "index.ceildivu"},
             true)
      .Default(false);
}

/// True if `value`, an index, is computed from loops, positions, sizes and
/// constants only.
static bool isPosition(Value value) {
  llvm::SetVector<Value> pending;
  pending.insert(value);
  for (size_t i = 0; i < pending.size(); ++i) {
    Value next = pending[i];
    if (!isa<IndexType>(next.getType()))
      return false;
    if (auto argument = dyn_cast<BlockArgument>(next)) {
      auto loop =
          dyn_cast<LoopLikeOpInterface>(argument.getOwner()->getParentOp());
      std::optional<SmallVector<Value>> variables;
      if (loop)
        variables = loop.getLoopInductionVars();
      if (!variables || !llvm::is_contained(*variables, next))
        return false;
      continue;
    }
    Operation *op = next.getDefiningOp();
    if (isa<linalg::IndexOp, ShapedDimOpInterface>(op) ||
        op->hasTrait<OpTrait::ConstantLike>())
      continue;
    // A call or an extraction has data, whatever it is read with.
    if (op->getNumOperands() == 0 || op->getNumRegions() != 0 || !isPure(op))
      return false;
    pending.insert_range(op->getOperands());
  }
  return true;
}

static bool isDivisionOfData(Operation *op) {
  return isDivision(op) && !llvm::all_of(op->getOperands(), isPosition);
}

namespace {
struct VerifyIntegerOnlyPass
    : qfmt::impl::VerifyIntegerOnlyBase<VerifyIntegerOnlyPass> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(verifyNoFloat()) || failed(verifyDivision()))
      return signalPassFailure();
    markAllAnalysesPreserved();
  }

  LogicalResult verifyNoFloat() {
    Operation *first = nullptr;
    Type firstType;
    int64_t count = 0;
    getOperation()->walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (op->hasAttr(QFmtDialect::kFloatWrapperAttr))
        return WalkResult::skip();
      Type type = findFloat(op);
      if (!type)
        return WalkResult::advance();
      ++count;
      if (!first)
        std::tie(first, firstType) = std::tie(op, type);
      return WalkResult::advance();
    });
    numFloatOps += count;
    if (first) {
      first->emitOpError() << "is not integer-only: it has the type "
                           << firstType << " (the first of " << count
                           << " such operations)";
      return failure();
    }
    return success();
  }

  LogicalResult verifyDivision() {
    if (division == DivisionPolicy::Allow)
      return success();
    WalkResult walk =
        getOperation()->walk<WalkOrder::PreOrder>([](Operation *op) {
          if (op->hasAttr(QFmtDialect::kFloatWrapperAttr))
            return WalkResult::skip();
          if (!isDivisionOfData(op))
            return WalkResult::advance();
          op->emitOpError() << "divides, which division=forbid excludes; "
                               "multiply by a rounded reciprocal and shift";
          return WalkResult::interrupt();
        });
    return failure(walk.wasInterrupted());
  }
};
} // namespace
