//===- FloatProductsToVectors.cpp - Products of reals as vector loops -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  matrix products in f32 as linalg.generic on tensors.
// Output: scf loops on tensors and vectors: the loops of ProductLoops around a
// FloatTile. Batches are loops around those.
//
// The right factor is read where it lies, or kept in memory for one panel at a
// time where reading it costs more than a load and there are several tiles of
// rows. Sums are added up in the order of their terms, by the multiplications
// and additions that were there, so that no number changes; but see FloatTile.h
// for few rows and scales of groups.
//
//===----------------------------------------------------------------------===//

#include "DecodedFactor.h"
#include "FloatTile.h"
#include "Roofline.h"
#include "TableProduct.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"
#include "qfmt/CodeGen/CPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_FLOATPRODUCTSTOVECTORS
#include "qfmt/CodeGen/CPU/Passes.h.inc"

namespace {

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category(
      "qfmt-float-products-to-vectors");
}

//===----------------------------------------------------------------------===//
// Batches
//===----------------------------------------------------------------------===//

/// The loops around one product of matrices, and that product.
class BatchEmitter {
public:
  explicit BatchEmitter(const FloatProduct &product)
      : product(product), op(product.op), b(op.getLoc(), op),
        position(op.getNumLoops()) {}

  /// Replaces the product; returns the product of matrices in it.
  linalg::GenericOp emit() {
    Value init = op.getDpsInits()[0];
    filled = getFilled(init);
    if (filled)
      init =
          tensor::EmptyOp::create(b, tensor::getMixedSizes(b, b.getLoc(), init),
                                  getElementTypeOrSelf(init));
    Value result = emitLoops(product.batchLoops, init);
    op.replaceAllUsesWith(ValueRange{result});
    op.erase();
    return inner;
  }

private:
  /// The number that all elements of `init` are; null if they differ.
  static Value getFilled(Value init) {
    if (auto fill = init.getDefiningOp<linalg::FillOp>())
      return fill.value();
    auto generic = init.getDefiningOp<linalg::GenericOp>();
    if (!generic || generic->getNumResults() != 1 ||
        !llvm::hasSingleElement(*generic.getBody()))
      return {};
    Value yielded = generic.getBody()->getTerminator()->getOperand(0);
    return isa<BlockArgument>(yielded) ? Value() : yielded;
  }

  Value emitLoops(ArrayRef<unsigned> loops, Value output) {
    if (loops.empty())
      return emitProduct(output);
    Value zero = arith::ConstantIndexOp::create(b, 0);
    Value one = arith::ConstantIndexOp::create(b, 1);
    Value end = arith::ConstantIndexOp::create(
        b, op.getStaticLoopRanges()[loops.front()]);
    auto loop = scf::ForOp::create(b, zero, end, one, output);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    position[loops.front()] = loop.getInductionVar();
    Value next = emitLoops(loops.drop_front(), loop.getRegionIterArg(0));
    scf::YieldOp::create(b, next);
    return loop.getResult(0);
  }

  /// The part of an operand's tensor that one product has.
  struct Slice {
    SmallVector<OpFoldResult> offsets, sizes, strides;
    RankedTensorType type;
    AffineMap map;
  };

  Slice getSlice(OpOperand *operand, Value tensor) {
    Slice slice;
    SmallVector<int64_t> shape;
    SmallVector<AffineExpr> results;
    AffineMap map = op.getMatchingIndexingMap(operand);
    SmallVector<OpFoldResult> all =
        tensor::getMixedSizes(b, b.getLoc(), tensor);
    for (auto [i, result] : llvm::enumerate(map.getResults())) {
      unsigned loop = cast<AffineDimExpr>(result).getPosition();
      slice.strides.push_back(b.getIndexAttr(1));
      if (position[loop]) {
        slice.offsets.push_back(position[loop]);
        slice.sizes.push_back(b.getIndexAttr(1));
        continue;
      }
      slice.offsets.push_back(b.getIndexAttr(0));
      slice.sizes.push_back(all[i]);
      shape.push_back(cast<RankedTensorType>(tensor.getType()).getDimSize(i));
      unsigned inner = loop == product.mLoop   ? 0
                       : loop == product.nLoop ? 1
                                               : 2;
      results.push_back(b.getAffineDimExpr(inner));
    }
    slice.type = RankedTensorType::get(shape, getElementTypeOrSelf(tensor));
    slice.map = AffineMap::get(3, 0, results, b.getContext());
    return slice;
  }

  Value emitSlice(const Slice &slice, Value tensor) {
    return tensor::ExtractSliceOp::create(b, slice.type, tensor, slice.offsets,
                                          slice.sizes, slice.strides);
  }

  Value emitProduct(Value output) {
    SmallVector<AffineMap> maps;
    SmallVector<Value> inputs;
    for (OpOperand *input : op.getDpsInputOperands()) {
      Slice slice = getSlice(input, input->get());
      inputs.push_back(emitSlice(slice, input->get()));
      maps.push_back(slice.map);
    }
    Slice slice = getSlice(op.getDpsInitOperand(0), output);
    maps.push_back(slice.map);
    Value start = emitSlice(slice, output);
    if (filled)
      start = linalg::FillOp::create(b, filled, start).getResult(0);
    using utils::IteratorType;
    inner = linalg::GenericOp::create(b, slice.type, inputs, start, maps,
                                      ArrayRef{IteratorType::parallel,
                                               IteratorType::parallel,
                                               IteratorType::reduction});
    IRMapping mapping;
    op.getRegion().cloneInto(&inner.getRegion(), mapping);
    return tensor::InsertSliceOp::create(b, inner.getResult(0), output,
                                         slice.offsets, slice.sizes,
                                         slice.strides);
  }

  const FloatProduct &product;
  linalg::GenericOp op, inner;
  ImplicitLocOpBuilder b;
  /// The value of each batch loop.
  SmallVector<Value> position;
  Value filled;
};

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// A right factor that is decoded where it is used has `decodedBytes`; others
/// 0.
void reportLimits(const FloatProduct &product, const CpuTarget &target,
                  const Epilogue &epilogue, const Blocking &blocking,
                  int64_t decodedBytes) {
  linalg::GenericOp op = product.op;
  KernelSize size = KernelSize::get(
      product.m, product.n, product.k, blocking.cachedRows,
      {product.lhs->get().getType()}, {product.rhs->get().getType()},
      epilogue.getLast().getResult(0).getType());
  if (decodedBytes != 0)
    size.rightBytes = decodedBytes;
  reportRoofline(op.getLoc(), "qfmt-float-products-to-vectors", target,
                 target.rates.floatProducts, size, blocking);
}

/// The right factor, which `decoded` is unless it is null.
std::unique_ptr<FactorColumns>
makeColumns(ImplicitLocOpBuilder &b, const FloatProduct &product,
            std::unique_ptr<DecodedFactor> decoded, StringRef whyNot,
            int64_t &decodedBytes) {
  Value rhs = product.rhs->get();
  if (decoded) {
    decoded->emitSources(b);
    decodedBytes = decoded->getNumBytes();
    remark::passed(b.getLoc(), getRemarkOptions("Decoded"))
        << "a constant factor is decoded in registers"
        << remark::metric("Bytes", decodedBytes);
    return decoded;
  }
  if (rhs.getDefiningOp() && !whyNot.empty())
    remark::missed(b.getLoc(), getRemarkOptions("NotDecoded"))
        << "the right factor is read from memory: " << whyNot;
  if (product.isRhsTransposed())
    return std::make_unique<TransposedColumns>(rhs);
  return std::make_unique<RowMajorColumns>(rhs);
}

/// Loops for up to `maxRows` rows, for which panels are not kept, and others
/// for more rows.
Value emitByRows(
    ImplicitLocOpBuilder &b, OpFoldResult rows, int64_t maxRows,
    llvm::function_ref<Value(ImplicitLocOpBuilder &b, bool keepsPanels)>
        emitLoops) {
  Value most = arith::ConstantIndexOp::create(b, maxRows);
  Value isFew = arith::CmpIOp::create(
      b, arith::CmpIPredicate::ule,
      getValueOrCreateConstantIndexOp(b, b.getLoc(), rows), most);
  auto emitBranch = [&](bool keepsPanels) {
    return [&emitLoops, keepsPanels](OpBuilder &nested, Location loc) {
      ImplicitLocOpBuilder inner(loc, nested);
      scf::YieldOp::create(inner, emitLoops(inner, keepsPanels));
    };
  };
  return scf::IfOp::create(b, isFew, emitBranch(false), emitBranch(true))
      .getResult(0);
}

/// Replaces a product whose factor is a sum of entries of tables, if it pays.
bool emitLookups(const FloatProduct &product, const CpuTarget &target,
                 const DecodedFactor &factor) {
  std::optional<CodeSums> sums = factor.findTables();
  if (!sums || !profitsFromTables(product, *sums))
    return false;
  linalg::GenericOp op = product.op;
  ImplicitLocOpBuilder b(op.getLoc(), op);
  remark::passed(b.getLoc(), getRemarkOptions("Tables"))
      << "products with the entries of tables are looked up"
      << remark::metric("Terms", sums->period)
      << remark::metric("Tables", int64_t(sums->tables.size()));
  Value result = emitTableProduct(b, product, *sums, target.hasByteTables);
  op.replaceAllUsesWith(ValueRange{result});
  op.erase();
  return true;
}

void emitProduct(const FloatProduct &product, const CpuTarget &target,
                 bool groupsSums) {
  linalg::GenericOp op = product.op;
  StringRef whyNot;
  std::unique_ptr<DecodedFactor> decoded = DecodedFactor::match(
      product.rhs->get(), product.isRhsTransposed(), target, whyNot);
  if (groupsSums && decoded && emitLookups(product, target, *decoded))
    return;
  Epilogue epilogue(op);
  ImplicitLocOpBuilder b(op.getLoc(), epilogue.getLast());
  int64_t decodedBytes = 0;
  std::unique_ptr<FactorColumns> columns =
      makeColumns(b, product, std::move(decoded), whyNot, decodedBytes);
  Blocking blocking = FloatTile::chooseBlocking(target, product, *columns);
  reportBlocks(linalg::GenericOp(product.op).getLoc(),
               "qfmt-float-products-to-vectors", "a product of real numbers",
               blocking, epilogue);
  reportLimits(product, target, epilogue, blocking, decodedBytes);
  OpFoldResult rows = tensor::getMixedSize(b, op.getLoc(), product.lhs->get(),
                                           product.getRowDim());
  auto emitLoops = [&](ImplicitLocOpBuilder &builder, bool keepsPanels) {
    FloatTile tile(product, *columns, keepsPanels, groupsSums, epilogue);
    return ProductLoops(builder, blocking, epilogue, tile, rows, product.n,
                        product.k)
        .emit();
  };
  Value result;
  if (ShapedType::isDynamic(product.m) && columns->isCostly())
    result = emitByRows(b, rows, blocking.rows, emitLoops);
  else
    result = emitLoops(b, columns->isCostly() && product.m > blocking.rows);
  epilogue.replace(b, result);
}

/// Multiplications and additions of the product may become one instruction.
void allowContraction(linalg::GenericOp op) {
  op.getBody()->walk([](arith::ArithFastMathInterface inner) {
    if (isa<arith::AddFOp, arith::MulFOp>(inner))
      inner->setAttr(inner.getFastMathAttrName(),
                     arith::FastMathFlagsAttr::get(
                         inner.getContext(), arith::FastMathFlags::contract));
  });
}

/// Does nothing if `op` is no product that can be written so.
void emitProduct(linalg::GenericOp op, const CpuTarget &target, bool contract,
                 bool groupsSums) {
  StringRef whyNot;
  std::optional<FloatProduct> product = matchFloatProduct(op, whyNot);
  if (product && contract)
    allowContraction(op);
  if (product && !product->batchLoops.empty())
    product = matchFloatProduct(BatchEmitter(*product).emit(), whyNot);
  if (product)
    return emitProduct(*product, target, groupsSums);
  if (!whyNot.empty())
    remark::missed(op.getLoc(), getRemarkOptions("NotBlocked"))
        << "not written in blocks: " << whyNot;
}

struct FloatProductsToVectorsPass
    : impl::FloatProductsToVectorsBase<FloatProductsToVectorsPass> {
  using FloatProductsToVectorsBase::FloatProductsToVectorsBase;

  void runOnOperation() override {
    CpuTarget target =
        CpuTarget::get(getOperation(), DotInstructions::Auto, l2Bytes);
    target.overrideRates(productsPerCycle, l2BytesPerCycle, farBytesPerCycle);
    // Not the others: an epilogue is erased together with its product.
    SmallVector<linalg::GenericOp> products;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.getNumReductionLoops() != 0)
        products.push_back(op);
    });
    for (linalg::GenericOp op : products)
      emitProduct(op, target, contract, groupSums);
  }
};

} // namespace
} // namespace mlir::qfmt
