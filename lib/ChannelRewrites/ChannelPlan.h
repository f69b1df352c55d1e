//===- ChannelPlan.h - What a change of channels entails --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From one tensor whose channels are to change to all operations that have to
// follow, in both directions, until constants have absorbed the change. Where
// an operation cannot follow, channels are changed at run time between it and
// its neighbour. A plan changes nothing before it is applied.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CHANNELREWRITES_CHANNELPLAN_H
#define QFMT_LIB_CHANNELREWRITES_CHANNELPLAN_H

#include "ChannelRewriter.h"
#include "Rules/ChannelRule.h"
#include "Rules/PairedChannels.h"
#include "llvm/ADT/MapVector.h"
#include <deque>

namespace mlir::qfmt {

class ChannelPlan {
public:
  /// The better of two plans: all operations follow, or only `readers` do,
  /// behind an operation that changes the channels for them. None with a
  /// reason if one of `readers` cannot follow.
  static std::optional<ChannelPlan> find(Value tensor, const ChannelMap &map,
                                         ArrayRef<Operation *> readers,
                                         const ExactConstants &constants,
                                         std::string &reason);

  const ChannelCost &getCost() const { return cost; }
  /// Channels are permuted at run time, not only scaled, shifted or rotated.
  bool gathers() const;
  /// Channels are scaled, shifted or rotated at run time.
  bool changesNumbers() const;
  /// False if a rotation would have blocks of several dimensions.
  bool canMaterialize() const;
  /// Why something is materialized; empty if nothing is.
  StringRef getObstacle() const { return obstacle; }

  struct Step {
    Operation *op;
    /// Null if nothing is to be done in it.
    const ChannelRule *rule;
    OperationMaps maps;
  };
  /// The operations that follow.
  SmallVector<const Step *> getSteps() const;

  /// Does it; false with a reason, and without having changed anything, if a
  /// constant is not finite any more.
  bool apply(ExactConstants &constants, std::string &reason);

private:
  ChannelPlan(Value tensor, const ExactConstants &constants)
      : tensor(tensor), constants(&constants) {}

  bool run(const ChannelMap &map, ArrayRef<Operation *> readers, bool follows,
           std::string &reason);
  bool follow(const ChannelMap &map, ArrayRef<Operation *> readers,
              bool follows, std::string &reason);
  void assign(Value value, const ChannelMap &map);
  void visit(Value value);
  bool solveBackward(OpResult result, const ChannelMap &map);
  bool solveForward(Operation *op, Value value, const ChannelMap &map);
  bool solvePaired(const PairedChannels &pairs,
                   const std::optional<ChannelMap> &inputMap);
  void assignAll(const Step &step);
  void noteObstacle(Operation *op, StringRef reason);
  /// The channels that a value really has after all.
  ChannelMap getActual(Value value) const;
  void findConversions();

  /// An operand whose channels are not those that the operation expects.
  struct Conversion {
    Value value;
    ChannelMap from, to;
    SmallVector<OpOperand *> uses;
  };
  bool isConstant(const Conversion &conversion) const {
    return constants->read(conversion.value).has_value();
  }

  Value tensor;
  const ExactConstants *constants;
  llvm::MapVector<Value, ChannelMap> wanted;
  llvm::MapVector<Operation *, Step> steps;
  /// What several ask of the channels of one tensor, each of others of them:
  /// found by one attempt, taken by the next.
  llvm::MapVector<Value, ChannelMap> merged;
  bool isMerging = false;
  /// Pairs that a gather finds from now on.
  std::vector<std::pair<PairedChannels, ChannelMap>> regrouped;
  std::deque<Value> pending;
  std::vector<Conversion> conversions;
  std::string obstacle;
  ChannelCost cost;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_CHANNELPLAN_H
