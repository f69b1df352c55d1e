// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// iN and uiN, 1 <= N <= 16, as number formats: two's complement and unsigned
// integers. siN is refused so that each format has one spelling (spec C8).

#include "qfmt/IR/QFmt.h"
#include "qfmt/Support/Integer.h"

using namespace mlir;
using namespace mlir::qfmt;

namespace {
struct IntegerModel : NumberFormat::ExternalModel<IntegerModel, IntegerType> {
  static IntegerSpec getSpec(Type type) {
    auto integer = cast<IntegerType>(type);
    return {integer.getWidth(), !integer.isUnsigned()};
  }

  LogicalResult
  verifyFormat(Type type, function_ref<InFlightDiagnostic()> emitError) const {
    auto integer = cast<IntegerType>(type);
    if (integer.isSigned())
      return emitError() << type << " is not a number format, write i"
                         << integer.getWidth() << " for signed and ui"
                         << integer.getWidth() << " for unsigned integers";
    if (integer.getWidth() < 1 || integer.getWidth() > 16)
      return emitError() << "integer formats have 1 to 16 bits, found " << type;
    return success();
  }

  unsigned getFormatWidth(Type type) const {
    return type.getIntOrFloatBitWidth();
  }
  double decodeCode(Type type, uint64_t code) const {
    IntegerSpec spec = getSpec(type);
    return spec.decode(code & spec.getMask());
  }
  uint64_t encodeReal(Type type, const ExactReal &value, RoundingMode rounding,
                      OverflowMode overflow, NaNMode) const {
    return getSpec(type).encode(value, rounding, overflow);
  }
  double getLargest(Type type) const { return getSpec(type).getLargest(); }
  double getLowest(Type type) const { return getSpec(type).getLowest(); }
  double getScaleTarget(Type type) const {
    // i1 has the values -1 and 0.
    return std::max<int64_t>(getSpec(type).getLargest(), 1);
  }
  bool hasIntegerCodes(Type) const { return true; }
  bool canWrap(Type) const { return true; }
  std::optional<IntegerGrid> getIntegerGrid(Type type) const {
    return getSpec(type).getIntegerGrid();
  }
  Type getStorageType(Type type) const {
    return IntegerType::get(type.getContext(), type.getIntOrFloatBitWidth());
  }
};
} // namespace

void QFmtDialect::registerBuiltinIntegerFormats() {
  IntegerType::attachInterface<IntegerModel>(*getContext());
}
