//===- IntegerProgram.cpp - Straight-line integer code --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/IntegerProgram.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cassert>
#include <limits>

using namespace mlir::qfmt;

using Value = IntegerProgram::Value;
using Range = IntegerProgram::Range;
using Opcode = IntegerProgram::Opcode;
using Instruction = IntegerProgram::Instruction;

bool Range::fitsSigned(unsigned bits) const {
  int64_t largest = int64_t((uint64_t(1) << (bits - 1)) - 1);
  return lo >= -largest - 1 && hi <= largest;
}

int64_t Range::getMagnitude() const {
  constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();
  return std::max(lo < -kLargest ? kLargest : std::abs(lo),
                  hi < -kLargest ? kLargest : std::abs(hi));
}

Range IntegerProgram::getInputRange(unsigned input) const {
  assert(input < numInputs);
  // Inputs come first.
  return instructions[input].range;
}

Range IntegerProgram::getResultRange(unsigned result) const {
  return instructions[results[result]].range;
}

unsigned IntegerProgram::countOperations() const {
  return llvm::count_if(instructions, [](const Instruction &instruction) {
    return instruction.opcode != Opcode::Input &&
           instruction.opcode != Opcode::Constant;
  });
}

unsigned IntegerProgram::countOperations(Opcode opcode) const {
  return llvm::count_if(instructions, [&](const Instruction &instruction) {
    return instruction.opcode == opcode;
  });
}

/// One instruction on the values of its operands. Arithmetic is modulo 2^64, so
/// that values out of range (which an assertion or a test reports) are no
/// undefined behaviour here.
static int64_t apply(Opcode opcode, int64_t lhs, int64_t rhs) {
  switch (opcode) {
  case Opcode::Add:
    return int64_t(uint64_t(lhs) + uint64_t(rhs));
  case Opcode::Subtract:
    return int64_t(uint64_t(lhs) - uint64_t(rhs));
  case Opcode::Multiply:
    return int64_t(uint64_t(lhs) * uint64_t(rhs));
  case Opcode::ShiftLeft:
    return int64_t(uint64_t(lhs) << (rhs & 63));
  case Opcode::ShiftRight:
    return lhs >> (rhs & 63);
  case Opcode::And:
    return lhs & rhs;
  case Opcode::Minimum:
    return std::min(lhs, rhs);
  case Opcode::Maximum:
    return std::max(lhs, rhs);
  case Opcode::LeadingZeros:
    return llvm::countl_zero(uint64_t(lhs));
  case Opcode::Input:
  case Opcode::Constant:
  case Opcode::Lookup:
    break;
  }
  llvm_unreachable("has no operands");
}

llvm::SmallVector<int64_t>
IntegerProgram::evaluate(llvm::ArrayRef<int64_t> inputs,
                         bool *rangesHold) const {
  assert(inputs.size() == numInputs);
  llvm::SmallVector<int64_t, 64> values;
  bool holds = true;
  for (const Instruction &instruction : instructions) {
    int64_t value = 0;
    switch (instruction.opcode) {
    case Opcode::Input:
      value = inputs[instruction.immediate];
      assert((rangesHold || instruction.range.contains(value)) &&
             "input out of range");
      break;
    case Opcode::Constant:
      value = instruction.immediate;
      break;
    case Opcode::Lookup: {
      const std::vector<int64_t> &table = tables[instruction.immediate];
      int64_t index = values[instruction.lhs];
      bool isValid = index >= 0 && index < int64_t(table.size());
      assert((rangesHold || isValid) && "index out of range");
      holds &= isValid;
      value = isValid ? table[index] : 0;
      break;
    }
    default:
      value = apply(instruction.opcode, values[instruction.lhs],
                    values[instruction.rhs]);
    }
    holds &= instruction.range.contains(value);
    values.push_back(value);
  }
  if (rangesHold)
    *rangesHold = holds;
  return llvm::map_to_vector(results,
                             [&](Value value) { return values[value]; });
}

int64_t IntegerProgram::evaluate(int64_t input) const {
  return evaluate(llvm::ArrayRef(input)).front();
}

//===----------------------------------------------------------------------===//
// IntegerProgramBuilder
//===----------------------------------------------------------------------===//

Value IntegerProgramBuilder::fail(llvm::StringRef reason) {
  if (failure.empty())
    failure = reason.str();
  // Some value, so that building can go on.
  return push(Instruction{Opcode::Constant, 0, 0, 0, {0, 0}});
}

Value IntegerProgramBuilder::push(Instruction instruction) {
  program.instructions.push_back(instruction);
  return program.instructions.size() - 1;
}

Value IntegerProgramBuilder::push(Opcode opcode, Value lhs, Value rhs,
                                  __int128 lo, __int128 hi) {
  if (lo < std::numeric_limits<int64_t>::min() ||
      hi > std::numeric_limits<int64_t>::max())
    return fail("an intermediate value needs more than 64 bits");
  const Instruction &left = program.instructions[lhs];
  const Instruction &right = program.instructions[rhs];
  if (left.opcode == Opcode::Constant && right.opcode == Opcode::Constant)
    return addConstant(apply(opcode, left.immediate, right.immediate));
  return push(Instruction{opcode, lhs, rhs, 0, {int64_t(lo), int64_t(hi)}});
}

bool IntegerProgramBuilder::isConstant(Value value, int64_t constant) const {
  const Instruction &instruction = program.instructions[value];
  return instruction.opcode == Opcode::Constant &&
         instruction.immediate == constant;
}

Value IntegerProgramBuilder::addInput(Range range) {
  assert(range.lo <= range.hi &&
         program.numInputs == program.instructions.size() &&
         "inputs come first");
  return push(Instruction{Opcode::Input, 0, 0, program.numInputs++, range});
}

Value IntegerProgramBuilder::addConstant(int64_t value) {
  for (auto [i, instruction] : llvm::enumerate(program.instructions))
    if (instruction.opcode == Opcode::Constant &&
        instruction.immediate == value)
      return i;
  return push(Instruction{Opcode::Constant, 0, 0, value, {value, value}});
}

Value IntegerProgramBuilder::add(Value lhs, Value rhs) {
  if (isConstant(lhs, 0))
    return rhs;
  if (isConstant(rhs, 0))
    return lhs;
  Range a = getRange(lhs), b = getRange(rhs);
  return push(Opcode::Add, lhs, rhs, __int128(a.lo) + b.lo,
              __int128(a.hi) + b.hi);
}

Value IntegerProgramBuilder::subtract(Value lhs, Value rhs) {
  if (isConstant(rhs, 0))
    return lhs;
  Range a = getRange(lhs), b = getRange(rhs);
  return push(Opcode::Subtract, lhs, rhs, __int128(a.lo) - b.hi,
              __int128(a.hi) - b.lo);
}

Value IntegerProgramBuilder::multiply(Value lhs, Value rhs) {
  if (isConstant(lhs, 1))
    return rhs;
  if (isConstant(rhs, 1))
    return lhs;
  Range a = getRange(lhs), b = getRange(rhs);
  if (!a.fitsSigned(32) || !b.fitsSigned(32))
    return fail("a factor needs more than 32 bits");
  auto corners = {__int128(a.lo) * b.lo, __int128(a.lo) * b.hi,
                  __int128(a.hi) * b.lo, __int128(a.hi) * b.hi};
  auto [lo, hi] = std::minmax(corners);
  if (lhs == rhs)
    lo = a.contains(0) ? 0 : lo;
  return push(Opcode::Multiply, lhs, rhs, lo, hi);
}

Value IntegerProgramBuilder::shiftLeft(Value lhs, Value amount) {
  if (isConstant(amount, 0))
    return lhs;
  Range a = getRange(lhs), n = getRange(amount);
  if (!n.isWithin({0, 63}))
    return fail("a shift amount is not within 0 ... 63");
  auto shift = [](int64_t value, int64_t by) {
    return __int128(value) * (__int128(1) << by);
  };
  return push(Opcode::ShiftLeft, lhs, amount,
              shift(a.lo, a.lo < 0 ? n.hi : n.lo),
              shift(a.hi, a.hi < 0 ? n.lo : n.hi));
}

Value IntegerProgramBuilder::shiftLeftInto(Value lhs, Value amount,
                                           Range range) {
  if (!getRange(amount).isWithin({0, 63}))
    return fail("a shift amount is not within 0 ... 63");
  return push(Opcode::ShiftLeft, lhs, amount, range.lo, range.hi);
}

Value IntegerProgramBuilder::shiftRight(Value lhs, Value amount) {
  if (isConstant(amount, 0))
    return lhs;
  Range a = getRange(lhs), n = getRange(amount);
  if (!n.isWithin({0, 63}))
    return fail("a shift amount is not within 0 ... 63");
  return push(Opcode::ShiftRight, lhs, amount, a.lo >> (a.lo < 0 ? n.lo : n.hi),
              a.hi >> (a.hi < 0 ? n.hi : n.lo));
}

Value IntegerProgramBuilder::roundingShiftRightBy(Value lhs, unsigned amount) {
  if (amount == 0)
    return lhs;
  return shiftRightBy(addImmediate(lhs, int64_t(1) << (amount - 1)), amount);
}

Value IntegerProgramBuilder::roundingShiftRight(Value lhs, Value amount) {
  // 2^amount >> 1 for every amount up to 63.
  Value half = shiftRight(addConstant(int64_t(1) << 62),
                          subtract(addConstant(63), amount));
  Value result = shiftRight(add(lhs, half), amount);
  if (hasFailed())
    return result;
  // The half that is added belongs to the shift: exact for each amount.
  Range a = getRange(lhs), n = getRange(amount);
  auto round = [](int64_t value, int64_t by) {
    __int128 half = by ? __int128(1) << (by - 1) : 0;
    return int64_t((value + half) >> by);
  };
  Range exact = {round(a.lo, n.lo), round(a.hi, n.lo)};
  for (int64_t by = n.lo; by <= n.hi; ++by)
    exact = {std::min(exact.lo, round(a.lo, by)),
             std::max(exact.hi, round(a.hi, by))};
  assume(result, exact);
  return result;
}

Value IntegerProgramBuilder::divideBy(Value lhs, int64_t divisor) {
  Range range = getRange(lhs);
  if (range.lo < 0 || range.hi >= int64_t(1) << 29 || divisor < 1 ||
      divisor >= int64_t(1) << 30)
    return fail("a division by a constant that no product replaces");
  // floor(a / d) = floor(a M / 2^s) with M = ceil(2^s / d) if the error of a M,
  // a (M d - 2^s) / d, is below 2^s / d: M d - 2^s < d < 2^(s - 29), a < 2^29.
  unsigned s = 30 + llvm::Log2_64(divisor);
  int64_t reciprocal = ((int64_t(1) << s) + divisor - 1) / divisor;
  Value quotient = shiftRightBy(multiply(lhs, addConstant(reciprocal)), s);
  assume(quotient, {range.lo / divisor, range.hi / divisor});
  return quotient;
}

Value IntegerProgramBuilder::bitAnd(Value lhs, int64_t mask) {
  assert(mask >= 0);
  Range a = getRange(lhs);
  int64_t hi = a.lo >= 0 ? std::min(a.hi, mask) : mask;
  return push(Opcode::And, lhs, addConstant(mask), 0, hi);
}

Value IntegerProgramBuilder::minimum(Value lhs, Value rhs) {
  Range a = getRange(lhs), b = getRange(rhs);
  if (a.hi <= b.lo)
    return lhs;
  if (b.hi <= a.lo)
    return rhs;
  return push(Opcode::Minimum, lhs, rhs, std::min(a.lo, b.lo),
              std::min(a.hi, b.hi));
}

Value IntegerProgramBuilder::maximum(Value lhs, Value rhs) {
  Range a = getRange(lhs), b = getRange(rhs);
  if (a.lo >= b.hi)
    return lhs;
  if (b.lo >= a.hi)
    return rhs;
  return push(Opcode::Maximum, lhs, rhs, std::max(a.lo, b.lo),
              std::max(a.hi, b.hi));
}

Value IntegerProgramBuilder::clamp(Value value, Range range) {
  return minimum(maximum(value, addConstant(range.lo)), addConstant(range.hi));
}

Value IntegerProgramBuilder::leadingZeros(Value value) {
  Range a = getRange(value);
  int64_t lo = a.lo < 0 ? 0 : llvm::countl_zero(uint64_t(a.hi));
  int64_t hi = a.lo < 0 ? 64 : llvm::countl_zero(uint64_t(a.lo));
  return push(Opcode::LeadingZeros, value, value, lo, hi);
}

Value IntegerProgramBuilder::lookup(Value index, std::vector<int64_t> table) {
  if (table.empty() ||
      !getRange(index).isWithin({0, int64_t(table.size()) - 1}))
    return fail("a table index is out of range");
  auto [lo, hi] = std::minmax_element(table.begin(), table.end());
  Range range = {*lo, *hi};
  program.tables.push_back(std::move(table));
  return push(Instruction{Opcode::Lookup, index, index,
                          int64_t(program.tables.size()) - 1, range});
}

void IntegerProgramBuilder::assume(Value value, Range range) {
  Range &current = program.instructions[value].range;
  current = {std::max(current.lo, range.lo), std::min(current.hi, range.hi)};
  assert(current.lo <= current.hi && "contradicts what is proven");
}

llvm::SmallVector<Value>
IntegerProgramBuilder::append(const IntegerProgram &other,
                              llvm::ArrayRef<Value> inputs) {
  assert(inputs.size() == other.numInputs);
  llvm::SmallVector<Value> values;
  for (const Instruction &instruction : other.instructions) {
    switch (instruction.opcode) {
    case Opcode::Input: {
      Value input = inputs[instruction.immediate];
      values.push_back(getRange(input).isWithin(instruction.range)
                           ? input
                           : fail("an operand leaves the range of a function"));
      break;
    }
    case Opcode::Constant:
      values.push_back(addConstant(instruction.immediate));
      break;
    case Opcode::Lookup: {
      Instruction copy = instruction;
      copy.lhs = copy.rhs = values[instruction.lhs];
      program.tables.push_back(other.tables[instruction.immediate]);
      copy.immediate = program.tables.size() - 1;
      values.push_back(push(copy));
      break;
    }
    default: {
      // Its range holds here too: the inputs' ranges are parts of its own.
      Instruction copy = instruction;
      copy.lhs = values[instruction.lhs];
      copy.rhs = values[instruction.rhs];
      values.push_back(push(copy));
    }
    }
  }
  return llvm::map_to_vector(other.results,
                             [&](Value value) { return values[value]; });
}

IntegerProgram IntegerProgramBuilder::finish(llvm::ArrayRef<Value> results) {
  assert(!hasFailed() && "check hasFailed first");
  std::vector<bool> isLive(program.instructions.size());
  for (Value result : results)
    isLive[result] = true;
  for (size_t i = program.instructions.size(); i-- > 0;) {
    const Instruction &instruction = program.instructions[i];
    bool isLeaf = instruction.opcode == Opcode::Input ||
                  instruction.opcode == Opcode::Constant;
    if (!isLive[i] || isLeaf)
      continue;
    isLive[instruction.lhs] = isLive[instruction.rhs] = true;
  }
  IntegerProgram finished;
  finished.numInputs = program.numInputs;
  std::vector<Value> renamed(program.instructions.size());
  for (auto [i, instruction] : llvm::enumerate(program.instructions)) {
    if (!isLive[i] && instruction.opcode != Opcode::Input)
      continue;
    Instruction copy = instruction;
    if (copy.opcode != Opcode::Input && copy.opcode != Opcode::Constant) {
      copy.lhs = renamed[copy.lhs];
      copy.rhs = renamed[copy.rhs];
    }
    if (copy.opcode == Opcode::Lookup) {
      finished.tables.push_back(program.tables[copy.immediate]);
      copy.immediate = finished.tables.size() - 1;
    }
    renamed[i] = finished.instructions.size();
    finished.instructions.push_back(copy);
  }
  for (Value result : results)
    finished.results.push_back(renamed[result]);
  return finished;
}
