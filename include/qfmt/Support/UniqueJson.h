//===- UniqueJson.h - JSON whose objects have each key once -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// llvm::json keeps one of the values of a key that an object has twice: a
// number that somebody wrote would be dropped without a word.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_UNIQUEJSON_H
#define QFMT_SUPPORT_UNIQUEJSON_H

#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

namespace mlir::qfmt {

/// As llvm::json::parse; an object with a key twice is an error, too: one line
/// for each, such as
///   groups[0].costs: the key 'bytes' is there twice (line 3): keep one
llvm::Expected<llvm::json::Value> parseUniqueJson(llvm::StringRef text);

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_UNIQUEJSON_H
