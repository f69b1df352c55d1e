// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes of MLIR's floats of at most 32 bits and of !qfmt.float as integer
// arithmetic (MinifloatArith.h); narrow codes are read from tables.

#include "FormatModels.h"
#include "Table.h"
#include "qfmt/Conversion/MinifloatArith.h"
#include "qfmt/Conversion/ScalarOps.h"
#include "qfmt/Transforms/FormatLowering.h"

using namespace mlir;
using namespace mlir::qfmt;

/// Codes of so many bits are read from a table, which takes a vector register
/// or two.
static constexpr unsigned kMaxLookupBits = 5;

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

/// True if all exponents are those of normal numbers of f32, but for the
/// subnormal ones, and so is the factor that corrects the bias.
static bool isCovered(const MinifloatSpec &spec) {
  return spec.hasSubnormals && !spec.negativeZero && spec.bias >= 0 &&
         spec.bias <= 127 && spec.getLargestCode() >> spec.mantissaBits < 255;
}

namespace {
/// The lowering of the formats of class `TypeT`; `getSpec` says which one a
/// type is.
template <typename TypeT, MinifloatSpec (*getSpec)(Type)>
struct MinifloatLowering
    : NumberFormatLowering::ExternalModel<MinifloatLowering<TypeT, getSpec>,
                                          TypeT> {
  bool coversFormat(Type type) const { return isCovered(getSpec(type)); }
  ExactRange getExactRange(Type type) const {
    // The smallest value has the last place of the first normal one, and every
    // significand its hidden bit.
    MinifloatSpec spec = getSpec(type);
    int largestField = spec.getLargestCode() >> spec.mantissaBits;
    return {spec.mantissaBits + 1,
            (spec.hasZero() ? 1 : 0) - spec.bias - int(spec.mantissaBits),
            std::max(largestField, 1) - spec.bias + 1};
  }
  Value emitDecode(Type type, OpBuilder &builder, Location loc,
                   Value code) const {
    if (code.getType().isF32())
      return code;
    ScalarBuilder b(builder, loc);
    if (getSpec(type).getWidth() <= kMaxLookupBits)
      return emitTableDecode(b, cast<NumberFormat>(type), code);
    return emitMinifloatDecode(b, getSpec(type), code);
  }
  Value emitEncode(Type type, OpBuilder &builder, Location loc, Value real,
                   const EncodeModes &modes, Value) const {
    ScalarBuilder b(builder, loc);
    auto format = cast<NumberFormat>(type);
    Value code = emitMinifloatEncode(
        b, getSpec(type), real,
        {modes.rounding, modes.overflow, [&](const ExactReal &value) {
           return format.encodeReal(value, modes.rounding, modes.overflow,
                                    modes.nan);
         }});
    Type storage = getCodeType(format.getStorageType());
    return code.getType() == storage
               ? code
               : b.createOrFold<arith::BitcastOp>(storage, code);
  }
};

MinifloatSpec getQFloatSpec(Type type) {
  return cast<QFloatType>(type).getSpec();
}
} // namespace

template <typename TypeT, MinifloatSpec (*getSpec)(Type)>
static void attach(MLIRContext *context) {
  TypeT::template attachInterface<MinifloatLowering<TypeT, getSpec>>(*context);
}

/// A builtin type is one format.
template <MinifloatSpec (*spec)()>
static MinifloatSpec always(Type) {
  return spec();
}

void mlir::qfmt::attachMinifloatLowerings(MLIRContext *context) {
  using Spec = MinifloatSpec;
  attach<Float4E2M1FNType, always<Spec::f4E2M1FN>>(context);
  attach<Float6E2M3FNType, always<Spec::f6E2M3FN>>(context);
  attach<Float6E3M2FNType, always<Spec::f6E3M2FN>>(context);
  attach<Float8E3M4Type, always<Spec::f8E3M4>>(context);
  attach<Float8E4M3Type, always<Spec::f8E4M3>>(context);
  attach<Float8E4M3FNType, always<Spec::f8E4M3FN>>(context);
  attach<Float8E4M3FNUZType, always<Spec::f8E4M3FNUZ>>(context);
  attach<Float8E4M3B11FNUZType, always<Spec::f8E4M3B11FNUZ>>(context);
  attach<Float8E5M2Type, always<Spec::f8E5M2>>(context);
  attach<Float8E5M2FNUZType, always<Spec::f8E5M2FNUZ>>(context);
  attach<Float8E8M0FNUType, always<Spec::f8E8M0FNU>>(context);
  attach<Float16Type, always<Spec::f16>>(context);
  attach<BFloat16Type, always<Spec::bf16>>(context);
  attach<Float32Type, always<getF32Spec>>(context);
  attach<QFloatType, getQFloatSpec>(context);
}
