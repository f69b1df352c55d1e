// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EvaluatorTest.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;

namespace mlir::qfmt::reference {
namespace {

class FuncTest : public EvaluatorTest {};

TEST_F(FuncTest, calls_return_several_results) {
  SmallVector<Value> results = run(R"(
    func.func private @swap(%a: i8, %b: tensor<1xf32>) -> (tensor<1xf32>, i8) {
      return %b, %a : tensor<1xf32>, i8
    }
    func.func @main(%a: i8, %b: tensor<1xf32>) -> (tensor<1xf32>, i8) {
      %0:2 = call @swap(%a, %b) : (i8, tensor<1xf32>) -> (tensor<1xf32>, i8)
      return %0#0, %0#1 : tensor<1xf32>, i8
    })",
                                   {make("i8", 3), make("tensor<1xf32>", 4)});
  ASSERT_EQ(results.size(), 2u);
  expectElements(results[0], {4});
  expectElements(results[1], {3});
}

TEST_F(FuncTest, encoded_tensors_pass_through_calls) {
  Value result = runOne(R"(
    !q = tensor<2xf32, #qfmt.scaled<i8, scale = 0.5>>
    func.func private @f(%a: !q) -> tensor<2xf32> {
      %0 = qfmt.dequantize %a : !q to tensor<2xf32>
      return %0 : tensor<2xf32>
    }
    func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
      %0 = qfmt.quantize %x : tensor<2xf32> to !q
      %1 = call @f(%0) : (!q) -> tensor<2xf32>
      return %1 : tensor<2xf32>
    })",
                        make("tensor<2xf32>", {1.1, -2.2}));
  expectElements(result, {1, -2});
}

TEST_F(FuncTest, declared_function_is_an_error) {
  EXPECT_EQ(runError("func.func private @f() func.func @main() { call @f() : "
                     "() -> () return }"),
            "'func.func' op is only declared; the evaluator needs its body\n");
}

TEST_F(FuncTest, endless_recursion_is_an_error) {
  EvaluatorOptions options;
  options.maxCallDepth = 10;
  EXPECT_EQ(runError("func.func @main() { call @main() : () -> () return }", {},
                     options),
            "'func.func' op is called more than 10 levels deep\n");
}

TEST_F(FuncTest, arguments_are_checked) {
  StringRef ir = "func.func @main(%a: tensor<?x2xf32>) { return }";
  run(ir, make("tensor<3x2xf32>", {1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(runError(ir), "'func.func' op takes 1 arguments, found 0\n");
  EXPECT_EQ(runError(ir, make("tensor<2x1xf32>", {1, 2})),
            "'func.func' op argument 0 must be 'tensor<?x2xf32>', found "
            "'tensor<2x1xf32>'\n");
  EXPECT_NE(runError(ir, make("tensor<1x2xf16>", {1, 2})), "");
  EXPECT_NE(runError("func.func @main(%a: tensor<2xf32, #qfmt.scaled<i8>>) { "
                     "return }",
                     make("tensor<2xf32>", {1, 2})),
            "");
}

TEST_F(FuncTest, unstructured_control_flow_is_an_error) {
  EXPECT_EQ(
      runError("func.func @main(%a: i8) -> i8 { cf.br ^bb1 ^bb1: return %a : "
               "i8 }",
               make("i8", 1)),
      "'func.func' op has a region of several blocks; only structured control "
      "flow has reference semantics\n");
}

/// One buffer for each constituent, before and after.
TEST_F(FuncTest, buffers_are_constituents) {
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(R"(
    !q = tensor<1x2xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>
    func.func @main(%a: !q) -> (tensor<1x2xf32>, !q) {
      %0 = qfmt.dequantize %a : !q to tensor<1x2xf32>
      return %0, %a : tensor<1x2xf32>, !q
    })",
                                                             &context);
  ASSERT_TRUE(module);
  auto function = module->lookupSymbol<func::FuncOp>("main");
  const char codes[] = {3, -4};
  const float scale[] = {0.5f};
  ArrayRef<char> scaleBytes(reinterpret_cast<const char *>(scale),
                            sizeof(scale));
  auto results = evaluateBuffers(function, {ArrayRef(codes), scaleBytes});
  ASSERT_TRUE(succeeded(results));
  ASSERT_EQ(results->size(), 3u);
  expectElements((*results)[0], {1.5, -2});
  expectElements((*results)[1], {3, -4});
  expectElements((*results)[2], {0.5});

  std::string error;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    error = diagnostic.str();
    return success();
  });
  EXPECT_TRUE(failed(evaluateBuffers(function, {ArrayRef(codes)})));
  EXPECT_NE(error.find("and no buffer"), std::string::npos) << error;
  EXPECT_TRUE(failed(
      evaluateBuffers(function, {ArrayRef(codes), scaleBytes, scaleBytes})));
  EXPECT_NE(error.find("has 1 buffers too many"), std::string::npos) << error;
  EXPECT_TRUE(
      failed(evaluateBuffers(function, {ArrayRef(codes), ArrayRef(codes)})));
  EXPECT_NE(error.find("bytes"), std::string::npos) << error;
}

} // namespace
} // namespace mlir::qfmt::reference
