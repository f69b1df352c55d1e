//===- FewBitProductsTest.cpp - Weights of few bits, simulated ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of qfmt-scaled-products-to-kernels against the reference evaluator:
// kinds of weights, blocks of rows, and shared terms. Kernels that were changed
// for the worse are all found.
//
//===----------------------------------------------------------------------===//

#include "FewBitProduct.h"
#include "KernelChanges.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::qfmt;

namespace {

TEST(GpuFewBitProducts, Weights) {
  for (Weights weights :
       {Weights::Int2, Weights::Int4, Weights::Int8, Weights::E2M1}) {
    check({3, 17, 5, 32, weights});
    check({20, 40, 1, 160, weights, true});
  }
}

TEST(GpuFewBitProducts, BlocksAndWarps) {
  for (int64_t m : {8, 16, 33, 65})
    for (int64_t warps : {0, 1, 2})
      check({m, 33, 9, 32, Weights::Int4, false, warps});
}

//===----------------------------------------------------------------------===//
// Changes for the worse
//===----------------------------------------------------------------------===//

/// The second operand in place of the result: what is read where there are no
/// terms.
Change selectAlways() {
  return [](gpu::GPUFuncOp kernel) {
    for (auto select : collect<arith::SelectOp>(kernel))
      select.replaceAllUsesWith(select.getTrueValue());
  };
}

/// One sum of mma.sync is another one.
Change exchangeSums(size_t i) {
  return [i](gpu::GPUFuncOp kernel) {
    auto extract = collect<LLVM::ExtractValueOp>(kernel)[i];
    extract.setPosition(extract.getPosition()[0] ^ 1);
  };
}

/// The product begins with 0 in place of the sums of those before it.
Change setSumsToZero(size_t i) {
  return [i](gpu::GPUFuncOp kernel) {
    auto product = collect<NVVM::MmaOp>(kernel)[i];
    OpBuilder b(product);
    Type type = product.getOperandC().front().getType();
    Value zero =
        arith::ConstantOp::create(b, product.getLoc(), b.getZeroAttr(type));
    product.getOperandCMutable().assign(SmallVector<Value>(4, zero));
  };
}

/// All warps that share terms begin with the first tile.
Change beginWithFirstTile() {
  return [](gpu::GPUFuncOp kernel) {
    scf::ForOp loop = collect<scf::ForOp>(kernel).front();
    OpBuilder b(loop);
    loop.setLowerBound(arith::ConstantIntOp::create(b, loop.getLoc(), 0, 32));
  };
}

/// They store their sums at one place.
Change storeAsFirstWarp() {
  return [](gpu::GPUFuncOp kernel) {
    for (auto store : collect<memref::StoreOp>(kernel)) {
      OpBuilder b(store);
      store.getIndicesMutable()[0].assign(
          arith::ConstantIndexOp::create(b, store.getLoc(), 0));
    }
  };
}

Change forgetLastWarp() {
  return [](gpu::GPUFuncOp kernel) {
    auto sum = collect<arith::AddFOp>(kernel).back();
    sum.replaceAllUsesWith(sum.getLhs());
  };
}

/// One warp's sums have no place in shared memory.
Change shrinkShared() {
  return [](gpu::GPUFuncOp kernel) {
    BlockArgument shared = kernel.getWorkgroupAttributions().front();
    auto type = cast<MemRefType>(shared.getType());
    SmallVector<int64_t> shape(type.getShape());
    --shape.front();
    shared.setType(MemRefType::Builder(type).setShape(shape));
  };
}

using Sum = arith::ShRSIOp;
using Load = LLVM::LoadOp;

TEST(GpuFewBitProducts, ChangesAreFound) {
  // Rows, columns, and terms of the last tile that are not there.
  FewBitProduct c{20, 40, 5, 32, Weights::Int4};
  LoweredKernel kernel = lower(c);
  ExpectedResult expected = getExpected(c);
  // Loads: codes, activations of four rows, scales of two columns, and those of
  // rows.
  const ChangeForTheWorse changes[] = {
      {"no barrier", eraseOne<gpu::BarrierOp>(0), ""},
      {"columns of weights exchanged", exchange<NVVM::MmaOp>(0, 0, 1),
       "wrong numbers"},
      {"terms of weights exchanged", exchange<NVVM::MmaOp>(0, 1, 3),
       "wrong numbers"},
      {"terms of activations exchanged", exchange<NVVM::MmaOp>(1, 4, 5),
       "wrong numbers"},
      {"rows of sums exchanged", exchangeSums(0), "wrong numbers"},
      {"codes not shifted", bypass<arith::ShLIOp>(0), "wrong numbers"},
      {"too few bits of codes", setOperandOf<arith::AndIOp>(0, 1, 0x70707070),
       "wrong numbers"},
      {"bits of other codes", setOperandOf<arith::AndIOp>(2, 1, -1),
       "wrong numbers"},
      {"sums shifted by less", setOperandOf<Sum>(0, 1, 3), "wrong numbers"},
      {"sums not shifted", bypass<Sum>(5), "wrong numbers"},
      {"weights of another lane", moveAddress<Load>(0, 16), ""},
      {"activations of another group", moveAddress<Load>(1, 32), ""},
      {"activations of another row", moveAddress<Load>(2, 160), ""},
      {"scales of another column", moveAddress<Load>(5, 4), ""},
      {"scales of another group of columns", moveAddress<Load>(6, 64), ""},
      {"scales of another row", moveAddress<Load>(7, 20), ""},
      {"scales of another group of rows", moveAddress<Load>(8, 4), ""},
      {"strips are not clamped", bypass<arith::MinSIOp>(0), ""},
      {"rows are not clamped", bypass<arith::MinSIOp>(3), "out-of-bounds"},
      {"terms are not clamped", bypass<arith::MinSIOp>(13), "out-of-bounds"},
      {"one tile too few", shortenLoop(), "wrong numbers"},
      {"all warps have all tiles", beginWithFirstTile(), "wrong numbers"},
      {"sums of warps at one place", storeAsFirstWarp(), ""},
      {"no sum of the last warp", forgetLastWarp(), "wrong numbers"},
      {"less shared memory", shrinkShared(), "out-of-bounds"},
      {"all stores are done", isAlwaysTrue(0), "out-of-bounds"},
  };
  expectFound(kernel, changes, [&](int seed, int64_t missing) {
    return expected.check(kernel, c.m, seed, missing);
  });
}

/// What only floats and tables have.
TEST(GpuFewBitProducts, ChangesOfTablesAreFound) {
  FewBitProduct c{20, 40, 1, 160, Weights::E2M1, true};
  LoweredKernel kernel = lower(c);
  ExpectedResult expected = getExpected(c);
  const ChangeForTheWorse changes[] = {
      {"entries of the table exchanged", exchange<NVVM::PermuteOp>(0, 0, 1),
       "wrong numbers"},
      {"another entry", setOperandOf<NVVM::PermuteOp>(1, 0, 0x3C3C3C3C),
       "wrong numbers"},
      {"codes with their fourth bit", bypass<arith::AndIOp>(0),
       "wrong numbers"},
      {"codes of another field", bypass<arith::ShRUIOp>(2), "wrong numbers"},
      {"halves of the table exchanged", exchange<NVVM::PermuteOp>(2, 0, 1),
       "wrong numbers"},
      {"terms that are not there", selectAlways(), "wrong numbers"},
      {"registers of activations exchanged", exchange<NVVM::MmaOp>(0, 4, 5),
       "wrong numbers"},
      {"no sums so far", setSumsToZero(5), "wrong numbers"},
  };
  expectFound(kernel, changes, [&](int seed, int64_t missing) {
    return expected.check(kernel, c.m, seed, missing);
  });
}

/// Codes as the lowest bits of 1024.
TEST(GpuFewBitProducts, ChangesOfFloatsAreFound) {
  FewBitProduct c{8, 16, 1, 128, Weights::Int4, true};
  LoweredKernel kernel = lower(c);
  ExpectedResult expected = getExpected(c);
  const ChangeForTheWorse changes[] = {
      {"too few bits of codes", setOperandOf<arith::AndIOp>(0, 1, 0x00070007),
       "wrong numbers"},
      {"codes of another field", bypass<arith::ShRUIOp>(0), "wrong numbers"},
      {"another power of two",
       setOperandOf<arith::OrIOp>(0, 1, int32_t(0x68006800)), "wrong numbers"},
      {"nothing taken off", bypass<LLVM::FMAOp>(0), "wrong numbers"},
  };
  expectFound(kernel, changes, [&](int seed, int64_t missing) {
    return expected.check(kernel, c.m, seed, missing);
  });
}

} // namespace
