//===- FloatProgram.h - Elementary functions as arithmetic ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// exp2, exp, log2 and erf as straight-line floating-point programs of a known
// error and number of operations, after the idea of AutoNumerics-Zero (arXiv
// 2312.08472): a compiler has a table of programs, {function, type, error,
// operations}, instead of one library function.
//
// A program works on a reduced argument; the reduction is the same for all
// programs of a function. Both are written once, as templates over an
// `Arithmetic`: numbers (tests, the search tool) or operations of IR.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_FLOATPROGRAM_H
#define QFMT_SUPPORT_FLOATPROGRAM_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cassert>
#include <cstdint>

namespace mlir::qfmt {

enum class FloatFunction { Exp2, Exp, Log2, Erf };

enum class FloatProgramType { F32, F64 };

/// What is done with the coefficients c and the reduced argument r.
enum class FloatProgramKind {
  /// c0 + r (c1 + r (...)).
  Polynomial,
  /// (q + r) / (q - r), q = c0 + z (c1 + z (...)), z = r r: what e^r and 2^r
  /// have in common with their inverse at -r.
  Quotient,
  /// u = c3 / r + r; (c4 / (c1 / u + c2 + u) - c5)^8: the best program of 10
  /// operations for 2^r that AutoNumerics-Zero's evolution found. r = 0 gives
  /// an infinite u and 1 / u = 0: it needs IEEE infinities. c0 is unused.
  Evolved,
  /// r (c0 + r (c1 + ...)).
  PolynomialTimesArgument,
  /// s (c0 + s s (c1 + ...)), s = r / (2 + r): the series of the inverse
  /// hyperbolic tangent, for logarithms of 1 + r.
  OddOfQuotient,
  /// erf: r (c0 + z (c1 + ...)) for |r| < 1, else 1 - 2^p(|r|) with the last
  /// coefficients for p and a polynomial for the fraction's power of two.
  OddOrTail,
};

struct FloatProgram {
  FloatFunction function;
  FloatProgramType type;
  FloatProgramKind kind;
  /// Additions, subtractions, products and divisions on the reduced argument;
  /// `operationsFma` with each product that feeds an addition counted with it.
  unsigned operations, operationsFma;
  /// The largest error of the whole function, reduction included, in units in
  /// the last place of the exact result: measured by the search tool, and a
  /// margin. Without and with fused multiply-add.
  double maxUlp, maxUlpFma;
  llvm::ArrayRef<double> coefficients;
  /// OddOrTail: p, in powers of |r| - 2.
  llvm::ArrayRef<double> tail;
  /// OddOrTail: 2^x on [-1/2, 1/2].
  llvm::ArrayRef<double> power;

  bool divides() const {
    return kind == FloatProgramKind::Quotient ||
           kind == FloatProgramKind::Evolved ||
           kind == FloatProgramKind::OddOfQuotient;
  }
  double getMaxUlp(bool fma) const { return fma ? maxUlpFma : maxUlp; }
  unsigned getOperations(bool fma) const {
    return fma ? operationsFma : operations;
  }
};

/// Every program of the table.
llvm::ArrayRef<FloatProgram> getFloatPrograms();

/// What a program must be.
struct FloatProgramQuery {
  FloatFunction function;
  FloatProgramType type;
  double maxUlp;
  /// 0: any number.
  unsigned maxOps = 0;
  bool fma = false;
  /// False: no program that divides.
  bool division = true;

  bool accepts(const FloatProgram &program) const;
};

/// The program of fewest operations that is accepted (the smaller error first
/// among equals), or null.
const FloatProgram *findFloatProgram(const FloatProgramQuery &query);

llvm::StringRef stringify(FloatFunction function);

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_FLOATPROGRAM_H
