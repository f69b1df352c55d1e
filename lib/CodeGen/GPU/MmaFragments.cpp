// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "MmaFragments.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace mlir::qfmt {

void emitMatrices(KernelBuilder &b, Value address, bool isTransposed,
                  SmallVectorImpl<Value> &registers) {
  SmallVector<Type> types(4, b.getI32Type());
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), types);
  auto shape = NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8);
  auto layout = isTransposed ? NVVM::MMALayout::col : NVVM::MMALayout::row;
  Value loaded = NVVM::LdMatrixOp::create(b, type, address, 4, layout, shape,
                                          NVVM::LdStMatrixEltType::B16);
  for (int64_t i = 0; i < 4; ++i)
    registers.push_back(LLVM::ExtractValueOp::create(b, loaded, i));
}

void emitMma(KernelBuilder &b, ArrayRef<Value> lhs, bool isLhsUnsigned,
             ArrayRef<Value> rhs, bool isRhsUnsigned,
             MutableArrayRef<Value> sums) {
  using Types = NVVM::MMATypes;
  std::array<Types, 2> types = {isLhsUnsigned ? Types::u8 : Types::s8,
                                isRhsUnsigned ? Types::u8 : Types::s8};
  std::array<NVVM::MMALayout, 2> layouts = {NVVM::MMALayout::row,
                                            NVVM::MMALayout::col};
  SmallVector<Type> sumTypes(kSumRegisters, b.getI32Type());
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), sumTypes);
  Value product = NVVM::MmaOp::create(
      b, type, lhs, rhs, ValueRange(sums), ArrayRef<int64_t>{16, 8, 32},
      /*b1Op=*/std::nullopt, NVVM::MMAIntOverflow::wrapped, types, layouts);
  for (int64_t k = 0; k < kSumRegisters; ++k)
    sums[k] = LLVM::ExtractValueOp::create(b, product, k);
}

} // namespace mlir::qfmt
