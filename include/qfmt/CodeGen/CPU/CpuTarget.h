// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What code generation for CPUs knows of its target: which instructions add up
// products of bytes, how many registers there are, and how large a cache.

#ifndef QFMT_CODEGEN_CPU_CPUTARGET_H
#define QFMT_CODEGEN_CPU_CPUTARGET_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::qfmt {

/// How four products of bytes become one 32-bit sum.
enum class DotInstructions {
  /// The best of those below that the target's features allow.
  Auto,
  /// AMX tiles where a product has enough rows, and Vnni512 elsewhere.
  Amx,
  /// AVX-512 VNNI: vpdpbusd on 64 bytes, unsigned times signed.
  Vnni512,
  /// AVX-VNNI, or AVX-512 VNNI and VL: vpdpbusd on 32 bytes.
  Vnni256,
  /// AVX-512 BW: bytes widened to 16 bits, vpmaddwd on 64 bytes; vpmaddubsw,
  /// which needs no widening but saturates sums of two products to 16 bits,
  /// where
  /// the constant factor keeps them small.
  Madd512,
  /// AVX2: the same on 32 bytes.
  Madd256,
  /// SSE2, and so every x86-64: the same on 16 bytes.
  Madd128,
  /// AArch64's dot products and matrix extension: usdot on 16 bytes, unsigned
  /// times signed, and sdot where both are signed.
  Usdot,
  /// AArch64's dot products: sdot on 16 bytes, signed times signed.
  Sdot,
  /// Multiplication and addition of 32-bit vectors, for every target of LLVM.
  Plain,
};

/// What a core does in a cycle at best. For estimates in remarks alone: no code
/// depends on it, which getTileGroupCycles and getVectorGroupCycles decide.
struct CycleRates {
  /// Products of bytes by vector instructions, and by tiles; of floats.
  int64_t products = 1, tileProducts = 1024, floatProducts = 1;
  /// Bytes read from the level-2 cache, and from beyond it.
  int64_t l2Bytes = 48, farBytes = 16;
};

struct CpuTarget {
  /// Neither Auto nor Amx.
  DotInstructions instructions = DotInstructions::Plain;
  /// AMX: registers of 16 rows of 64 bytes that multiply bytes of any signs.
  bool hasTiles = false;
  /// Vector registers of the width that `instructions` uses.
  int64_t numRegisters = 16;
  /// Numbers of 32 bits in a register for floats.
  int64_t floatLanes = 4;
  /// Bits of an index by which one or two instructions look up numbers of 32
  /// bits in registers; 0 if there are none.
  int64_t tableBits = 0;
  /// vpermi2b: looks up 64 bytes among 128 in registers.
  bool hasByteTables = false;
  /// Level-2 cache of one core.
  int64_t l2Bytes = int64_t(1) << 20;
  /// One instruction that multiplies a cycle, unless a user says otherwise.
  CycleRates rates;

  /// By LLVM's names of the target's features in the module's attribute
  /// `qfmt.target_features`; Plain if there is none. `instructions` other than
  /// Auto and `l2Bytes` other than 0 replace what would be chosen.
  static CpuTarget get(ModuleOp module, DotInstructions instructions,
                       int64_t l2Bytes);

  /// What a user says of `rates`, `products` of all kinds; 0 for what is known.
  void overrideRates(int64_t products, int64_t l2Bytes, int64_t farBytes);

  /// What has to be added to codes of 8 bits so that `instructions` can
  /// multiply them with signed bytes. It flips their highest bits, if it is not
  /// 0.
  int32_t getReadingOffset(bool isUnsigned, bool hasNarrowPairs = false) const;

  /// True if there are instructions for constant factors with narrow pairs: the
  /// magnitudes of two neighbouring terms of a column add up to at most 128.
  /// With codes u <= 255 the sum of two products is then at most 255 * 128,
  /// less than 2^15, and vpmaddubsw does not saturate.
  bool profitsFromNarrowPairs() const {
    return instructions == DotInstructions::Madd512 ||
           instructions == DotInstructions::Madd256;
  }

  /// True for a product of `rows` rows, which may be unknown, that is computed
  /// in AMX tiles. Those read codes as they are.
  bool usesTiles(int64_t rows) const;

  /// About how many cycles of a core with AMX pass for 16 x 16 sums of a group
  /// of so many terms, which are converted to floats, scaled and added up:
  /// multiplied in tiles, and by vpdpbusd. Nobody has measured them.
  double getTileGroupCycles(int64_t groupSize) const;
  double getVectorGroupCycles(int64_t groupSize) const;
  /// The part of these that vector units work on sums of tiles.
  double getGroupSumCycles() const;
  /// True for a product of `rows` rows in such groups that is computed in AMX
  /// tiles. With an unknown number of rows, most often one, it is not.
  bool usesTilesForGroups(int64_t rows, int64_t groupSize) const;
};

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_CPU_CPUTARGET_H
