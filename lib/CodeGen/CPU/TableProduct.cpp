// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "TableProduct.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"
#include "qfmt/CodeGen/Products/ProductBody.h"
#include "qfmt/IR/ConstantData.h"

namespace mlir::qfmt {

/// Each row has tables of its own.
constexpr int64_t kMaxRows = 6;
/// Entries of tables that are gathered together: they stay in the level-1
/// cache.
constexpr int64_t kMaxGathered = 4096;
constexpr int64_t kLanes = 16;

/// What the body multiplies with the right factor's element; null if that is
/// not the element as it is.
static Value getLeftFactor(const FloatProduct &product) {
  linalg::GenericOp op = product.op;
  BlockArgument right = op.getMatchingBlockArgument(product.rhs);
  auto [first, second] = *getFactors(getAddedTerm(op.getBody()));
  if (first == right)
    return second;
  return second == right ? first : Value();
}

bool profitsFromTables(const FloatProduct &product, const CodeSums &sums) {
  return !ShapedType::isDynamic(product.m) && product.m <= kMaxRows &&
         product.getRowDim() == 0 && product.n >= 4 * sums.numCodes &&
         getLeftFactor(product);
}

Value emitInterleaved(ImplicitLocOpBuilder &b, Value x, Value y, int64_t bytes,
                      bool isHigh) {
  SmallVector<int64_t> places;
  for (int64_t lane = 0; lane < 64; lane += 16)
    for (int64_t i = 0; i < 8; i += bytes)
      for (int64_t source : {0, 64})
        for (int64_t byte = 0; byte < bytes; ++byte)
          places.push_back(source + lane + (isHigh ? 8 : 0) + i + byte);
  return vector::ShuffleOp::create(b, x, y, places);
}

namespace {

class Emitter {
public:
  Emitter(ImplicitLocOpBuilder &b, const FloatProduct &product,
          const CodeSums &sums, bool hasByteTables)
      : b(b), product(product), sums(sums), hasByteTables(hasByteTables),
        numTables(sums.tables.size()), numGroups(product.k / sums.period),
        blockSize(hasByteTables ? 64 : kLanes),
        columns(llvm::alignTo(product.n, blockSize)) {
    // Groups whose tables are made before columns are looked up.
    while (!hasByteTables &&
           (numGroups % (groups + 1) == 0 ||
            groups * 2 * numTables * sums.numCodes <= kMaxGathered) &&
           (groups + 1) * numTables * sums.numCodes <= kMaxGathered &&
           groups < numGroups)
      ++groups;
    while (numGroups % groups != 0)
      --groups;
  }

  Value emit() {
    emitConstants();
    auto type = RankedTensorType::get({product.m * columns}, b.getF32Type());
    Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
    Value empty = tensor::EmptyOp::create(b, type.getShape(), b.getF32Type());
    Value start = linalg::FillOp::create(b, zero, empty).getResult(0);
    Value tables = tensor::EmptyOp::create(
        b, ArrayRef<int64_t>{groups * numTables * sums.numCodes},
        b.getF32Type());
    Value all = emitLoop(product.m, 1, {start, tables},
                         [&](Value row, ValueRange carried) {
                           return emitRow(row, carried[0], carried[1]);
                         })
                    .front();
    return emitResult(all);
  }

private:
  using Body = llvm::function_ref<SmallVector<Value>(Value i, ValueRange)>;

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }
  Value add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(x, y); }
  Value times(Value x, int64_t factor) {
    return b.createOrFold<arith::MulIOp>(x, index(factor));
  }

  SmallVector<Value> emitLoop(int64_t count, int64_t step, ValueRange carried,
                              Body body) {
    auto loop =
        scf::ForOp::create(b, index(0), index(count), index(step), carried);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> next =
        body(loop.getInductionVar(), loop.getRegionIterArgs());
    scf::YieldOp::create(b, next);
    return SmallVector<Value>(loop.getResults());
  }

  Value emitRead(Value tensor, ValueRange indices, int64_t lanes) {
    Type element = getElementTypeOrSelf(tensor);
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
    return vector::TransferReadOp::create(b, VectorType::get(lanes, element),
                                          tensor, indices, zero,
                                          ArrayRef(true));
  }
  Value emitWrite(Value vector, Value tensor, Value place) {
    return vector::TransferWriteOp::create(b, vector, tensor, ValueRange{place},
                                           ArrayRef(true))
        .getResult();
  }
  /// x y + z, rounded once if the target can.
  Value emitMultiplyAdd(Value x, Value y, Value z) {
    auto flags = arith::FastMathFlags::contract;
    Value product = arith::MulFOp::create(b, x, y, flags);
    return arith::AddFOp::create(b, product, z, flags);
  }

  /// Where the code of a block's column lies in the block.
  int64_t getPlace(int64_t column) const {
    if (!hasByteTables)
      return column;
    // Bytes that are interleaved within 16 bytes come out in order.
    int64_t part = column / 16, lane = column / 4 % 4;
    return 16 * lane + 4 * part + column % 4;
  }

  void emitConstants() {
    SmallVector<double> entries;
    for (const std::vector<float> &table : sums.tables)
      entries.append(table.begin(), table.end());
    tableEntries = arith::ConstantOp::create(
        b, makeFloats(
               RankedTensorType::get({numTables * sums.period * sums.numCodes},
                                     b.getF32Type()),
               entries, "packed"));
    int64_t blocks = columns / blockSize, perBlock = groups * numTables;
    std::vector<int64_t> codes(numGroups * numTables * columns);
    for (int64_t g = 0; g < numGroups; ++g)
      for (int64_t table = 0; table < numTables; ++table)
        for (int64_t n = 0; n < product.n; ++n) {
          int64_t block = g / groups * blocks + n / blockSize;
          int64_t stream = block * perBlock + g % groups * numTables + table;
          codes[stream * blockSize + getPlace(n % blockSize)] =
              int8_t(sums.codes[table][g * product.n + n]);
        }
    auto type = RankedTensorType::get(
        {numGroups / groups, blocks, perBlock, blockSize}, b.getI8Type());
    codeBytes =
        arith::ConstantOp::create(b, makeIntegers(type, codes, "packed"));
  }

  /// What the product's body computes from what `mapping` has.
  Value emitBody(Value value, IRMapping &mapping) {
    Operation *op = value.getDefiningOp();
    if (mapping.contains(value) || !op ||
        op->getBlock() != linalg::GenericOp(product.op).getBody())
      return mapping.lookupOrDefault(value);
    for (Value operand : op->getOperands())
      emitBody(operand, mapping);
    b.clone(*op, mapping);
    return mapping.lookup(value);
  }

  Value emitLeft(Value row, Value k) {
    Value element =
        tensor::ExtractOp::create(b, product.lhs->get(), ValueRange{row, k});
    IRMapping mapping;
    linalg::GenericOp op = product.op;
    mapping.map(op.getMatchingBlockArgument(product.lhs), element);
    element = emitBody(getLeftFactor(product), mapping);
    return vector::BroadcastOp::create(
        b, VectorType::get(kLanes, b.getF32Type()), element);
  }

  /// The products of a group's terms with a table, to T from `place` on.
  Value emitTable(Value row, Value group, int64_t table, int64_t place,
                  Value tables) {
    SmallVector<Value> left;
    for (int64_t j = 0; j < sums.period; ++j)
      left.push_back(emitLeft(row, add(times(group, sums.period), index(j))));
    auto emitSome = [&](Value code, ValueRange carried) -> SmallVector<Value> {
      auto type = VectorType::get(kLanes, b.getF32Type());
      Value sum = arith::ConstantOp::create(b, b.getZeroAttr(type));
      for (int64_t j = 0; j < sums.period; ++j) {
        int64_t first = (table * sums.period + j) * sums.numCodes;
        Value entries = emitRead(tableEntries, add(code, index(first)), kLanes);
        sum = emitMultiplyAdd(left[j], entries, sum);
      }
      return {emitWrite(sum, carried[0], add(code, index(place)))};
    };
    return emitLoop(sums.numCodes, kLanes, tables, emitSome).front();
  }

  /// Adds the terms of a row, to sums from `row` * columns on.
  SmallVector<Value> emitRow(Value row, Value all, Value tables) {
    return emitLoop(
        numGroups / groups, 1, {all, tables},
        [&](Value step, ValueRange carried) -> SmallVector<Value> {
          Value after = carried[1];
          for (int64_t i = 0; i < groups * numTables; ++i) {
            Value group = add(times(step, groups), index(i / numTables));
            after =
                emitTable(row, group, i % numTables, i * sums.numCodes, after);
          }
          Value first = times(row, columns);
          Value added = hasByteTables
                            ? emitByteLookups(step, first, carried[0], after)
                            : emitGathers(step, first, carried[0], after);
          return {added, after};
        });
  }

  Value emitGathers(Value step, Value first, Value all, Value tables) {
    auto emitBlock = [&](Value block, ValueRange carried) {
      Value place = add(first, times(block, blockSize));
      Value sum = emitRead(carried[0], place, kLanes);
      auto real = cast<VectorType>(sum.getType());
      Value zero = arith::ConstantOp::create(b, b.getZeroAttr(real));
      Value mask = arith::ConstantOp::create(
          b, DenseElementsAttr::get(real.clone(b.getI1Type()), true));
      for (int64_t i = 0; i < groups * numTables; ++i) {
        Value codes =
            emitRead(codeBytes, {step, block, index(i), index(0)}, kLanes);
        Value places =
            arith::ExtUIOp::create(b, real.clone(b.getI32Type()), codes);
        Value entries = vector::GatherOp::create(
            b, real, tables, ValueRange{index(i * sums.numCodes)}, places, mask,
            zero);
        sum = arith::AddFOp::create(b, sum, entries);
      }
      return SmallVector<Value>{emitWrite(sum, carried[0], place)};
    };
    return emitLoop(columns / blockSize, 1, all, emitBlock).front();
  }

  //===--------------------------------------------------------------------===//
  // Tables in registers
  //===--------------------------------------------------------------------===//

  /// Registers of byte `byte` of the 256 entries of T from `place` on.
  SmallVector<Value> emitPlane(Value tables, int64_t place, int64_t byte) {
    SmallVector<Value> plane;
    for (int64_t first = 0; first < sums.numCodes; first += 64) {
      auto bytes = VectorType::get(64, b.getI8Type());
      Value entries = emitRead(tables, index(place + first), 64);
      auto words = bytes.clone(b.getI32Type());
      Value bits = arith::BitcastOp::create(b, words, entries);
      Value shift = arith::ConstantOp::create(
          b, DenseElementsAttr::get(words, APInt(32, 8 * byte)));
      bits = arith::ShRUIOp::create(b, bits, shift);
      plane.push_back(arith::TruncIOp::create(b, bytes, bits));
    }
    return plane;
  }

  static Value emitByteLookup(ImplicitLocOpBuilder &b, ArrayRef<Value> plane,
                              Value codes) {
    return cpu::LookupBytesOp::create(b, codes.getType(), codes, plane[0],
                                      plane[1], plane[2], plane[3]);
  }

  Value emitByteLookups(Value step, Value first, Value all, Value tables) {
    for (int64_t i = 0; i < groups * numTables; ++i)
      all = emitByteLookups(step, i, first, all, tables);
    return all;
  }

  Value emitByteLookups(Value step, int64_t i, Value first, Value all,
                        Value tables) {
    SmallVector<SmallVector<Value>> planes;
    for (int64_t byte = 0; byte < 4; ++byte)
      planes.push_back(emitPlane(tables, i * sums.numCodes, byte));
    auto emitBlock = [&](Value block, ValueRange carried) {
      Value codes =
          emitRead(codeBytes, {step, block, index(i), index(0)}, blockSize);
      SmallVector<Value> bytes, halves;
      for (ArrayRef<Value> plane : planes)
        bytes.push_back(emitByteLookup(b, plane, codes));
      SmallVector<Value> result(carried);
      for (int64_t part = 0; part < 4; ++part) {
        bool isHigh = part / 2 != 0;
        Value low = emitInterleaved(b, bytes[0], bytes[1], 1, isHigh);
        Value high = emitInterleaved(b, bytes[2], bytes[3], 1, isHigh);
        Value entries = emitInterleaved(b, low, high, 2, part % 2 != 0);
        auto type = VectorType::get(kLanes, b.getF32Type());
        entries = vector::BitCastOp::create(b, type, entries);
        Value place =
            add(first, add(times(block, blockSize), index(part * kLanes)));
        Value sum = emitRead(result[0], place, kLanes);
        sum = arith::AddFOp::create(b, sum, entries);
        result[0] = emitWrite(sum, result[0], place);
      }
      return result;
    };
    return emitLoop(columns / blockSize, 1, all, emitBlock).front();
  }

  /// Initial values, plus sums times scales.
  Value emitResult(Value all) {
    auto type = RankedTensorType::get({product.m, columns}, b.getF32Type());
    Value matrix = tensor::ExpandShapeOp::create(
        b, type, all, ArrayRef<ReassociationIndices>{{0, 1}});
    auto at = [&](int64_t x, int64_t y) {
      return SmallVector<OpFoldResult>{b.getIndexAttr(x), b.getIndexAttr(y)};
    };
    matrix = tensor::ExtractSliceOp::create(b, matrix, at(0, 0),
                                            at(product.m, product.n), at(1, 1));
    SmallVector<double> values(sums.scales.begin(), sums.scales.end());
    Value scales = arith::ConstantOp::create(
        b, makeFloats(RankedTensorType::get({product.n}, b.getF32Type()),
                      values, "packed"));
    AffineMap map = b.getMultiDimIdentityMap(2);
    AffineMap byColumn = AffineMap::get(2, 0, b.getAffineDimExpr(1));
    Value init = linalg::GenericOp(product.op).getDpsInits()[0];
    Value empty = tensor::EmptyOp::create(
        b, ArrayRef<int64_t>{product.m, product.n}, b.getF32Type());
    using utils::IteratorType;
    return linalg::GenericOp::create(
               b, empty.getType(), ValueRange{init, matrix, scales}, empty,
               ArrayRef{map, map, byColumn, map},
               ArrayRef{IteratorType::parallel, IteratorType::parallel},
               [](OpBuilder &nested, Location loc, ValueRange arguments) {
                 Value scaled = arith::MulFOp::create(nested, loc, arguments[1],
                                                      arguments[2]);
                 Value sum =
                     arith::AddFOp::create(nested, loc, arguments[0], scaled);
                 linalg::YieldOp::create(nested, loc, sum);
               })
        .getResult(0);
  }

  ImplicitLocOpBuilder &b;
  const FloatProduct &product;
  const CodeSums &sums;
  bool hasByteTables;
  int64_t numTables, numGroups;
  /// Columns of a block, and all of them, filled up to whole blocks.
  int64_t blockSize, columns;
  /// Groups whose tables T are made at once.
  int64_t groups = 1;
  Value tableEntries, codeBytes;
};

} // namespace

Value emitTableProduct(ImplicitLocOpBuilder &b, const FloatProduct &product,
                       const CodeSums &sums, bool hasByteTables) {
  return Emitter(b, product, sums, hasByteTables && sums.numCodes == 256)
      .emit();
}

} // namespace mlir::qfmt
