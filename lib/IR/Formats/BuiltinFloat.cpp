// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's builtin floats of at most 16 bits, and f32, as number formats.

#include "qfmt/IR/QFmt.h"
#include "qfmt/Support/Minifloat.h"
#include "llvm/ADT/bit.h"
#include <cfloat>

using namespace mlir;
using namespace mlir::qfmt;

namespace {
/// The model of a builtin minifloat; `spec` says which it is.
template <typename FloatT, MinifloatSpec (*spec)()>
struct MinifloatModel
    : NumberFormat::ExternalModel<MinifloatModel<FloatT, spec>, FloatT> {
  LogicalResult verifyFormat(Type, function_ref<InFlightDiagnostic()>) const {
    return success();
  }
  unsigned getFormatWidth(Type) const { return spec().getWidth(); }
  double decodeCode(Type, uint64_t code) const {
    return spec().decode(code & (spec().getNumCodes() - 1));
  }
  uint64_t encodeReal(Type, const ExactReal &value, RoundingMode rounding,
                      OverflowMode overflow, NaNMode nan) const {
    return spec().encode(value, rounding, overflow, nan);
  }
  double getLargest(Type) const { return spec().getLargest(); }
  double getLowest(Type) const { return spec().getLowest(); }
  std::optional<IntegerGrid> getIntegerGrid(Type) const {
    return spec().getIntegerGrid();
  }
  std::optional<FloatFields> getFloatFields(Type) const {
    return FloatFields{spec().mantissaBits + 1, spec().exponentBits};
  }
  Type getStorageType(Type type) const { return type; }
};

/// f32: the format of scales, wider than a MinifloatSpec.
struct F32Model : NumberFormat::ExternalModel<F32Model, Float32Type> {
  LogicalResult verifyFormat(Type, function_ref<InFlightDiagnostic()>) const {
    return success();
  }
  unsigned getFormatWidth(Type) const { return 32; }
  double decodeCode(Type, uint64_t code) const {
    return llvm::bit_cast<float>(static_cast<uint32_t>(code));
  }
  uint64_t encodeReal(Type, const ExactReal &value, RoundingMode rounding,
                      OverflowMode overflow, NaNMode nan) const {
    if (value.isNaN() && nan == NaNMode::Zero)
      return 0;
    float rounded = value.roundToFloat(rounding);
    if (overflow == OverflowMode::Saturate && std::isinf(rounded))
      rounded = std::copysign(FLT_MAX, rounded);
    return llvm::bit_cast<uint32_t>(rounded);
  }
  double getLargest(Type) const { return FLT_MAX; }
  double getLowest(Type) const { return -FLT_MAX; }
  std::optional<IntegerGrid> getIntegerGrid(Type) const { return std::nullopt; }
  std::optional<FloatFields> getFloatFields(Type) const {
    return FloatFields{24, 8};
  }
  Type getStorageType(Type type) const { return type; }
};
} // namespace

template <typename FloatT, MinifloatSpec (*spec)()>
static void attach(MLIRContext *context) {
  FloatT::template attachInterface<MinifloatModel<FloatT, spec>>(*context);
}

void QFmtDialect::registerBuiltinFloatFormats() {
  MLIRContext *context = getContext();
  attach<Float4E2M1FNType, MinifloatSpec::f4E2M1FN>(context);
  attach<Float6E2M3FNType, MinifloatSpec::f6E2M3FN>(context);
  attach<Float6E3M2FNType, MinifloatSpec::f6E3M2FN>(context);
  attach<Float8E3M4Type, MinifloatSpec::f8E3M4>(context);
  attach<Float8E4M3Type, MinifloatSpec::f8E4M3>(context);
  attach<Float8E4M3FNType, MinifloatSpec::f8E4M3FN>(context);
  attach<Float8E4M3FNUZType, MinifloatSpec::f8E4M3FNUZ>(context);
  attach<Float8E4M3B11FNUZType, MinifloatSpec::f8E4M3B11FNUZ>(context);
  attach<Float8E5M2Type, MinifloatSpec::f8E5M2>(context);
  attach<Float8E5M2FNUZType, MinifloatSpec::f8E5M2FNUZ>(context);
  attach<Float8E8M0FNUType, MinifloatSpec::f8E8M0FNU>(context);
  attach<Float16Type, MinifloatSpec::f16>(context);
  attach<BFloat16Type, MinifloatSpec::bf16>(context);
  Float32Type::attachInterface<F32Model>(*context);
}
