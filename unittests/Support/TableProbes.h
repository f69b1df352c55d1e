//===- TableProbes.h - Where tables of values go wrong ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_UNITTESTS_SUPPORT_TABLEPROBES_H
#define QFMT_UNITTESTS_SUPPORT_TABLEPROBES_H

#include "qfmt/Support/ValueTable.h"
#include <vector>

namespace mlir::qfmt::test {

/// Every value, the f64 nearest to every midpoint, the neighbours of both in
/// f32 and f64, the same around and beyond both ends; infinities and NaN.
std::vector<double> getProbes(const ValueTable &table);

/// Asserts for all probes and all modes that the table with the exact midpoints
/// as thresholds rounds as a search by distances says, and that counting step
/// boundaries and comparing with the overflow limits do what encode does.
/// HalfEven is left out of the search where a format has ties of its own.
void checkTable(const ValueTable &table, bool hasOwnEvenTies = false);

/// The second half of checkTable, for tables with thresholds of their own.
void checkBoundaries(const ValueTable &table);

} // namespace mlir::qfmt::test

#endif // QFMT_UNITTESTS_SUPPORT_TABLEPROBES_H
