// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// U x V * 16 sums of a product in groups, in registers:
//
//   U * V sums of f32
//   for each group
//     U * V * (accumulators of 16 columns) = what the offsets of codes add
//     for each 64 bytes of codes of V blocks
//       unpack them; for each field and row broadcast 4 bytes; add up
//     the body of the product on each 16 sums, with the group's scales
//
// A step of ProductLoops is a group. Codes are unpacked for U rows at once.

#ifndef QFMT_LIB_CODEGEN_CPU_GROUPTILE_H
#define QFMT_LIB_CODEGEN_CPU_GROUPTILE_H

#include "PackedConstants.h"
#include "ProductLoops.h"
#include "qfmt/CodeGen/Products/GroupedProduct.h"

namespace mlir::qfmt {

class GroupTile : public RegisterTile {
public:
  /// Emits what all tiles have in common.
  GroupTile(ImplicitLocOpBuilder &b, const GroupedProduct &product,
            const CpuTarget &target, const Epilogue &epilogue);

  static Blocking chooseBlocking(const CpuTarget &target,
                                 const GroupedProduct &product);

protected:
  SmallVector<Value> emitSums(ImplicitLocOpBuilder &b, const Rows &rows,
                              const Panel &panel, const Part &part,
                              Start start) override;

private:
  /// By row, then by block.
  SmallVector<Value> emitGroup(ImplicitLocOpBuilder &b, const Rows &rows,
                               const Panel &panel, Value group,
                               SmallVector<Value> sums);
  SmallVector<Value> emitIntegers(ImplicitLocOpBuilder &b, const Rows &rows,
                                  const Panel &panel, Value group);
  /// True if there are registers for as many sums as a byte has codes. Codes
  /// then need no shifts: those of field f are added up times 2^(f * bits).
  bool hasFieldSums(const Rows &rows, const Panel &panel) const;
  /// True if each column has a number of its own to add to codes.
  bool addsNumbers() const;
  /// What has to be added to the sums of a row and a block, a scalar or a
  /// vector of 16 columns; null if it is nothing. `ofColumns` is what the group
  /// says for these.
  Value emitCorrection(ImplicitLocOpBuilder &b, Value row, Value group,
                       Value ofColumns);
  /// True if accumulators can begin with a correction.
  bool startsWith(Value correction) const;
  Value emitStart(ImplicitLocOpBuilder &b, Value correction);
  /// `ofColumns`: what the group says for the columns of each block, or nulls.
  SmallVector<Value> emitStep(ImplicitLocOpBuilder &b, const Rows &rows,
                              const Panel &panel, Value group, Value step,
                              ArrayRef<Value> ofColumns,
                              SmallVector<Value> sums);
  /// A block's codes as the dot product's right factor.
  Value emitRight(ImplicitLocOpBuilder &b, Value codes, int64_t field,
                  bool inPlace, Value ofGroups);
  Value loadTerms(ImplicitLocOpBuilder &b, Value row, Value group, Value step,
                  int64_t field);
  Value loadCodes(ImplicitLocOpBuilder &b, Value block, Value group, Value step,
                  int64_t part);
  /// What a group says for 16 columns; null if it says nothing.
  Value loadGroupBytes(ImplicitLocOpBuilder &b, Value block, Value group);

  const GroupedProduct &product;
  cpu::UnpackIntegersOp rhs;
  ByteDotProduct dot;
  int64_t numRegisters;
  /// M x groups x whole steps.
  Value lhs;
  /// M x groups: what the offset of the codes adds, or, where each column has
  /// one of its own, the sums of the first factor; null if there is none.
  Value corrections;
  int64_t numSteps, numFields;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_GROUPTILE_H
