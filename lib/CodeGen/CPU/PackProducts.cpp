//===- PackProducts.cpp - Constant factors in the layout of dot products --===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level; products of bytes as linalg.generic on tensors.
// Output: the same level; constant factors are linalg.unpack of constants
// [N/16][K/4][16][4], codes are read without offset, or as unsigned where the
// target multiplies unsigned by signed bytes.
//
// With a = u + p the first factor's value, u what the dot instruction reads,
// and b = s + d the second one's, s a signed byte:
//
//   sum a b = sum u s + p sum s + d sum a
//
// The second term is a constant for each column; the third one is 0 whenever b
// fits a signed byte, which it does unless its zero point makes it wider.
//
// A factor of few different values is qfmt_cpu.unpack_integers of a constant of
// two or four bits; with few rows, the product is one of a group.
//
// Packs no activations and no products of two variables. Convolutions are
// products by then, of runs of terms; depthwise ones keep a byte a weight.
//
//===----------------------------------------------------------------------===//

#include "AmxTile.h"
#include "DepthwiseTile.h"
#include "FewRows.h"
#include "SignedFactor.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/CPU/Passes.h"
#include "qfmt/IR/ConstantData.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_PACKPRODUCTS
#include "qfmt/CodeGen/CPU/Passes.h.inc"

namespace {

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-pack-products");
}

//===----------------------------------------------------------------------===//
// The initial values
//===----------------------------------------------------------------------===//

using utils::IteratorType;

AffineMap getProjection(OpBuilder &b, unsigned numLoops,
                        ArrayRef<unsigned> loops) {
  SmallVector<AffineExpr> results;
  for (unsigned loop : loops)
    results.push_back(b.getAffineDimExpr(loop));
  return AffineMap::get(numLoops, 0, results, b.getContext());
}

/// A matrix of the type of `init`. Sizes that this does not have are those of
/// the factors: asking `init` would be one more reader of it, which then has to
/// lie in memory.
Value emitEmptyLike(ImplicitLocOpBuilder &b, Value init,
                    const IntegerProduct &product) {
  auto type = cast<RankedTensorType>(init.getType());
  SmallVector<Value> sizes;
  if (type.isDynamicDim(0))
    sizes.push_back(tensor::DimOp::create(b, product.lhs->get(), 0));
  if (type.isDynamicDim(1))
    sizes.push_back(arith::ConstantIndexOp::create(b, product.n));
  return tensor::EmptyOp::create(b, type, sizes);
}

/// The columns' constants that were broadcast to `init`, if they were.
std::optional<std::vector<int64_t>> getColumns(Value init, int64_t numColumns) {
  APInt filled;
  if (auto fill = init.getDefiningOp<linalg::FillOp>())
    if (matchPattern(fill.value(), m_ConstantInt(&filled)))
      return std::vector<int64_t>(numColumns, filled.getSExtValue());
  auto generic = init.getDefiningOp<linalg::GenericOp>();
  if (generic && generic.getNumDpsInputs() == 0 &&
      generic->getNumResults() == 1 &&
      matchPattern(generic.getBody()->getTerminator()->getOperand(0),
                   m_ConstantInt(&filled)))
    return std::vector<int64_t>(numColumns, filled.getSExtValue());
  ElementsAttr columns;
  if (!generic || generic.getNumDpsInputs() != 1 ||
      generic->getNumResults() != 1 || generic.getNumReductionLoops() != 0 ||
      generic.getBody()->getTerminator()->getOperand(0) !=
          generic.getBody()->getArgument(0) ||
      generic.getIndexingMapsArray()[0] !=
          AffineMap::get(2, 0, getAffineDimExpr(1, init.getContext())) ||
      !generic.getIndexingMapsArray()[1].isIdentity() ||
      !matchPattern(generic.getDpsInputs()[0], m_Constant(&columns)))
    return std::nullopt;
  return readIntegers(columns);
}

/// `init` + `addend` with `map` from its loops, by default a broadcast.
Value emitSum(ImplicitLocOpBuilder &b, Value init,
              const IntegerProduct &product, Value addend, AffineMap map,
              int32_t factor) {
  AffineMap identity = b.getMultiDimIdentityMap(2);
  return linalg::GenericOp::create(
             b, init.getType(), ValueRange{init, addend},
             emitEmptyLike(b, init, product), ArrayRef{identity, map, identity},
             SmallVector<IteratorType>(2, IteratorType::parallel),
             [&](OpBuilder &nested, Location loc, ValueRange args) {
               Value scale =
                   arith::ConstantIntOp::create(nested, loc, factor, 32);
               Value scaled =
                   arith::MulIOp::create(nested, loc, args[1], scale);
               Value sum = arith::AddIOp::create(nested, loc, args[0], scaled);
               linalg::YieldOp::create(nested, loc, sum);
             })
      .getResult(0);
}

/// Adds a constant to every column of `init`.
Value addToColumns(ImplicitLocOpBuilder &b, Value init,
                   const IntegerProduct &product, ArrayRef<int32_t> addends) {
  if (llvm::all_of(addends, [](int32_t addend) { return addend == 0; }))
    return init;
  std::optional<std::vector<int64_t>> known = getColumns(init, addends.size());
  std::vector<int64_t> columns(addends.size());
  for (auto [i, column] : llvm::enumerate(columns))
    column = int32_t(uint32_t(addends[i]) +
                     uint32_t(known ? (*known)[i] : int64_t(0)));
  auto type = RankedTensorType::get(addends.size(), b.getI32Type());
  Value constant =
      arith::ConstantOp::create(b, makeIntegers(type, columns, "columns"));
  AffineMap byColumn = getProjection(b, 2, {1});
  if (!known)
    return emitSum(b, init, product, constant, byColumn, 1);
  return linalg::GenericOp::create(
             b, init.getType(), constant, emitEmptyLike(b, init, product),
             ArrayRef{byColumn, b.getMultiDimIdentityMap(2)},
             SmallVector<IteratorType>(2, IteratorType::parallel),
             [](OpBuilder &nested, Location loc, ValueRange args) {
               linalg::YieldOp::create(nested, loc, args[0]);
             })
      .getResult(0);
}

/// How rows of the first factor are read, from loops m, n if there is another
/// one, then the reductions.
AffineMap getLhsMap(OpBuilder &b, const IntegerProduct &product,
                    unsigned numOthers) {
  AffineMap map = product.getLhsMap();
  SmallVector<AffineExpr> loops(map.getNumDims(), b.getAffineConstantExpr(0));
  loops[product.mLoop] = b.getAffineDimExpr(0);
  if (numOthers != 0)
    loops[product.nLoop] = b.getAffineDimExpr(1);
  unsigned next = 1 + numOthers;
  for (unsigned reduction : product.reductions)
    loops[reduction] = b.getAffineDimExpr(next++);
  return map.replaceDimsAndSymbols(loops, {}, next, 0);
}

SmallVector<IteratorType> getIterators(const IntegerProduct &product,
                                       unsigned numParallel) {
  SmallVector<IteratorType> iterators(numParallel, IteratorType::parallel);
  iterators.append(product.reductions.size(), IteratorType::reduction);
  return iterators;
}

/// Adds `factor` times the sums of the rows of the first factor's values.
Value addRowSums(ImplicitLocOpBuilder &b, Value init,
                 const IntegerProduct &product, CodeReading reading,
                 int32_t factor) {
  if (factor == 0)
    return init;
  Value lhs = product.lhs->get();
  Value zero = arith::ConstantIntOp::create(b, 0, 32);
  // In a depthwise convolution, of each row and column.
  unsigned numParallel = product.isDepthwise() ? 2 : 1;
  SmallVector<OpFoldResult> shape = {
      product.isRowMajor() ? tensor::getMixedSize(b, b.getLoc(), lhs, 0)
                           : OpFoldResult(b.getIndexAttr(product.m))};
  if (product.isDepthwise())
    shape.push_back(b.getIndexAttr(product.n));
  Value empty = tensor::EmptyOp::create(b, shape, b.getI32Type());
  Value start = linalg::FillOp::create(b, zero, empty).getResult(0);
  // Has the sizes of the reductions, which rows of a convolution do not have.
  SmallVector<int64_t> terms = {product.run};
  if (product.hasRuns())
    terms.insert(terms.begin(), product.getNumRuns());
  Value window = tensor::EmptyOp::create(b, terms, b.getI8Type());
  unsigned numLoops = numParallel + terms.size();
  SmallVector<unsigned> reductions =
      llvm::to_vector(llvm::seq<unsigned>(numParallel, numLoops));
  SmallVector<Value> inputs = {lhs};
  SmallVector<AffineMap> maps = {getLhsMap(b, product, numParallel - 1)};
  if (!product.isRowMajor()) {
    inputs.push_back(window);
    maps.push_back(getProjection(b, numLoops, reductions));
  }
  AffineMap byRow =
      b.getMultiDimIdentityMap(numLoops).getMajorSubMap(numParallel);
  maps.push_back(byRow);
  Value sums =
      linalg::GenericOp::create(
          b, start.getType(), inputs, start, maps,
          getIterators(product, numParallel),
          [&](OpBuilder &nested, Location loc, ValueRange args) {
            Type type = nested.getI32Type();
            Value code =
                reading.isUnsigned
                    ? arith::ExtUIOp::create(nested, loc, type, args[0])
                          .getResult()
                    : arith::ExtSIOp::create(nested, loc, type, args[0])
                          .getResult();
            Value offset =
                arith::ConstantIntOp::create(nested, loc, reading.offset, 32);
            Value value = arith::AddIOp::create(nested, loc, code, offset);
            Value sum = arith::AddIOp::create(nested, loc, args.back(), value);
            linalg::YieldOp::create(nested, loc, sum);
          })
          .getResult(0);
  return emitSum(b, init, product, sums,
                 b.getMultiDimIdentityMap(2).getMajorSubMap(numParallel),
                 factor);
}

//===----------------------------------------------------------------------===//
// The product
//===----------------------------------------------------------------------===//

/// sum u s, with u = code, or code + 128 for signed codes that an instruction
/// has to read as unsigned.
Value emitProductOfAnyRows(ImplicitLocOpBuilder &b,
                           const IntegerProduct &product, Value rhs, Value init,
                           CodeReading reading) {
  auto body = [&](OpBuilder &nested, Location loc, ValueRange args) {
    Type type = nested.getI32Type();
    Value left =
        reading.isUnsigned
            ? arith::ExtUIOp::create(nested, loc, type, args[0]).getResult()
            : arith::ExtSIOp::create(nested, loc, type, args[0]).getResult();
    if (reading.offset != 0) {
      Value offset =
          arith::ConstantIntOp::create(nested, loc, reading.offset, 32);
      left = arith::AddIOp::create(nested, loc, left, offset);
    }
    Value right = arith::ExtSIOp::create(nested, loc, type, args[1]);
    Value term = arith::MulIOp::create(nested, loc, left, right);
    Value sum = arith::AddIOp::create(nested, loc, args[2], term);
    linalg::YieldOp::create(nested, loc, sum);
  };
  unsigned numLoops = 2 + product.reductions.size();
  SmallVector<unsigned> rhsLoops =
      llvm::to_vector(llvm::seq<unsigned>(2, numLoops));
  // Codes are N x K or N x R x K, bytes are seen as K x N or R x K x N.
  rhsLoops.insert(getPackedCodes(rhs) ? rhsLoops.begin() : rhsLoops.end(), 1);
  return linalg::GenericOp::create(
             b, init.getType(), ValueRange{product.lhs->get(), rhs}, init,
             ArrayRef{getLhsMap(b, product, 1),
                      getProjection(b, numLoops, rhsLoops),
                      getProjection(b, numLoops, {0, 1})},
             getIterators(product, 2), body)
      .getResult(0);
}

/// The constant factor as it is stored, and how the other one is read with it.
class PackedRhs {
public:
  PackedRhs(ImplicitLocOpBuilder &b, const IntegerProduct &product,
            const SignedFactor &factor, const CpuTarget &target,
            bool isUnsigned)
      : b(b), product(product) {
    std::optional<IntegerEncoding> encoding = chooseCodes(product, factor);
    isOfFewRows =
        encoding && hasFewRows(product) && !AmxTile::isUsed(product, target);
    bool isNarrow;
    if (encoding) {
      codes = emitPackedCodes(b, product, factor, *encoding, isOfFewRows);
      isNarrow = hasNarrowPairs(codes, target);
    } else {
      bytes = packBytes(product, factor);
      isNarrow = hasNarrowPairs(product, bytes, target);
    }
    reading = {isUnsigned, 0};
    if (isOfFewRows)
      reading = getSignedReading(isUnsigned);
    else if (!AmxTile::isUsed(product, target))
      reading.offset = target.getReadingOffset(isUnsigned, isNarrow);
  }

  CodeReading getReading() const { return reading; }
  int64_t getBits() { return codes ? int64_t(codes.getBits()) : 8; }

  Value emitProduct(Value init) {
    if (isOfFewRows)
      return emitProductOfFewRows(b, product, reading.isUnsigned, codes, init);
    Value rhs = codes ? Value(codes) : emitPackedBytes(b, product, bytes);
    return emitProductOfAnyRows(b, product, rhs, init, reading);
  }

private:
  ImplicitLocOpBuilder &b;
  const IntegerProduct &product;
  /// Of less than a byte; `bytes` if it is null.
  cpu::UnpackIntegersOp codes;
  std::vector<uint8_t> bytes;
  bool isOfFewRows;
  CodeReading reading;
};

/// The bits of the constant's elements in memory; fails with the reason in
/// `whyNot`.
FailureOr<int64_t> packProduct(const IntegerProduct &product,
                               const CpuTarget &target, StringRef &whyNot) {
  if (product.isDepthwise() && !DepthwiseRows::find(product)) {
    whyNot = "its window is too large for a depthwise convolution";
    return failure();
  }
  std::optional<CodeReading> reading = getCodeReading(product.lhsValues);
  if (!reading) {
    whyNot = "its first factor is more than a code and an offset";
    return failure();
  }
  std::optional<SignedFactor> factor = SignedFactor::read(product);
  if (!factor) {
    whyNot = "the constant factor has no data, or values that span more than "
             "a byte";
    return failure();
  }
  linalg::GenericOp op = product.op;
  ImplicitLocOpBuilder b(op.getLoc(), op);
  PackedRhs packed(b, product, *factor, target, reading->isUnsigned);
  uint32_t moved =
      uint32_t(reading->offset) - uint32_t(packed.getReading().offset);
  std::vector<int32_t> addends = factor->addColumns(product);
  for (int32_t &addend : addends)
    addend = int32_t(moved * uint32_t(addend));
  Value init = addToColumns(b, product.getInit(), product, addends);
  init = addRowSums(b, init, product, *reading, factor->offset);
  op.replaceAllUsesWith(ValueRange{packed.emitProduct(init)});
  op.erase();
  return packed.getBits();
}

struct PackProductsPass : impl::PackProductsBase<PackProductsPass> {
  using PackProductsBase::PackProductsBase;

  void runOnOperation() override {
    CpuTarget target = CpuTarget::get(getOperation(), instructions, l2Bytes);
    SmallVector<linalg::GenericOp> generics;
    getOperation()->walk([&](linalg::GenericOp op) { generics.push_back(op); });
    for (linalg::GenericOp op : generics) {
      StringRef whyNot;
      Location loc = op.getLoc();
      std::optional<IntegerProduct> product = matchIntegerProduct(op, whyNot);
      if (product && (getPackedFactor(product->rhs->get()) ||
                      getPackedCodes(product->rhs->get())))
        continue;
      FailureOr<int64_t> bits = failure();
      if (product)
        bits = packProduct(*product, target, whyNot);
      if (succeeded(bits))
        remark::passed(loc, getRemarkOptions("Packed"))
            << "packed a constant factor" << remark::metric("K", product->k)
            << remark::metric("N", product->n) << remark::metric("Bits", *bits);
      else if (!whyNot.empty())
        remark::missed(loc, getRemarkOptions("NotPacked"))
            << "no dot instructions: " << whyNot;
    }
  }
};

} // namespace
} // namespace mlir::qfmt
