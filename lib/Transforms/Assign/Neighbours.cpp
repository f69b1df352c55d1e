// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Neighbours.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::qfmt;

/// The operation that `value` comes from: that around the block if it is a
/// block's argument, none for arguments of functions.
static Operation *getOrigin(Value value) {
  if (Operation *op = value.getDefiningOp())
    return op;
  Operation *parent = value.getParentBlock()->getParentOp();
  return isa<FunctionOpInterface>(parent) ? nullptr : parent;
}

std::vector<std::vector<unsigned>>
mlir::qfmt::findPredecessors(ArrayRef<Layer> layers) {
  llvm::DenseMap<Operation *, unsigned> positions;
  for (auto [position, layer] : llvm::enumerate(layers))
    positions[layer.op] = position;

  std::vector<std::vector<unsigned>> predecessors(layers.size());
  for (auto [position, layer] : llvm::enumerate(layers)) {
    std::vector<unsigned> &found = predecessors[position];
    llvm::DenseSet<Operation *> seen;
    SmallVector<Value> pending = {layer.data->get()};
    while (!pending.empty()) {
      Operation *origin = getOrigin(pending.pop_back_val());
      if (!origin || !seen.insert(origin).second)
        continue;
      auto known = positions.find(origin);
      if (known != positions.end()) {
        // In a loop a layer may follow itself.
        if (known->second != position)
          found.push_back(known->second);
        continue;
      }
      // Of a loop or a branch everything inside counts, but for what only its
      // layers read.
      origin->walk([&](Operation *op) {
        if (!positions.count(op))
          llvm::append_range(pending, op->getOperands());
      });
    }
    llvm::sort(found);
  }
  return predecessors;
}
