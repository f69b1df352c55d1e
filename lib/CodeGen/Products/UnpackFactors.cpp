//===- UnpackFactors.cpp - Constants of which products are made -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level; constants of packed codes behind qfmt.unpack.
// Output: the same level; where such codes do nothing but become a factor of
//         products, a constant with one code a byte.
//
// qfmt-float-products-to-vectors, which has to run when bodies are final, packs
// these codes in a layout of its own. Left alone, qfmt.unpack would be loops
// that are executed in each call.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/CodeGen/Products/ConstantBits.h"
#include "qfmt/CodeGen/Products/Passes.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_UNPACKFACTORS
#include "qfmt/CodeGen/Products/Passes.h.inc"

namespace {

/// True if what `value` becomes is read by products alone.
bool becomesFactor(Value value) {
  return !value.use_empty() && llvm::all_of(value.getUsers(), [](Operation
                                                                     *user) {
    auto op = dyn_cast<linalg::LinalgOp>(user);
    if (op && op.getNumReductionLoops() != 0)
      return linalg::isaContractionOpInterface(op);
    if (op ? op.getNumParallelLoops() == op.getNumLoops()
           : isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp,
                 tensor::ExtractSliceOp, tensor::PadOp, arith::BitcastOp>(user))
      return llvm::all_of(user->getResults(), becomesFactor);
    return false;
  });
}

/// A constant of the type of `codes`; null if they are none.
Value emitCodes(ImplicitLocOpBuilder &b, UnpackOp op) {
  std::optional<ConstantBits> constant = readConstantBits(op.getCodes());
  if (!constant)
    return {};
  RankedTensorType type = op.getCodes().getType();
  unsigned width = type.getElementTypeBitWidth();
  if (width > 8)
    return {};
  std::vector<uint8_t> bytes(constant->bits.begin(), constant->bits.end());
  ElementsAttr codes = makeBytes(b.getContext(), bytes, "codes");
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(codes)) {
    codes = DenseResourceElementsAttr::get(type, resource.getRawHandle());
  } else {
    SmallVector<APInt> elements;
    for (uint32_t code : constant->bits)
      elements.push_back(APInt(width, code));
    codes = DenseElementsAttr::get(type, elements);
  }
  return arith::ConstantOp::create(b, codes);
}

struct UnpackFactorsPass : impl::UnpackFactorsBase<UnpackFactorsPass> {
  void runOnOperation() override {
    SmallVector<UnpackOp> ops;
    getOperation()->walk([&](UnpackOp op) {
      if (matchPattern(op.getBytes(), m_Constant()) &&
          becomesFactor(op.getCodes()))
        ops.push_back(op);
    });
    for (UnpackOp op : ops) {
      ImplicitLocOpBuilder b(op.getLoc(), op);
      Value codes = emitCodes(b, op);
      if (!codes)
        continue;
      op.replaceAllUsesWith(codes);
      op.erase();
    }
  }
};

} // namespace
} // namespace mlir::qfmt
