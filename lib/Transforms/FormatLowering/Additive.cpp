// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #qfmt.additive as linalg on its constituents. Loops run over the grid of
// groups and then over the elements of a group:
//
//   tensor<6x40>, group [1, 8], K codebooks
//     ->  loops 6 x 5 x 8; K tensors of codes and one of scales, each 6 x 5,
//         with the map (d0, d1, d2) -> (d0, d1); the tables by tensor.extract
//
// Sums of entries are exact in f64 (spec C80). Encoding searches as the
// reference does (spec C84): every vector of every table, for each group.

#include "FormatModels.h"
#include "Scaled/Emitter.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;
using arith::CmpFPredicate;

/// Encoding unrolls the elements of a group.
static constexpr int64_t kMaxSearchedGroup = 64;

/// What sums of one entry of each table need.
static ExactRange getSumRange(AdditiveAttr additive) {
  ExactRange range = CodeEmitter(additive.getTable()).getExactRange();
  if (additive.getCodebooks() == 1)
    return range;
  range.high += llvm::Log2_32_Ceil(additive.getCodebooks());
  range.bits = range.high - range.low;
  return range;
}

namespace {
/// How a sum is multiplied by a scale.
struct ProductPlan {
  FloatType type;
  bool isToOdd = false;
};

/// One tensor of the encoding, while code for it is emitted.
class AdditiveEmitter {
public:
  AdditiveEmitter(OpBuilder &builder, Location loc, EncodedTensorType type);

  FailureOr<Value> emitDecode(ValueRange constituents, Division division);
  FailureOr<SmallVector<Value>> emitEncode(Value reals, ValueRange given);

private:
  unsigned getNumTables() const { return additive.getCodebooks(); }
  AffineMap getElementMap() const {
    return builder.getMultiDimIdentityMap(numLoops);
  }
  AffineMap getGroupMap() const;
  SmallVector<ReassociationIndices> getSplitReassociation() const;

  FailureOr<BlockNumber> readScale(ValueRange constituents);
  Value emitGroupScales(const BlockNumber &scale, Value like);
  Value extractCodes(Value payload, unsigned table);
  Value insertCodes(ValueRange codes);
  FailureOr<ProductPlan> planProduct(const BlockNumber &scale,
                                     Division division) const;
  Value emitEntry(ScalarBuilder &b, Value tables, unsigned table, Value vector,
                  ValueRange place);
  SmallVector<Value> emitPlace(ScalarBuilder &b) const;
  Value emitSum(ScalarBuilder &b, Value tables, ValueRange codes);

  OpBuilder &builder;
  Location loc;
  EncodedTensorType type;
  AdditiveAttr additive;
  FloatType logical;
  SmallVector<int64_t> grid;
  /// The first loop of each dimension; one over the elements of a group
  /// follows where groups have more than one.
  SmallVector<unsigned> firstLoops;
  unsigned numLoops = 0;
};
} // namespace

AdditiveEmitter::AdditiveEmitter(OpBuilder &builder, Location loc,
                                 EncodedTensorType type)
    : builder(builder), loc(loc), type(type),
      additive(cast<AdditiveAttr>(type.getFormat())),
      logical(type.getLogicalElementType()),
      grid(additive.getGroupGrid(type.getShape())) {
  for (int64_t size : additive.getGroup()) {
    firstLoops.push_back(numLoops);
    numLoops += size > 1 ? 2 : 1;
  }
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

AffineMap AdditiveEmitter::getGroupMap() const {
  SmallVector<AffineExpr> indices;
  for (unsigned loop : firstLoops)
    indices.push_back(builder.getAffineDimExpr(loop));
  return AffineMap::get(numLoops, 0, indices, builder.getContext());
}

SmallVector<ReassociationIndices>
AdditiveEmitter::getSplitReassociation() const {
  SmallVector<ReassociationIndices> groups;
  for (auto [loop, size] : llvm::zip_equal(firstLoops, additive.getGroup())) {
    groups.push_back({loop});
    if (size > 1)
      groups.back().push_back(loop + 1);
  }
  return groups;
}

/// `constituents` without the payload.
FailureOr<BlockNumber> AdditiveEmitter::readScale(ValueRange constituents) {
  ScaledEmitter scaling(
      builder, loc,
      EncodedTensorType::get(type.getLogicalType(), additive.getScaling()));
  FailureOr<BlockParameters> parameters =
      scaling.readParameters(constituents.drop_back());
  if (failed(parameters))
    return failure();
  return parameters->scale;
}

/// The scale of each group, f32 or f64; `like` has the grid of groups. A block
/// consists of whole groups, so that its blocks are those of the grid.
Value AdditiveEmitter::emitGroupScales(const BlockNumber &scale, Value like) {
  SmallVector<int64_t> block(additive.getBlock());
  for (auto [size, group] : llvm::zip(block, additive.getGroup()))
    if (size != ScaledAttr::kWhole)
      size /= group;
  BlockLoops loops(builder.getContext(), grid, block);
  FloatType f32 = builder.getF32Type();
  FloatType element = scale.range.fits(f32) ? f32 : builder.getF64Type();
  Value scales = emitElementwise(
      builder, loc, loops, loops.split(builder, loc, like), {scale}, element,
      [&](ScalarBuilder &b, ValueRange values) {
        return scale.read(b, values[1], element);
      });
  return loops.join(builder, loc, scales, like);
}

/// The codes of one table, in the grid of groups.
Value AdditiveEmitter::extractCodes(Value payload, unsigned table) {
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, loc, payload);
  SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0)),
      strides(sizes.size(), builder.getIndexAttr(1));
  offsets.back() = builder.getIndexAttr(table);
  sizes.back() = builder.getIndexAttr(1);
  auto slice =
      RankedTensorType::get(grid, getElementTypeOrSelf(payload.getType()));
  return tensor::ExtractSliceOp::create(builder, loc, slice, payload, offsets,
                                        sizes, strides);
}

/// The inverse.
Value AdditiveEmitter::insertCodes(ValueRange codes) {
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, loc, codes.front());
  sizes.push_back(builder.getIndexAttr(getNumTables()));
  Value payload = tensor::EmptyOp::create(
      builder, loc, sizes, getElementTypeOrSelf(codes.front().getType()));
  SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0)),
      strides(sizes.size(), builder.getIndexAttr(1));
  sizes.back() = builder.getIndexAttr(1);
  for (auto [table, code] : llvm::enumerate(codes)) {
    offsets.back() = builder.getIndexAttr(table);
    payload = tensor::InsertSliceOp::create(builder, loc, code, payload,
                                            offsets, sizes, strides);
  }
  return payload;
}

//===----------------------------------------------------------------------===//
// Decode
//===----------------------------------------------------------------------===//

/// In a body of the loops: the place in the group.
SmallVector<Value> AdditiveEmitter::emitPlace(ScalarBuilder &b) const {
  SmallVector<Value> place;
  for (auto [loop, size] : llvm::zip_equal(firstLoops, additive.getGroup()))
    place.push_back(size > 1 ? linalg::IndexOp::create(b, loop + 1).getResult()
                             : b.integer(b.getIndexType(), 0));
  return place;
}

/// An entry of a table, f32.
Value AdditiveEmitter::emitEntry(ScalarBuilder &b, Value tables, unsigned table,
                                 Value vector, ValueRange place) {
  SmallVector<Value> indices{b.integer(b.getIndexType(), table), vector};
  llvm::append_range(indices, place);
  Value code = tensor::ExtractOp::create(b, tables, indices);
  return CodeEmitter(additive.getTable()).emitDecode(b, b.getLoc(), code);
}

/// The sum of one entry of each table: an f32 if there is one table, else an
/// f64.
Value AdditiveEmitter::emitSum(ScalarBuilder &b, Value tables,
                               ValueRange codes) {
  SmallVector<Value> place = emitPlace(b);
  Value sum;
  for (auto [table, code] : llvm::enumerate(codes)) {
    Value vector = b.createOrFold<arith::IndexCastUIOp>(b.getIndexType(), code);
    Value entry = emitEntry(b, tables, table, vector, place);
    if (codes.size() == 1)
      return entry;
    entry = b.extend(entry, b.getF64Type());
    sum = sum ? b.apply<arith::AddFOp>(sum, entry) : entry;
  }
  return sum;
}

/// The product is exact, or rounded once to the logical type by the
/// multiplication itself or after a rounding to odd, of f64 with its 53 bits.
FailureOr<ProductPlan> AdditiveEmitter::planProduct(const BlockNumber &scale,
                                                    Division division) const {
  ExactRange sum = getSumRange(additive), product = sum * scale.range;
  FloatType type = chooseProductType(sum, scale.range, logical, division);
  FloatType f64 = builder.getF64Type();
  if (type && getNumTables() == 1)
    return ProductPlan{type};
  // Sums come in f64, where whatever is exact in f32 is exact, too.
  if (type && (type.isF64() || product.fits(f64)))
    return ProductPlan{f64};
  bool isNormal = product.low > -960 && product.high < 1020;
  if (division == Division::Rounded && !logical.isF64() && sum.fits(f64) &&
      scale.range.fits(f64) && isNormal)
    return ProductPlan{f64, /*isToOdd=*/true};
  return emitError(loc) << "the exact value of " << Attribute(additive)
                        << " needs more precision than f64 has; use formats "
                           "of fewer bits or fewer codebooks";
}

FailureOr<Value> AdditiveEmitter::emitDecode(ValueRange constituents,
                                             Division division) {
  FailureOr<BlockNumber> scale = readScale(constituents.drop_front());
  if (failed(scale))
    return failure();
  FailureOr<ProductPlan> plan = planProduct(*scale, division);
  if (failed(plan))
    return failure();
  Value tables = constituents.back();
  SmallVector<Value> inputs;
  for (unsigned table = 0; table < getNumTables(); ++table)
    inputs.push_back(extractCodes(constituents.front(), table));
  if (scale->tensor)
    inputs.push_back(emitGroupScales(*scale, inputs.front()));
  SmallVector<AffineMap> maps(inputs.size(), getGroupMap());
  maps.push_back(getElementMap());

  SmallVector<OpFoldResult> sizes;
  for (auto [size, group] :
       llvm::zip_equal(tensor::getMixedSizes(builder, loc, inputs.front()),
                       additive.getGroup())) {
    sizes.push_back(size);
    if (group > 1)
      sizes.push_back(builder.getIndexAttr(group));
  }
  Type element = division == Division::Rounded ? logical : plan->type;
  Value init = tensor::EmptyOp::create(builder, loc, sizes, element);
  auto buildBody = [&](OpBuilder &nested, Location loc, ValueRange args) {
    ScalarBuilder b(nested, loc);
    Value real = emitSum(b, tables, args.take_front(getNumTables()));
    real = b.extend(real, plan->type);
    if (!scale->is(1)) {
      Value s = scale->tensor ? b.extend(args[getNumTables()], plan->type)
                              : b.constant(plan->type, scale->number);
      real = plan->isToOdd ? emitProductToOdd(b, real, s)
                           : b.apply<arith::MulFOp>(real, s);
    }
    if (division == Division::Rounded)
      real = emitRoundTo(b, real, logical);
    linalg::YieldOp::create(b, real);
  };
  SmallVector<utils::IteratorType> iterators(numLoops,
                                             utils::IteratorType::parallel);
  Value reals = linalg::GenericOp::create(builder, loc, init.getType(), inputs,
                                          init, maps, iterators, buildBody)
                    .getResult(0);
  if (numLoops == grid.size())
    return reals;
  return tensor::CollapseShapeOp::create(
             builder, loc, RankedTensorType::get(type.getShape(), element),
             reals, getSplitReassociation())
      .getResult();
}

//===----------------------------------------------------------------------===//
// Search (C84)
//===----------------------------------------------------------------------===//

namespace {
/// The code that finds the codes of one group; every f64 operation rounds as
/// those of the reference do, in the same order.
class SearchEmitter {
public:
  using EntryFn = function_ref<Value(ScalarBuilder &, unsigned table,
                                     Value vector, int64_t element)>;

  SearchEmitter(AdditiveAttr additive, ArrayRef<Value> x, Value scale,
                EntryFn getEntry)
      : numTables(additive.getCodebooks()),
        numVectors(int64_t(1) << additive.getBits()), x(x), scale(scale),
        getEntry(getEntry) {}

  /// One index a table.
  SmallVector<Value> run(ScalarBuilder &b);

private:
  /// scale * entry.
  Value emitPart(ScalarBuilder &b, unsigned table, Value vector,
                 int64_t element) {
    return b.apply<arith::MulFOp>(scale, getEntry(b, table, vector, element));
  }
  SmallVector<Value> emitResidual(ScalarBuilder &b, ArrayRef<Value> codes,
                                  unsigned skipped);
  Value emitNearest(ScalarBuilder &b, unsigned table, ArrayRef<Value> target);
  Value emitError(ScalarBuilder &b, unsigned table, Value vector,
                  ArrayRef<Value> target);

  unsigned numTables;
  int64_t numVectors;
  ArrayRef<Value> x;
  Value scale;
  EntryFn getEntry;
};
} // namespace

/// `x` less the vectors of the tables that have `codes`, but for one.
SmallVector<Value> SearchEmitter::emitResidual(ScalarBuilder &b,
                                               ArrayRef<Value> codes,
                                               unsigned skipped) {
  SmallVector<Value> residual(x);
  for (auto [table, code] : llvm::enumerate(codes))
    for (auto [element, rest] : llvm::enumerate(residual))
      if (table != skipped)
        rest = b.apply<arith::SubFOp>(rest, emitPart(b, table, code, element));
  return residual;
}

Value SearchEmitter::emitError(ScalarBuilder &b, unsigned table, Value vector,
                               ArrayRef<Value> target) {
  Value error = b.constant(b.getF64Type(), 0.0);
  for (auto [element, real] : llvm::enumerate(target)) {
    Value difference =
        b.apply<arith::SubFOp>(real, emitPart(b, table, vector, element));
    error = b.apply<arith::AddFOp>(
        error, b.apply<arith::MulFOp>(difference, difference));
  }
  return error;
}

/// The first vector with the smallest error; 0 if none has a finite one.
Value SearchEmitter::emitNearest(ScalarBuilder &b, unsigned table,
                                 ArrayRef<Value> target) {
  Type index = b.getIndexType();
  Value zero = b.integer(index, 0), one = b.integer(index, 1);
  Value none = b.constant(b.getF64Type(), INFINITY);
  auto buildBody = [&](OpBuilder &nested, Location loc, Value vector,
                       ValueRange best) {
    ScalarBuilder inner(nested, loc);
    Value error = emitError(inner, table, vector, target);
    Value isBetter =
        inner.createOrFold<arith::CmpFOp>(CmpFPredicate::OLT, error, best[0]);
    scf::YieldOp::create(inner,
                         ValueRange{inner.select(isBetter, error, best[0]),
                                    inner.select(isBetter, vector, best[1])});
  };
  auto loop = scf::ForOp::create(b, zero, b.integer(index, numVectors), one,
                                 ValueRange{none, zero}, buildBody);
  return loop.getResult(1);
}

SmallVector<Value> SearchEmitter::run(ScalarBuilder &b) {
  SmallVector<Value> codes;
  for (unsigned table = 0; table < numTables; ++table)
    codes.push_back(emitNearest(b, table, emitResidual(b, codes, table)));
  if (numTables == 1)
    return codes;
  Type index = b.getIndexType();
  auto buildSweep = [&](OpBuilder &nested, Location loc, Value,
                        ValueRange before) {
    ScalarBuilder inner(nested, loc);
    SmallVector<Value> better(before);
    for (unsigned table = 0; table < numTables; ++table)
      better[table] =
          emitNearest(inner, table, emitResidual(inner, better, table));
    scf::YieldOp::create(inner, better);
  };
  auto sweeps = scf::ForOp::create(
      b, b.integer(index, 0), b.integer(index, AdditiveAttr::kSearchSweeps),
      b.integer(index, 1), codes, buildSweep);
  return SmallVector<Value>(sweeps.getResults());
}

/// A real as the search takes it, f64: a NaN is 0, an infinity the largest
/// value of the logical type.
static Value emitSearchReal(ScalarBuilder &b, Value element,
                            FloatType logical) {
  Value real = b.extend(emitRead(b, element), b.getF64Type());
  real = b.select(b.isNaN(real), b.constant(real.getType(), 0.0), real);
  double largest =
      APFloat::getLargest(logical.getFloatSemantics()).convertToDouble();
  return b.clamp(real, -largest, largest);
}

FailureOr<SmallVector<Value>> AdditiveEmitter::emitEncode(Value reals,
                                                          ValueRange given) {
  if (additive.getGroupSize() > kMaxSearchedGroup)
    return emitError(loc) << "no code is made to search vectors of more than "
                          << kMaxSearchedGroup << " elements, as those of "
                          << Attribute(additive)
                          << "; encode before compilation, with the reference "
                             "evaluator";
  FailureOr<BlockNumber> scale = readScale(given);
  if (failed(scale))
    return failure();
  Value tables = given.back();

  SmallVector<OpFoldResult> sizes;
  for (auto [size, group] : llvm::zip_equal(
           tensor::getMixedSizes(builder, loc, reals), additive.getGroup()))
    sizes.push_back(
        group == 1 ? size
                   : builder.getIndexAttr(*getConstantIntValue(size) / group));
  auto codeType = builder.getIntegerType(additive.getBits());
  Value like = tensor::EmptyOp::create(builder, loc, sizes, codeType);
  SmallVector<Value> inputs;
  if (scale->tensor)
    inputs.push_back(emitGroupScales(*scale, like));
  SmallVector<Value> inits(getNumTables(), like);

  // The elements of a group, in row-major order.
  SmallVector<SmallVector<int64_t>> places{{}};
  for (int64_t size : additive.getGroup()) {
    SmallVector<SmallVector<int64_t>> longer;
    for (const SmallVector<int64_t> &place : places)
      for (int64_t p = 0; p < size; ++p) {
        longer.push_back(place);
        longer.back().push_back(p);
      }
    places = longer;
  }
  auto buildBody = [&](OpBuilder &nested, Location loc, ValueRange args) {
    ScalarBuilder b(nested, loc);
    Type index = b.getIndexType();
    SmallVector<Value> x;
    for (const SmallVector<int64_t> &place : places) {
      SmallVector<Value> indices;
      for (auto [dim, p] : llvm::enumerate(place)) {
        Value first =
            b.apply<arith::MulIOp>(linalg::IndexOp::create(b, dim).getResult(),
                                   additive.getGroup()[dim]);
        indices.push_back(b.apply<arith::AddIOp>(first, p));
      }
      x.push_back(emitSearchReal(
          b, tensor::ExtractOp::create(b, reals, indices), logical));
    }
    Value s = scale->tensor ? b.extend(args.front(), b.getF64Type())
                            : b.constant(b.getF64Type(), scale->number);
    auto getEntry = [&](ScalarBuilder &b, unsigned table, Value vector,
                        int64_t element) {
      SmallVector<Value> place;
      for (int64_t p : places[element])
        place.push_back(b.integer(index, p));
      return b.extend(emitEntry(b, tables, table, vector, place),
                      b.getF64Type());
    };
    SmallVector<Value> codes;
    for (Value code : SearchEmitter(additive, x, s, getEntry).run(b)) {
      Value wide = b.createOrFold<arith::IndexCastOp>(b.getI32Type(), code);
      codes.push_back(b.createOrFold<arith::TruncIOp>(codeType, wide));
    }
    linalg::YieldOp::create(b, codes);
  };
  SmallVector<Type> resultTypes(getNumTables(), like.getType());
  SmallVector<AffineMap> maps(inputs.size() + inits.size(),
                              builder.getMultiDimIdentityMap(grid.size()));
  SmallVector<utils::IteratorType> iterators(grid.size(),
                                             utils::IteratorType::parallel);
  auto search = linalg::GenericOp::create(builder, loc, resultTypes, inputs,
                                          inits, maps, iterators, buildBody);
  SmallVector<Value> constituents{insertCodes(search.getResults())};
  llvm::append_range(constituents, given);
  return constituents;
}

//===----------------------------------------------------------------------===//
// Model
//===----------------------------------------------------------------------===//

namespace {
struct AdditiveLowering
    : TensorFormatLowering::ExternalModel<AdditiveLowering, AdditiveAttr> {
  ExactRange getExactRange(Attribute attr, Type elementType) const {
    auto additive = cast<AdditiveAttr>(attr);
    // That of one entry and the scale, and what the sum adds to an entry.
    Attribute scaling = additive.getScaling();
    ExactRange entry = CodeEmitter(additive.getTable()).getExactRange();
    ExactRange sum = getSumRange(additive);
    ExactRange range =
        cast<TensorFormatLowering>(scaling).getExactRange(elementType);
    range.bits += sum.bits - entry.bits;
    range.high += sum.high - entry.high;
    return range;
  }

  FailureOr<Value> emitDecode(Attribute, OpBuilder &builder, Location loc,
                              EncodedTensorType type, ValueRange constituents,
                              Division division) const {
    return AdditiveEmitter(builder, loc, type)
        .emitDecode(constituents, division);
  }

  FailureOr<SmallVector<Value>>
  emitEncode(Attribute, OpBuilder &builder, Location loc,
             EncodedTensorType type, Value reals, const ExactRange &,
             const TensorEncodeModes &modes) const {
    return AdditiveEmitter(builder, loc, type).emitEncode(reals, modes.given);
  }

  /// Never asked for: no scale has this encoding (C84).
  FailureOr<SmallVector<Value>> emitReplaceZeros(Attribute attr, OpBuilder &,
                                                 Location loc,
                                                 EncodedTensorType,
                                                 ValueRange) const {
    return emitError(loc) << attr << " is no encoding of scales";
  }

  /// Tables come at run time.
  TypedAttr getPayloadCode(Attribute, EncodedTensorType, double) const {
    return {};
  }
};
} // namespace

void mlir::qfmt::attachAdditiveLowering(MLIRContext *context) {
  AdditiveAttr::attachInterface<AdditiveLowering>(*context);
}
