// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Short spellings of the scalar operations that the bodies of decomposed
// operations consist of. They take vectors in the place of scalars, too.

#ifndef QFMT_CONVERSION_SCALAROPS_H
#define QFMT_CONVERSION_SCALAROPS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"

namespace mlir::qfmt {

/// Builds scalar arithmetic and folds it where operands are constants. Operands
/// that are numbers become constants of the other operand's type.
class ScalarBuilder : public ImplicitLocOpBuilder {
public:
  ScalarBuilder(OpBuilder &builder, Location loc)
      : ImplicitLocOpBuilder(loc, builder) {}

  /// `element`, or as many of it as `shape` has elements.
  static Type withElement(Type shape, Type element) {
    auto shaped = dyn_cast<ShapedType>(shape);
    return shaped ? Type(shaped.clone(element)) : element;
  }

  Value constant(Type type, double value) {
    return splat(type, getFloatAttr(getElementTypeOrSelf(type), value));
  }
  Value integer(Type type, int64_t value) {
    return splat(type, getIntegerAttr(getElementTypeOrSelf(type), value));
  }

  Value compare(arith::CmpFPredicate predicate, Value a, double b) {
    return createOrFold<arith::CmpFOp>(predicate, a, constant(a.getType(), b));
  }
  Value compare(arith::CmpIPredicate predicate, Value a, int64_t b) {
    return createOrFold<arith::CmpIOp>(predicate, a, integer(a.getType(), b));
  }
  Value isNaN(Value a) {
    return createOrFold<arith::CmpFOp>(arith::CmpFPredicate::UNO, a, a);
  }
  Value select(Value condition, Value a, Value b) {
    return createOrFold<arith::SelectOp>(condition, a, b);
  }
  /// Of a float that is no NaN.
  Value clamp(Value a, double lowest, double largest) {
    Type type = a.getType();
    a = select(compare(arith::CmpFPredicate::OLT, a, lowest),
               constant(type, lowest), a);
    return select(compare(arith::CmpFPredicate::OGT, a, largest),
                  constant(type, largest), a);
  }

  template <typename OpT>
  Value apply(Value a, int64_t b) {
    return createOrFold<OpT>(a, integer(a.getType(), b));
  }
  template <typename OpT>
  Value apply(Value a, Value b) {
    return createOrFold<OpT>(a, b);
  }

  /// f32 to f64, exact; anything else stays.
  Value extend(Value a, Type type) {
    return a.getType() == type ? a : createOrFold<arith::ExtFOp>(type, a);
  }

private:
  Value splat(Type type, TypedAttr value) {
    if (auto shaped = dyn_cast<ShapedType>(type))
      value = DenseElementsAttr::get(shaped, value);
    return arith::ConstantOp::create(*this, value);
  }
};

} // namespace mlir::qfmt

#endif // QFMT_CONVERSION_SCALAROPS_H
