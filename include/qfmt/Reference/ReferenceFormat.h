// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a tensor format must answer to be evaluated. A new format implements
// the interface in one file under lib/Reference/Formats and is added to
// registerReferenceModels.

#ifndef QFMT_REFERENCE_REFERENCEFORMAT_H
#define QFMT_REFERENCE_REFERENCEFORMAT_H

#include "qfmt/IR/EncodedTensorType.h"
#include "qfmt/Reference/Tensor.h"
#include "qfmt/Support/ExactReal.h"
#include "qfmt/Support/Rounding.h"

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mlir::qfmt::reference {

/// The attributes of `quantize` and `convert`.
struct EncodeModes {
  /// How x / s is taken before it is rounded to a code.
  enum class Division {
    /// Correctly rounded to the logical type: `quantize`.
    Rounded,
    /// Exactly: `convert`.
    Exact
  };

  Division division = Division::Rounded;
  RoundingMode rounding = RoundingMode::HalfEven;
  OverflowMode overflow = OverflowMode::Saturate;
  NaNMode nan = NaNMode::Zero;
  ScaleRule scaleRule = ScaleRule::AbsMax;
  /// Of stochastic rounding (spec C36), in the place of `rounding`.
  std::optional<uint64_t> seed = std::nullopt;
  /// All constituents but the payload, used as they are; empty: they are
  /// computed, by `scaleRule`. Their owner outlives the modes.
  ArrayRef<Tensor> given = {};
};

/// The reals to encode: values of the logical type, or exact ones.
class Reals {
public:
  explicit Reals(const Tensor &values) : values(values.getData()) {}
  explicit Reals(ArrayRef<ExactReal> exact) : exact(exact) {}

  int64_t size() const { return exact.empty() ? values.size() : exact.size(); }
  ExactReal operator[](int64_t index) const {
    return exact.empty() ? ExactReal::fromDouble(values[index].real)
                         : exact[index];
  }
  /// The value as a double; only if these are values of the logical type.
  std::optional<double> getDouble(int64_t index) const {
    if (!exact.empty())
      return std::nullopt;
    return values[index].real;
  }

private:
  ArrayRef<Scalar> values;
  ArrayRef<ExactReal> exact;
};

/// One rounding of each real, half to even, to the logical type of `type`.
Tensor roundToLogicalType(ArrayRef<ExactReal> reals, EncodedTensorType type);

/// Attaches the models of the dialect's own formats. Before a context loads
/// the dialect, or through appendDialectRegistry.
void registerReferenceModels(DialectRegistry &registry);

/// The models that registerReferenceModels attaches, one function a format.
void attachAdditiveModel(MLIRContext *context);
void attachScaledModel(MLIRContext *context);
void attachSelectModel(MLIRContext *context);

} // namespace mlir::qfmt::reference

#include "qfmt/Reference/ReferenceFormat.h.inc"

#endif // QFMT_REFERENCE_REFERENCEFORMAT_H
