//===- Tensor.h - A tensor on the host --------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The values that the reference evaluator computes with. Every element takes
// one 8-byte Scalar, whatever its type:
//
//   floats (f64 and narrower)   the exact value, as a double
//   signless and si integers    sign-extended from their width (i1 true is -1)
//   ui integers                 zero-extended
//   index                       64 bits
//
// A rank-0 tensor is also how a scalar SSA value is held.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_REFERENCE_TENSOR_H
#define QFMT_REFERENCE_TENSOR_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include <memory>
#include <vector>

namespace mlir::qfmt::reference {

union Scalar {
  double real;
  int64_t integer;
};

inline Scalar makeReal(double value) {
  Scalar scalar;
  scalar.real = value;
  return scalar;
}
inline Scalar makeInteger(int64_t value) {
  Scalar scalar;
  scalar.integer = value;
  return scalar;
}

/// True if elements of `type` can be held: index, integers of at most 64 bits,
/// floats of at most 64 bits.
bool isSupportedElementType(Type type);

/// Bits of an element; 64 for index.
unsigned getElementWidth(Type elementType);

/// The low bits of `value` as an element of an integer type or index.
int64_t wrapToType(int64_t value, Type elementType);

/// A double rounded once, half to even, to a float type; overflow becomes what
/// the type has for it (infinity, NaN or the largest value), as APFloat does.
double roundToType(double value, FloatType type);

/// The bits of an element, zero above its width. A NaN gives the type's quiet
/// NaN: payloads are not kept.
uint64_t getElementBits(Scalar value, Type elementType);
Scalar getElementFromBits(uint64_t bits, Type elementType);

/// Contiguous, row-major. Copies share their elements until one is written.
class Tensor {
public:
  /// Rank 0, no type: only to be assigned to.
  Tensor() = default;
  /// All elements 0.
  Tensor(ArrayRef<int64_t> shape, Type elementType);
  /// Errors: a negative size, more elements than this machine's memory holds.
  static LogicalResult
  verifyShape(ArrayRef<int64_t> shape,
              function_ref<InFlightDiagnostic()> emitError);

  /// The element-wise reading of an ElementsAttr with a supported element type,
  /// dense_resource included (one code a byte below 8 bits).
  static FailureOr<Tensor>
  fromAttribute(ElementsAttr attribute,
                function_ref<InFlightDiagnostic()> emitError);

  /// The elements of a raw buffer in row-major order, little-endian: an element
  /// of N bits takes N / 8 bytes rounded up to 1, 2, 4 or 8, so that i4, f4 and
  /// f6 codes take one byte each. The codes of integers below 8 bits may be
  /// zero- or sign-extended; i1 is 0 or 1. Errors: a type that is not
  /// supported, a dynamic shape, one that verifyShape refuses, a wrong number
  /// of bytes, a byte that is no code of the type.
  static FailureOr<Tensor>
  fromBytes(RankedTensorType type, ArrayRef<char> bytes,
            function_ref<InFlightDiagnostic()> emitError);
  /// The inverse of fromBytes; codes below 8 bits are zero-extended.
  std::vector<char> toBytes() const;
  static unsigned getBytesPerElement(Type elementType);

  static Tensor scalar(Type elementType, Scalar value);

  Type getElementType() const { return elementType; }
  ArrayRef<int64_t> getShape() const { return shape; }
  int64_t getRank() const { return shape.size(); }
  int64_t getNumElements() const { return data ? data->size() : 0; }
  RankedTensorType getType() const {
    return RankedTensorType::get(shape, elementType);
  }

  ArrayRef<Scalar> getData() const {
    return data ? ArrayRef<Scalar>(*data) : ArrayRef<Scalar>();
  }
  /// Writable elements, no longer shared with any copy.
  MutableArrayRef<Scalar> getMutableData();
  Scalar operator[](int64_t index) const { return (*data)[index]; }

  /// The same elements in another shape of as many elements.
  Tensor reshape(ArrayRef<int64_t> newShape) const;
  /// A tensor of the same element type with every element `value`.
  void fill(Scalar value);

  /// Row-major strides, in elements.
  SmallVector<int64_t> getStrides() const;
  bool isInBounds(ArrayRef<int64_t> indices) const;
  /// The number of an element that is in bounds.
  int64_t linearize(ArrayRef<int64_t> indices) const;

private:
  SmallVector<int64_t> shape;
  Type elementType;
  std::shared_ptr<std::vector<Scalar>> data;
};

/// Calls `visit` with every index of a box in row-major order.
void forEachIndex(ArrayRef<int64_t> shape,
                  function_ref<void(ArrayRef<int64_t>)> visit);

} // namespace mlir::qfmt::reference

#endif // QFMT_REFERENCE_TENSOR_H
