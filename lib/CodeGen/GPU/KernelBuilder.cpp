// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

namespace mlir::qfmt {

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Value KernelBuilder::i32(int64_t value) {
  return arith::ConstantIntOp::create(*this, value, 32);
}

Value KernelBuilder::constant(Value like, int64_t value) {
  return arith::ConstantOp::create(*this,
                                   getIntegerAttr(like.getType(), value));
}

Value KernelBuilder::add(Value a, Value b) {
  return createOrFold<arith::AddIOp>(a, b);
}

Value KernelBuilder::sub(Value a, Value b) {
  return createOrFold<arith::SubIOp>(a, b);
}

Value KernelBuilder::mul(Value a, Value b) {
  return createOrFold<arith::MulIOp>(a, b);
}

Value KernelBuilder::bitAnd(Value a, Value b) {
  return createOrFold<arith::AndIOp>(a, b);
}

Value KernelBuilder::bitXor(Value a, Value b) {
  return createOrFold<arith::XOrIOp>(a, b);
}

Value KernelBuilder::min(Value a, Value b) {
  return createOrFold<arith::MinSIOp>(a, b);
}

Value KernelBuilder::max(Value a, Value b) {
  return createOrFold<arith::MaxSIOp>(a, b);
}

Value KernelBuilder::select(Value condition, Value a, Value b) {
  return condition ? createOrFold<arith::SelectOp>(condition, a, b) : a;
}

Value KernelBuilder::isLess(Value a, Value b) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, a, b);
}

Value KernelBuilder::both(Value a, Value b) {
  if (!a || !b)
    return a ? a : b;
  return createOrFold<arith::AndIOp>(a, b);
}

Value KernelBuilder::div(Value a, Value b) {
  return createOrFold<arith::DivUIOp>(a, b);
}

Value KernelBuilder::rem(Value a, Value b) {
  return createOrFold<arith::RemUIOp>(a, b);
}

Value KernelBuilder::div(Value a, int64_t b) { return div(a, constant(a, b)); }

Value KernelBuilder::rem(Value a, int64_t b) { return rem(a, constant(a, b)); }

Value KernelBuilder::toI32(Value index) {
  return createOrFold<arith::IndexCastOp>(getI32Type(), index);
}

Value KernelBuilder::toI64(Value i32) {
  return createOrFold<arith::ExtSIOp>(getI64Type(), i32);
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

Value KernelBuilder::selectBytes(Value low, Value high, Value selector) {
  return NVVM::PermuteOp::create(*this, getI32Type(), low, high, selector,
                                 NVVM::PermuteMode::DEFAULT);
}

Value KernelBuilder::advance(Value pointer, Value bytes) {
  return LLVM::GEPOp::create(*this, pointer.getType(), getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{bytes});
}

Value KernelBuilder::advance(Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  return LLVM::GEPOp::create(*this, pointer.getType(), getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{int32_t(bytes)});
}

void KernelBuilder::emitIf(Value condition, function_ref<void()> body) {
  if (!condition)
    return body();
  auto guard = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard insertion(*this);
  setInsertionPointToStart(guard.thenBlock());
  body();
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

GlobalBuffer::GlobalBuffer(KernelBuilder &b, Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  elementType = type.getElementType();
  SmallVector<int64_t> staticStrides;
  int64_t staticOffset;
  if (failed(type.getStridesAndOffset(staticStrides, staticOffset)))
    return;
  memref::ExtractStridedMetadataOp metadata;
  auto isUnknown = [](int64_t size) { return ShapedType::isDynamic(size); };
  if (isUnknown(staticOffset) || llvm::any_of(staticStrides, isUnknown))
    metadata = memref::ExtractStridedMetadataOp::create(b, buffer);
  offset = isUnknown(staticOffset) ? OpFoldResult(metadata.getOffset())
                                   : b.getIndexAttr(staticOffset);
  for (auto [i, stride] : llvm::enumerate(staticStrides))
    strides.push_back(isUnknown(stride) ? OpFoldResult(metadata.getStrides()[i])
                                        : OpFoldResult(b.getIndexAttr(stride)));
  first = memref::ReinterpretCastOp::create(
      b,
      MemRefType::get({}, elementType, MemRefLayoutAttrInterface(),
                      type.getMemorySpace()),
      buffer, b.getIndexAttr(0), ArrayRef<OpFoldResult>{},
      ArrayRef<OpFoldResult>{});
}

void GlobalBuffer::readAsBytes(KernelBuilder &b) {
  int64_t bytes = getElementBytes();
  auto scale = [&](OpFoldResult number) -> OpFoldResult {
    if (std::optional<int64_t> known = getConstantIntValue(number))
      return b.getIndexAttr(*known * bytes);
    Value factor = arith::ConstantIndexOp::create(b, bytes);
    return arith::MulIOp::create(b, cast<Value>(number), factor).getResult();
  };
  offset = scale(offset);
  for (OpFoldResult &stride : MutableArrayRef(strides).drop_back())
    stride = scale(stride);
  elementType = b.getI8Type();
}

GlobalBuffer GlobalBuffer::select(KernelBuilder &b, Value index) const {
  SmallVector<Value> indices(strides.size(), b.i32(0));
  indices.front() = index;
  GlobalBuffer part = *this;
  part.pointer = getAddress(b, indices);
  part.selectedStrides.push_back(offset);
  part.selectedStrides.push_back(strides.front());
  part.offset = b.getIndexAttr(0);
  part.strides.erase(part.strides.begin());
  return part;
}

void GlobalBuffer::enter(KernelBuilder &b) {
  Value index = memref::ExtractAlignedPointerAsIndexOp::create(b, first);
  Value address = arith::IndexCastOp::create(b, b.getI64Type(), index);
  auto type = LLVM::LLVMPointerType::get(b.getContext(), kGlobalMemory);
  pointer = LLVM::IntToPtrOp::create(b, type, address);
}

int64_t GlobalBuffer::getElementBytes() const {
  return llvm::divideCeil(elementType.getIntOrFloatBitWidth(), 8);
}

std::optional<int64_t> GlobalBuffer::getStride(unsigned dim) const {
  return getConstantIntValue(strides[dim]);
}

int64_t GlobalBuffer::getAlignment(ArrayRef<unsigned> dims,
                                   int64_t limit) const {
  int64_t alignment = limit;
  auto divide = [&](OpFoldResult number) {
    std::optional<int64_t> known = getConstantIntValue(number);
    while (alignment > 1 && (!known || *known % alignment != 0))
      alignment /= 2;
  };
  divide(offset);
  for (OpFoldResult stride : selectedStrides)
    divide(stride);
  for (unsigned dim : dims)
    divide(strides[dim]);
  return alignment;
}

Value GlobalBuffer::getAddress(KernelBuilder &b, ValueRange indices) const {
  auto emit = [&](OpFoldResult number) -> Value {
    if (std::optional<int64_t> known = getConstantIntValue(number))
      return arith::ConstantIntOp::create(b, *known, 64);
    return arith::IndexCastOp::create(b, b.getI64Type(), cast<Value>(number));
  };
  Value sum = emit(offset);
  for (auto [index, stride] : llvm::zip_equal(indices, strides))
    sum = b.add(sum, b.mul(b.toI64(index), emit(stride)));
  return b.advance(pointer, b.mul(sum, getElementBytes()));
}

Value GlobalBuffer::getFirst(KernelBuilder &b) const {
  return getAddress(b, SmallVector<Value>(strides.size(), b.i32(0)));
}

/// Numbers that LLVM does not have lie in memory as integers.
Type GlobalBuffer::getStoredType(KernelBuilder &b) const {
  if (LLVM::isCompatibleType(elementType))
    return elementType;
  return b.getIntegerType(elementType.getIntOrFloatBitWidth());
}

SmallVector<Value> GlobalBuffer::load(KernelBuilder &b, Value address,
                                      int64_t count) const {
  Type stored = getStoredType(b);
  Type type = count == 1 ? stored : Type(VectorType::get(count, stored));
  auto load = LLVM::LoadOp::create(b, type, address,
                                   unsigned(count * getElementBytes()));
  load.setInvariant(true);
  SmallVector<Value> elements;
  for (int64_t i = 0; i < count; ++i) {
    Value element = load;
    if (count != 1)
      element = LLVM::ExtractElementOp::create(b, load, b.i32(i));
    if (stored != elementType)
      element = arith::BitcastOp::create(b, elementType, element);
    elements.push_back(element);
  }
  return elements;
}

void GlobalBuffer::store(KernelBuilder &b, ArrayRef<Value> elements,
                         Value address) const {
  Type stored = getStoredType(b);
  int64_t count = elements.size();
  Value value;
  if (count != 1)
    value = LLVM::PoisonOp::create(b, VectorType::get(count, stored));
  for (auto [i, element] : llvm::enumerate(elements)) {
    Value bits = element;
    if (stored != elementType)
      bits = arith::BitcastOp::create(b, stored, bits);
    value = count == 1 ? bits
                       : LLVM::InsertElementOp::create(b, value, bits, b.i32(i))
                             .getResult();
  }
  LLVM::StoreOp::create(b, value, address, unsigned(count * getElementBytes()));
}

} // namespace mlir::qfmt
