//===- MatrixMoves.cpp - ldmatrix and stmatrix ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrices of 8 x 8 elements of 16 bits: lane 8 i + r gives the address of row
// r of matrix i, 16 bytes. Register i of a lane holds two elements of matrix i,
// row lane / 4, columns 2 (lane % 4) and the next; transposed, row and column
// change places.
//
//===----------------------------------------------------------------------===//

#include "Operations.h"

namespace mlir::qfmt::sim {

namespace {
/// Of Site::fields.
enum Field { kCount, kIsTransposed };
constexpr unsigned kRows = 8, kRowBytes = 16;

/// The elements that a register holds: index = 8 * row + column.
struct Pair {
  unsigned first, second;
};
} // namespace

static Pair elementsOf(unsigned lane, bool isTransposed) {
  unsigned row = lane / 4, column = lane % 4 * 2;
  if (isTransposed)
    return {column * kRows + row, (column + 1) * kRows + row};
  return {row * kRows + column, row * kRows + column + 1};
}

static uint8_t *checkRow(const WarpCall &call, unsigned firstThread,
                         unsigned matrix, unsigned row, bool isWrite) {
  unsigned lane = matrix * kRows + row;
  uint64_t address = call.arguments[lane][0];
  const Thread &thread = currentCta->getThread(firstThread + lane);
  if (address % kRowBytes)
    failThread(thread, call.site,
               "a row of '" + call.site->name +
                   "' that is not aligned to 16 bytes");
  checkSharedAccess(thread, *call.site, address, kRowBytes, isWrite);
  return reinterpret_cast<uint8_t *>(address);
}

static void applyLoad(Warp &, unsigned firstThread, const WarpCall &call) {
  bool isTransposed = call.site->fields[kIsTransposed];
  for (unsigned matrix = 0; matrix != call.site->fields[kCount]; ++matrix) {
    uint16_t elements[kRows * kRows];
    for (unsigned row = 0; row != kRows; ++row)
      std::memcpy(elements + kRows * row,
                  checkRow(call, firstThread, matrix, row, false), kRowBytes);
    for (unsigned lane = 0; lane != kWarpSize; ++lane) {
      Pair pair = elementsOf(lane, isTransposed);
      call.results[lane][matrix] =
          elements[pair.first] | uint32_t(elements[pair.second]) << 16;
    }
  }
}

/// Arguments: address, registers.
static void applyStore(Warp &, unsigned firstThread, const WarpCall &call) {
  bool isTransposed = call.site->fields[kIsTransposed];
  for (unsigned matrix = 0; matrix != call.site->fields[kCount]; ++matrix) {
    uint16_t elements[kRows * kRows];
    for (unsigned lane = 0; lane != kWarpSize; ++lane) {
      Pair pair = elementsOf(lane, isTransposed);
      uint32_t word = call.arguments[lane][1 + matrix];
      elements[pair.first] = word;
      elements[pair.second] = word >> 16;
    }
    for (unsigned row = 0; row != kRows; ++row)
      std::memcpy(checkRow(call, firstThread, matrix, row, true),
                  elements + kRows * row, kRowBytes);
  }
}

static void runLoad(const Site &site, const uint64_t *arguments,
                    uint64_t *results) {
  callWholeWarp(site, arguments, results, applyLoad);
}

static void runStore(const Site &site, const uint64_t *arguments,
                     uint64_t *results) {
  callWholeWarp(site, arguments, results, applyStore);
}

bool findMatrixMove(llvm::StringRef name, Site &site) {
  // {ld,st}matrix.sync.aligned.m8n8.x{1,2,4}[.trans].b16[.p3]
  if (name.consume_front("ldmatrix."))
    site.handler = runLoad;
  else if (name.consume_front("stmatrix."))
    site.handler = runStore;
  else
    return false;
  if (!name.consume_front("sync.aligned.m8n8.x") ||
      name.consumeInteger(10, site.fields[kCount]))
    return false;
  site.fields[kIsTransposed] = name.consume_front(".trans");
  site.isBlocking = true;
  return name.starts_with(".b16");
}

} // namespace mlir::qfmt::sim
