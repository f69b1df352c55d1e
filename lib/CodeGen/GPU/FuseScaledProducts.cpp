//===- FuseScaledProducts.cpp - Products with weights of few bits ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level; products with constants of few bits as
//         linalg.generic on tensors: bytes in groups, as qfmt-factor-scales
//         makes them, bytes, or f16 and bf16.
// Output: qfmt_gpu.scaled_product on tensors; everything else as it was.
//
// With floats the constant is what decodes it, codes and scales: which format
// it had does not matter. Formats whose numbers are no integers of 8 bits times
// one power of two are left alone, and so are activations of f32.
//
//===----------------------------------------------------------------------===//

#include "FewBitFragments.h"
#include "FusedBody.h"
#include "TensorCoreTier.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "qfmt/CodeGen/Products/FloatProduct.h"
#include "qfmt/CodeGen/Products/GroupedProduct.h"
#include "qfmt/CodeGen/Products/IntegerProduct.h"
#include "qfmt/CodeGen/Products/ProductBody.h"
#include "qfmt/CodeGen/Products/ScaledFactor.h"
#include "qfmt/IR/ConstantData.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_FUSESCALEDPRODUCTS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

/// Sums of bytes whose codes lie in the highest bits stay in 32 bits.
constexpr int64_t kMaxTerms = 65536;
/// Products of bytes without scales and with more rows profit more from shared
/// memory than from codes of few bits.
constexpr int64_t kMaxRowsWithoutScales = 64;

//===----------------------------------------------------------------------===//
// What is multiplied
//===----------------------------------------------------------------------===//

/// A product and its constant factor.
struct WeightsOfFewBits {
  /// Has the result.
  linalg::GenericOp product;
  /// M x K, or M x groups x terms.
  Value lhs;
  int64_t n, groups, groupTerms;
  /// [n][groups][terms].
  std::vector<int8_t> integers;
  /// [groups][n]; may be empty.
  std::vector<double> groupScales;
  /// M x groups; may be null.
  Value rowScales;
  /// What sums are multiplied by, and what is added to them, for each column;
  /// may be empty.
  std::vector<double> columnScales;
  std::vector<int64_t> columnAddends;
  /// Integer sums become f32 before anything else is done with them.
  bool convertsSums = false;

  Value getInit() { return product.getDpsInits()[0]; }
  bool hasScales() const { return !groupScales.empty() || rowScales; }
};

//===----------------------------------------------------------------------===//
// Bytes in groups
//===----------------------------------------------------------------------===//

/// The factors of `term`, the converted sum of a group being the first one;
/// false if it is anything else.
bool collectScales(Value term, BlockArgument sum,
                   SmallVectorImpl<BlockArgument> &scales) {
  if (auto product = term.getDefiningOp<arith::MulFOp>()) {
    auto scale = dyn_cast<BlockArgument>(product.getRhs());
    if (!scale || !collectScales(product.getLhs(), sum, scales))
      return false;
    scales.push_back(scale);
    return true;
  }
  auto number = term.getDefiningOp<arith::SIToFPOp>();
  return number && number.getIn() == sum && term.getType().isF32();
}

/// What `op` adds to its result for each group; null if it does anything else.
Value getGroupTerm(linalg::GenericOp op) {
  Block *body = op.getBody();
  BlockArgument out = body->getArguments().back();
  auto sum =
      body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!sum || !out.hasOneUse())
    return {};
  if (sum.getLhs() == out)
    return sum.getRhs();
  return sum.getRhs() == out ? sum.getLhs() : Value();
}

std::optional<std::vector<double>> readConstantFloats(Value value) {
  ElementsAttr constant;
  if (!matchPattern(value, m_Constant(&constant)))
    return std::nullopt;
  return readFloats(constant);
}

/// Reads the scales of the groups; false if they are others than there are
/// operands for.
bool readGroupScales(const GroupedProduct &product, WeightsOfFewBits &weights) {
  linalg::GenericOp op = product.op;
  OpOperand *sums = nullptr;
  for (OpOperand *input : op.getDpsInputOperands())
    if (input->get() == linalg::GenericOp(product.sums).getResult(0))
      sums = input;
  SmallVector<BlockArgument> scales;
  Value term = getGroupTerm(op);
  if (!term || !sums ||
      !collectScales(term, op.getMatchingBlockArgument(sums), scales))
    return false;
  for (BlockArgument scale : scales) {
    OpOperand &operand = op->getOpOperand(scale.getArgNumber());
    AffineMap map = op.getMatchingIndexingMap(&operand);
    std::optional<std::vector<double>> numbers;
    if (isMap(map, {2, 1}) && weights.groupScales.empty())
      numbers = readConstantFloats(operand.get());
    if (numbers)
      weights.groupScales = std::move(*numbers);
    else if (isMap(map, {0, 2}) && !weights.rowScales)
      weights.rowScales = operand.get();
    else
      return false;
  }
  if (weights.hasScales())
    return true;
  weights.convertsSums = weights.groups == 1;
  return weights.convertsSums;
}

std::optional<WeightsOfFewBits> matchGroups(linalg::GenericOp op,
                                            StringRef &whyNot) {
  std::optional<GroupedProduct> product = matchGroupedProduct(op);
  if (!product)
    return std::nullopt;
  WeightsOfFewBits weights;
  weights.product = op;
  weights.lhs = product->lhs;
  weights.n = product->n;
  weights.groups = product->groups;
  weights.groupTerms = product->groupSize;
  if (!readGroupScales(*product, weights)) {
    whyNot = "its groups have other scales than constants of groups and "
             "columns, and those of rows and groups";
    return std::nullopt;
  }
  ElementsAttr constant;
  std::optional<std::vector<uint8_t>> codes;
  if (matchPattern(product->rhs->get(), m_Constant(&constant)))
    codes = readCodes(constant);
  if (!codes) {
    whyNot = "its right factor is no constant";
    return std::nullopt;
  }
  weights.integers.assign(codes->begin(), codes->end());
  return weights;
}

//===----------------------------------------------------------------------===//
// Bytes without scales
//===----------------------------------------------------------------------===//

/// The reason why not in `whyNot` is left to qfmt-fuse-products.
std::optional<WeightsOfFewBits> matchBytes(linalg::GenericOp op) {
  StringRef whyNot;
  std::optional<IntegerProduct> product = matchIntegerProduct(op, whyNot);
  ElementsAttr constant;
  if (!product || !product->isRowMajor() ||
      (!ShapedType::isDynamic(product->m) &&
       product->m > kMaxRowsWithoutScales) ||
      !matchPattern(product->rhs->get(), m_Constant(&constant)))
    return std::nullopt;
  std::optional<CodeReading> reading = getCodeReading(product->lhsValues);
  std::optional<std::vector<uint8_t>> codes = readCodes(constant);
  if (!reading || reading->isUnsigned || !codes)
    return std::nullopt;
  WeightsOfFewBits weights;
  weights.product = op;
  weights.lhs = product->lhs->get();
  weights.n = product->n;
  weights.groups = 1;
  weights.groupTerms = product->k;
  for (int64_t n = 0; n < product->n; ++n) {
    int64_t sum = 0;
    for (int64_t k = 0; k < product->k; ++k) {
      int64_t place =
          product->isRhsTransposed ? n * product->k + k : k * product->n + n;
      int32_t value = product->rhsValues[(*codes)[place]];
      if (value != int8_t(value))
        return std::nullopt;
      weights.integers.push_back(int8_t(value));
      sum += value;
    }
    if (reading->offset != 0)
      weights.columnAddends.push_back(
          int32_t(uint32_t(reading->offset) * uint32_t(sum)));
  }
  if (FewBitEncoding::choose(weights.integers).bits > 4)
    return std::nullopt;
  return weights;
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

/// True if a product multiplies its elements of f16 or bf16 as they are.
bool hasPlainFloats(const FloatProduct &product) {
  linalg::GenericOp op = product.op;
  Type type = getElementTypeOrSelf(product.lhs->get());
  std::optional<std::pair<Value, Value>> factors =
      getFactors(getAddedTerm(op.getBody()));
  if (!factors || !(type.isF16() || type.isBF16()))
    return false;
  auto isLhs = [&](Value value) {
    auto extension = value.getDefiningOp<arith::ExtFOp>();
    return extension &&
           extension.getIn() == op.getMatchingBlockArgument(product.lhs);
  };
  Value rhs = op.getMatchingBlockArgument(product.rhs);
  auto [first, second] = *factors;
  return (isLhs(first) && second == rhs) || (isLhs(second) && first == rhs);
}

std::optional<WeightsOfFewBits> matchFloats(linalg::GenericOp op,
                                            StringRef &whyNot) {
  std::optional<FloatProduct> product = matchFloatProduct(op, whyNot);
  if (!product)
    return std::nullopt;
  AffineMap lhsMap = op.getMatchingIndexingMap(product->lhs);
  AffineMap outMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!product->batchLoops.empty() ||
      !isMap(lhsMap, {product->mLoop, product->kLoop}) ||
      !isMap(outMap, {product->mLoop, product->nLoop}) ||
      !hasPlainFloats(*product)) {
    whyNot = "it is no product of a matrix of f16 or bf16";
    return std::nullopt;
  }
  std::optional<ScaledFactor> factor =
      matchScaledFactor(product->rhs->get(), whyNot);
  if (!factor) {
    if (whyNot.empty())
      whyNot = "its right factor is not decoded from codes";
    return std::nullopt;
  }
  unsigned sumDim = product->isRhsTransposed() ? 1 : 0;
  std::optional<ConstantFactor> constant =
      readConstantFactor(*factor, sumDim, product->n, product->k, whyNot);
  if (!constant)
    return std::nullopt;
  WeightsOfFewBits weights;
  weights.product = op;
  weights.lhs = product->lhs->get();
  weights.n = product->n;
  bool hasGroups = !constant->blockScales.empty();
  int64_t width = int64_t(constant->integers.size()) / product->n;
  weights.groups = hasGroups ? factor->getNumBlocks(sumDim) : 1;
  weights.groupTerms = width / weights.groups;
  weights.integers = std::move(constant->integers);
  weights.groupScales.assign(constant->blockScales.begin(),
                             constant->blockScales.end());
  if (llvm::any_of(constant->rowScales, [](float scale) { return scale != 1; }))
    weights.columnScales.assign(constant->rowScales.begin(),
                                constant->rowScales.end());
  return weights;
}

//===----------------------------------------------------------------------===//
// The operation
//===----------------------------------------------------------------------===//

class ScaledProductFuser {
public:
  explicit ScaledProductFuser(WeightsOfFewBits &weights)
      : weights(weights), encoding(FewBitEncoding::choose(weights.integers)),
        chain(getFusable(weights.product, whyNot)),
        b(getLast().getLoc(), getLast()) {
    groupTerms = llvm::alignTo(weights.groupTerms, kChunkTerms);
  }

  /// Empty, or why there is no kernel.
  StringRef getReason() {
    Type type = getElementTypeOrSelf(weights.lhs);
    if (weights.groups * groupTerms > kMaxTerms)
      return "it has more than 65536 terms";
    if (!FewBitFragments::isLegal(encoding.bits, type))
      return "bf16 has fewer bits than its codes";
    return {};
  }

  void fuse() {
    kernel::ScaledProductOp op = emitOp();
    bool isFloat = op.hasFloats() || op.hasScales();
    FusedBody body(op.getBody(), b.getLoc(),
                   isFloat ? Type(b.getF32Type()) : b.getI32Type());
    // Constants of columns become operands.
    b.setInsertionPoint(op);
    Value sum = emitSum(body, isFloat);
    kernel::YieldOp::create(body.b,
                            body.emitChain(weights.product, chain, sum));
    op.getExtrasMutable().assign(body.extras);
    op.setMapsAttr(b.getAffineMapArrayAttr(body.maps));
    replaceFused(weights.product, chain, op.getResult());
  }

  int64_t getBits() const { return encoding.bits; }
  size_t getNumFused() const { return chain.size(); }
  StringRef getWhyNot() const { return whyNot; }

private:
  linalg::GenericOp getLast() const {
    return chain.empty() ? weights.product : chain.back();
  }

  RankedTensorType getType(ArrayRef<int64_t> shape, Type element) {
    return RankedTensorType::get(shape, element);
  }

  /// Fills up the last dimension with zeros.
  Value emitPadded(Value tensor, int64_t size) {
    auto type = cast<RankedTensorType>(tensor.getType());
    int64_t missing = size - type.getShape().back();
    if (missing == 0)
      return tensor;
    SmallVector<int64_t> shape(type.getShape());
    shape.back() = size;
    SmallVector<OpFoldResult> low(type.getRank(), b.getIndexAttr(0)), high(low);
    high.back() = b.getIndexAttr(missing);
    Type element = type.getElementType();
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
    return tensor::PadOp::create(b, getType(shape, element), tensor, low, high,
                                 zero);
  }

  /// M x groups x terms.
  Value emitLhs() {
    Value lhs = weights.lhs;
    auto type = cast<RankedTensorType>(lhs.getType());
    if (type.getRank() == 2) {
      int64_t terms = weights.groups == 1 ? groupTerms
                                          : weights.groups * weights.groupTerms;
      lhs = emitPadded(lhs, terms);
      SmallVector<OpFoldResult> sizes = {
          tensor::getMixedSize(b, b.getLoc(), lhs, 0),
          b.getIndexAttr(weights.groups),
          b.getIndexAttr(terms / weights.groups)};
      lhs = tensor::ExpandShapeOp::create(
          b,
          getType({type.getDimSize(0), weights.groups, terms / weights.groups},
                  type.getElementType()),
          lhs, ArrayRef<ReassociationIndices>{{0}, {1, 2}}, sizes);
    }
    return emitPadded(lhs, groupTerms);
  }

  Value emitCodes(const FewBitLayout &layout) {
    int64_t terms = weights.groups * groupTerms;
    // With floats the codes are unsigned.
    uint32_t flipped =
        layout.hasFloats && !encoding.isTable() ? 1u << (encoding.bits - 1) : 0;
    std::vector<uint8_t> codes(weights.n * terms);
    for (int64_t row = 0; row < weights.n * weights.groups; ++row)
      for (int64_t k = 0; k < weights.groupTerms; ++k)
        codes[row * groupTerms + k] = uint8_t(
            encoding.encode(weights.integers[row * weights.groupTerms + k]) ^
            flipped);
    std::vector<uint32_t> words = packCodes(layout, weights.n, codes);
    SmallVector<int64_t> elements;
    for (uint32_t word : words)
      elements.push_back(int32_t(word));
    auto type = getType({int64_t(llvm::divideCeil(weights.n, kStripColumns)),
                         layout.getNumTiles(), kWarpLanes, kLaneWords},
                        b.getI32Type());
    return arith::ConstantOp::create(b, makeIntegers(type, elements, "codes"));
  }

  Value emitGroupScales() {
    if (weights.groupScales.empty())
      return {};
    int64_t strips = llvm::divideCeil(weights.n, kStripColumns);
    std::vector<double> scales(strips * weights.groups * kStripColumns, 0.0);
    for (int64_t g = 0; g < weights.groups; ++g)
      for (int64_t n = 0; n < weights.n; ++n)
        scales[(n / kStripColumns * weights.groups + g) * kStripColumns +
               n % kStripColumns] = weights.groupScales[g * weights.n + n];
    auto type =
        getType({strips, weights.groups, kStripColumns}, b.getF32Type());
    return arith::ConstantOp::create(b, makeFloats(type, scales, "scales"));
  }

  kernel::ScaledProductOp emitOp() {
    FewBitLayout layout{encoding.bits, encoding.isTable(),
                        isa<FloatType>(getElementTypeOrSelf(weights.lhs)),
                        weights.groups, groupTerms};
    SmallVector<OpFoldResult> sizes = {
        tensor::getMixedSize(b, b.getLoc(), weights.lhs, 0),
        b.getIndexAttr(weights.n)};
    Value out = tensor::EmptyOp::create(
        b, sizes, getElementTypeOrSelf(getLast().getResult(0)));
    Value lhs = emitLhs(), codes = emitCodes(layout);
    return kernel::ScaledProductOp::create(
        b, out.getType(), lhs, codes, emitGroupScales(), weights.rowScales,
        ValueRange(), out, b.getI64IntegerAttr(encoding.bits),
        encoding.isTable() ? b.getDenseF32ArrayAttr(encoding.table)
                           : DenseF32ArrayAttr(),
        b.getArrayAttr({}));
  }

  /// What the product has for an element, from its sum.
  Value emitSum(FusedBody &body, bool isFloat) {
    Value sum = body.getSum();
    if (weights.convertsSums) {
      sum = arith::SIToFPOp::create(body.b, b.getF32Type(), sum);
      isFloat = true;
    }
    AffineMap column = AffineMap::get(2, 0, b.getAffineDimExpr(1));
    if (!weights.columnScales.empty()) {
      Value scales = arith::ConstantOp::create(
          b, makeFloats(getType({weights.n}, b.getF32Type()),
                        weights.columnScales, "column_scales"));
      sum =
          arith::MulFOp::create(body.b, sum, body.emitElement(scales, column));
    }
    if (!weights.columnAddends.empty()) {
      Value addends = arith::ConstantOp::create(
          b, makeIntegers(getType({weights.n}, b.getI32Type()),
                          weights.columnAddends, "columns"));
      sum =
          arith::AddIOp::create(body.b, sum, body.emitElement(addends, column));
    }
    Value init =
        body.emitElement(weights.getInit(), b.getMultiDimIdentityMap(2));
    if (matchPattern(init, m_Zero()) || matchPattern(init, m_AnyZeroFloat()))
      return sum;
    return isFloat ? arith::AddFOp::create(body.b, sum, init).getResult()
                   : arith::AddIOp::create(body.b, sum, init).getResult();
  }

  WeightsOfFewBits &weights;
  FewBitEncoding encoding;
  int64_t groupTerms;
  StringRef whyNot;
  SmallVector<linalg::GenericOp> chain;
  ImplicitLocOpBuilder b;
};

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-fuse-scaled-products");
}

/// What is left of a product with a constant of equal elements, which is folded
/// into the body: columns along which no input moves.
bool isSumOfRows(linalg::GenericOp op) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  unsigned columns = op.getNumParallelLoops();
  return op.getNumDpsInputs() == 1 && op.getNumReductionLoops() == 1 &&
         columns > 1 && maps.back().isFunctionOfDim(columns - 1) &&
         !maps.front().isFunctionOfDim(columns - 1);
}

/// None, with the reason in `whyNot` if others may want to know.
std::optional<WeightsOfFewBits> matchWeights(linalg::GenericOp op,
                                             StringRef &whyNot) {
  if (std::optional<WeightsOfFewBits> weights = matchGroups(op, whyNot))
    return weights;
  if (!whyNot.empty())
    return std::nullopt;
  if (std::optional<WeightsOfFewBits> weights = matchBytes(op))
    return weights;
  if (isSumOfRows(op)) {
    whyNot = "all weights are one number, so that it is the sum of a row, for "
             "each column";
    return std::nullopt;
  }
  return matchFloats(op, whyNot);
}

void fuseProduct(linalg::GenericOp op) {
  StringRef whyNot;
  Location loc = op.getLoc();
  std::optional<WeightsOfFewBits> weights = matchWeights(op, whyNot);
  if (weights) {
    ScaledProductFuser fuser(*weights);
    whyNot = fuser.getReason();
    if (whyNot.empty()) {
      fuser.fuse();
      remark::passed(loc, getRemarkOptions("Fused"))
          << "a product with weights of few bits"
          << remark::metric("Bits", fuser.getBits())
          << remark::metric("Groups", weights->groups)
          << remark::metric("FusedOperations", fuser.getNumFused());
      whyNot = fuser.getWhyNot();
      if (!whyNot.empty())
        remark::missed(loc, getRemarkOptions("NotFused"))
            << "not more is computed from its sums: " << whyNot;
      return;
    }
  }
  if (!whyNot.empty())
    remark::missed(loc, getRemarkOptions("NotForTensorCores"))
        << "no product with weights of few bits: " << whyNot;
}

struct FuseScaledProductsPass
    : impl::FuseScaledProductsBase<FuseScaledProductsPass> {
  using FuseScaledProductsBase::FuseScaledProductsBase;

  void runOnOperation() override {
    FailureOr<bool> isUsed = usesTensorCores(getOperation(), tier);
    if (failed(isUsed))
      return signalPassFailure();
    if (!*isUsed)
      return;
    // Not the others: what follows a product is erased together with it.
    SmallVector<linalg::GenericOp> products;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.getNumReductionLoops() != 0)
        products.push_back(op);
    });
    for (linalg::GenericOp op : products)
      fuseProduct(op);
  }
};

} // namespace
} // namespace mlir::qfmt
