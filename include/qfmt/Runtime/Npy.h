// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// numpy's array files (.npy), versions 1 and 2: C order, little endian, the
// types f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1, and V1 V2 V4 (opaque codes).

#ifndef QFMT_RUNTIME_NPY_H
#define QFMT_RUNTIME_NPY_H

#include "qfmt/Runtime/Signature.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <vector>

namespace mlir::qfmt {

struct NpyArray {
  /// 'f', 'i', 'u', 'b' or 'V'.
  char kind;
  /// Bytes of an element.
  unsigned itemSize;
  SmallVector<int64_t> shape;
  /// Row-major.
  std::vector<char> data;

  /// "f4", "u1".
  std::string getDtype() const;
};

/// The type as numpy spells it: "<f4", "|u1".
std::string getNpyDtype(char kind, unsigned itemSize);

/// Errors name the file and what is wrong with it: it is missing, is no .npy
/// file, is shorter or longer than its header says, is in Fortran order, or has
/// a type or a byte order that is not supported.
llvm::Expected<NpyArray> readNpy(StringRef path);

/// The same for the bytes of a file; errors start with "it".
llvm::Expected<NpyArray> parseNpy(StringRef bytes);

/// Version 1; the data starts at a multiple of 64 bytes.
void writeNpy(llvm::raw_ostream &os, char kind, unsigned itemSize,
              ArrayRef<int64_t> shape, ArrayRef<char> data);

/// The numpy kind in which elements are written.
char getNpyKind(const ElementSpec &element);

/// Says why `array` cannot be passed for `spec`, or succeeds: a type of another
/// kind or size, another shape, a code beyond the format's width (200 for i4)
/// or of the wrong sign. With `samples` the array has one more axis in front.
/// Integers may be signed or unsigned where all their values fit.
llvm::Error checkNpy(const NpyArray &array, const TensorSpec &spec,
                     bool samples);

} // namespace mlir::qfmt

#endif // QFMT_RUNTIME_NPY_H
