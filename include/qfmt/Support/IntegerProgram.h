//===- IntegerProgram.h - Straight-line integer code ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A function of integers as straight-line code: additions, products, shifts,
// minimum and maximum, leading zeros and table look-ups. No division, no
// branches, no overflow. Built once, it is evaluated here and emitted as IR by
// whoever needs it: both read the same list of instructions.
//
// Every value has a range that is proven when the instruction is added (by
// interval arithmetic, or by an argument written next to `assume`). It says
// which width an emitter may choose: every value fits 64 bits, the operands of
// every product fit 32.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_INTEGERPROGRAM_H
#define QFMT_SUPPORT_INTEGERPROGRAM_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <string>
#include <vector>

namespace mlir::qfmt {

class IntegerProgram {
public:
  /// Values are 64-bit two's complement integers; "exact" is what the ranges
  /// guarantee.
  enum class Opcode {
    Input,        ///< argument `immediate`
    Constant,     ///< immediate
    Add,          ///< lhs + rhs, exact
    Subtract,     ///< lhs - rhs, exact
    Multiply,     ///< lhs * rhs, exact; both operands fit signed 32 bits
    ShiftLeft,    ///< lhs * 2^rhs, exact; 0 <= rhs <= 63
    ShiftRight,   ///< floor(lhs / 2^rhs); 0 <= rhs <= 63
    And,          ///< lhs & rhs (two's complement)
    Minimum,      ///< min(lhs, rhs)
    Maximum,      ///< max(lhs, rhs)
    LeadingZeros, ///< zeros before the first one of lhs's 64 bits; 64 for 0
    Lookup,       ///< tables[immediate][lhs]; lhs is a valid index
  };

  struct Range {
    int64_t lo, hi;

    bool contains(int64_t value) const { return lo <= value && value <= hi; }
    bool isWithin(Range other) const {
      return other.lo <= lo && hi <= other.hi;
    }
    /// Within [-2^(bits-1), 2^(bits-1) - 1].
    bool fitsSigned(unsigned bits) const;
    int64_t getMagnitude() const;
  };

  /// An instruction is named by its position.
  using Value = unsigned;

  struct Instruction {
    Opcode opcode;
    /// Earlier instructions; rhs is unused by unary opcodes.
    Value lhs = 0, rhs = 0;
    int64_t immediate = 0;
    /// Holds whenever the inputs are in their ranges.
    Range range = {0, 0};
  };

  llvm::ArrayRef<Instruction> getInstructions() const { return instructions; }
  /// Every entry fits 64 bits; Lookup's range covers its table.
  llvm::ArrayRef<std::vector<int64_t>> getTables() const { return tables; }
  llvm::ArrayRef<Value> getResults() const { return results; }
  unsigned getNumInputs() const { return numInputs; }
  Range getInputRange(unsigned input) const;
  Range getResultRange(unsigned result = 0) const;
  /// Instructions other than inputs and constants.
  unsigned countOperations() const;
  unsigned countOperations(Opcode opcode) const;

  /// The results. Inputs must lie in their ranges (asserted). With
  /// `rangesHold`, it is set to whether every value was in its range.
  llvm::SmallVector<int64_t> evaluate(llvm::ArrayRef<int64_t> inputs,
                                      bool *rangesHold = nullptr) const;
  /// For programs of one input: the first result.
  int64_t evaluate(int64_t input) const;

private:
  friend class IntegerProgramBuilder;

  std::vector<Instruction> instructions;
  std::vector<std::vector<int64_t>> tables;
  llvm::SmallVector<Value> results;
  unsigned numInputs = 0;
};

/// Appends instructions, folds constants and neutral operands, and proves
/// ranges. What cannot be proven to fit makes the builder fail, not the
/// program wrong: after a failure all is ignored and `finish` returns nothing.
class IntegerProgramBuilder {
public:
  using Value = IntegerProgram::Value;
  using Range = IntegerProgram::Range;
  using Opcode = IntegerProgram::Opcode;

  Value addInput(Range range);
  Value addConstant(int64_t value);
  Value add(Value lhs, Value rhs);
  Value addImmediate(Value lhs, int64_t rhs) {
    return add(lhs, addConstant(rhs));
  }
  Value subtract(Value lhs, Value rhs);
  Value multiply(Value lhs, Value rhs);
  Value shiftLeft(Value lhs, Value amount);
  Value shiftLeftBy(Value lhs, unsigned amount) {
    return shiftLeft(lhs, addConstant(amount));
  }
  /// A shift whose result the caller proves to lie in `range`, such as a
  /// normalisation by leading zeros.
  Value shiftLeftInto(Value lhs, Value amount, Range range);
  Value shiftRight(Value lhs, Value amount);
  Value shiftRightBy(Value lhs, unsigned amount) {
    return shiftRight(lhs, addConstant(amount));
  }
  /// floor(lhs / 2^amount + 1/2): an addition and a shift.
  Value roundingShiftRightBy(Value lhs, unsigned amount);
  /// The same by a value of 0 ... 63: 2^amount >> 1 is added before.
  Value roundingShiftRight(Value lhs, Value amount);
  /// floor(lhs / divisor) by a product and a shift, for 0 <= lhs < 2^29 and
  /// 1 <= divisor < 2^30; the range is that of the quotient.
  Value divideBy(Value lhs, int64_t divisor);
  Value bitAnd(Value lhs, int64_t mask);
  Value minimum(Value lhs, Value rhs);
  Value maximum(Value lhs, Value rhs);
  Value clamp(Value value, Range range);
  Value leadingZeros(Value value);
  Value lookup(Value index, std::vector<int64_t> table);

  /// Narrows a range by an argument that intervals cannot follow. The caller
  /// writes the argument down.
  void assume(Value value, Range range);

  /// The instructions of `program` on `inputs`, whose ranges must lie in those
  /// of its inputs. Its results here.
  llvm::SmallVector<Value> append(const IntegerProgram &program,
                                  llvm::ArrayRef<Value> inputs);

  Range getRange(Value value) const {
    return program.instructions[value].range;
  }
  bool hasFailed() const { return !failure.empty(); }
  /// What could not be proven.
  const std::string &getFailure() const { return failure; }

  /// The program that computes `results`, without dead instructions.
  IntegerProgram finish(llvm::ArrayRef<Value> results);

private:
  Value push(IntegerProgram::Instruction instruction);
  /// `lo`, `hi`: the exact interval. Fails if it does not fit 64 bits.
  Value push(Opcode opcode, Value lhs, Value rhs, __int128 lo, __int128 hi);
  bool isConstant(Value value, int64_t constant) const;
  Value fail(llvm::StringRef reason);

  IntegerProgram program;
  std::string failure;
};

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_INTEGERPROGRAM_H
