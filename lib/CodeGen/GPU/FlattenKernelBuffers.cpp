//===- FlattenKernelBuffers.cpp - Buffers as kernels get them -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  gpu.launch that read and write elements of buffers from outside.
// Output: the same on buffers of one dimension, of which a pointer is all that
//         a kernel needs.
//
// SPIR-V has no bf16, and MLIR 22 would make arrays of f32 of such buffers
// without a word: kernels for Vulkan see the bits as integers.
//
// Where the number of elements is unknown, NVVM and ROCDL kernels get the first
// element, a memref without dimensions, since there a memref with unknown sizes
// is no pointer; SPIR-V has arrays of unknown size.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/RegionUtils.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_FLATTENKERNELBUFFERS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

/// The loads and stores through which `launch` uses `buffer`; none if it uses
/// it in another way.
std::optional<SmallVector<Operation *>> getAccesses(gpu::LaunchOp launch,
                                                    Value buffer) {
  SmallVector<Operation *> accesses;
  for (OpOperand &use : buffer.getUses()) {
    Operation *user = use.getOwner();
    if (!launch->isProperAncestor(user))
      continue;
    auto store = dyn_cast<memref::StoreOp>(user);
    if (!isa<memref::LoadOp>(user) &&
        !(store && store.getMemRef() == buffer && store.getValue() != buffer))
      return std::nullopt;
    accesses.push_back(user);
  }
  return accesses;
}

class Flattener {
public:
  Flattener(gpu::LaunchOp launch, bool hasUnknownArrays, bool wideAsWords)
      : launch(launch), b(launch.getLoc(), launch),
        hasUnknownArrays(hasUnknownArrays), wideAsWords(wideAsWords) {}

  void flatten(Value buffer, ArrayRef<Operation *> accesses) {
    auto type = cast<MemRefType>(buffer.getType());
    b.setInsertionPoint(launch);
    readLayout(buffer, type);
    OpFoldResult count = getNumElements();
    Value flat = makeArgument(buffer, type, count);
    stored = type.getElementType();
    isSplit = wideAsWords && stored.isInteger(64);
    if (isSplit)
      flat = castToIntegers(flat, 32);
    else if (hasUnknownArrays && isa<BFloat16Type>(stored))
      flat = castToIntegers(flat, 16);
    for (Operation *access : accesses)
      rewrite(access, flat);
  }

private:
  void readLayout(Value buffer, MemRefType type) {
    SmallVector<int64_t> staticStrides;
    int64_t staticOffset;
    (void)type.getStridesAndOffset(staticStrides, staticOffset);
    sizes.clear();
    strides.clear();
    memref::ExtractStridedMetadataOp metadata;
    auto isUnknown = [](int64_t size) { return ShapedType::isDynamic(size); };
    if (isUnknown(staticOffset) || llvm::any_of(staticStrides, isUnknown) ||
        !type.hasStaticShape())
      metadata = memref::ExtractStridedMetadataOp::create(b, buffer);
    auto get = [&](int64_t known, auto getUnknown) -> OpFoldResult {
      if (isUnknown(known))
        return OpFoldResult(getUnknown());
      return b.getIndexAttr(known);
    };
    offset = get(staticOffset, [&] { return metadata.getOffset(); });
    for (int64_t i = 0, e = type.getRank(); i < e; ++i) {
      sizes.push_back(get(type.getDimSize(i),
                          [&]() -> Value { return metadata.getSizes()[i]; }));
      strides.push_back(get(staticStrides[i], [&]() -> Value {
        return metadata.getStrides()[i];
      }));
    }
  }

  /// As far as the last element.
  OpFoldResult getNumElements() {
    AffineExpr sum = b.getAffineConstantExpr(1) + b.getAffineSymbolExpr(0);
    SmallVector<OpFoldResult> operands{offset};
    for (auto [size, stride] : llvm::zip_equal(sizes, strides)) {
      // Without elements nothing is read.
      sum = sum + (b.getAffineSymbolExpr(operands.size()) - 1) *
                      b.getAffineSymbolExpr(operands.size() + 1);
      operands.append({size, stride});
    }
    return affine::makeComposedFoldedAffineApply(b, b.getLoc(), sum, operands);
  }

  /// The buffer of one dimension as the kernel sees it; leaves the builder
  /// where kernels begin.
  Value makeArgument(Value buffer, MemRefType type, OpFoldResult count) {
    Type element = type.getElementType();
    Attribute space = type.getMemorySpace();
    OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
    std::optional<int64_t> known = getConstantIntValue(count);
    Block *body = &launch.getBody().front();
    if (known || hasUnknownArrays) {
      auto flatType = MemRefType::get(
          {known ? std::max<int64_t>(*known, 1) : ShapedType::kDynamic},
          element, MemRefLayoutAttrInterface(), space);
      if (flatType == type)
        return buffer;
      OpFoldResult size =
          known ? OpFoldResult(b.getIndexAttr(flatType.getDimSize(0))) : count;
      return memref::ReinterpretCastOp::create(b, flatType, buffer, zero, size,
                                               one);
    }
    // Not a cast, which would be folded into the one within the kernel.
    Value pointer =
        memref::ExtractStridedMetadataOp::create(b, buffer).getBaseBuffer();
    Value size = getValueOrCreateConstantIndexOp(b, b.getLoc(), count);
    b.setInsertionPointToStart(body);
    auto flatType = MemRefType::get({ShapedType::kDynamic}, element,
                                    MemRefLayoutAttrInterface(), space);
    return memref::ReinterpretCastOp::create(b, flatType, pointer, zero,
                                             OpFoldResult(size), one);
  }

  /// The same memory; only code of the host sees the cast, where both are one
  /// pointer.
  Value castToIntegers(Value flat, unsigned width) {
    auto type = cast<MemRefType>(flat.getType());
    SmallVector<int64_t> shape(type.getShape());
    if (!shape.empty() && !ShapedType::isDynamic(shape[0]))
      shape[0] *= type.getElementTypeBitWidth() / width;
    auto integers =
        MemRefType::get(shape, b.getIntegerType(width),
                        MemRefLayoutAttrInterface(), type.getMemorySpace());
    return UnrealizedConversionCastOp::create(b, TypeRange(integers), flat)
        .getResult(0);
  }

  Value loadElement(Value flat, Value index) {
    Type element = cast<MemRefType>(flat.getType()).getElementType();
    if (isSplit) {
      auto [low, high] = getWords(index);
      Value lower = memref::LoadOp::create(b, flat, low);
      Value upper = memref::LoadOp::create(b, flat, high);
      Value bits = arith::ConstantIntOp::create(b, 32, 64);
      upper = arith::ExtUIOp::create(b, stored, upper);
      upper = arith::ShLIOp::create(b, upper, bits);
      lower = arith::ExtUIOp::create(b, stored, lower);
      return arith::OrIOp::create(b, upper, lower);
    }
    Value loaded = memref::LoadOp::create(b, flat, index);
    if (element != stored)
      loaded = arith::BitcastOp::create(b, stored, loaded);
    return loaded;
  }

  void storeElement(Value value, Value flat, Value index) {
    Type element = cast<MemRefType>(flat.getType()).getElementType();
    if (isSplit) {
      auto [low, high] = getWords(index);
      Value bits = arith::ConstantIntOp::create(b, 32, 64);
      Value lower = arith::TruncIOp::create(b, element, value);
      Value upper = arith::ShRUIOp::create(b, value, bits);
      upper = arith::TruncIOp::create(b, element, upper);
      memref::StoreOp::create(b, lower, flat, low);
      memref::StoreOp::create(b, upper, flat, high);
      return;
    }
    if (element != stored)
      value = arith::BitcastOp::create(b, element, value);
    memref::StoreOp::create(b, value, flat, index);
  }

  /// Of a 64-bit element the places of its lower and upper word.
  std::pair<Value, Value> getWords(Value index) {
    Value low =
        arith::MulIOp::create(b, index, arith::ConstantIndexOp::create(b, 2));
    Value high =
        arith::AddIOp::create(b, low, arith::ConstantIndexOp::create(b, 1));
    return {low, high};
  }

  void rewrite(Operation *access, Value flat) {
    b.setInsertionPoint(access);
    b.setLoc(access->getLoc());
    auto load = dyn_cast<memref::LoadOp>(access);
    auto store = dyn_cast<memref::StoreOp>(access);
    ValueRange indices = load ? load.getIndices() : store.getIndices();
    Value index = getAddress(indices);
    if (load)
      load.replaceAllUsesWith(loadElement(flat, index));
    else
      storeElement(store.getValue(), flat, index);
    access->erase();
  }

  Value getAddress(ValueRange indices) {
    Value sum;
    auto add = [&](Value value) {
      sum = sum ? arith::AddIOp::create(b, sum, value) : value;
    };
    for (auto [index, stride] : llvm::zip_equal(indices, strides)) {
      std::optional<int64_t> known = getConstantIntValue(stride);
      if (known == 0)
        continue;
      if (known == 1) {
        add(index);
        continue;
      }
      Value step = getValueOrCreateConstantIndexOp(b, b.getLoc(), stride);
      add(arith::MulIOp::create(b, index, step));
    }
    if (!sum || getConstantIntValue(offset) != 0)
      add(getValueOrCreateConstantIndexOp(b, b.getLoc(), offset));
    return sum;
  }

  gpu::LaunchOp launch;
  ImplicitLocOpBuilder b;
  bool hasUnknownArrays, wideAsWords;
  /// What the buffer's elements are.
  Type stored;
  /// True if the kernel sees two words for each.
  bool isSplit = false;
  OpFoldResult offset;
  SmallVector<OpFoldResult> sizes, strides;
};

void flattenBuffers(gpu::LaunchOp launch, bool hasUnknownArrays,
                    bool wideAsWords) {
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(launch.getBody(), captured);
  for (Value value : captured) {
    auto type = dyn_cast<MemRefType>(value.getType());
    if (!type)
      continue;
    SmallVector<int64_t> strides;
    int64_t offset;
    auto accesses = getAccesses(launch, value);
    if (accesses && succeeded(type.getStridesAndOffset(strides, offset)))
      Flattener(launch, hasUnknownArrays, wideAsWords)
          .flatten(value, *accesses);
  }
}

struct FlattenKernelBuffersPass
    : impl::FlattenKernelBuffersBase<FlattenKernelBuffersPass> {
  using FlattenKernelBuffersBase::FlattenKernelBuffersBase;

  void runOnOperation() override {
    std::optional<GpuTarget> target = GpuTarget::get(getOperation());
    bool hasUnknownArrays = target && target->runtime == GpuRuntime::Vulkan;
    SmallVector<gpu::LaunchOp> launches;
    getOperation()->walk(
        [&](gpu::LaunchOp launch) { launches.push_back(launch); });
    for (gpu::LaunchOp launch : launches)
      flattenBuffers(launch, hasUnknownArrays, wideAsWords);
  }
};

} // namespace
} // namespace mlir::qfmt
