//===- MomentArrays.h - Names of a moments file's arrays --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qfmt-annotate{moments=FILE} writes for each layer `<name>`, the second
// moments, and beside it the statistics `<name>.mean`, .... What these are says
// lib/Calibration/ChannelStatistics.h.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_MOMENTARRAYS_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_MOMENTARRAYS_H

#include "qfmt/Runtime/Npz.h"
#include <cstring>
#include <vector>

namespace mlir::qfmt {

inline constexpr llvm::StringLiteral kMeanSuffix = ".mean";
inline constexpr llvm::StringLiteral kMinSuffix = ".min";
inline constexpr llvm::StringLiteral kMaxSuffix = ".max";
inline constexpr llvm::StringLiteral kMagnitudeSuffix = ".magnitude";
inline constexpr llvm::StringLiteral kRowsSuffix = ".rows";

/// The layer of which an array of this name is a statistic; empty if it is
/// none. Layers may be called so, too: then there is no array of what is left.
inline StringRef getStatisticsLayer(StringRef array) {
  for (StringRef suffix :
       {kMeanSuffix, kMinSuffix, kMaxSuffix, kMagnitudeSuffix, kRowsSuffix})
    if (array.ends_with(suffix))
      return array.drop_back(suffix.size());
  return {};
}

/// The elements of an array whose numbers are of the type `From`.
template <typename From, typename To>
std::vector<To> readElements(const NpyArray &array) {
  std::vector<To> elements(array.data.size() / sizeof(From));
  for (size_t index = 0; index < elements.size(); ++index) {
    From value;
    std::memcpy(&value, array.data.data() + index * sizeof(From), sizeof(From));
    elements[index] = static_cast<To>(value);
  }
  return elements;
}

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_MOMENTARRAYS_H
