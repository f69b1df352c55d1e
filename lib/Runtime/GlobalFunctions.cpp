// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "GlobalFunctions.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

namespace mlir::qfmt {

/// The functions of a list of {priority, function, data}, lowest first.
static SmallVector<llvm::Function *> takeList(llvm::Module &module,
                                              StringRef name) {
  llvm::GlobalVariable *list = module.getNamedGlobal(name);
  if (!list || !list->hasInitializer())
    return {};
  // By priority, then by place.
  SmallVector<std::tuple<uint64_t, unsigned, llvm::Function *>> entries;
  for (llvm::Use &use : list->getInitializer()->operands()) {
    auto *entry = cast<llvm::Constant>(use.get());
    auto *function = dyn_cast<llvm::Function>(
        entry->getAggregateElement(1)->stripPointerCasts());
    auto *priority =
        dyn_cast<llvm::ConstantInt>(entry->getAggregateElement(0u));
    if (function && priority)
      entries.push_back(
          {priority->getZExtValue(), unsigned(entries.size()), function});
  }
  list->eraseFromParent();
  llvm::sort(entries);
  return llvm::map_to_vector(entries,
                             [](auto entry) { return std::get<2>(entry); });
}

static void addCaller(LLVMProgram &program, StringRef name,
                      ArrayRef<llvm::Function *> callees) {
  llvm::IRBuilder<> b(*program.context);
  auto *caller = llvm::Function::Create(
      llvm::FunctionType::get(b.getVoidTy(), false),
      llvm::Function::ExternalLinkage, name, *program.module);
  b.SetInsertPoint(llvm::BasicBlock::Create(*program.context, "", caller));
  for (llvm::Function *callee : callees)
    b.CreateCall(callee);
  b.CreateRetVoid();
}

void addGlobalFunctions(LLVMProgram &program, StringRef initializer,
                        StringRef finalizer) {
  addCaller(program, initializer,
            takeList(*program.module, "llvm.global_ctors"));
  addCaller(program, finalizer, takeList(*program.module, "llvm.global_dtors"));
}

} // namespace mlir::qfmt
