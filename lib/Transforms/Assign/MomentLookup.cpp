// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "MomentLookup.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

FailureOr<ArrayRef<double>>
mlir::qfmt::findMoments(const MomentTable &table, StringRef file,
                        StringRef name, linalg::LinalgOp op,
                        const WeightMatrices &matrices) {
  auto entry = table.find(name);
  if (entry == table.end())
    return op.emitOpError()
           << "is the layer '" << name << "', of which '" << file
           << "' has no moments; it has those of " << listKeys(table);
  const MomentMatrices &given = entry->second;
  SmallVector<int64_t> shape = {matrices.groups, matrices.depth,
                                matrices.depth};
  bool fits = given.shape == shape ||
              (matrices.groups == 1 &&
               ArrayRef(given.shape) == ArrayRef(shape).drop_front());
  if (fits && llvm::all_of(given.elements,
                           [](double value) { return std::isfinite(value); }))
    return ArrayRef(given.elements);
  if (fits)
    return op.emitOpError()
           << "is the layer '" << name << "', whose moments in '" << file
           << "' are NaN or infinite";
  InFlightDiagnostic diag = op.emitOpError();
  diag << "is the layer '" << name << "', whose moments in '" << file
       << "' have the shape [";
  llvm::interleaveComma(given.shape, diag);
  diag << "]; they have [";
  if (matrices.groups != 1)
    diag << matrices.groups << ", ";
  return diag << matrices.depth << ", " << matrices.depth
              << "], of what it sums over";
}
