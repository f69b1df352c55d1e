// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cross-layer equalization (Nagel et al., ICCV 2019, arXiv 1906.04721): a
// channel that one layer computes from small weights and the next reads with
// large ones is scaled such that both are alike.

#ifndef QFMT_LIB_CHANNELREWRITES_EQUALIZATION_H
#define QFMT_LIB_CHANNELREWRITES_EQUALIZATION_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include <vector>

namespace mlir::qfmt {

/// The largest magnitude in each row of `size` numbers.
std::vector<double> getRowRanges(ArrayRef<double> rows, int64_t size);

/// What each channel is to be divided by: sqrt(computed / read), after which
/// the largest weights that compute it and that read it are both
/// sqrt(computed * read). 1 where one of them is 0, and where the quotient is
/// no finite positive number. Powers of two, the nearest by their logarithm, if
/// `powersOfTwo`.
std::vector<double> getEqualizingScales(ArrayRef<double> computed,
                                        ArrayRef<double> read,
                                        bool powersOfTwo);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_EQUALIZATION_H
