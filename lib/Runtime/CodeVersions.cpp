// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CodeVersions.h"
#include "EntryPoints.h"
#include "VersionDispatch.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/MemoryBuffer.h"

namespace mlir::qfmt {

/// The name of the function that asks for the version.
static std::string getVersionName(StringRef name) {
  return (name + "_version").str();
}

bool isChosenAtRunTime(const LLVMProgram &program, StringRef name) {
  return program.module->getFunction(getVersionName(name)) != nullptr;
}

/// One version, whose function is `function`.
static FailureOr<LLVMProgram> generateVersion(ModuleOp module,
                                              const CompileOptions &options,
                                              StringRef function) {
  FailureOr<LLVMProgram> program = generateLLVMIR(module, options);
  if (failed(program) || failed(addCEntry(*program, function, module.getLoc())))
    return failure();
  optimizeProgram(*program, StringRef(function), options.optLevel);
  return program;
}

static FailureOr<LLVMProgram>
generateSingle(ModuleOp module, const CompileOptions &options, StringRef name) {
  FailureOr<LLVMProgram> program = generateVersion(module, options, name);
  if (failed(program) || !usesTiles(*program))
    return program;
  std::string function = (name + ".tiles").str();
  program->module->getFunction(name)->setName(function);
  addVersionDispatch(*program->module, name,
                     {CodeVersion{"amx", function, {}, /*usesTiles=*/true}});
  return program;
}

/// Moves the code of `from` to the module and context of `to`.
static LogicalResult link(Location loc, LLVMProgram &from, LLVMProgram &to) {
  SmallVector<char, 0> bitcode;
  llvm::raw_svector_ostream os(bitcode);
  llvm::WriteBitcodeToFile(*from.module, os);
  auto module = llvm::parseBitcodeFile(
      llvm::MemoryBufferRef(os.str(), "version"), *to.context);
  if (!module)
    return emitError(loc) << "cannot link two versions of the code: "
                          << llvm::toString(module.takeError());
  if (llvm::Linker::linkModules(*to.module, std::move(*module)))
    return emitError(loc) << "cannot link two versions of the code";
  return success();
}

/// "x86-64-v4+avx512vnni".
static FailureOr<CompileOptions> getVersionOptions(Location loc,
                                                   const CompileOptions &given,
                                                   StringRef version,
                                                   CodeVersion &result) {
  SmallVector<StringRef> parts;
  version.split(parts, '+');
  ArrayRef<StringRef> features = ArrayRef(parts).drop_front();
  CompileOptions options = given;
  options.cpu = parts.front().str();
  options.features.clear();
  for (StringRef feature : features)
    options.features += (options.features.empty() ? "+" : ",+") + feature.str();
  if (options.cpu.empty())
    return emitError(loc) << "the version '" << version
                          << "' begins with no processor's name";
  FailureOr<CpuidRequirement> requirement =
      getCpuidRequirement(loc, options.cpu, options.features);
  if (failed(requirement))
    return failure();
  result.name = version.str();
  result.requirement = std::move(*requirement);
  return options;
}

/// The first version that a machine can run is taken, so none may follow that
/// needs as much as it.
static LogicalResult checkLast(Location loc, ArrayRef<CodeVersion> versions) {
  const CodeVersion &last = versions.back();
  for (const CodeVersion &before : versions.drop_back()) {
    if (before.name == last.name)
      return emitError(loc) << "the version '" << last.name
                            << "' is there twice; name it once";
    if (includes(last.requirement, before.requirement))
      return emitError(loc)
             << "the version '" << last.name
             << "' would never be taken: each machine that can run it can run '"
             << before.name << "', which is before it; name the best first";
  }
  return success();
}

static FailureOr<LLVMProgram> generateVersions(ModuleOp module,
                                               const CompileOptions &options,
                                               StringRef name) {
  Location loc = module.getLoc();
  SmallVector<CodeVersion> versions;
  std::optional<LLVMProgram> result;
  ArrayRef<char> weights;
  for (const std::string &version : options.versions) {
    CodeVersion &next = versions.emplace_back();
    FailureOr<CompileOptions> own =
        getVersionOptions(loc, options, version, next);
    if (failed(own) || failed(checkLast(loc, versions)))
      return failure();
    own->sharedWeights = weights;
    next.function = (name + "." + Twine(versions.size())).str();
    FailureOr<LLVMProgram> program =
        generateVersion(module, *own, next.function);
    if (failed(program))
      return failure();
    if (!program->target->getTargetTriple().isX86_64() ||
        !program->target->getTargetTriple().isOSLinux())
      return emitError(loc) << "versions of the code are for x86-64 Linux";
    next.usesTiles = usesTiles(*program);
    weights = program->weights;
    if (!result)
      result = std::move(*program);
    else if (failed(link(loc, *program, *result)))
      return failure();
    result->weights = weights;
    if (result->weightsSymbol.empty())
      result->weightsSymbol = program->weightsSymbol;
  }
  addVersionDispatch(*result->module, name, versions);
  return std::move(*result);
}

FailureOr<LLVMProgram> generateCProgram(ModuleOp module,
                                        const CompileOptions &options,
                                        StringRef name) {
  return options.versions.empty() ? generateSingle(module, options, name)
                                  : generateVersions(module, options, name);
}

} // namespace mlir::qfmt
