// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fails at the first float operation or type of a decomposed function. Changes
// nothing.

#include "qfmt/Transforms/Passes.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_VERIFYINTEGERONLY
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

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

namespace {
struct VerifyIntegerOnlyPass
    : qfmt::impl::VerifyIntegerOnlyBase<VerifyIntegerOnlyPass> {
  using Base::Base;

  void runOnOperation() override {
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
      return signalPassFailure();
    }
    markAllAnalysesPreserved();
  }
};
} // namespace
