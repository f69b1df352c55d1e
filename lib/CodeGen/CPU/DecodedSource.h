// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a decoded factor is computed from: constants, and where their elements
// lie in the layout of DecodedFactor.h.

#ifndef QFMT_LIB_CODEGEN_CPU_DECODEDSOURCE_H
#define QFMT_LIB_CODEGEN_CPU_DECODEDSOURCE_H

#include "DecodedFactor.h"
#include "qfmt/CodeGen/Products/ConstantBits.h"
#include <array>
#include <numeric>

namespace mlir::qfmt {

/// Bits of a word of codes.
constexpr int64_t kWordBits = 32;

/// The numbers that codes of up to 8 bits stand for, as the upper two bytes of
/// f32 for each of 128 codes; the others are 0 (DecodedFloats.cpp).
struct BytePlanes {
  std::array<std::vector<int64_t>, 2> bytes;
  /// The highest bit of 8 is the number's sign.
  bool hasSign = false;

  /// Rows whose codes fill a register.
  static constexpr int64_t kRows = 4;
  static constexpr int64_t kBytes = kRows * kColumnsPerBlock;
  /// The place of a code among those of kRows rows.
  static int64_t getPlace(int64_t column, int64_t row) {
    return column / 4 * 16 + row / 2 * 8 + column % 4 * 2 + row % 2;
  }
};

/// f32 of BytePlanes::kRows rows, from `codes` in the order of getPlace.
SmallVector<Value> emitNumbers(ImplicitLocOpBuilder &b,
                               const BytePlanes &planes, Value codes);

/// A constant, or a function of the row.
struct DecodedFactor::Source {
  /// In the body of f.
  BlockArgument argument;
  /// In f's dimensions d0 = column and d1 = row: the element of a constant, for
  /// each of its dimensions, or the function itself.
  SmallVector<AffineExpr> indices;
  /// Empty, if the source is a function.
  std::optional<ConstantBits> constant;

  /// The place in `constant` for each column, then for each row; they add up.
  std::vector<int64_t> columnPlaces, rowPlaces;
  /// The element is the same in rows i * period ... (i + 1) * period - 1; 0 if
  /// it is in all rows.
  int64_t period = 1;
  /// The codes' width if they are packed into words, else 0.
  int64_t width = 0;
  bool isSigned = false;
  /// In the body, too: the code in 32 bits, unsigned. May be null.
  BlockArgument code;
  /// If numbers are looked up, their bytes, and the number in the body.
  std::optional<BytePlanes> planes;
  BlockArgument number;
  /// [N/16][...][16], or [N/16][K/4][64] with `planes`.
  Value packed;

  /// Sets places and the period, for `n` columns and `k` rows. False if an
  /// index depends on column and row together, or goes beyond the constant.
  bool setPlaces(ArrayRef<AffineExpr> indices, int64_t n, int64_t k);
  /// Its bits are the low ones.
  uint32_t getBits(int64_t column, int64_t row) const {
    return constant->bits[columnPlaces[column] + rowPlaces[row]];
  }
  Attribute getElement(int64_t column, int64_t row) const {
    return getElementAttr(constant->elementType, getBits(column, row));
  }
  /// The function's value for a row.
  int64_t getFunction(int64_t row) const;
  bool isFunction() const { return !constant; }
  unsigned getElementBits() const {
    return constant->elementType.getIntOrFloatBitWidth();
  }
  /// Rows that fill whole words, and these.
  int64_t getUnitRows() const { return kWordBits / std::gcd(width, kWordBits); }
  int64_t getUnitWords() const { return width / std::gcd(width, kWordBits); }
  int64_t getStoredBits() const {
    return width != 0
               ? kWordBits
               : std::max<int64_t>(8, llvm::PowerOf2Ceil(getElementBits()));
  }
  /// Along K.
  int64_t getNumStored(int64_t k) const {
    if (planes)
      return llvm::divideCeil(k, BytePlanes::kRows);
    if (width != 0)
      return llvm::divideCeil(k, getUnitRows()) * getUnitWords();
    return period == 0 ? 1 : llvm::divideCeil(k, period);
  }
  int64_t getLanes() const {
    return planes ? BytePlanes::kBytes : kColumnsPerBlock;
  }
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_DECODEDSOURCE_H
