//===- CodeGenerator.cpp - From a module to machine code ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Runtime/CodeGenerator.h"
#include "HugePages.h"
#include "TargetFeatures.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "qfmt/CodeGen/Threads/Passes.h"
#include "qfmt/Conversion/Weights.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::qfmt {

/// Hypervisors mask CPU models: LLVM then sees the features of one processor
/// under the name of an older one, and schedules for that.
static void correctCPU(llvm::orc::JITTargetMachineBuilder &builder) {
  auto has = [&](StringRef feature) {
    return llvm::is_contained(builder.getFeatures().getFeatures(),
                              ("+" + feature).str());
  };
  if (has("amx-int8") && has("avx512fp16"))
    builder.setCPU("sapphirerapids");
}

/// The processor and features of `options`.
static FailureOr<llvm::orc::JITTargetMachineBuilder>
createTargetBuilder(Location loc, const CompileOptions &options) {
  if (!options.triple.empty()) {
    llvm::Triple triple(llvm::Triple::normalize(options.triple));
    if (failed(checkTriple(loc, triple)))
      return failure();
    llvm::orc::JITTargetMachineBuilder builder(triple);
    builder.setCPU(options.cpu.empty() ? "generic" : options.cpu);
    return builder;
  }
  auto builder = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return emitError(loc) << "cannot detect this machine's processor: "
                          << llvm::toString(builder.takeError());
  correctCPU(*builder);
  if (!options.cpu.empty()) {
    builder->setCPU(options.cpu);
    builder->getFeatures() = llvm::SubtargetFeatures();
  }
  return std::move(*builder);
}

static FailureOr<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(Location loc, const CompileOptions &options) {
  initializeTargets();
  FailureOr<llvm::orc::JITTargetMachineBuilder> builder =
      createTargetBuilder(loc, options);
  if (failed(builder))
    return failure();
  std::vector<std::string> given =
      llvm::SubtargetFeatures(options.features).getFeatures();
  builder->addFeatures(given);
  if (failed(checkFeatures(loc, builder->getTargetTriple(), builder->getCPU(),
                           given, builder->getFeatures().getFeatures())))
    return failure();
  builder->setRelocationModel(llvm::Reloc::PIC_);
  builder->setCodeModel(llvm::CodeModel::Small);
  builder->setCodeGenOptLevel(llvm::CodeGenOpt::getLevel(options.optLevel)
                                  .value_or(llvm::CodeGenOptLevel::Default));
  auto target = builder->createTargetMachine();
  if (!target)
    return emitError(loc) << "cannot generate code for '"
                          << builder->getTargetTriple().str()
                          << "': " << llvm::toString(target.takeError());
  return std::move(*target);
}

/// Keeps the entry callable, lets everything else be inlined or dropped.
static FailureOr<func::FuncOp> prepareEntry(ModuleOp module,
                                            const std::string &name) {
  auto entry = module.lookupSymbol<func::FuncOp>(name);
  if (!entry || entry.isExternal()) {
    InFlightDiagnostic error = module.emitError()
                               << "no function '" << name << "' with a body";
    SmallVector<StringRef> names;
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isExternal())
        names.push_back(function.getSymName());
    if (!names.empty())
      error << "; the module has " << llvm::join(names, ", ");
    return error;
  }
  for (auto function : module.getOps<func::FuncOp>())
    function.setPrivate();
  entry.setPublic();
  entry->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                 UnitAttr::get(module.getContext()));
  return entry;
}

/// The entry calls functions beside it; pipelines leave modules within alone.
static void dropNestedModules(ModuleOp module) {
  for (auto nested : llvm::make_early_inc_range(module.getOps<ModuleOp>()))
    nested.erase();
}

/// Compiled code counts bytes in 64 bits.
static LogicalResult verifyTensorSizes(ModuleOp module) {
  auto overflows = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || !tensor.hasStaticShape() ||
        llvm::is_contained(tensor.getShape(), 0))
      return false;
    // No element takes more.
    int64_t bytes = 8;
    return llvm::any_of(tensor.getShape(), [&](int64_t size) {
      return bool(llvm::MulOverflow(bytes, size, bytes));
    });
  };
  WalkResult result = module.walk([&](Operation *op) -> WalkResult {
    SmallVector<Type> types(op->getResultTypes());
    if (auto function = dyn_cast<FunctionOpInterface>(op))
      llvm::append_range(types, function.getArgumentTypes());
    auto *found = llvm::find_if(types, overflows);
    if (found == types.end())
      return WalkResult::advance();
    return emitError(op->getLoc())
           << "'" << op->getName() << "' has a tensor of type " << *found
           << ", which takes more than 2^63 bytes";
  });
  return failure(result.wasInterrupted());
}

/// Translation warns about each attribute that it does not know. Those of
/// other dialects than LLVM's have served their purpose.
static void dropForeignAttributes(ModuleOp module) {
  auto getForeignNames = [](ArrayRef<NamedAttribute> attributes) {
    SmallVector<StringAttr> names;
    for (NamedAttribute attribute : attributes)
      if (!attribute.getName().strref().starts_with("llvm."))
        names.push_back(attribute.getName());
    return names;
  };
  for (auto function : module.getOps<FunctionOpInterface>()) {
    for (unsigned i = 0, e = function.getNumArguments(); i < e; ++i)
      for (StringAttr name : getForeignNames(function.getArgAttrs(i)))
        function.removeArgAttr(i, name);
    for (unsigned i = 0, e = function.getNumResults(); i < e; ++i)
      for (StringAttr name : getForeignNames(function.getResultAttrs(i)))
        function.removeResultAttr(i, name);
  }
}

/// Tells the lowering what the target's processor can do.
static void setTargetFeatures(ModuleOp module,
                              const llvm::TargetMachine &target) {
  SmallVector<StringRef> names;
  for (const llvm::SubtargetFeatureKV &feature :
       target.getMCSubtargetInfo()->getEnabledProcessorFeatures())
    names.push_back(feature.Key);
  module->setAttr(QFmtDialect::kTargetFeaturesAttr,
                  Builder(module.getContext()).getStrArrayAttr(names));
}

FailureOr<LLVMProgram> generateLLVMIR(ModuleOp source,
                                      const CompileOptions &options) {
  LLVMProgram program;
  if (failed(verifyTensorSizes(source)))
    return failure();
  OwningOpRef<ModuleOp> module(source.clone());
  FailureOr<func::FuncOp> entry = prepareEntry(*module, options.entry);
  if (failed(entry))
    return failure();
  dropNestedModules(*module);
  FailureOr<FunctionSignature> signature = FunctionSignature::get(*entry);
  if (failed(signature))
    return failure();
  program.signature = std::move(*signature);

  auto target = createTargetMachine(source.getLoc(), options);
  if (failed(target))
    return failure();
  program.target = std::move(*target);
  setTargetFeatures(*module, *program.target);
  if (!options.sharedWeights.empty())
    setWeights(*module, kWeightsSymbol, options.sharedWeights);
  PassManager pm(module->getContext(), ModuleOp::getOperationName());
  if (options.threads != 0)
    pm.addPass(createSetThreads({options.threads}));
  options.lowering(pm);
  if (failed(pm.run(*module)))
    return failure();
  (*module)->removeAttr(QFmtDialect::kTargetFeaturesAttr);

  if (std::optional<Weights> weights = getWeights(*module)) {
    program.weights = weights->bytes;
    program.weightsSymbol = weights->symbol.str();
    (*module)->removeAttr(QFmtDialect::kWeightsAttr);
  }
  dropForeignAttributes(*module);
  program.context = std::make_unique<llvm::LLVMContext>();
  program.module =
      translateModuleToLLVMIR(*module, *program.context, options.entry);
  if (!program.module)
    return failure();
  program.module->setTargetTriple(program.target->getTargetTriple());
  program.module->setDataLayout(program.target->createDataLayout());
  useHugePages(*program.module);
  return program;
}

bool usesTiles(const LLVMProgram &program) {
  // The type of tiles is that of nothing else.
  return llvm::any_of(*program.module, [](const llvm::Function &function) {
    return function.isIntrinsic() &&
           (function.getReturnType()->isX86_AMXTy() ||
            llvm::any_of(function.args(), [](const llvm::Argument &argument) {
              return argument.getType()->isX86_AMXTy();
            }));
  });
}

void optimizeProgram(LLVMProgram &program, ArrayRef<StringRef> names,
                     unsigned optLevel) {
  for (llvm::Function &function : *program.module) {
    if (function.isDeclaration())
      continue;
    if (!llvm::is_contained(names, function.getName()))
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
    function.addFnAttr("target-cpu", program.target->getTargetCPU());
    function.addFnAttr("target-features",
                       program.target->getTargetFeatureString());
    // LLVM avoids 512-bit vectors on some processors for the sake of mixed
    // code; whole kernels are better off with them.
    function.addFnAttr("prefer-vector-width", "512");
  }

  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = true;
  tuning.LoopInterleaving = true;
  llvm::PassBuilder builder(program.target.get(), tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  const llvm::OptimizationLevel levels[] = {
      llvm::OptimizationLevel::O0, llvm::OptimizationLevel::O1,
      llvm::OptimizationLevel::O2, llvm::OptimizationLevel::O3};
  llvm::OptimizationLevel level = levels[std::min(optLevel, 3u)];
  llvm::ModulePassManager passes =
      optLevel == 0 ? builder.buildO0DefaultPipeline(level)
                    : builder.buildPerModuleDefaultPipeline(level);
  passes.run(*program.module, modules);
}

LogicalResult emitMachineCode(LLVMProgram &program, llvm::CodeGenFileType type,
                              llvm::raw_pwrite_stream &os) {
  // At level 0 the code generator of LLVM 22 crashes on tiles that a loop
  // carries.
  if (usesTiles(program) &&
      program.target->getOptLevel() == llvm::CodeGenOptLevel::None)
    program.target->setOptLevel(llvm::CodeGenOptLevel::Less);
  llvm::legacy::PassManager passes;
  if (program.target->addPassesToEmitFile(passes, os, nullptr, type)) {
    llvm::errs() << "error: the target "
                 << program.target->getTargetTriple().str()
                 << " cannot emit this kind of file\n";
    return failure();
  }
  passes.run(*program.module);
  return success();
}

} // namespace mlir::qfmt
