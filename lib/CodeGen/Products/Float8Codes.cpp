// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Products/Float8Codes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "qfmt/CodeGen/Products/BodyEvaluation.h"
#include "qfmt/CodeGen/Products/ConstantBits.h"

namespace mlir::qfmt {

/// All numbers that are none are the same.
static bool isNumberOf(FloatType format, uint32_t code, APFloat number) {
  APFloat expected(format.getFloatSemantics(), APInt(8, code));
  if (expected.isNaN() || number.isNaN())
    return expected.isNaN() && number.isNaN();
  bool losesInfo;
  expected.convert(number.getSemantics(), APFloat::rmNearestTiesToEven,
                   &losesInfo);
  return expected.bitwiseIsEqual(number);
}

FloatType getFloat8Format(Value number, BlockArgument code) {
  std::optional<SmallVector<BlockArgument>> arguments = getArgumentsOf(number);
  if (!number.getType().isF32() || !code.getType().isInteger(8) || !arguments ||
      *arguments != ArrayRef(code))
    return {};
  MLIRContext *context = number.getContext();
  SmallVector<FloatType> formats = {Float8E4M3FNType::get(context),
                                    Float8E5M2Type::get(context)};
  for (uint32_t bits = 0; bits < 256 && !formats.empty(); ++bits) {
    Attribute attr = getElementAttr(code.getType(), bits);
    auto value = dyn_cast_or_null<FloatAttr>(
        evaluateBody(number, [&](BlockArgument) { return attr; }));
    if (!value)
      return {};
    llvm::erase_if(formats, [&](FloatType format) {
      return !isNumberOf(format, bits, value.getValue());
    });
  }
  return formats.empty() ? FloatType() : formats.front();
}

} // namespace mlir::qfmt
