// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of channels from the vectors that a layer sums over, and what formats do
// to them.

#include "ChannelRows.h"
#include "RowErrors.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::qfmt;
using Numbers = std::vector<double>;

namespace {
TEST(ChannelRows, OfMatrixProducts) {
  EXPECT_EQ(getChannelRows({1, 2, 3, 4, 5, 6}, {0, 1, 2}, 3),
            (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(getChannelRows({1, 2, 3}, {2, 0, 1}, 3), (Numbers{2, 3, 1}));
}

/// Of two channels and windows of two positions each.
TEST(ChannelRows, OfWindows) {
  EXPECT_EQ(getChannelRows({1, 2, 3, 4}, {0, 0, 1, 1}, 2),
            (Numbers{1, 3, 2, 4}));
}

TEST(ChannelRows, NeedsAllChannelsEquallyOften) {
  EXPECT_EQ(getChannelRows({1, 2, 3}, {0, 0, 1}, 2), Numbers());
  EXPECT_EQ(getChannelRows({1, 2}, {0, 0}, 2), Numbers());
}

struct Errors : testing::Test {
  Errors() {
    DialectRegistry registry;
    registerPipelineDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    module = ModuleOp::create(UnknownLoc::get(&context));
  }

  FailureOr<RowErrors> create(StringRef format, int64_t block = 2,
                              unsigned bits = 3) {
    return RowErrors::create(format, block, bits, &context,
                             [&] { return module->emitError(); });
  }

  double get(StringRef format, ArrayRef<double> rows, int64_t channels,
             ArrayRef<double> weights = {}) {
    FailureOr<RowErrors> errors = create(format);
    return *errors->get(*module, rows, channels, weights);
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

/// 3, 1.25 and -1.5 in steps of 1: 1.25 becomes 1, and -1.5 the even -2.
TEST_F(Errors, OfFormats) {
  StringRef rows = "#qfmt.scaled<!qfmt.int<i3, -3, 3>, block = [1, *], "
                   "scale = f32>";
  EXPECT_DOUBLE_EQ(get(rows, {3, 1.25, -1.5}, 3), 0.0625 + 0.25);
  EXPECT_DOUBLE_EQ(get(rows, {3, 1.25, -1.5}, 3, {1, 2, 10}),
                   (0.25 * 2 + 0.5 * 10) * (0.25 * 2 + 0.5 * 10));
  EXPECT_EQ(get("f32", {3, 1.25, -1.5}, 3), 0);
  // One scale for all rows: the second is rounded in steps of the first.
  EXPECT_DOUBLE_EQ(get("!qfmt.int<i3, -3, 3>", {3, 1, 1.25, 0}, 2), 0.0625);
}

TEST_F(Errors, WithoutAFormat) {
  EXPECT_DOUBLE_EQ(get("", {3, 2}, 2), 2 / 12.);
  EXPECT_DOUBLE_EQ(get("", {3, 2}, 2, {1, 2}), 5 / 12.);
}

TEST_F(Errors, RefusesWhatItCannotMeasure) {
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message = diagnostic.str();
    return success();
  });
  EXPECT_TRUE(failed(create("i99")));
  EXPECT_TRUE(failed(create("", 2, 1)));
  EXPECT_EQ(message, "option 'bits' is 1: give 2 to 32");
  FailureOr<RowErrors> errors =
      create("#qfmt.scaled<i4, block = [1, 2, 3], scale = f32>");
  ASSERT_TRUE(succeeded(errors));
  EXPECT_TRUE(failed(errors->get(*module, {1, 2}, 2)));
  EXPECT_NE(
      message.find("has data of 2 channels, whose rounding in the format"),
      std::string::npos)
      << message;
}
} // namespace
