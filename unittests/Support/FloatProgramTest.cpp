//===- FloatProgramTest.cpp - Elementary functions as arithmetic ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/FloatProgram.h"
#include "qfmt/Support/ExactReal.h"
#include "qfmt/Support/FloatExpansion.h"
#include "gtest/gtest.h"
#include <random>
#include <vector>

using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// Published operation counts and errors of 2^x on [0, 1]
//===----------------------------------------------------------------------===//

namespace {
enum class Type { BF16, F32, F64 };

struct Published {
  Type type;
  unsigned operations;
  double error;
  /// In the type's arithmetic, in units at 1.5; 0 where it is not asserted.
  double ulp;
  std::vector<double> numerator, denominator;
};

/// Rounds every result to a type, and counts operations.
template <Type type>
struct Rounded {
  long double value = 0;
  static inline unsigned operations = 0;

  Rounded(long double value) : value(round(value)) {}

  static long double round(long double value) {
    if (type == Type::F64)
      return double(value);
    if (type == Type::F32)
      return float(value);
    // Values of bf16 and their sums, products and quotients in long double
    // round to bf16 by way of double as they do directly: 64 and 53 bits are
    // more than twice 8 and two.
    return ExactReal::fromDouble(double(value))
        .roundTo(BinaryFormat::bf16())
        .roundToDouble();
  }
  friend Rounded operator+(Rounded a, Rounded b) {
    ++operations;
    return a.value + b.value;
  }
  friend Rounded operator*(Rounded a, Rounded b) {
    ++operations;
    return a.value * b.value;
  }
  friend Rounded operator/(Rounded a, Rounded b) {
    ++operations;
    return a.value / b.value;
  }
};
} // namespace

static const Published published[] = {
#define LIST(...) {__VA_ARGS__}
#define POLYNOMIAL(TYPE, OPERATIONS, ERROR, ULP, COEFFICIENTS)                 \
  {Type::TYPE, OPERATIONS, ERROR, ULP, COEFFICIENTS, {}},
#define RATIONAL(TYPE, OPERATIONS, ERROR, ULP, NUMERATOR, DENOMINATOR)         \
  {Type::TYPE, OPERATIONS, ERROR, ULP, NUMERATOR, DENOMINATOR},
#include "PublishedExp2Programs.inc"
#undef LIST
#undef POLYNOMIAL
#undef RATIONAL
};

template <typename T>
static T evaluateHorner(const std::vector<double> &coefficients, T x) {
  T sum = coefficients.back();
  for (size_t i = coefficients.size() - 1; i-- > 0;)
    sum = sum * x + T(coefficients[i]);
  return sum;
}

template <typename T>
static T evaluate(const Published &program, T x) {
  T numerator = evaluateHorner(program.numerator, x);
  if (program.denominator.empty())
    return numerator;
  return numerator / evaluateHorner(program.denominator, x);
}

/// In units of the type at 1.5, over 100001 inputs that the type has.
template <Type type>
static double measureUlp(const Published &program) {
  double unit = type == Type::BF16  ? 0x1p-7
                : type == Type::F32 ? 0x1p-23
                                    : 0x1p-52;
  long double largest = 0;
  for (int i = 0; i <= 100000; ++i) {
    Rounded<type> x(i / 100000.0L);
    long double computed = evaluate(program, x).value;
    largest = std::max(largest, std::fabs(computed - std::exp2(x.value)));
  }
  return double(largest / unit);
}

TEST(FloatProgram, PublishedErrorsOfExp2) {
  for (const Published &program : published) {
    long double largest = 0;
    for (int i = 0; i <= 100000; ++i) {
      long double x = i / 100000.0L;
      long double exact = std::exp2(x);
      largest = std::max(
          largest, std::fabs(evaluate<long double>(program, x) / exact - 1));
    }
    // Long double resolves 1e-19.
    EXPECT_NEAR(double(largest) / program.error, 1, 2e-3)
        << program.operations << " operations";
  }
}

TEST(FloatProgram, PublishedOperationsOfExp2) {
  for (const Published &program : published) {
    Rounded<Type::F64>::operations = 0;
    evaluate(program, Rounded<Type::F64>(0.3L));
    EXPECT_EQ(Rounded<Type::F64>::operations, program.operations);
  }
}

// The errors in the types' own arithmetic, which rounding dominates: an order
// of 3 is enough for less than one unit in bfloat16, 12 operations are the
// fewest for less than 1.2 in float32.
TEST(FloatProgram, PublishedUlpOfExp2) {
  for (const Published &program : published) {
    if (program.ulp == 0)
      continue;
    double ulp = program.type == Type::BF16 ? measureUlp<Type::BF16>(program)
                                            : measureUlp<Type::F32>(program);
    EXPECT_NEAR(ulp, program.ulp, 0.02 * program.ulp)
        << program.operations << " operations";
  }
}

// The evolved program of 10 operations: 14.3 digits (published), where the
// baselines of 10 operations reach 7.1: six orders of magnitude.
TEST(FloatProgram, EvolvedProgramOfTenOperations) {
  struct Domain {
    double lo, hi, c1, c2, c3, c4, c5, exact, inDouble;
  };
  const Domain domains[] = {
      {0, 1, 15141.930705225781, -250.5521242863598, 5783.524915173004,
       501.10424858135787, -0.9999999999999998, 2.191e-15, 4.07e-15},
      {-0.5, 0.5, 15141.127650966771, -250.5465452795766, 5783.396134187297,
       501.0930905591532, -1.0, 2.757e-16, 1.82e-15},
      {-1, 1, 15141.723095616755, -250.55068187046814, 5783.491619614251,
       501.1013637409363, -1.0, 4.942e-15, 6.41e-15}};
  for (const Domain &d : domains) {
    std::vector<double> c = {0, d.c1, d.c2, d.c3, d.c4, d.c5};
    FloatProgram program = {FloatFunction::Exp2,
                            FloatProgramType::F64,
                            FloatProgramKind::Evolved,
                            10,
                            10,
                            0,
                            0,
                            c,
                            {},
                            {}};
    NativeArithmetic<double, false> arithmetic;
    FloatExpansion expansion(arithmetic);
    long double largest = 0;
    for (int i = 0; i <= 200000; ++i) {
      double x = d.lo + (d.hi - d.lo) * i / 200000;
      largest = std::max(
          largest,
          std::fabs(expansion.run(program, x) / std::exp2((long double)x) - 1));
    }
    EXPECT_LE(largest, d.inDouble * 1.05) << d.lo;
    EXPECT_GE(largest, d.exact) << d.lo;
    // Without a division by zero in sight.
    EXPECT_EQ(expansion.run(program, 0.0),
              d.c5 == -1 ? 1.0 : std::pow(d.c5, 8));
    EXPECT_EQ(expansion.run(program, -0.0), expansion.run(program, 0.0));
  }
  // 14 digits against 7 with the same number of operations.
  for (const Published &program : published)
    if (program.operations == 10) {
      EXPECT_GT(program.error, 4.07e-15 * 1e6);
    }
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

static long double computeExact(FloatFunction function, long double x) {
  switch (function) {
  case FloatFunction::Exp2:
    return std::exp2(x);
  case FloatFunction::Exp:
    return std::exp(x);
  case FloatFunction::Log2:
    return std::log2(x);
  case FloatFunction::Erf:
    return std::erf(x);
  }
  llvm_unreachable("covered switch");
}

/// |computed - exact| in units in the last place of T at the exact result.
template <typename T>
static long double getUlpError(T computed, long double exact) {
  using Limits = std::numeric_limits<T>;
  int exponent = exact == 0
                     ? Limits::min_exponent - 1
                     : std::max(std::ilogb(exact), Limits::min_exponent - 1);
  return std::fabs(computed - exact) /
         std::ldexp(1.0L, exponent - (Limits::digits - 1));
}

template <typename T>
static void checkErrors(const FloatProgram &program) {
  using Limits = std::numeric_limits<T>;
  std::mt19937_64 random(99);
  // Every bit pattern is as likely; every second input is near 1.
  for (int i = 0; i < 20000; ++i) {
    uint64_t bits = random();
    T x;
    std::memcpy(&x, &bits, sizeof(x));
    if (i % 2)
      x = T(std::ldexp(double(bits >> 11), -52) - (bits & 1 ? 1 : 0));
    if (program.function == FloatFunction::Log2)
      x = std::fabs(x);
    long double exact = computeExact(program.function, x);
    // Near the threshold of overflow infinity and the largest number are an
    // ulp apart.
    if (std::isnan(x) || std::fabs(exact) > Limits::max() / 2 || x == 0)
      continue;
    for (bool fma : {false, true}) {
      EXPECT_LE(getUlpError(evaluateFloatProgram<T>(program, x, fma), exact),
                program.getMaxUlp(fma))
          << stringify(program.function).str() << " " << program.operations
          << " " << x;
    }
  }
}

TEST(FloatProgram, ErrorsOfTheTable) {
  ASSERT_GT(getFloatPrograms().size(), 50u);
  for (const FloatProgram &program : getFloatPrograms()) {
    if (program.type == FloatProgramType::F32)
      checkErrors<float>(program);
    else
      checkErrors<double>(program);
  }
}

template <typename T>
static void checkSpecialValues(const FloatProgram &program, bool fma) {
  using Limits = std::numeric_limits<T>;
  constexpr T kInfinity = Limits::infinity();
  auto run = [&](T x) { return evaluateFloatProgram<T>(program, x, fma); };
  EXPECT_TRUE(std::isnan(run(Limits::quiet_NaN())));
  EXPECT_TRUE(std::isnan(run(-Limits::quiet_NaN())));
  double tolerance =
      program.getMaxUlp(fma) * std::ldexp(1.0, 1 - Limits::digits);
  switch (program.function) {
  case FloatFunction::Exp2:
  case FloatFunction::Exp:
    EXPECT_EQ(run(kInfinity), kInfinity);
    EXPECT_EQ(run(Limits::max()), kInfinity);
    EXPECT_EQ(run(-kInfinity), 0);
    EXPECT_EQ(run(-Limits::max()), 0);
    EXPECT_NEAR(run(0), 1, tolerance);
    EXPECT_NEAR(run(T(-0.0)), 1, tolerance);
    EXPECT_NEAR(run(Limits::denorm_min()), 1, tolerance);
    break;
  case FloatFunction::Log2:
    EXPECT_EQ(run(kInfinity), kInfinity);
    EXPECT_EQ(run(0), -kInfinity);
    EXPECT_EQ(run(T(-0.0)), -kInfinity);
    EXPECT_TRUE(std::isnan(run(-1)));
    EXPECT_TRUE(std::isnan(run(-kInfinity)));
    EXPECT_TRUE(std::isnan(run(-Limits::denorm_min())));
    EXPECT_EQ(run(1), 0);
    EXPECT_EQ(run(8), 3);
    EXPECT_EQ(run(Limits::denorm_min()), Limits::min_exponent - Limits::digits);
    break;
  case FloatFunction::Erf:
    EXPECT_EQ(run(0), 0);
    EXPECT_FALSE(std::signbit(run(0)));
    EXPECT_TRUE(std::signbit(run(T(-0.0))));
    EXPECT_NEAR(run(kInfinity), 1, tolerance);
    EXPECT_EQ(run(-kInfinity), -run(kInfinity));
    EXPECT_EQ(run(-Limits::max()), -run(kInfinity));
    break;
  }
}

TEST(FloatProgram, SpecialValues) {
  for (const FloatProgram &program : getFloatPrograms())
    for (bool fma : {false, true}) {
      SCOPED_TRACE(stringify(program.function).str() + " " +
                   std::to_string(program.operations));
      if (program.type == FloatProgramType::F32)
        checkSpecialValues<float>(program, fma);
      else
        checkSpecialValues<double>(program, fma);
    }
}

TEST(FloatProgram, FindsTheShortest) {
  using F = FloatFunction;
  // The evolved program is the best of 10 operations in double.
  const FloatProgram *best =
      findFloatProgram({F::Exp2, FloatProgramType::F64, 20});
  ASSERT_TRUE(best);
  EXPECT_EQ(best->kind, FloatProgramKind::Evolved);
  EXPECT_EQ(best->operations, 10u);
  for (const FloatProgram &program : getFloatPrograms()) {
    const FloatProgram *found =
        findFloatProgram({program.function, program.type, program.maxUlp});
    ASSERT_TRUE(found);
    EXPECT_LE(found->operations, program.operations);
    EXPECT_LE(found->maxUlp, program.maxUlp);
  }
  EXPECT_FALSE(findFloatProgram({F::Exp2, FloatProgramType::F64, 20, 9}));
  EXPECT_FALSE(findFloatProgram({F::Erf, FloatProgramType::F32, 0.5}));
  // Without division a polynomial; with fused operations half as many.
  best =
      findFloatProgram({F::Exp2, FloatProgramType::F64, 20, 0, false, false});
  ASSERT_TRUE(best);
  EXPECT_EQ(best->kind, FloatProgramKind::Polynomial);
  EXPECT_GT(best->operations, 10u);
  best = findFloatProgram({F::Exp2, FloatProgramType::F32, 4, 0, true, false});
  ASSERT_TRUE(best);
  EXPECT_EQ(best->operationsFma, 5u);
}
