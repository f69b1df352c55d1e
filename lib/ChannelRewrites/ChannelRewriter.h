//===- ChannelRewriter.h - Changes channels without a trace -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one way in which qfmt changes the channels of a tensor such that the
// function computed stays the same. A proposer (one file each) asks what a
// change of the channels of one tensor entails and has it done:
//
//   ChannelRewriter rewriter(module, options);
//   for (const SharedInput &input : rewriter.collectSharedInputs()) {
//     ChannelMap map = ...;                        // from data and weights
//     rewriter.rewrite(input.tensor, map, input.getReaders(), "smooth-quant");
//   }
//   return rewriter.finish();                      // --verify-equivalence
//
// Constants behind and in front of the tensor absorb the change: operations
// that compute the tensor give it changed channels, and those that read it
// expect them. What cannot absorb it gets an operation that changes the
// channels (or changes them back) at run time: materialized. A plan decides
// before anything is changed; one that is refused changes nothing.
//
// Constants are kept in double from one rewrite to the next and rounded once.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CHANNELREWRITES_CHANNELREWRITER_H
#define QFMT_LIB_CHANNELREWRITES_CHANNELREWRITER_H

#include "../Transforms/Layers.h"
#include "ChannelMap.h"
#include "ExactConstants.h"
#include "mlir/IR/BuiltinOps.h"
#include <memory>

namespace mlir::qfmt {

/// A layer that sums over channels of a tensor, and its weights as a matrix.
struct ChannelReader {
  Layer layer;
  /// Weights [channels][others], row-major; others are all other dimensions of
  /// the weights, in their order.
  int64_t channels, others;
  std::vector<double> weights;
  /// Of each position of the layer's depth (the order of the second moments:
  /// the weights' dimensions) its channel.
  std::vector<int64_t> channelOfDepth;
};

/// A tensor and the layers that sum over the same of its dimensions.
struct SharedInput {
  Value tensor;
  /// The dimensions and sizes that number the channels.
  SmallVector<int64_t> axes, shape;
  std::vector<ChannelReader> readers;

  int64_t getNumChannels() const;
  SmallVector<Operation *> getReaders() const;
};

/// What a change of channels entails.
struct ChannelCost {
  /// Operations whose constants absorb a part of it.
  int64_t folded = 0;
  /// Operations that are added, and the elements that they compute each call.
  int64_t materialized = 0;
  int64_t elements = 0;
};

/// A layer that takes part in a change of channels, on the side that computes
/// the tensor or on the side that reads it.
struct AffectedLayer {
  linalg::LinalgOp op;
  /// Of the channel order of the map that was asked about: weights
  /// [channels][others]. Empty if channels do not map one to one.
  std::vector<double> weights;
  bool computes;
};

struct ChannelOptions {
  /// Whether scales, shifts and rotations may be materialized.
  bool materialize = true;
  /// Whether permutations may: as gathers.
  bool gather = false;
  bool verifyEquivalence = false;
};

class ChannelPlan;

class ChannelRewriter {
public:
  ChannelRewriter(ModuleOp module, const ChannelOptions &options);
  ~ChannelRewriter();

  /// Tensors that layers read, in program order, as they are now. Tensors whose
  /// readers disagree about what their channels are appear more than once.
  /// Fails with a diagnostic as collectLayers.
  FailureOr<std::vector<SharedInput>> collectSharedInputs();

  /// What it would entail to give `tensor` channels changed by `map`, on the
  /// tensor's dimensions; none, with a sentence in `reason`, if it is refused
  /// (`rewrite` also refuses constants that overflow). `readers` are what
  /// profits: if all else costs more, only they read the changed channels.
  std::optional<ChannelCost> getCost(Value tensor, const ChannelMap &map,
                                     ArrayRef<Operation *> readers,
                                     std::string *reason = nullptr);
  /// The layers that such a change touches.
  SmallVector<AffectedLayer> getAffectedLayers(Value tensor,
                                               const ChannelMap &map,
                                               ArrayRef<Operation *> readers);

  /// Does it, with a remark at the operation that computes the tensor, which
  /// begins with `what`. If it is refused, nothing changes, and the remark
  /// says why. Values and operations are not valid any more afterwards, but
  /// for `tensor`s that other SharedInputs name.
  bool rewrite(Value tensor, const ChannelMap &map,
               ArrayRef<Operation *> readers, StringRef what);

  /// If asked for, runs the original and the rewritten functions on random
  /// numbers in double: fails with a diagnostic if they differ by more than
  /// 1e-12 of the largest output.
  LogicalResult finish();

  /// What rewrites have computed so far.
  const ExactConstants &getConstants() const { return constants; }

  /// Sums over all rewrites.
  const ChannelCost &getTotal() const { return total; }
  int64_t getNumRewrites() const { return numRewrites; }
  int64_t getNumRefused() const { return numRefused; }

private:
  ModuleOp module;
  ChannelOptions options;
  ExactConstants constants;
  OwningOpRef<ModuleOp> original;
  ChannelCost total;
  int64_t numRewrites = 0, numRefused = 0;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_CHANNELREWRITER_H
