// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes a network of large weights as bytecode, for tests of what a compiler
// does to such a file: COUNT matrix products, each with ROWS x COLUMNS weights
// of f32 that lie in a resource.

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

/// A value in (-1, 1) of index i: cheap, and not the same everywhere.
static float makeValue(uint64_t i) {
  i = (i + 1) * 0x9E3779B97F4A7C15ull;
  i ^= i >> 29;
  return static_cast<float>(static_cast<int64_t>(i) * 0x1p-63);
}

static DenseResourceElementsAttr makeWeights(RankedTensorType type,
                                             StringRef name, uint64_t seed) {
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(
      type.getNumElements() * sizeof(float), /*align=*/16,
      /*dataIsMutable=*/true);
  auto *values = reinterpret_cast<float *>(blob.getMutableData().data());
  for (int64_t i = 0, e = type.getNumElements(); i < e; ++i)
    values[i] = makeValue(seed + i);
  return DenseResourceElementsAttr::get(type, name, std::move(blob));
}

/// @layer<index>(%x: 1 x columns) = %x * transpose(weights).
static void addLayer(OpBuilder &builder, unsigned index, int64_t rows,
                     int64_t columns) {
  Location loc = builder.getUnknownLoc();
  Type f32 = builder.getF32Type();
  auto input = RankedTensorType::get({1, columns}, f32);
  auto weightsType = RankedTensorType::get({rows, columns}, f32);
  auto output = RankedTensorType::get({1, rows}, f32);
  std::string name = "layer" + std::to_string(index);
  auto function = func::FuncOp::create(
      builder, loc, name, builder.getFunctionType({input}, {output}));
  OpBuilder body = OpBuilder::atBlockBegin(function.addEntryBlock());
  Value weights = arith::ConstantOp::create(
      body, loc,
      makeWeights(weightsType, name, uint64_t(index) * rows * columns));
  Value zero = arith::ConstantOp::create(body, loc, body.getF32FloatAttr(0));
  Value empty =
      tensor::EmptyOp::create(body, loc, output.getShape(), f32).getResult();
  Value init = linalg::FillOp::create(body, loc, zero, empty).getResult(0);
  AffineExpr m, n, k;
  bindDims(builder.getContext(), m, n, k);
  SmallVector<AffineMap> maps = {AffineMap::get(3, 0, {m, k}, m.getContext()),
                                 AffineMap::get(3, 0, {n, k}, m.getContext()),
                                 AffineMap::get(3, 0, {m, n}, m.getContext())};
  using utils::IteratorType;
  SmallVector<IteratorType> iterators = {
      IteratorType::parallel, IteratorType::parallel, IteratorType::reduction};
  auto product = linalg::GenericOp::create(
      body, loc, output, ValueRange{function.getArgument(0), weights}, init,
      maps, iterators, [](OpBuilder &nested, Location loc, ValueRange args) {
        Value p = arith::MulFOp::create(nested, loc, args[0], args[1]);
        Value s = arith::AddFOp::create(nested, loc, args[2], p);
        linalg::YieldOp::create(nested, loc, s);
      });
  func::ReturnOp::create(body, loc, product.getResults());
}

int main(int argc, char **argv) {
  llvm::cl::opt<unsigned> count("count", llvm::cl::init(1));
  llvm::cl::opt<int64_t> rows("rows", llvm::cl::init(1024));
  llvm::cl::opt<int64_t> columns("columns", llvm::cl::init(1024));
  llvm::cl::opt<std::string> output("o", llvm::cl::Required);
  llvm::cl::ParseCommandLineOptions(argc, argv, "large weights as bytecode\n");

  DialectRegistry registry;
  registry.insert<arith::ArithDialect, func::FuncDialect, linalg::LinalgDialect,
                  tensor::TensorDialect>();
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  OpBuilder builder(&context);
  OwningOpRef<ModuleOp> module(ModuleOp::create(builder.getUnknownLoc()));
  builder.setInsertionPointToEnd(module->getBody());
  for (unsigned i = 0; i < count; ++i)
    addLayer(builder, i, rows, columns);

  std::error_code error;
  llvm::ToolOutputFile file(output, error, llvm::sys::fs::OF_None);
  if (error || failed(writeBytecodeToFile(*module, file.os()))) {
    llvm::errs() << "error: cannot write '" << output << "'\n";
    return 1;
  }
  file.keep();
  return 0;
}
