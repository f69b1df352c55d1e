//===- CodesToLinalg.cpp - Packed codes, one after the other --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  qfmt_gpu.unpack that no product has taken.
// Output: linalg.generic: each code from the one or two bytes in which it lies.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_CODESTOLINALG
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

constexpr int64_t kByteBits = 8, kWordBits = 32, kDigitsPerByte = 5;

/// The body that computes a code, in words of 32 bits.
class CodeBody {
public:
  CodeBody(ImplicitLocOpBuilder &b, kernel::UnpackCodesOp op)
      : b(b), op(op), bits(op.getBits()) {}

  Value emit(ValueRange bytes) {
    Value code = op.getBase3() ? emitDigit(bytes[0]) : emitBits(bytes);
    Value above = word(kWordBits - bits);
    code = arith::ShLIOp::create(b, code, above);
    if (op.getIsUnsigned())
      code = arith::ShRUIOp::create(b, code, above);
    else
      code = arith::ShRSIOp::create(b, code, above);
    return arith::TruncIOp::create(b, b.getI8Type(), code);
  }

private:
  Value word(int64_t value) {
    return arith::ConstantIntOp::create(b, value, kWordBits);
  }
  Value widen(Value byte) {
    return arith::ExtUIOp::create(b, b.getI32Type(), byte);
  }
  /// The code's number times `factor`, modulo `modulus`.
  Value emitPlace(int64_t factor, int64_t modulus) {
    Value place = linalg::IndexOp::create(b, 0);
    place = arith::MulIOp::create(b, place,
                                  arith::ConstantIndexOp::create(b, factor));
    place = arith::RemUIOp::create(b, place,
                                   arith::ConstantIndexOp::create(b, modulus));
    return arith::IndexCastUIOp::create(b, b.getI32Type(), place);
  }

  /// In the lowest bits.
  Value emitBits(ValueRange bytes) {
    Value code = widen(bytes[0]);
    if (bytes.size() > 1) {
      Value upper = arith::ShLIOp::create(b, widen(bytes[1]), word(kByteBits));
      code = arith::OrIOp::create(b, code, upper);
    }
    return arith::ShRUIOp::create(b, code, emitPlace(bits, kByteBits));
  }

  /// floor(b / 3^(4 - k)) mod 3 - 1
  Value emitDigit(Value byte) {
    Value digit = emitPlace(1, kDigitsPerByte);
    Value power = word(1);
    for (int64_t k = kDigitsPerByte - 2, value = 3; k >= 0; --k, value *= 3) {
      Value is =
          arith::CmpIOp::create(b, arith::CmpIPredicate::eq, digit, word(k));
      power = arith::SelectOp::create(b, is, word(value), power);
    }
    Value code = arith::DivUIOp::create(b, widen(byte), power);
    code = arith::RemUIOp::create(b, code, word(3));
    return arith::SubIOp::create(b, code, word(1));
  }

  ImplicitLocOpBuilder &b;
  kernel::UnpackCodesOp op;
  int64_t bits;
};

/// Where the bytes of code d0 lie: the first and, where a code may begin in one
/// and end in the next, the last.
SmallVector<AffineMap> getByteMaps(kernel::UnpackCodesOp op) {
  AffineExpr code = getAffineDimExpr(0, op.getContext());
  if (op.getBase3())
    return {AffineMap::get(1, 0, code.floorDiv(kDigitsPerByte))};
  int64_t bits = op.getBits();
  SmallVector<AffineMap> maps = {
      AffineMap::get(1, 0, (code * bits).floorDiv(kByteBits))};
  if (kByteBits % bits != 0)
    maps.push_back(
        AffineMap::get(1, 0, (code * bits + bits - 1).floorDiv(kByteBits)));
  return maps;
}

/// A list of codes.
Value emitCodes(ImplicitLocOpBuilder &b, kernel::UnpackCodesOp op) {
  auto type = cast<RankedTensorType>(op.getCodes().getType());
  Value empty = tensor::EmptyOp::create(b, ArrayRef{type.getNumElements()},
                                        type.getElementType());
  SmallVector<AffineMap> maps = getByteMaps(op);
  SmallVector<Value> bytes(maps.size(), op.getBytes());
  maps.push_back(b.getMultiDimIdentityMap(1));
  return linalg::GenericOp::create(
             b, TypeRange(empty.getType()), bytes, ValueRange(empty), maps,
             ArrayRef{utils::IteratorType::parallel},
             [&](OpBuilder &nested, Location loc, ValueRange elements) {
               ImplicitLocOpBuilder inner(loc, nested);
               linalg::YieldOp::create(
                   inner, CodeBody(inner, op).emit(elements.drop_back()));
             })
      .getResult(0);
}

Value expand(ImplicitLocOpBuilder &b, Value list, RankedTensorType type) {
  if (type.getRank() == 1)
    return list;
  SmallVector<ReassociationIndices> all;
  if (type.getRank() == 0)
    return tensor::CollapseShapeOp::create(b, type, list, all);
  all.push_back(llvm::to_vector(llvm::seq(type.getRank())));
  return tensor::ExpandShapeOp::create(b, type, list, all);
}

struct CodesToLinalgPass : impl::CodesToLinalgBase<CodesToLinalgPass> {
  void runOnOperation() override {
    SmallVector<kernel::UnpackCodesOp> ops;
    getOperation()->walk([&](kernel::UnpackCodesOp op) { ops.push_back(op); });
    for (kernel::UnpackCodesOp op : ops) {
      ImplicitLocOpBuilder b(op.getLoc(), op);
      auto type = cast<RankedTensorType>(op.getCodes().getType());
      if (!op.getCodes().use_empty())
        op.getCodes().replaceAllUsesWith(expand(b, emitCodes(b, op), type));
      op.erase();
    }
  }
};

} // namespace
} // namespace mlir::qfmt
