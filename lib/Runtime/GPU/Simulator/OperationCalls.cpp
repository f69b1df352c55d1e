//===- OperationCalls.cpp - Intrinsics become calls of handlers -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   %r = call { i32, i1 } @llvm.nvvm.x(i32 %a, ptr %b)
//
// becomes
//
//   store i64 (zext %a), %slots; store i64 (ptrtoint %b), %slots + 8
//   call void handler(site, %slots, %slots + n)
//   %r = { trunc load(%slots + n), trunc load(%slots + n + 8) }
//
// Values of more than 64 bits take several slots. Reads of the most common
// special registers become loads from the running thread. What nobody handles
// is an error when the module is loaded.
//
//===----------------------------------------------------------------------===//

#include "Assembly.h"
#include "Error.h"
#include "KernelModule.h"
#include "Operations.h"
#include "SpecialRegisters.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"

using namespace llvm;

namespace mlir::qfmt::sim {

Value *makeHostPointer(IRBuilderBase &builder, const void *pointer) {
  return ConstantExpr::getIntToPtr(
      builder.getInt64(reinterpret_cast<uint64_t>(pointer)),
      builder.getPtrTy());
}

CallInst *callHost(IRBuilderBase &builder, const void *function,
                   ArrayRef<Value *> arguments) {
  SmallVector<Type *> types;
  for (Value *argument : arguments)
    types.push_back(argument->getType());
  auto *type = FunctionType::get(builder.getVoidTy(), types, false);
  return builder.CreateCall(type, makeHostPointer(builder, function),
                            arguments);
}

class OperationCaller {
public:
  OperationCaller(KernelModule &module, Function &function)
      : owner(module), function(function),
        layout(function.getParent()->getDataLayout()) {}

  /// False after an error.
  bool rewrite(CallInst &call);
  /// Makes room for what the calls need.
  void finish();

private:
  bool rewriteRegister(CallInst &call, StringRef name);
  bool rewriteVectorFma(CallInst &call);
  bool finishCall(CallInst &call, Site &site);
  void callHandler(CallInst &call, Site &site);
  void store(IRBuilderBase &builder, Value *value, unsigned &slot);
  Value *load(IRBuilderBase &builder, Type *type, unsigned &slot);
  Value *slotPointer(IRBuilderBase &builder, unsigned slot);
  unsigned bitsOf(Type *type) const {
    return layout.getTypeSizeInBits(type).getFixedValue();
  }
  AllocaInst *getSlots();

  KernelModule &owner;
  Function &function;
  const DataLayout &layout;
  AllocaInst *slots = nullptr;
  Value *thread = nullptr;
  unsigned numSlots = 0;
};

AllocaInst *OperationCaller::getSlots() {
  if (!slots) {
    IRBuilder<> builder(&*function.getEntryBlock().begin());
    slots = builder.CreateAlloca(builder.getInt64Ty(), builder.getInt64(1));
    slots->setAlignment(Align(16));
  }
  return slots;
}

void OperationCaller::finish() {
  if (!slots)
    return;
  auto *size = ConstantInt::get(Type::getInt64Ty(function.getContext()),
                                std::max(numSlots, 1u));
  slots->setOperand(0, size);
}

Value *OperationCaller::slotPointer(IRBuilderBase &builder, unsigned slot) {
  numSlots = std::max(numSlots, slot + 1);
  return builder.CreateConstGEP1_64(builder.getInt64Ty(), getSlots(), slot);
}

void OperationCaller::store(IRBuilderBase &builder, Value *value,
                            unsigned &slot) {
  Type *type = value->getType();
  if (auto *aggregate = dyn_cast<StructType>(type)) {
    for (unsigned i = 0; i != aggregate->getNumElements(); ++i)
      store(builder, builder.CreateExtractValue(value, i), slot);
    return;
  }
  unsigned bits = bitsOf(type);
  if (type->isPointerTy())
    value = builder.CreatePtrToInt(value, builder.getInt64Ty());
  else
    value = builder.CreateBitCast(value, builder.getIntNTy(bits));
  unsigned count = (bits + 63) / 64;
  value = builder.CreateZExt(value, builder.getIntNTy(64 * count));
  (void)slotPointer(builder, slot + count - 1);
  builder.CreateAlignedStore(value, slotPointer(builder, slot), Align(8));
  slot += count;
}

Value *OperationCaller::load(IRBuilderBase &builder, Type *type,
                             unsigned &slot) {
  if (auto *aggregate = dyn_cast<StructType>(type)) {
    Value *result = PoisonValue::get(type);
    for (unsigned i = 0; i != aggregate->getNumElements(); ++i)
      result = builder.CreateInsertValue(
          result, load(builder, aggregate->getElementType(i), slot), i);
    return result;
  }
  unsigned bits = bitsOf(type), count = (bits + 63) / 64;
  (void)slotPointer(builder, slot + count - 1);
  Value *value = builder.CreateAlignedLoad(
      builder.getIntNTy(64 * count), slotPointer(builder, slot), Align(8));
  slot += count;
  value = builder.CreateTrunc(value, builder.getIntNTy(bits));
  if (type->isPointerTy())
    return builder.CreateIntToPtr(value, type);
  return builder.CreateBitCast(value, type);
}

void OperationCaller::callHandler(CallInst &call, Site &site) {
  IRBuilder<> builder(&call);
  unsigned slot = 0;
  for (Value *argument : call.args())
    if (argument->getType()->isSized())
      store(builder, argument, slot);
  unsigned firstResult = slot;
  callHost(builder, reinterpret_cast<const void *>(site.handler),
           {makeHostPointer(builder, &site), slotPointer(builder, 0),
            slotPointer(builder, firstResult)});
  if (!call.getType()->isVoidTy()) {
    Value *result = load(builder, call.getType(), slot);
    // Handlers may write a predicate that this variant does not return.
    (void)slotPointer(builder, slot);
    call.replaceAllUsesWith(result);
  }
  call.eraseFromParent();
}

bool OperationCaller::rewriteRegister(CallInst &call, StringRef name) {
  std::optional<unsigned> offset = findThreadField(name);
  if (!offset || !call.getType()->isIntegerTy(32))
    return false;
  if (!thread) {
    IRBuilder<> entry(getSlots()->getNextNode());
    thread = entry.CreateLoad(entry.getPtrTy(),
                              makeHostPointer(entry, &currentThread));
  }
  IRBuilder<> builder(&call);
  Value *pointer =
      builder.CreateConstGEP1_64(builder.getInt8Ty(), thread, *offset);
  call.replaceAllUsesWith(
      builder.CreateAlignedLoad(builder.getInt32Ty(), pointer, Align(4)));
  call.eraseFromParent();
  return true;
}

/// One element after the other.
bool OperationCaller::rewriteVectorFma(CallInst &call) {
  auto *type = cast<FixedVectorType>(call.getType());
  IRBuilder<> builder(&call);
  Value *result = PoisonValue::get(type);
  SmallVector<CallInst *> elements;
  for (unsigned i = 0; i != type->getNumElements(); ++i) {
    SmallVector<Value *> operands;
    for (Value *operand : call.args())
      operands.push_back(builder.CreateExtractElement(operand, i));
    elements.push_back(builder.CreateIntrinsic(
        Intrinsic::fma, {type->getElementType()}, operands));
    result = builder.CreateInsertElement(result, elements.back(), i);
  }
  call.replaceAllUsesWith(result);
  call.eraseFromParent();
  return llvm::all_of(elements,
                      [&](CallInst *element) { return rewrite(*element); });
}

bool OperationCaller::rewrite(CallInst &call) {
  Function *callee = call.getCalledFunction();
  StringRef name;
  if (callee && callee->getName().starts_with("llvm.nvvm.")) {
    name = callee->getName().drop_front(strlen("llvm.nvvm."));
    if (rewriteRegister(call, name))
      return true;
  } else if (callee && callee->getIntrinsicID() == Intrinsic::fma &&
             call.getType()->getScalarSizeInBits() == 16) {
    // The host would round twice.
    if (call.getType()->isVectorTy())
      return rewriteVectorFma(call);
    name = call.getType()->isBFloatTy() ? "fma.rn.bf16" : "fma.rn.f16";
  } else if (auto *assembly = dyn_cast<InlineAsm>(call.getCalledOperand())) {
    name = assembly->getAsmString();
  } else if (callee && callee->isDeclaration() && callee->arg_size() == 5 &&
             callee->getName() == "__assertfail") {
    name = callee->getName();
  } else {
    return true;
  }
  // A call that was made later may have the address of one that is gone.
  Site *known = call.isInlineAsm() ? owner.productSites.lookup(&call) : nullptr;
  Site &site = known ? *known : owner.makeSite(call);
  site.name = name.str();
  if (auto *assembly = dyn_cast<InlineAsm>(call.getCalledOperand())) {
    std::string problem;
    if (!findAssembly(name, assembly->getConstraintString(), site, problem)) {
      reportError(
          "kernel module: function '" + function.getName() +
          "' has inline assembly that the simulator does not know: it " +
          problem + site.describe());
      return false;
    }
    return finishCall(call, site);
  }
  if (!findSpecialRegister(name, site) && !findOperation(name, site)) {
    reportError("kernel module: function '" + function.getName() +
                "' calls 'llvm.nvvm." + name +
                "', which the simulator does not know" + site.describe());
    return false;
  }
  return finishCall(call, site);
}

bool OperationCaller::finishCall(CallInst &call, Site &site) {
  if (site.isBlocking)
    owner.blocking.insert(&function);
  callHandler(call, site);
  return true;
}

bool KernelModule::callOperations(Function &function) {
  checkAccumulators(function);
  SmallVector<CallInst *> calls;
  for (Instruction &instruction : instructions(function))
    if (auto *call = dyn_cast<CallInst>(&instruction))
      calls.push_back(call);
  OperationCaller caller(*this, function);
  for (CallInst *call : calls)
    if (!caller.rewrite(*call))
      return false;
  caller.finish();
  return true;
}

} // namespace mlir::qfmt::sim
