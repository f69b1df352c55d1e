// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "UnpackedPanel.h"
#include "PackedConstants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::qfmt {

static Value index(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

/// A loop that writes to `memory`.
static Value emitFor(ImplicitLocOpBuilder &b, int64_t count, Value memory,
                     function_ref<Value(Value, Value)> body) {
  if (count == 1)
    return body(index(b, 0), memory);
  auto loop =
      scf::ForOp::create(b, index(b, 0), index(b, count), index(b, 1), memory);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  scf::YieldOp::create(b,
                       body(loop.getInductionVar(), loop.getRegionIterArg(0)));
  return loop.getResult(0);
}

/// `base` * `factor` + `offset`.
static Value emitPlace(ImplicitLocOpBuilder &b, Value base, int64_t factor,
                       Value offset) {
  Value scaled = b.createOrFold<arith::MulIOp>(base, index(b, factor));
  return b.createOrFold<arith::AddIOp>(scaled, offset);
}

namespace {
class Unpacker {
public:
  Unpacker(ImplicitLocOpBuilder &b, cpu::UnpackIntegersOp factor,
           const Panel &panel, const PanelUnits &units)
      : b(b), factor(factor), panel(panel), units(units),
        stepsPerUnit(units.dotsPerUnit / factor.getNumFields()),
        steps(cast<ShapedType>(factor.getPacked().getType()).getDimSize(2)) {}

  Value emit() {
    Value memory = tensor::EmptyOp::create(
        b,
        ArrayRef<int64_t>{panel.numBlocks,
                          units.count * units.dotsPerUnit + units.dotsBehind,
                          ByteDotProduct::kBytes},
        b.getI8Type());
    return emitFor(b, units.count, memory, [&](Value i, Value out) {
      std::pair<Value, Value> place =
          emitRun(b.createOrFold<arith::AddIOp>(units.first, i));
      return emitFor(b, stepsPerUnit, out, [&](Value j, Value current) {
        Value step = emitPlace(b, place.second, stepsPerUnit, j);
        Value to = emitPlace(b, emitPlace(b, i, stepsPerUnit, j),
                             factor.getNumFields(), index(b, 0));
        return emitStep(place.first, step, to, current);
      });
    });
  }

private:
  /// A unit's run, and its number in that.
  std::pair<Value, Value> emitRun(Value unit) {
    if (factor.getNumGroups() == 1)
      return {index(b, 0), unit};
    if (units.unitsPerRun == 1)
      return {unit, index(b, 0)};
    Value size = index(b, units.unitsPerRun);
    return {arith::DivUIOp::create(b, unit, size),
            arith::RemUIOp::create(b, unit, size)};
  }

  /// What the group that a run is says for the codes of 16 columns; null if it
  /// says nothing.
  Value loadGroupBytes(Value block, Value run) {
    Value groups = factor.getGroups();
    if (!groups)
      return {};
    Value ofColumns =
        emitLoadBytes(b, groups, {block, run, index(b, 0)}, kColumnsPerBlock);
    return emitGroupBytes(b, ofColumns, 0, ByteDotProduct::kBytes);
  }

  /// The fields of a step, one after the other from `to` on.
  Value emitStep(Value run, Value step, Value to, Value memory) {
    Value isPacked;
    if (units.unitsPerRun * stepsPerUnit > steps) {
      isPacked = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, step,
                                       index(b, steps));
      step = arith::MinUIOp::create(b, step, index(b, steps - 1));
    }
    for (int64_t block = 0; block < panel.numBlocks; ++block) {
      Value place = emitOffset(b, panel.block, block);
      Value bytes =
          emitLoadBytes(b, factor.getPacked(), {place, run, step, index(b, 0)},
                        ByteDotProduct::kBytes);
      Value ofGroups = loadGroupBytes(place, run);
      for (int64_t field = 0, e = factor.getNumFields(); field < e; ++field) {
        Value integers = emitSignedField(b, factor, bytes, field, ofGroups);
        if (isPacked) {
          Value zeros =
              arith::ConstantOp::create(b, b.getZeroAttr(integers.getType()));
          integers = arith::SelectOp::create(b, isPacked, integers, zeros);
        }
        memory = vector::TransferWriteOp::create(
                     b, integers, memory,
                     ValueRange{index(b, block), emitOffset(b, to, field),
                                index(b, 0)},
                     ArrayRef(true))
                     .getResult();
      }
    }
    return memory;
  }

  ImplicitLocOpBuilder &b;
  cpu::UnpackIntegersOp factor;
  const Panel &panel;
  const PanelUnits &units;
  int64_t stepsPerUnit, steps;
};
} // namespace

Value emitUnpackedPanel(ImplicitLocOpBuilder &b, cpu::UnpackIntegersOp factor,
                        const Panel &panel, const PanelUnits &units) {
  return Unpacker(b, factor, panel, units).emit();
}

} // namespace mlir::qfmt
