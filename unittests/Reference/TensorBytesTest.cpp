// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors from and to raw buffers.

#include "EvaluatorTest.h"
#include "mlir/AsmParser/AsmParser.h"
#include <cmath>

using namespace mlir;

namespace mlir::qfmt::reference {
namespace {

class TensorBytesTest : public EvaluatorTest {
protected:
  RankedTensorType getType(StringRef text) {
    return cast<RankedTensorType>(parseType(text, &context));
  }
  /// fromBytes; `error` is its diagnostic.
  FailureOr<Tensor> read(StringRef type, std::vector<uint8_t> bytes) {
    error.clear();
    ScopedDiagnosticHandler handler(
        &context, [&](Diagnostic &diagnostic) { error = diagnostic.str(); });
    std::vector<char> chars(bytes.begin(), bytes.end());
    return Tensor::fromBytes(getType(type), chars, [&] {
      return mlir::emitError(UnknownLoc::get(&context));
    });
  }
  /// The bytes mean these elements, and the elements give these bytes back.
  void expectRoundTrip(StringRef type, std::vector<uint8_t> bytes,
                       ArrayRef<double> elements) {
    SCOPED_TRACE(type.str());
    FailureOr<Tensor> tensor = read(type, bytes);
    ASSERT_TRUE(succeeded(tensor)) << error;
    expectElements(*tensor, elements);
    std::vector<char> written = tensor->toBytes();
    EXPECT_EQ(std::vector<uint8_t>(written.begin(), written.end()), bytes);
  }

  std::string error;
};

TEST_F(TensorBytesTest, every_kind_of_element) {
  expectRoundTrip("tensor<2xf32>", {0, 0, 0x80, 0x3f, 0, 0, 0, 0x80},
                  {1, -0.0});
  expectRoundTrip("tensor<1xf64>", {0, 0, 0, 0, 0, 0, 0xf8, 0x3f}, {1.5});
  expectRoundTrip("tensor<2xf16>", {0, 0x3c, 1, 0}, {1, std::ldexp(1, -24)});
  expectRoundTrip("tensor<1xbf16>", {0x80, 0x3f}, {1});
  expectRoundTrip("tensor<2xi8>", {0xff, 0x7f}, {-1, 127});
  expectRoundTrip("tensor<1xi16>", {0xfe, 0xff}, {-2});
  expectRoundTrip("tensor<1xi32>", {0, 1, 0, 0}, {256});
  expectRoundTrip("tensor<1xindex>", {1, 0, 0, 0, 0, 0, 0, 0}, {1});
  expectRoundTrip("tensor<1xui8>", {0xff}, {255});
  expectRoundTrip("tensor<2xi1>", {0, 1}, {0, -1});
}

TEST_F(TensorBytesTest, narrow_types_take_one_byte_a_code) {
  expectRoundTrip("tensor<3xi4>", {0x0f, 0x08, 0x07}, {-1, -8, 7});
  expectRoundTrip("tensor<2xf4E2M1FN>", {0x07, 0x09}, {6, -0.5});
  expectRoundTrip("tensor<1xf6E3M2FN>", {0x1f}, {28});
  expectRoundTrip("tensor<2xf8E4M3FN>", {0x7e, 0x7f}, {448, std::nan("")});
  expectRoundTrip("tensor<1xf8E8M0FNU>", {127}, {1});
  // 24 bits in a word of 32.
  expectRoundTrip("tensor<1xi24>", {0xff, 0xff, 0xff, 0}, {-1});
}

TEST_F(TensorBytesTest, sign_extended_codes_are_read) {
  FailureOr<Tensor> tensor = read("tensor<2xi4>", {0xff, 0xf8});
  ASSERT_TRUE(succeeded(tensor)) << error;
  expectElements(*tensor, {-1, -8});
}

TEST_F(TensorBytesTest, bad_buffers_are_refused) {
  EXPECT_TRUE(failed(read("tensor<2xf32>", {1, 2, 3, 4})));
  EXPECT_EQ(error, "'tensor<2xf32>' takes 8 bytes, found 4");
  EXPECT_TRUE(failed(read("tensor<1xi4>", {0x25})));
  EXPECT_EQ(error, "byte 37 is not a code of 'i4'");
  EXPECT_TRUE(failed(read("tensor<1xi1>", {2})));
  EXPECT_TRUE(failed(read("tensor<1xf4E2M1FN>", {0xf0})));
  EXPECT_TRUE(failed(read("tensor<?xf32>", {})));
  EXPECT_EQ(error, "the sizes of 'tensor<?xf32>' are not all known");
  EXPECT_TRUE(failed(read("tensor<1xf128>", {})));
}

} // namespace
} // namespace mlir::qfmt::reference
