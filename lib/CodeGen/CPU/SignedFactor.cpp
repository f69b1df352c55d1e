// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SignedFactor.h"
#include "PackedConstants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/CodeGen/Products/ByteTensor.h"
#include "qfmt/IR/ConstantData.h"

namespace mlir::qfmt {

std::optional<SignedFactor> SignedFactor::read(const IntegerProduct &product) {
  ElementsAttr constant;
  if (!matchPattern(product.rhs->get(), m_Constant(&constant)))
    return std::nullopt;
  std::optional<std::vector<uint8_t>> codes = readCodes(constant);
  if (!codes)
    return std::nullopt;
  auto [least, greatest] = std::minmax_element(
      codes->begin(), codes->end(), [&](uint8_t a, uint8_t b) {
        return product.rhsValues[a] < product.rhsValues[b];
      });
  int64_t low = product.rhsValues[*least];
  int64_t high = product.rhsValues[*greatest];
  SignedFactor factor;
  factor.offset = low >= -128 && high <= 127 ? 0 : int32_t(low + 128);
  if (high - factor.offset > 127)
    return std::nullopt;
  factor.elements.resize(codes->size());
  for (int64_t n = 0; n < product.n; ++n)
    for (int64_t k = 0; k < product.k; ++k) {
      int64_t place =
          product.isRhsTransposed ? n * product.k + k : k * product.n + n;
      factor.elements[n * product.k + k] =
          uint8_t(product.rhsValues[(*codes)[place]] - factor.offset);
    }
  return factor;
}

std::vector<int32_t>
SignedFactor::addColumns(const IntegerProduct &product) const {
  std::vector<int32_t> sums(product.n);
  for (int64_t n = 0; n < product.n; ++n) {
    uint32_t sum = 0;
    for (int64_t k = 0; k < product.k; ++k)
      sum += uint32_t(int32_t(int8_t(elements[n * product.k + k])));
    sums[n] = int32_t(sum);
  }
  return sums;
}

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

std::vector<uint8_t> packBytes(const IntegerProduct &product,
                               const SignedFactor &factor) {
  int64_t blocks = llvm::divideCeil(product.n, kColumnsPerBlock);
  int64_t dots = llvm::divideCeil(product.run, kTermsPerDot);
  int64_t runs = product.getNumRuns();
  std::vector<uint8_t> packed(blocks * runs * dots * kColumnsPerBlock *
                              kTermsPerDot);
  for (int64_t n = 0; n < product.n; ++n)
    for (int64_t k = 0; k < product.k; ++k) {
      int64_t term = k % product.run;
      int64_t run = n / kColumnsPerBlock * runs + k / product.run;
      int64_t dot = run * dots + term / kTermsPerDot;
      int64_t column = dot * kColumnsPerBlock + n % kColumnsPerBlock;
      packed[column * kTermsPerDot + term % kTermsPerDot] =
          factor.elements[n * product.k + k];
    }
  return packed;
}

Value emitPackedBytes(ImplicitLocOpBuilder &b, const IntegerProduct &product,
                      ArrayRef<uint8_t> packed) {
  int64_t blocks = llvm::divideCeil(product.n, kColumnsPerBlock);
  int64_t dots = llvm::divideCeil(product.run, kTermsPerDot);
  int64_t runs = product.getNumRuns();
  SmallVector<int64_t> shape = {blocks, dots, kColumnsPerBlock, kTermsPerDot};
  SmallVector<int64_t> unpacked = {product.run, product.n};
  SmallVector<int64_t> outer = {1, 0};
  if (product.hasRuns()) {
    shape.insert(shape.begin() + 1, runs);
    unpacked.insert(unpacked.begin(), runs);
    outer = {2, 0, 1};
  }
  int64_t last = unpacked.size() - 1;
  Value constant = arith::ConstantOp::create(
      b, makeByteTensor(b.getContext(), shape, packed, "packed"));
  Value empty = tensor::EmptyOp::create(b, unpacked, b.getI8Type());
  SmallVector<OpFoldResult> tiles = {b.getIndexAttr(kColumnsPerBlock),
                                     b.getIndexAttr(kTermsPerDot)};
  return linalg::UnPackOp::create(b, constant, empty,
                                  ArrayRef<int64_t>{last, last - 1}, tiles,
                                  outer)
      .getResult();
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

std::optional<IntegerEncoding> chooseCodes(const IntegerProduct &product,
                                           const SignedFactor &factor) {
  // Depthwise convolutions have few weights; a run of four terms takes the same
  // 64 bytes for 16 columns.
  if (product.isDepthwise() || product.run <= kTermsPerDot)
    return std::nullopt;
  IntegerEncoding encoding = IntegerEncoding::chooseUniform(factor.elements);
  if (encoding.getBits() == 8)
    return std::nullopt;
  return encoding;
}

cpu::UnpackIntegersOp emitPackedCodes(ImplicitLocOpBuilder &b,
                                      const IntegerProduct &product,
                                      const SignedFactor &factor,
                                      const IntegerEncoding &encoding,
                                      bool asGroup) {
  SmallVector<int64_t> shape = {product.n, product.run};
  if (product.hasRuns() || asGroup)
    shape.insert(shape.begin() + 1, product.getNumRuns());
  return emitPackedIntegers(b, RankedTensorType::get(shape, b.getI8Type()),
                            factor.elements, encoding);
}

} // namespace mlir::qfmt
