//===- DeviceMemory.cpp - Buffers in the memory of the device -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  functions on buffers after deallocation; everything that computes on
//         buffers is in gpu.launch.
// Output: the same with buffers of the device; calls of the runtime's
//         qfmtGpuConstant for constants.
// memref.alloca stays memory of the host, which no kernel may read.
//
//===----------------------------------------------------------------------===//

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_DEVICEMEMORY
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

/// lib/Runtime/GPU/Mgpu.h.
constexpr llvm::StringLiteral kConstantFunction = "qfmtGpuConstant";

bool isInKernel(Operation *op) {
  return op->getParentOfType<gpu::LaunchOp>() ||
         op->getParentOfType<gpu::GPUModuleOp>();
}

/// The buffer of which `buffer` is a view.
Value getRoot(Value buffer) {
  while (auto view = buffer.getDefiningOp<ViewLikeOpInterface>())
    buffer = view.getViewSource();
  return buffer;
}

bool isHostBuffer(Value buffer) {
  return bool(getRoot(buffer).getDefiningOp<memref::AllocaOp>());
}

/// The sizes of `buffer` that its type does not say.
SmallVector<Value> getUnknownSizes(ImplicitLocOpBuilder &b, Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<Value> sizes;
  for (int64_t i = 0, e = type.getRank(); i < e; ++i)
    if (type.isDynamicDim(i))
      sizes.push_back(memref::DimOp::create(b, buffer, i));
  return sizes;
}

Value allocateOnDevice(ImplicitLocOpBuilder &b, MemRefType type,
                       ValueRange sizes) {
  return gpu::AllocOp::create(b, type, /*asyncToken=*/Type(),
                              /*asyncDependencies=*/ValueRange(), sizes,
                              /*symbolOperands=*/ValueRange())
      .getMemref();
}

void copy(ImplicitLocOpBuilder &b, Value to, Value from) {
  gpu::MemcpyOp::create(b, /*asyncToken=*/Type(), ValueRange(), to, from);
}

void deallocateOnDevice(ImplicitLocOpBuilder &b, Value buffer) {
  gpu::DeallocOp::create(b, /*asyncToken=*/Type(), ValueRange(), buffer);
}

/// Buffers of one function.
class FunctionBuffers {
public:
  FunctionBuffers(func::FuncOp function, SymbolTable &symbols)
      : function(function), symbols(symbols),
        b(function.getLoc(), function.getContext()) {}

  LogicalResult toDevice() {
    if (function.isPublic() && failed(verifyBoundary()))
      return failure();
    if (failed(replaceConstants()))
      return failure();
    replaceAllocations();
    replaceLoads();
    SmallVector<Value> arguments;
    if (function.isPublic())
      arguments = copyArguments();
    for (Block &block : function.getBody()) {
      auto exit = dyn_cast<func::ReturnOp>(block.getTerminator());
      if (exit && function.isPublic())
        copyResults(exit, arguments);
      else if (exit)
        copyBorrowedResults(exit);
    }
    return verifyHost();
  }

private:
  /// What is left on the host must not touch buffers of the device.
  LogicalResult verifyHost() {
    WalkResult result = function.walk([&](MemoryEffectOpInterface op) {
      if (isInKernel(op) || isa<memref::LoadOp>(op) ||
          isa_and_nonnull<gpu::GPUDialect>(op->getDialect()))
        return WalkResult::advance();
      SmallVector<MemoryEffects::EffectInstance> effects;
      op.getEffects(effects);
      for (const MemoryEffects::EffectInstance &effect : effects) {
        Value value = effect.getValue();
        if (!isa<MemoryEffects::Read, MemoryEffects::Write>(
                effect.getEffect()) ||
            !value || !isa<BaseMemRefType>(value.getType()) ||
            isHostBuffer(value) ||
            getRoot(value).getDefiningOp<memref::AllocOp>())
          continue;
        op->emitOpError() << "computes on a tensor, and no kernel for GPUs is "
                             "made of it";
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }

  /// Callers within the module would pass memory of the device.
  LogicalResult verifyBoundary() {
    auto module = function->getParentOfType<ModuleOp>();
    auto uses = SymbolTable::getSymbolUses(function, module);
    if (uses && !uses->empty())
      return uses->begin()->getUser()->emitOpError()
             << "calls '" << function.getSymName()
             << "', which is public: a function that code for GPUs calls has "
                "to be private";
    for (Type type : llvm::concat<const Type>(function.getArgumentTypes(),
                                              function.getResultTypes())) {
      auto buffer = dyn_cast<MemRefType>(type);
      if (isa<BaseMemRefType>(type) &&
          (!buffer || !buffer.getLayout().isIdentity()))
        return emitError(function.getLoc())
               << "'" << function.getSymName()
               << "' has an argument or result of type " << type
               << "; a GPU takes contiguous buffers";
    }
    return success();
  }

  LogicalResult replaceConstants() {
    SmallVector<memref::GetGlobalOp> reads;
    function.walk([&](memref::GetGlobalOp read) {
      if (!read->getParentOfType<gpu::GPUModuleOp>())
        reads.push_back(read);
    });
    llvm::StringMap<std::pair<Value, Value>> constants;
    for (memref::GetGlobalOp read : reads) {
      auto &[host, device] = constants[read.getName()];
      if (!host) {
        auto global = symbols.lookup<memref::GlobalOp>(read.getName());
        if (!global || !global.getConstant())
          return read.emitOpError()
                 << "reads '" << read.getName()
                 << "', which is no constant: kernels cannot";
        b.setLoc(read.getLoc());
        // In order, at the beginning.
        b.setInsertionPointToStart(&function.front());
        if (lastConstant)
          b.setInsertionPointAfter(lastConstant);
        host = memref::GetGlobalOp::create(b, read.getType(), read.getName());
        device = getOnDevice(host);
        shared.push_back(device);
        lastConstant = device.getDefiningOp();
      }
      read.getResult().replaceUsesWithIf(host, [](OpOperand &use) {
        return isa<memref::LoadOp>(use.getOwner()) &&
               !isInKernel(use.getOwner());
      });
      read.replaceAllUsesWith(device);
      read.erase();
    }
    return success();
  }

  /// The device's copy of the constant.
  Value getOnDevice(Value host) {
    auto type = cast<MemRefType>(host.getType());
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    Value address = memref::ExtractAlignedPointerAsIndexOp::create(b, host);
    address = arith::IndexCastOp::create(b, b.getI64Type(), address);
    address = LLVM::IntToPtrOp::create(b, pointer, address);
    // Elements may be of type index, which has no width of its own.
    uint64_t bytes =
        type.getNumElements() *
        DataLayout::closest(function).getTypeSize(type.getElementType());
    Value size = arith::ConstantIntOp::create(b, bytes, 64);
    Value stream = LLVM::ZeroOp::create(b, pointer);
    Value copied = func::CallOp::create(b, getConstantFunction(),
                                        ValueRange{address, size, stream})
                       .getResult(0);
    LLVMTypeConverter converter(b.getContext());
    Value descriptor = MemRefDescriptor::fromStaticShape(
        b, b.getLoc(), converter, type, copied);
    return UnrealizedConversionCastOp::create(b, TypeRange(type),
                                              ValueRange(descriptor))
        .getResult(0);
  }

  func::FuncOp getConstantFunction() {
    auto known = symbols.lookup<func::FuncOp>(kConstantFunction);
    if (known)
      return known;
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(function->getParentOfType<ModuleOp>().getBody());
    auto declared = func::FuncOp::create(
        b, kConstantFunction,
        b.getFunctionType({pointer, b.getI64Type(), pointer}, {pointer}));
    declared.setPrivate();
    symbols.insert(declared);
    return declared;
  }

  void replaceAllocations() {
    function.walk([&](Operation *op) {
      if (isInKernel(op))
        return;
      b.setInsertionPoint(op);
      b.setLoc(op->getLoc());
      if (auto alloc = dyn_cast<memref::AllocOp>(op)) {
        alloc.replaceAllUsesWith(
            allocateOnDevice(b, alloc.getType(), alloc.getDynamicSizes()));
        alloc.erase();
      } else if (auto dealloc = dyn_cast<memref::DeallocOp>(op)) {
        deallocateOnDevice(b, dealloc.getMemref());
        dealloc.erase();
      } else if (auto copied = dyn_cast<memref::CopyOp>(op)) {
        copy(b, copied.getTarget(), copied.getSource());
        copied.erase();
      }
    });
  }

  /// What the host reads itself: single elements of small buffers.
  void replaceLoads() {
    SmallVector<memref::LoadOp> loads;
    function.walk([&](memref::LoadOp load) {
      Value root = getRoot(load.getMemRef());
      bool isArgument = function.isPublic() &&
                        llvm::is_contained(function.getArguments(), root);
      if (!isInKernel(load) && !isHostBuffer(load.getMemRef()) &&
          !root.getDefiningOp<memref::GetGlobalOp>() && !isArgument)
        loads.push_back(load);
    });
    for (memref::LoadOp load : loads) {
      b.setInsertionPoint(load);
      b.setLoc(load.getLoc());
      bool isWhole = isCopiedWhole(load);
      Value device = isWhole ? load.getMemRef() : copyElement(load);
      auto type = cast<MemRefType>(device.getType());
      Value host = memref::AllocOp::create(
          b, MemRefType::get(type.getShape(), type.getElementType()),
          getUnknownSizes(b, device));
      copy(b, host, device);
      load.getMemrefMutable().assign(host);
      b.setInsertionPointAfter(load);
      memref::DeallocOp::create(b, host);
      if (isWhole)
        continue;
      load.getIndicesMutable().clear();
      deallocateOnDevice(b, device);
    }
  }

  /// Vulkan's kernels are told no places.
  static bool isCopiedWhole(memref::LoadOp load) {
    MemRefType type = load.getMemRefType();
    std::optional<GpuTarget> target = GpuTarget::get(load);
    return (target && target->runtime == GpuRuntime::Vulkan) ||
           (type.hasStaticShape() && type.getNumElements() == 1);
  }

  /// By a kernel of one thread: the rest may be large, and what nobody has
  /// written yet is not to be read.
  Value copyElement(memref::LoadOp load) {
    Value element = allocateOnDevice(
        b, MemRefType::get({}, load.getMemRefType().getElementType()), {});
    Value one = arith::ConstantIndexOp::create(b, 1);
    auto launch = gpu::LaunchOp::create(b, one, one, one, one, one, one);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&launch.getBody().front());
    Value value =
        memref::LoadOp::create(b, load.getMemRef(), load.getIndices());
    memref::StoreOp::create(b, value, element, ValueRange());
    gpu::TerminatorOp::create(b);
    return element;
  }

  /// Returns the copies.
  SmallVector<Value> copyArguments() {
    SmallVector<Value> copies;
    b.setLoc(function.getLoc());
    b.setInsertionPointToStart(&function.front());
    if (lastConstant)
      b.setInsertionPointAfter(lastConstant);
    for (BlockArgument argument : function.getArguments()) {
      auto type = dyn_cast<MemRefType>(argument.getType());
      if (!type || argument.use_empty())
        continue;
      Value device = allocateOnDevice(b, type, getUnknownSizes(b, argument));
      copy(b, device, argument);
      Operation *copied = &*std::prev(b.getInsertionPoint());
      argument.replaceUsesWithIf(device, [&](OpOperand &use) {
        Operation *user = use.getOwner();
        return user != copied && !isa<memref::DimOp>(user) &&
               (!isa<memref::LoadOp>(user) || isInKernel(user));
      });
      copies.push_back(device);
    }
    return copies;
  }

  void copyResults(func::ReturnOp exit, ArrayRef<Value> arguments) {
    b.setInsertionPoint(exit);
    b.setLoc(exit.getLoc());
    SmallVector<Value> owned;
    for (OpOperand &result : exit->getOpOperands()) {
      Value device = result.get();
      auto type = dyn_cast<MemRefType>(device.getType());
      if (!type)
        continue;
      Value host = memref::AllocOp::create(b, type, getUnknownSizes(b, device));
      copy(b, host, device);
      result.set(host);
      Value root = getRoot(device);
      if (!llvm::is_contained(owned, root) &&
          !llvm::is_contained(arguments, root) &&
          !llvm::is_contained(shared, root))
        owned.push_back(root);
    }
    for (Value buffer : llvm::concat<const Value>(owned, arguments))
      deallocateOnDevice(b, buffer);
  }

  /// Callers free what a private function returns, so that it returns copies of
  /// what is not its own: arguments, constants, and what it returns twice.
  void copyBorrowedResults(func::ReturnOp exit) {
    b.setInsertionPoint(exit);
    b.setLoc(exit.getLoc());
    SmallVector<Value> borrowed(shared);
    llvm::append_range(borrowed, function.getArguments());
    for (OpOperand &result : exit->getOpOperands()) {
      auto type = dyn_cast<MemRefType>(result.get().getType());
      if (!type)
        continue;
      Value root = getRoot(result.get());
      if (!llvm::is_contained(borrowed, root)) {
        borrowed.push_back(root);
        continue;
      }
      Value own = allocateOnDevice(b, type, getUnknownSizes(b, result.get()));
      copy(b, own, result.get());
      result.set(own);
    }
  }

  func::FuncOp function;
  SymbolTable &symbols;
  ImplicitLocOpBuilder b;
  Operation *lastConstant = nullptr;
  /// Copies of constants, which the runtime owns.
  SmallVector<Value> shared;
};

struct DeviceMemoryPass : impl::DeviceMemoryBase<DeviceMemoryPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<func::FuncOp> functions;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        functions.push_back(function);
    for (func::FuncOp function : functions)
      if (failed(FunctionBuffers(function, symbols).toDevice()))
        return signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
