//===- ScalarBody.h - A body of scalar operations, resolved once -*- C++ -*-==//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block whose arguments and results are scalars, as linalg operations,
// tensor.generate and tensor.pad have it, is resolved once to a flat list of
// instructions on registers and then run for every point:
//
//   registers:  [block arguments | linalg.index 0 ... | constants, captured
//                scalars and results of instructions]
//
// A body with an operation that is not one on scalars (an scf.if, say) is
// interpreted operation by operation instead, which is slow and rare.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_REFERENCE_SCALARBODY_H
#define QFMT_LIB_REFERENCE_SCALARBODY_H

#include "Frame.h"
#include "ScalarOps.h"

namespace mlir::qfmt::reference {

/// Registers 0, 1, ... for the operands, and on for the results.
SmallVector<unsigned> getConsecutiveRegisters(Operation *op);

/// One instruction a result of `op`, which must have a scalar emitter.
/// `registers` are those of the operands (tensor operands have an unused one),
/// then those of the results. Fails with a diagnostic.
FailureOr<SmallVector<Instruction>>
emitInstructions(Operation *op, ArrayRef<unsigned> registers);

/// Reports that the kernel of `instruction` returned false.
LogicalResult emitUndefined(const Instruction &instruction,
                            ArrayRef<Scalar> registers);

class ScalarBody {
public:
  /// `numIndices` loop indices are available to linalg.index. The frame must
  /// outlive the body.
  static FailureOr<ScalarBody> resolve(Block &block, unsigned numIndices,
                                       Frame &frame);

  /// Where argument and loop index number i are to be put before run().
  unsigned getArgumentRegister(unsigned i) const { return i; }
  unsigned getIndexRegister(unsigned i) const {
    return block->getNumArguments() + i;
  }
  bool usesIndices() const { return hasIndices; }
  Scalar *getRegisters() { return registers.data(); }
  /// Where the operands of the terminator are after run().
  ArrayRef<unsigned> getResultRegisters() const { return results; }

  /// Fails with a diagnostic.
  LogicalResult run() {
    if (!isFlat)
      return interpret();
    Scalar *r = registers.data();
    for (const Instruction *i = instructions.data(),
                           *end = i + instructions.size();
         i != end; ++i)
      if (LLVM_UNLIKELY(!i->kernel(*i, r)))
        return emitUndefined(*i, registers);
    return success();
  }

private:
  ScalarBody(Block &block, unsigned numIndices, Frame &frame)
      : block(&block), numIndices(numIndices), frame(&frame) {}

  LogicalResult interpret();
  unsigned addRegister(mlir::Value value);
  FailureOr<unsigned> lookupOrCapture(mlir::Value value);
  bool canFlatten() const;
  LogicalResult flatten();
  LogicalResult flatten(Operation &op);

  Block *block;
  unsigned numIndices;
  Frame *frame;
  bool isFlat = true, hasIndices = false;
  std::vector<Scalar> registers;
  std::vector<Instruction> instructions;
  SmallVector<unsigned> results;
  DenseMap<mlir::Value, unsigned> registerOf;
};

} // namespace mlir::qfmt::reference

#endif // QFMT_LIB_REFERENCE_SCALARBODY_H
