//===- Rotation.cpp - Orthogonal matrices of blocks -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A Hadamard matrix of size B = m 2^k is the Kronecker product of one of size
// m = 1, 12 or 20 and Sylvester's of size 2^k; those of size 12 and 20 are
// Paley's first construction (J. Math. Phys. 12, 1933) with the primes 11 and
// 19. A product of matrices transforms by one factor after the other.
//
//===----------------------------------------------------------------------===//

#include "Rotation.h"
#include "qfmt/Support/SplitMix64.h"
#include "llvm/Support/MathExtras.h"
#include <cassert>
#include <cmath>

using namespace mlir::qfmt;

/// 1, 12 or 20: what a Hadamard matrix of size `block` has beside a power of
/// two; 0 if there is none here.
static int64_t getOddFactor(int64_t block) {
  for (int64_t factor : {1, 12, 20})
    if (block % factor == 0 && llvm::isPowerOf2_64(block / factor))
      return factor;
  return 0;
}

/// Paley's matrix of size prime + 1, of entries +-1: I + S, where S borders
/// the Legendre symbols of differences with 1 above and -1 on the left. S is
/// skew, because -1 is no square modulo a prime 4n + 3, and S S^T = prime I.
static std::vector<double> getPaleyMatrix(int64_t prime) {
  assert(prime % 4 == 3 && "the symbols are not skew");
  std::vector<double> symbol(prime, -1);
  symbol[0] = 0;
  for (int64_t i = 1; i < prime; ++i)
    symbol[i * i % prime] = 1;
  int64_t size = prime + 1;
  std::vector<double> matrix(size * size);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j) {
      double &entry = matrix[i * size + j];
      if (i == j)
        entry = 1;
      else if (i == 0 || j == 0)
        entry = i == 0 ? 1 : -1;
      else
        entry = symbol[(i - j + prime) % prime];
    }
  return matrix;
}

/// `block` = x (A (x) Sylvester's) where A has entries factor[i * m + j], or
/// its transpose if `transpose`; not yet divided by the root of the size.
static void transform(llvm::MutableArrayRef<double> block,
                      llvm::ArrayRef<double> factor, bool transpose,
                      std::vector<double> &column) {
  int64_t m = column.size(), power = block.size() / m;
  for (int64_t stride = 1; stride < power; stride *= 2)
    for (int64_t start = 0, e = block.size(); start < e; start += 2 * stride)
      for (int64_t i = start; i < start + stride; ++i) {
        double a = block[i], b = block[i + stride];
        block[i] = a + b;
        block[i + stride] = a - b;
      }
  if (m == 1)
    return;
  for (int64_t i = 0; i < power; ++i) {
    for (int64_t to = 0; to < m; ++to) {
      double sum = 0;
      for (int64_t from = 0; from < m; ++from)
        sum += block[from * power + i] *
               factor[transpose ? to * m + from : from * m + to];
      column[to] = sum;
    }
    for (int64_t to = 0; to < m; ++to)
      block[to * power + i] = column[to];
  }
}

std::shared_ptr<const Rotation> Rotation::get(int64_t channels, int64_t block,
                                              uint64_t seed) {
  if (channels <= 0 || block <= 0 || channels % block != 0)
    return nullptr;
  int64_t odd = getOddFactor(block);
  if (odd == 0)
    return nullptr;
  auto rotation = std::make_shared<Rotation>();
  rotation->block = block;
  rotation->signs.assign(channels, 1);
  if (seed != 0) {
    SplitMix64 random(seed);
    for (double &sign : rotation->signs)
      sign = random.next() >> 63 ? -1 : 1;
  }
  rotation->factor =
      odd == 1 ? std::vector<double>{1} : getPaleyMatrix(odd - 1);
  return rotation;
}

int64_t Rotation::getLargestBlock(int64_t channels) {
  if (channels <= 0)
    return 1;
  // The part of `channels` that is a power of two, with the most of what it
  // can be multiplied by: 3 of 12 = 4 * 3, 5 of 20 = 4 * 5.
  int64_t power = channels & -channels, best = power;
  for (int64_t odd : {3, 5})
    if (power >= 4 && channels % odd == 0)
      best = std::max(best, power * odd);
  return best;
}

void Rotation::apply(llvm::MutableArrayRef<double> rows) const {
  int64_t channels = getNumChannels();
  assert(rows.size() % channels == 0 && "not rows of so many channels");
  std::vector<double> column(static_cast<size_t>(std::sqrt(factor.size())));
  double scale = 1 / std::sqrt(static_cast<double>(block));
  for (size_t start = 0; start < rows.size(); start += block) {
    auto part = rows.slice(start, block);
    for (int64_t i = 0; i < block; ++i)
      part[i] *= signs[(start + i) % channels];
    transform(part, factor, /*transpose=*/false, column);
    for (double &value : part)
      value *= scale;
  }
}

void Rotation::applyInverse(llvm::MutableArrayRef<double> rows) const {
  int64_t channels = getNumChannels();
  assert(rows.size() % channels == 0 && "not rows of so many channels");
  std::vector<double> column(static_cast<size_t>(std::sqrt(factor.size())));
  double scale = 1 / std::sqrt(static_cast<double>(block));
  for (size_t start = 0; start < rows.size(); start += block) {
    auto part = rows.slice(start, block);
    transform(part, factor, /*transpose=*/true, column);
    for (int64_t i = 0; i < block; ++i)
      part[i] *= scale * signs[(start + i) % channels];
  }
}

std::vector<double> Rotation::getBlockMatrix(int64_t number) const {
  assert(number >= 0 && number < getNumChannels() / block);
  int64_t m = static_cast<int64_t>(std::sqrt(factor.size()));
  int64_t power = block / m;
  double scale = 1 / std::sqrt(static_cast<double>(block));
  std::vector<double> result(block * block);
  for (int64_t i = 0; i < block; ++i)
    for (int64_t j = 0; j < block; ++j) {
      // Sylvester's entry is the parity of the bits that both numbers have.
      uint64_t common = (i % power) & (j % power);
      double entry = factor[i / power * m + j / power];
      result[i * block + j] = scale * signs[number * block + i] *
                              (llvm::popcount(common) % 2 ? -entry : entry);
    }
  return result;
}

bool Rotation::hasSameBlocks() const {
  for (int64_t i = block; i < getNumChannels(); ++i)
    if (signs[i] != signs[i - block])
      return false;
  return true;
}
