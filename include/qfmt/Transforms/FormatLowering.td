// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_TRANSFORMS_FORMATLOWERING_TD
#define QFMT_TRANSFORMS_FORMATLOWERING_TD

include "mlir/IR/OpBase.td"

def QFmt_NumberFormatLowering : TypeInterface<"NumberFormatLowering"> {
  let cppNamespace = "::mlir::qfmt";
  let description = [{
    Emits the scalar code that reads and writes one code of a number format. A *code* is a scalar of the type
    `getCodeType(format)`: the format's storage type, except that a builtin float of less than 16 bits is a signless
    integer (such floats have no arithmetic and no memory on a CPU). What is emitted agrees with `NumberFormat::decodeCode`
    and `encodeReal` bit for bit; only NaNs may differ in sign and payload.

    A format need not implement it: without it `CodeEmitter` reads and writes integers times a unit by arithmetic, and every
    other format of at most 16 bits by tables.
  }];
  let methods = [
    InterfaceMethod<"False for a type of the class that this lowering does not cover, as if it did not implement it.",
      "bool", "coversFormat", (ins), "", "return true;">,
    InterfaceMethod<"What the finite values of the format need to be held exactly.",
      "::mlir::qfmt::ExactRange", "getExactRange", (ins)>,
    InterfaceMethod<"The real that `code` denotes, an f32 that holds it exactly.",
      "::mlir::Value", "emitDecode",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc, "::mlir::Value":$code)>,
    InterfaceMethod<[{
      The code that `real`, an f32 or f64, rounds to. `zeroPoint` is null or, for an integer format only, an i32 of less
      than 2^17 in magnitude which is added as `modes.zeroPointPlace` says.}],
      "::mlir::Value", "emitEncode",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc, "::mlir::Value":$real,
           "const ::mlir::qfmt::EncodeModes &":$modes, "::mlir::Value":$zeroPoint)>
  ];
}

def QFmt_TensorFormatLowering : AttrInterface<"TensorFormatLowering"> {
  let cppNamespace = "::mlir::qfmt";
  let description = [{
    Emits `quantize`, `dequantize` and `convert` of a tensor format as linalg operations on its constituents, whose element
    types are those of `getCodeType`. `type` is the encoded tensor; it carries this attribute. What cannot be computed with
    the roundings that the operations prescribe, and no others, fails with a diagnostic.
  }];
  let methods = [
    InterfaceMethod<[{
      What the reals that a tensor of the logical type `elementType` may denote need to be held exactly.}],
      "::mlir::qfmt::ExactRange", "getExactRange", (ins "::mlir::Type":$elementType)>,
    InterfaceMethod<[{
      The reals that the tensor denotes. `Rounded`: rounded once to the logical type, a tensor of it. `Exact`: a tensor of
      f32 or f64 that holds them exactly.}],
      "::llvm::FailureOr<::mlir::Value>", "emitDecode",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc, "::mlir::qfmt::EncodedTensorType":$type,
           "::mlir::ValueRange":$constituents, "::mlir::qfmt::Division":$division)>,
    InterfaceMethod<[{
      The constituents of `reals`, in the format's order. `Rounded` (`quantize`): a tensor of the logical type. `Exact`
      (`convert`): a tensor of f32 or f64 whose values need no more than `range`.}],
      "::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>", "emitEncode",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc, "::mlir::qfmt::EncodedTensorType":$type,
           "::mlir::Value":$reals, "const ::mlir::qfmt::ExactRange &":$range,
           "const ::mlir::qfmt::TensorEncodeModes &":$modes)>,
    InterfaceMethod<[{
      The constituents with the code nearest to 1 (half to even, saturating) in place of each that denotes 0: what scales
      in this format need. No other constituent than the payload changes.}],
      "::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>", "emitReplaceZeros",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc, "::mlir::qfmt::EncodedTensorType":$type,
           "::mlir::ValueRange":$constituents)>,
    InterfaceMethod<[{
      The code in the payload, of the payload's code type, that denotes exactly `value` in every block; null if there is
      none or it depends on constituents: what a padding of the payload uses.}],
      "::mlir::TypedAttr", "getPayloadCode", (ins "::mlir::qfmt::EncodedTensorType":$type, "double":$value)>
  ];
}

#endif // QFMT_TRANSFORMS_FORMATLOWERING_TD
