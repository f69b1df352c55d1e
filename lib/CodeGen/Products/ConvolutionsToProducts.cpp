//===- ConvolutionsToProducts.cpp - Convolutions by rows and columns ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level; convolutions of bytes with constants as
// linalg.generic on tensors of known sizes, channels last.
// Output: the same as linalg.generic whose result is a matrix, which has a row
// for each place of the result and a column for each channel. No element of the
// first factor is copied; its map says where a row's terms lie.
//
// Terms are runs that lie together: those of a row of the window and all
// channels if the window has no gaps along the last spatial dimension, those of
// all channels otherwise. A convolution that reads each place once is an
// ordinary product of matrices. In a depthwise convolution the window's first
// dimension is the innermost one.
//
// Leaves alone: channels that do not come last, groups of more than one
// channel, unknown sizes.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/Products/ByteTensor.h"
#include "qfmt/CodeGen/Products/IntegerProduct.h"
#include "qfmt/CodeGen/Products/Passes.h"
#include "qfmt/IR/ConstantData.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_CONVOLUTIONSTOPRODUCTS
#include "qfmt/CodeGen/Products/Passes.h.inc"

namespace {

using utils::IteratorType;

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category(
      "qfmt-convolutions-to-products");
}

//===----------------------------------------------------------------------===//
// What is a convolution
//===----------------------------------------------------------------------===//

struct Convolution {
  IntegerProduct product;
  /// Loops of the result's dimensions but the last one.
  SmallVector<unsigned> rows;
  unsigned column;
  /// Reductions other than that of the channels, which depthwise convolutions
  /// do not have.
  SmallVector<unsigned> window;
  std::optional<unsigned> channel;
};

std::optional<unsigned> getLoop(AffineExpr expr) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dim.getPosition();
  return std::nullopt;
}

std::optional<Convolution> matchConvolution(linalg::GenericOp op,
                                            StringRef &whyNot) {
  std::optional<IntegerProduct> product = matchFactors(op, whyNot);
  whyNot = {};
  if (!product)
    return std::nullopt;
  // Products of matrices are what they should be.
  StringRef ignored;
  if (matchIntegerProduct(op, ignored))
    return std::nullopt;
  whyNot = "it is no convolution, with known sizes, of one group or depthwise";
  AffineMap lhsMap = op.getMatchingIndexingMap(product->lhs);
  AffineMap rhsMap = op.getMatchingIndexingMap(product->rhs);
  AffineMap outMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  SmallVector<unsigned> parallel, reductions;
  op.getParallelDims(parallel);
  op.getReductionDims(reductions);
  if (ShapedType::isDynamicShape(op.getStaticLoopRanges()) ||
      llvm::is_contained(op.getStaticLoopRanges(), 0) ||
      !outMap.isProjectedPermutation() ||
      outMap.getNumResults() != parallel.size() || parallel.size() < 2 ||
      lhsMap.getNumResults() < 2 || !rhsMap.isProjectedPermutation() ||
      rhsMap.getNumResults() != reductions.size() + 1)
    return std::nullopt;

  Convolution convolution{*product, {}, 0, {}, std::nullopt};
  for (AffineExpr result : outMap.getResults())
    convolution.rows.push_back(*getLoop(result));
  convolution.column = convolution.rows.pop_back_val();
  if (!rhsMap.isFunctionOfDim(convolution.column)) {
    whyNot = "its channels do not come last";
    return std::nullopt;
  }
  for (unsigned reduction : reductions)
    if (!rhsMap.isFunctionOfDim(reduction))
      return std::nullopt;

  std::optional<unsigned> last = getLoop(lhsMap.getResults().back());
  bool isDepthwise = last == convolution.column;
  if (!last || (!isDepthwise && !llvm::is_contained(reductions, *last)) ||
      llvm::any_of(lhsMap.getResults().drop_back(), [&](AffineExpr result) {
        return result.isFunctionOfDim(*last) ||
               result.isFunctionOfDim(convolution.column);
      })) {
    whyNot = "its channels do not come last, or are several groups";
    return std::nullopt;
  }
  if (!isDepthwise)
    convolution.channel = *last;
  llvm::copy_if(reductions, std::back_inserter(convolution.window),
                [&](unsigned loop) { return loop != convolution.channel; });
  whyNot = {};
  return convolution;
}

//===----------------------------------------------------------------------===//
// The product
//===----------------------------------------------------------------------===//

/// Writes one convolution as a product with the loops m, n, then r if there are
/// runs, then k.
class Rewriter {
public:
  Rewriter(const Convolution &convolution)
      : convolution(convolution), op(convolution.product.op),
        b(op.getLoc(), op), sizes(op.getStaticLoopRanges()),
        lhs(convolution.product.lhs->get()),
        results(
            op.getMatchingIndexingMap(convolution.product.lhs).getResults()) {}

  /// False if the constant has no data.
  bool rewrite() {
    chooseRuns();
    std::optional<Value> rhs = makeRhs();
    if (!rhs)
      return false;
    replaceLoops();
    trimLhs();
    collapseRows();
    emit(*rhs);
    return true;
  }

private:
  int64_t count(ArrayRef<unsigned> loops) {
    int64_t product = 1;
    for (unsigned loop : loops)
      product *= sizes[loop];
    return product;
  }

  int64_t getLhsSize(size_t dim) {
    return cast<RankedTensorType>(lhs.getType()).getDimSize(dim);
  }

  /// The loop of the window that moves along the last spatial dimension one by
  /// one, so that its terms and those of the channels lie together.
  std::optional<unsigned> findAdjacent() {
    if (!convolution.channel || results.size() < 2)
      return std::nullopt;
    AffineExpr spatial = results[results.size() - 2];
    for (unsigned loop : convolution.window) {
      AffineExpr rest = simplifyAffineExpr(spatial - b.getAffineDimExpr(loop),
                                           sizes.size(), 0);
      bool isElsewhere =
          llvm::any_of(ArrayRef(results).drop_back(2), [&](AffineExpr result) {
            return result.isFunctionOfDim(loop);
          });
      if (sizes[loop] > 1 && !rest.isFunctionOfDim(loop) && !isElsewhere)
        return loop;
    }
    return std::nullopt;
  }

  /// Distributes the reductions to runs and the terms of a run.
  void chooseRuns() {
    SmallVector<unsigned> window = llvm::to_vector(llvm::make_filter_range(
        convolution.window, [&](unsigned loop) { return sizes[loop] > 1; }));
    if (!convolution.channel) {
      // Rows of the window are what neighbouring places of the result share.
      if (!window.empty())
        terms.push_back(window.front());
      runs.append(window.begin() + terms.size(), window.end());
      return;
    }
    adjacent = findAdjacent();
    llvm::copy_if(window, std::back_inserter(runs),
                  [&](unsigned loop) { return loop != adjacent; });
    if (adjacent)
      terms.push_back(*adjacent);
    terms.push_back(*convolution.channel);
  }

  /// The constant, R x K x N, or K x N.
  std::optional<Value> makeRhs() {
    ElementsAttr constant;
    if (!matchPattern(convolution.product.rhs->get(), m_Constant(&constant)))
      return std::nullopt;
    std::optional<std::vector<uint8_t>> codes = readCodes(constant);
    if (!codes)
      return std::nullopt;
    SmallVector<unsigned> order(runs);
    order.append(terms);
    order.push_back(convolution.column);
    // How far apart neighbours along each loop lie.
    SmallVector<int64_t> strides(sizes.size());
    int64_t stride = 1;
    AffineMap map = op.getMatchingIndexingMap(convolution.product.rhs);
    for (AffineExpr result : llvm::reverse(map.getResults())) {
      strides[*getLoop(result)] = stride;
      stride *= sizes[*getLoop(result)];
    }
    std::vector<uint8_t> moved(codes->size());
    SmallVector<int64_t> position(order.size());
    for (uint8_t &code : moved) {
      int64_t place = 0;
      for (auto [loop, at] : llvm::zip_equal(order, position))
        place += strides[loop] * at;
      code = (*codes)[place];
      for (size_t i = order.size(); i-- > 0;) {
        if (++position[i] < sizes[order[i]])
          break;
        position[i] = 0;
      }
    }
    SmallVector<int64_t> shape = {count(terms), sizes[convolution.column]};
    if (!runs.empty())
      shape.insert(shape.begin(), count(runs));
    return arith::ConstantOp::create(
        b, makeByteTensor(b.getContext(), shape, moved, "factor"));
  }

  /// Gives each of `loops` its part of the number `whole`.
  void split(AffineExpr whole, ArrayRef<unsigned> loops,
             SmallVector<AffineExpr> &replacements) {
    int64_t inner = count(loops);
    for (auto [i, loop] : llvm::enumerate(loops)) {
      inner /= sizes[loop];
      AffineExpr part = whole.floorDiv(inner);
      replacements[loop] = i == 0 ? part : part % sizes[loop];
      if (sizes[loop] == 1)
        replacements[loop] = b.getAffineConstantExpr(0);
    }
  }

  /// Where the first factor is read, by the new loops.
  void replaceLoops() {
    numLoops = runs.empty() ? 3 : 4;
    AffineExpr m = b.getAffineDimExpr(0), n = b.getAffineDimExpr(1);
    AffineExpr k = b.getAffineDimExpr(numLoops - 1);
    SmallVector<AffineExpr> replacements(sizes.size(),
                                         b.getAffineConstantExpr(0));
    SmallVector<unsigned> rows = llvm::to_vector(llvm::make_filter_range(
        convolution.rows, [&](unsigned loop) { return sizes[loop] > 1; }));
    split(m, rows, replacements);
    if (!runs.empty())
      split(b.getAffineDimExpr(2), runs, replacements);
    if (!convolution.channel) {
      replacements[convolution.column] = n;
      if (!terms.empty())
        replacements[terms.front()] = k;
    } else if (!adjacent) {
      replacements[*convolution.channel] = k;
    }
    for (AffineExpr &result : results)
      result = simplifyAffineExpr(
          result.replaceDimsAndSymbols(replacements, {}), numLoops, 0);
    if (!adjacent)
      return;
    // The last two dimensions as one, along which k counts.
    int64_t channels = sizes[*convolution.channel];
    AffineExpr place = results[results.size() - 2] * channels + k;
    results.pop_back();
    results.back() = simplifyAffineExpr(place, numLoops, 0);
    collapseLhs(results.size() - 1, results.size());
  }

  /// Makes one of the dimensions `first` to `last` of the first factor.
  void collapseLhs(size_t first, size_t last) {
    SmallVector<ReassociationIndices> groups;
    size_t rank = cast<RankedTensorType>(lhs.getType()).getRank();
    for (size_t i = 0; i < rank; ++i) {
      if (i <= first || i > last)
        groups.emplace_back();
      groups.back().push_back(i);
    }
    lhs = tensor::CollapseShapeOp::create(b, lhs, groups);
  }

  /// Cuts off what no window reads: linalg wants a dimension along which one
  /// loop moves alone to have as many elements as that loop.
  void trimLhs() {
    SmallVector<int64_t> loopSizes = {count(convolution.rows),
                                      sizes[convolution.column], count(terms)};
    if (!runs.empty())
      loopSizes.insert(loopSizes.begin() + 2, count(runs));
    SmallVector<OpFoldResult> trimmed;
    bool isWhole = true;
    for (auto [i, result] : llvm::enumerate(results)) {
      int64_t size = getLhsSize(i);
      if (std::optional<unsigned> loop = getLoop(result))
        size = std::min(size, loopSizes[*loop]);
      isWhole &= size == getLhsSize(i);
      trimmed.push_back(b.getIndexAttr(size));
    }
    if (isWhole)
      return;
    SmallVector<OpFoldResult> zeros(trimmed.size(), b.getIndexAttr(0));
    SmallVector<OpFoldResult> ones(trimmed.size(), b.getIndexAttr(1));
    lhs = tensor::ExtractSliceOp::create(b, lhs, zeros, trimmed, ones);
  }

  /// If row m of the result needs row m of the first factor, it is a matrix.
  void collapseRows() {
    if (!convolution.channel || !runs.empty() || adjacent ||
        results.size() != convolution.rows.size() + 1)
      return;
    SmallVector<AffineExpr> plain(sizes.size(), b.getAffineConstantExpr(0));
    SmallVector<unsigned> rows = llvm::to_vector(llvm::make_filter_range(
        convolution.rows, [&](unsigned loop) { return sizes[loop] > 1; }));
    split(b.getAffineDimExpr(0), rows, plain);
    for (auto [i, loop] : llvm::enumerate(convolution.rows))
      if (results[i] != simplifyAffineExpr(plain[loop], numLoops, 0) ||
          getLhsSize(i) != sizes[loop])
        return;
    if (results.size() > 2)
      collapseLhs(0, results.size() - 2);
    results = {b.getAffineDimExpr(0), results.back()};
  }

  /// The initial values as a matrix: a broadcast to columns is one anew.
  Value makeInit(RankedTensorType type, ArrayRef<ReassociationIndices> matrix) {
    Value init = op.getDpsInits()[0];
    auto generic = init.getDefiningOp<linalg::GenericOp>();
    unsigned rank = convolution.rows.size() + 1;
    AffineMap byColumn = AffineMap::get(rank, 0, b.getAffineDimExpr(rank - 1));
    bool isBroadcast =
        generic && generic->getNumResults() == 1 &&
        generic.getNumLoops() == rank && generic.getNumReductionLoops() == 0 &&
        generic.getMatchingIndexingMap(generic.getDpsInitOperand(0))
            .isIdentity() &&
        generic.getMatchingBlockArgument(generic.getDpsInitOperand(0))
            .use_empty() &&
        generic.getBody()->getOps<linalg::IndexOp>().empty() &&
        llvm::all_of(generic.getDpsInputOperands(), [&](OpOperand *input) {
          AffineMap map = generic.getMatchingIndexingMap(input);
          return map.getNumResults() == 0 || map == byColumn;
        });
    if (!isBroadcast)
      return tensor::CollapseShapeOp::create(b, type, init, matrix);
    SmallVector<AffineMap> maps;
    for (OpOperand *input : generic.getDpsInputOperands())
      maps.push_back(generic.getMatchingIndexingMap(input) == byColumn
                         ? AffineMap::get(2, 0, b.getAffineDimExpr(1))
                         : AffineMap::get(2, 0, b.getContext()));
    maps.push_back(b.getMultiDimIdentityMap(2));
    Value empty =
        tensor::EmptyOp::create(b, type.getShape(), type.getElementType());
    auto broadcast = linalg::GenericOp::create(
        b, type, SmallVector<Value>(generic.getDpsInputs()), empty, maps,
        SmallVector<IteratorType>(2, IteratorType::parallel));
    IRMapping mapping;
    generic.getRegion().cloneInto(&broadcast.getRegion(), mapping);
    return broadcast.getResult(0);
  }

  void emit(Value rhs) {
    auto type = cast<RankedTensorType>(op.getResult(0).getType());
    SmallVector<ReassociationIndices> matrix(2);
    for (int64_t i = 0; i + 1 < type.getRank(); ++i)
      matrix[0].push_back(i);
    matrix[1].push_back(type.getRank() - 1);
    auto matrixType = RankedTensorType::get(
        {count(convolution.rows), sizes[convolution.column]},
        type.getElementType());

    SmallVector<unsigned> rhsLoops = {numLoops - 1, 1};
    if (!runs.empty())
      rhsLoops.insert(rhsLoops.begin(), 2);
    SmallVector<AffineExpr> rhsResults;
    for (unsigned loop : rhsLoops)
      rhsResults.push_back(b.getAffineDimExpr(loop));
    SmallVector<AffineMap> maps = {
        AffineMap::get(numLoops, 0, results, b.getContext()),
        AffineMap::get(numLoops, 0, rhsResults, b.getContext()),
        b.getMultiDimIdentityMap(numLoops).getMajorSubMap(2)};
    SmallVector<Value> inputs = {lhs, rhs};
    if (convolution.product.lhs->getOperandNumber() != 0) {
      std::swap(maps[0], maps[1]);
      std::swap(inputs[0], inputs[1]);
    }
    SmallVector<IteratorType> iterators(numLoops, IteratorType::reduction);
    iterators[0] = iterators[1] = IteratorType::parallel;
    auto product = linalg::GenericOp::create(
        b, matrixType, inputs, makeInit(matrixType, matrix), maps, iterators);
    product.getRegion().takeBody(op.getRegion());
    Value result =
        tensor::ExpandShapeOp::create(b, type, product.getResult(0), matrix);
    op.replaceAllUsesWith(ValueRange{result});
    op.erase();
  }

  const Convolution &convolution;
  linalg::GenericOp op;
  ImplicitLocOpBuilder b;
  SmallVector<int64_t> sizes;
  Value lhs;
  /// Where it is read.
  SmallVector<AffineExpr> results;
  /// Reductions whose terms do not lie together, and those whose do.
  SmallVector<unsigned> runs, terms;
  std::optional<unsigned> adjacent;
  unsigned numLoops = 0;
};

struct ConvolutionsToProductsPass
    : impl::ConvolutionsToProductsBase<ConvolutionsToProductsPass> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> generics;
    getOperation()->walk([&](linalg::GenericOp op) { generics.push_back(op); });
    for (linalg::GenericOp op : generics) {
      StringRef whyNot;
      std::optional<Convolution> convolution = matchConvolution(op, whyNot);
      if (!convolution) {
        if (!whyNot.empty() && op.getNumLoops() > 3)
          remark::missed(op.getLoc(), getRemarkOptions("NoConvolution"))
              << "no product of matrices: " << whyNot;
        continue;
      }
      Rewriter(*convolution).rewrite();
    }
  }
};

} // namespace
} // namespace mlir::qfmt
