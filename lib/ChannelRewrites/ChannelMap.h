//===- ChannelMap.h - Permutation, scale and shift of channels --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a rewrite does to the channels of a tensor, an element of the group
// permutation x diagonal x shift (Outlier Suppression+, SmoothQuant, AWQ,
// LLM-FP4, K-sort and weight equalization are members), or a rotation:
//
//   x~[i] = (x[order[i]] - shift[order[i]]) / scale[order[i]]
//   x~ = x R
//
// Channels are numbered row-major over one or more dimensions of a tensor, in
// ascending order of these.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CHANNELREWRITES_CHANNELMAP_H
#define QFMT_LIB_CHANNELREWRITES_CHANNELMAP_H

#include "Rotation.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <string>

namespace mlir::qfmt {

/// A map of the channels of one tensor. `axes` are the tensor's dimensions (or
/// an operation's loops) that number its channels, ascending, `shape` their
/// sizes. No axes: nothing changes.
struct ChannelMap {
  SmallVector<int64_t> axes, shape;
  /// The new channel i is the old channel order[i].
  std::vector<int64_t> order;
  /// By old channel; scale is positive and finite.
  std::vector<double> scale, shift;
  /// Null if there is none; else order, scale and shift change nothing.
  std::shared_ptr<const Rotation> rotation;

  /// The identity, without axes.
  ChannelMap() : ChannelMap(ArrayRef<int64_t>(), ArrayRef<int64_t>()) {}
  /// Changes nothing yet.
  ChannelMap(ArrayRef<int64_t> axes, ArrayRef<int64_t> shape);

  static ChannelMap permute(ArrayRef<int64_t> axes, ArrayRef<int64_t> shape,
                            std::vector<int64_t> order);
  static ChannelMap affine(ArrayRef<int64_t> axes, ArrayRef<int64_t> shape,
                           std::vector<double> scale,
                           std::vector<double> shift = {});
  static ChannelMap rotate(ArrayRef<int64_t> axes, ArrayRef<int64_t> shape,
                           std::shared_ptr<const Rotation> rotation);

  int64_t size() const { return order.size(); }
  bool isIdentity() const;
  bool permutes() const;
  bool scales() const;
  bool shifts() const;
  /// True if what it does to floats is exact, barring overflow and underflow:
  /// permutations and powers of two.
  bool isExact() const;
  bool operator==(const ChannelMap &other) const;
  bool operator!=(const ChannelMap &other) const { return !(*this == other); }

  /// A part of it, on the same axes.
  ChannelMap getOrder() const;
  ChannelMap getScale() const;
  ChannelMap getShift() const;
  /// What the other factor of a sum of products over the channels needs: the
  /// same order, one over the scale, the same rotation. There is no such thing
  /// with a shift.
  ChannelMap dual() const;

  /// The same map with axes left out along which all is alike and nothing
  /// moves.
  ChannelMap simplified() const;
  /// On more axes: along those that it has not it changes nothing. `axes` is
  /// a superset of this map's, ascending.
  ChannelMap extended(ArrayRef<int64_t> axes, ArrayRef<int64_t> shape) const;
  /// With axis a called `names[a]`; none if two get one name, or if a rotation
  /// would have to change its order of channels.
  std::optional<ChannelMap> renamed(function_ref<int64_t(int64_t)> name) const;
  /// Axes a, a+1, ..., one after the other in `axes`, become one, or one
  /// several.
  ChannelMap withShape(ArrayRef<int64_t> axes, ArrayRef<int64_t> shape) const;
  /// What both do, each to other channels; none if both change a channel, in
  /// different ways.
  static std::optional<ChannelMap> merge(const ChannelMap &a,
                                         const ChannelMap &b);
  /// True if no channel gets another index along the axis.
  bool keepsIndex(int64_t axis) const;

  /// "permutation", "scale and shift", ...
  std::string describe() const;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_CHANNELMAP_H
