// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading the elements of constant tensors, whether they are dense or a
// resource, and making such constants.

#ifndef QFMT_IR_CONSTANTDATA_H
#define QFMT_IR_CONSTANTDATA_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include <optional>
#include <vector>

namespace mlir::qfmt {

/// The elements of a constant of a builtin float type of at most 64 bits in
/// row-major order, exact; none if `attr` holds something else or a resource
/// without data.
std::optional<std::vector<double>> readFloats(Attribute attr);

/// The elements of a constant of integer type of at most 64 bits in row-major
/// order, sign-extended; none if `attr` holds something else.
std::optional<std::vector<int64_t>> readIntegers(Attribute attr);

/// The codes of a constant whose elements have at most 8 bits, integers or
/// floats, in row-major order: one a byte, zero above their width; none if
/// `attr` holds something else. A resource has one element a byte, too.
std::optional<std::vector<uint8_t>> readCodes(Attribute attr);

/// A constant of a float type (each value rounded half to even to it), or of a
/// signless integer type. Splats and small constants are dense; what is larger
/// and has elements of f32, f64, or integers of 8, 16, 32 or 64 bits becomes a
/// resource, which is not copied, uniqued or printed element by element. `name`
/// is a hint for the resource's key.
ElementsAttr makeFloats(RankedTensorType type, ArrayRef<double> values,
                        StringRef name);
ElementsAttr makeIntegers(RankedTensorType type, ArrayRef<int64_t> values,
                          StringRef name);
/// A one-dimensional constant of i8 with these bytes, dense or a resource as
/// above.
ElementsAttr makeBytes(MLIRContext *context, ArrayRef<uint8_t> bytes,
                       StringRef name);

} // namespace mlir::qfmt

#endif // QFMT_IR_CONSTANTDATA_H
