//===- UnpackToLinalg.cpp - Packed constants that are read as tensors -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  qfmt_cpu.unpack_integers and unpack_scales on tensors.
// Output: linalg.generic that compute each element from its code.
//
//===----------------------------------------------------------------------===//

#include "PackedConstants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"
#include "qfmt/CodeGen/CPU/Passes.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_UNPACKTOLINALG
#include "qfmt/CodeGen/CPU/Passes.h.inc"

namespace {

/// Arithmetic on indices in a body.
class Indices {
public:
  explicit Indices(ImplicitLocOpBuilder &b) : b(b) {}

  Value get(int64_t value) { return arith::ConstantIndexOp::create(b, value); }
  Value loop(int64_t number) { return linalg::IndexOp::create(b, number); }
  Value divide(Value value, int64_t by) {
    return arith::DivUIOp::create(b, value, get(by));
  }
  Value remainder(Value value, int64_t by) {
    return arith::RemUIOp::create(b, value, get(by));
  }
  Value multiply(Value value, int64_t by) {
    return arith::MulIOp::create(b, value, get(by));
  }
  Value add(Value left, Value right) {
    return arith::AddIOp::create(b, left, right);
  }

private:
  ImplicitLocOpBuilder &b;
};

/// A tensor whose elements `body` computes.
Value emitTensor(ImplicitLocOpBuilder &b, Type type,
                 function_ref<Value(ImplicitLocOpBuilder &)> body) {
  auto tensorType = cast<RankedTensorType>(type);
  Value empty = tensor::EmptyOp::create(b, tensorType, ValueRange());
  int64_t rank = tensorType.getRank();
  return linalg::GenericOp::create(
             b, type, ValueRange(), empty,
             ArrayRef{b.getMultiDimIdentityMap(rank)},
             SmallVector<utils::IteratorType>(rank,
                                              utils::IteratorType::parallel),
             [&](OpBuilder &nested, Location loc, ValueRange) {
               ImplicitLocOpBuilder inner(loc, nested);
               linalg::YieldOp::create(inner, body(inner));
             })
      .getResult(0);
}

Value emitInteger(ImplicitLocOpBuilder &b, cpu::UnpackIntegersOp op) {
  Indices index(b);
  bool isGrouped = cast<ShapedType>(op.getResult().getType()).getRank() == 3;
  int64_t fields = op.getNumFields(), bits = op.getBits();
  Value n = index.loop(0), k = index.loop(isGrouped ? 2 : 1);
  Value group = isGrouped ? index.loop(1) : index.get(0);
  Value place = index.add(
      index.multiply(index.remainder(n, kColumnsPerBlock), kTermsPerDot),
      index.remainder(k, kTermsPerDot));
  Value byte = tensor::ExtractOp::create(
      b, op.getPacked(),
      ValueRange{index.divide(n, kColumnsPerBlock), group,
                 index.divide(k, kTermsPerDot * fields), place});
  Value field = index.remainder(index.divide(k, kTermsPerDot), fields);
  Value shift = arith::IndexCastUIOp::create(b, b.getI8Type(),
                                             index.multiply(field, bits));
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI8IntegerAttr(int8_t(value)));
  };
  Value code = arith::AndIOp::create(b, arith::ShRUIOp::create(b, byte, shift),
                                     constant((1 << bits) - 1));
  if (op.getGroups()) {
    Value ofGroup = tensor::ExtractOp::create(
        b, op.getGroups(),
        ValueRange{index.divide(n, kColumnsPerBlock), group,
                   index.remainder(n, kColumnsPerBlock)});
    code = arith::AddIOp::create(b, code, ofGroup);
  }
  if (std::optional<ArrayRef<int64_t>> table = op.getTable()) {
    SmallVector<int8_t> entries(table->begin(), table->end());
    auto type = RankedTensorType::get(entries.size(), b.getI8Type());
    code = LookupOp::create(b, b.getI8Type(), code,
                            DenseElementsAttr::get(type, ArrayRef(entries)));
  }
  return arith::AddIOp::create(b, code, constant(op.getOffset()));
}

Value emitScale(ImplicitLocOpBuilder &b, cpu::UnpackScalesOp op) {
  Indices index(b);
  Value n = index.loop(1);
  Value code = tensor::ExtractOp::create(
      b, op.getPacked(),
      ValueRange{index.divide(n, kColumnsPerBlock), index.loop(0),
                 index.remainder(n, kColumnsPerBlock)});
  return emitDecodedScale(b, op, code);
}

struct UnpackToLinalgPass : impl::UnpackToLinalgBase<UnpackToLinalgPass> {
  void runOnOperation() override {
    auto replace = [](auto op, auto emitElement) {
      if (!op.getResult().use_empty()) {
        ImplicitLocOpBuilder b(op.getLoc(), op);
        op.replaceAllUsesWith(emitTensor(b, op.getResult().getType(),
                                         [&](ImplicitLocOpBuilder &inner) {
                                           return emitElement(inner, op);
                                         }));
      }
      op.erase();
    };
    getOperation()->walk([&](Operation *op) {
      if (auto integers = dyn_cast<cpu::UnpackIntegersOp>(op))
        replace(integers, emitInteger);
      else if (auto scales = dyn_cast<cpu::UnpackScalesOp>(op))
        replace(scales, emitScale);
    });
  }
};

} // namespace
} // namespace mlir::qfmt
