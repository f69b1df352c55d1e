//===- EntryPoints.cpp - How the outside calls compiled code --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EntryPoints.h"
#include "llvm/IR/IRBuilder.h"

namespace mlir::qfmt {

static llvm::Function *getDescriptorEntry(LLVMProgram &program) {
  llvm::Function *callee =
      program.module->getFunction("_mlir_ciface_" + program.signature.function);
  assert(callee && "the lowering keeps llvm.emit_c_interface");
  return callee;
}

void addPackedEntry(LLVMProgram &program, StringRef name) {
  llvm::Function *callee = getDescriptorEntry(program);
  llvm::IRBuilder<> b(*program.context);
  auto *entry = llvm::Function::Create(
      llvm::FunctionType::get(b.getVoidTy(), {b.getPtrTy()}, false),
      llvm::Function::ExternalLinkage, name, *program.module);
  b.SetInsertPoint(llvm::BasicBlock::Create(*program.context, "", entry));
  SmallVector<llvm::Value *> arguments;
  for (unsigned i = 0, e = callee->arg_size(); i < e; ++i)
    arguments.push_back(b.CreateLoad(
        b.getPtrTy(), b.CreateConstGEP1_64(b.getPtrTy(), entry->getArg(0), i)));
  b.CreateCall(callee, arguments);
  b.CreateRetVoid();
}

namespace {

/// Builds the body of the C entry point.
class CEntryBuilder {
public:
  CEntryBuilder(LLVMProgram &program, StringRef name)
      : program(program), b(*program.context) {
    size_t numBuffers =
        program.signature.inputs.size() + program.signature.outputs.size();
    SmallVector<llvm::Type *> types(numBuffers, b.getPtrTy());
    entry = llvm::Function::Create(
        llvm::FunctionType::get(b.getInt32Ty(), types, false),
        llvm::Function::ExternalLinkage, name, *program.module);
    b.SetInsertPoint(llvm::BasicBlock::Create(*program.context, "", entry));
  }

  void build() {
    const FunctionSignature &signature = program.signature;
    SmallVector<llvm::Value *> arguments;
    llvm::Value *results = nullptr;
    llvm::StructType *resultsType = nullptr;
    if (!signature.outputs.empty()) {
      SmallVector<llvm::Type *> types;
      for (const TensorSpec &output : signature.outputs)
        types.push_back(getDescriptorType(output));
      resultsType = llvm::StructType::get(*program.context, types);
      results = b.CreateAlloca(resultsType);
      arguments.push_back(results);
    }
    for (auto [i, input] : llvm::enumerate(signature.inputs))
      arguments.push_back(createDescriptor(input, entry->getArg(i)));
    b.CreateCall(getDescriptorEntry(program), arguments);
    copyResults(results, resultsType);
    b.CreateRet(b.getInt32(0));
  }

private:
  llvm::StructType *getDescriptorType(const TensorSpec &spec) {
    SmallVector<llvm::Type *> fields{b.getPtrTy(), b.getPtrTy(),
                                     b.getInt64Ty()};
    if (!spec.shape.empty())
      fields.append(2, llvm::ArrayType::get(b.getInt64Ty(), spec.shape.size()));
    return llvm::StructType::get(*program.context, fields);
  }

  llvm::Value *createDescriptor(const TensorSpec &spec, llvm::Value *buffer) {
    llvm::StructType *type = getDescriptorType(spec);
    llvm::Value *descriptor = b.CreateAlloca(type);
    auto store = [&](llvm::Value *value, unsigned field) {
      b.CreateStore(value, b.CreateStructGEP(type, descriptor, field));
    };
    store(buffer, 0);
    store(buffer, 1);
    store(b.getInt64(0), 2);
    if (spec.shape.empty())
      return descriptor;
    SmallVector<uint64_t> sizes(spec.shape.begin(), spec.shape.end());
    SmallVector<uint64_t> strides(spec.shape.size(), 1);
    for (size_t i = sizes.size() - 1; i > 0; --i)
      strides[i - 1] = strides[i] * sizes[i];
    store(llvm::ConstantDataArray::get(*program.context, sizes), 3);
    store(llvm::ConstantDataArray::get(*program.context, strides), 4);
    return descriptor;
  }

  /// Copies each result to the caller and frees it; a buffer that two results
  /// share is freed once, by the last of them.
  void copyResults(llvm::Value *results, llvm::StructType *type) {
    const FunctionSignature &signature = program.signature;
    llvm::FunctionCallee freeFunction = program.module->getOrInsertFunction(
        "free", b.getVoidTy(), b.getPtrTy());
    SmallVector<llvm::Value *> allocated;
    for (auto [i, output] : llvm::enumerate(signature.outputs)) {
      llvm::StructType *descriptorType = getDescriptorType(output);
      llvm::Value *descriptor = b.CreateStructGEP(type, results, i);
      auto load = [&](llvm::Type *fieldType, unsigned field) {
        return b.CreateLoad(
            fieldType, b.CreateStructGEP(descriptorType, descriptor, field));
      };
      allocated.push_back(load(b.getPtrTy(), 0));
      llvm::Value *offset = b.CreateMul(load(b.getInt64Ty(), 2),
                                        b.getInt64(output.element.getBytes()));
      llvm::Value *data =
          b.CreateGEP(b.getInt8Ty(), load(b.getPtrTy(), 1), offset);
      copyElements(output, entry->getArg(signature.inputs.size() + i), data);
    }
    llvm::Value *null = llvm::ConstantPointerNull::get(b.getPtrTy());
    for (size_t i = 0; i < allocated.size(); ++i) {
      llvm::Value *mine = allocated[i];
      for (llvm::Value *later : ArrayRef(allocated).drop_front(i + 1))
        mine = b.CreateSelect(b.CreateICmpEQ(allocated[i], later), null, mine);
      b.CreateCall(freeFunction, {mine});
    }
  }

  /// Copies a result; the high bits of narrow codes, which compiled code
  /// leaves open, become what ElementSpec::Kind promises.
  void copyElements(const TensorSpec &spec, llvm::Value *to,
                    llvm::Value *from) {
    unsigned bits = spec.element.getBytes() * 8;
    uint64_t count = spec.getNumElements();
    if (spec.element.width == bits || count == 0) {
      b.CreateMemCpy(to, llvm::MaybeAlign(), from, llvm::MaybeAlign(),
                     spec.getNumBytes());
      return;
    }
    llvm::BasicBlock *before = b.GetInsertBlock();
    auto *loop = llvm::BasicBlock::Create(*program.context, "", entry);
    auto *after = llvm::BasicBlock::Create(*program.context, "", entry);
    b.CreateBr(loop);
    b.SetInsertPoint(loop);
    llvm::PHINode *i = b.CreatePHI(b.getInt64Ty(), 2);
    llvm::Type *type = b.getIntNTy(bits);
    llvm::Align align(spec.element.getBytes());
    llvm::Value *unused =
        llvm::ConstantInt::get(type, bits - spec.element.width);
    llvm::Value *code = b.CreateShl(
        b.CreateAlignedLoad(type, b.CreateGEP(type, from, i), align), unused);
    code = spec.element.isSignExtended() ? b.CreateAShr(code, unused)
                                         : b.CreateLShr(code, unused);
    b.CreateAlignedStore(code, b.CreateGEP(type, to, i), align);
    llvm::Value *next = b.CreateAdd(i, b.getInt64(1));
    i->addIncoming(b.getInt64(0), before);
    i->addIncoming(next, loop);
    b.CreateCondBr(b.CreateICmpULT(next, b.getInt64(count)), loop, after);
    b.SetInsertPoint(after);
  }

  LLVMProgram &program;
  llvm::IRBuilder<> b;
  llvm::Function *entry;
};

} // namespace

static LogicalResult checkStaticShapes(Location loc,
                                       const FunctionSignature &signature) {
  for (auto *specs : {&signature.inputs, &signature.outputs})
    for (const TensorSpec &spec : *specs)
      if (!spec.hasStaticShape())
        return emitError(loc)
               << spec.name << " of '" << signature.function
               << "' has a dynamic shape; a C function needs static ones";
  return success();
}

LogicalResult addCEntry(LLVMProgram &program, StringRef name, Location loc) {
  if (failed(checkStaticShapes(loc, program.signature)))
    return failure();
  CEntryBuilder(program, name).build();
  return success();
}

} // namespace mlir::qfmt
