//===- RealValue.cpp - Arithmetic on values as C++ writes it --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  values. Output: operations of arith and math. See RealValue.h.
//
//===----------------------------------------------------------------------===//

#include "RealValue.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

namespace mlir::qfmt {

static Type withElement(Type type, Type element) {
  if (auto shaped = dyn_cast<ShapedType>(type))
    return shaped.clone(element);
  return element;
}

static bool isReal(RealRef x) {
  return isa<FloatType>(getElementTypeOrSelf(x.getType()));
}

static RealValue makeConstant(ImplicitLocOpBuilder &b, Type type,
                              TypedAttr element) {
  TypedAttr attr = element;
  if (auto shaped = dyn_cast<ShapedType>(type))
    attr = DenseElementsAttr::get(shaped, Attribute(element));
  return {&b, arith::ConstantOp::create(b, type, attr)};
}

RealValue RealValue::operator()(double number) const {
  Type element = getElementTypeOrSelf(getType());
  TypedAttr attr = isa<FloatType>(element)
                       ? TypedAttr(b->getFloatAttr(element, number))
                       : b->getIntegerAttr(element, int64_t(number));
  return makeConstant(*b, getType(), attr);
}

RealValue RealValue::word(uint32_t number) const {
  return makeConstant(*b, withElement(getType(), b->getI32Type()),
                      b->getI32IntegerAttr(int32_t(number)));
}

template <typename Real, typename Integer>
static RealValue create(RealRef l, RealRef r) {
  if (isReal(l))
    return {l.b, Real::create(*l.b, l.value, r.value)};
  return {l.b, Integer::create(*l.b, l.value, r.value)};
}

template <typename Op>
static RealValue create(RealRef l, RealRef r) {
  return {l.b, Op::create(*l.b, l.value, r.value)};
}

template <typename Op>
static RealValue create(RealRef x) {
  return {x.b, Op::create(*x.b, x.value)};
}

RealValue operator+(RealRef l, RealRef r) {
  return create<arith::AddFOp, arith::AddIOp>(l, r);
}
RealValue operator-(RealRef l, RealRef r) {
  return create<arith::SubFOp, arith::SubIOp>(l, r);
}
RealValue operator*(RealRef l, RealRef r) {
  return create<arith::MulFOp, arith::MulIOp>(l, r);
}
RealValue operator/(RealRef l, RealRef r) {
  return create<arith::DivFOp, arith::DivUIOp>(l, r);
}
RealValue operator-(RealRef x) { return create<arith::NegFOp>(x); }
RealValue operator&(RealRef l, RealRef r) {
  return create<arith::AndIOp>(l, r);
}
RealValue operator|(RealRef l, RealRef r) { return create<arith::OrIOp>(l, r); }
RealValue operator<<(RealRef l, RealRef r) {
  return create<arith::ShLIOp>(l, r);
}
RealValue operator>>(RealRef l, RealRef r) {
  return create<arith::ShRUIOp>(l, r);
}

static RealValue compare(RealRef l, RealRef r, arith::CmpFPredicate real,
                         arith::CmpIPredicate integer) {
  if (isReal(l))
    return {l.b, arith::CmpFOp::create(*l.b, real, l.value, r.value)};
  return {l.b, arith::CmpIOp::create(*l.b, integer, l.value, r.value)};
}

RealValue operator<(RealRef l, RealRef r) {
  return compare(l, r, arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt);
}
RealValue operator==(RealRef l, RealRef r) {
  return compare(l, r, arith::CmpFPredicate::OEQ, arith::CmpIPredicate::eq);
}
RealValue operator!=(RealRef l, RealRef r) {
  return compare(l, r, arith::CmpFPredicate::UNE, arith::CmpIPredicate::ne);
}

RealValue select(RealRef condition, RealRef l, RealRef r) {
  return {l.b,
          arith::SelectOp::create(*l.b, condition.value, l.value, r.value)};
}

template <typename Op>
static RealValue cast(RealRef x, Type element) {
  return {x.b, Op::create(*x.b, withElement(x.getType(), element), x.value)};
}

RealValue bitsOf(RealRef x) {
  return cast<arith::BitcastOp>(x, x.b->getI32Type());
}
RealValue fromBits(RealRef bits) {
  return cast<arith::BitcastOp>(bits, bits.b->getF32Type());
}
RealValue toReal(RealRef x) {
  return cast<arith::SIToFPOp>(x, x.b->getF32Type());
}
RealValue toInteger(RealRef x) {
  return cast<arith::FPToSIOp>(x, x.b->getI32Type());
}
RealValue absolute(RealRef x) { return create<math::AbsFOp>(x); }
RealValue copySign(RealRef size, RealRef sign) {
  return create<math::CopySignOp>(size, sign);
}
RealValue roundEven(RealRef x) { return create<math::RoundEvenOp>(x); }
RealValue floorOf(RealRef x) { return create<math::FloorOp>(x); }
RealValue squareRoot(RealRef x) { return create<math::SqrtOp>(x); }

std::pair<RealValue, RealValue> multiplyWords(RealRef l, RealRef r) {
  auto product = arith::MulUIExtendedOp::create(*l.b, l.value, r.value);
  return {{l.b, product.getHigh()}, {l.b, product.getLow()}};
}

RealValue polynomial(RealRef x, ArrayRef<double> c) {
  RealValue sum = x(c.front());
  for (double next : c.drop_front())
    sum = sum * x + next;
  return sum;
}

RealPair splitConstant(RealRef like, double number) {
  float hi = float(number);
  return {like(hi), like(number - hi)};
}

RealPair exactSum(RealRef l, RealRef r) {
  RealValue sum = l + r;
  RealValue ofR = sum - l;
  return {sum, (l - (sum - ofR)) + (r - ofR)};
}

RealPair exactSumOrdered(RealRef l, RealRef r) {
  RealValue sum = l + r;
  return {sum, r - (sum - l)};
}

/// The upper 12 bits and the rest, which has 12 bits too.
static RealPair splitBits(RealRef x) {
  RealValue hi = fromBits(bitsOf(x) & x.word(0xFFFFF000));
  return {hi, x - hi};
}

RealPair exactProduct(RealRef l, RealRef r) {
  RealPair a = splitBits(l), b = splitBits(r);
  RealValue product = l * r;
  RealValue error =
      ((a.hi * b.hi - product) + a.hi * b.lo + a.lo * b.hi) + a.lo * b.lo;
  return {product, error};
}

RealPair multiply(const RealPair &l, const RealPair &r) {
  RealPair product = exactProduct(l.hi, r.hi);
  return exactSumOrdered(product.hi, product.lo + (l.hi * r.lo + l.lo * r.hi));
}

RealPair multiply(const RealPair &l, RealRef r) {
  RealPair product = exactProduct(l.hi, r);
  return exactSumOrdered(product.hi, product.lo + l.lo * r);
}

} // namespace mlir::qfmt
