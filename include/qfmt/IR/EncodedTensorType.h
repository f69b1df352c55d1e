// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one wrapper that reads encoded tensor types.

#ifndef QFMT_IR_ENCODEDTENSORTYPE_H
#define QFMT_IR_ENCODEDTENSORTYPE_H

#include "qfmt/IR/TensorFormat.h"

namespace mlir::qfmt {

/// A ranked tensor type whose encoding is a TensorFormat. Made from any type;
/// false if that type is not encoded:
///
///   if (auto encoded = EncodedTensorType::get(value.getType()))
///     encoded.getFormat() ...
class EncodedTensorType {
public:
  EncodedTensorType() = default;

  static EncodedTensorType get(Type type);
  /// `logical` (unencoded) stored in `format`.
  static EncodedTensorType get(RankedTensorType logical, TensorFormat format);
  static bool isEncoded(Type type) { return static_cast<bool>(get(type)); }

  explicit operator bool() const { return static_cast<bool>(type); }

  RankedTensorType getType() const { return type; }
  TensorFormat getFormat() const;
  llvm::ArrayRef<int64_t> getShape() const { return type.getShape(); }
  int64_t getRank() const { return type.getRank(); }
  /// The type in which arithmetic on the elements is defined.
  FloatType getLogicalElementType() const;
  /// The same tensor without its encoding.
  RankedTensorType getLogicalType() const;
  /// The same tensor with its dynamic sizes replaced by those of its payload.
  EncodedTensorType withSizesOf(llvm::ArrayRef<int64_t> payload) const;
  /// What it consists of, in the order of `assemble`.
  llvm::SmallVector<Constituent> getConstituents() const;
  llvm::SmallVector<Type> getConstituentTypes() const;

private:
  explicit EncodedTensorType(RankedTensorType type) : type(type) {}

  RankedTensorType type;
};

/// True if `type` is an encoded tensor or contains one (a function type).
bool containsEncodedTensor(Type type);

} // namespace mlir::qfmt

#endif // QFMT_IR_ENCODEDTENSORTYPE_H
