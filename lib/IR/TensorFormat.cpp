// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/IR/TensorFormat.h"
#include "qfmt/IR/NumberFormat.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::qfmt;

uint64_t mlir::qfmt::getPackedBits(ArrayRef<Constituent> parts) {
  uint64_t bits = 0;
  for (const Constituent &part : parts) {
    auto format = cast<NumberFormat>(part.format);
    uint64_t codes = part.type.getNumElements();
    bits += format.getPacking() == CodePacking::Base3
                ? 8 * llvm::divideCeil(codes, 5)
                : codes * format.getFormatWidth();
  }
  return bits;
}
