// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LutCost.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

namespace {
/// What a multiplier gets to see of a number.
struct Operand {
  bool isInteger;
  /// Bits of the significand; of an integer all, its sign included.
  unsigned significant;
  /// 0 for integers.
  unsigned exponent;

  Operand asFloat() const {
    return isInteger ? Operand{false, significant - 1, 1} : *this;
  }
};
} // namespace

/// The type of the elements; null if there are several.
static Type getElementFormat(const OperandFormat &format,
                             MLIRContext *context) {
  if (format.isReal())
    return Float32Type::get(context);
  if (format.number)
    return format.number;
  TensorFormat encoding = format.encoding;
  if (format.preset)
    encoding = format.preset->getFormat(context, /*rank=*/1);
  SmallVector<Type> elements = encoding.getElementFormats();
  return elements.size() == 1 ? elements.front() : Type();
}

static std::optional<Operand> getOperand(Type format) {
  auto number = dyn_cast_if_present<NumberFormat>(format);
  if (!number)
    return std::nullopt;
  if (std::optional<FloatFields> fields = number.getFloatFields())
    return Operand{false, fields->significandBits, fields->exponentBits};
  if (number.hasIntegerCodes())
    return Operand{true, number.getFormatWidth(), 0};
  return std::nullopt;
}

std::optional<double> mlir::qfmt::getLutCost(const FormatChoice &choice,
                                             int64_t terms,
                                             MLIRContext *context) {
  std::optional<Operand> w =
      getOperand(getElementFormat(choice.weights, context));
  std::optional<Operand> a =
      getOperand(getElementFormat(choice.activations, context));
  if (!w || !a)
    return std::nullopt;
  double carries = llvm::Log2_64_Ceil(terms);
  if (w->isInteger && a->isInteger) {
    double bits = w->significant + a->significant;
    return double(w->significant) * a->significant + bits + carries;
  }
  Operand x = w->asFloat(), y = a->asFloat();
  double bits = x.significant + y.significant;
  double range =
      std::ldexp(1.0, x.exponent) - 2 + std::ldexp(1.0, y.exponent) - 2;
  double shifter = std::ceil(std::log2(range + 1)) * (bits + range) / 2;
  double accumulator = bits + range + 1 + carries;
  return double(x.significant) * y.significant + x.exponent + y.exponent +
         shifter + accumulator;
}
