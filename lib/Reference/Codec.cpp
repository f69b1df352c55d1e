// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Codec.h"
#include <algorithm>

using namespace mlir;

namespace mlir::qfmt::reference {

Codec::Codec(Type type)
    : format(cast<NumberFormat>(type)), storage(format.getStorageType()) {
  if (format.hasIntegerCodes())
    integerRange = {static_cast<int64_t>(format.getLowest()),
                    static_cast<int64_t>(format.getLargest())};
  if (isa<FloatType>(storage) || format.getFormatWidth() > 8)
    return;
  for (uint64_t code = 0; code < uint64_t(1) << format.getFormatWidth(); ++code)
    decoded.push_back(format.decodeCode(code));
}

double Codec::decodeUncached(Scalar stored) const {
  // A builtin float is held as its value.
  if (isa<FloatType>(storage))
    return stored.real;
  return format.decodeCode(getElementBits(stored, storage));
}

Scalar Codec::store(uint64_t code) const {
  if (isa<FloatType>(storage))
    return makeReal(format.decodeCode(code));
  return getElementFromBits(code, storage);
}

Scalar Codec::encode(const ExactReal &value, RoundingMode rounding,
                     OverflowMode overflow, NaNMode nan) const {
  return store(format.encodeReal(value, rounding, overflow, nan));
}

Scalar Codec::encodeInteger(__int128 value, OverflowMode overflow) const {
  auto [low, high] = *integerRange;
  __int128 count = __int128(high) - low + 1;
  if (overflow == OverflowMode::Wrap) {
    __int128 rest = (value - low) % count;
    value = low + (rest < 0 ? rest + count : rest);
  }
  int64_t inRange =
      static_cast<int64_t>(std::clamp<__int128>(value, low, high));
  return store(format.encodeReal(ExactReal::fromInteger(inRange),
                                 RoundingMode::HalfEven, OverflowMode::Saturate,
                                 NaNMode::Zero));
}

} // namespace mlir::qfmt::reference
