// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level encoded, integer or constituents.
// Output: the same level; constants narrower than a byte are `unpack` of
// constant bytes and, on request, so are the arguments of public functions,
// whose results are `pack` of codes. Codes that already come from bytes stay:
// a second run changes nothing.
//
// Does not touch values between operations, private functions, declarations,
// constants that repeat one value, and i1 unless a number format of one bit
// stores its codes in it: other tensors of i1 are conditions, which have a byte
// each. Does not pack scalars.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/PackedSize.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/Statistic.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_PACKSTORAGE
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-pack-storage"
ALWAYS_ENABLED_STATISTIC(numConstants, "Different constants packed");
ALWAYS_ENABLED_STATISTIC(numBytes, "Bytes of the packed constants");

//===----------------------------------------------------------------------===//
// Codes and bytes
//===----------------------------------------------------------------------===//

/// True if elements of `storage` leave bits of a byte unused. `format` is the
/// number format of the codes; null if nothing says that these are codes.
static bool isNarrow(Type storage, Type format) {
  if (!storage.isSignlessInteger() && !isa<FloatType>(storage))
    return false;
  unsigned width = storage.getIntOrFloatBitWidth();
  return width < 8 && (width > 1 || format);
}

static CodePacking getPacking(Type format) {
  auto number = dyn_cast_or_null<NumberFormat>(format);
  return number ? number.getPacking() : CodePacking::Bits;
}

/// The type of tensors that hold the codes of `type` as integers.
static RankedTensorType getCodeType(RankedTensorType type) {
  return type.clone(
      IntegerType::get(type.getContext(), type.getElementTypeBitWidth()));
}

static RankedTensorType getBytesType(RankedTensorType type,
                                     CodePacking packing) {
  uint64_t size = getPackedSize(type.getNumElements(),
                                type.getElementTypeBitWidth(), packing);
  return RankedTensorType::get(size, IntegerType::get(type.getContext(), 8));
}

static Value emitUnpack(ImplicitLocOpBuilder &b, Value bytes,
                        RankedTensorType type, CodePacking packing) {
  Value codes = UnpackOp::create(b, getCodeType(type), bytes, packing);
  if (codes.getType() == type)
    return codes;
  return arith::BitcastOp::create(b, type, codes);
}

static Value emitPack(ImplicitLocOpBuilder &b, Value codes,
                      CodePacking packing) {
  auto type = cast<RankedTensorType>(codes.getType());
  if (type != getCodeType(type))
    codes = arith::BitcastOp::create(b, getCodeType(type), codes);
  return PackOp::create(b, getBytesType(type, packing), codes, packing);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// The number formats that the users of a constant take its elements for; a
/// null type stands for a user that has no format.
static llvm::SmallSetVector<Type, 2> getFormats(Value constant) {
  llvm::SmallSetVector<Type, 2> formats;
  for (OpOperand &use : constant.getUses()) {
    auto assemble = dyn_cast<AssembleOp>(use.getOwner());
    if (!assemble) {
      formats.insert(Type());
      continue;
    }
    auto type = EncodedTensorType::get(assemble.getResult().getType());
    formats.insert(type.getConstituents()[use.getOperandNumber()].format);
  }
  return formats;
}

/// True if control may reach `user` from where `defined` is entered.
static bool isReachable(Operation *user, Region *defined,
                        DominanceInfo &dominance) {
  for (;; user = user->getParentOp()) {
    if (!dominance.isReachableFromEntry(user->getBlock()))
      return false;
    if (user->getParentRegion() == defined)
      return true;
  }
}

/// Before the first operation that needs `value`, but outside of loops. Blocks
/// that nothing reaches have no dominators: a value for them stays where it is.
static Operation *findPlace(Value value, DominanceInfo &dominance) {
  Region *defined = value.getParentRegion();
  if (!llvm::all_of(value.getUsers(), [&](Operation *user) {
        return isReachable(user, defined, dominance);
      }))
    return value.getDefiningOp();
  Block *block = nullptr;
  for (Operation *user : value.getUsers())
    block = block
                ? dominance.findNearestCommonDominator(block, user->getBlock())
                : user->getBlock();
  Operation *place = block->getTerminator();
  for (Operation *user : value.getUsers())
    if (Operation *ancestor = block->findAncestorOpInBlock(*user))
      if (ancestor->isBeforeInBlock(place))
        place = ancestor;
  for (Operation *op = place; op->getParentRegion() != defined;) {
    op = op->getParentOp();
    if (isa<LoopLikeOpInterface>(op))
      place = op;
  }
  return place;
}

/// The bytes of all codes. In pieces: packCodes takes eight bytes a code.
static std::vector<uint8_t> packPieces(ArrayRef<uint8_t> codes, unsigned width,
                                       CodePacking packing) {
  // Fills whole bytes in each packing.
  constexpr size_t kPiece = 40 * 1024;
  std::vector<uint8_t> bytes;
  for (size_t begin = 0; begin < codes.size(); begin += kPiece) {
    ArrayRef<uint8_t> piece =
        codes.slice(begin, std::min(kPiece, codes.size() - begin));
    std::vector<uint64_t> wide(piece.begin(), piece.end());
    llvm::append_range(bytes, packCodes(wide, width, packing));
  }
  return bytes;
}

namespace {
/// Packs constants; equal ones share their bytes.
class ConstantPacker {
public:
  explicit ConstantPacker(ModuleOp module) : dominance(module) {}

  LogicalResult pack(arith::ConstantOp op) {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    auto value = dyn_cast<ElementsAttr>(op.getValue());
    if (!type || !type.hasStaticShape() || !value || op->use_empty() ||
        value.isSplat() || type.getNumElements() == 0)
      return success();
    llvm::SmallSetVector<Type, 2> formats = getFormats(op);
    if (!llvm::all_of(formats, [&](Type format) {
          return isNarrow(type.getElementType(), format);
        }))
      return success();
    // One copy serves all users: what they do not agree on is packed as bits.
    CodePacking packing = getPacking(formats.front());
    for (Type format : formats)
      if (getPacking(format) != packing)
        packing = CodePacking::Bits;
    FailureOr<Packed> packed = getPacked(op, value, packing);
    if (failed(packed))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), findPlace(op, dominance));
    Value bytes = arith::ConstantOp::create(b, cast<TypedAttr>(packed->bytes));
    op.replaceAllUsesWith(emitUnpack(b, bytes, type, packed->packing));
    op.erase();
    return success();
  }

  int64_t numConstants = 0;
  int64_t numBytes = 0;

private:
  struct Packed {
    ElementsAttr bytes;
    CodePacking packing;
  };

  FailureOr<Packed> getPacked(arith::ConstantOp op, ElementsAttr value,
                              CodePacking packing) {
    Packed &packed = cache[{value, packing}];
    if (packed.bytes)
      return packed;
    std::optional<std::vector<uint8_t>> codes = readCodes(value);
    if (!codes)
      return op.emitOpError() << "of type " << value.getType()
                              << " has no data, or not one byte a code";
    // -2 is a code of two bits, but no digit of base 3.
    if (packing == CodePacking::Base3 && llvm::is_contained(*codes, 2))
      packing = CodePacking::Bits;
    auto resource = dyn_cast<DenseResourceElementsAttr>(value);
    packed.packing = packing;
    packed.bytes = makeBytes(
        op.getContext(),
        packPieces(*codes, value.getElementType().getIntOrFloatBitWidth(),
                   packing),
        resource ? resource.getRawHandle().getKey() : "packed");
    ++numConstants;
    numBytes += packed.bytes.getNumElements();
    return packed;
  }

  DominanceInfo dominance;
  llvm::DenseMap<std::pair<Attribute, CodePacking>, Packed> cache;
};
} // namespace

//===----------------------------------------------------------------------===//
// Arguments and results
//===----------------------------------------------------------------------===//

namespace {
/// One argument or result of a public function, and what becomes of it.
class Boundary {
public:
  /// A value that is passed: bytes, or a tensor that stays as it is.
  struct Part {
    RankedTensorType type;
    bool isPacked;
    CodePacking packing;
    DictionaryAttr attributes;

    Type getPassedType() const {
      return isPacked ? getBytesType(type, packing) : type;
    }
  };

  static FailureOr<Boundary> get(func::FuncOp function, Type type,
                                 DictionaryAttr attributes, const Twine &name) {
    Boundary boundary;
    boundary.type = type;
    boundary.attributes =
        attributes ? attributes : DictionaryAttr::get(function.getContext());
    if (auto encoded = EncodedTensorType::get(type)) {
      for (const Constituent &part : encoded.getConstituents())
        boundary.addPart(part.type, part.format, part.name);
    } else if (auto tensor = dyn_cast<RankedTensorType>(type)) {
      boundary.addPart(tensor, /*format=*/Type(), /*name=*/"");
    }
    for (const Part &part : boundary.parts)
      if (part.isPacked && !part.type.hasStaticShape())
        return function.emitError()
               << name << " has codes of type " << part.type
               << "; packed storage needs static sizes";
    auto emitError = [&] { return function.emitError() << name << ": "; };
    for (const Part &part : boundary.parts)
      if (part.isPacked &&
          failed(getPackedSize(part.type, part.type.getElementTypeBitWidth(),
                               part.packing, emitError)))
        return failure();
    if (llvm::none_of(boundary.parts,
                      [](const Part &part) { return part.isPacked; }))
      boundary.parts.clear();
    return boundary;
  }

  /// False if it is passed as before.
  bool changes() const { return !parts.empty(); }
  size_t getNumPassed() const { return changes() ? parts.size() : 1; }

  void appendPassed(SmallVectorImpl<Type> &types,
                    SmallVectorImpl<DictionaryAttr> &attributeLists) const {
    if (!changes()) {
      types.push_back(type);
      attributeLists.push_back(attributes);
      return;
    }
    for (const Part &part : parts) {
      types.push_back(part.getPassedType());
      attributeLists.push_back(part.attributes);
    }
  }

  /// The value of the original type that `passed` carries.
  Value unpack(ImplicitLocOpBuilder &b, ValueRange passed) const {
    if (!changes())
      return passed.front();
    SmallVector<Value> values;
    for (auto [part, value] : llvm::zip_equal(parts, passed))
      values.push_back(part.isPacked
                           ? emitUnpack(b, value, part.type, part.packing)
                           : value);
    if (!EncodedTensorType::isEncoded(type))
      return values.front();
    return AssembleOp::create(b, type, values);
  }

  /// What carries `value`.
  void pack(ImplicitLocOpBuilder &b, Value value,
            SmallVectorImpl<Value> &passed) const {
    if (!changes()) {
      passed.push_back(value);
      return;
    }
    SmallVector<Value> values{value};
    if (EncodedTensorType::isEncoded(type))
      values = llvm::to_vector_of<Value>(
          ConstituentsOp::create(b, value).getResults());
    for (auto [part, codes] : llvm::zip_equal(parts, values))
      passed.push_back(part.isPacked ? emitPack(b, codes, part.packing)
                                     : codes);
  }

private:
  void addPart(RankedTensorType partType, Type format, StringRef name) {
    bool isPacked = isNarrow(partType.getElementType(), format);
    MLIRContext *context = partType.getContext();
    NamedAttrList list(attributes);
    // The payload keeps the name, as qfmt-decompose has it.
    auto given = attributes.getAs<StringAttr>(QFmtDialect::kNameAttr);
    if (given && !parts.empty())
      list.set(QFmtDialect::kNameAttr,
               StringAttr::get(context, given.getValue() + "." + name));
    if (isPacked)
      list.set(QFmtDialect::kPackedAttr,
               TypeAttr::get(RankedTensorType::get(
                   partType.getShape(),
                   format ? format : partType.getElementType())));
    else if (format && format != partType.getElementType())
      list.set(QFmtDialect::kFormatAttr, TypeAttr::get(format));
    parts.push_back(
        {partType, isPacked, getPacking(format), list.getDictionary(context)});
  }

  Type type;
  DictionaryAttr attributes;
  /// Empty if nothing changes.
  SmallVector<Part> parts;
};

/// Changes the signature of one function, its returns and its calls.
class BoundaryPacker {
public:
  explicit BoundaryPacker(func::FuncOp function) : function(function) {}

  LogicalResult pack(ModuleOp module) {
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
      if (failed(add(arguments, type, function.getArgAttrDict(i),
                     "argument #" + Twine(i))))
        return failure();
    for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
      if (failed(add(results, type, function.getResultAttrDict(i),
                     "result #" + Twine(i))))
        return failure();
    if (llvm::none_of(
            llvm::concat<Boundary>(arguments, results),
            [](const Boundary &boundary) { return boundary.changes(); }))
      return success();
    SmallVector<func::CallOp> calls;
    if (failed(findCalls(module, calls)))
      return failure();
    replaceArguments();
    function.walk([&](func::ReturnOp op) { replaceReturn(op); });
    replaceSignature();
    for (func::CallOp call : calls)
      replaceCall(call);
    return success();
  }

private:
  LogicalResult add(SmallVectorImpl<Boundary> &boundaries, Type type,
                    DictionaryAttr attributes, const Twine &name) {
    FailureOr<Boundary> boundary =
        Boundary::get(function, type, attributes, name);
    if (succeeded(boundary))
      boundaries.push_back(std::move(*boundary));
    return boundary;
  }

  LogicalResult findCalls(ModuleOp module,
                          SmallVectorImpl<func::CallOp> &calls) {
    auto uses = SymbolTable::getSymbolUses(function, module);
    if (!uses)
      return function.emitError() << "cannot be packed in a module with "
                                     "unknown operations that hold symbols";
    for (SymbolTable::SymbolUse use : *uses) {
      auto call = dyn_cast<func::CallOp>(use.getUser());
      if (!call)
        return use.getUser()->emitOpError()
               << "refers to '" << function.getSymName()
               << "', whose signature packed storage changes; only func.call "
                  "can follow";
      calls.push_back(call);
    }
    return success();
  }

  void replaceArguments() {
    Block &entry = function.getBody().front();
    unsigned numOld = entry.getNumArguments();
    ImplicitLocOpBuilder b(function.getLoc(), function.getContext());
    b.setInsertionPointToStart(&entry);
    for (auto [i, boundary] : llvm::enumerate(arguments)) {
      BlockArgument old = entry.getArgument(i);
      SmallVector<Type> types;
      SmallVector<DictionaryAttr> attributes;
      boundary.appendPassed(types, attributes);
      SmallVector<Location> locations(types.size(), old.getLoc());
      auto added = entry.addArguments(types, locations);
      old.replaceAllUsesWith(
          boundary.unpack(b, SmallVector<Value>(added.begin(), added.end())));
    }
    entry.eraseArguments(0, numOld);
  }

  void replaceReturn(func::ReturnOp op) {
    ImplicitLocOpBuilder b(op.getLoc(), op);
    SmallVector<Value> passed;
    for (auto [boundary, value] : llvm::zip_equal(results, op.getOperands()))
      boundary.pack(b, value, passed);
    op.getOperandsMutable().assign(passed);
  }

  void replaceSignature() {
    SmallVector<Type> inputTypes, resultTypes;
    SmallVector<DictionaryAttr> inputAttributes, resultAttributes;
    for (const Boundary &boundary : arguments)
      boundary.appendPassed(inputTypes, inputAttributes);
    for (const Boundary &boundary : results)
      boundary.appendPassed(resultTypes, resultAttributes);
    Builder b(function.getContext());
    function.setFunctionType(b.getFunctionType(inputTypes, resultTypes));
    function.setAllArgAttrs(inputAttributes);
    function.setAllResultAttrs(resultAttributes);
  }

  void replaceCall(func::CallOp call) {
    ImplicitLocOpBuilder b(call.getLoc(), call);
    SmallVector<Value> passed;
    for (auto [boundary, value] :
         llvm::zip_equal(arguments, call.getOperands()))
      boundary.pack(b, value, passed);
    auto packed = func::CallOp::create(b, function, passed);
    packed->setDiscardableAttrs(call->getDiscardableAttrDictionary());
    ValueRange rest = packed.getResults();
    for (auto [boundary, value] : llvm::zip_equal(results, call.getResults())) {
      size_t count = boundary.getNumPassed();
      value.replaceAllUsesWith(boundary.unpack(b, rest.take_front(count)));
      rest = rest.drop_front(count);
    }
    call.erase();
  }

  func::FuncOp function;
  SmallVector<Boundary> arguments, results;
};

struct PackStoragePass : qfmt::impl::PackStorageBase<PackStoragePass> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (boundaries && failed(packBoundaries(module)))
      return signalPassFailure();
    if (!constants)
      return;
    SmallVector<arith::ConstantOp> found;
    module.walk([&](arith::ConstantOp op) { found.push_back(op); });
    ConstantPacker packer(module);
    for (arith::ConstantOp op : found)
      if (failed(packer.pack(op)))
        return signalPassFailure();
    numConstants += packer.numConstants;
    numBytes += packer.numBytes;
  }

  static LogicalResult packBoundaries(ModuleOp module) {
    for (auto function : module.getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal() &&
          failed(BoundaryPacker(function).pack(module)))
        return failure();
    return success();
  }
};
} // namespace
