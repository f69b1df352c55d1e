//===- ConversionTest.cpp - Every code between every two formats ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "NumberFormats.h"
#include "TableOracle.h"
#include "gtest/gtest.h"

using namespace mlir::qfmt;
using namespace mlir::qfmt::test;

// The whole of conversion between formats of at most 8 bits: each source code,
// each target, each mode, against the table search.
TEST(Conversion, EveryPairUpTo8Bits) {
  std::vector<NumberFormat> formats = getFormatsUpTo8Bits();
  std::vector<TableOracle> oracles(formats.begin(), formats.end());
  for (size_t from = 0; from < formats.size(); ++from) {
    for (uint64_t code = 0; code < formats[from].getNumCodes(); ++code) {
      double value = oracles[from].decode(code);
      ExactReal exact = ExactReal::fromDouble(formats[from].decode(code));
      for (size_t to = 0; to < formats.size(); ++to)
        for (RoundingMode mode : kRoundingModes)
          for (auto [overflow, nan] :
               {std::pair(OverflowMode::Saturate, NaNMode::Zero),
                std::pair(OverflowMode::Infinity, NaNMode::Propagate)})
            ASSERT_EQ(formats[to].encode(exact, mode, overflow, nan),
                      oracles[to].encode(value, mode, overflow, nan))
                << formats[from].name << " code " << code << " (" << value
                << ") to " << formats[to].name << " mode " << int(mode)
                << " overflow " << int(overflow);
    }
  }
}
