//===- VersionDispatch.cpp - Choosing a version at run time ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   name(...)          chosen = load; if null, chosen = choose(); call it
//   name_version()     the same, but returns the name
//   choose()           for each version: wanted, cpuid, xgetbv, permission
//   has(leaf, ...)     are these bits set
//
// The choice depends on nothing but the machine and the environment: threads
// that make it at the same time come to the same one.
//
//===----------------------------------------------------------------------===//

#include "VersionDispatch.h"
#include "qfmt/Runtime/TilePermission.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"

namespace mlir::qfmt {

namespace {

class DispatchBuilder {
public:
  DispatchBuilder(llvm::Module &module, StringRef name,
                  ArrayRef<CodeVersion> versions)
      : module(module), name(name.str()), versions(versions),
        b(module.getContext()),
        entryType(llvm::StructType::get(b.getPtrTy(), b.getPtrTy())),
        functionType(
            module.getFunction(versions.front().function)->getFunctionType()) {}

  void build() {
    buildTable();
    buildHas();
    buildChoose();
    buildCall();
    buildGetVersion();
  }

private:
  llvm::Function *createFunction(llvm::FunctionType *type, StringRef suffix,
                                 bool isExported) {
    auto *function =
        llvm::Function::Create(type,
                               isExported ? llvm::Function::ExternalLinkage
                                          : llvm::Function::InternalLinkage,
                               name + suffix, module);
    function->addFnAttr("target-cpu", "x86-64");
    function->addFnAttr(llvm::Attribute::NoUnwind);
    b.SetInsertPoint(createBlock(function));
    return function;
  }

  llvm::BasicBlock *createBlock(llvm::Function *function) {
    return llvm::BasicBlock::Create(module.getContext(), "", function);
  }

  /// Goes on in a new block if `condition` holds, in `otherwise` if not.
  void branchUnless(llvm::Value *condition, llvm::BasicBlock *otherwise) {
    llvm::BasicBlock *next = createBlock(b.GetInsertBlock()->getParent());
    b.CreateCondBr(condition, next, otherwise);
    b.SetInsertPoint(next);
  }

  /// Function and name of each version.
  void buildTable() {
    SmallVector<llvm::Constant *> entries;
    for (const CodeVersion &version : versions) {
      llvm::Function *function = module.getFunction(version.function);
      function->setLinkage(llvm::Function::InternalLinkage);
      names.push_back(
          b.CreateGlobalString(version.name, name + ".name", 0, &module));
      entries.push_back(
          llvm::ConstantStruct::get(entryType, {function, names.back()}));
    }
    auto *type = llvm::ArrayType::get(entryType, entries.size());
    table = new llvm::GlobalVariable(
        module, type, /*isConstant=*/true, llvm::GlobalValue::InternalLinkage,
        llvm::ConstantArray::get(type, entries), name + ".versions");
    chosen = new llvm::GlobalVariable(
        module, b.getPtrTy(), /*isConstant=*/false,
        llvm::GlobalValue::InternalLinkage,
        llvm::ConstantPointerNull::get(b.getPtrTy()), name + ".chosen");
  }

  SmallVector<llvm::Value *, 4> callCpuid(llvm::Value *leaf,
                                          llvm::Value *subleaf) {
    llvm::Type *word = b.getInt32Ty();
    auto *type = llvm::FunctionType::get(
        llvm::StructType::get(word, word, word, word), {word, word}, false);
    llvm::Value *results = b.CreateCall(
        type,
        llvm::InlineAsm::get(type, "cpuid", "={ax},={bx},={cx},={dx},{ax},{cx}",
                             /*hasSideEffects=*/true),
        {leaf, subleaf});
    SmallVector<llvm::Value *, 4> words;
    for (unsigned i = 0; i < 4; ++i)
      words.push_back(b.CreateExtractValue(results, i));
    return words;
  }

  /// i1 has(leaf, subleaf, mask of each of the four registers).
  void buildHas() {
    llvm::Type *word = b.getInt32Ty();
    has = createFunction(
        llvm::FunctionType::get(b.getInt1Ty(),
                                SmallVector<llvm::Type *>(6, word), false),
        ".has", /*isExported=*/false);
    llvm::BasicBlock *no = createBlock(has);
    llvm::Value *leaf = has->getArg(0);
    // The greatest leaf of this kind.
    llvm::Value *kind = b.CreateAnd(leaf, b.getInt32(0x80000000u));
    llvm::Value *greatest = callCpuid(kind, b.getInt32(0)).front();
    branchUnless(b.CreateICmpUGE(greatest, leaf), no);
    auto words = callCpuid(leaf, has->getArg(1));
    llvm::Value *all = b.getTrue();
    for (unsigned i = 0; i < 4; ++i) {
      llvm::Value *mask = has->getArg(2 + i);
      all = b.CreateAnd(all, b.CreateICmpEQ(b.CreateAnd(words[i], mask), mask));
    }
    b.CreateRet(all);
    b.SetInsertPoint(no);
    b.CreateRet(b.getFalse());
  }

  void emitCpuid(const CpuidRequirement &requirement, llvm::BasicBlock *no) {
    for (const CpuidBits &bits : requirement.bits) {
      SmallVector<llvm::Value *> arguments = {b.getInt32(bits.leaf),
                                              b.getInt32(bits.subleaf)};
      for (auto result : {CpuidRegister::EAX, CpuidRegister::EBX,
                          CpuidRegister::ECX, CpuidRegister::EDX})
        arguments.push_back(b.getInt32(bits.result == result ? bits.mask : 0));
      branchUnless(b.CreateCall(has, arguments), no);
    }
    if (requirement.systemState == 0)
      return;
    llvm::Type *word = b.getInt32Ty();
    auto *type = llvm::FunctionType::get(llvm::StructType::get(word, word),
                                         {word}, false);
    llvm::Value *state = b.CreateExtractValue(
        b.CreateCall(type,
                     llvm::InlineAsm::get(type, "xgetbv", "={ax},={dx},{cx}",
                                          /*hasSideEffects=*/true),
                     {b.getInt32(0)}),
        0);
    llvm::Value *needed = b.getInt32(requirement.systemState);
    branchUnless(b.CreateICmpEQ(b.CreateAnd(state, needed), needed), no);
  }

  void emitTilePermission(llvm::BasicBlock *no) {
    llvm::Type *word = b.getInt64Ty();
    auto *type = llvm::FunctionType::get(word, {word, word, word}, false);
    llvm::Value *result = b.CreateCall(
        type,
        llvm::InlineAsm::get(type, "syscall",
                             "={ax},{ax},{di},{si},~{rcx},~{r11},~{memory}",
                             /*hasSideEffects=*/true),
        {b.getInt64(kArchPrctl), b.getInt64(kRequestPermission),
         b.getInt64(kTileData)});
    branchUnless(b.CreateICmpEQ(result, b.getInt64(0)), no);
  }

  /// ptr choose(): an element of the table, or null.
  void buildChoose() {
    choose = createFunction(llvm::FunctionType::get(b.getPtrTy(), false),
                            ".choose", /*isExported=*/false);
    llvm::FunctionCallee getenv =
        module.getOrInsertFunction("getenv", b.getPtrTy(), b.getPtrTy());
    llvm::FunctionCallee strcmp = module.getOrInsertFunction(
        "strcmp", b.getInt32Ty(), b.getPtrTy(), b.getPtrTy());
    llvm::Value *wanted = b.CreateCall(
        getenv,
        {b.CreateGlobalString("QFMT_VERSION", name + ".variable", 0, &module)});
    llvm::Value *isAny = b.CreateIsNull(wanted);
    for (auto [i, version] : llvm::enumerate(versions)) {
      llvm::BasicBlock *check = createBlock(choose);
      llvm::BasicBlock *compare = createBlock(choose);
      llvm::BasicBlock *no = createBlock(choose);
      b.CreateCondBr(isAny, check, compare);
      b.SetInsertPoint(compare);
      llvm::Value *order = b.CreateCall(strcmp, {wanted, names[i]});
      b.CreateCondBr(b.CreateIsNull(order), check, no);
      b.SetInsertPoint(check);
      emitCpuid(version.requirement, no);
      if (version.usesTiles)
        emitTilePermission(no);
      b.CreateRet(b.CreateConstGEP2_64(table->getValueType(), table, 0, i));
      b.SetInsertPoint(no);
    }
    b.CreateRet(llvm::ConstantPointerNull::get(b.getPtrTy()));
  }

  /// The chosen element of the table; goes to `none` if there is none.
  llvm::Value *emitChosen(llvm::BasicBlock *none) {
    llvm::Function *function = b.GetInsertBlock()->getParent();
    llvm::BasicBlock *before = b.GetInsertBlock();
    llvm::BasicBlock *first = createBlock(function);
    llvm::BasicBlock *known = createBlock(function);
    auto *load = b.CreateAlignedLoad(b.getPtrTy(), chosen, llvm::Align(8));
    load->setAtomic(llvm::AtomicOrdering::Monotonic);
    b.CreateCondBr(b.CreateIsNull(load), first, known);
    b.SetInsertPoint(first);
    llvm::Value *choice = b.CreateCall(choose);
    b.CreateAlignedStore(choice, chosen, llvm::Align(8))
        ->setAtomic(llvm::AtomicOrdering::Monotonic);
    b.CreateCondBr(b.CreateIsNull(choice), none, known);
    b.SetInsertPoint(known);
    llvm::PHINode *result = b.CreatePHI(b.getPtrTy(), 2);
    result->addIncoming(load, before);
    result->addIncoming(choice, first);
    return result;
  }

  llvm::Value *loadField(llvm::Value *entry, unsigned field) {
    return b.CreateLoad(b.getPtrTy(),
                        b.CreateStructGEP(entryType, entry, field));
  }

  void buildCall() {
    llvm::Function *function =
        createFunction(functionType, "", /*isExported=*/true);
    llvm::BasicBlock *none = createBlock(function);
    llvm::Value *entry = emitChosen(none);
    SmallVector<llvm::Value *> arguments;
    for (llvm::Argument &argument : function->args())
      arguments.push_back(&argument);
    b.CreateRet(b.CreateCall(functionType, loadField(entry, 0), arguments));
    b.SetInsertPoint(none);
    b.CreateRet(b.getInt32(1));
  }

  void buildGetVersion() {
    llvm::Function *function =
        createFunction(llvm::FunctionType::get(b.getPtrTy(), false), "_version",
                       /*isExported=*/true);
    llvm::BasicBlock *none = createBlock(function);
    b.CreateRet(loadField(emitChosen(none), 1));
    b.SetInsertPoint(none);
    b.CreateRet(llvm::ConstantPointerNull::get(b.getPtrTy()));
  }

  llvm::Module &module;
  std::string name;
  ArrayRef<CodeVersion> versions;
  llvm::IRBuilder<> b;
  llvm::StructType *entryType;
  llvm::FunctionType *functionType;
  SmallVector<llvm::Constant *> names;
  llvm::GlobalVariable *table, *chosen;
  llvm::Function *has, *choose;
};

} // namespace

void addVersionDispatch(llvm::Module &module, StringRef name,
                        ArrayRef<CodeVersion> versions) {
  DispatchBuilder(module, name, versions).build();
}

} // namespace mlir::qfmt
