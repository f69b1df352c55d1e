//===- HostCode.cpp - Compiling kernels by LLVM's JIT ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One JIT serves all modules, each a library of its own in it.
//
// The host computes what the GPU would: no multiplication and addition are
// contracted that the IR has not contracted; f16 is computed in f32, which
// gives the same for single operations; roundings to bf16 keep subnormal
// numbers, which AVX512-BF16 does not.
//
//===----------------------------------------------------------------------===//

#include "Error.h"
#include "KernelModule.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/ExecutionEngine/Orc/ThreadSafeModule.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/TargetSelect.h"

using namespace llvm;

namespace mlir::qfmt::sim {

/// Round to nearest even. Arguments and results lie in the same registers as
/// numbers of 16 bits do.
static float roundToBFloat16(float value) {
  uint32_t bits = bit_cast<uint32_t>(value);
  if (value != value)
    bits = 0x7FFF;
  else
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  return bit_cast<float>(bits);
}

static float roundDoubleToBFloat16(double value) {
  // To odd first: the second rounding is then as if the only one.
  float nearest = float(value);
  uint32_t bits = bit_cast<uint32_t>(nearest);
  if (double(nearest) != value && value == value && !(bits & 1)) {
    bool isTooFar = std::abs(double(nearest)) > std::abs(value);
    bits = isTooFar ? bits - 1 : bits + 1;
  }
  return roundToBFloat16(bit_cast<float>(bits));
}

static orc::LLJIT *createJit() {
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  auto machine = orc::JITTargetMachineBuilder::detectHost();
  if (!machine) {
    reportError("no code generator for this host: " +
                toString(machine.takeError()));
    return nullptr;
  }
  machine->setCodeGenOptLevel(CodeGenOptLevel::Default);
  machine->getFeatures().AddFeature("avx512bf16", false);
  machine->getFeatures().AddFeature("avxneconvert", false);
  machine->getFeatures().AddFeature("avx512fp16", false);
  auto jit = orc::LLJITBuilder()
                 .setJITTargetMachineBuilder(std::move(*machine))
                 .create();
  if (!jit) {
    reportError("no JIT: " + toString(jit.takeError()));
    return nullptr;
  }
  return jit->release();
}

/// Never destroyed, as modules may be unloaded by destructors.
static orc::LLJIT *getJit() {
  static orc::LLJIT *jit = createJit();
  return jit;
}

static Error defineHelpers(orc::LLJIT &jit, orc::JITDylib &library) {
  orc::SymbolMap helpers;
  auto add = [&](StringRef name, auto *function) {
    helpers[jit.mangleAndIntern(name)] = {orc::ExecutorAddr::fromPtr(function),
                                          JITSymbolFlags::Exported |
                                              JITSymbolFlags::Callable};
  };
  add("__truncsfbf2", &roundToBFloat16);
  add("__truncdfbf2", &roundDoubleToBFloat16);
  return library.define(orc::absoluteSymbols(std::move(helpers)));
}

bool KernelModule::compile() {
  static unsigned number = 0;
  orc::LLJIT *jit = getJit();
  if (!jit)
    return false;
  auto fail = [&](Error error) {
    reportError("kernel module: " + toString(std::move(error)));
    return false;
  };
  auto created = jit->createJITDylib("kernels" + std::to_string(number++));
  if (!created)
    return fail(created.takeError());
  library = &*created;
  library->addToLinkOrder(*jit->getProcessSymbolsJITDylib());
  if (Error error = defineHelpers(*jit, *library))
    return fail(std::move(error));

  // Variables that accesses of unknown objects may hit.
  std::vector<std::pair<std::string, GlobalRange>> variables;
  for (GlobalVariable &variable : module->globals()) {
    if (variable.isDeclaration() || variable.getName().starts_with("llvm."))
      continue;
    uint64_t bytes =
        module->getDataLayout().getTypeAllocSize(variable.getValueType());
    variable.setLinkage(GlobalValue::ExternalLinkage);
    variable.setName("qfmt.variable." + std::to_string(variables.size()));
    variables.push_back(
        {variable.getName().str(), {0, bytes, variable.isConstant()}});
  }
  module->setTargetTriple(jit->getTargetTriple());
  numbers.clear();
  reachable.clear();
  blocking.clear();
  orc::ThreadSafeModule code(std::move(module), std::move(context));
  if (Error error = jit->addIRModule(*library, std::move(code)))
    return fail(std::move(error));
  for (auto &[name, range] : variables) {
    auto address = jit->lookup(*library, name);
    if (!address)
      return fail(address.takeError());
    range.begin = address->getValue();
    globals.push_back(range);
  }
  for (auto &entry : kernels) {
    auto address = jit->lookup(*library, "qfmt.enter." + entry.second.name);
    if (!address)
      return fail(address.takeError());
    entry.second.entry = address->toPtr<void (*)(void **)>();
  }
  return true;
}

const DataLayout *getHostLayout() {
  orc::LLJIT *jit = getJit();
  return jit ? &jit->getDataLayout() : nullptr;
}

KernelModule::~KernelModule() {
  orc::LLJIT *jit = library ? getJit() : nullptr;
  if (!jit)
    return;
  if (Error error = jit->getExecutionSession().removeJITDylib(*library))
    reportError("kernel module: " + toString(std::move(error)));
}

} // namespace mlir::qfmt::sim
