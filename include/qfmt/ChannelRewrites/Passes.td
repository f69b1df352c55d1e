// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_CHANNELREWRITES_PASSES_TD
#define QFMT_CHANNELREWRITES_PASSES_TD

include "mlir/Pass/PassBase.td"

// What all rewrites have in common; docs/Channels.md describes them.
class ChannelRewrite<string name, list<Option> own> : Pass<name, "::mlir::ModuleOp"> {
  let options = own # [
    Option<"materialize", "materialize", "bool", "true",
           "Allow operations that change channels at run time where no constant can absorb a scale, shift or rotation">,
    Option<"gather", "gather", "bool", "false", "Allow the same for permutations: as gathers">,
    Option<"verifyEquivalence", "verify-equivalence", "bool", "false",
           "Run both functions on random numbers in double and fail if they differ by more than 1e-12 of the largest output">
  ];
  let statistics = [
    Statistic<"numRewrites", "num-rewrites", "Tensors whose channels were changed">,
    Statistic<"numRefused", "num-refused", "Changes that were refused">,
    Statistic<"numFolded", "num-folded", "Operations whose constants absorbed a change">,
    Statistic<"numMaterialized", "num-materialized", "Operations that change channels at run time">,
    Statistic<"numElements", "num-elements", "Elements that these compute each call">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

#endif // QFMT_CHANNELREWRITES_PASSES_TD
