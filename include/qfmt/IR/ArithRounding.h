// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding in the arith dialect: the modes that it has, too, and that none of
// it is left out.

#ifndef QFMT_IR_ARITHROUNDING_H
#define QFMT_IR_ARITHROUNDING_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qfmt/Support/Rounding.h"
#include "llvm/ADT/STLExtras.h"
#include <optional>

namespace mlir::qfmt {

/// All modes of arith, each with ours.
inline constexpr std::pair<arith::RoundingMode, RoundingMode>
    kArithRoundings[] = {
        {arith::RoundingMode::to_nearest_even, RoundingMode::HalfEven},
        {arith::RoundingMode::to_nearest_away, RoundingMode::HalfAway},
        {arith::RoundingMode::toward_zero, RoundingMode::TowardZero},
        {arith::RoundingMode::downward, RoundingMode::Floor},
        {arith::RoundingMode::upward, RoundingMode::Ceil}};

inline RoundingMode getRounding(arith::RoundingMode mode) {
  return llvm::find_if(kArithRoundings,
                       [&](const auto &pair) { return pair.first == mode; })
      ->second;
}

/// None if arith lacks the mode.
inline std::optional<arith::RoundingMode> getArithRounding(RoundingMode mode) {
  for (const auto &[arithMode, ours] : kArithRoundings)
    if (ours == mode)
      return arithMode;
  return std::nullopt;
}

/// Takes the flags from truncations: upstream's patterns for widening set
/// `contract`, which lets an extension of what they round fold to what is not
/// rounded.
inline void keepRoundings(Operation *root) {
  root->walk([](arith::TruncFOp op) { op.removeFastmathAttr(); });
}

} // namespace mlir::qfmt

#endif // QFMT_IR_ARITHROUNDING_H
