// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The constant factor of a product of bytes as signed bytes s and an offset d,
// and these as constants for the instructions: a byte each, or codes of fewer
// bits.

#ifndef QFMT_LIB_CODEGEN_CPU_SIGNEDFACTOR_H
#define QFMT_LIB_CODEGEN_CPU_SIGNEDFACTOR_H

#include "IntegerEncoding.h"
#include "PackedFactor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"

namespace mlir::qfmt {

struct SignedFactor {
  /// N x K, or N x R x K, whichever way round the factor is.
  std::vector<uint8_t> elements;
  /// 0 unless the values that occur do not fit a signed byte.
  int32_t offset;

  /// None if the factor has no data, or values that span more than 256
  /// integers.
  static std::optional<SignedFactor> read(const IntegerProduct &product);

  /// The sums of `product.n` columns, modulo 2^32.
  std::vector<int32_t> addColumns(const IntegerProduct &product) const;
};

/// What [N/16][K/4][16][4] or [N/16][R][K/4][16][4] holds.
std::vector<uint8_t> packBytes(const IntegerProduct &product,
                               const SignedFactor &factor);
/// An unpack of a constant of these bytes.
Value emitPackedBytes(ImplicitLocOpBuilder &b, const IntegerProduct &product,
                      ArrayRef<uint8_t> packed);

/// The encoding of the elements; none if codes of fewer bits take no less
/// memory, or would not be read.
std::optional<IntegerEncoding> chooseCodes(const IntegerProduct &product,
                                           const SignedFactor &factor);
/// N x K, N x R x K or, with `asGroup`, N x 1 x K.
cpu::UnpackIntegersOp emitPackedCodes(ImplicitLocOpBuilder &b,
                                      const IntegerProduct &product,
                                      const SignedFactor &factor,
                                      const IntegerEncoding &encoding,
                                      bool asGroup);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_SIGNEDFACTOR_H
