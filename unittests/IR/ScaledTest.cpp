// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #qfmt.scaled through its C++ interface: what no textual test reaches.

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"
#include "qfmt/IR/QFmt.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::qfmt;

namespace {
struct Scaled : testing::Test {
  Scaled() : builder(&context) { context.loadDialect<QFmtDialect>(); }

  ScaledAttr parse(StringRef text) {
    return cast<ScaledAttr>(
        parseAttribute(("#qfmt.scaled<" + text + ">").str(), &context));
  }

  /// The diagnostic of an attribute that is refused; empty if it is not.
  std::string verify(ArrayRef<int64_t> block, Attribute scale,
                     Attribute zeroPoint) {
    std::string message;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      message = diagnostic.str();
      return success();
    });
    ScaledAttr::getChecked([&] { return emitError(builder.getUnknownLoc()); },
                           &context, Type(builder.getI8Type()), block, scale,
                           zeroPoint);
    return message;
  }

  std::string getNames(ScaledAttr format, ArrayRef<int64_t> shape) {
    std::string text;
    llvm::raw_string_ostream os(text);
    llvm::interleave(
        format.getConstituents(shape, builder.getF32Type()), os,
        [&](const Constituent &part) { os << part.name << ':' << part.type; },
        " ");
    return text;
  }

  MLIRContext context;
  Builder builder;
};

TEST_F(Scaled, BuildersMakeTheNormalForm) {
  Type i8 = builder.getI8Type();
  ScaledAttr plain = parse("i8");
  EXPECT_EQ(ScaledAttr::get(i8, 1.0), plain);
  EXPECT_EQ(ScaledAttr::get(
                &context, i8, {ScaledAttr::kWhole, ScaledAttr::kWhole},
                builder.getF64FloatAttr(1.0), builder.getI64IntegerAttr(0)),
            plain);
  EXPECT_EQ(ScaledAttr::get(i8, 0.5, 3),
            parse("i8, scale = 0.5, zero_point = 3"));
  EXPECT_NE(ScaledAttr::get(i8, 0.5, 3), ScaledAttr::get(i8, 0.5));
}

TEST_F(Scaled, RefusesWhatOnlyBuildersCanSay) {
  Attribute f32 = TypeAttr::get(builder.getF32Type());
  EXPECT_EQ(verify({0}, f32, {}),
            "block sizes are positive, or * for a whole dimension, found 0");
  EXPECT_EQ(verify({-5, 1}, f32, {}),
            "block sizes are positive, or * for a whole dimension, found -5");
  EXPECT_EQ(verify({}, builder.getF32FloatAttr(0.5f), {}),
            "static scale must be an f64 attribute, found 5.000000e-01 : f32");
  EXPECT_EQ(verify({}, builder.getUnitAttr(), {}),
            "scale is a positive finite number, a number format or a tensor "
            "format, found unit");
  EXPECT_EQ(verify({}, {}, builder.getI32IntegerAttr(3)),
            "zero_point is a 64-bit integer or a number format, found 3 : i32");
  EXPECT_EQ(verify({}, {}, builder.getUnitAttr()),
            "zero_point is a 64-bit integer or a number format, found unit");
  EXPECT_EQ(verify({}, f32, builder.getI64IntegerAttr(-128)), "");
}

TEST_F(Scaled, StaticScaleIsReadInTheLogicalTypeButAtLeastF32) {
  ScaledAttr format = parse("i8, scale = 0.1");
  EXPECT_EQ(format.getStaticScale(builder.getF64Type()), 0.1);
  for (Type narrow : {Type(builder.getF32Type()), Type(builder.getF16Type()),
                      Type(builder.getBF16Type())})
    EXPECT_EQ(format.getStaticScale(narrow), double(0.1f));
  EXPECT_EQ(parse("i8").getStaticScale(builder.getF32Type()), 1.0);
  EXPECT_EQ(parse("i8, scale = f32").getStaticScale(builder.getF32Type()),
            std::nullopt);
}

TEST_F(Scaled, Constituents) {
  EXPECT_EQ(getNames(parse("i8, scale = 0.5, zero_point = 3"), {4, 9}),
            "payload:tensor<4x9xi8>");
  EXPECT_EQ(
      getNames(parse("ui4, block = [1, 4], scale = f16, zero_point = ui4"),
               {4, 9}),
      "payload:tensor<4x9xi4> scale:tensor<4x3xf16> "
      "zero_point:tensor<4x3xi4>");
  EXPECT_EQ(getNames(parse("f4E2M1FN, block = [1, 16], scale = "
                           "#qfmt.scaled<f8E4M3FN, scale = f32>"),
                     {ShapedType::kDynamic, ShapedType::kDynamic}),
            "payload:tensor<?x?xf4E2M1FN> scale.payload:tensor<?x?xf8E4M3FN> "
            "scale.scale:tensor<1x1xf32>");
  EXPECT_EQ(getNames(parse("i8, scale = f32"), {}),
            "payload:tensor<i8> scale:tensor<f32>");
}

TEST_F(Scaled, PackedBits) {
  EXPECT_EQ(parse("i4, scale = 0.5").getPackedBits({3, 5}), 60u);
  // 60 codes of 4 bits, 3 x 2 scales of 8 bits.
  EXPECT_EQ(parse("f4E2M1FN, block = [1, 16], scale = f8E8M0FNU")
                .getPackedBits({3, 20}),
            60u * 4 + 6 * 8);
}

TEST_F(Scaled, BlockShapeIsTheUnitThatCanBeCut) {
  constexpr int64_t whole = ScaledAttr::kWhole;
  using Shape = SmallVector<int64_t>;
  EXPECT_EQ(parse("i8, scale = 0.5").getBlockShape(2), Shape({1, 1}));
  EXPECT_EQ(parse("i8, scale = f32").getBlockShape(2), Shape({whole, whole}));
  EXPECT_EQ(parse("i8, zero_point = i8").getBlockShape(2),
            Shape({whole, whole}));
  EXPECT_EQ(parse("i8, block = [1, *], scale = f32").getBlockShape(2),
            Shape({1, whole}));
  // The scales of all blocks share one scale.
  EXPECT_EQ(parse("f4E2M1FN, block = [1, 16], scale = "
                  "#qfmt.scaled<f8E4M3FN, scale = f32>")
                .getBlockShape(2),
            Shape({whole, whole}));
  // A block of scales covers several blocks of elements.
  EXPECT_EQ(parse("i4, block = [1, 16], scale = "
                  "#qfmt.scaled<i8, block = [2, 4], scale = f32>")
                .getBlockShape(2),
            Shape({2, 64}));
  EXPECT_EQ(parse("i4, block = [1, 16], scale = "
                  "#qfmt.scaled<i8, scale = 0.5>")
                .getBlockShape(2),
            Shape({1, 16}));
}

TEST_F(Scaled, CanRepresent) {
  Type f32 = builder.getF32Type(), f64 = builder.getF64Type();
  ScaledAttr half = parse("i8, scale = 0.5, zero_point = 3");
  // Codes -128 ... 127 are (-131 ... 124) / 2.
  EXPECT_TRUE(half.canRepresent(-65.5, f32));
  EXPECT_FALSE(half.canRepresent(-66.0, f32));
  EXPECT_TRUE(half.canRepresent(62.0, f32));
  EXPECT_FALSE(half.canRepresent(62.5, f32));
  EXPECT_FALSE(half.canRepresent(0.25, f32));
  EXPECT_TRUE(half.canRepresent(0.0, f32));
  EXPECT_TRUE(half.canRepresent(-0.0, f32));
  EXPECT_FALSE(half.canRepresent(std::nan(""), f32));
  EXPECT_FALSE(
      half.canRepresent(-std::numeric_limits<double>::infinity(), f32));

  // The scale is another number in f64.
  ScaledAttr tenth = parse("i8, scale = 0.1");
  EXPECT_TRUE(tenth.canRepresent(0.1, f64));
  EXPECT_FALSE(tenth.canRepresent(0.1, f32));
  EXPECT_TRUE(tenth.canRepresent(double(0.1f), f32));
  EXPECT_FALSE(tenth.canRepresent(double(0.1f), f64));

  // With scales at run time only zero is sure, if the format has it.
  ScaledAttr rows = parse("i8, block = [1, *], scale = f32, zero_point = i8");
  EXPECT_TRUE(rows.canRepresent(0.0, f32));
  EXPECT_FALSE(rows.canRepresent(1.0, f32));
  EXPECT_TRUE(parse("f4E2M1FN, scale = f32").canRepresent(0.0, f32));
  EXPECT_FALSE(parse("f8E8M0FNU, scale = f32").canRepresent(0.0, f32));
}

TEST_F(Scaled, IntegerFormats) {
  auto isInteger = [&](StringRef text) {
    return parse(text).getNumberFormat().hasIntegerCodes();
  };
  EXPECT_TRUE(isInteger("i2"));
  EXPECT_TRUE(isInteger("ui16"));
  EXPECT_FALSE(isInteger("f8E8M0FNU"));
  EXPECT_FALSE(isInteger("f32"));
  // 0, 1, 2, 3 and their negatives, 0 twice.
  EXPECT_FALSE(isInteger("!qfmt.float<1, 1>"));
}
} // namespace
