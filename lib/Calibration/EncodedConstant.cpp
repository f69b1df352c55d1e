// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EncodedConstant.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace mlir::qfmt;

/// Up to this many elements a constant is printed in full.
static constexpr int64_t kMaxDenseElements = 64;
/// What LLVM 22 accepts when it reads a resource from bytecode.
static constexpr size_t kAlignment = 16;

/// The name of the resource of the constant that the value is.
static std::string getResourceName(Value value) {
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  auto resource = constant
                      ? dyn_cast<DenseResourceElementsAttr>(constant.getValue())
                      : nullptr;
  return resource ? resource.getRawHandle().getKey().str() : "weights";
}

/// A constant of the constituent's bytes. Elements of less than a byte lie in a
/// byte each, which only `dense` defines; it packs i1.
static TypedAttr makeConstant(ConstituentData &part, StringRef name) {
  unsigned width = part.type.getElementTypeBitWidth();
  MutableArrayRef<char> bytes = part.blob.getMutableData();
  if (width == 1) {
    SmallVector<bool> bits(
        llvm::map_range(bytes, [](char c) { return c & 1; }));
    return DenseElementsAttr::get(part.type, bits);
  }
  if (width < 8)
    for (char &code : bytes)
      code &= (1 << width) - 1;
  if (width < 8 || part.type.getNumElements() <= kMaxDenseElements)
    return DenseElementsAttr::getFromRawBuffer(part.type, bytes);
  return DenseResourceElementsAttr::get(part.type, name, std::move(part.blob));
}

EncodedConstant::EncodedConstant(EncodedTensorType type,
                                 const FunctionSignature &function)
    : type(type) {
  for (auto [part, spec] :
       llvm::zip(type.getConstituentTypes(), function.outputs)) {
    auto tensor = cast<RankedTensorType>(part);
    int64_t size = tensor.getNumElements() * spec.element.getBytes();
    parts.push_back({tensor, HeapAsmResourceBlob::allocate(
                                 size, kAlignment, /*dataIsMutable=*/true)});
  }
}

Value EncodedConstant::create(QuantizeOp op, OpBuilder &builder) {
  std::string base = getResourceName(op.getInput());
  SmallVector<Value> values;
  // What is given are all constituents but the first.
  size_t count = op.getGiven().empty() ? parts.size() : 1;
  for (auto [data, part] : llvm::zip(MutableArrayRef(parts).take_front(count),
                                     type.getConstituents()))
    values.push_back(arith::ConstantOp::create(
        builder, op.getLoc(), makeConstant(data, base + "." + part.name)));
  llvm::append_range(values, op.getGiven());
  parts.clear();
  return AssembleOp::create(builder, op.getLoc(), type.getType(), values);
}

void EncodedConstant::replace(QuantizeOp op, RewriterBase &rewriter) {
  rewriter.setInsertionPoint(op);
  Operation *input = op.getInput().getDefiningOp();
  rewriter.replaceOp(op, create(op, rewriter));
  if (input->use_empty())
    rewriter.eraseOp(input);
}
