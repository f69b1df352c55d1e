// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The elements of tensors that are constants, and constants seen through
// operations that only move elements or unpack codes.

#ifndef QFMT_CODEGEN_PRODUCTS_CONSTANTBITS_H
#define QFMT_CODEGEN_PRODUCTS_CONSTANTBITS_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"
#include <optional>
#include <vector>

namespace mlir::qfmt {

struct ConstantBits {
  SmallVector<int64_t> shape;
  Type elementType;
  /// In row-major order, zero above the width of an element.
  std::vector<uint32_t> bits;
};

/// None if `tensor` has elements of more than 32 bits or depends on anything
/// but constants.
std::optional<ConstantBits> readConstantBits(Value tensor);

/// An element as an attribute of its type.
Attribute getElementAttr(Type elementType, uint32_t bits);

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_PRODUCTS_CONSTANTBITS_H
