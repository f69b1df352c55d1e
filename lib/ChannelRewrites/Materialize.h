// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations that change the channels of a tensor at run time.

#ifndef QFMT_LIB_CHANNELREWRITES_MATERIALIZE_H
#define QFMT_LIB_CHANNELREWRITES_MATERIALIZE_H

#include "ChannelMap.h"
#include "ExactConstants.h"

namespace mlir::qfmt {

/// How many operations it takes to change channels by `map`, or back.
int64_t countMaterialized(const ChannelMap &map);

/// False with a reason if the constants that it takes to change channels by
/// `map`, or back, are not finite in f32, or 0.
bool fitsMaterialized(const ChannelMap &map, std::string &reason);

/// `value` with channels changed by `map`, of a tensor of static shape: a
/// product with a constant and a sum, a product with a matrix, a gather.
Value materialize(OpBuilder &builder, Value value, const ChannelMap &map,
                  ExactConstants &constants);
/// The value from which `materialize` would have made `value`.
Value materializeInverse(OpBuilder &builder, Value value, const ChannelMap &map,
                         ExactConstants &constants);

/// signs[i] * the channel order[i] of `value` as channel i.
Value materializeGather(OpBuilder &builder, Location loc, Value value,
                        const ChannelMap &order, ArrayRef<double> signs);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_MATERIALIZE_H
