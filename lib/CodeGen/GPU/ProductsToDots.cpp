//===- ProductsToDots.cpp - Products of bytes, four at a time -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  qfmt_gpu.product on buffers, where there are no tensor cores.
// Output: gpu.launch with one thread a sum, which reads words of four bytes and
//         adds up their products by one instruction (PackedDot.h). Where rows
//         do not lie in whole words, or the target has no such instruction,
//         bytes are multiplied one by one.
//
//===----------------------------------------------------------------------===//

#include "KernelBuffers.h"
#include "PackedDot.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_PRODUCTSTODOTS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

constexpr int64_t kBytesPerWord = 4;
constexpr int64_t kBlockSize = 128;
/// Every driver takes as many.
constexpr int64_t kMaxBlocks = 65535;

/// Writes one product as a kernel.
class DotKernel {
public:
  DotKernel(kernel::ProductOp op, PackedDot dot)
      : op(op), dot(dot), b(op.getLoc(), op), runs(op.getRuns()),
        runTerms(op.getStoredRunTerms()),
        terms(op.getRows() ? op.getRunTerms() : op.getNumTerms()) {}

  void emit() {
    usesWords = dot != PackedDot::None && liesInWords();
    if (usesWords) {
      lhs = castToWords(op.getLhs());
      rhs = castToWords(op.getRhs());
    }
    Value one = index(1);
    Value columns = index(op.getNumColumns());
    Value rows = ShapedType::isDynamic(op.getNumRows())
                     ? memref::DimOp::create(b, op.getOut(), 0).getResult()
                     : index(op.getNumRows());
    Value count = arith::MulIOp::create(b, rows, columns);
    Value block = index(kBlockSize);
    Value blocks = arith::CeilDivUIOp::create(b, count, block);
    blocks = arith::MinUIOp::create(b, blocks, index(kMaxBlocks));
    blocks = arith::MaxUIOp::create(b, blocks, one);
    auto launch = gpu::LaunchOp::create(b, blocks, one, one, block, one, one);
    b.setInsertionPointToStart(&launch.getBody().front());
    Value id = arith::MulIOp::create(b, launch.getBlockIds().x, block);
    id = arith::AddIOp::create(b, id, launch.getThreadIds().x);
    Value stride = arith::MulIOp::create(b, blocks, block);
    auto loop = scf::ForOp::create(b, id, count, stride);
    gpu::TerminatorOp::create(b);
    b.setInsertionPointToStart(loop.getBody());
    Value m = arith::DivUIOp::create(b, loop.getInductionVar(), columns);
    Value n = arith::RemUIOp::create(b, loop.getInductionVar(), columns);
    emitElement(m, n);
  }

private:
  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }

  /// True if the four bytes of each step are a word in both factors.
  bool liesInWords() {
    auto left = cast<MemRefType>(op.getLhs().getType());
    auto right = cast<MemRefType>(op.getRhs().getType());
    auto isWhole = [](MemRefType type) {
      return type.getLayout().isIdentity() &&
             type.getShape().back() % kBytesPerWord == 0;
    };
    if (!isWhole(left) || !isWhole(right) || runTerms % kBytesPerWord != 0 ||
        terms % kBytesPerWord != 0)
      return false;
    std::optional<AffineMap> map = op.getRows();
    if (!map)
      return true;
    // The last index is k and a multiple of four.
    AffineExpr k = getAffineDimExpr(2, b.getContext());
    AffineExpr rest = simplifyAffineExpr(
        map->getResult(map->getNumResults() - 1) - k, map->getNumDims(), 0);
    return !rest.isFunctionOfDim(2) && rest.isMultipleOf(kBytesPerWord);
  }

  /// The same memory as words, with one dimension; only code of the host sees
  /// the cast, where both are one pointer.
  Value castToWords(Value bytes) {
    auto type = cast<MemRefType>(bytes.getType());
    OpFoldResult size;
    int64_t known = ShapedType::kDynamic;
    if (type.hasStaticShape()) {
      known = type.getNumElements();
      size = b.getIndexAttr(known);
    } else {
      Value product = index(1);
      for (int64_t i = 0, e = type.getRank(); i < e; ++i)
        product = arith::MulIOp::create(b, product,
                                        memref::DimOp::create(b, bytes, i));
      size = product;
    }
    OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
    Value flat = memref::ReinterpretCastOp::create(
        b, MemRefType::get({known}, type.getElementType()), bytes, zero,
        ArrayRef<OpFoldResult>(size), ArrayRef<OpFoldResult>(one));
    auto words = MemRefType::get(
        {ShapedType::isDynamic(known) ? known : known / kBytesPerWord},
        b.getI32Type());
    return UnrealizedConversionCastOp::create(b, TypeRange(words), flat)
        .getResult(0);
  }

  void emitElement(Value m, Value n) {
    Value sum = arith::ConstantIntOp::create(b, 0, 32);
    Value zero = index(0), one = index(1);
    auto overRuns = scf::ForOp::create(b, zero, index(runs), one, sum);
    b.setInsertionPointToStart(overRuns.getBody());
    auto overTerms = scf::ForOp::create(b, zero, index(terms),
                                        index(usesWords ? kBytesPerWord : 1),
                                        overRuns.getRegionIterArg(0));
    b.setInsertionPointToStart(overTerms.getBody());
    Value next =
        emitStep(m, n, overRuns.getInductionVar(), overTerms.getInductionVar(),
                 overTerms.getRegionIterArg(0));
    scf::YieldOp::create(b, next);
    b.setInsertionPointAfter(overTerms);
    scf::YieldOp::create(b, overTerms.getResult(0));
    b.setInsertionPointAfter(overRuns);
    emitBody(m, n, overRuns.getResult(0));
  }

  Value emitStep(Value m, Value n, Value r, Value k, Value sum) {
    SmallVector<Value> left = getLeftPlace(m, r, k);
    Value column = arith::AddIOp::create(
        b, arith::MulIOp::create(b, r, index(runTerms)), k);
    SmallVector<Value> right{n, column};
    if (usesWords)
      return emitPackedDot(
          b, dot, {loadWord(lhs, op.getLhs(), left), op.getLhsUnsigned()},
          {loadWord(rhs, op.getRhs(), right), op.getRhsUnsigned()}, sum);
    Value a = extend(memref::LoadOp::create(b, op.getLhs(), left),
                     op.getLhsUnsigned());
    Value c = extend(memref::LoadOp::create(b, op.getRhs(), right),
                     op.getRhsUnsigned());
    return arith::AddIOp::create(b, sum, arith::MulIOp::create(b, a, c));
  }

  SmallVector<Value> getLeftPlace(Value m, Value r, Value k) {
    std::optional<AffineMap> map = op.getRows();
    if (!map)
      return {m, k};
    SmallVector<Value> place;
    for (AffineExpr expr : map->getResults())
      place.push_back(affine::makeComposedAffineApply(
          b, b.getLoc(), AffineMap::get(map->getNumDims(), 0, expr),
          getAsOpFoldResult({m, r, k})));
    return place;
  }

  Value loadWord(Value words, Value bytes, ArrayRef<Value> place) {
    auto type = cast<MemRefType>(bytes.getType());
    Value address;
    for (auto [i, part] : llvm::enumerate(place)) {
      if (i == 0) {
        address = part;
        continue;
      }
      Value size = type.isDynamicDim(i)
                       ? memref::DimOp::create(b, bytes, i).getResult()
                       : index(type.getDimSize(i));
      address = arith::MulIOp::create(b, address, size);
      address = arith::AddIOp::create(b, address, part);
    }
    address = arith::DivUIOp::create(b, address, index(kBytesPerWord));
    return memref::LoadOp::create(b, words, address);
  }

  Value extend(Value byte, bool isUnsigned) {
    if (isUnsigned)
      return arith::ExtUIOp::create(b, b.getI32Type(), byte);
    return arith::ExtSIOp::create(b, b.getI32Type(), byte);
  }

  void emitBody(Value m, Value n, Value sum) {
    Block &body = op.getBlock();
    IRMapping mapping;
    mapping.map(body.getArgument(0), sum);
    for (auto [i, extra] : llvm::enumerate(op.getExtras())) {
      SmallVector<Value> place;
      AffineMap map = op.getExtraMaps()[i];
      for (AffineExpr expr : map.getResults()) {
        auto dim = dyn_cast<AffineDimExpr>(expr);
        place.push_back(!dim ? index(0) : dim.getPosition() == 0 ? m : n);
      }
      mapping.map(body.getArgument(i + 1),
                  memref::LoadOp::create(b, extra, place));
    }
    for (Operation &nested : body.without_terminator())
      b.clone(nested, mapping);
    Value result = mapping.lookupOrDefault(body.getTerminator()->getOperand(0));
    memref::StoreOp::create(b, result, op.getOut(), ValueRange{m, n});
  }

  kernel::ProductOp op;
  PackedDot dot;
  ImplicitLocOpBuilder b;
  /// Terms of a run are those of the right factor and those that both have.
  int64_t runs, runTerms, terms;
  bool usesWords = false;
  /// The factors as words.
  Value lhs, rhs;
};

/// The others are those of passes that ask for tensor cores.
LogicalResult verifyFactors(kernel::ProductOp op) {
  if (!op.hasBatches() && !op.hasFloats())
    return success();
  return op.emitOpError() << "multiplies "
                          << (op.hasFloats() ? "codes of fp8" : "two variables")
                          << ", which is for tensor cores; choose a chip that "
                             "has them, sm_80 or newer";
}

struct ProductsToDotsPass : impl::ProductsToDotsBase<ProductsToDotsPass> {
  void runOnOperation() override {
    std::optional<GpuTarget> target = GpuTarget::get(getOperation());
    if (!target || target->hasMmaSync())
      return;
    PackedDot dot = getPackedDot(*target);
    SmallVector<kernel::ProductOp> products;
    getOperation()->walk([&](kernel::ProductOp op) { products.push_back(op); });
    for (kernel::ProductOp op : products) {
      if (failed(verifyOnBuffers(op)) || failed(verifyFactors(op)))
        return signalPassFailure();
      DotKernel(op, dot).emit();
      op.erase();
    }
  }
};

} // namespace
} // namespace mlir::qfmt
