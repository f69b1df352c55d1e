// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ProgramEmitter.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::qfmt;

using Opcode = IntegerProgram::Opcode;

namespace {
/// Emits one instruction after the other. A value has the narrowest of 32 and
/// 64 bits that its range fits; operations take the wider of their operands and
/// their result.
class Emitter {
public:
  Emitter(BodyBuilder &body, const IntegerProgram &program, ValueRange inputs)
      : body(body), program(program), inputs(inputs) {}

  SmallVector<Value> run() {
    for (const IntegerProgram::Instruction &instruction :
         program.getInstructions())
      values.push_back(emit(instruction));
    return llvm::map_to_vector(program.getResults(),
                               [&](unsigned value) { return values[value]; });
  }

private:
  unsigned getWidth(IntegerProgram::Range range) const {
    return range.fitsSigned(32) ? 32 : 64;
  }
  unsigned getWidth(unsigned value) const {
    return getWidth(program.getInstructions()[value].range);
  }
  Value read(unsigned value, unsigned width) {
    return body.cast(values[value], width);
  }
  template <typename OpTy>
  Value emitBinary(const IntegerProgram::Instruction &instruction) {
    unsigned width =
        std::max({getWidth(instruction.range), getWidth(instruction.lhs),
                  getWidth(instruction.rhs)});
    Value result = OpTy::create(body.getBuilder(), body.getLoc(),
                                read(instruction.lhs, width),
                                read(instruction.rhs, width));
    return body.cast(result, getWidth(instruction.range));
  }
  Value emitLookup(const IntegerProgram::Instruction &instruction);
  Value emitLeadingZeros(const IntegerProgram::Instruction &instruction);
  Value emit(const IntegerProgram::Instruction &instruction);

  BodyBuilder &body;
  const IntegerProgram &program;
  ValueRange inputs;
  SmallVector<Value> values;
};
} // namespace

/// The index takes no more bits than the table has entries for.
Value Emitter::emitLookup(const IntegerProgram::Instruction &instruction) {
  const std::vector<int64_t> &table =
      program.getTables()[instruction.immediate];
  unsigned indexWidth = table.size() <= 256 ? 8 : 16;
  return body.lookup(read(instruction.lhs, indexWidth), table,
                     getWidth(instruction.range));
}

Value Emitter::emitLeadingZeros(
    const IntegerProgram::Instruction &instruction) {
  Value zeros = math::CountLeadingZerosOp::create(
      body.getBuilder(), body.getLoc(), read(instruction.lhs, 64));
  return body.cast(zeros, 32);
}

Value Emitter::emit(const IntegerProgram::Instruction &instruction) {
  unsigned width = getWidth(instruction.range);
  switch (instruction.opcode) {
  case Opcode::Input:
    return body.cast(inputs[instruction.immediate], width);
  case Opcode::Constant:
    return body.constant(instruction.immediate, width);
  case Opcode::Add:
    return emitBinary<arith::AddIOp>(instruction);
  case Opcode::Subtract:
    return emitBinary<arith::SubIOp>(instruction);
  case Opcode::Multiply:
    return emitBinary<arith::MulIOp>(instruction);
  case Opcode::ShiftLeft:
    return emitBinary<arith::ShLIOp>(instruction);
  case Opcode::ShiftRight:
    // An amount of 32 and more needs 64 bits.
    if (program.getInstructions()[instruction.rhs].range.hi > 31) {
      Value result = arith::ShRSIOp::create(body.getBuilder(), body.getLoc(),
                                            read(instruction.lhs, 64),
                                            read(instruction.rhs, 64));
      return body.cast(result, width);
    }
    return emitBinary<arith::ShRSIOp>(instruction);
  case Opcode::And:
    return emitBinary<arith::AndIOp>(instruction);
  case Opcode::Minimum:
    return emitBinary<arith::MinSIOp>(instruction);
  case Opcode::Maximum:
    return emitBinary<arith::MaxSIOp>(instruction);
  case Opcode::LeadingZeros:
    return emitLeadingZeros(instruction);
  case Opcode::Lookup:
    return emitLookup(instruction);
  }
  return {};
}

SmallVector<Value> mlir::qfmt::emitProgram(BodyBuilder &body,
                                           const IntegerProgram &program,
                                           ValueRange inputs) {
  return Emitter(body, program, inputs).run();
}
