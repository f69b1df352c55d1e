// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FewBitCodes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <numeric>
#include <set>

namespace mlir::qfmt {

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

FewBitEncoding FewBitEncoding::choose(ArrayRef<int8_t> integers) {
  int low = 0, high = 0;
  std::set<int8_t> numbers;
  for (int8_t integer : integers) {
    low = std::min<int>(low, integer);
    high = std::max<int>(high, integer);
    numbers.insert(integer);
  }
  for (int64_t bits : {2, 4})
    if (low >= -(1 << (bits - 1)) && high < 1 << (bits - 1))
      return {bits, {}};
  if (numbers.size() <= 16)
    return {4, SmallVector<float>(numbers.begin(), numbers.end())};
  return {8, {}};
}

uint32_t FewBitEncoding::encode(float number) const {
  if (isTable())
    return llvm::find(table, number) - table.begin();
  return uint32_t(int32_t(number)) & ((1u << bits) - 1);
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

int64_t FewBitLayout::getNumTiles() const {
  return llvm::divideCeil(getNumTerms(), getTileTerms());
}

int64_t FewBitLayout::getPartTerms() const {
  return std::gcd(groupTerms, getTileTerms());
}

/// What a lane reads at a time is 16 bytes at most.
int64_t FewBitLayout::getUnitTerms() const {
  return std::min<int64_t>(getPartTerms(), hasFloats ? 32 : 64);
}

/// Tables are indexed by four neighbouring bits. Other codes lie in the byte in
/// which they are needed, those of floats in halves of the word: 0 and 1 in
/// bytes 0 and 2, 2 and 3 in bytes 1 and 3.
int64_t FewBitLayout::getBit(int64_t field, int64_t j) const {
  if (isTable)
    return 16 * field + 4 * j;
  int64_t byte = hasFloats ? 2 * (j % 2) + j / 2 : j;
  return 8 * byte + bits * field;
}

FewBitLayout::Place FewBitLayout::getPlace(int64_t column, int64_t term) const {
  int64_t unitTerms = getUnitTerms(), laneTerms = unitTerms / 4;
  int64_t tile = term / getTileTerms(), inTile = term % getTileTerms();
  int64_t inUnit = inTile % unitTerms;
  int64_t inLane = inUnit % laneTerms;
  int64_t chunk = inTile / unitTerms * (unitTerms / kChunkTerms) + inLane / 4;
  int64_t lane = column % 8 * 4 + inUnit / laneTerms;
  int64_t strip = column / kStripColumns, half = column % kStripColumns / 8;
  int64_t word = 2 * half + chunk / getNumFields();
  return {((strip * getNumTiles() + tile) * kWarpLanes + lane) * kLaneWords +
              word,
          getBit(chunk % getNumFields(), inLane % 4)};
}

int64_t FewBitLayout::getNumWords(int64_t columns) const {
  return llvm::divideCeil(columns, kStripColumns) * getNumTiles() * kWarpLanes *
         kLaneWords;
}

std::vector<uint32_t> packCodes(const FewBitLayout &layout, int64_t columns,
                                ArrayRef<uint8_t> codes) {
  std::vector<uint32_t> words(layout.getNumWords(columns), 0);
  int64_t terms = layout.getNumTerms();
  for (int64_t n = 0; n < columns; ++n)
    for (int64_t k = 0; k < terms; ++k) {
      FewBitLayout::Place place = layout.getPlace(n, k);
      words[place.word] |= uint32_t(codes[n * terms + k]) << place.bit;
    }
  return words;
}

} // namespace mlir::qfmt
