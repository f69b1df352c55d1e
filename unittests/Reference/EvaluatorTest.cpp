// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EvaluatorTest.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Parser/Parser.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Reference/ReferenceFormat.h"
#include <cmath>

using namespace mlir;

namespace mlir::qfmt::reference {

EvaluatorTest::EvaluatorTest() {
  DialectRegistry registry;
  registry.insert<affine::AffineDialect, arith::ArithDialect,
                  cf::ControlFlowDialect, func::FuncDialect,
                  linalg::LinalgDialect, math::MathDialect, QFmtDialect,
                  scf::SCFDialect, tensor::TensorDialect>();
  registerReferenceModels(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
}

Value EvaluatorTest::make(StringRef text, ArrayRef<double> elements) {
  Type type = parseType(text, &context);
  auto shaped = dyn_cast<RankedTensorType>(type);
  Type elementType = shaped ? shaped.getElementType() : type;
  Tensor tensor(shaped ? shaped.getShape() : ArrayRef<int64_t>(), elementType);
  EXPECT_EQ(tensor.getNumElements(), static_cast<int64_t>(elements.size()));
  for (auto [to, from] : llvm::zip(tensor.getMutableData(), elements))
    to = isa<FloatType>(elementType) ? makeReal(from)
                                     : makeInteger(static_cast<int64_t>(from));
  return tensor;
}

FailureOr<SmallVector<Value>>
EvaluatorTest::evaluateMain(StringRef ir, ArrayRef<Value> arguments,
                            const EvaluatorOptions &options,
                            std::string &diagnostics) {
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    diagnostics += diagnostic.str() + "\n";
  });
  modules.push_back(parseSourceString<ModuleOp>(ir, &context));
  if (!modules.back()) {
    ADD_FAILURE() << "the IR of the test is wrong: " << diagnostics;
    return failure();
  }
  auto main = modules.back()->lookupSymbol<func::FuncOp>("main");
  return evaluate(main, arguments, options);
}

SmallVector<Value> EvaluatorTest::run(StringRef ir, ArrayRef<Value> arguments,
                                      const EvaluatorOptions &options) {
  std::string diagnostics;
  FailureOr<SmallVector<Value>> results =
      evaluateMain(ir, arguments, options, diagnostics);
  EXPECT_EQ(diagnostics, "");
  if (failed(results)) {
    ADD_FAILURE() << "evaluation failed";
    return {};
  }
  return *results;
}

Value EvaluatorTest::runOne(StringRef ir, ArrayRef<Value> arguments) {
  SmallVector<Value> results = run(ir, arguments);
  if (results.size() != 1) {
    ADD_FAILURE() << "expected one result";
    return Tensor();
  }
  return results.front();
}

std::string EvaluatorTest::runError(StringRef ir, ArrayRef<Value> arguments,
                                    const EvaluatorOptions &options) {
  std::string diagnostics;
  FailureOr<SmallVector<Value>> results =
      evaluateMain(ir, arguments, options, diagnostics);
  EXPECT_TRUE(failed(results));
  return diagnostics;
}

std::vector<double> getElements(const Tensor &tensor) {
  std::vector<double> elements;
  for (Scalar element : tensor.getData())
    elements.push_back(isa<FloatType>(tensor.getElementType())
                           ? element.real
                           : double(element.integer));
  return elements;
}

void expectElements(const Tensor &found, ArrayRef<double> expected) {
  std::vector<double> elements = getElements(found);
  ASSERT_EQ(elements.size(), expected.size());
  for (size_t i = 0; i < elements.size(); ++i) {
    double a = elements[i], b = expected[i];
    bool same = std::isnan(b) ? std::isnan(a)
                              : a == b && std::signbit(a) == std::signbit(b);
    EXPECT_TRUE(same) << "element " << i << ": found " << a << ", expected "
                      << b;
  }
}

//===----------------------------------------------------------------------===//
// The evaluator as a whole
//===----------------------------------------------------------------------===//

TEST_F(EvaluatorTest, unsupported_op_is_named) {
  EXPECT_EQ(runError(R"(func.func @main() -> tensor<2xf32> {
      %0 = tensor.empty() : tensor<4xf32>
      %1 = tensor.empty() : tensor<2x1xindex>
      %2 = tensor.gather %0[%1] gather_dims([0])
           : (tensor<4xf32>, tensor<2x1xindex>) -> tensor<2xf32>
      return %2 : tensor<2xf32>
    })"),
            "'tensor.gather' op has no reference semantics\n");
}

TEST_F(EvaluatorTest, unsupported_type_is_named) {
  EXPECT_EQ(runError(R"(func.func @main() {
      %0 = arith.constant dense<1.0> : vector<4xf32>
      return
    })"),
            "'arith.constant' op a constant of type 'vector<4xf32>' cannot be "
            "evaluated\n");
}

TEST_F(EvaluatorTest, wide_integer_in_a_body_is_refused) {
  std::string error = runError(R"(func.func @main() -> tensor<2xi8> {
      %0 = tensor.empty() : tensor<2xi8>
      %1 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%0 : tensor<2xi8>) {
      ^bb0(%o: i8):
        %c = arith.constant 340282366920938463463374607431768211455 : i128
        %t = arith.trunci %c : i128 to i8
        linalg.yield %t : i8
      } -> tensor<2xi8>
      return %1 : tensor<2xi8>
    })");
  EXPECT_NE(error.find("'arith.constant' op has no reference semantics on "
                       "'i128'"),
            std::string::npos)
      << error;
}

// Arithmetic on an encoded tensor has no meaning, although upstream takes it.
TEST_F(EvaluatorTest, arithmetic_on_encoded_tensor_is_refused) {
  std::string error = runError(R"(
    func.func @main() -> tensor<2xf32, #qfmt.scaled<i8, scale = 0.5>> {
      %0 = arith.constant dense<[1, 2]> : tensor<2xi8>
      %1 = qfmt.assemble %0 : tensor<2xi8> to tensor<2xf32, #qfmt.scaled<i8, scale = 0.5>>
      %2 = arith.addf %1, %1 : tensor<2xf32, #qfmt.scaled<i8, scale = 0.5>>
      return %2 : tensor<2xf32, #qfmt.scaled<i8, scale = 0.5>>
    })");
  EXPECT_NE(error.find("'arith.addf' op has no reference semantics on the "
                       "encoded tensor"),
            std::string::npos)
      << error;
}

// The probe sees operations of the function, not those of bodies.
TEST_F(EvaluatorTest, probe_sees_each_operation_once) {
  std::vector<std::string> names;
  EvaluatorOptions options;
  options.probe = [&](Operation *op, ArrayRef<Value> results) {
    names.push_back(op->getName().getStringRef().str());
    EXPECT_EQ(results.size(), op->getNumResults());
  };
  run(R"(func.func @main(%a: tensor<2xf32>) -> tensor<2xf32> {
      %0 = qfmt.observe %a "x" : tensor<2xf32>
      %1 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>],
             iterator_types = ["parallel"]} outs(%0 : tensor<2xf32>) {
      ^bb0(%x: f32):
        %2 = arith.addf %x, %x : f32
        linalg.yield %2 : f32
      } -> tensor<2xf32>
      return %1 : tensor<2xf32>
    })",
      make("tensor<2xf32>", {1, 2}), options);
  EXPECT_EQ(names,
            (std::vector<std::string>{"qfmt.observe", "linalg.generic"}));
}

} // namespace mlir::qfmt::reference
