//===- KernelModule.cpp - Bitcode for NVPTX as code for this host ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelModule.h"
#include "Error.h"
#include "Operations.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/DebugInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/PassInstrumentation.h"
#include "llvm/IR/PassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Scalar/ScalarizeMaskedMemIntrin.h"

using namespace llvm;

namespace mlir::qfmt::sim {

/// Variables in shared memory stand this far apart, so that what runs over the
/// end of one does not hit the next.
static constexpr uint64_t kSharedGap = 16;
/// Where dynamic shared memory begins: the alignment of the widest swizzle.
static constexpr uint64_t kDynamicAlignment = 1024;

static bool isKernel(const Function &function) {
  return !function.isDeclaration() &&
         function.getCallingConv() == CallingConv::PTX_Kernel;
}

Site &KernelModule::makeSite(const Instruction &instruction) {
  Site &site = sites.emplace_back();
  site.text = &text;
  site.function = instruction.getFunction()->getName().str();
  site.instruction = numbers.lookup(&instruction);
  return site;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Loads and stores under masks as branches, which checkMemory knows.
static void expandMasks(Function &function) {
  FunctionAnalysisManager analyses;
  analyses.registerPass([] { return PassInstrumentationAnalysis(); });
  analyses.registerPass([] { return TargetIRAnalysis(); });
  analyses.registerPass([] { return DominatorTreeAnalysis(); });
  ScalarizeMaskedMemIntrinPass().run(function, analyses);
}

bool KernelModule::read(StringRef bitcode) {
  text.bitcode = bitcode.str();
  context = std::make_unique<LLVMContext>();
  Expected<std::unique_ptr<Module>> parsed =
      parseBitcodeFile(MemoryBufferRef(text.bitcode, "kernel"), *context);
  if (!parsed) {
    reportError("the kernel module is not LLVM bitcode: " +
                toString(parsed.takeError()));
    return false;
  }
  module = std::move(*parsed);
  const DataLayout *layout = getHostLayout();
  if (!layout)
    return false;
  module->setDataLayout(*layout);
  for (Function &function : *module) {
    unsigned number = 0;
    for (Instruction &instruction : instructions(function)) {
      numbers[&instruction] = number++;
      auto *call = dyn_cast<CallBase>(&instruction);
      if (call && call->getCalledFunction())
        reachable[&function].insert(call->getCalledFunction());
    }
    if (!function.isDeclaration())
      expandMasks(function);
  }
  // What is called in turn.
  for (bool changed = true; changed;) {
    changed = false;
    for (auto &[function, called] : reachable)
      for (Function *callee :
           SmallVector<Function *>(called.begin(), called.end()))
        if (auto it = reachable.find(callee); it != reachable.end())
          for (Function *inner : it->second)
            changed |= called.insert(inner).second;
  }
  return true;
}

/// Everything that NVPTX's code has and this host's has not.
static void stripTarget(Module &module) {
  module.setModuleInlineAsm("");
  for (Function &function : module) {
    // Intrinsics keep theirs.
    if (function.isIntrinsic())
      continue;
    function.setAttributes(AttributeList());
    function.setCallingConv(CallingConv::C);
  }
  for (Function &function : module)
    for (Instruction &instruction : instructions(function))
      if (auto *call = dyn_cast<CallInst>(&instruction)) {
        call->setCallingConv(CallingConv::C);
        if (!isa_and_nonnull<Function>(call->getCalledOperand()) ||
            !call->getCalledFunction() ||
            !call->getCalledFunction()->isIntrinsic())
          call->setAttributes(AttributeList());
      }
  StripDebugInfo(module);
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

static void collectFunctions(const Value &value,
                             SmallPtrSetImpl<const Function *> &functions) {
  for (const User *user : value.users()) {
    if (auto *instruction = dyn_cast<Instruction>(user))
      functions.insert(instruction->getFunction());
    else
      collectFunctions(*user, functions);
  }
}

void KernelModule::placeShared() {
  SharedMemory &memory = SharedMemory::get();
  const DataLayout &layout = module->getDataLayout();
  SmallVector<GlobalVariable *> fixed, dynamic;
  for (GlobalVariable &variable : module->globals())
    if (variable.getAddressSpace() == 3)
      (layout.getTypeAllocSize(variable.getValueType()).isZero() ? dynamic
                                                                 : fixed)
          .push_back(&variable);
  auto replace = [&](GlobalVariable *variable, uint64_t offset) {
    auto *address =
        ConstantInt::get(Type::getInt64Ty(*context), memory.base() + offset);
    variable->replaceAllUsesWith(
        ConstantExpr::getIntToPtr(address, variable->getType()));
    variable->eraseFromParent();
  };
  // Variables of different kernels may share an address, those of one may not.
  uint64_t end = 0;
  for (GlobalVariable *variable : fixed) {
    SmallPtrSet<const Function *, 4> users;
    collectFunctions(*variable, users);
    SmallVector<Kernel *> owners;
    uint64_t offset = 0;
    for (auto &entry : kernels) {
      Kernel &kernel = entry.second;
      Function *function = module->getFunction(kernel.name);
      auto isUser = [&](const Function *user) {
        return user == function ||
               llvm::is_contained(reachable[function],
                                  const_cast<Function *>(user));
      };
      if (!llvm::any_of(users, isUser))
        continue;
      owners.push_back(&kernel);
      offset = std::max(offset, kernel.dynamicOffset);
    }
    uint64_t bytes = layout.getTypeAllocSize(variable->getValueType());
    Align alignment = std::max(layout.getPreferredAlign(variable), Align(16));
    offset = alignTo(offset, alignment);
    for (Kernel *kernel : owners) {
      kernel->shared.push_back({offset, bytes});
      kernel->staticSharedBytes += bytes;
      kernel->dynamicOffset = offset + bytes + kSharedGap;
    }
    end = std::max(end, offset + bytes + kSharedGap);
    replace(variable, offset);
  }
  end = alignTo(end, kDynamicAlignment);
  for (auto &entry : kernels)
    entry.second.dynamicOffset = end;
  for (GlobalVariable *variable : dynamic)
    replace(variable, end);
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

/// Nothing that only a GPU or a library of CUDA has may be left.
bool KernelModule::checkCalls(Function &function) {
  for (Instruction &instruction : instructions(function)) {
    auto *call = dyn_cast<CallInst>(&instruction);
    Function *callee = call ? call->getCalledFunction() : nullptr;
    if (!callee || !callee->isDeclaration() || callee->isIntrinsic())
      continue;
    reportError("kernel module: function '" + function.getName() + "' calls '" +
                callee->getName() + "', which nobody defines");
    return false;
  }
  return true;
}

/// define void @qfmt.enter.k(ptr %arguments): each argument is read from the
/// address that the array holds.
void KernelModule::makeEntry(Function &function) {
  IRBuilder<> builder(*context);
  auto *type =
      FunctionType::get(builder.getVoidTy(), {builder.getPtrTy()}, false);
  Function *entry =
      Function::Create(type, GlobalValue::ExternalLinkage,
                       "qfmt.enter." + function.getName(), module.get());
  builder.SetInsertPoint(BasicBlock::Create(*context, "", entry));
  SmallVector<Value *> arguments;
  for (Argument &argument : function.args()) {
    Value *slot = builder.CreateConstGEP1_64(
        builder.getPtrTy(), entry->getArg(0), argument.getArgNo());
    Value *address = builder.CreateLoad(builder.getPtrTy(), slot);
    bool isByValue = kernels[function.getName()].isByValue[argument.getArgNo()];
    arguments.push_back(
        isByValue ? address : builder.CreateLoad(argument.getType(), address));
  }
  builder.CreateCall(&function, arguments);
  builder.CreateRetVoid();
}

//===----------------------------------------------------------------------===//
// All steps
//===----------------------------------------------------------------------===//

std::unique_ptr<KernelModule> KernelModule::load(StringRef bitcode) {
  std::unique_ptr<KernelModule> result(new KernelModule);
  if (!result->read(bitcode))
    return nullptr;
  Module &module = *result->module;
  SmallVector<Function *> defined;
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    defined.push_back(&function);
    if (!isKernel(function))
      continue;
    Kernel &kernel = result->kernels[function.getName()];
    kernel.name = function.getName().str();
    kernel.globals = &result->globals;
    for (Argument &argument : function.args())
      kernel.isByValue.push_back(argument.hasByValAttr());
  }
  stripTarget(module);
  for (Function *function : defined)
    result->checkMemory(*function);
  result->placeShared();
  for (Function *function : defined)
    if (!result->callOperations(*function) || !result->checkCalls(*function))
      return nullptr;
  for (auto &entry : result->kernels) {
    Function *function = module.getFunction(entry.first());
    auto isBlocking = [&](const Function *f) {
      return result->blocking.contains(f);
    };
    entry.second.needsFibers =
        isBlocking(function) ||
        llvm::any_of(result->reachable[function], isBlocking);
    result->makeEntry(*function);
  }
  std::string problems;
  raw_string_ostream stream(problems);
  if (verifyModule(module, &stream)) {
    reportError("the simulator made invalid code of a kernel module: " +
                problems);
    return nullptr;
  }
  return result;
}

Kernel *KernelModule::getKernel(StringRef name) {
  auto it = kernels.find(name);
  if (it == kernels.end()) {
    reportError("the kernel module has no kernel '" + name + "'");
    return nullptr;
  }
  if (module && !compile())
    return nullptr;
  return it->second.entry ? &it->second : nullptr;
}

} // namespace mlir::qfmt::sim
