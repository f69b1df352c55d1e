//===- AccumulatorUses.cpp - Results of wgmma that come too late ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// In LLVM IR the result of a wgmma is there at once; on a device it is when the
// thread has waited for it. Each use of a result, other than to add to it by
// another wgmma, gets a test that the thread has waited since the wgmma was
// last issued.
//
//===----------------------------------------------------------------------===//

#include "AsyncCopies.h"
#include "KernelModule.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"

using namespace llvm;

namespace mlir::qfmt::sim {

static void checkUse(const Site *mma, const Site *use) {
  Thread &thread = *currentThread;
  if (!thread.async)
    return;
  auto it = thread.async->lastMmaOf.find(mma);
  if (it == thread.async->lastMmaOf.end() ||
      it->second <= thread.async->completedMma)
    return;
  failThread(thread, use,
             "use of the result of a wgmma that has not been waited for");
}

static const InlineAsm *getWarpgroupMma(const Value *value) {
  auto *call = dyn_cast<CallInst>(value);
  auto *assembly =
      call ? dyn_cast<InlineAsm>(call->getCalledOperand()) : nullptr;
  return assembly && assembly->getAsmString().contains("wgmma.mma_async")
             ? assembly
             : nullptr;
}

/// Whether `use` is an accumulator that the instruction adds to.
static bool isAccumulator(const Use &use) {
  const InlineAsm *assembly = getWarpgroupMma(use.getUser());
  if (!assembly)
    return false;
  SmallVector<StringRef> constraints, inputs;
  StringRef(assembly->getConstraintString()).split(constraints, ',');
  for (StringRef part : constraints)
    if (!part.starts_with("=") && !part.starts_with("~"))
      inputs.push_back(part);
  unsigned tie;
  return use.getOperandNo() < inputs.size() &&
         !inputs[use.getOperandNo()].getAsInteger(10, tie);
}

/// The instructions that need the value of `result`.
static SetVector<Instruction *> findUses(CallInst *result) {
  SetVector<Value *> carriers;
  SetVector<Instruction *> uses;
  carriers.insert(result);
  for (unsigned i = 0; i != carriers.size(); ++i)
    for (Use &use : carriers[i]->uses()) {
      auto *user = cast<Instruction>(use.getUser());
      if (isa<ExtractValueInst, InsertValueInst, PHINode>(user))
        carriers.insert(user);
      else if (!isAccumulator(use))
        uses.insert(user);
    }
  return uses;
}

void KernelModule::checkAccumulators(Function &function) {
  SmallVector<CallInst *> products;
  for (Instruction &instruction : instructions(function))
    if (getWarpgroupMma(&instruction))
      products.push_back(cast<CallInst>(&instruction));
  for (CallInst *product : products) {
    Site &site = makeSite(*product);
    productSites[product] = &site;
    for (Instruction *use : findUses(product)) {
      IRBuilder<> builder(use);
      callHost(builder, reinterpret_cast<const void *>(&checkUse),
               {makeHostPointer(builder, &site),
                makeHostPointer(builder, &makeSite(*use))});
    }
  }
}

} // namespace mlir::qfmt::sim
