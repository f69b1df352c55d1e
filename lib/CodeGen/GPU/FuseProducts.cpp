//===- FuseProducts.cpp - Products together with what follows them --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level; products of bytes and constants as linalg.generic
//         on tensors.
// Output: qfmt_gpu.product on tensors; everything else as it was.
//
// With a = u + p the left factor's value, u its code, and b = s + d the right
// one's, s a byte:
//
//   sum a b = sum u s + p sum s + d sum a
//
// The second term is a constant for each column; the third is 0 unless the
// values of the right factor fit no byte, signed or unsigned.
//
// Terms that lie in runs, as qfmt-convolutions-to-products writes convolutions,
// stay where they are; runs of the constant are filled up with zeros.
//
// Does nothing for products of two variables, nor where columns have terms of
// their own (depthwise convolutions).
//
//===----------------------------------------------------------------------===//

#include "FusedBody.h"
#include "GatheredRows.h"
#include "LoopTurns.h"
#include "PackedDot.h"
#include "TensorCoreTier.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "qfmt/CodeGen/Products/IntegerProduct.h"
#include "qfmt/IR/ConstantData.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_FUSEPRODUCTS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

using utils::IteratorType;

/// cp.async copies as many bytes at a time.
constexpr int64_t kTermsPerCopy = 16;

//===----------------------------------------------------------------------===//
// The constant factor
//===----------------------------------------------------------------------===//

/// s and d of the file comment; s is N x K', each run of it a multiple of
/// kTermsPerCopy.
struct ByteFactor {
  std::vector<uint8_t> elements;
  bool isUnsigned;
  int32_t offset;
  int64_t terms;
  /// Of each column.
  std::vector<int32_t> sums;
};

/// None if the values that occur span more than 256 integers.
std::optional<ByteFactor> makeByteFactor(const IntegerProduct &product,
                                         ArrayRef<uint8_t> codes) {
  int64_t low = std::numeric_limits<int32_t>::max();
  int64_t high = std::numeric_limits<int32_t>::min();
  for (uint8_t code : codes) {
    low = std::min<int64_t>(low, product.rhsValues[code]);
    high = std::max<int64_t>(high, product.rhsValues[code]);
  }
  ByteFactor factor;
  bool isSigned = low >= -128 && high <= 127;
  factor.isUnsigned = !isSigned && low >= 0 && high <= 255;
  factor.offset = isSigned || factor.isUnsigned ? 0 : int32_t(low + 128);
  if (high - factor.offset > (factor.isUnsigned ? 255 : 127))
    return std::nullopt;
  int64_t stored = llvm::alignTo(product.run, kTermsPerCopy);
  factor.terms = product.getNumRuns() * stored;
  factor.elements.resize(product.n * factor.terms);
  factor.sums.resize(product.n);
  for (int64_t n = 0; n < product.n; ++n)
    for (int64_t k = 0; k < product.k; ++k) {
      int64_t place =
          product.isRhsTransposed ? n * product.k + k : k * product.n + n;
      int32_t value = product.rhsValues[codes[place]] - factor.offset;
      int64_t term = k / product.run * stored + k % product.run;
      factor.elements[n * factor.terms + term] = uint8_t(value);
      factor.sums[n] = int32_t(uint32_t(factor.sums[n]) + uint32_t(value));
    }
  return factor;
}

//===----------------------------------------------------------------------===//
// Zero points
//===----------------------------------------------------------------------===//

/// Where the left factor is read, by (m, r, k).
AffineMap getRowMap(const IntegerProduct &product) {
  AffineMap map = product.getLhsMap();
  SmallVector<AffineExpr> places(map.getNumDims());
  MLIRContext *context = map.getContext();
  for (AffineExpr &place : places)
    place = getAffineConstantExpr(0, context);
  places[product.mLoop] = getAffineDimExpr(0, context);
  if (product.hasRuns())
    places[product.reductions.front()] = getAffineDimExpr(1, context);
  places[product.reductions.back()] = getAffineDimExpr(2, context);
  return map.replaceDimsAndSymbols(places, {}, 3, 0);
}

OpFoldResult getNumRows(ImplicitLocOpBuilder &b,
                        const IntegerProduct &product) {
  if (!product.isRowMajor())
    return b.getIndexAttr(product.m);
  return tensor::getMixedSize(b, b.getLoc(), product.lhs->get(), 0);
}

/// The sums of the rows of the codes of the left factor. The right one is not
/// read, but says how many runs and terms there are.
Value emitRowSums(ImplicitLocOpBuilder &b, const IntegerProduct &product,
                  CodeReading reading) {
  linalg::GenericOp op = product.op;
  SmallVector<OpFoldResult> shape = {getNumRows(b, product)};
  Value empty = tensor::EmptyOp::create(b, shape, b.getI32Type());
  Value zero = arith::ConstantIntOp::create(b, 0, 32);
  Value start = linalg::FillOp::create(b, zero, empty).getResult(0);
  // Without the loop of columns, of which the right factor's first is taken.
  unsigned numLoops = 1 + product.reductions.size();
  SmallVector<AffineExpr> loops(op.getNumLoops());
  loops[product.mLoop] = b.getAffineDimExpr(0);
  loops[product.nLoop] = b.getAffineConstantExpr(0);
  for (auto [i, loop] : llvm::enumerate(product.reductions))
    loops[loop] = b.getAffineDimExpr(1 + i);
  auto getMap = [&](OpOperand *operand) {
    return op.getMatchingIndexingMap(operand).replaceDimsAndSymbols(
        loops, {}, numLoops, 0);
  };
  SmallVector<IteratorType> iterators(numLoops, IteratorType::reduction);
  iterators.front() = IteratorType::parallel;
  auto emitBody = [&](OpBuilder &nested, Location loc, ValueRange args) {
    Type type = nested.getI32Type();
    Value code =
        reading.isUnsigned
            ? arith::ExtUIOp::create(nested, loc, type, args[0]).getResult()
            : arith::ExtSIOp::create(nested, loc, type, args[0]).getResult();
    Value offset =
        arith::ConstantIntOp::create(nested, loc, reading.offset, 32);
    Value value = arith::AddIOp::create(nested, loc, code, offset);
    Value sum = arith::AddIOp::create(nested, loc, args[2], value);
    linalg::YieldOp::create(nested, loc, sum);
  };
  return linalg::GenericOp::create(
             b, start.getType(),
             ValueRange{product.lhs->get(), product.rhs->get()}, start,
             ArrayRef{getMap(product.lhs), getMap(product.rhs),
                      AffineMap::get(numLoops, 0, b.getAffineDimExpr(0))},
             iterators, emitBody)
      .getResult(0);
}

/// p sum s, or null if it is 0 for all columns.
Value emitColumnAddends(ImplicitLocOpBuilder &b, const ByteFactor &factor,
                        int32_t offset) {
  auto addends = llvm::map_to_vector(factor.sums, [&](int32_t sum) {
    return int64_t(int32_t(uint32_t(offset) * uint32_t(sum)));
  });
  if (llvm::all_of(addends, [](int64_t addend) { return addend == 0; }))
    return {};
  auto type = RankedTensorType::get(int64_t(addends.size()), b.getI32Type());
  return arith::ConstantOp::create(b, makeIntegers(type, addends, "columns"));
}

//===----------------------------------------------------------------------===//
// The product
//===----------------------------------------------------------------------===//

class ProductFuser {
public:
  ProductFuser(const IntegerProduct &product, CodeReading reading,
               const ByteFactor &factor)
      : product(product), reading(reading), factor(factor),
        chain(getFusable(product.op, whyNot)),
        b(getLast().getLoc(), getLast()) {}

  void fuse() {
    Value rowSums;
    if (factor.offset != 0)
      rowSums = emitRowSums(b, product, reading);
    Value columns = emitColumnAddends(b, factor, reading.offset);
    kernel::ProductOp op = emitProduct();
    FusedBody body(op.getBody(), b.getLoc(), b.getI32Type());
    Value sum = add(body, body.getSum(), product.getInit(),
                    b.getMultiDimIdentityMap(2));
    sum = add(body, sum, columns, getMap(1));
    sum = add(body, sum, rowSums, getMap(0), factor.offset);
    kernel::YieldOp::create(body.b, body.emitChain(product.op, chain, sum));
    setExtras(op, body);
    replaceFused(product.op, chain, op.getResult());
  }

  /// Number of operations behind the product, and why there are no more.
  size_t getNumFused() const { return chain.size(); }
  StringRef getWhyNot() const { return whyNot; }

private:
  linalg::GenericOp getLast() const {
    return chain.empty() ? product.op : chain.back();
  }

  /// (m, n) -> the one of these.
  AffineMap getMap(unsigned dim) {
    return AffineMap::get(2, 0, b.getAffineDimExpr(dim));
  }

  /// `sum` and `factor` times the element of `addend`, if there is one.
  Value add(FusedBody &body, Value sum, Value addend, AffineMap map,
            int32_t times = 1) {
    if (!addend)
      return sum;
    Value element = body.emitElement(addend, map);
    if (matchPattern(element, m_Zero()))
      return sum;
    if (times != 1)
      element = arith::MulIOp::create(
          body.b, element, arith::ConstantIntOp::create(body.b, times, 32));
    return arith::AddIOp::create(body.b, sum, element);
  }

  kernel::ProductOp emitProduct() {
    auto type = RankedTensorType::get({product.n, factor.terms}, b.getI8Type());
    Value rhs = arith::ConstantOp::create(
        b, makeIntegers(type,
                        SmallVector<int64_t>(factor.elements.begin(),
                                             factor.elements.end()),
                        "factor"));
    SmallVector<OpFoldResult> sizes = {getNumRows(b, product),
                                       b.getIndexAttr(product.n)};
    Value out = tensor::EmptyOp::create(
        b, sizes, getElementTypeOrSelf(getLast().getResult(0)));
    auto op = kernel::ProductOp::create(b, product.lhs->get(), rhs, out);
    op.setLhsUnsigned(reading.isUnsigned);
    op.setRhsUnsigned(factor.isUnsigned);
    if (!product.isRowMajor()) {
      op.setRows(getRowMap(product));
      op.setRuns(product.getNumRuns());
      op.setOfTerms(product.run);
    }
    return op;
  }

  void setExtras(kernel::ProductOp op, const FusedBody &body) {
    op.getExtrasMutable().assign(body.extras);
    op.setMapsAttr(b.getAffineMapArrayAttr(body.maps));
  }

  const IntegerProduct &product;
  CodeReading reading;
  const ByteFactor &factor;
  StringRef whyNot;
  SmallVector<linalg::GenericOp> chain;
  ImplicitLocOpBuilder b;
};

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-fuse-products");
}

/// False if the loops of qfmt-products-to-dots had too many turns; those of
/// qfmt-linalg-to-kernels are divided.
bool canLoop(const IntegerProduct &product, const GpuTarget &target) {
  // What may be in flight at a time there.
  constexpr int64_t kMaxThreads = 65535 * 128;
  std::optional<int64_t> maxTurns = target.getMaxLoopTurns();
  if (!maxTurns)
    return true;
  int64_t sums = ShapedType::isDynamic(product.m)
                     ? 1
                     : llvm::divideCeil(product.m * product.n, kMaxThreads);
  int64_t ofRun = getLoopTurns(product.run, 0);
  int64_t ofSum = getLoopTurns(product.getNumRuns(), ofRun);
  return getLoopTurns(sums, ofSum) <= *maxTurns;
}

/// Fails with the reason in `whyNot`.
LogicalResult fuseProduct(const IntegerProduct &product,
                          const GpuTarget &target, StringRef &whyNot) {
  if (product.isDepthwise()) {
    whyNot = "each column has terms of its own";
    return failure();
  }
  if (!product.isRowMajor() && !splitRowMap(getRowMap(product))) {
    whyNot = "the runs of its rows do not lie at the same distances";
    return failure();
  }
  if (!canLoop(product, target)) {
    whyNot = "its loop would have more turns than the target allows";
    return failure();
  }
  std::optional<CodeReading> reading = getCodeReading(product.lhsValues);
  if (!reading) {
    whyNot = "its first factor is more than a code and an offset";
    return failure();
  }
  ElementsAttr constant;
  std::optional<std::vector<uint8_t>> codes;
  if (matchPattern(product.rhs->get(), m_Constant(&constant)))
    codes = readCodes(constant);
  std::optional<ByteFactor> factor;
  if (codes)
    factor = makeByteFactor(product, *codes);
  if (!factor) {
    whyNot = "the constant factor has no data, or values that span more than "
             "a byte";
    return failure();
  }
  Location loc = linalg::GenericOp(product.op).getLoc();
  ProductFuser fuser(product, *reading, *factor);
  fuser.fuse();
  remark::passed(loc, getRemarkOptions("Fused"))
      << "a product for tensor cores" << remark::metric("K", product.k)
      << remark::metric("N", product.n)
      << remark::metric("FusedOperations", fuser.getNumFused());
  if (!fuser.getWhyNot().empty())
    remark::missed(loc, getRemarkOptions("NotFused"))
        << "not more is computed from its sums: " << fuser.getWhyNot();
  return success();
}

struct FuseProductsPass : impl::FuseProductsBase<FuseProductsPass> {
  using FuseProductsBase::FuseProductsBase;

  void runOnOperation() override {
    FailureOr<bool> isUsed = usesTensorCores(getOperation(), tier);
    if (failed(isUsed))
      return signalPassFailure();
    std::optional<GpuTarget> target = GpuTarget::get(getOperation());
    bool usesDots = tier == "auto" && target && hasPackedDot(*target);
    if (!*isUsed && !usesDots)
      return;
    for (linalg::GenericOp op : collectProducts(getOperation())) {
      StringRef whyNot;
      Location loc = op.getLoc();
      std::optional<IntegerProduct> product = matchIntegerProduct(op, whyNot);
      if ((!product || failed(fuseProduct(*product, *target, whyNot))) &&
          !whyNot.empty())
        remark::missed(loc, getRemarkOptions("NotForTensorCores"))
            << "no product for tensor cores: " << whyNot;
    }
  }
};

} // namespace
} // namespace mlir::qfmt
