// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/CPU/CpuTarget.h"
#include "mlir/IR/BuiltinTypes.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::qfmt {

static llvm::StringSet<> getFeatures(ModuleOp module) {
  llvm::StringSet<> features;
  if (auto names =
          module->getAttrOfType<ArrayAttr>(QFmtDialect::kTargetFeaturesAttr))
    for (auto name : names.getAsRange<StringAttr>())
      features.insert(name.getValue());
  return features;
}

static DotInstructions chooseInstructions(const llvm::StringSet<> &features) {
  if (features.contains("avx512vnni"))
    return DotInstructions::Vnni512;
  if (features.contains("avxvnni"))
    return DotInstructions::Vnni256;
  if (features.contains("avx512bw"))
    return DotInstructions::Madd512;
  if (features.contains("avx2"))
    return DotInstructions::Madd256;
  if (features.contains("sse2"))
    return DotInstructions::Madd128;
  if (features.contains("dotprod"))
    return features.contains("i8mm") ? DotInstructions::Usdot
                                     : DotInstructions::Sdot;
  return DotInstructions::Plain;
}

/// Of one instruction, or of a sequence that takes a cycle at best.
static int64_t getProducts(DotInstructions instructions) {
  switch (instructions) {
  case DotInstructions::Auto:
  case DotInstructions::Amx:
  case DotInstructions::Vnni512:
    return 64;
  case DotInstructions::Vnni256:
  case DotInstructions::Madd512:
    return 32;
  case DotInstructions::Madd256:
  case DotInstructions::Usdot:
  case DotInstructions::Sdot:
    return 16;
  case DotInstructions::Madd128:
    return 8;
  case DotInstructions::Plain:
    break;
  }
  return 4;
}

CpuTarget CpuTarget::get(ModuleOp module, DotInstructions instructions,
                         int64_t l2Bytes) {
  llvm::StringSet<> features = getFeatures(module);
  CpuTarget target;
  target.instructions = instructions;
  if (instructions == DotInstructions::Auto) {
    target.instructions = chooseInstructions(features);
    target.hasTiles =
        features.contains("amx-int8") && features.contains("amx-tile");
  } else if (instructions == DotInstructions::Amx) {
    target.instructions = DotInstructions::Vnni512;
    target.hasTiles = true;
  }
  bool is512 = target.instructions == DotInstructions::Vnni512 ||
               target.instructions == DotInstructions::Madd512;
  // AVX-512 VL has 32 registers of 256 bits, too; so has AArch64 of 128.
  if (is512 || features.contains("avx512vl") || features.contains("neon"))
    target.numRegisters = 32;
  if (features.contains("avx"))
    target.floatLanes = 8;
  // vpermd; with AVX-512 vpermi2d, and two of them and a blend for 6 bits.
  if (features.contains("avx2"))
    target.tableBits = 3;
  if (features.contains("avx512f")) {
    target.floatLanes = 16;
    target.tableBits = 6;
    target.hasByteTables = features.contains("avx512vbmi");
  }
  if (l2Bytes != 0)
    target.l2Bytes = l2Bytes;
  target.rates.products = getProducts(target.instructions);
  target.rates.floatProducts = target.floatLanes;
  return target;
}

void CpuTarget::overrideRates(int64_t products, int64_t l2Bytes,
                              int64_t farBytes) {
  if (products != 0)
    rates.products = rates.tileProducts = rates.floatProducts = products;
  if (l2Bytes != 0)
    rates.l2Bytes = l2Bytes;
  if (farBytes != 0)
    rates.farBytes = farBytes;
}

int32_t CpuTarget::getReadingOffset(bool isUnsigned,
                                    bool hasNarrowPairs) const {
  switch (instructions) {
  case DotInstructions::Amx:
  case DotInstructions::Vnni512:
  case DotInstructions::Vnni256:
    return isUnsigned ? 0 : 128;
  case DotInstructions::Sdot:
    return isUnsigned ? -128 : 0;
  case DotInstructions::Madd512:
  case DotInstructions::Madd256:
    return hasNarrowPairs && !isUnsigned ? 128 : 0;
  case DotInstructions::Auto:
  case DotInstructions::Madd128:
  case DotInstructions::Usdot:
  case DotInstructions::Plain:
    break;
  }
  return 0;
}

bool CpuTarget::usesTiles(int64_t rows) const {
  // Fewer rows than a tile has are done sooner without tiles: 16 vpdpbusd take
  // about as long as one tdpbusd.
  return hasTiles && (ShapedType::isDynamic(rows) || rows >= 16);
}

/// What a core with AMX begins in a cycle: vector instructions of 512 bits,
/// loads and stores of as many. A product of tiles takes a cycle for each row.
constexpr double kVectorsPerCycle = 2, kLoadsPerCycle = 2, kStoresPerCycle = 1;
/// Rows of a tile, and its bytes.
constexpr int64_t kTileRows = 16, kTileTerms = 64;
/// A conversion, a multiplication and an addition for each row.
constexpr double kVectorsPerSum = 3;
/// Sums stay in registers over so many groups (AmxGroupTile).
constexpr double kGroupsPerChunk = 2;

double CpuTarget::getGroupSumCycles() const {
  return kTileRows * kVectorsPerSum / kVectorsPerCycle;
}

double CpuTarget::getTileGroupCycles(int64_t groupSize) const {
  int64_t tiles = llvm::divideCeil(groupSize, kTileTerms);
  double products = double(tiles * kTileRows);
  // Rows of factors, each for two products; of integers; of sums.
  double sums = kTileRows / kGroupsPerChunk;
  double loads = double(tiles * kTileRows) + double(kTileRows) + sums;
  double stores = double(kTileRows) + sums;
  return std::max({products, getGroupSumCycles(), loads / kLoadsPerCycle,
                   stores / kStoresPerCycle});
}

double CpuTarget::getVectorGroupCycles(int64_t groupSize) const {
  // Four terms of 16 columns by an instruction.
  double dots = double(kTileRows * llvm::divideCeil(groupSize, 4));
  return (dots + kTileRows * kVectorsPerSum) / kVectorsPerCycle;
}

bool CpuTarget::usesTilesForGroups(int64_t rows, int64_t groupSize) const {
  if (!usesTiles(rows) || ShapedType::isDynamic(rows))
    return false;
  // Rows fill up whole tiles.
  double tileRows = double(llvm::alignTo(rows, kTileRows));
  return tileRows * getTileGroupCycles(groupSize) <
         double(rows) * getVectorGroupCycles(groupSize);
}

} // namespace mlir::qfmt
