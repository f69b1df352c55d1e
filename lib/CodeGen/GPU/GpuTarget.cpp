// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/GPU/GpuTarget.h"
#include "mlir/Dialect/AMDGPU/Utils/Chipset.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include <algorithm>

namespace mlir::qfmt {

/// PTX 8.0 has what kernels use, and what every chip up to sm_90a has.
static constexpr unsigned kNewestOfPtx80 = 90;
/// The oldest chip that LLVM and today's drivers have in common.
static constexpr unsigned kOldestChip = 50;

StringRef getName(GpuRuntime runtime) {
  switch (runtime) {
  case GpuRuntime::Cuda:
    return "cuda";
  case GpuRuntime::Sim:
    return "sim";
  case GpuRuntime::Vulkan:
    return "vulkan";
  case GpuRuntime::Rocm:
    return "rocm";
  }
  return "";
}

static StringRef getUsualChip(GpuRuntime runtime) {
  switch (runtime) {
  case GpuRuntime::Cuda:
  case GpuRuntime::Sim:
    return "sm_90";
  case GpuRuntime::Vulkan:
    return "vulkan1.1";
  case GpuRuntime::Rocm:
    return "gfx942";
  }
  return "";
}

constexpr llvm::StringLiteral kAmdTriple = "amdgcn-amd-amdhsa";
constexpr llvm::StringLiteral kNvidiaTriple = "nvptx64-nvidia-cuda";

/// What LLVM knows of a chip; null if it has no code generator for it.
static std::unique_ptr<llvm::MCSubtargetInfo>
createSubtarget(StringRef tripleName, StringRef chip) {
  static const bool once = [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargetMCs();
    return true;
  }();
  (void)once;
  llvm::Triple triple(tripleName);
  std::string error;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  return std::unique_ptr<llvm::MCSubtargetInfo>(
      target->createMCSubtargetInfo(triple, chip, ""));
}

/// LLVM's names of the chips of one of its targets.
static std::vector<std::string> getLLVMChips(StringRef tripleName) {
  std::vector<std::string> names;
  std::unique_ptr<llvm::MCSubtargetInfo> info = createSubtarget(tripleName, "");
  if (!info)
    return names;
  for (const llvm::SubtargetSubTypeKV &chip :
       info->getAllProcessorDescriptions())
    names.push_back(chip.Key);
  return names;
}

static std::vector<std::string> getKnownChips(GpuRuntime runtime) {
  if (runtime == GpuRuntime::Vulkan)
    return {"vulkan1.1", "vulkan1.3"};
  bool isRocm = runtime == GpuRuntime::Rocm;
  std::vector<std::string> names =
      getLLVMChips(isRocm ? kAmdTriple : kNvidiaTriple);
  llvm::erase_if(names, [&](const std::string &name) {
    // MLIR does not know LLVM's generic chips, gfx11-generic for example.
    if (isRocm)
      return failed(amdgpu::Chipset::parse(name));
    return !StringRef(name).starts_with("sm_");
  });
  return names;
}

static bool isTooOld(const GpuTarget &target) {
  unsigned capability = target.getComputeCapability();
  return capability != 0 && capability < kOldestChip;
}

/// The three most similar names of chips that are not too old, most similar
/// first.
static void keepMostSimilar(std::vector<std::string> &names, StringRef name) {
  llvm::erase_if(names, [](const std::string &known) {
    return isTooOld({GpuRuntime::Cuda, known});
  });
  std::sort(names.begin(), names.end(),
            [&](const std::string &a, const std::string &b) {
              return std::make_pair(name.edit_distance(a), a) <
                     std::make_pair(name.edit_distance(b), b);
            });
  names.resize(std::min<size_t>(names.size(), 3));
}

/// What the attribute says, if it is of a known runtime.
static std::optional<GpuTarget> parse(Attribute attribute) {
  auto dictionary = dyn_cast_or_null<DictionaryAttr>(attribute);
  if (!dictionary)
    return std::nullopt;
  auto runtime = dictionary.getAs<StringAttr>("runtime");
  auto chip = dictionary.getAs<StringAttr>("chip");
  if (!runtime || !chip)
    return std::nullopt;
  for (GpuRuntime known : {GpuRuntime::Cuda, GpuRuntime::Sim,
                           GpuRuntime::Vulkan, GpuRuntime::Rocm})
    if (runtime.getValue() == getName(known))
      return GpuTarget{known, chip.str()};
  return std::nullopt;
}

std::optional<GpuTarget> GpuTarget::get(Operation *op) {
  auto module = dyn_cast<ModuleOp>(op);
  if (!module)
    module = op->getParentOfType<ModuleOp>();
  return module ? parse(module->getAttr(kGpuTargetAttr)) : std::nullopt;
}

static LogicalResult verifyChip(Location loc, const GpuTarget &target) {
  StringRef runtime = getName(target.runtime);
  std::vector<std::string> known = getKnownChips(target.runtime);
  if (known.empty())
    return emitError(loc) << "this LLVM has no code generator for the runtime '"
                          << runtime << "'";
  if (!llvm::is_contained(known, target.chip)) {
    keepMostSimilar(known, target.chip);
    InFlightDiagnostic error =
        emitError(loc) << "'" << target.chip << "' is no chip of the runtime '"
                       << runtime << "'; the nearest are ";
    llvm::interleaveComma(known, error);
    return error;
  }
  if (isTooOld(target))
    return emitError(loc) << "'" << target.chip
                          << "' is too old: kernels need sm_" << kOldestChip
                          << " or newer";
  return success();
}

FailureOr<GpuTarget> GpuTarget::create(Location loc, GpuRuntime runtime,
                                       StringRef chip) {
  GpuTarget target{runtime,
                   chip.empty() ? getUsualChip(runtime).str() : chip.str()};
  if (failed(verifyChip(loc, target)))
    return failure();
  return target;
}

LogicalResult GpuTarget::verify(Operation *op, NamedAttribute attribute) {
  // Printing a module on an error would print its weights.
  if (attribute.getName() != kGpuTargetAttr || !isa<ModuleOp>(op))
    return emitError(op->getLoc())
           << "the attribute " << attribute.getName() << " of '"
           << op->getName() << "' means nothing; " << kGpuTargetAttr
           << " of a module does";
  if (std::optional<GpuTarget> target = parse(attribute.getValue()))
    return verifyChip(op->getLoc(), *target);
  return emitError(op->getLoc())
         << kGpuTargetAttr
         << " needs a chip and a runtime, which is cuda, sim, "
         << "vulkan or rocm, found " << attribute.getValue()
         << "; qfmt-set-gpu-target writes it";
}

void GpuTarget::set(ModuleOp module) const {
  Builder b(module.getContext());
  module->setAttr(
      kGpuTargetAttr,
      b.getDictionaryAttr(
          {b.getNamedAttr("runtime", b.getStringAttr(getName(runtime))),
           b.getNamedAttr("chip", b.getStringAttr(chip))}));
}

unsigned GpuTarget::getComputeCapability() const {
  StringRef name = chip;
  unsigned result = 0;
  if (!isNvvm() || !name.consume_front("sm_") ||
      name.consumeInteger(10, result))
    return 0;
  return result;
}

bool GpuTarget::hasAmdFeature(StringRef name) const {
  if (runtime != GpuRuntime::Rocm)
    return false;
  std::unique_ptr<llvm::MCSubtargetInfo> info =
      createSubtarget(kAmdTriple, chip);
  return info && info->checkFeatures(("+" + name).str());
}

bool GpuTarget::isArchSpecific() const {
  return isNvvm() && StringRef(chip).ends_with("a");
}

/// NVIDIA's numbers, CUDA's programming guide for shared memory and the data
/// sheets of A100, A40, L40S, H200, B200 and RTX 5090 for the rest.
struct ChipNumbers {
  unsigned capability;
  int64_t sharedBytes, processors;
  double memoryBytesPerCycle;
};

/// Of the chip itself, or the newest older one.
static const ChipNumbers &getChipNumbers(unsigned capability) {
  static constexpr int64_t kKiB = 1024;
  static const ChipNumbers numbers[] = {
      {0, 48 * kKiB, 40, 300},     {80, 163 * kKiB, 108, 1400},
      {86, 99 * kKiB, 84, 400},    {87, 163 * kKiB, 16, 150},
      {88, 99 * kKiB, 84, 400},    {89, 99 * kKiB, 142, 350},
      {90, 227 * kKiB, 132, 2600}, {100, 227 * kKiB, 148, 4200},
      {120, 99 * kKiB, 170, 750},
  };
  const ChipNumbers *found = &numbers[0];
  for (const ChipNumbers &chip : numbers)
    if (chip.capability <= capability)
      found = &chip;
  return *found;
}

int64_t GpuTarget::getSharedBytesPerBlock() const {
  return getChipNumbers(getComputeCapability()).sharedBytes;
}

int64_t GpuTarget::getNumProcessors() const {
  return getChipNumbers(getComputeCapability()).processors;
}

double GpuTarget::getMemoryBytesPerCycle() const {
  return getChipNumbers(getComputeCapability()).memoryBytesPerCycle;
}

StringRef GpuTarget::getFeatures() const {
  // sm_88 is younger than its number.
  unsigned capability = getComputeCapability();
  // Fences of tensor maps (8.3), wgmma of signed by unsigned bytes (8.4).
  if (isNvvm() && hasWgmma())
    return "+ptx84";
  if (isNvvm() && capability <= kNewestOfPtx80 && capability != 88)
    return "+ptx80";
  return "";
}

} // namespace mlir::qfmt
