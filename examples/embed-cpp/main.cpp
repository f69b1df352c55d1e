// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qfmt in someone else's compiler: make a module with encoded tensors, run
// passes on it, print it.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Transforms/Passes.h"
#include "qfmt/InitAll.h"

using namespace mlir;

/// A layer with int8 activations and one scale a row of its int8 weights.
static constexpr StringLiteral kModule = R"mlir(
  !activations = tensor<4x8xf32, #qfmt.scaled<i8, scale = 0.5>>
  !weights = tensor<8x16xf32, #qfmt.scaled<i8, block = [*, 1], scale = f32>>
  func.func @layer(%x: !activations, %w: !weights) -> tensor<4x16xf32> {
    %zero = arith.constant 0.0 : f32
    %empty = tensor.empty() : tensor<4x16xf32>
    %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x16xf32>) -> tensor<4x16xf32>
    %y = linalg.matmul ins(%x, %w : !activations, !weights) outs(%init : tensor<4x16xf32>) -> tensor<4x16xf32>
    return %y : tensor<4x16xf32>
  }
)mlir";

/// What the types say, without any pass.
static void describe(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments()) {
    auto encoded = qfmt::EncodedTensorType::get(argument.getType());
    if (!encoded)
      continue;
    llvm::outs() << "argument " << argument.getArgNumber() << ": "
                 << encoded.getFormat().getPackedBits(encoded.getShape()) / 8
                 << " bytes in";
    for (const qfmt::Constituent &part : encoded.getConstituents())
      llvm::outs() << ' ' << part.name << " (" << part.type << ')';
    llvm::outs() << '\n';
  }
}

int main() {
  DialectRegistry registry;
  registry.insert<arith::ArithDialect, func::FuncDialect, linalg::LinalgDialect,
                  tensor::TensorDialect>();
  qfmt::registerAllQFmtDialects(registry);

  MLIRContext context(registry);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(kModule, &context);
  if (!module)
    return 1;
  for (func::FuncOp function : module->getOps<func::FuncOp>())
    describe(function);

  PassManager passes(&context);
  passes.addPass(qfmt::createVerifyLevel({qfmt::Level::Encoded}));
  passes.addPass(qfmt::createDecompose());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(qfmt::createVerifyLevel({qfmt::Level::Constituents}));
  if (failed(passes.run(*module)))
    return 1;
  module->print(llvm::outs());
  return 0;
}
