//===- Rotation.h - Orthogonal matrices of blocks ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// R = the same B x B matrix in blocks along the diagonal, after a sign for each
// channel: x R spreads an outlier over the B channels of its block (Ashkboos et
// al., QuaRot, arXiv 2404.00456; Tseng et al., QuIP#, arXiv 2402.04396). B is
// the size of a Hadamard matrix, whose entries are +-1/sqrt(B), so that R is
// orthogonal: x R (W^T R)^T = x W.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CHANNELREWRITES_ROTATION_H
#define QFMT_LIB_CHANNELREWRITES_ROTATION_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <memory>
#include <vector>

namespace mlir::qfmt {

class Rotation {
public:
  /// Of `channels` channels in blocks of `block`, with random signs from `seed`
  /// (no signs if it is 0). Null if `block` does not divide `channels` or no
  /// Hadamard matrix of that size is known here (powers of two, and these times
  /// 12 and 20).
  static std::shared_ptr<const Rotation> get(int64_t channels, int64_t block,
                                             uint64_t seed);
  /// The largest block that `get` takes for so many channels; 1 if there is
  /// none but that.
  static int64_t getLargestBlock(int64_t channels);

  int64_t getNumChannels() const { return signs.size(); }
  int64_t getBlock() const { return block; }

  /// Each row of `channels` numbers in `rows` becomes row R, or row R^T, in
  /// O(log B) steps for each number.
  void apply(llvm::MutableArrayRef<double> rows) const;
  void applyInverse(llvm::MutableArrayRef<double> rows) const;

  /// The block of the diagonal at channel `number * block`, row-major, signs
  /// included: B x B.
  std::vector<double> getBlockMatrix(int64_t number) const;
  bool hasSameBlocks() const;

  bool operator==(const Rotation &other) const {
    return block == other.block && signs == other.signs;
  }

private:
  int64_t block = 1;
  /// +1 and -1, by channel.
  std::vector<double> signs;
  /// The Hadamard matrix of size 1, 12 or 20 whose Kronecker product with
  /// Sylvester's is that of size B, row-major, of entries +-1.
  std::vector<double> factor;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_ROTATION_H
