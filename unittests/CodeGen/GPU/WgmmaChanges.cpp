// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaChanges.h"

namespace mlir::qfmt {

using Mma = NVVM::WgmmaMmaAsyncOp;

/// Constants of 64 bits are descriptors.
Change flipDescriptors(int64_t bits) {
  return [=](gpu::GPUFuncOp kernel) {
    bool isFound = false;
    for (auto constant : collect<arith::ConstantOp>(kernel)) {
      auto value = dyn_cast<IntegerAttr>(constant.getValue());
      if (!value || value.getType() != Builder(constant).getI64Type() ||
          value.getInt() >> 62 != 1)
        continue;
      isFound = true;
      constant.setValueAttr(
          IntegerAttr::get(value.getType(), value.getInt() ^ bits));
    }
    EXPECT_TRUE(isFound);
  };
}

Change readAs(NVVM::WGMMATypes numbers) {
  return [=](gpu::GPUFuncOp kernel) {
    for (Mma product : collect<Mma>(kernel))
      product.setTypeA(numbers);
  };
}

/// One wgmma reads the terms of another.
static Change exchangeTerms() {
  return [](gpu::GPUFuncOp kernel) {
    auto products = collect<Mma>(kernel);
    products[2].getDescriptorBMutable().assign(products[1].getDescriptorB());
  };
}

SmallVector<ChangeForTheWorse> getRingChanges(int64_t stageBytes) {
  using Wait = NVVM::MBarrierTryWaitParityOp;
  using Expect = NVVM::MBarrierArriveExpectTxOp;
  return {
      {"no wait for free stages", eraseOne<Wait>(0), ""},
      {"no wait for copies", eraseOne<Wait>(1), ""},
      {"one phase for free stages", setOperandOf<Wait>(0, 1, 1), ""},
      {"one phase for copies", setOperandOf<Wait>(1, 1, 0), ""},
      {"no arrivals", eraseAll<NVVM::MBarrierArriveOp>(), "waits forever"},
      {"too few arrivals", setOperandOf<NVVM::MBarrierInitOp>(1, 1, 1), ""},
      {"too few bytes", setOperandOf<Expect>(0, 1, stageBytes - 128), ""},
      {"too many bytes", setOperandOf<Expect>(0, 1, stageBytes + 128),
       "waits forever"},
      {"no barrier", eraseOne<gpu::BarrierOp>(0), ""},
      {"no wgmma.fence", eraseAll<NVVM::WgmmaFenceAlignedOp>(),
       "without wgmma.fence before"},
      {"no commits", eraseAll<NVVM::WgmmaGroupSyncAlignedOp>(), ""},
      {"no first wait for products", eraseOne<NVVM::WgmmaWaitGroupSyncOp>(0),
       ""},
      {"no last wait for products", eraseOne<NVVM::WgmmaWaitGroupSyncOp>(1),
       ""},
      {"another swizzle", flipDescriptors(int64_t(3) << 62), "wrong numbers"},
      {"another stride", flipDescriptors(int64_t(3) << 37), ""},
      {"terms of another step", exchangeTerms(), "wrong numbers"},
      {"less shared memory", [](gpu::GPUFuncOp) {}, "", 1024 + 16},
  };
}

} // namespace mlir::qfmt
