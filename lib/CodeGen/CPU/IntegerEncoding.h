// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// In how many bits the integers of a constant are stored, by which of them
// occur, and where:
//
//   integer = code + offset                   neighbours
//   integer = table[code] + offset            few values
//   integer = code + number of the group      groups of neighbours: weights of
//                                             any format with zero points
//   integer = table[start of the group's table + code] + offset
//                                             values of which no two occur in
//                                             one group share a code: BitMoD

#ifndef QFMT_LIB_CODEGEN_CPU_INTEGERENCODING_H
#define QFMT_LIB_CODEGEN_CPU_INTEGERENCODING_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <array>
#include <cstdint>
#include <vector>

namespace mlir::qfmt {

/// Groups of `size` integers, one after the other.
struct IntegerGroups {
  ArrayRef<uint8_t> bytes;
  int64_t size;

  int64_t getCount() const { return bytes.size() / size; }
  ArrayRef<uint8_t> getGroup(int64_t i) const {
    return bytes.slice(i * size, size);
  }
};

class IntegerEncoding {
public:
  /// The one that takes least memory; of equals the first in the file comment.
  static IntegerEncoding choose(const IntegerGroups &groups);
  /// Of those that read all groups alike. It has a code for 0.
  static IntegerEncoding chooseUniform(ArrayRef<uint8_t> bytes);

  /// 2, 4 or 8.
  int64_t getBits() const { return bits; }
  int64_t getOffset() const { return offset; }
  /// Entries are unsigned bytes. Empty if there is no table.
  ArrayRef<int64_t> getTable() const { return table; }
  /// A byte for each group; empty if groups are read alike.
  ArrayRef<int8_t> getGroups() const { return groups; }

  /// The code of a value, a signed byte, that occurs in `group`.
  uint8_t getCode(uint8_t value, int64_t group) const;

private:
  IntegerEncoding() = default;

  int64_t bits = 8, offset = -128;
  SmallVector<int64_t> table;
  std::vector<int8_t> groups;
  /// By value, of each table; of one if there is none.
  SmallVector<std::array<uint8_t, 256>> codes;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_INTEGERENCODING_H
