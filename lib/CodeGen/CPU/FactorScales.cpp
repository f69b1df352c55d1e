//===- FactorScales.cpp - Integer sums of products with scales ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level: products of f32 matrices that linalg.generic
// decodes from codes and scales, one of them of constants.
// Output: the same level; sums of integers, and sums of these with scales.
//
// The pass description has what is rewritten, and the bound of what it changes.
// It does not choose how codes lie in memory, and leaves alone products with a
// factor that is not decoded from integers, such as plain f32.
//
//===----------------------------------------------------------------------===//

#include "BodyEvaluation.h"
#include "ScaledFactor.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/RegionUtils.h"
#include "qfmt/CodeGen/CPU/Passes.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"
#include <cmath>

namespace mlir::qfmt {

#define GEN_PASS_DEF_FACTORSCALES
#include "qfmt/CodeGen/CPU/Passes.h.inc"

namespace {

using utils::IteratorType;

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-factor-scales");
}

//===----------------------------------------------------------------------===//
// The product
//===----------------------------------------------------------------------===//

struct ScaledProduct {
  linalg::LinalgOp op;
  ScaledFactor activations, weights;
  /// Of the weights' matrix: the dimension that is summed up.
  unsigned sumDim;
  /// May be dynamic.
  int64_t m;
  int64_t n, k;
  /// Integers added up before a scale is applied; `blocks` of them hold all
  /// terms. One block: the scales are those of whole rows and columns.
  int64_t blocks, blockSize;
};

bool isMap(AffineMap map, unsigned first, unsigned second) {
  return map.getNumResults() == 2 && map.getNumSymbols() == 0 &&
         map.getResult(0) == getAffineDimExpr(first, map.getContext()) &&
         map.getResult(1) == getAffineDimExpr(second, map.getContext());
}

/// Sums of f32 of products of f32 matrices, the first of them M x K.
bool isMatrixProduct(linalg::LinalgOp op) {
  if (!op.hasPureTensorSemantics() || op.getNumDpsInputs() != 2 ||
      op->getNumResults() != 1 || !linalg::isaContractionOpInterface(op))
    return false;
  return llvm::all_of(op->getOperands(), [](Value operand) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    return type && type.getRank() == 2 && type.getElementType().isF32();
  });
}

/// True if the codes are read by the factor's rows and scales are those of a
/// row, or of a row's block.
bool isOfRows(const ScaledFactor &factor) {
  return factor.loops[0].size() == 1 && factor.loops[0][0] == 0 &&
         llvm::all_of(factor.scales, [&](Value scale) {
           return !factor.dependsOn(scale, factor.loops[1].back());
         });
}

bool hasScaleOfBlock(const ScaledFactor &factor, unsigned dim) {
  return factor.loops[dim].size() == 2 &&
         llvm::any_of(factor.scales, [&](Value scale) {
           return factor.dependsOn(scale, factor.loops[dim].front());
         });
}

/// Chooses blocks. Fails if those of the two factors do not fit each other.
LogicalResult chooseBlocks(ScaledProduct &product) {
  bool first = hasScaleOfBlock(product.activations, 1);
  bool second = hasScaleOfBlock(product.weights, product.sumDim);
  product.blocks = 1;
  product.blockSize = product.k;
  if (!first && !second)
    return success();
  if (first) {
    product.blockSize = product.activations.getBlockSize(1);
    if (second &&
        product.weights.getBlockSize(product.sumDim) % product.blockSize != 0)
      return failure();
  } else {
    product.blockSize = product.weights.getBlockSize(product.sumDim);
  }
  if (ShapedType::isDynamic(product.blockSize))
    return failure();
  product.blocks = llvm::divideCeil(product.k, product.blockSize);
  return success();
}

std::optional<ScaledProduct> matchScaledProduct(linalg::LinalgOp op,
                                                StringRef &whyNot) {
  whyNot = {};
  if (!isMatrixProduct(op))
    return std::nullopt;
  FailureOr<linalg::ContractionDimensions> dims =
      linalg::inferContractionDims(op);
  if (failed(dims) || dims->m.size() != 1 || dims->n.size() != 1 ||
      dims->k.size() != 1)
    return std::nullopt;
  std::optional<ScaledFactor> factors[2] = {
      matchScaledFactor(op->getOperand(0), whyNot),
      matchScaledFactor(op->getOperand(1), whyNot)};
  if (!factors[0] || !factors[1])
    return std::nullopt;
  // The constant factor is the right one.
  unsigned m = dims->m[0], n = dims->n[0], k = dims->k[0], left = 0;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (!isMap(maps[2], m, n)) {
    std::swap(m, n);
    left = 1;
  }
  bool isTransposed = isMap(maps[1 - left], n, k);
  if (!isMap(maps[2], m, n) || !isMap(maps[left], m, k) ||
      !(isTransposed || isMap(maps[1 - left], k, n))) {
    whyNot = "it is no product of row-major matrices";
    return std::nullopt;
  }
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  ScaledProduct product{
      op,       *factors[left], *factors[1 - left], isTransposed ? 1u : 0u,
      sizes[m], sizes[n],       sizes[k],           0,
      0};
  if (ShapedType::isDynamic(product.n) || ShapedType::isDynamic(product.k) ||
      product.m == 0 || product.n == 0 || product.k == 0)
    return std::nullopt;
  if (!isOfRows(product.activations)) {
    whyNot = "its first factor's scales are not those of rows and blocks";
    return std::nullopt;
  }
  if (failed(chooseBlocks(product))) {
    whyNot = "blocks of its factors do not divide each other";
    return std::nullopt;
  }
  return product;
}

//===----------------------------------------------------------------------===//
// The constant factor
//===----------------------------------------------------------------------===//

/// With blocks of `product`, which may be parts of the factor's own.
std::vector<float> splitScales(const ScaledProduct &product,
                               const ConstantFactor &weights) {
  int64_t ownSize = product.weights.getBlockSize(product.sumDim);
  std::vector<float> scales(product.blocks * product.n, 1.0f);
  if (!weights.blockScales.empty())
    for (int64_t g = 0; g < product.blocks; ++g)
      for (int64_t n = 0; n < product.n; ++n)
        scales[g * product.n + n] =
            weights
                .blockScales[g * product.blockSize / ownSize * product.n + n];
  return scales;
}

/// True if sums are those of blocks: if a scale is one of blocks, or if the
/// constant's integers take less than a byte, which qfmt-pack-groups packs.
bool hasBlocks(const ScaledProduct &product, const ConstantFactor &weights) {
  if (product.blocks > 1 || hasScaleOfBlock(product.activations, 1))
    return true;
  constexpr int64_t kFewValues = 16;
  std::array<bool, 256> occurs = {};
  for (int8_t integer : weights.integers)
    occurs[uint8_t(integer)] = true;
  return llvm::count(occurs, true) <= kFewValues;
}

/// [n][blocks * block size].
std::vector<int64_t> splitIntegers(const ScaledProduct &product,
                                   const ConstantFactor &weights) {
  int64_t width = product.blocks * product.blockSize;
  int64_t ownWidth = weights.integers.size() / product.n;
  std::vector<int64_t> integers(product.n * width, 0);
  for (int64_t n = 0; n < product.n; ++n)
    for (int64_t k = 0; k < product.k; ++k)
      integers[n * width + k] = weights.integers[n * ownWidth + k];
  return integers;
}

/// Scales of 0 become integers of 0: there are sums of integers to multiply,
/// and no scale needs more than normal numbers.
void moveZeros(std::vector<float> &scales, std::vector<int64_t> &integers,
               int64_t rows, int64_t blockSize) {
  auto other = llvm::find_if(scales, [](float scale) { return scale != 0; });
  float replacement = other == scales.end() ? 1.0f : *other;
  int64_t blocks = scales.size() / rows;
  for (auto [i, scale] : llvm::enumerate(scales)) {
    if (scale != 0)
      continue;
    scale = replacement;
    auto first = integers.begin() + (i % rows * blocks + i / rows) * blockSize;
    std::fill(first, first + blockSize, 0);
  }
}

/// True if no sum overflows that is not multiplied by a scale of the other
/// factor, neither in integers nor in floats.
bool isInRange(const ScaledProduct &product, const ConstantFactor &weights) {
  constexpr double kMaxTerm = 128.0 * 128.0;
  if (kMaxTerm * product.blockSize > std::numeric_limits<int32_t>::max())
    return false;
  double block = 1, row = 0;
  for (float scale : weights.blockScales)
    block = std::max(block, std::abs(double(scale)));
  for (float scale : weights.rowScales)
    row = std::max(row, std::abs(double(scale)));
  double terms = kMaxTerm * product.blocks * product.blockSize * block;
  return terms * std::max(row, 1.0) < std::numeric_limits<float>::max() / 2;
}

//===----------------------------------------------------------------------===//
// Writing it
//===----------------------------------------------------------------------===//

class Emitter {
public:
  Emitter(const ScaledProduct &product, const ConstantFactor &weights,
          const ByteGrid &codeGrid)
      : product(product), weights(weights), codeGrid(codeGrid),
        isGrouped(hasBlocks(product, weights)),
        b(product.op->getLoc(), product.op),
        rows(tensor::getMixedSize(b, b.getLoc(),
                                  product.activations.codes->get(), 0)) {}

  Value emit() {
    Value codes = emitCodes();
    Value sums = isGrouped ? emitBlockSums(codes) : emitSums(codes);
    return emitRowScales(sums);
  }

private:
  linalg::GenericOp decode() const { return product.activations.decode; }

  AffineMap map(unsigned numLoops, ArrayRef<unsigned> loops) {
    SmallVector<AffineExpr> results;
    for (unsigned loop : loops)
      results.push_back(b.getAffineDimExpr(loop));
    return AffineMap::get(numLoops, 0, results, b.getContext());
  }

  Value emitEmpty(ArrayRef<int64_t> columns, Type element) {
    SmallVector<OpFoldResult> sizes = {rows};
    for (int64_t size : columns)
      sizes.push_back(b.getIndexAttr(size));
    return tensor::EmptyOp::create(b, sizes, element);
  }

  Value emitFilled(ArrayRef<int64_t> columns, Type element) {
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
    return linalg::FillOp::create(b, zero, emitEmpty(columns, element))
        .getResult(0);
  }

  Value emitConstant(ArrayRef<int64_t> shape, ArrayRef<float> values) {
    auto type = RankedTensorType::get(shape, b.getF32Type());
    return arith::ConstantOp::create(
        b, makeFloats(type, std::vector<double>(values.begin(), values.end()),
                      "scales"));
  }

  //===--------------------------------------------------------------------===//
  // Integers
  //===--------------------------------------------------------------------===//

  /// The first factor's integers as bytes, M x K or M x blocks x block size.
  Value emitCodes() {
    Value codes = emitBytes(product.activations.codes->get());
    auto type = cast<RankedTensorType>(codes.getType());
    if (type.getRank() == 3 &&
        (!isGrouped || type.getDimSize(2) != product.blockSize)) {
      codes = tensor::CollapseShapeOp::create(
          b, codes, ArrayRef<ReassociationIndices>{{0}, {1, 2}});
      type = cast<RankedTensorType>(codes.getType());
    }
    if (type.getRank() == 3)
      return codes;
    int64_t width = product.blocks * product.blockSize;
    if (type.getDimSize(1) > width)
      codes = tensor::ExtractSliceOp::create(
          b, codes, SmallVector<OpFoldResult>(2, b.getIndexAttr(0)),
          SmallVector<OpFoldResult>{rows, b.getIndexAttr(width)},
          SmallVector<OpFoldResult>(2, b.getIndexAttr(1)));
    if (type.getDimSize(1) < width) {
      Value zero = arith::ConstantOp::create(b, b.getI8IntegerAttr(0));
      codes = tensor::PadOp::create(
          b, RankedTensorType::get({product.m, width}, b.getI8Type()), codes,
          SmallVector<OpFoldResult>(2, b.getIndexAttr(0)),
          SmallVector<OpFoldResult>{b.getIndexAttr(0),
                                    b.getIndexAttr(width - type.getDimSize(1))},
          zero);
    }
    if (!isGrouped)
      return codes;
    return tensor::ExpandShapeOp::create(
        b,
        RankedTensorType::get({product.m, product.blocks, product.blockSize},
                              b.getI8Type()),
        codes, ArrayRef<ReassociationIndices>{{0}, {1, 2}},
        SmallVector<OpFoldResult>{rows, b.getIndexAttr(product.blocks),
                                  b.getIndexAttr(product.blockSize)});
  }

  /// Codes that are not their integers become these, by a table.
  Value emitBytes(Value codes) {
    auto type = cast<RankedTensorType>(codes.getType());
    unsigned width = type.getElementTypeBitWidth();
    bool isSame = true;
    for (auto [code, value] : llvm::enumerate(codeGrid.integers))
      isSame &= APInt(width, code).getSExtValue() == value;
    if (isSame && width == 8)
      return codes;
    Value empty = emitEmpty(type.getShape().drop_front(), b.getI8Type());
    AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
    return linalg::GenericOp::create(
               b, empty.getType(), codes, empty, ArrayRef{identity, identity},
               SmallVector<IteratorType>(type.getRank(),
                                         IteratorType::parallel),
               [&](OpBuilder &nested, Location loc, ValueRange args) {
                 Value byte;
                 if (isSame)
                   byte = arith::ExtSIOp::create(nested, loc, b.getI8Type(),
                                                 args[0]);
                 else
                   byte = LookupOp::create(
                       nested, loc, b.getI8Type(), args[0],
                       DenseElementsAttr::get(
                           RankedTensorType::get(codeGrid.integers.size(),
                                                 b.getI8Type()),
                           ArrayRef(codeGrid.integers)));
                 linalg::YieldOp::create(nested, loc, byte);
               })
        .getResult(0);
  }

  static void emitTerm(OpBuilder &b, Location loc, ValueRange args) {
    Type type = b.getI32Type();
    Value left = arith::ExtSIOp::create(b, loc, type, args[0]);
    Value right = arith::ExtSIOp::create(b, loc, type, args[1]);
    Value term = arith::MulIOp::create(b, loc, left, right);
    linalg::YieldOp::create(
        b, loc, arith::AddIOp::create(b, loc, args[2], term).getResult());
  }

  Value emitIntegers(ArrayRef<int64_t> shape, ArrayRef<int64_t> integers) {
    auto type = RankedTensorType::get(shape, b.getI8Type());
    return arith::ConstantOp::create(b,
                                     makeIntegers(type, integers, "integers"));
  }

  /// M x N sums of all terms.
  Value emitSums(Value codes) {
    Value start = emitFilled({product.n}, b.getI32Type());
    return linalg::GenericOp::create(
               b, start.getType(),
               ValueRange{codes, emitIntegers({product.n, product.k},
                                              splitIntegers(product, weights))},
               start, ArrayRef{map(3, {0, 2}), map(3, {1, 2}), map(3, {0, 1})},
               ArrayRef{IteratorType::parallel, IteratorType::parallel,
                        IteratorType::reduction},
               emitTerm)
        .getResult(0);
  }

  /// M x N sums of the blocks' sums with their scales.
  Value emitBlockSums(Value codes) {
    int64_t n = product.n, g = product.blocks;
    std::vector<float> blockScales = splitScales(product, weights);
    std::vector<int64_t> integers = splitIntegers(product, weights);
    moveZeros(blockScales, integers, n, product.blockSize);
    Value start = emitFilled({n, g}, b.getI32Type());
    Value sums =
        linalg::GenericOp::create(
            b, start.getType(),
            ValueRange{codes,
                       emitIntegers({n, g, product.blockSize}, integers)},
            start,
            ArrayRef{map(4, {0, 2, 3}), map(4, {1, 2, 3}), map(4, {0, 1, 2})},
            ArrayRef{IteratorType::parallel, IteratorType::parallel,
                     IteratorType::parallel, IteratorType::reduction},
            emitTerm)
            .getResult(0);
    SmallVector<Value> inputs = {sums, emitConstant({g, n}, blockScales)};
    SmallVector<AffineMap> maps = {map(3, {0, 1, 2}), map(3, {2, 1})};
    SmallVector<Value> scales = takeScales(/*ofBlocks=*/true, inputs, maps, 3);
    Value init = emitFilled({n}, b.getF32Type());
    maps.push_back(map(3, {0, 1}));
    return linalg::GenericOp::create(
               b, init.getType(), inputs, init, maps,
               ArrayRef{IteratorType::parallel, IteratorType::parallel,
                        IteratorType::reduction},
               [&](OpBuilder &nested, Location loc, ValueRange args) {
                 Value sum = arith::SIToFPOp::create(
                     nested, loc, nested.getF32Type(), args[0]);
                 Value term = arith::MulFOp::create(nested, loc, sum, args[1]);
                 term = emitScales(nested, loc, term, scales,
                                   args.slice(2, inputs.size() - 2));
                 Value next =
                     arith::AddFOp::create(nested, loc, args.back(), term);
                 linalg::YieldOp::create(nested, loc, next);
               })
        .getResult(0);
  }

  //===--------------------------------------------------------------------===//
  // Scales of the first factor
  //===--------------------------------------------------------------------===//

  /// The scales that change with the block, or those that do not, and their
  /// operands, one after the other, with maps from the loops (m, n) or
  /// (m, n, block).
  SmallVector<Value> takeScales(bool ofBlocks, SmallVectorImpl<Value> &inputs,
                                SmallVectorImpl<AffineMap> &maps,
                                unsigned numLoops) {
    const ScaledFactor &factor = product.activations;
    SmallVector<AffineExpr> loops(decode().getNumLoops());
    for (AffineExpr &loop : loops)
      loop = b.getAffineDimExpr(2);
    loops[0] = b.getAffineDimExpr(0);
    SmallVector<Value> taken;
    for (Value scale : factor.scales) {
      bool isOfBlock = factor.loops[1].size() == 2 &&
                       factor.dependsOn(scale, factor.loops[1].front());
      if (isOfBlock != ofBlocks)
        continue;
      taken.push_back(scale);
      SmallVector<BlockArgument> arguments = *getArgumentsOf(scale);
      for (BlockArgument argument : arguments) {
        OpOperand &operand = decode()->getOpOperand(argument.getArgNumber());
        inputs.push_back(operand.get());
        maps.push_back(
            decode().getMatchingIndexingMap(&operand).replaceDimsAndSymbols(
                loops, {}, numLoops, 0));
      }
    }
    return taken;
  }

  /// `value` times each of the scales, in their order.
  Value emitScales(OpBuilder &nested, Location loc, Value value,
                   ArrayRef<Value> scales, ValueRange args) {
    for (Value scale : scales) {
      IRMapping mapping;
      SmallVector<BlockArgument> arguments = *getArgumentsOf(scale);
      for (auto [old, argument] :
           llvm::zip_equal(arguments, args.take_front(arguments.size())))
        mapping.map(old, argument);
      args = args.drop_front(arguments.size());
      value = arith::MulFOp::create(nested, loc, value,
                                    emitClone(nested, scale, mapping));
    }
    return value;
  }

  static Value emitClone(OpBuilder &nested, Value value, IRMapping &mapping) {
    if (Value known = mapping.lookupOrNull(value))
      return known;
    Operation *op = value.getDefiningOp();
    for (Value operand : op->getOperands())
      emitClone(nested, operand, mapping);
    return nested.clone(*op, mapping)->getResult(0);
  }

  /// The product, of its sums without the scales that are the same for all
  /// terms.
  Value emitRowScales(Value sums) {
    SmallVector<Value> inputs = {sums};
    SmallVector<AffineMap> maps = {map(2, {0, 1})};
    ArrayRef<float> columns = weights.rowScales;
    std::vector<float> units(columns);
    // In both blocks' scales and these the unit would count twice.
    for (float &scale : units)
      scale = std::ldexp(scale, codeGrid.unit);
    bool isUniform = llvm::all_equal(units);
    if (!isUniform) {
      inputs.push_back(emitConstant({product.n}, units));
      maps.push_back(map(2, {1}));
    }
    size_t first = inputs.size();
    SmallVector<Value> scales = takeScales(/*ofBlocks=*/false, inputs, maps, 2);
    size_t end = inputs.size();
    Value init = linalg::LinalgOp(product.op).getDpsInits()[0];
    bool hasInit = !isZero(init);
    if (hasInit) {
      inputs.push_back(init);
      maps.push_back(map(2, {0, 1}));
    }
    Value empty = emitEmpty({product.n}, b.getF32Type());
    maps.push_back(map(2, {0, 1}));
    return linalg::GenericOp::create(
               b, empty.getType(), inputs, empty, maps,
               SmallVector<IteratorType>(2, IteratorType::parallel),
               [&](OpBuilder &nested, Location loc, ValueRange args) {
                 Value value = args[0];
                 if (value.getType().isInteger())
                   value = arith::SIToFPOp::create(nested, loc,
                                                   nested.getF32Type(), value);
                 if (!isUniform)
                   value = arith::MulFOp::create(nested, loc, value, args[1]);
                 else if (units.front() != 1.0f)
                   value = arith::MulFOp::create(
                       nested, loc, value,
                       arith::ConstantOp::create(
                           nested, loc, nested.getF32FloatAttr(units.front())));
                 value = emitScales(nested, loc, value, scales,
                                    args.slice(first, end - first));
                 if (hasInit)
                   value = arith::AddFOp::create(nested, loc, args[end], value);
                 linalg::YieldOp::create(nested, loc, value);
               })
        .getResult(0);
  }

  static bool isZero(Value init) {
    auto fill = init.getDefiningOp<linalg::FillOp>();
    return fill && matchPattern(fill.value(), m_AnyZeroFloat());
  }

  const ScaledProduct &product;
  const ConstantFactor &weights;
  const ByteGrid &codeGrid;
  bool isGrouped;
  ImplicitLocOpBuilder b;
  OpFoldResult rows;
};

/// Fails with the reason in `whyNot`.
LogicalResult factorScales(const ScaledProduct &product, StringRef &whyNot) {
  std::optional<std::vector<double>> codeValues =
      tabulateCodes(product.activations);
  std::optional<ByteGrid> codeGrid;
  if (codeValues)
    codeGrid = getByteGrid(*codeValues);
  auto codes = cast<ShapedType>(product.activations.codes->get().getType());
  if (!codeGrid || !codes.getElementType().isInteger()) {
    whyNot = "its first factor's codes are no integers of 8 bits";
    return failure();
  }
  std::optional<ConstantFactor> weights = readConstantFactor(
      product.weights, product.sumDim, product.n, product.k, whyNot);
  if (!weights)
    return failure();
  if (!isInRange(product, *weights)) {
    whyNot = "sums of its integers may overflow";
    return failure();
  }
  Operation *op = product.op;
  op->replaceAllUsesWith(
      ValueRange{Emitter(product, *weights, *codeGrid).emit()});
  return success();
}

/// Constants that several operations hold, such as codes of which every
/// function reads other bits: packed for each of them they would be stored
/// several times.
llvm::DenseSet<Attribute> findSharedConstants(Operation *root) {
  llvm::DenseSet<Attribute> seen, shared;
  root->walk([&](arith::ConstantOp constant) {
    auto elements = dyn_cast<ElementsAttr>(constant.getValue());
    if (elements && !elements.isSplat() && !seen.insert(elements).second)
      shared.insert(elements);
  });
  return shared;
}

/// True if `value` is computed from one of `constants`.
bool isComputedFrom(Value value, const llvm::DenseSet<Attribute> &constants) {
  Attribute constant;
  if (matchPattern(value, m_Constant(&constant)))
    return constants.contains(constant);
  Operation *op = value.getDefiningOp();
  return op && llvm::any_of(op->getOperands(), [&](Value operand) {
           return isComputedFrom(operand, constants);
         });
}

struct FactorScalesPass : impl::FactorScalesBase<FactorScalesPass> {
  void runOnOperation() override {
    llvm::DenseSet<Attribute> shared = findSharedConstants(getOperation());
    SmallVector<linalg::LinalgOp> products;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.getNumReductionLoops() != 0)
        products.push_back(op);
    });
    for (linalg::LinalgOp op : products) {
      StringRef whyNot;
      Location loc = op->getLoc();
      std::optional<ScaledProduct> product = matchScaledProduct(op, whyNot);
      if (product && isComputedFrom(product->weights.codes->get(), shared)) {
        product.reset();
        whyNot = "its constant factor's codes are those of other products, too";
      }
      if (product && succeeded(factorScales(*product, whyNot))) {
        op->erase();
        remark::passed(loc, getRemarkOptions("Factored"))
            << "sums of integers"
            << remark::metric("BlockSize", product->blockSize)
            << remark::metric("Blocks", product->blocks);
      } else if (!whyNot.empty()) {
        remark::missed(loc, getRemarkOptions("NotFactored"))
            << "a product of decoded factors in f32: " << whyNot;
      }
    }
    // What decoded them: constants, large ones among it.
    IRRewriter rewriter(&getContext());
    (void)runRegionDCE(rewriter, getOperation()->getRegions());
  }
};

} // namespace
} // namespace mlir::qfmt
