// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "HugePages.h"
#include "llvm/Analysis/ConstantFolding.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/TargetParser/Triple.h"
#include <algorithm>
#include <cstdlib>
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace mlir::qfmt {

static constexpr size_t kHugePage = size_t(2) << 20;
/// Linux's MADV_HUGEPAGE, the same on all of its architectures.
static constexpr int kAdvice = 14;

void *allocateInHugePages(size_t size, size_t alignment) {
  bool isLarge = size >= kHugePage;
  if (isLarge)
    alignment = std::max(alignment, kHugePage);
  // A multiple of the alignment, as aligned_alloc wants.
  void *memory = std::aligned_alloc(alignment, llvm::alignTo(size, alignment));
#ifdef __linux__
  // Where the system does not, pages are small ones. Nor is one huge that would
  // be filled in part.
  if (memory && isLarge)
    (void)madvise(memory, llvm::alignDown(size, kHugePage), kAdvice);
#endif
  return memory;
}

/// Defines in `module`
///
///   void *qfmt_allocate(size_t size) {
///     void *memory = malloc(size);
///     first, last = the whole huge pages in memory ... memory + size;
///     if (memory && first < last) madvise(first, last - first, kAdvice);
///     return memory;
///   }
///
/// Memory that begins at a huge page, of aligned_alloc, would be new each time:
/// glibc then returns large memory to the system at once.
static llvm::Function *defineAllocate(llvm::Module &module,
                                      llvm::Function *allocate) {
  llvm::LLVMContext &context = module.getContext();
  llvm::IRBuilder<> b(context);
  auto *word = b.getInt64Ty();
  llvm::FunctionCallee advise = module.getOrInsertFunction(
      "madvise", b.getInt32Ty(), b.getPtrTy(), word, b.getInt32Ty());
  auto *function = llvm::Function::Create(allocate->getFunctionType(),
                                          llvm::Function::InternalLinkage,
                                          "qfmt_allocate", module);
  // Everybody knows then that the result is new memory.
  function->addFnAttr(llvm::Attribute::NoInline);
  function->addRetAttr(llvm::Attribute::NoAlias);
  auto *entry = llvm::BasicBlock::Create(context, "", function);
  auto *large = llvm::BasicBlock::Create(context, "", function);
  auto *end = llvm::BasicBlock::Create(context, "", function);
  llvm::Value *size = function->getArg(0);
  b.SetInsertPoint(entry);
  llvm::Value *memory = b.CreateCall(allocate, size);
  llvm::Value *address = b.CreatePtrToInt(memory, word);
  llvm::Value *mask = b.getInt64(~uint64_t(kHugePage - 1));
  llvm::Value *first =
      b.CreateAnd(b.CreateAdd(address, b.getInt64(kHugePage - 1)), mask);
  llvm::Value *last = b.CreateAnd(b.CreateAdd(address, size), mask);
  b.CreateCondBr(
      b.CreateAnd(b.CreateIsNotNull(memory), b.CreateICmpULT(first, last)),
      large, end);
  b.SetInsertPoint(large);
  b.CreateCall(advise, {b.CreateIntToPtr(first, b.getPtrTy()),
                        b.CreateSub(last, first), b.getInt32(kAdvice)});
  b.CreateBr(end);
  b.SetInsertPoint(end);
  b.CreateRet(memory);
  return function;
}

static bool isSmall(llvm::Value *size, const llvm::DataLayout &layout) {
  auto *constant = llvm::dyn_cast<llvm::Constant>(size);
  if (!constant)
    return false;
  auto *number = llvm::dyn_cast<llvm::ConstantInt>(
      llvm::ConstantFoldConstant(constant, layout));
  return number && number->getValue().ult(kHugePage);
}

void useHugePages(llvm::Module &module) {
  llvm::Function *allocate = module.getFunction("malloc");
  if (!allocate || !module.getTargetTriple().isOSLinux())
    return;
  llvm::SmallVector<llvm::CallInst *> calls;
  for (llvm::User *user : allocate->users())
    if (auto *call = llvm::dyn_cast<llvm::CallInst>(user))
      if (call->getCalledFunction() == allocate &&
          !isSmall(call->getArgOperand(0), module.getDataLayout()))
        calls.push_back(call);
  if (calls.empty())
    return;
  llvm::Function *function = defineAllocate(module, allocate);
  for (llvm::CallInst *call : calls)
    call->setCalledFunction(function);
}

} // namespace mlir::qfmt
