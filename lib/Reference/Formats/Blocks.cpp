// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Blocks.h"

using namespace mlir;
using namespace mlir::qfmt;

namespace mlir::qfmt::reference {

void forEachElement(ScaledAttr format, ArrayRef<int64_t> shape,
                    function_ref<void(int64_t, int64_t)> visit) {
  int64_t element = 0;
  if (format.getBlock().empty()) {
    for (int64_t count = ShapedType::getNumElements(shape); element < count;
         ++element)
      visit(element, 0);
    return;
  }
  SmallVector<int64_t> grid = format.getBlockGrid(shape);
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    int64_t block = 0;
    for (auto [i, size, count] : llvm::zip(index, format.getBlock(), grid))
      block = block * count + (size == ScaledAttr::kWhole ? 0 : i / size);
    visit(element++, block);
  });
}

int64_t getNumBlocks(ScaledAttr format, ArrayRef<int64_t> shape) {
  return ShapedType::getNumElements(format.getBlockGrid(shape));
}

std::vector<BlockRange>
getBlockRanges(ScaledAttr format, ArrayRef<int64_t> shape, const Reals &reals) {
  std::vector<BlockRange> ranges(getNumBlocks(format, shape));
  forEachElement(format, shape, [&](int64_t element, int64_t block) {
    ranges[block].include(reals[element]);
  });
  return ranges;
}

} // namespace mlir::qfmt::reference
