//===- LoweredKernel.cpp - One kernel of a function, simulated ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LoweredKernel.h"
#include "SimulatedDevice.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Transforms/Passes.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"
#include "gtest/gtest.h"

namespace mlir::qfmt {

MLIRContext &getGpuContext() {
  static MLIRContext *context = [] {
    DialectRegistry registry;
    registerAllDialects(registry);
    registerAllExtensions(registry);
    registry.insert<QFmtDialect, kernel::QFmtGpuDialect>();
    return new MLIRContext(registry, MLIRContext::Threading::DISABLED);
  }();
  return *context;
}

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

LoweredKernel::LoweredKernel(
    const std::string &function, const std::string &chip,
    llvm::function_ref<void(OpPassManager &)> addTensorPasses,
    llvm::function_ref<void(OpPassManager &)> addBufferPasses) {
  module = parseSourceString<ModuleOp>(function, &getGpuContext());
  if (!module) {
    ADD_FAILURE() << function;
    return;
  }
  PassManager passes(&getGpuContext());
  SetGpuTargetOptions target;
  target.runtime = GpuRuntime::Sim;
  target.chip = chip;
  passes.addPass(createSetGpuTarget(target));
  addTensorPasses(passes);
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  passes.addPass(bufferization::createOneShotBufferizePass(options));
  passes.addPass(createCanonicalizerPass());
  addBufferPasses(passes);
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addPass(createGpuLaunchSinkIndexComputationsPass());
  passes.addPass(createGpuKernelOutliningPass());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  EXPECT_TRUE(succeeded(passes.run(*module)));

  SmallVector<gpu::GPUFuncOp> kernels;
  module->walk([&](gpu::GPUFuncOp kernel) { kernels.push_back(kernel); });
  if (kernels.size() != 1) {
    ADD_FAILURE() << "the function is not one kernel";
    return;
  }
  kernels.front().setName("k");
  llvm::raw_string_ostream stream(text);
  kernels.front().print(stream);
  stream << "\n";
}

//===----------------------------------------------------------------------===//
// The host's code
//===----------------------------------------------------------------------===//

namespace {

/// Follows what the host's code does before the launch.
class Host {
public:
  Host(ModuleOp module, llvm::ArrayRef<Bytes> inputs, int64_t unknownSize)
      : module(module), inputs(inputs), unknownSize(unknownSize) {}

  int64_t getIndex(Value value) {
    APInt constant;
    if (matchPattern(value, m_ConstantInt(&constant)))
      return constant.getSExtValue();
    Operation *op = value.getDefiningOp();
    if (isa<memref::DimOp>(op))
      return unknownSize;
    auto left = [&] { return getIndex(op->getOperand(0)); };
    auto right = [&] { return getIndex(op->getOperand(1)); };
    if (isa<arith::MulIOp>(op))
      return left() * right();
    if (isa<arith::AddIOp>(op))
      return left() + right();
    if (isa<arith::CeilDivUIOp, arith::CeilDivSIOp>(op))
      return (left() + right() - 1) / right();
    ADD_FAILURE() << "cannot follow " << op->getName().getStringRef().str();
    return 0;
  }

  /// The address of a tensor map.
  int64_t getMap(kernel::TensorMapOp op) {
    MemRefType type = op.getMatrix().getType();
    auto [strides, offset] = type.getStridesAndOffset();
    int64_t sizes[2];
    for (int i : {0, 1})
      sizes[i] = type.isDynamicDim(i) ? unknownSize : type.getDimSize(i);
    constexpr int64_t kUInt8 = 0, kSwizzle128 = 3;
    char *begin = static_cast<char *>(getBuffer(op.getMatrix()));
    return reinterpret_cast<int64_t>(
        qfmtGpuTensorMap(begin + offset, 2, kUInt8, sizes, strides.data(),
                         op.getBox().data(), kSwizzle128, /*l2Promotion=*/0));
  }

  void *getBuffer(Value value) {
    if (auto view = value.getDefiningOp<ViewLikeOpInterface>())
      return getBuffer(view.getViewSource());
    auto &buffer = buffers[value];
    if (!buffer)
      buffer = makeBuffer(value);
    return buffer->get();
  }

  Bytes readResult(Value value) {
    getBuffer(value);
    return buffers[getViewed(value)]->read();
  }

private:
  static Value getViewed(Value value) {
    Operation *op = value.getDefiningOp();
    if (isa_and_nonnull<memref::ReinterpretCastOp, memref::ExpandShapeOp,
                        memref::CollapseShapeOp, memref::SubViewOp>(op))
      return getViewed(op->getOperand(0));
    return value;
  }

  /// Of exactly the size that the kernel may read. What it writes has nothing
  /// in it before.
  std::unique_ptr<Buffer<char>> makeBuffer(Value value) {
    auto type = cast<MemRefType>(value.getType());
    int64_t bytes = type.getElementTypeBitWidth() / 8;
    for (int64_t size : type.getShape())
      bytes *= ShapedType::isDynamic(size) ? unknownSize : size;
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      const Bytes &input = inputs[argument.getArgNumber()];
      EXPECT_GE(int64_t(input.size()), bytes);
      return std::make_unique<Buffer<char>>(
          Bytes(input.begin(), input.begin() + bytes));
    }
    if (auto read = value.getDefiningOp<memref::GetGlobalOp>())
      return std::make_unique<Buffer<char>>(readConstant(read));
    return std::make_unique<Buffer<char>>(bytes);
  }

  Bytes readConstant(memref::GetGlobalOp read) {
    auto global = module.lookupSymbol<memref::GlobalOp>(read.getName());
    Attribute value = *global.getInitialValue();
    int64_t width = global.getType().getElementTypeBitWidth() / 8;
    Bytes content;
    if (auto floats = readFloats(value)) {
      EXPECT_TRUE(global.getType().getElementType().isF32());
      for (float number : *floats)
        content.insert(content.end(), reinterpret_cast<char *>(&number),
                       reinterpret_cast<char *>(&number) + width);
      return content;
    }
    auto integers = readIntegers(value);
    EXPECT_TRUE(integers);
    for (int64_t integer : integers.value_or(std::vector<int64_t>()))
      content.insert(content.end(), reinterpret_cast<char *>(&integer),
                     reinterpret_cast<char *>(&integer) + width);
    return content;
  }

  ModuleOp module;
  llvm::ArrayRef<Bytes> inputs;
  int64_t unknownSize;
  llvm::DenseMap<Value, std::unique_ptr<Buffer<char>>> buffers;
};

} // namespace

std::string
LoweredKernel::change(llvm::function_ref<void(gpu::GPUFuncOp)> change) {
  gpu::GPUModuleOp kernels = *module->getOps<gpu::GPUModuleOp>().begin();
  OwningOpRef<gpu::GPUModuleOp> copy(cast<gpu::GPUModuleOp>(kernels->clone()));
  gpu::GPUFuncOp kernel = *copy->getOps<gpu::GPUFuncOp>().begin();
  change(kernel);
  std::string changed;
  llvm::raw_string_ostream(changed) << kernel << "\n";
  return changed;
}

void LoweredKernel::load(const std::string &kernels) {
  std::string bitcode = compileKernels(kernels);
  ASSERT_FALSE(bitcode.empty()) << kernels;
  loaded.reset(mgpuModuleLoad(bitcode.data(), bitcode.size()),
               mgpuModuleUnload);
  ASSERT_EQ(takeError(), "");
}

std::string LoweredKernel::run(llvm::ArrayRef<Bytes> inputs,
                               int64_t unknownSize, Bytes &result, int seed,
                               int64_t missingSharedBytes) {
  Host host(*module, inputs, unknownSize);
  gpu::LaunchFuncOp launch;
  func::ReturnOp exit;
  module->walk([&](gpu::LaunchFuncOp op) { launch = op; });
  module->walk([&](func::ReturnOp op) { exit = op; });
  std::vector<int64_t> words;
  for (Value operand : launch.getKernelOperands())
    if (auto map = operand.getDefiningOp<kernel::TensorMapOp>())
      words.push_back(host.getMap(map));
    else
      words.push_back(isa<MemRefType>(operand.getType())
                          ? int64_t(host.getBuffer(operand))
                          : host.getIndex(operand));
  std::vector<void *> parameters;
  for (int64_t &word : words)
    parameters.push_back(&word);
  auto getSize = [&](gpu::KernelDim3 size) {
    return std::array<int64_t, 3>{host.getIndex(size.x), host.getIndex(size.y),
                                  host.getIndex(size.z)};
  };
  std::array<int64_t, 3> grid = getSize(launch.getGridSizeOperandValues());
  std::array<int64_t, 3> block = getSize(launch.getBlockSizeOperandValues());
  Value dynamic = launch.getDynamicSharedMemorySize();
  int64_t sharedBytes = dynamic ? host.getIndex(dynamic) : 0;

  Seed scope(seed);
  mgpuLaunchKernel(mgpuModuleGetFunction(loaded.get(), "k"), grid[0], grid[1],
                   grid[2], block[0], block[1], block[2],
                   sharedBytes - missingSharedBytes, nullptr, parameters.data(),
                   nullptr, parameters.size());
  std::string error = takeError();
  if (!error.empty())
    return error;
  result = host.readResult(exit.getOperand(0));
  return takeError();
}

} // namespace mlir::qfmt
