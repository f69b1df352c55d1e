//===- ConstantTensor.h - Constants behind moves ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads an f32 tensor that is known at compile time, also behind operations
// that only move, repeat or fill. LLVM 22 folds nothing that reads a
// dense_resource, so passes look through such operations by this.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_CONSTANTTENSOR_H
#define QFMT_LIB_TRANSFORMS_CONSTANTTENSOR_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Value.h"
#include <memory>
#include <optional>
#include <vector>

namespace mlir::qfmt {

/// The float that `value` holds at compile time, if it is a scalar constant.
std::optional<double> readConstantScalar(Value value);

/// What elements of an arith.constant were before they were rounded to f32,
/// row-major; null if it does not know.
using ExactElements =
    function_ref<const std::vector<double> *(Operation *constant)>;

/// The elements of a constant f32 tensor of static shape: shared values seen
/// through strides, 0 along repeated dimensions.
class ConstantTensor {
public:
  /// The constant that `value` is: arith.constant, or linalg.transpose,
  /// linalg.broadcast, linalg.fill, tensor.expand_shape,
  /// tensor.collapse_shape, or a linalg.generic that yields its one input, of
  /// such a constant. None for anything else. Where `exact` has something for
  /// an arith.constant, these are its elements.
  static std::optional<ConstantTensor> read(Value value,
                                            ExactElements exact = nullptr);

  ArrayRef<int64_t> getShape() const { return shape; }
  int64_t getRank() const { return shape.size(); }
  int64_t getNumElements() const;
  /// Exactly the f32 value.
  double at(ArrayRef<int64_t> index) const;
  /// The elements in row-major order.
  std::vector<double> getElements() const;
  /// The name of the resource that holds the values; empty if they lie in none.
  StringRef getName() const { return name; }

private:
  using Strides = SmallVector<int64_t>;

  static std::optional<ConstantTensor> fromAttribute(ElementsAttr attribute);
  static ConstantTensor splat(ArrayRef<int64_t> shape, double value);
  /// The same elements, seen with another shape.
  ConstantTensor seenAs(ArrayRef<int64_t> newShape, Strides newStrides) const;
  ConstantTensor reshaped(ArrayRef<int64_t> newShape) const;

  std::shared_ptr<const std::vector<double>> values;
  SmallVector<int64_t> shape;
  Strides strides;
  std::string name;
};

/// Calls `body` with each index of `shape`, in row-major order.
void forEachIndex(ArrayRef<int64_t> shape,
                  function_ref<void(ArrayRef<int64_t>)> body);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_CONSTANTTENSOR_H
