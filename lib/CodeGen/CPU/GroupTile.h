// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// U x V * 16 sums of a product in groups, in registers:
//
//   U * V sums of f32
//   for each group
//     U * V * (accumulators of 16 columns) = what the offset of codes adds
//     for each 64 bytes of codes of V blocks
//       unpack them; for each field and row broadcast 4 bytes; add up
//     the body of the product on each 16 sums, with the group's scales
//
// A step of ProductLoops is a group. Codes are unpacked for U rows at once.

#ifndef QFMT_LIB_CODEGEN_CPU_GROUPTILE_H
#define QFMT_LIB_CODEGEN_CPU_GROUPTILE_H

#include "GroupedProduct.h"
#include "PackedConstants.h"
#include "ProductLoops.h"

namespace mlir::qfmt {

class GroupTile : public RegisterTile {
public:
  /// Emits what all tiles have in common.
  GroupTile(ImplicitLocOpBuilder &b, const GroupedProduct &product,
            const CpuTarget &target, const Epilogue &epilogue);

  /// True if the constant factor is packed and every other operand of the body
  /// can be read for 16 columns of a row.
  static bool isLegal(const GroupedProduct &product);

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
  /// What accumulators begin with. The correction may be null.
  Value emitStart(ImplicitLocOpBuilder &b, Value correction);
  SmallVector<Value> emitStep(ImplicitLocOpBuilder &b, const Rows &rows,
                              const Panel &panel, Value group, Value step,
                              SmallVector<Value> sums);
  Value loadTerms(ImplicitLocOpBuilder &b, Value row, Value group, Value step,
                  int64_t field);
  Value loadCodes(ImplicitLocOpBuilder &b, Value block, Value group, Value step,
                  int64_t part);
  /// An operand of the body other than the sums.
  Value loadOperand(ImplicitLocOpBuilder &b, OpOperand &operand, Value row,
                    Value block, Value group);

  const GroupedProduct &product;
  cpu::UnpackIntegersOp rhs;
  ByteDotProduct dot;
  int64_t numRegisters;
  /// M x groups x whole steps.
  Value lhs;
  /// M x groups: what the offset of the codes adds; null if there is none.
  Value corrections;
  int64_t numSteps, numFields;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_GROUPTILE_H
