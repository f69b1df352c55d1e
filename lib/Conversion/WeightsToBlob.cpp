//===- WeightsToBlob.cpp - Constant globals in one blob -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  bufferized IR whose constants are memref.global with an initial value
//         and whose elements take whole bytes (qfmt-widen-storage).
// Output: the constants' bytes as the module's attribute qfmt.weights, one
//         external global, and memref.view at the place of each use.
// Globals that are not constant stay. If the module has that attribute already,
// its bytes come first, and constants that are among them lie there.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/Conversion/Weights.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Support/MachineMemory.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/Statistic.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_WEIGHTSTOBLOB
#include "qfmt/Conversion/Passes.h.inc"

#define DEBUG_TYPE "qfmt-weights-to-blob"
ALWAYS_ENABLED_STATISTIC(numBytes, "Bytes of the blob");

namespace {

/// Appends the elements of `value` to `bytes` as they lie in memory. Elements
/// of at most 8 bits take one byte each.
LogicalResult appendElements(memref::GlobalOp global, ElementsAttr value,
                             std::vector<char> &bytes) {
  Type element = value.getElementType();
  unsigned width = element.isIndex()        ? 64
                   : element.isIntOrFloat() ? element.getIntOrFloatBitWidth()
                                            : 0;
  if (width != 1 && width != 8 && width != 16 && width != 32 && width != 64)
    return global.emitError()
           << "constant of element type " << element
           << ": only i1 and elements of 8, 16, 32 or 64 bits have a layout in "
              "memory; run qfmt-widen-storage first";
  unsigned size = (width + 7) / 8;
  std::optional<int64_t> memory = getMachineMemory();
  int64_t total;
  if (llvm::MulOverflow(value.getNumElements(), int64_t(size), total) ||
      (memory && total > *memory))
    return global.emitError()
           << "a constant of type " << value.getType() << " takes " << total
           << " bytes, more than the memory of this machine; make a tensor of "
              "one value with linalg.fill";

  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return global.emitError()
             << "the resource '" << resource.getRawHandle().getKey()
             << "' has no data";
    if (blob->getData().size() != size * uint64_t(value.getNumElements()))
      return global.emitError()
             << "the resource '" << resource.getRawHandle().getKey() << "' has "
             << blob->getData().size() << " bytes, expected "
             << size * uint64_t(value.getNumElements());
    llvm::append_range(bytes, blob->getData());
    return success();
  }

  auto append = [&](const APInt &bits) {
    uint64_t word = bits.getZExtValue();
    for (unsigned i = 0; i < size; ++i)
      bytes.push_back(char(word >> (8 * i)));
  };
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (dense && isa<FloatType>(element))
    for (const APFloat &number : dense.getValues<APFloat>())
      append(number.bitcastToAPInt());
  else if (dense && element.isIntOrIndex())
    for (const APInt &number : dense.getValues<APInt>())
      append(number);
  else
    return global.emitError()
           << "constant with an initial value of an unknown kind; expected "
              "dense or dense_resource";
  return success();
}

/// The blob under construction and where each global lies in it.
struct Blob {
  std::vector<char> bytes;
  llvm::MapVector<StringAttr, uint64_t> offsets;
};

/// Where `part` lies in `bytes`, a multiple of the alignment.
std::optional<uint64_t> findBytes(ArrayRef<char> bytes, ArrayRef<char> part) {
  for (uint64_t offset = 0; offset + part.size() <= bytes.size();
       offset += kWeightsAlignment)
    if (bytes.slice(offset, part.size()) == part)
      return offset;
  return std::nullopt;
}

/// `shared` has bytes that constants may have in common with other code; they
/// stay where they are.
FailureOr<Blob> collectConstants(ModuleOp module, ArrayRef<char> shared) {
  Blob blob;
  blob.bytes.assign(shared.begin(), shared.end());
  // By a hash of their bytes. Functions may read the same packed weights.
  llvm::DenseMap<size_t, SmallVector<uint64_t, 1>> places;
  for (auto global :
       llvm::make_early_inc_range(module.getOps<memref::GlobalOp>())) {
    auto value = dyn_cast_or_null<ElementsAttr>(
        global.getInitialValue().value_or(Attribute()));
    if (!global.getConstant() || !value)
      continue;
    blob.bytes.resize(llvm::alignTo(blob.bytes.size(), kWeightsAlignment));
    uint64_t offset = blob.bytes.size();
    if (failed(appendElements(global, value, blob.bytes)))
      return failure();
    ArrayRef<char> all = blob.bytes, own = all.drop_front(offset);
    SmallVector<uint64_t, 1> &alike =
        places[size_t(llvm::hash_combine_range(own))];
    std::optional<uint64_t> found = findBytes(shared, own);
    for (uint64_t place : alike)
      if (!found && place + own.size() <= offset &&
          all.slice(place, own.size()) == own)
        found = place;
    if (found) {
      blob.bytes.resize(offset);
      offset = *found;
    } else {
      alike.push_back(offset);
    }
    blob.offsets[global.getSymNameAttr()] = offset;
    global.erase();
  }
  blob.bytes.resize(llvm::alignTo(blob.bytes.size(), kWeightsAlignment));
  return blob;
}

void redirectUses(ModuleOp module, const Blob &blob, StringRef symbol,
                  MemRefType blobType) {
  module.walk([&](memref::GetGlobalOp get) {
    auto found = blob.offsets.find(get.getNameAttr().getAttr());
    // A module inside of this one has globals of its own, perhaps of that name.
    if (found == blob.offsets.end() ||
        SymbolTable::getNearestSymbolTable(get) != module)
      return;
    OpBuilder b(get);
    Location loc = get.getLoc();
    Value base = memref::GetGlobalOp::create(b, loc, blobType, symbol);
    Value offset = arith::ConstantIndexOp::create(b, loc, found->second);
    get.replaceAllUsesWith(memref::ViewOp::create(b, loc, get.getType(), base,
                                                  offset, ValueRange())
                               .getResult());
    get.erase();
  });
}

struct WeightsToBlobPass : impl::WeightsToBlobBase<WeightsToBlobPass> {
  using WeightsToBlobBase::WeightsToBlobBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (module.lookupSymbol(symbol)) {
      module.emitError() << "the symbol '" << symbol
                         << "' exists already; qfmt-weights-to-blob runs once";
      return signalPassFailure();
    }
    std::optional<Weights> shared = getWeights(module);
    FailureOr<Blob> blob =
        collectConstants(module, shared ? shared->bytes : ArrayRef<char>());
    if (failed(blob))
      return signalPassFailure();
    if (blob->offsets.empty())
      return;
    numBytes += blob->bytes.size();
    OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
    auto type = MemRefType::get(blob->bytes.size(), b.getI8Type());
    // Public: LLVM would give a private declaration storage of its own.
    memref::GlobalOp::create(
        b, module.getLoc(), symbol, /*sym_visibility=*/StringAttr(), type,
        /*initial_value=*/Attribute(), /*constant=*/false,
        /*alignment=*/b.getI64IntegerAttr(kWeightsAlignment));
    redirectUses(module, *blob, symbol, type);
    setWeights(module, symbol, blob->bytes);
  }
};

} // namespace

void setWeights(ModuleOp module, StringRef symbol, ArrayRef<char> bytes) {
  Builder b(module.getContext());
  auto type = RankedTensorType::get(int64_t(bytes.size()), b.getI8Type());
  auto resource = DenseResourceElementsAttr::get(
      type, symbol,
      HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, kWeightsAlignment));
  module->setAttr(
      QFmtDialect::kWeightsAttr,
      b.getDictionaryAttr({b.getNamedAttr("bytes", resource),
                           b.getNamedAttr("symbol", b.getStringAttr(symbol))}));
}

std::optional<Weights> getWeights(ModuleOp module) {
  auto attr = module->getAttrOfType<DictionaryAttr>(QFmtDialect::kWeightsAttr);
  if (!attr)
    return std::nullopt;
  auto bytes = attr.getAs<DenseResourceElementsAttr>("bytes");
  auto symbol = attr.getAs<StringAttr>("symbol");
  AsmResourceBlob *blob = bytes ? bytes.getRawHandle().getBlob() : nullptr;
  if (!blob || !symbol)
    return std::nullopt;
  return Weights{blob->getData(), symbol.getValue()};
}

} // namespace mlir::qfmt
