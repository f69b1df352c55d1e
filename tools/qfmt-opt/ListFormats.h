// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_TOOLS_QFMT_OPT_LISTFORMATS_H
#define QFMT_TOOLS_QFMT_OPT_LISTFORMATS_H

#include "llvm/Support/raw_ostream.h"

namespace mlir::qfmt {

/// The presets as a table for people.
void listFormats(llvm::raw_ostream &os);
/// The same as JSON, with all values of each format.
void listFormatsAsJson(llvm::raw_ostream &os);

} // namespace mlir::qfmt

#endif // QFMT_TOOLS_QFMT_OPT_LISTFORMATS_H
