// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "IntegerEncoding.h"
#include "llvm/ADT/STLExtras.h"
#include <bitset>
#include <optional>

namespace mlir::qfmt {

namespace {
/// Which signed bytes occur.
using ValueSet = std::bitset<256>;
} // namespace

static ValueSet collect(ArrayRef<uint8_t> bytes) {
  ValueSet set;
  for (uint8_t byte : bytes)
    set.set(byte);
  return set;
}

/// In ascending order.
static SmallVector<int64_t> list(const ValueSet &set) {
  SmallVector<int64_t> values;
  for (int64_t value = -128; value < 128; ++value)
    if (set[uint8_t(value)])
      values.push_back(value);
  return values;
}

/// The bits of which there are codes for `count` values.
static int64_t getBitsFor(int64_t count) {
  for (int64_t bits : {2, 4})
    if (count <= int64_t(1) << bits)
      return bits;
  return 8;
}

//===----------------------------------------------------------------------===//
// Groups that are read alike
//===----------------------------------------------------------------------===//

namespace {
/// How a set of values is read.
struct Reading {
  int64_t bits, offset;
  SmallVector<int64_t> table;
  SmallVector<std::array<uint8_t, 256>> codes;
};
} // namespace

static Reading readAlike(ArrayRef<int64_t> values) {
  Reading reading{getBitsFor(values.size()), values.front(), {}, {{}}};
  int64_t range = values.back() - values.front() + 1;
  // Every code stands for a byte, those that do not occur included.
  reading.offset = std::min(reading.offset, 128 - (int64_t(1) << reading.bits));
  bool hasTable = range > int64_t(1) << reading.bits;
  for (auto [number, value] : llvm::enumerate(values)) {
    if (hasTable)
      reading.table.push_back(value - reading.offset);
    reading.codes[0][uint8_t(value)] =
        hasTable ? number : value - reading.offset;
  }
  // What never occurs is filled up.
  if (hasTable)
    reading.table.resize(size_t(1) << reading.bits, 0);
  return reading;
}

//===----------------------------------------------------------------------===//
// Groups with tables
//===----------------------------------------------------------------------===//

/// As many as one instruction looks up in a register of bytes.
constexpr int64_t kMaxEntries = 64;

/// Numbers of `count` more values of which no two are in one set of `together`,
/// from number `first` on; false if there are none.
static bool chooseApart(ArrayRef<uint64_t> together, int64_t count,
                        size_t first, SmallVectorImpl<int64_t> &chosen) {
  if (count == 0)
    return true;
  for (size_t i = first; i < together.size(); ++i) {
    if (llvm::any_of(chosen, [&](int64_t other) {
          return (together[i] >> other & 1) != 0;
        }))
      continue;
    chosen.push_back(i);
    if (chooseApart(together, count - 1, i + 1, chosen))
      return true;
    chosen.pop_back();
  }
  return false;
}

/// For each value those that some set has beside it, as bits of their numbers.
static SmallVector<uint64_t> findNeighbours(ArrayRef<int64_t> values,
                                            ArrayRef<ValueSet> sets) {
  SmallVector<uint64_t> together(values.size(), 0);
  for (const ValueSet &set : sets) {
    uint64_t members = 0;
    for (auto [i, value] : llvm::enumerate(values))
      members |= uint64_t(set[uint8_t(value)]) << i;
    for (size_t i = 0; i < values.size(); ++i)
      if ((members >> i & 1) != 0)
        together[i] |= members;
  }
  return together;
}

/// Tables of `bits` that share all entries but the last. Sets `starts` to where
/// each group's table begins; none if there are no such tables.
static std::optional<Reading> readByTables(ArrayRef<int64_t> values,
                                           ArrayRef<ValueSet> sets,
                                           int64_t bits,
                                           std::vector<int8_t> &starts) {
  int64_t size = int64_t(1) << bits;
  int64_t apart = int64_t(values.size()) - (size - 1);
  if (apart < 2 || apart > kMaxEntries / size)
    return std::nullopt;
  SmallVector<int64_t> last;
  if (!chooseApart(findNeighbours(values, sets), apart, 0, last))
    return std::nullopt;
  Reading reading{bits, values.front(), {}, {}};
  for (int64_t special : last) {
    std::array<uint8_t, 256> codes = {};
    for (auto [i, value] : llvm::enumerate(values)) {
      if (llvm::is_contained(last, int64_t(i)))
        continue;
      codes[uint8_t(value)] = uint8_t(reading.table.size() % size);
      reading.table.push_back(value - reading.offset);
    }
    codes[uint8_t(values[special])] = uint8_t(size - 1);
    reading.table.push_back(values[special] - reading.offset);
    reading.codes.push_back(codes);
  }
  for (const ValueSet &set : sets) {
    const int64_t *found =
        llvm::find_if(last, [&](int64_t i) { return set[uint8_t(values[i])]; });
    starts.push_back(
        found == last.end() ? 0 : int8_t((found - last.begin()) * size));
  }
  return reading;
}

//===----------------------------------------------------------------------===//
// The choice
//===----------------------------------------------------------------------===//

IntegerEncoding IntegerEncoding::chooseUniform(ArrayRef<uint8_t> bytes) {
  ValueSet set = collect(bytes);
  set.set(0);
  Reading reading = readAlike(list(set));
  IntegerEncoding encoding;
  encoding.bits = reading.bits;
  encoding.offset = reading.offset;
  encoding.table = reading.table;
  encoding.codes = reading.codes;
  return encoding;
}

IntegerEncoding IntegerEncoding::choose(const IntegerGroups &groups) {
  IntegerEncoding encoding;
  auto take = [&](const Reading &reading) {
    encoding.bits = reading.bits;
    encoding.offset = reading.offset;
    encoding.table = reading.table;
    encoding.codes = reading.codes;
  };
  SmallVector<int64_t> values = list(collect(groups.bytes));
  take(readAlike(values));
  // Eighths of a bit would do for what groups say; it is a byte.
  auto isLess = [&](int64_t bits) {
    return (encoding.bits - bits) * groups.size > 8;
  };
  if (!isLess(2))
    return encoding;

  std::vector<ValueSet> sets;
  for (int64_t i = 0, e = groups.getCount(); i < e; ++i)
    sets.push_back(collect(groups.getGroup(i)));
  std::vector<int8_t> least;
  int64_t range = 0;
  for (const ValueSet &set : sets) {
    SmallVector<int64_t> ofGroup = list(set);
    least.push_back(int8_t(ofGroup.front()));
    range = std::max(range, ofGroup.back() - ofGroup.front() + 1);
  }
  int64_t bits = getBitsFor(range);
  if (isLess(bits)) {
    encoding.bits = bits;
    encoding.offset = 0;
    encoding.table.clear();
    encoding.codes.clear();
    encoding.groups = std::move(least);
    return encoding;
  }
  for (int64_t fewer : {2, 4}) {
    std::vector<int8_t> starts;
    if (!isLess(fewer))
      continue;
    if (auto reading = readByTables(values, sets, fewer, starts)) {
      take(*reading);
      encoding.groups = std::move(starts);
      return encoding;
    }
  }
  return encoding;
}

uint8_t IntegerEncoding::getCode(uint8_t value, int64_t group) const {
  if (groups.empty())
    return codes[0][value];
  if (table.empty())
    return uint8_t(value - groups[group]);
  return codes[groups[group] >> bits][value];
}

} // namespace mlir::qfmt
