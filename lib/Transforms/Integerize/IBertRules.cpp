// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each rule starts where the last operation of a layer is met: exp of
// something <= 0, exp / sum exp, x (1 + erf(x / sqrt 2)), and a distance from
// the mean divided by the root of the variance. What was compiled of the layer
// before is left without readers.
//
// Errors are those of the kernels: of exp and GELU the largest over all inputs,
// computed one by one; of softmax and layer norm as derived above their rules.

#include "IBertRules.h"
#include "FrameworkRules.h"
#include "Norms.h"
#include "ProgramEmitter.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qfmt/Support/IBert.h"
#include <array>
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

static IntegerProgram::Range getRange(const ScalarModel &value) {
  return {static_cast<int64_t>(value.range.lo),
          static_cast<int64_t>(value.range.hi)};
}

/// The distance of integer and real in real numbers.
static double getRealError(const ScalarModel &value) {
  return value.error.getTotal(value.getMagnitude()) * value.scale.getMax();
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

static constexpr double kUnit16 = 1.0 / IBertExp::kLargest16;

/// The error of the 16-bit exponentials for all inputs down to `lo`: as a
/// factor, since most of it is one, and the units that are left where the
/// exponential is small. Of such pairs the one with the smallest sum for a row
/// of 16. Below 30 ln 2 the result does not change, and the real is less than a
/// unit.
static ErrorBound measureExp(const IBertExp &kernel, double scale, int64_t lo) {
  constexpr unsigned kPairs = 16;
  std::array<double, kPairs> factors = {};
  for (int64_t q = 0, end = std::max(lo, IBertExp::kShift * kernel.ln2);
       q >= end; --q) {
    double real = std::exp(static_cast<double>(q) * scale) / kUnit16;
    double off = std::abs(static_cast<double>(kernel.evaluate16(q)) - real);
    for (unsigned i = 0; i < kPairs; ++i)
      factors[i] = std::max(factors[i], (off - std::ldexp(1, i)) / real);
  }
  unsigned best = 0;
  auto getCost = [&](unsigned i) {
    return std::ldexp(16, i) + factors[i] / kUnit16;
  };
  for (unsigned i = 1; i < kPairs; ++i)
    if (getCost(i) < getCost(best))
      best = i;
  return {std::ldexp(1, best), factors[best]};
}

/// i-exp, brought to 16 bits as softmax does: units of 1 / 32767.
static FailureOr<ScalarModel> compileExp(RuleContext &context) {
  FailureOr<ScalarModel> value = context.body.makeUniform(context.operands[0]);
  if (failed(value))
    return failure();
  double scale = *value->scale.getUniform();
  std::string reason = "the operand has more than 32 bits";
  std::optional<IBertExp> kernel = IBertExp::make(scale, &reason);
  std::optional<IntegerProgram> program;
  if (kernel && value->range.fits(32))
    program = kernel->makeProgram16(getRange(*value).lo);
  if (!program)
    return context.emitError()
           << "has no exponential of I-BERT for operands in units of " << scale
           << ": " << reason
           << "; quantize the operand, or use functions=minimax";
  ErrorBound error = measureExp(*kernel, scale, getRange(*value).lo);
  // e^(v + d) = e^v e^d.
  double growth = std::expm1(getRealError(*value));
  error.relative += growth * (1 + error.relative);
  Value result = emitProgram(context.body, *program, value->value).front();
  return ScalarModel::makeInteger(result, Table(kUnit16),
                                  {0, IBertExp::kLargest16}, error);
}

/// exp / sum exp: floor(exp floor(2^32 / sum) / 2^(32 - bits)) in units of
/// 2^-bits, the bits being those of the format it is quantized to.
static std::optional<FailureOr<ScalarModel>>
compileSoftmax(RuleContext &context) {
  const ScalarModel &dividend = context.operands[0];
  const ScalarModel &divisor = context.operands[1];
  auto isIn16 = [](const ScalarModel &value) {
    return value.isInteger() && value.scale.getUniform() == kUnit16;
  };
  if (!isIn16(dividend) || !isIn16(divisor) ||
      dividend.range.hi > IBertExp::kLargest16 ||
      !getQuotientBound(dividend.expression, divisor.expression,
                        /*isReciprocal=*/false))
    return std::nullopt;
  unsigned bits = 8;
  if (std::optional<ScaledAttr> format =
          findResultFormat(context.op->getResult(0)))
    bits = std::min(16u, format->getNumberFormat().getFormatWidth());

  double lowest =
      (static_cast<double>(divisor.range.lo) - divisor.error.absolute) /
      (1 + divisor.error.relative);
  double off = divisor.error.absolute / lowest + divisor.error.relative;
  std::optional<IntegerProgram> program;
  if (divisor.range.fits(31) && off >= 0 && off < 0.9)
    program = buildFloorReciprocal(32, getRange(divisor));
  if (!program)
    return context.emitError()
           << "has no softmax of I-BERT: its exponentials are off by up to "
           << dividend.error.getTotal(1 / kUnit16) * kUnit16
           << " here, and their sum lies between "
           << static_cast<double>(divisor.range.lo) * kUnit16 << " and "
           << static_cast<double>(divisor.range.hi) * kUnit16
           << "; use a smaller scale, shorter rows, or functions=minimax";
  auto invert = [&](BodyBuilder &body,
                    const ScalarModel &sum) -> FailureOr<ScalarModel> {
    Value factor = emitProgram(body, *program, sum.value).front();
    IntegerProgram::Range range = program->getResultRange();
    return ScalarModel::makeInteger(factor, Table(std::ldexp(1 / kUnit16, -32)),
                                    {range.lo, range.hi}, {1, off / (1 - off)});
  };
  BodyBuilder &body = context.body;
  FailureOr<ScalarModel> factor = body.computeOnce(divisor, invert);
  if (failed(factor))
    return failure();
  ErrorBound error = multiplyErrors(dividend.error, dividend.getMagnitude(),
                                    factor->error, factor->getMagnitude())
                         .rescaled(std::ldexp(1.0, static_cast<int>(bits) - 32))
                         .plus(1);
  // Neither is beyond [0, 1].
  double one = std::ldexp(1, static_cast<int>(bits));
  if (error.getTotal(one) > one)
    error = {one, 0};
  Value product = arith::MulIOp::create(context.builder(), body.getLoc(),
                                        body.cast(dividend.value, 64),
                                        body.cast(factor->value, 64));
  Value result = arith::ShRSIOp::create(context.builder(), body.getLoc(),
                                        product, body.constant(32 - bits, 64));
  // The dividend is one of the terms of the sum.
  return ScalarModel::makeInteger(
      body.cast(result, 32), Table(std::ldexp(1.0, -static_cast<int>(bits))),
      {0, int64_t(1) << bits}, error);
}

//===----------------------------------------------------------------------===//
// GELU
//===----------------------------------------------------------------------===//

/// The largest error, in real numbers. Beyond |x| = 6 GELU is x or 0 but for
/// 6e-9, and the kernel is linear: the largest error is at an end.
static double measureGelu(const IBertGelu &kernel, double scale,
                          IntegerProgram::Range range) {
  double largest = 0;
  auto measure = [&](int64_t q) {
    double x = static_cast<double>(q) * scale;
    double real = x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
    double found = static_cast<double>(kernel.evaluate(q)) * kernel.outputScale;
    largest = std::max(largest, std::abs(found - real));
  };
  auto reach = static_cast<int64_t>(6 / scale) + 1;
  for (int64_t q = std::max(range.lo, -reach), end = std::min(range.hi, reach);
       q <= end; ++q)
    measure(q);
  measure(range.lo);
  measure(range.hi);
  return largest + 2e-8;
}

namespace {
/// factor x / 2 (1 + erf(x / sqrt 2)) with x = inner * base.
struct Gelu {
  ExpressionRef base;
  double inner, factor;
};
} // namespace

/// Of a * b.
static std::optional<Gelu> matchGelu(const ExpressionRef &a,
                                     const ExpressionRef &b) {
  for (auto [x, y] : {std::pair(a, b), std::pair(b, a)}) {
    Gelu gelu = {nullptr, 1, 1};
    gelu.base = stripFactors(x, gelu.factor);
    const Expression *sum =
        matchApply(stripFactors(y, gelu.factor), "arith.addf");
    if (!gelu.base || !sum)
      continue;
    unsigned i = matchConstant(sum->operands[0]) ? 0 : 1;
    const Expression *erf = matchApply(sum->operands[1 - i], "math.erf");
    double inner = 1;
    if (matchConstant(sum->operands[i]) != 1.0 || !erf ||
        !isSame(stripFactors(erf->operands[0], inner), gelu.base))
      continue;
    gelu.inner = inner * 1.4142135623730951;
    gelu.factor *= 2 / gelu.inner;
    return gelu;
  }
  return std::nullopt;
}

static std::optional<FailureOr<ScalarModel>> compileGelu(RuleContext &context) {
  const ScalarModel &a = context.operands[0], &b = context.operands[1];
  std::optional<Gelu> gelu = matchGelu(a.expression, b.expression);
  if (!gelu)
    return std::nullopt;
  // The side that is x, with a factor.
  double factor = 1;
  bool isFirst = isSame(stripFactors(a.expression, factor), gelu->base);
  if (!isFirst) {
    factor = 1;
    stripFactors(b.expression, factor);
  }
  const ScalarModel &value = isFirst ? a : b;
  std::optional<double> unit = value.scale.getUniform();
  if (!value.isInteger() || !unit)
    return std::nullopt;
  // In floats sqrt 2 is not exact; x / sqrt 2 stands for x / 1.4142.
  double inner = std::abs(gelu->inner - 1) < 1e-5 ? 1 : gelu->inner;
  double scale = *unit / factor * inner;
  std::string reason = "the operand has more than 32 bits";
  std::optional<IBertGelu> kernel = IBertGelu::make(scale, &reason);
  std::optional<IntegerProgram> program;
  if (kernel && value.range.fits(32))
    program = kernel->makeProgram(getRange(value));
  if (!program)
    return context.emitError()
           << "has no GELU of I-BERT for operands in units of " << scale << ": "
           << reason << "; quantize the operand, or use functions=minimax";
  // Units of I-BERT's are negative.
  double size = std::abs(kernel->outputScale);
  double largest = measureGelu(*kernel, scale, getRange(value));
  // The slope of GELU is at most 1.129. Where the network has another number
  // for sqrt 2, x / 2 erf is off by 2^-20 of |x| at most.
  double offset = getRealError(value) / factor * inner;
  double reach = static_cast<double>(value.range.getMaxMagnitude()) * scale;
  double error =
      largest + 1.13 * offset + std::abs(gelu->inner / inner - 1) * reach;
  BodyBuilder &body = context.body;
  Value result = emitProgram(body, *program, value.value).front();
  result = body.cast(result, 64);
  result = arith::SubIOp::create(context.builder(), body.getLoc(),
                                 body.constant(0, 64), result);
  IntegerProgram::Range range = program->getResultRange();
  double outer = gelu->factor * (gelu->inner / inner);
  return ScalarModel::makeInteger(result, Table(size * outer),
                                  -IntegerRange{range.lo, range.hi},
                                  {error / size, 0});
}

//===----------------------------------------------------------------------===//
// Layer norm
//===----------------------------------------------------------------------===//
//
// With q the integers of a row, d their number, y = q - round(mean q):
//   deviation = floor(sqrt(sum (y >> shift)^2)) << shift
//   result = floor(y floor(2^31 / deviation) / 2), units of sqrt(d) / 2^30.
// A deviation of 0 gives 0.

namespace {
class LayerNormEmitter {
public:
  LayerNormEmitter(RuleContext &context, const LayerNorm &norm);

  /// None if the row is no set of whole dimensions, or too long or wide.
  std::optional<FailureOr<ScalarModel>> run();

private:
  bool findRow();
  TensorModel reduce(int64_t start, unsigned width, IntegerRange range,
                     llvm::function_ref<Value(BodyBuilder &)> getTerm);
  TensorModel mapRows(const TensorModel &input, unsigned width,
                      IntegerRange range,
                      llvm::function_ref<Value(BodyBuilder &, Value)> compute);
  TensorModel wrap(Value payload, IntegerRange range);
  IntegerProgram makeMeanProgram(IntegerProgram::Range sums);
  TensorModel computeMeans();
  TensorModel computeFactors(const TensorModel &means);
  double getError();

  RuleContext &context;
  const LayerNorm &norm;
  const TensorModel &codes;
  SmallVector<int64_t> shape;
  /// Of the dimensions of the tensor, those that are not of the row.
  SmallVector<unsigned> kept;
  SmallVector<utils::IteratorType> iterators;
  AffineMap identity, rows;
  double count;
  /// Largest |y|.
  int64_t largest = 0;
  unsigned shift = 0;
};
} // namespace

LayerNormEmitter::LayerNormEmitter(RuleContext &context, const LayerNorm &norm)
    : context(context), norm(norm), codes(*norm.element->model),
      shape(codes.realType.getShape()), count(double(norm.count)) {}

/// The dimensions of the tensor that the row runs along.
bool LayerNormEmitter::findRow() {
  MLIRContext *mlir = context.op->getContext();
  SmallVector<AffineExpr> exprs;
  for (auto [dim, index] : llvm::enumerate(norm.term->indices)) {
    bool isRow = isa<AffineSymbolExpr>(index);
    iterators.push_back(isRow ? utils::IteratorType::reduction
                              : utils::IteratorType::parallel);
    if (isRow)
      continue;
    kept.push_back(dim);
    exprs.push_back(getAffineDimExpr(dim, mlir));
    if (isa<AffineBinaryOpExpr>(index))
      return false;
  }
  identity = AffineMap::getMultiDimIdentityMap(shape.size(), mlir);
  rows = AffineMap::get(shape.size(), 0, exprs, mlir);
  if (!codes.scale.getUniform() || !codes.range.fits(17))
    return false;
  largest = static_cast<int64_t>(codes.range.hi - codes.range.lo);
  // The calibrated shift for the widest rows there are.
  double sum =
      count * static_cast<double>(largest) * static_cast<double>(largest);
  while (std::ldexp(sum, -2 * static_cast<int>(shift)) >= 0x1p32)
    ++shift;
  return static_cast<double>(largest) * (count + 2) < 0x1p27;
}

/// A tensor of the rows.
TensorModel LayerNormEmitter::wrap(Value payload, IntegerRange range) {
  TensorModel model;
  model.kind = TensorModel::Kind::Integer;
  model.payload = payload;
  model.range = range;
  SmallVector<int64_t> sizes;
  for (unsigned dim : kept)
    sizes.push_back(shape[dim]);
  model.realType =
      RankedTensorType::get(sizes, codes.realType.getElementType());
  return model;
}

/// The sums of a term along rows.
TensorModel
LayerNormEmitter::reduce(int64_t start, unsigned width, IntegerRange range,
                         llvm::function_ref<Value(BodyBuilder &)> getTerm) {
  OpBuilder &outer = context.body.getOuterBuilder();
  Location loc = context.body.getLoc();
  BodyBuilder body(outer, loc, shape, context.body.getSettings());
  TensorModel result = wrap(nullptr, range);
  Type type = outer.getIntegerType(width);
  Value term = getTerm(body);
  Value zero =
      arith::ConstantOp::create(outer, loc, outer.getIntegerAttr(type, start));
  Value empty =
      tensor::EmptyOp::create(outer, loc, result.realType.getShape(), type);
  Value init = linalg::FillOp::create(outer, loc, zero, empty).getResult(0);
  Value acc = body.addOutput(init, rows);
  Value sum = arith::AddIOp::create(body.getBuilder(), loc, acc,
                                    body.cast(term, width));
  result.payload = body.finish(iterators, sum).getResult(0);
  return result;
}

/// A function of one number a row.
TensorModel LayerNormEmitter::mapRows(
    const TensorModel &input, unsigned width, IntegerRange range,
    llvm::function_ref<Value(BodyBuilder &, Value)> compute) {
  OpBuilder &outer = context.body.getOuterBuilder();
  Location loc = context.body.getLoc();
  ArrayRef<int64_t> sizes = input.realType.getShape();
  BodyBuilder body(outer, loc, sizes, context.body.getSettings());
  AffineMap map = outer.getMultiDimIdentityMap(sizes.size());
  Value value = compute(body, body.loadCode(input, map));
  Value empty =
      tensor::EmptyOp::create(outer, loc, sizes, outer.getIntegerType(width));
  body.addOutput(empty, map);
  SmallVector<utils::IteratorType> parallel(sizes.size(),
                                            utils::IteratorType::parallel);
  Value payload = body.finish(parallel, body.cast(value, width)).getResult(0);
  return wrap(payload, range);
}

/// sum / d, rounded half to even.
IntegerProgram LayerNormEmitter::makeMeanProgram(IntegerProgram::Range sums) {
  // An even number of d is added to divide what is >= 0.
  int64_t d = norm.count;
  int64_t lift = 2 * ((largest + std::abs(int64_t(codes.range.lo))) / 2 + 1);
  IntegerProgramBuilder builder;
  auto sum = builder.addImmediate(builder.addInput(sums), lift * d);
  auto mean = builder.divideBy(sum, d);
  auto rest =
      builder.subtract(sum, builder.multiply(mean, builder.addConstant(d)));
  builder.assume(rest, {0, d - 1});
  // 2 rest - d is above 0, or 0 and the mean odd.
  auto above = builder.addImmediate(builder.shiftLeftBy(rest, 1), -d);
  above = builder.clamp(builder.add(above, builder.bitAnd(mean, 1)), {0, 1});
  auto result = builder.addImmediate(builder.add(mean, above), -lift);
  builder.assume(result, {int64_t(codes.range.lo), int64_t(codes.range.hi)});
  return builder.finish({result});
}

TensorModel LayerNormEmitter::computeMeans() {
  Table unit = codes.scale;
  IntegerRange range = codes.range.accumulated(norm.count);
  TensorModel sums = reduce(0, 32, range, [&](BodyBuilder &body) {
    return body.load(codes, identity, unit).value;
  });
  IntegerProgram program =
      makeMeanProgram({int64_t(range.lo), int64_t(range.hi)});
  return mapRows(sums, 32, codes.range, [&](BodyBuilder &body, Value sum) {
    return emitProgram(body, program, sum).front();
  });
}

/// floor(2^31 / deviation), 0 for a deviation of 0.
TensorModel LayerNormEmitter::computeFactors(const TensorModel &means) {
  Location loc = context.body.getLoc();
  auto bound =
      static_cast<int64_t>(count * std::pow(double(largest >> shift) + 1, 2));
  TensorModel sums = reduce(0, 64, {0, bound}, [&](BodyBuilder &body) {
    OpBuilder &builder = body.getBuilder();
    Value code = body.load(codes, identity, codes.scale).value;
    Value mean = body.loadCode(means, rows);
    Value y = arith::SubIOp::create(builder, loc, body.cast(code, 32), mean);
    if (shift)
      y = arith::ShRSIOp::create(builder, loc, y, body.constant(shift, 32));
    y = body.cast(y, 64);
    return arith::MulIOp::create(builder, loc, y, y).getResult();
  });
  std::optional<IntegerProgram> root = buildFloorSqrt({0, bound});
  int64_t reach = std::max<int64_t>(root->getResultRange().hi, 1) << shift;
  std::optional<IntegerProgram> invert =
      buildFloorReciprocal(31, {int64_t(1) << shift, reach});
  return mapRows(
      sums, 64, {0, int64_t(1) << 31}, [&](BodyBuilder &body, Value sum) {
        OpBuilder &builder = body.getBuilder();
        Value deviation = emitProgram(body, *root, sum).front();
        Value one = arith::MaxSIOp::create(
            builder, loc, body.cast(deviation, 32), body.constant(1, 32));
        if (shift)
          one = arith::ShLIOp::create(builder, loc, one,
                                      body.constant(shift, 32));
        Value factor = emitProgram(body, *invert, one).front();
        factor = body.cast(factor, 64);
        Value isZero = arith::CmpIOp::create(
            builder, loc, arith::CmpIPredicate::eq, body.cast(deviation, 32),
            body.constant(0, 32));
        return arith::SelectOp::create(builder, loc, isZero,
                                       body.constant(0, 64), factor)
            .getResult();
      });
}

/// The largest distance from (q - mean) / sqrt(variance + addend), in real
/// numbers, over all rows of integers.
///
/// With N^2 = sum (q - mean q)^2 >= (d - 1) / d unless the row is constant (and
/// both are 0), delta = mean q - round(mean q), w = q - mean q of one element:
///   |delta| <= 1/2, and N^2 >= d delta^2, as every q is that far from the
///   mean; w^2 <= N^2 (d - 1) / d and w^2 <= N^2 - (d - 1) delta^2; sum y^2 = V
///   = N^2 + d delta^2 >= 1; deviation lies in [sqrt V - 2^s (sqrt d + 1), sqrt
///   V + 2^s sqrt d], and is
///     0 or at least 2^s; for s = 0 in [max(1, sqrt V - 1), sqrt V].
/// sqrt(d) (w + delta) / deviation - sqrt(d) w / sqrt(N^2 + d addend / S^2) is
/// bounded over small intervals of N and delta that cover all.
double LayerNormEmitter::getError() {
  double d = count, root = std::sqrt(d);
  double scale = *codes.scale.getUniform();
  double addend = d * norm.addend / (scale * scale);
  double step = std::ldexp(1.0, static_cast<int>(shift));
  double most = static_cast<double>(largest) * root;
  double worst = 0;
  constexpr double kGrowth = 1.01;
  constexpr int kSteps = 64;
  for (double low = std::sqrt((d - 1) / d) / kGrowth; low > 0 && low < most;
       low *= kGrowth) {
    double high = low * kGrowth;
    for (int i = 0; i < kSteps; ++i) {
      double delta0 = 0.5 * i / kSteps, delta1 = 0.5 * (i + 1) / kSteps;
      if (delta0 > high / root)
        break;
      delta1 = std::min(delta1, high / root);
      double w = std::sqrt(
          std::max(0.0, std::min(high * high * (d - 1) / d,
                                 high * high - (d - 1) * delta0 * delta0)));
      double v0 = std::sqrt(std::max(1.0, low * low + d * delta0 * delta0));
      double v1 = std::sqrt(high * high + d * delta1 * delta1);
      double slack = shift ? step * (root + 1) : 1;
      double least = std::max(step, v0 - slack);
      double longest = std::max(least, v1 + (shift ? step * root : 0));
      double r0 = std::sqrt(low * low + addend);
      double r1 = std::sqrt(high * high + addend);
      double ratio = std::max(1 / least - 1 / r1, 1 / r0 - 1 / longest);
      worst = std::max(worst, w * std::max(ratio, 0.0) + delta1 / least);
      // The deviation may be 0.
      if (shift && v0 - slack < step)
        worst = std::max(worst, w / r0);
    }
  }
  // floor(2^31 / deviation) times y, and the floor of the half of that.
  double units = static_cast<double>(largest) / 2 + 1;
  return root * (worst * (1 + 1e-9) + std::ldexp(units, -30));
}

std::optional<FailureOr<ScalarModel>> LayerNormEmitter::run() {
  if (!findRow())
    return std::nullopt;
  BodyBuilder &body = context.body;
  TensorModel means = computeMeans();
  TensorModel factors = computeFactors(means);
  MLIRContext *mlir = context.op->getContext();
  unsigned loops = body.getLoopSizes().size();
  auto map = AffineMap::get(loops, 0, norm.element->indices, mlir);
  SmallVector<AffineExpr> exprs;
  for (unsigned dim : kept)
    exprs.push_back(norm.element->indices[dim]);
  auto rowMap = AffineMap::get(loops, 0, exprs, mlir);
  OpBuilder &builder = body.getBuilder();
  Location loc = body.getLoc();
  Value code = body.load(codes, map, codes.scale).value;
  Value y = arith::SubIOp::create(builder, loc, body.cast(code, 32),
                                  body.loadCode(means, rowMap));
  Value product = arith::MulIOp::create(builder, loc, body.cast(y, 64),
                                        body.loadCode(factors, rowMap));
  Value result =
      arith::ShRSIOp::create(builder, loc, product, body.constant(1, 64));
  double unit = IBertLayerNorm::getScale(norm.count);
  // |y| / deviation is at most sqrt V / deviation.
  double reach = shift ? std::sqrt(count) + 2 : 2;
  auto bound = static_cast<__int128>(std::ldexp(reach, 30)) + 2;
  return ScalarModel::makeInteger(result, Table(unit), {-bound, bound},
                                  {getError() / unit, 0});
}

static std::optional<FailureOr<ScalarModel>>
compileLayerNorm(RuleContext &context, bool isQuotient) {
  ExpressionRef a = context.operands[0].expression;
  ExpressionRef b = context.operands[1].expression;
  std::optional<LayerNorm> norm = matchLayerNorm(a, b, !isQuotient);
  if (!norm && !isQuotient)
    norm = matchLayerNorm(b, a, /*isReciprocal=*/true);
  if (!norm)
    return std::nullopt;
  return LayerNormEmitter(context, *norm).run();
}

//===----------------------------------------------------------------------===//
// Which
//===----------------------------------------------------------------------===//

std::optional<FailureOr<ScalarModel>>
mlir::qfmt::compileIBert(RuleContext &context,
                         const ExpressionRef &expression) {
  auto hasMask = [](const ScalarModel &model) {
    return model.mask.has_value();
  };
  if (context.body.getSettings().functions != FunctionKernels::IBert ||
      llvm::any_of(context.operands, hasMask))
    return std::nullopt;
  const ScalarModel &first = context.operands[0];
  if (isa<math::ExpOp>(context.op)) {
    if (!first.isInteger() || first.range.hi > 0)
      return std::nullopt;
    return compileExp(context);
  }
  if (isa<arith::DivFOp>(context.op)) {
    if (auto softmax = compileSoftmax(context))
      return softmax;
    return compileLayerNorm(context, /*isQuotient=*/true);
  }
  if (!isa<arith::MulFOp>(context.op))
    return std::nullopt;
  if (auto gelu = compileGelu(context))
    return gelu;
  return compileLayerNorm(context, /*isQuotient=*/false);
}
