// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_IR_QFMTBASE_TD
#define QFMT_IR_QFMTBASE_TD

include "mlir/IR/OpBase.td"

def QFmt_Dialect : Dialect {
  let name = "qfmt";
  let cppNamespace = "::mlir::qfmt";
  let summary = "Tensors whose type says how their elements are stored";
  let description = [{
    A *number format* is a type: one code of N bits denotes one real number. Builtin types are number formats where they
    exist (`i4`, `ui8`, `f8E4M3FN`, `f4E2M1FN`, `f8E8M0FNU`, ...); the dialect adds what MLIR lacks (`!qfmt.float`,
    `!qfmt.fixed`, `!qfmt.codebook`, `!qfmt.power`, `!qfmt.khot`, `!qfmt.ternary`, `!qfmt.int`).

    A *tensor format* is the encoding attribute of a tensor type. The element type stays the logical type in which
    arithmetic is defined; the encoding says how the elements are stored:

    ```mlir
    tensor<64x64xf32, #qfmt.scaled<i8, scale = 0.0235, zero_point = 3>>
    tensor<64x64xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>
    tensor<64x64xf32, #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>>
    ```

    An encoded tensor denotes exact reals. Where rounding happens is fixed by docs/spec.md, which numbers every rule;
    verifiers and tests carry the same labels.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let hasConstantMaterializer = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let extraClassDeclaration = [{
    /// Discardable attribute of a function's arguments and results: the name
    /// that the source network gives this input or output (a string).
    static constexpr ::llvm::StringLiteral kNameAttr = "qfmt.name";
    /// Discardable attribute of a function's arguments and results that are
    /// packed bytes: the tensor of codes in them, its elements a number format
    /// or a signless integer (a type).
    static constexpr ::llvm::StringLiteral kPackedAttr = "qfmt.packed";
    /// Discardable attribute of a function's arguments and results that are
    /// codes, one an element: their number format, where the element type is
    /// only what stores it (a type).
    static constexpr ::llvm::StringLiteral kFormatAttr = "qfmt.format";
    /// Discardable unit attribute of a function that converts between floats
    /// and the encoded arguments and results of an integer-only function.
    static constexpr ::llvm::StringLiteral kFloatWrapperAttr = "qfmt.float_wrapper";
    /// Discardable attribute of a module whose constants were collected: a
    /// dictionary of `bytes`, a dense_resource of i8, and `symbol`, the external
    /// symbol by which the module refers to them.
    static constexpr ::llvm::StringLiteral kWeightsAttr = "qfmt.weights";
    /// Discardable attribute of a module: LLVM's names of the features of the
    /// processor that it is compiled for, an array of strings.
    static constexpr ::llvm::StringLiteral kTargetFeaturesAttr = "qfmt.target_features";
    /// Discardable attribute of an arith.mulf or a linalg operation whose
    /// products qfmt-lmul is to replace: a unit attribute, or an integer, the
    /// mantissa bits to keep.
    static constexpr ::llvm::StringLiteral kLMulAttr = "qfmt.lmul";

    /// The table of values of `type`, built on first use and kept as long as
    /// the dialect. Safe to call from several threads.
    const ::mlir::qfmt::ValueTable &getTable(::mlir::Type type, ::llvm::function_ref<::mlir::qfmt::ValueTable()> build);

  private:
    ::llvm::DenseMap<::mlir::Type, std::unique_ptr<::mlir::qfmt::ValueTable>> tables;
    ::llvm::sys::SmartRWMutex<true> tablesMutex;

    void registerTypes();
    void registerAttributes();
    /// Attach the NumberFormat models of builtin integer and float types.
    void registerBuiltinIntegerFormats();
    void registerBuiltinFloatFormats();

  public:
  }];
}

#endif // QFMT_IR_QFMTBASE_TD
