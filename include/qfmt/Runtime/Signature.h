// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a caller of a compiled function has to know: shapes and element types of
// its inputs and outputs, encoded tensors taken apart.

#ifndef QFMT_RUNTIME_SIGNATURE_H
#define QFMT_RUNTIME_SIGNATURE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <string>

namespace mlir::qfmt {

/// How an element lies in a caller's buffer. Elements take 1, 2, 4 or 8 whole
/// bytes, little endian.
struct ElementSpec {
  enum class Kind {
    Bool,     ///< i1: one byte, 0 or 1
    Integer,  ///< iN whose sign is the program's business
    Signed,   ///< code of a signed integer format, sign-extended
    Unsigned, ///< code of an unsigned integer format, zero-extended
    Float,    ///< f16, f32, f64
    Code,     ///< a float that C and numpy have no type for: its bits
  };
  Kind kind;
  /// Bits that count.
  unsigned width;

  unsigned getBytes() const;
  /// Whether unused high bits are copies of the highest bit that counts, or 0.
  bool isSignExtended() const;
  /// As in the function's type: "i8", "ui4", "f32", "8-bit code".
  std::string str() const;
};

/// One buffer.
struct TensorSpec {
  /// For diagnostics: "argument #1 ('image')", "result #0, scale".
  std::string name;
  /// The name the network gives it, "image", else "input1" or "output1"; one of
  /// several constituents adds its own: "image.scale".
  std::string key;
  /// The name in C: "image", "image_scale".
  std::string identifier;
  ElementSpec element;
  /// What the bytes hold, if they are packed codes (spec C64): a tensor of a
  /// number format or of integers; else null.
  RankedTensorType packed;
  /// Sizes; ShapedType::kDynamic where the function leaves them open.
  SmallVector<int64_t> shape;

  bool hasStaticShape() const;
  /// Requires a static shape.
  int64_t getNumElements() const;
  int64_t getNumBytes() const { return getNumElements() * element.getBytes(); }
};

struct FunctionSignature {
  std::string function;
  SmallVector<TensorSpec> inputs, outputs;

  /// The buffers of `function` at any level: an encoded argument or result
  /// counts as its constituents in order. Refuses (with a diagnostic) what no
  /// buffer can hold: types other than ranked tensors of integers and floats of
  /// at most 64 bits.
  static FailureOr<FunctionSignature> get(func::FuncOp function);
};

/// Brings the codes of one buffer that a function wrote into the form that
/// ElementSpec::Kind promises: sign- or zero-extended from `width` bits.
void normalizeElements(const ElementSpec &element, void *data,
                       int64_t numElements);

} // namespace mlir::qfmt

#endif // QFMT_RUNTIME_SIGNATURE_H
