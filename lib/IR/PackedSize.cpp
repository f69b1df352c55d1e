// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/IR/PackedSize.h"
#include "llvm/Support/CheckedArithmetic.h"
#include <cassert>

using namespace mlir;
using namespace mlir::qfmt;

/// None if the product overflows. An empty tensor has none, whatever its other
/// sizes are.
static std::optional<int64_t> countElements(RankedTensorType type) {
  if (llvm::is_contained(type.getShape(), 0))
    return 0;
  std::optional<int64_t> count = 1;
  for (int64_t size : type.getShape())
    if (count)
      count = llvm::checkedMul(*count, size);
  return count;
}

FailureOr<int64_t>
mlir::qfmt::getPackedSize(RankedTensorType codes, unsigned width,
                          CodePacking packing,
                          function_ref<InFlightDiagnostic()> emitError) {
  assert(codes.hasStaticShape() && width <= 8);
  if (std::optional<int64_t> count = countElements(codes))
    return getPackedSize(*count, width, packing);
  return emitError() << codes
                     << " has more elements than 64 bits can count; packed "
                        "storage needs a tensor of at most 2^63 - 1";
}
