//===- UnpackCodes.cpp - Packed codes as bytes ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level; qfmt.unpack of what is no constant.
// Output: qfmt_gpu.unpack, and readers that extend codes read their bytes. For
//         others the bytes are truncated to codes.
//
// So the bodies of products are those of codes that have bytes.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_UNPACKCODES
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

constexpr unsigned kByteBits = 8;

/// A tensor of codes, and the same codes with a byte each, made where they are
/// needed: extended by their sign or with zeros.
class WideCodes {
public:
  WideCodes(Value narrow, function_ref<Value(Type, bool)> makeWide)
      : narrow(narrow), makeWide(makeWide) {}

  /// Lets all readers read bytes.
  void replaceUses() {
    for (OpOperand &use : llvm::make_early_inc_range(narrow.getUses())) {
      Operation *user = use.getOwner();
      if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(user))
        replaceReshape(user);
      else if (std::optional<bool> isUnsigned = getExtension(use))
        readBytes(cast<linalg::GenericOp>(user), use, get(*isUnsigned));
    }
    if (!narrow.use_empty())
      narrow.replaceAllUsesWith(truncate(get(/*isUnsigned=*/false)));
  }

private:
  Value get(bool isUnsigned) {
    Value &wide = values[isUnsigned];
    if (!wide) {
      auto type = cast<RankedTensorType>(narrow.getType());
      Type byte = IntegerType::get(narrow.getContext(), kByteBits);
      wide = makeWide(type.clone(byte), isUnsigned);
    }
    return wide;
  }

  void replaceReshape(Operation *reshape) {
    OpBuilder b(reshape);
    WideCodes(reshape->getResult(0), [&](Type type, bool isUnsigned) {
      Operation *wide = b.clone(*reshape);
      wide->setOperand(0, get(isUnsigned));
      wide->getResult(0).setType(type);
      return wide->getResult(0);
    }).replaceUses();
    reshape->erase();
  }

  /// How the body extends the codes of `use`; none if it does something else.
  static std::optional<bool> getExtension(OpOperand &use) {
    auto op = dyn_cast<linalg::GenericOp>(use.getOwner());
    if (!op || !op.isDpsInput(&use))
      return std::nullopt;
    BlockArgument code = op.getMatchingBlockArgument(&use);
    auto isExtendedBy = [&](auto type) {
      return llvm::all_of(code.getUsers(), [&](Operation *user) {
        return isa<decltype(type)>(user) &&
               user->getResult(0).getType().getIntOrFloatBitWidth() > kByteBits;
      });
    };
    if (isExtendedBy(arith::ExtSIOp()))
      return false;
    if (isExtendedBy(arith::ExtUIOp()))
      return true;
    return std::nullopt;
  }

  static void readBytes(linalg::GenericOp op, OpOperand &use, Value bytes) {
    op.getMatchingBlockArgument(&use).setType(getElementTypeOrSelf(bytes));
    use.set(bytes);
  }

  Value truncate(Value bytes) {
    auto type = cast<RankedTensorType>(narrow.getType());
    ImplicitLocOpBuilder b(narrow.getLoc(), narrow.getContext());
    b.setInsertionPointAfterValue(bytes);
    Value empty = tensor::EmptyOp::create(b, type, ValueRange());
    int64_t rank = type.getRank();
    SmallVector<AffineMap> maps(2, b.getMultiDimIdentityMap(rank));
    SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::parallel);
    return linalg::GenericOp::create(
               b, TypeRange(type), bytes, empty, maps, loops,
               [&](OpBuilder &nested, Location loc, ValueRange elements) {
                 Value code = arith::TruncIOp::create(
                     nested, loc, type.getElementType(), elements[0]);
                 linalg::YieldOp::create(nested, loc, code);
               })
        .getResult(0);
  }

  Value narrow;
  function_ref<Value(Type, bool)> makeWide;
  Value values[2];
};

struct UnpackCodesPass : impl::UnpackCodesBase<UnpackCodesPass> {
  void runOnOperation() override {
    SmallVector<UnpackOp> ops;
    getOperation()->walk([&](UnpackOp op) { ops.push_back(op); });
    for (UnpackOp op : ops) {
      unsigned width =
          getElementTypeOrSelf(op.getCodes()).getIntOrFloatBitWidth();
      if (width >= kByteBits)
        continue;
      OpBuilder b(op);
      WideCodes(op.getCodes(), [&](Type type, bool isUnsigned) -> Value {
        return kernel::UnpackCodesOp::create(
            b, op.getLoc(), type, op.getBytes(), width, isUnsigned,
            op.getPacking() == CodePacking::Base3);
      }).replaceUses();
      op.erase();
    }
  }
};

} // namespace
} // namespace mlir::qfmt
