// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Roofline.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::qfmt {

/// Elements of whole bytes, an unknown size counted as `sizeIfUnknown`.
static int64_t getBytes(Type type, int64_t sizeIfUnknown) {
  auto shaped = cast<ShapedType>(type);
  int64_t bytes = llvm::divideCeil(shaped.getElementTypeBitWidth(), 8);
  for (int64_t size : shaped.getShape())
    bytes *= ShapedType::isDynamic(size) ? sizeIfUnknown : size;
  return bytes;
}

static int64_t addBytes(ArrayRef<Type> types, int64_t sizeIfUnknown) {
  int64_t bytes = 0;
  for (Type type : types)
    bytes += getBytes(type, sizeIfUnknown);
  return bytes;
}

KernelSize KernelSize::get(int64_t rows, int64_t columns, int64_t terms,
                           int64_t rowsIfUnknown, ArrayRef<Type> left,
                           ArrayRef<Type> right, Type result) {
  int64_t rightBytes = addBytes(right, rowsIfUnknown);
  return {ShapedType::isDynamic(rows) ? rowsIfUnknown : rows,
          columns,
          terms,
          addBytes(left, rowsIfUnknown),
          rightBytes,
          getBytes(result, rowsIfUnknown),
          /*panelBytes=*/rightBytes,
          /*groupCycles=*/0};
}

int64_t Roofline::getCycles() const {
  return std::max({productCycles, groupCycles, l2Cycles, farCycles});
}

Bound Roofline::getBound() const {
  if (getCycles() == productCycles)
    return Bound::Products;
  if (getCycles() == groupCycles)
    return Bound::Groups;
  return getCycles() == farCycles ? Bound::Far : Bound::L2;
}

Roofline estimateRoofline(const CpuTarget &target, int64_t productsPerCycle,
                          const KernelSize &size, const Blocking &blocking) {
  int64_t passesOverRight = llvm::divideCeil(size.rows, blocking.rows);
  int64_t panels =
      llvm::divideCeil(size.columns, blocking.columnBlocks * kColumnsPerBlock);
  bool rightStays = size.rightBytes <= target.l2Bytes / 2;
  int64_t rowBlocks =
      rightStays ? 1 : llvm::divideCeil(size.rows, blocking.cachedRows);
  Roofline roofline;
  roofline.products = size.rows * size.columns * size.terms;
  roofline.l2Bytes =
      size.panelBytes * passesOverRight + size.leftBytes * panels;
  roofline.farBytes =
      size.rightBytes * rowBlocks + size.leftBytes + size.resultBytes;
  const CycleRates &rates = target.rates;
  roofline.productCycles =
      llvm::divideCeil(roofline.products, productsPerCycle);
  roofline.groupCycles = size.groupCycles;
  roofline.l2Cycles = llvm::divideCeil(roofline.l2Bytes, rates.l2Bytes);
  roofline.farCycles = llvm::divideCeil(roofline.farBytes, rates.farBytes);
  return roofline;
}

static StringRef describe(Bound bound) {
  switch (bound) {
  case Bound::Products:
    return "bound by the rate of the instructions that multiply";
  case Bound::Groups:
    return "bound by the vector instructions that add up the sums of groups";
  case Bound::L2:
    return "bound by reading the level-2 cache";
  case Bound::Far:
    return "bound by reading and writing what is not in the level-2 cache";
  }
  return "";
}

void reportRoofline(Location loc, StringRef category, const CpuTarget &target,
                    int64_t productsPerCycle, const KernelSize &size,
                    const Blocking &blocking) {
  Roofline roofline =
      estimateRoofline(target, productsPerCycle, size, blocking);
  auto report = remark::analysis(
      loc, remark::RemarkOpts::name("Roofline").category(category));
  report << describe(roofline.getBound())
         << remark::metric("Products", roofline.products)
         << remark::metric("FarBytes", roofline.farBytes)
         << remark::metric("L2Bytes", roofline.l2Bytes)
         << remark::metric("ProductsPerFarKiB",
                           roofline.products * 1024 /
                               std::max<int64_t>(roofline.farBytes, 1))
         << remark::metric("Cycles", roofline.getCycles())
         << remark::metric("ProductCycles", roofline.productCycles);
  if (roofline.groupCycles != 0)
    report << remark::metric("GroupCycles", roofline.groupCycles);
}

} // namespace mlir::qfmt
