//===- LookupToMemory.cpp - Table lookups as loads ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  qfmt.lookup on scalars and vectors, after bufferization.
// Output: a constant global for each table, read by memref.load and
//         vector.gather.
// Lookups on tensors stay; convert-elementwise-to-linalg makes scalar ones of
// them. Vector lookups that are better done in registers are written by others
// before this pass.
//
// A load beyond a table would be undefined where the lookup is only poison, as
// in an unused lane or the untaken side of a select. So no index goes beyond:
// the table of an index of at most 8 bits has an entry for each index, and a
// wider index is clamped to the last entry.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TypeUtilities.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_LOOKUPTOMEMORY
#include "qfmt/Conversion/Passes.h.inc"

namespace {

constexpr unsigned kMaxPaddedIndexBits = 8;
/// A cache line, which is also as long as the widest vector register.
constexpr int64_t kTableAlignment = 64;

/// What an element of `type` is in memory: whole bytes, and integers for floats
/// that LLVM does not have.
Type getStoredType(Type type) {
  unsigned width = type.getIntOrFloatBitWidth();
  if (isa<FloatType>(type) && width >= 16)
    return type;
  return IntegerType::get(type.getContext(),
                          std::max<unsigned>(8, llvm::PowerOf2Ceil(width)));
}

/// The bits of each entry; none if the element type or the kind of attribute
/// is not supported.
std::optional<SmallVector<APInt>> readEntries(ElementsAttr table) {
  Type element = table.getElementType();
  SmallVector<APInt> entries;
  if (auto real = dyn_cast<FloatType>(element)) {
    std::optional<std::vector<double>> values;
    if (real.getWidth() <= 64)
      values = readFloats(table);
    if (!values)
      return std::nullopt;
    bool losesInfo;
    for (double value : *values) {
      APFloat entry(value);
      entry.convert(real.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                    &losesInfo);
      entries.push_back(entry.bitcastToAPInt());
    }
    return entries;
  }
  std::optional<std::vector<int64_t>> values;
  if (element.isSignlessInteger())
    values = readIntegers(table);
  if (!values)
    return std::nullopt;
  for (int64_t value : *values)
    entries.push_back(APInt(element.getIntOrFloatBitWidth(), value,
                            /*isSigned=*/true, /*implicitTrunc=*/true));
  return entries;
}

/// The entries in memory, the last one repeated up to `size`.
DenseElementsAttr makeStored(ArrayRef<APInt> entries, int64_t size,
                             Type stored) {
  SmallVector<APInt> padded = llvm::map_to_vector(entries, [&](const APInt &v) {
    return v.zext(stored.getIntOrFloatBitWidth());
  });
  padded.resize(size, padded.back());
  auto type = RankedTensorType::get(size, stored);
  auto real = dyn_cast<FloatType>(stored);
  if (!real)
    return DenseElementsAttr::get(type, padded);
  return DenseElementsAttr::get(
      type, llvm::map_to_vector(padded, [&](const APInt &bits) {
        return APFloat(real.getFloatSemantics(), bits);
      }));
}

unsigned getIndexWidth(LookupOp op) {
  return getElementTypeOrSelf(op.getIndex().getType()).getIntOrFloatBitWidth();
}

/// One global for each table and size.
class Tables {
public:
  explicit Tables(ModuleOp module) : module(module), symbols(module) {}

  /// The global that `op` reads; null after a diagnostic.
  memref::GlobalOp get(LookupOp op) {
    auto table = cast<ElementsAttr>(op.getTable());
    int64_t size = table.getNumElements();
    unsigned width = getIndexWidth(op);
    if (width <= kMaxPaddedIndexBits)
      size = std::max<int64_t>(size, int64_t(1) << width);
    memref::GlobalOp &global = globals[{table, size}];
    if (global)
      return global;
    std::optional<SmallVector<APInt>> entries = readEntries(table);
    if (!entries) {
      op.emitOpError() << "has a table that cannot be read, of type "
                       << table.getType()
                       << "; use a dense table of integers or floats of at "
                          "most 64 bits";
      return {};
    }
    OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
    Type stored = getStoredType(table.getElementType());
    global = memref::GlobalOp::create(
        b, op.getLoc(), "qfmt_table", b.getStringAttr("private"),
        MemRefType::get(size, stored), makeStored(*entries, size, stored),
        /*constant=*/true, b.getI64IntegerAttr(kTableAlignment));
    symbols.insert(global);
    return global;
  }

private:
  ModuleOp module;
  SymbolTable symbols;
  DenseMap<std::pair<Attribute, int64_t>, memref::GlobalOp> globals;
};

/// `type` with other elements: a scalar or a vector.
Type withElement(Type type, Type element) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? Type(vector.clone(element)) : element;
}

/// The index, not beyond the last entry.
Value emitClampedIndex(ImplicitLocOpBuilder &b, LookupOp op, int64_t size) {
  Value index = op.getIndex();
  unsigned width = getIndexWidth(op);
  if (width >= 63 || size < int64_t(1) << width) {
    Type element = getElementTypeOrSelf(index.getType());
    TypedAttr last = b.getIntegerAttr(element, size - 1);
    if (auto vector = dyn_cast<VectorType>(index.getType()))
      last = DenseElementsAttr::get(vector, last);
    index =
        arith::MinUIOp::create(b, index, arith::ConstantOp::create(b, last));
  }
  return arith::IndexCastUIOp::create(
      b, withElement(index.getType(), b.getIndexType()), index);
}

/// Loads an entry for each lane.
Value emitGather(ImplicitLocOpBuilder &b, Value table, Value index,
                 Type stored) {
  // LLVM gathers into vectors of one dimension.
  auto shape = cast<VectorType>(index.getType());
  auto flat = VectorType::get(shape.getNumElements(), b.getIndexType());
  if (shape != flat)
    index = vector::ShapeCastOp::create(b, flat, index);
  auto result = cast<VectorType>(withElement(flat, stored));
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value all = arith::ConstantOp::create(
      b, DenseElementsAttr::get(
             cast<VectorType>(withElement(flat, b.getI1Type())), true));
  Value unused = arith::ConstantOp::create(b, b.getZeroAttr(result));
  Value loaded =
      vector::GatherOp::create(b, result, table, zero, index, all, unused);
  if (shape == flat)
    return loaded;
  return vector::ShapeCastOp::create(b, withElement(shape, stored), loaded);
}

/// The entry of the operation's type that was stored as `loaded`.
Value emitEntry(ImplicitLocOpBuilder &b, Value loaded, Type result) {
  Type element = getElementTypeOrSelf(result);
  Type bits =
      withElement(result, b.getIntegerType(element.getIntOrFloatBitWidth()));
  if (loaded.getType() == result)
    return loaded;
  if (loaded.getType() != bits)
    loaded = arith::TruncIOp::create(b, bits, loaded);
  if (bits == result)
    return loaded;
  return arith::BitcastOp::create(b, result, loaded);
}

LogicalResult lower(LookupOp op, Tables &tables) {
  memref::GlobalOp global = tables.get(op);
  if (!global)
    return failure();
  ImplicitLocOpBuilder b(op.getLoc(), op);
  Value table =
      memref::GetGlobalOp::create(b, global.getType(), global.getSymName());
  Value index = emitClampedIndex(b, op, global.getType().getNumElements());
  Value loaded =
      isa<VectorType>(op.getResult().getType())
          ? emitGather(b, table, index, global.getType().getElementType())
          : memref::LoadOp::create(b, table, index).getResult();
  op.getResult().replaceAllUsesWith(
      emitEntry(b, loaded, op.getResult().getType()));
  op.erase();
  return success();
}

struct LookupToMemoryPass : impl::LookupToMemoryBase<LookupToMemoryPass> {
  void runOnOperation() override {
    SmallVector<LookupOp> lookups;
    getOperation().walk([&](LookupOp op) {
      auto vector = dyn_cast<VectorType>(op.getResult().getType());
      // Nothing is known of the size of a scalable vector.
      if (!isa<TensorType>(op.getResult().getType()) &&
          !(vector && vector.isScalable()))
        lookups.push_back(op);
    });
    Tables tables(getOperation());
    for (LookupOp op : lookups)
      if (failed(lower(op, tables)))
        return signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
