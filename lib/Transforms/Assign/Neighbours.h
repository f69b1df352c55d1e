//===- Neighbours.h - Which layers follow which -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_NEIGHBOURS_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_NEIGHBOURS_H

#include "../Layers.h"

namespace mlir::qfmt {

/// For each layer the positions of those whose results reach its data without
/// another layer in between, ascending. Within a function: what a call returns
/// comes from nobody.
std::vector<std::vector<unsigned>> findPredecessors(ArrayRef<Layer> layers);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_NEIGHBOURS_H
