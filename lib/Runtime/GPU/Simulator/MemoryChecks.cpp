//===- MemoryChecks.cpp - Tests before each access ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// In front of a load or store of `n` bytes at `p`:
//
//   offset = p - memory
//   if (offset < size - n && p % alignment == 0)
//     if (all n bytes of states[offset] are kInitialised, and no other block
//         has touched any of them, or written if this is a load) goto access
//   checkAccess(site, p)        // does not return after an error
//   access:
//
// Accesses to shared memory always call. Local variables and constants of the
// module have a known size, against which the offset is tested. As well:
// divisions by zero, which end a program on CPUs, and code that must not be
// reached.
//
//===----------------------------------------------------------------------===//

#include "BlockAccesses.h"
#include "KernelModule.h"
#include "Operations.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"

using namespace llvm;

namespace mlir::qfmt::sim {

//===----------------------------------------------------------------------===//
// Called by generated code
//===----------------------------------------------------------------------===//

static void checkPlain(const Site *site, uint64_t address) {
  checkAccess(*site, address, site->bytes, site->alignment, site->isWrite);
}

static void checkAtomic(const Site *site, uint64_t address) {
  checkAccess(*site, address, site->bytes, site->alignment, false);
  checkAccess(*site, address, site->bytes, site->alignment, true);
}

static void checkRange(const Site *site, uint64_t address, uint64_t bytes,
                       uint64_t isWrite) {
  checkAccess(*site, address, bytes, 1, isWrite);
}

static void failOutside(const Site *site) {
  failThread(*currentThread, site,
             llvm::Twine("out-of-bounds ") +
                 (site->isWrite ? "write of " : "read of ") +
                 llvm::Twine(site->bytes) +
                 " bytes outside of a local variable or a constant");
}

static void failDivision(const Site *site) {
  failThread(*currentThread, site,
             "division by zero, or of the least number by -1");
}

static void failUnreachable(const Site *site) {
  failThread(*currentThread, site, "trap, or code that must not be reached");
}

//===----------------------------------------------------------------------===//
// Generated code
//===----------------------------------------------------------------------===//

class AccessChecker {
public:
  AccessChecker(KernelModule &module, Function &function)
      : owner(module), layout(function.getParent()->getDataLayout()) {}

  void check(Instruction &instruction);

private:
  Value *getAddress(IRBuilderBase &builder, Value *pointer) {
    return builder.CreatePtrToInt(pointer, builder.getInt64Ty());
  }
  void checkLoadOrStore(Instruction &instruction, Value *pointer, Type *type,
                        Align alignment, bool isWrite);
  void checkAtomicAccess(Instruction &instruction, Value *pointer, Type *type);
  void checkGeneric(Instruction &instruction, Value *pointer, Site &site);
  bool checkKnownObject(Instruction &instruction, Value *pointer, Site &site);
  void checkDivision(BinaryOperator &division);
  void checkTransfer(MemIntrinsic &transfer);
  void callIf(Value *condition, Instruction &before, Site &site,
              const void *function, ArrayRef<Value *> more = {});

  KernelModule &owner;
  const DataLayout &layout;
};

template <typename Function>
static const void *addressOf(Function *function) {
  return reinterpret_cast<const void *>(function);
}

void AccessChecker::callIf(Value *condition, Instruction &before, Site &site,
                           const void *function, ArrayRef<Value *> more) {
  Instruction *terminator =
      SplitBlockAndInsertIfThen(condition, before.getIterator(), false);
  IRBuilder<> builder(terminator);
  SmallVector<Value *> arguments{makeHostPointer(builder, &site)};
  llvm::append_range(arguments, more);
  callHost(builder, function, arguments);
}

/// Where the object of `pointer` is a variable of known size.
bool AccessChecker::checkKnownObject(Instruction &instruction, Value *pointer,
                                     Site &site) {
  Value *object = getUnderlyingObject(pointer);
  std::optional<TypeSize> size;
  if (auto *local = dyn_cast<AllocaInst>(object))
    size = local->getAllocationSize(layout);
  else if (auto *global = dyn_cast<GlobalVariable>(object))
    if (global->getAddressSpace() != 3 && global->hasInitializer())
      size = layout.getTypeAllocSize(global->getValueType());
  if (!size || size->isScalable())
    return false;
  uint64_t bytes = size->getFixedValue();
  IRBuilder<> builder(&instruction);
  Value *offset = builder.CreateSub(getAddress(builder, pointer),
                                    getAddress(builder, object));
  Value *isOutside =
      bytes < site.bytes
          ? builder.getTrue()
          : builder.CreateICmpUGT(offset, builder.getInt64(bytes - site.bytes));
  auto *constant = dyn_cast<ConstantInt>(isOutside);
  if (!constant || constant->isOne())
    callIf(isOutside, instruction, site, addressOf(failOutside));
  return true;
}

static Value *loadStates(IRBuilderBase &builder, Value *address,
                         uint64_t distance, unsigned bytes) {
  Value *pointer = builder.CreateIntToPtr(
      builder.CreateAdd(address, builder.getInt64(distance)),
      builder.getPtrTy());
  return builder.CreateAlignedLoad(builder.getIntNTy(8 * bytes), pointer,
                                   Align(1));
}

static Value *makeSplat(IRBuilderBase &builder, unsigned bytes, uint8_t byte) {
  return builder.getInt(APInt::getSplat(8 * bytes, APInt(8, byte)));
}

static Value *isInitialised(IRBuilderBase &builder, Value *address,
                            unsigned bytes) {
  Value *states =
      loadStates(builder, address, DeviceMemory::get().stateDistance(), bytes);
  return builder.CreateICmpEQ(states, makeSplat(builder, bytes, kInitialised));
}

/// Nothing changes of who has touched the bytes.
static Value *isOwn(IRBuilderBase &builder, Value *address, unsigned bytes,
                    bool isWrite) {
  BlockAccesses &accesses = BlockAccesses::get();
  Value *owners =
      loadStates(builder, address, DeviceMemory::get().ownerDistance(), bytes);
  Value *own = builder.CreateAlignedLoad(
      owners->getType(),
      makeHostPointer(builder,
                      isWrite ? accesses.writtenByThis : accesses.readByThis),
      Align(1));
  if (isWrite)
    return builder.CreateICmpEQ(owners, own);
  Value *tags = builder.CreateAnd(
      owners, makeSplat(builder, bytes, BlockAccesses::kReadOrWritten));
  Value *several = makeSplat(builder, bytes, BlockAccesses::kReadBySeveral);
  return builder.CreateOr(builder.CreateICmpEQ(tags, own),
                          builder.CreateICmpEQ(owners, several));
}

void AccessChecker::checkGeneric(Instruction &instruction, Value *pointer,
                                 Site &site) {
  const DeviceMemory &memory = DeviceMemory::get();
  IRBuilder<> builder(&instruction);
  Value *address = getAddress(builder, pointer);
  Value *isFast = builder.CreateICmpULT(
      builder.CreateSub(address, builder.getInt64(memory.base())),
      builder.getInt64(memory.size() - site.bytes));
  if (site.alignment > 1) {
    Value *low =
        builder.CreateAnd(address, builder.getInt64(site.alignment - 1));
    isFast = builder.CreateAnd(isFast,
                               builder.CreateICmpEQ(low, builder.getInt64(0)));
  }
  BasicBlock *head = instruction.getParent();
  Instruction *inside =
      SplitBlockAndInsertIfThen(isFast, instruction.getIterator(), false);
  builder.SetInsertPoint(inside);
  Value *isGood =
      builder.CreateAnd(isInitialised(builder, address, site.bytes),
                        isOwn(builder, address, site.bytes, site.isWrite));
  builder.SetInsertPoint(&instruction);
  PHINode *skips = PHINode::Create(builder.getInt1Ty(), 2, "",
                                   instruction.getParent()->begin());
  skips->addIncoming(builder.getFalse(), head);
  skips->addIncoming(isGood, inside->getParent());
  callIf(builder.CreateNot(skips), instruction, site, addressOf(checkPlain),
         {address});
}

void AccessChecker::checkLoadOrStore(Instruction &instruction, Value *pointer,
                                     Type *type, Align alignment,
                                     bool isWrite) {
  Site &site = owner.makeSite(instruction);
  site.bytes = layout.getTypeStoreSize(type).getFixedValue();
  site.alignment = alignment.value();
  site.isWrite = isWrite;
  site.isAtomic = instruction.isAtomic();
  if (site.bytes == 0 || checkKnownObject(instruction, pointer, site))
    return;
  // Nothing is known of larger ones at once.
  constexpr unsigned kMaxInline = BlockAccesses::kMaxBytes;
  if (pointer->getType()->getPointerAddressSpace() != 3 &&
      site.bytes <= kMaxInline)
    return checkGeneric(instruction, pointer, site);
  IRBuilder<> builder(&instruction);
  callHost(builder, addressOf(checkPlain),
           {makeHostPointer(builder, &site), getAddress(builder, pointer)});
}

void AccessChecker::checkAtomicAccess(Instruction &instruction, Value *pointer,
                                      Type *type) {
  Site &site = owner.makeSite(instruction);
  site.bytes = layout.getTypeStoreSize(type).getFixedValue();
  site.alignment = site.bytes;
  site.isWrite = site.isAtomic = true;
  IRBuilder<> builder(&instruction);
  callHost(builder, addressOf(checkAtomic),
           {makeHostPointer(builder, &site), getAddress(builder, pointer)});
}

void AccessChecker::checkTransfer(MemIntrinsic &transfer) {
  Site &site = owner.makeSite(transfer);
  IRBuilder<> builder(&transfer);
  Value *bytes =
      builder.CreateZExtOrTrunc(transfer.getLength(), builder.getInt64Ty());
  auto check = [&](Value *pointer, bool isWrite) {
    if (isa<AllocaInst>(getUnderlyingObject(pointer)))
      return;
    callHost(builder, addressOf(checkRange),
             {makeHostPointer(builder, &site), getAddress(builder, pointer),
              bytes, builder.getInt64(isWrite)});
  };
  if (auto *copy = dyn_cast<MemTransferInst>(&transfer))
    check(copy->getRawSource(), false);
  check(transfer.getRawDest(), true);
}

void AccessChecker::checkDivision(BinaryOperator &division) {
  Value *divisor = division.getOperand(1);
  if (isa<Constant>(divisor))
    return;
  Site &site = owner.makeSite(division);
  IRBuilder<> builder(&division);
  Type *type = division.getType();
  Value *isBad = builder.CreateICmpEQ(divisor, Constant::getNullValue(type));
  if (division.getOpcode() == Instruction::SDiv ||
      division.getOpcode() == Instruction::SRem) {
    Value *least = ConstantInt::get(
        type, APInt::getSignedMinValue(type->getScalarSizeInBits()));
    Value *overflows = builder.CreateAnd(
        builder.CreateICmpEQ(divisor, Constant::getAllOnesValue(type)),
        builder.CreateICmpEQ(division.getOperand(0), least));
    isBad = builder.CreateOr(isBad, overflows);
  }
  if (type->isVectorTy())
    isBad = builder.CreateOrReduce(isBad);
  callIf(isBad, division, site, addressOf(failDivision));
}

void AccessChecker::check(Instruction &instruction) {
  if (auto *load = dyn_cast<LoadInst>(&instruction))
    return checkLoadOrStore(*load, load->getPointerOperand(), load->getType(),
                            load->getAlign(), false);
  if (auto *store = dyn_cast<StoreInst>(&instruction))
    return checkLoadOrStore(*store, store->getPointerOperand(),
                            store->getValueOperand()->getType(),
                            store->getAlign(), true);
  if (auto *update = dyn_cast<AtomicRMWInst>(&instruction))
    return checkAtomicAccess(*update, update->getPointerOperand(),
                             update->getType());
  if (auto *exchange = dyn_cast<AtomicCmpXchgInst>(&instruction))
    return checkAtomicAccess(*exchange, exchange->getPointerOperand(),
                             exchange->getNewValOperand()->getType());
  if (auto *transfer = dyn_cast<MemIntrinsic>(&instruction))
    return checkTransfer(*transfer);
  if (instruction.isIntDivRem())
    return checkDivision(cast<BinaryOperator>(instruction));
  auto *call = dyn_cast<IntrinsicInst>(&instruction);
  if (isa<UnreachableInst>(instruction) ||
      (call && call->getIntrinsicID() == Intrinsic::trap)) {
    IRBuilder<> builder(&instruction);
    callHost(builder, addressOf(failUnreachable),
             {makeHostPointer(builder, &owner.makeSite(instruction))});
  }
}

void KernelModule::checkMemory(Function &function) {
  SmallVector<Instruction *> all;
  for (Instruction &instruction : instructions(function))
    all.push_back(&instruction);
  AccessChecker checker(*this, function);
  for (Instruction *instruction : all)
    checker.check(*instruction);
}

} // namespace mlir::qfmt::sim
