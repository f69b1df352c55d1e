// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/IR/ConstantData.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::qfmt;

/// A resource of 16-bit words.
static Attribute makeHalves(Type element, ArrayRef<uint16_t> words) {
  auto type =
      RankedTensorType::get({static_cast<int64_t>(words.size())}, element);
  return DenseResourceElementsAttr::get(
      type, "halves", HeapAsmResourceBlob::allocateAndCopyInferAlign(words));
}

TEST(ConstantDataTest, ReadsResourcesOfHalves) {
  MLIRContext context;
  EXPECT_EQ(*readFloats(makeHalves(Float16Type::get(&context),
                                   {0x3C00, 0xC100, 0x0001, 0x7BFF})),
            (std::vector<double>{1, -2.5, 0x1p-24, 65504}));
  EXPECT_EQ(*readFloats(makeHalves(BFloat16Type::get(&context),
                                   {0x3F80, 0xC020, 0x0001})),
            (std::vector<double>{1, -2.5, 0x1p-133}));
}
