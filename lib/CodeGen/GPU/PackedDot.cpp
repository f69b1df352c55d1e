// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "PackedDot.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::qfmt {

PackedDot getPackedDot(const GpuTarget &target) {
  if (target.hasByteDot())
    return PackedDot::Dp4a;
  if (target.runtime == GpuRuntime::Vulkan && target.chip == "vulkan1.3")
    return PackedDot::Spirv;
  if (target.runtime != GpuRuntime::Rocm)
    return PackedDot::None;
  if (target.hasAmdFeature("dot8-insts"))
    return PackedDot::AmdAnySigns;
  if (target.hasAmdFeature("dot1-insts") && target.hasAmdFeature("dot7-insts"))
    return PackedDot::AmdSameSigns;
  return PackedDot::None;
}

//===----------------------------------------------------------------------===//
// NVIDIA
//===----------------------------------------------------------------------===//

static Value emitDp4a(ImplicitLocOpBuilder &b, PackedBytes left,
                      PackedBytes right, Value sum) {
  auto bytes = VectorType::get(4, b.getI8Type());
  auto split = [&](Value word) -> Value {
    Value vector = vector::BroadcastOp::create(
        b, VectorType::get(1, b.getI32Type()), word);
    return vector::BitCastOp::create(b, bytes, vector);
  };
  auto getSign = [](bool isUnsigned) {
    return isUnsigned ? NVVM::DotAccumulateType::UNSIGNED
                      : NVVM::DotAccumulateType::SIGNED;
  };
  return NVVM::DotAccumulate4WayOp::create(
      b, b.getI32Type(), split(left.word), getSign(left.isUnsigned),
      split(right.word), getSign(right.isUnsigned), sum);
}

//===----------------------------------------------------------------------===//
// SPIR-V
//===----------------------------------------------------------------------===//

static Value emitSpirvDot(ImplicitLocOpBuilder &b, PackedBytes left,
                          PackedBytes right) {
  auto format = spirv::PackedVectorFormatAttr::get(
      b.getContext(), spirv::PackedVectorFormat::PackedVectorFormat4x8Bit);
  Type type = b.getI32Type();
  if (left.isUnsigned && right.isUnsigned)
    return spirv::UDotOp::create(b, type, left.word, right.word, format);
  if (!left.isUnsigned && !right.isUnsigned)
    return spirv::SDotOp::create(b, type, left.word, right.word, format);
  // The signed one is the first.
  if (left.isUnsigned)
    std::swap(left, right);
  return spirv::SUDotOp::create(b, type, left.word, right.word, format);
}

//===----------------------------------------------------------------------===//
// AMD
//===----------------------------------------------------------------------===//

static Value emitBit(ImplicitLocOpBuilder &b, bool isSet) {
  return arith::ConstantIntOp::create(b, isSet, 1);
}

static Value emitIntrinsic(ImplicitLocOpBuilder &b, StringRef name,
                           ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, b.getI32Type(), b.getStringAttr(name),
                                       operands)
      ->getResult(0);
}

static Value emitDotOfSameSigns(ImplicitLocOpBuilder &b, bool isUnsigned,
                                Value left, Value right, Value sum) {
  StringRef name = isUnsigned ? "llvm.amdgcn.udot4" : "llvm.amdgcn.sdot4";
  return emitIntrinsic(b, name, {left, right, sum, emitBit(b, false)});
}

/// With v = u - 128, whose bits are those of u but for the highest one:
///   sum u s = sum v s + 128 sum s
static Value emitDotOfMixedSigns(ImplicitLocOpBuilder &b, Value unsignedBytes,
                                 Value signedBytes, Value sum) {
  auto word = [&](uint32_t bits) -> Value {
    return arith::ConstantIntOp::create(b, int32_t(bits), 32);
  };
  Value shifted = arith::XOrIOp::create(b, unsignedBytes, word(0x80808080));
  Value ones = word(0x01010101);
  Value bytes = emitDotOfSameSigns(b, false, signedBytes, ones, word(0));
  Value missing = arith::ShLIOp::create(b, bytes, word(7));
  sum = arith::AddIOp::create(b, sum, missing);
  return emitDotOfSameSigns(b, false, shifted, signedBytes, sum);
}

static Value emitDotOfAnySigns(ImplicitLocOpBuilder &b, PackedBytes left,
                               PackedBytes right, Value sum) {
  return emitIntrinsic(b, "llvm.amdgcn.sudot4",
                       {emitBit(b, !left.isUnsigned), left.word,
                        emitBit(b, !right.isUnsigned), right.word, sum,
                        emitBit(b, false)});
}

Value emitPackedDot(ImplicitLocOpBuilder &b, PackedDot dot, PackedBytes left,
                    PackedBytes right, Value sum) {
  switch (dot) {
  case PackedDot::None:
    return {};
  case PackedDot::Dp4a:
    return emitDp4a(b, left, right, sum);
  case PackedDot::Spirv:
    return arith::AddIOp::create(b, sum, emitSpirvDot(b, left, right));
  case PackedDot::AmdSameSigns:
    if (left.isUnsigned == right.isUnsigned)
      return emitDotOfSameSigns(b, left.isUnsigned, left.word, right.word, sum);
    return left.isUnsigned ? emitDotOfMixedSigns(b, left.word, right.word, sum)
                           : emitDotOfMixedSigns(b, right.word, left.word, sum);
  case PackedDot::AmdAnySigns:
    return emitDotOfAnySigns(b, left, right, sum);
  }
  return {};
}

} // namespace mlir::qfmt
