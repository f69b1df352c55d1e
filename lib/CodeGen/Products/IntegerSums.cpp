// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "IntegerSums.h"
#include "BlockedWeights.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/CodeGen/Products/MovedScales.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"
#include <cmath>

namespace mlir::qfmt {

using utils::IteratorType;

namespace {

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
    BlockedWeights blocks = splitWeights(product, weights);
    Value start = emitFilled({n, g}, b.getI32Type());
    Value sums =
        linalg::GenericOp::create(
            b, start.getType(),
            ValueRange{codes, emitIntegers({n, g, product.blockSize},
                                           blocks.integers)},
            start,
            ArrayRef{map(4, {0, 2, 3}), map(4, {1, 2, 3}), map(4, {0, 1, 2})},
            ArrayRef{IteratorType::parallel, IteratorType::parallel,
                     IteratorType::parallel, IteratorType::reduction},
            emitTerm)
            .getResult(0);
    SmallVector<Value> inputs = {sums, emitConstant({g, n}, blocks.scales)};
    SmallVector<AffineMap> maps = {map(3, {0, 1, 2}), map(3, {2, 1})};
    MovedScales scales = takeScales(/*ofBlocks=*/true, 3);
    llvm::append_range(inputs, scales.getOperands());
    llvm::append_range(maps, scales.getMaps());
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
                 term = scales.emit(nested, loc, term,
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

  /// The scales that change with the block, or those that do not; operands are
  /// read from the loops (m, n) or (m, n, block).
  MovedScales takeScales(bool ofBlocks, unsigned numLoops) {
    const ScaledFactor &factor = product.activations;
    SmallVector<AffineExpr> loops(decode().getNumLoops(),
                                  b.getAffineDimExpr(2));
    loops[0] = b.getAffineDimExpr(0);
    MovedScales taken;
    for (Value scale : factor.scales)
      if (ofBlocks == (factor.loops[1].size() == 2 &&
                       factor.dependsOn(scale, factor.loops[1].front())))
        taken.add(factor, scale, loops, numLoops);
    return taken;
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
    MovedScales scales = takeScales(/*ofBlocks=*/false, 2);
    llvm::append_range(inputs, scales.getOperands());
    llvm::append_range(maps, scales.getMaps());
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
                 value = scales.emit(nested, loc, value,
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

} // namespace

Value emitIntegerSums(const ScaledProduct &product,
                      const ConstantFactor &weights, const ByteGrid &grid) {
  return Emitter(product, weights, grid).emit();
}

} // namespace mlir::qfmt
