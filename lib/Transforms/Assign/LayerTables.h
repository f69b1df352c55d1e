//===- LayerTables.h - Numbers a layer, from files --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the pass is told about layers by their names:
//
//   traces      {"conv1": 0.068, ...}
//   by choice   {"conv1": {"i4/i8": 0.31, "i8": 0.02}, ...}
//   measured    the same, and maybe "pairwise": [{"layers": ["conv1", "conv2"],
//               "formats": ["i4/i8", "i4/i8"], "damage": -0.02}, ...]
//   moments     an .npz file of one array a layer, and maybe statistics
//               (MomentArrays.h), which are left out
//
// Errors are sentences that begin with the file's name in quotes.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_LAYERTABLES_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_LAYERTABLES_H

#include "../FormatChoice.h"
#include "qfmt/Assignment/Problem.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace mlir::qfmt {

/// Numbers of layers, without regard to formats.
using TraceTable = llvm::StringMap<double>;
/// Numbers of layers by the text of the choice (FormatChoice::str).
using ChoiceTable = llvm::StringMap<llvm::StringMap<double>>;

/// Damages, of layers alone and of two together.
struct MeasuredTable {
  ChoiceTable alone;
  std::vector<assignment::PairwiseTerm> pairwise;
};

/// Second moments of the data that a layer reads: `groups` symmetric matrices
/// of depth x depth, row-major.
struct MomentMatrices {
  SmallVector<int64_t> shape;
  std::vector<double> elements;
};
using MomentTable = llvm::StringMap<MomentMatrices>;

/// "conv1, conv2, ...": the keys, sorted, not more than a few; "none".
std::string listNames(SmallVector<StringRef> names);
template <typename Table>
std::string listKeys(const Table &table) {
  return listNames(SmallVector<StringRef>(table.keys()));
}

llvm::Expected<TraceTable> readTraces(StringRef path);
/// Choices may be written in any way that FormatChoice::parse reads.
llvm::Expected<ChoiceTable> readChoiceTable(StringRef path,
                                            MLIRContext *context);
/// The same. A layer may be called `pairwise`: it has an object, not a list.
llvm::Expected<MeasuredTable> readMeasured(StringRef path,
                                           MLIRContext *context);
/// Arrays of f4 or f8.
llvm::Expected<MomentTable> readMoments(StringRef path);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_LAYERTABLES_H
