// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The value of an SSA value: a tensor, a scalar (a rank-0 tensor), or an
// encoded tensor.

#ifndef QFMT_REFERENCE_VALUE_H
#define QFMT_REFERENCE_VALUE_H

#include "qfmt/IR/EncodedTensorType.h"
#include "qfmt/Reference/Tensor.h"

namespace mlir::qfmt::reference {

class Value {
public:
  Value() = default;
  Value(Tensor tensor) : parts({std::move(tensor)}) {}
  /// `type` has a static shape; the constituents are those it names.
  Value(EncodedTensorType type, ArrayRef<Tensor> constituents)
      : type(type), parts(constituents),
        logical(std::make_shared<std::optional<Tensor>>()) {}

  bool isEncoded() const { return static_cast<bool>(type); }
  EncodedTensorType getEncodedType() const { return type; }

  const Tensor &getTensor() const {
    assert(!isEncoded() && "an encoded tensor has several constituents");
    return parts.front();
  }
  Tensor &getTensor() {
    assert(!isEncoded() && "an encoded tensor has several constituents");
    return parts.front();
  }
  ArrayRef<Tensor> getConstituents() const {
    assert(isEncoded());
    return parts;
  }
  ArrayRef<int64_t> getShape() const {
    return isEncoded() ? type.getShape() : getTensor().getShape();
  }

  /// The tensor itself, or an encoded tensor's elements rounded once, half to
  /// even, to the logical type (computed at the first call, then kept). Fails
  /// without a diagnostic if the format has no ReferenceFormat model.
  FailureOr<Tensor> readLogical() const;

private:
  EncodedTensorType type;
  SmallVector<Tensor, 1> parts;
  std::shared_ptr<std::optional<Tensor>> logical;
};

} // namespace mlir::qfmt::reference

#endif // QFMT_REFERENCE_VALUE_H
