//===- ChannelRule.h - What an operation does to channels -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One rule for each kind of operation, by what it computes from which elements:
// if channels of a result are changed, what has to become of the operands, and
// the other way round, such that the same operation, with other constants,
// still computes the same. Rules prefer what their constants can absorb.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CHANNELREWRITES_RULES_CHANNELRULE_H
#define QFMT_LIB_CHANNELREWRITES_RULES_CHANNELRULE_H

#include "../ChannelMap.h"
#include "../ExactConstants.h"
#include "mlir/IR/Operation.h"
#include <functional>

namespace mlir::qfmt {

/// One map for each operand and result of an operation, on the dimensions of
/// these; simplified, the identity without axes.
struct OperationMaps {
  SmallVector<ChannelMap> operands, results;

  OperationMaps() = default;
  explicit OperationMaps(Operation *op)
      : operands(op->getNumOperands()), results(op->getNumResults()) {}
};

/// True for tensors with elements, of static shape without an encoding, whose
/// floats are f32.
bool hasChannels(Type type);

class ChannelRule {
public:
  /// The rule for an operation; null if there is none, or if one of its tensors
  /// is not as `hasChannels` asks for.
  static const ChannelRule *get(Operation *op, const ExactConstants &constants);
  virtual ~ChannelRule() = default;

  /// `maps.results` are given: fills in `maps.operands`. False with a reason if
  /// the operation cannot give such results.
  virtual bool solveBackward(Operation *op, OperationMaps &maps,
                             const ExactConstants &constants,
                             std::string &reason) const = 0;
  /// Some of `maps.operands` are given: fills in the others, which are the
  /// identity, and `maps.results`. False with a reason if the operation cannot
  /// read such operands.
  virtual bool solveForward(Operation *op, OperationMaps &maps,
                            const ExactConstants &constants,
                            std::string &reason) const = 0;

  /// True if an operand may as well have channels changed by `actual` as by
  /// `maps.operands[number]`.
  virtual bool accepts(Operation *op, const OperationMaps &maps,
                       unsigned number, const ChannelMap &actual) const {
    return maps.operands[number] == actual;
  }

  /// Does to the operation what it takes to compute with maps that the rule has
  /// given. The values stay the same ones.
  using Change = std::function<void()>;
  /// What it takes, without changing anything yet; none with a reason if a
  /// constant is not finite any more. An empty function: nothing.
  virtual std::optional<Change> prepare(Operation *op,
                                        const OperationMaps &maps,
                                        ExactConstants &constants,
                                        std::string &reason) const;
};

//===----------------------------------------------------------------------===//
// Maps and indices
//===----------------------------------------------------------------------===//

/// The map of a tensor that is indexed through `indexing`, on loops; none if a
/// dimension of it is not indexed by a loop alone.
std::optional<ChannelMap> toLoops(const ChannelMap &map, AffineMap indexing);
/// The map on the tensor's dimensions; none if a loop of it does not index the
/// tensor, or not alone.
std::optional<ChannelMap> toDims(const ChannelMap &map, AffineMap indexing);
/// The order of the elements of a tensor if loops are permuted; the identity if
/// these do not index it, none if it would need elements twice.
std::optional<ChannelMap> getOperandOrder(const ChannelMap &loops,
                                          AffineMap indexing);

/// A tensor of these elements with channels changed.
std::vector<double> changeChannels(ArrayRef<double> values,
                                   ArrayRef<int64_t> shape,
                                   const ChannelMap &map);

/// Elements that vary along some axes only.
struct CompactTensor {
  SmallVector<int64_t> axes, shape;
  std::vector<double> values;
};
/// Leaves out axes along which nothing varies, but for those in `kept`.
CompactTensor compactTensor(ArrayRef<int64_t> axes, ArrayRef<int64_t> shape,
                            ArrayRef<double> values,
                            ArrayRef<int64_t> kept = {});

/// False with a reason if a value is not finite in f32.
bool fitsFloat(ArrayRef<double> values, std::string &reason);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_RULES_CHANNELRULE_H
