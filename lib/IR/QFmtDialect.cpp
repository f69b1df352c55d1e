// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect: registration, and what concerns all its attributes and
// types. Each format has a file of its own under Formats/.

#include "Formats/TypeSyntax.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/InliningUtils.h"
#include "qfmt/IR/Certificate.h"
#include "qfmt/IR/LayerAttributes.h"
#include "qfmt/IR/PackedSize.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

#include "qfmt/IR/NumberFormat.cpp.inc"
#include "qfmt/IR/QFmtDialect.cpp.inc"
#include "qfmt/IR/TensorFormat.cpp.inc"

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

static ParseResult parseDouble(AsmParser &parser, FloatAttr &attribute) {
  double value;
  if (parser.parseFloat(value))
    return failure();
  attribute = parser.getBuilder().getF64FloatAttr(value);
  return success();
}

static void printDouble(AsmPrinter &printer, FloatAttr attribute) {
  printer.printFloat(attribute.getValue());
}

static void printCount(AsmPrinter &printer, unsigned count) {
  printer << count;
}

LogicalResult
StatisticsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                       FloatAttr minAttr, FloatAttr maxAttr, int64_t count,
                       ArrayRef<int64_t> histogram) {
  double min = minAttr.getValueAsDouble(), max = maxAttr.getValueAsDouble();
  if (!std::isfinite(min) || !std::isfinite(max) || min > max)
    return emitError() << "statistics need finite min <= max, found min = "
                       << min << ", max = " << max;
  int64_t sum = 0;
  for (int64_t bin : histogram) {
    if (bin < 0)
      return emitError() << "histogram has a negative count, " << bin;
    if (llvm::AddOverflow(sum, bin, sum))
      return emitError() << "histogram adds up to more than 2^63 - 1";
  }
  if (count <= 0 || sum != count)
    return emitError() << "histogram adds up to " << sum
                       << ", but the positive number of values is said to be "
                       << count;
  return success();
}

#define GET_TYPEDEF_CLASSES
#include "qfmt/IR/QFmtTypes.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "qfmt/IR/QFmtAttrs.cpp.inc"

//===----------------------------------------------------------------------===//
// Number formats
//===----------------------------------------------------------------------===//

NumberFormat
mlir::qfmt::verifyNumberFormat(Type type,
                               function_ref<InFlightDiagnostic()> emitError) {
  auto format = dyn_cast<NumberFormat>(type);
  if (!format) {
    emitError() << "expected a number format such as i8, ui4, f8E4M3FN or "
                   "!qfmt.float<E, M>, found "
                << type;
    return nullptr;
  }
  if (failed(format.verifyFormat(emitError)))
    return nullptr;
  return format;
}

uint64_t mlir::qfmt::getStorageBits(NumberFormat format, uint64_t count) {
  if (format.getPacking() == CodePacking::Base3)
    return 8 * llvm::divideCeil(count, 5);
  return count * format.getFormatWidth();
}

//===----------------------------------------------------------------------===//
// Dialect
//===----------------------------------------------------------------------===//

namespace {
/// All operations are pure and without regions.
struct QFmtInlinerInterface : DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;

  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final {
    return true;
  }
};
} // namespace

/// (C64) `qfmt.packed` is the type of the codes in a tensor of bytes; what
/// tensors become when they are compiled is not looked at.
static LogicalResult verifyPackedAttr(Operation *op, Type boundary,
                                      Attribute value) {
  auto type = dyn_cast<TypeAttr>(value);
  auto codes =
      type ? dyn_cast<RankedTensorType>(type.getValue()) : RankedTensorType();
  if (!codes || !codes.hasStaticShape() || codes.getEncoding())
    return op->emitError() << "'" << QFmtDialect::kPackedAttr
                           << "' must be the static tensor type of the packed "
                              "codes, found "
                           << value;
  auto format = dyn_cast<NumberFormat>(codes.getElementType());
  if (!format || format.getFormatWidth() > 8)
    return op->emitError() << "'" << QFmtDialect::kPackedAttr
                           << "' needs a number format of at most 8 bits, "
                              "found "
                           << codes;
  auto bytes = dyn_cast_or_null<RankedTensorType>(boundary);
  FailureOr<int64_t> size =
      getPackedSize(codes, format.getFormatWidth(), format.getPacking(),
                    [&] { return op->emitError(); });
  if (failed(size))
    return failure();
  if (!bytes || (bytes.getRank() == 1 && bytes.getDimSize(0) == *size &&
                 bytes.getElementType().isSignlessInteger(8)))
    return success();
  return op->emitError() << codes << " in '" << QFmtDialect::kPackedAttr
                         << "' packs into tensor<" << *size << "xi8>, found "
                         << bytes;
}

/// (C66) `qfmt.format` is the number format whose codes a tensor stores; what
/// tensors become when they are compiled is not looked at.
static LogicalResult verifyFormatAttr(Operation *op, Type boundary,
                                      Attribute value) {
  auto type = dyn_cast<TypeAttr>(value);
  if (!type)
    return op->emitError() << "'" << QFmtDialect::kFormatAttr
                           << "' must be a number format, found " << value;
  NumberFormat format =
      verifyNumberFormat(type.getValue(), [&] { return op->emitError(); });
  if (!format)
    return failure();
  auto codes = dyn_cast_or_null<RankedTensorType>(boundary);
  if (!codes || (codes.getElementType() == format.getStorageType() &&
                 !codes.getEncoding()))
    return success();
  return op->emitError() << "codes of '" << QFmtDialect::kFormatAttr << "' "
                         << type.getValue() << " are stored as "
                         << format.getStorageType() << ", found " << boundary;
}

/// Attributes of arguments and results, of the type `boundary`. `qfmt.name`
/// must be a string.
static LogicalResult verifyBoundaryAttr(Operation *op, Type boundary,
                                        NamedAttribute attribute) {
  if (attribute.getName() == QFmtDialect::kPackedAttr)
    return verifyPackedAttr(op, boundary, attribute.getValue());
  if (attribute.getName() == QFmtDialect::kFormatAttr)
    return verifyFormatAttr(op, boundary, attribute.getValue());
  if (attribute.getName() != QFmtDialect::kNameAttr)
    return op->emitError() << "unknown attribute '" << attribute.getName()
                           << "' on an argument or result";
  if (!isa<StringAttr>(attribute.getValue()))
    return op->emitError() << "'" << QFmtDialect::kNameAttr
                           << "' must be a string, found "
                           << attribute.getValue();
  return success();
}

/// `[{format = "i4", damage = 0.31, costs = {bytes = 1152.0}}, ...]`; what the
/// numbers may be is for qfmt-assign-formats to say.
static LogicalResult verifyCandidatesAttr(Operation *op, Attribute value) {
  auto isCandidate = [](Attribute entry) {
    auto candidate = dyn_cast<DictionaryAttr>(entry);
    if (!candidate || candidate.size() != 3)
      return false;
    auto costs = candidate.getAs<DictionaryAttr>("costs");
    return candidate.getAs<StringAttr>("format") &&
           candidate.getAs<FloatAttr>("damage") && costs &&
           llvm::all_of(costs, [](NamedAttribute cost) {
             return isa<FloatAttr>(cost.getValue());
           });
  };
  auto candidates = dyn_cast<ArrayAttr>(value);
  if (candidates && !candidates.empty() &&
      llvm::all_of(candidates, isCandidate))
    return success();
  return op->emitError() << "'" << kCandidatesAttr
                         << "' is an array of dictionaries {format = string, "
                            "damage = float, costs = {name = float, ...}}, "
                            "found "
                         << value;
}

/// `[{layers = ["a", "b"], formats = ["i4", "i4"], damage = -0.02}, ...]`;
/// which layers there are is for qfmt-assign-formats to say.
static LogicalResult verifyPairwiseAttr(Operation *op, Attribute value) {
  auto isTwoStrings = [](ArrayAttr array) {
    return array && array.size() == 2 &&
           llvm::all_of(array, llvm::IsaPred<StringAttr>);
  };
  auto isTerm = [&](Attribute entry) {
    auto term = dyn_cast<DictionaryAttr>(entry);
    return term && term.size() == 3 &&
           isTwoStrings(term.getAs<ArrayAttr>("layers")) &&
           isTwoStrings(term.getAs<ArrayAttr>("formats")) &&
           term.getAs<FloatAttr>("damage");
  };
  auto terms = dyn_cast<ArrayAttr>(value);
  if (terms && llvm::all_of(terms, isTerm) &&
      isa<ModuleOp, FunctionOpInterface>(op))
    return success();
  return op->emitError() << "'" << kPairwiseAttr
                         << "' is an array of dictionaries {layers = [string, "
                            "string], formats = [string, string], damage = "
                            "float} of a module or a function, found "
                         << value;
}

/// Attributes of operations: the marks of a float wrapper, of a layer and of a
/// module's constants. A misspelt one would be silently without effect.
LogicalResult QFmtDialect::verifyOperationAttribute(Operation *op,
                                                    NamedAttribute attribute) {
  StringRef name = attribute.getName();
  if (name == kFloatWrapperAttr) {
    if (isa<UnitAttr>(attribute.getValue()) && isa<FunctionOpInterface>(op))
      return success();
    return op->emitError() << "'" << name
                           << "' is a unit attribute of functions";
  }
  if (name == kWeightsAttr) {
    auto weights = dyn_cast<DictionaryAttr>(attribute.getValue());
    if (weights && weights.size() == 2 &&
        isa_and_nonnull<DenseResourceElementsAttr>(weights.get("bytes")) &&
        isa_and_nonnull<StringAttr>(weights.get("symbol")) && isa<ModuleOp>(op))
      return success();
    return op->emitError() << "'" << name
                           << "' is a dictionary {bytes = dense_resource, "
                              "symbol = string} of a module";
  }
  if (name == kErrorBoundAttr) {
    auto bound = dyn_cast<FloatAttr>(attribute.getValue());
    if (bound && bound.getType().isF64() && bound.getValueAsDouble() >= 0)
      return success();
    return op->emitError() << "'" << name << "' is an f64 of at least 0";
  }
  if (name == kTargetFeaturesAttr) {
    auto features = dyn_cast<ArrayAttr>(attribute.getValue());
    if (features && llvm::all_of(features, llvm::IsaPred<StringAttr>) &&
        isa<ModuleOp>(op))
      return success();
    return op->emitError() << "'" << name
                           << "' is an array of strings of a module";
  }
  if (name == kLMulAttr) {
    auto mantissa = dyn_cast<IntegerAttr>(attribute.getValue());
    if (isa<UnitAttr>(attribute.getValue()) ||
        (mantissa && mantissa.getType().isSignlessInteger() &&
         mantissa.getValue().getSignificantBits() <= 32 &&
         mantissa.getInt() > 0))
      return success();
    return op->emitError() << "'" << name
                           << "' is a unit attribute or a positive number of "
                              "mantissa bits, found "
                           << attribute.getValue();
  }
  if (name == kLayerAttr || name == kAssignedAttr || name == kTieAttr ||
      name == kForcedAttr) {
    auto text = dyn_cast<StringAttr>(attribute.getValue());
    if (text && !text.getValue().empty())
      return success();
    return op->emitError() << "'" << name
                           << "' is a string that is not empty, found "
                           << attribute.getValue();
  }
  if (name == kRealWeightsAttr) {
    auto weights = dyn_cast<ElementsAttr>(attribute.getValue());
    if (weights && isa<FloatType>(weights.getElementType()))
      return success();
    return op->emitError() << "'" << name << "' is a constant of floats";
  }
  if (name == kCandidatesAttr)
    return verifyCandidatesAttr(op, attribute.getValue());
  if (name == kPairwiseAttr)
    return verifyPairwiseAttr(op, attribute.getValue());
  // Functions keep those of their arguments and results in lists of their own.
  return op->emitError() << "unknown attribute '" << name << "'";
}

LogicalResult QFmtDialect::verifyRegionArgAttribute(Operation *op, unsigned,
                                                    unsigned index,
                                                    NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  return verifyBoundaryAttr(
      op, function ? function.getArgumentTypes()[index] : Type(), attribute);
}

LogicalResult QFmtDialect::verifyRegionResultAttribute(
    Operation *op, unsigned, unsigned index, NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  return verifyBoundaryAttr(
      op, function ? function.getResultTypes()[index] : Type(), attribute);
}

void QFmtDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "qfmt/IR/QFmtTypes.cpp.inc"
      >();
}

void QFmtDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "qfmt/IR/QFmtAttrs.cpp.inc"
      >();
}

void QFmtDialect::initialize() {
  registerTypes();
  registerAttributes();
  registerBuiltinIntegerFormats();
  registerBuiltinFloatFormats();
  addOperations<
#define GET_OP_LIST
#include "qfmt/IR/QFmtOps.cpp.inc"
      >();
  addInterfaces<QFmtInlinerInterface>();
}
