// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DataValues.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::qfmt;

DataValues::DataValues(FunctionOpInterface function) {
  function->walk<WalkOrder::PreOrder>([&](Operation *op) {
    // What a loop carries or a branch yields may be data.
    bool isControlFlow = isa<RegionBranchOpInterface>(op);
    if (isControlFlow || op == function)
      for (Region &region : op->getRegions())
        llvm::for_each(region.getArguments(), [&](Value v) { insert(v); });
    if (isControlFlow || readsData(op))
      llvm::for_each(op->getResults(), [&](Value v) { insert(v); });
  });
}

void DataValues::insert(Value value) {
  if (!value.getType().isIndex())
    values.insert(value);
}

bool DataValues::readsData(Operation *op) const {
  SetVector<Value> read(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), read);
  return llvm::any_of(read, [&](Value v) { return contains(v); });
}
