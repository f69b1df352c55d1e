// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "TargetFeatures.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/SubtargetFeature.h"

namespace mlir::qfmt {

namespace {

/// Features that are part of the calling convention, or modes of the processor.
struct Convention {
  llvm::Triple::ArchType arch;
  SmallVector<StringRef> needed, excluded;
};

const Convention *getConvention(const llvm::Triple &triple) {
  using llvm::Triple;
  static const Convention conventions[] = {
      {Triple::x86_64,
       {"64bit-mode", "64bit", "sse2"},
       {"16bit-mode", "32bit-mode", "soft-float"}},
      {Triple::aarch64, {"fp-armv8", "neon"}, {}},
      {Triple::riscv64, {"64bit"}, {"32bit", "e", "zfinx"}},
      {Triple::ppc64le, {"hard-float", "altivec"}, {"aix", "spe"}},
      {Triple::loongarch64, {"64bit", "f", "d"}, {"32bit"}},
      {Triple::mips64el,
       {"gp64", "fp64"},
       {"soft-float", "single-float", "mips16", "micromips"}},
  };
  const auto *found = llvm::find_if(conventions, [&](const Convention &each) {
    return each.arch == triple.getArch();
  });
  return found == std::end(conventions) ? nullptr : found;
}

using Subtarget = std::unique_ptr<llvm::MCSubtargetInfo>;

/// Null if LLVM has no code generator. Warns about unknown names.
Subtarget makeSubtarget(const llvm::Triple &triple, StringRef cpu,
                        ArrayRef<std::string> features, std::string &whyNot) {
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, whyNot);
  return Subtarget(target ? target->createMCSubtargetInfo(
                                triple, cpu, llvm::join(features, ","))
                          : nullptr);
}

/// `table` is sorted by keys.
template <typename Entry>
const Entry *findEntry(ArrayRef<Entry> table, StringRef key) {
  const Entry *found = llvm::lower_bound(table, key);
  return found != table.end() && found->Key == key ? found : nullptr;
}

LogicalResult checkNames(Location loc, const llvm::Triple &triple,
                         const llvm::MCSubtargetInfo &known, StringRef cpu,
                         ArrayRef<std::string> given) {
  if (!known.isCPUStringValid(cpu))
    return emitError(loc) << "'" << cpu << "' is no processor of "
                          << triple.getArchName() << " that LLVM knows";
  for (StringRef name : given)
    if (!llvm::SubtargetFeatures::hasFlag(name) ||
        !findEntry(known.getAllProcessorFeatures(), name.drop_front()))
      return emitError(loc)
             << "'" << name << "' is no feature of " << triple.getArchName()
             << " that LLVM knows, with + or - before its name";
  return success();
}

} // namespace

void initializeTargets() {
  static const bool once = [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    // For the assembly that places the weights.
    llvm::InitializeAllAsmParsers();
    return true;
  }();
  (void)once;
}

LogicalResult checkTriple(Location loc, const llvm::Triple &triple) {
  if (!triple.isArch64Bit() || !triple.isLittleEndian() || triple.isX32() ||
      triple.getEnvironment() == llvm::Triple::GNUILP32 ||
      triple.getEnvironment() == llvm::Triple::GNUABIN32 ||
      triple.isWindowsArm64EC() || !getConvention(triple))
    return emitError(loc) << "cannot generate code for '" << triple.str()
                          << "': only for little-endian processors of 64 bits";
  initializeTargets();
  std::string whyNot;
  if (!makeSubtarget(triple, "", {}, whyNot))
    return emitError(loc) << "cannot generate code for '" << triple.str()
                          << "': " << StringRef(whyNot).rtrim(".\n");
  return success();
}

LogicalResult checkFeatures(Location loc, const llvm::Triple &triple,
                            StringRef cpu, ArrayRef<std::string> given,
                            ArrayRef<std::string> all) {
  initializeTargets();
  std::string whyNot;
  Subtarget known = makeSubtarget(triple, "", {}, whyNot);
  if (failed(checkNames(loc, triple, *known, cpu, given)))
    return failure();
  // What LLVM's code generator takes for it; the subtarget alone does not.
  bool isPlainPower = triple.getArch() == llvm::Triple::ppc64le &&
                      (cpu.empty() || cpu == "generic");
  Subtarget subtarget =
      makeSubtarget(triple, isPlainPower ? "ppc64le" : cpu, all, whyNot);
  auto fail = [&](StringRef feature, bool isNeeded) -> LogicalResult {
    InFlightDiagnostic error = emitError(loc)
                               << "code for " << triple.getArchName()
                               << (isNeeded ? " needs '" : " cannot have '")
                               << feature << "', which '" << cpu << "'";
    if (!given.empty())
      error << " with '" << llvm::join(given, ",") << "'";
    error << (isNeeded ? " has not" : " has")
          << "; choose another processor or other features";
    return failure();
  };
  const Convention &convention = *getConvention(triple);
  for (StringRef feature : convention.needed)
    if (!subtarget->checkFeatures(("+" + feature).str()))
      return fail(feature, /*isNeeded=*/true);
  for (StringRef feature : convention.excluded)
    if (!subtarget->checkFeatures(("-" + feature).str()))
      return fail(feature, /*isNeeded=*/false);
  return success();
}

SmallVector<StringRef> getInstructionFeatures(const llvm::Triple &triple,
                                              StringRef cpu,
                                              ArrayRef<std::string> features) {
  initializeTargets();
  std::string whyNot;
  Subtarget subtarget = makeSubtarget(triple, cpu, features, whyNot);
  llvm::FeatureBitset tuning;
  for (const llvm::SubtargetSubTypeKV &each :
       subtarget->getAllProcessorDescriptions())
    tuning |= each.TuneImplies.getAsBitset();
  SmallVector<StringRef> names;
  for (const llvm::SubtargetFeatureKV &feature :
       subtarget->getEnabledProcessorFeatures())
    if (!tuning.test(feature.Value))
      names.push_back(feature.Key);
  return names;
}

} // namespace mlir::qfmt
