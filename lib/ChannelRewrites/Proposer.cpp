// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Proposer.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::qfmt;

LogicalResult
mlir::qfmt::requireLayers(ChannelRewriter &rewriter,
                          function_ref<InFlightDiagnostic()> emitError) {
  FailureOr<std::vector<SharedInput>> inputs = rewriter.collectSharedInputs();
  if (failed(inputs))
    return failure();
  if (inputs->empty())
    return emitError() << "finds no layers, contractions with constant "
                          "weights, whose channels could be changed";
  return success();
}

/// The first tensor of which no reader is done; null if there is none.
static const SharedInput *findNext(ArrayRef<SharedInput> inputs,
                                   const llvm::StringSet<> &done) {
  for (const SharedInput &input : inputs)
    if (llvm::none_of(input.readers, [&](const ChannelReader &reader) {
          return done.contains(reader.layer.name);
        }))
      return &input;
  return nullptr;
}

/// Marks all layers that read channels which `map` changes.
static void markReaders(ArrayRef<SharedInput> inputs,
                        ArrayRef<AffectedLayer> affected,
                        llvm::StringSet<> &done) {
  llvm::SmallDenseSet<Operation *> ops;
  for (const AffectedLayer &layer : affected)
    if (!layer.computes)
      ops.insert(layer.op);
  for (const SharedInput &input : inputs)
    for (const ChannelReader &reader : input.readers)
      if (ops.contains(reader.layer.op))
        done.insert(reader.layer.name);
}

LogicalResult mlir::qfmt::rewriteSharedInputs(ChannelRewriter &rewriter,
                                              StringRef what,
                                              ChannelProposal propose) {
  // Names outlive a rewrite; operations and weights do not.
  llvm::StringSet<> done;
  while (true) {
    FailureOr<std::vector<SharedInput>> inputs = rewriter.collectSharedInputs();
    if (failed(inputs))
      return failure();
    const SharedInput *input = findNext(*inputs, done);
    if (!input)
      return success();
    for (const ChannelReader &reader : input->readers)
      done.insert(reader.layer.name);
    FailureOr<std::optional<ChannelMap>> map = propose(*input);
    if (failed(map))
      return failure();
    if (!*map || (*map)->isIdentity())
      continue;
    SmallVector<Operation *> readers = input->getReaders();
    SmallVector<AffectedLayer> affected =
        rewriter.getAffectedLayers(input->tensor, **map, readers);
    if (rewriter.rewrite(input->tensor, **map, readers, what))
      markReaders(*inputs, affected, done);
  }
}
