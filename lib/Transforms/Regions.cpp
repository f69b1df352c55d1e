// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds regions and copies them into functions: as they are, or in f64.

#include "qfmt/Transforms/Regions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Transforms/RegionUtils.h"
#include "qfmt/IR/ConstantData.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// Finding
//===----------------------------------------------------------------------===//

bool mlir::qfmt::isInputQuantization(Operation *op) {
  return isa<QuantizeOp>(op) && isa<BlockArgument>(op->getOperand(0));
}

/// Weights: an encoded tensor of constants.
static bool isConstantAssemble(Operation *op) {
  return isa<AssembleOp>(op) &&
         llvm::all_of(op->getOperands(), [](Value operand) {
           return matchPattern(operand, m_Constant());
         });
}

/// True if regions end at `value` when they are followed backwards.
static bool entersRegions(Value value) {
  Operation *op = value.getDefiningOp();
  return !op || isa<QuantizeOp, ConvertOp>(op) ||
         (isa<AssembleOp>(op) && !isConstantAssemble(op));
}

/// The values of the function's block that `op` reads, inside of its own
/// regions too.
static SmallVector<Value> getReadValues(Operation *op) {
  // The constituents of weights belong to them.
  if (isConstantAssemble(op))
    return {};
  llvm::SetVector<Value> values(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), values);
  return values.takeVector();
}

static QuantizedRegion findRegion(Operation *end) {
  llvm::SetVector<Value> operands;
  llvm::SetVector<Operation *> body;
  SmallVector<Operation *> pending = {end};
  while (!pending.empty())
    for (Value value : getReadValues(pending.pop_back_val())) {
      if (entersRegions(value))
        operands.insert(value);
      else if (body.insert(value.getDefiningOp()))
        pending.push_back(value.getDefiningOp());
    }

  QuantizedRegion region;
  region.end = end;
  region.body = body.takeVector();
  llvm::sort(region.body,
             [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  // In the order of reading, which does not depend on the search.
  llvm::SetVector<Value> ordered;
  for (Operation *op : region.body)
    for (Value value : getReadValues(op))
      if (operands.contains(value))
        ordered.insert(value);
  ordered.insert(operands.begin(), operands.end());
  region.operands = ordered.takeVector();
  return region;
}

SmallVector<QuantizedRegion> mlir::qfmt::findRegions(func::FuncOp function) {
  SmallVector<QuantizedRegion> regions;
  for (Operation &op : function.getBody().front())
    if (isa<QuantizeOp, ConvertOp>(op) && !isInputQuantization(&op))
      regions.push_back(findRegion(&op));
  return regions;
}

//===----------------------------------------------------------------------===//
// Copies as they are
//===----------------------------------------------------------------------===//

/// A private function without a body's operations.
static func::FuncOp makeFunction(const QuantizedRegion &region, StringRef name,
                                 TypeRange arguments, Type result,
                                 OpBuilder &builder) {
  auto function =
      func::FuncOp::create(builder, region.end->getLoc(), name,
                           builder.getFunctionType(arguments, result));
  function.setPrivate();
  function.addEntryBlock();
  return function;
}

/// A copy of `op`; the constituents of weights come with them.
static Operation *copyOperation(Operation *op, IRMapping &mapping,
                                OpBuilder &builder) {
  if (!isConstantAssemble(op))
    return builder.clone(*op, mapping);
  IRMapping constituents;
  for (Value operand : op->getOperands())
    constituents.map(operand,
                     builder.clone(*operand.getDefiningOp())->getResult(0));
  Operation *copy = builder.clone(*op, constituents);
  mapping.map(op->getResults(), copy->getResults());
  return copy;
}

func::FuncOp mlir::qfmt::outlineRegion(const QuantizedRegion &region,
                                       StringRef name, OpBuilder &builder) {
  OpBuilder::InsertionGuard guard(builder);
  func::FuncOp function =
      makeFunction(region, name, ValueRange(region.operands).getTypes(),
                   region.getResult().getType(), builder);
  builder.setInsertionPointToStart(&function.getBody().front());
  IRMapping mapping;
  mapping.map(region.operands, function.getArguments());
  for (Operation *op : region.body)
    copyOperation(op, mapping, builder);
  Operation *end = builder.clone(*region.end, mapping);
  func::ReturnOp::create(builder, end->getLoc(), end->getResults());
  return function;
}

//===----------------------------------------------------------------------===//
// Copies in f64
//===----------------------------------------------------------------------===//

/// A static scale is read in the precision of the logical type (spec C7); in
/// f64 it must be the number that it was.
static Attribute getRealEncoding(RankedTensorType type) {
  auto scaled = dyn_cast_or_null<ScaledAttr>(type.getEncoding());
  if (!scaled)
    return type.getEncoding();
  std::optional<double> scale = scaled.getStaticScale(type.getElementType());
  if (!scale)
    return scaled;
  MLIRContext *context = type.getContext();
  return ScaledAttr::get(context, scaled.getFormat(), scaled.getBlock(),
                         FloatAttr::get(Float64Type::get(context), *scale),
                         scaled.getZeroPoint());
}

Type mlir::qfmt::getRealType(Type type) {
  if (isa<FloatType>(type))
    return Float64Type::get(type.getContext());
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !isa<FloatType>(tensor.getElementType()))
    return type;
  return RankedTensorType::get(tensor.getShape(),
                               Float64Type::get(type.getContext()),
                               getRealEncoding(tensor));
}

/// The value of a float constant in f64, other values as they are; null if it
/// cannot be read.
static TypedAttr getRealConstant(TypedAttr value) {
  Type type = getRealType(value.getType());
  if (type == value.getType())
    return value;
  if (auto number = dyn_cast<FloatAttr>(value))
    return FloatAttr::get(type, number.getValueAsDouble());
  std::optional<std::vector<double>> numbers = readFloats(value);
  if (!numbers)
    return nullptr;
  return makeFloats(cast<RankedTensorType>(type), *numbers, "real");
}

/// Makes `op` and what is inside of it compute in f64. Its operands do already.
static LogicalResult makeReal(Operation *op) {
  // Constants and casts change more than their types; inner ones first.
  SmallVector<Operation *> casts;
  WalkResult done = op->walk([&](Operation *inner) {
    if (auto constant = dyn_cast<arith::ConstantOp>(inner)) {
      TypedAttr value = getRealConstant(constant.getValue());
      if (!value)
        return constant.emitOpError() << "has no readable data",
               WalkResult::interrupt();
      constant.setValueAttr(value);
    }
    if (isa<arith::ExtFOp, arith::TruncFOp>(inner))
      casts.push_back(inner);
    for (Region &region : inner->getRegions())
      for (BlockArgument argument : region.getArguments())
        argument.setType(getRealType(argument.getType()));
    for (Value result : inner->getResults())
      result.setType(getRealType(result.getType()));
    return WalkResult::advance();
  });
  // Between two float types nothing happens to a real number.
  for (Operation *cast : casts)
    cast->getResult(0).replaceAllUsesWith(cast->getOperand(0));
  for (Operation *cast : casts)
    cast->erase();
  return failure(done.wasInterrupted());
}

/// Copies `op` to compute in f64 and maps its results.
static LogicalResult copyReal(Operation *op, IRMapping &mapping,
                              OpBuilder &builder) {
  if (isa<arith::ExtFOp, arith::TruncFOp>(op)) {
    mapping.map(op->getResult(0), mapping.lookup(op->getOperand(0)));
    return success();
  }
  return makeReal(copyOperation(op, mapping, builder));
}

/// The reals that `region` quantizes.
static FailureOr<Value> copyRealBody(const QuantizedRegion &region,
                                     IRMapping &mapping, OpBuilder &builder) {
  for (Operation *op : region.body)
    if (failed(copyReal(op, mapping, builder)))
      return failure();
  Value input = mapping.lookup(region.end->getOperand(0));
  auto encoded = EncodedTensorType::get(input.getType());
  if (!encoded)
    return input;
  return Value(DequantizeOp::create(builder, region.end->getLoc(),
                                    encoded.getLogicalType(), input));
}

FailureOr<func::FuncOp>
mlir::qfmt::outlineRealRegion(const QuantizedRegion &region, StringRef name,
                              OpBuilder &builder) {
  OpBuilder::InsertionGuard guard(builder);
  auto encoded = EncodedTensorType::get(region.getResult().getType());
  SmallVector<Type> arguments;
  for (Value operand : region.operands)
    arguments.push_back(getRealType(operand.getType()));
  func::FuncOp function = makeFunction(
      region, name, arguments, getRealType(encoded.getLogicalType()), builder);
  builder.setInsertionPointToStart(&function.getBody().front());
  IRMapping mapping;
  mapping.map(region.operands, function.getArguments());
  FailureOr<Value> reals = copyRealBody(region, mapping, builder);
  if (failed(reals)) {
    function.erase();
    return failure();
  }
  func::ReturnOp::create(builder, region.end->getLoc(), *reals);
  if (failed(verify(function))) {
    region.end->emitOpError()
        << "ends a region with an operation that cannot be computed in f64";
    function.erase();
    return failure();
  }
  return function;
}
