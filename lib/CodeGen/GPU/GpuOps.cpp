// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/GPU/GpuOps.h"
#include "GatheredRows.h"
#include "KernelOps.h"
#include "mlir/IR/Builders.h"
#include "qfmt/CodeGen/GPU/GpuTarget.h"

using namespace mlir;
using namespace mlir::qfmt::kernel;
using bufferization::AliasingValueList;
using bufferization::AnalysisState;

#include "qfmt/CodeGen/GPU/GpuDialect.cpp.inc"

#define GET_OP_CLASSES
#include "qfmt/CodeGen/GPU/GpuOps.cpp.inc"

void QFmtGpuDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "qfmt/CodeGen/GPU/GpuOps.cpp.inc"
      >();
}

LogicalResult
QFmtGpuDialect::verifyOperationAttribute(Operation *op,
                                         NamedAttribute attribute) {
  return qfmt::GpuTarget::verify(op, attribute);
}

static ShapedType getShaped(Value value) {
  return cast<ShapedType>(value.getType());
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

SmallVector<AffineMap> ProductOp::getExtraMaps() {
  return llvm::map_to_vector(getMaps().getAsRange<AffineMapAttr>(),
                             [](AffineMapAttr map) { return map.getValue(); });
}

int64_t ProductOp::getNumRows() { return getShaped(getOut()).getDimSize(0); }

int64_t ProductOp::getNumColumns() { return getShaped(getOut()).getDimSize(1); }

int64_t ProductOp::getBatchRows() {
  int64_t rows = getNumRows();
  if (!hasBatches() || ShapedType::isDynamic(rows))
    return rows;
  return rows / getShaped(getRhs()).getDimSize(0);
}

int64_t ProductOp::getNumTerms() {
  return getRows() ? getShaped(getRhs()).getDimSize(1)
                   : getShaped(getLhs()).getDimSize(1);
}

int64_t ProductOp::getStoredRunTerms() {
  return getShaped(getRhs()).getDimSize(1) / int64_t(getRuns());
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

/// Sizes that may be the same when the program runs.
static bool mayBeEqual(int64_t a, int64_t b) {
  return a == b || ShapedType::isDynamic(a) || ShapedType::isDynamic(b);
}

/// Results are m, n or 0.
static bool isElementwise(AffineMap map) {
  return map.getNumDims() == 2 && map.getNumSymbols() == 0 &&
         llvm::all_of(map.getResults(), [](AffineExpr result) {
           auto constant = dyn_cast<AffineConstantExpr>(result);
           return isa<AffineDimExpr>(result) ||
                  (constant && constant.getValue() == 0);
         });
}

static LogicalResult verifyExtra(Operation *op, unsigned i, ShapedType type,
                                 AffineMap map, ShapedType out) {
  if (!isElementwise(map) || map.getNumResults() != type.getRank())
    return op->emitOpError() << "reads extra operand " << i << " of " << type
                             << " by " << AffineMapAttr::get(map)
                             << ", which does not give m, n or 0 for each of "
                                "its dimensions";
  ArrayRef<int64_t> sizes = out.getShape();
  for (auto [result, size] : llvm::zip_equal(map.getResults(), type.getShape()))
    if (auto dim = dyn_cast<AffineDimExpr>(result))
      if (!mayBeEqual(size, sizes[dim.getPosition()]))
        return op->emitOpError()
               << "needs " << sizes[dim.getPosition()]
               << " elements of extra operand " << i << ", found " << type;
  return success();
}

/// Kernels divide by sizes, and copy first elements without asking.
static LogicalResult verifyHasElements(DestinationStyleOpInterface op) {
  for (Value operand : op->getOperands())
    if (llvm::is_contained(getShaped(operand).getShape(), 0))
      return op->emitOpError()
             << "needs operands with elements, found " << operand.getType()
             << "; a sum of no terms is 0, which linalg.generic can make the "
                "result from";
  return success();
}

LogicalResult mlir::qfmt::verifyKernelOp(DestinationStyleOpInterface op,
                                         ValueRange extras,
                                         ArrayRef<AffineMap> maps) {
  Value out = op.getDpsInits()[0];
  if (failed(verifyHasElements(op)))
    return failure();
  bool isTensor = isa<TensorType>(out.getType());
  for (Value operand : op->getOperands())
    if (isa<TensorType>(operand.getType()) != isTensor)
      return op->emitOpError("works on tensors or on buffers, found both");
  if (isTensor != (op->getNumResults() == 1) ||
      (isTensor && op->getResult(0).getType() != out.getType()))
    return op->emitOpError("has a result of the type of `into` on tensors, and "
                           "none on buffers");
  if (maps.size() != extras.size())
    return op->emitOpError()
           << "has " << extras.size() << " extra operands and " << maps.size()
           << " maps";
  if (getShaped(out).getRank() != 2)
    return op->emitOpError()
           << "needs a matrix for its result, found " << out.getType();
  for (auto [i, map] : llvm::enumerate(maps))
    if (failed(verifyExtra(op, i, getShaped(extras[i]), map, getShaped(out))))
      return failure();
  return success();
}

LogicalResult mlir::qfmt::verifyKernelBody(DestinationStyleOpInterface op,
                                           Block &block, ValueRange extras) {
  if (block.getNumArguments() != 1 + extras.size())
    return op->emitOpError()
           << "needs a body with an argument for the sum and one for each of "
           << extras.size() << " extra operands, found "
           << block.getNumArguments();
  for (auto [argument, extra] :
       llvm::zip_equal(block.getArguments().drop_front(), extras))
    if (argument.getType() != getElementTypeOrSelf(extra))
      return op->emitOpError()
             << "has an argument of " << argument.getType()
             << " for an extra operand of " << extra.getType();
  Type out = op.getDpsInits()[0].getType();
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield || yield.getValue().getType() != getElementTypeOrSelf(out))
    return op->emitOpError()
           << "needs a body that yields an element of " << out;
  return success();
}

/// Of a product of two variables.
static LogicalResult verifyBatches(ProductOp op) {
  ShapedType lhs = getShaped(op.getLhs()), rhs = getShaped(op.getRhs());
  ShapedType out = getShaped(op.getOut());
  if (lhs.getRank() != 2 || out.getRank() != 2 || !lhs.hasStaticShape() ||
      !rhs.hasStaticShape() || !out.hasStaticShape())
    return op.emitOpError() << "needs matrices of known sizes for its left "
                               "factor and its result where the right factor "
                               "has batches, found "
                            << lhs << ", " << rhs << " and " << out;
  bool isByTerms = op.getByTerms();
  int64_t sizes[] = {out.getDimSize(1), lhs.getDimSize(1)};
  int64_t codesPerElement = 8 / std::max<int64_t>(4, op.getRhsBits());
  if (rhs.getDimSize(1) != sizes[isByTerms] ||
      rhs.getDimSize(2) * codesPerElement != sizes[!isByTerms])
    return op.emitOpError() << "has " << sizes[0] << " columns and " << sizes[1]
                            << " terms, but a right factor of " << rhs;
  if (lhs.getDimSize(0) != out.getDimSize(0) || rhs.getDimSize(0) == 0 ||
      out.getDimSize(0) % rhs.getDimSize(0) != 0)
    return op.emitOpError()
           << "has " << out.getDimSize(0) << " rows, " << lhs.getDimSize(0)
           << " of its left factor, and " << rhs.getDimSize(0) << " batches";
  if (op.getRows() || op.getRuns() != 1)
    return op.emitOpError("has batches, and so no runs of terms");
  return success();
}

/// Sums of parts of codes have 32 bits.
static LogicalResult verifyTerms(ProductOp op) {
  bool hasParts = op.getRhsBits() == 4 ||
                  op.getBlock().getArgument(0).getType().isInteger(64);
  int64_t terms = op.getNumTerms();
  if (!hasParts || terms <= ProductOp::kMostTermsOfParts)
    return success();
  return op.emitOpError() << "has at most " << ProductOp::kMostTermsOfParts
                          << " terms with codes of 4 bits or sums of 64, found "
                          << terms;
}

/// What an element of a factor is.
static LogicalResult verifyCodes(ProductOp op) {
  Type lhs = getElementTypeOrSelf(op.getLhs());
  Type rhs = getElementTypeOrSelf(op.getRhs());
  if (!op.hasBatches() && (op.getByTerms() || op.getRhsBits() != 8))
    return op.emitOpError("has a constant factor, whose columns are rows of "
                          "bytes");
  if (!op.hasBatches() && !op.hasFloats() &&
      (!lhs.isSignlessInteger(8) || !rhs.isSignlessInteger(8)))
    return op.emitOpError() << "needs factors of i8, or with batches of i16, "
                               "found "
                            << lhs << " and " << rhs;
  if (!op.hasBatches())
    return success();
  if (op.getRhsBits() != 8 && (op.getRhsBits() != 4 || !rhs.isInteger(8)))
    return op.emitOpError() << "needs codes of 4 bits in bytes, or whole "
                               "elements, found bits "
                            << op.getRhsBits() << " of " << rhs;
  if (lhs != rhs || (!lhs.isSignlessInteger(8) && !lhs.isSignlessInteger(16)))
    return op.emitOpError()
           << "needs factors of i8 or of i16, found " << lhs << " and " << rhs;
  return success();
}

/// A left factor that is read by a map.
static LogicalResult verifyRows(ProductOp op, AffineMap rows) {
  ShapedType lhs = getShaped(op.getLhs()), rhs = getShaped(op.getRhs());
  if (rows.getNumDims() != 3 || rows.getNumSymbols() != 0 ||
      rows.getNumResults() != lhs.getRank())
    return op.emitOpError()
           << "reads its left factor of " << lhs << " by "
           << AffineMapAttr::get(rows) << ", which does not give an element "
           << "for (m, r, k)";
  if (!qfmt::splitRowMap(rows))
    return op.emitOpError()
           << "reads its left factor by " << AffineMapAttr::get(rows)
           << ", which is no sum of places of m and of r and, in the last "
              "dimension, k";
  int64_t runs = op.getRuns();
  if (runs < 1 || rhs.getDimSize(1) % runs != 0)
    return op.emitOpError() << "has " << rhs.getDimSize(1)
                            << " terms, which are not " << runs << " runs";
  if (op.getRunTerms() < 1 || op.getRunTerms() > op.getStoredRunTerms())
    return op.emitOpError()
           << "has runs of " << op.getRunTerms() << " terms, but the right "
           << "factor has room for 1 to " << op.getStoredRunTerms();
  SmallVector<int64_t> strides;
  int64_t offset;
  auto buffer = dyn_cast<MemRefType>(lhs);
  if (!lhs.hasStaticShape() || ShapedType::isDynamic(op.getNumRows()) ||
      !lhs.getElementType().isInteger(8) ||
      (buffer && (failed(buffer.getStridesAndOffset(strides, offset)) ||
                  ShapedType::isDynamicShape(strides))))
    return op.emitOpError() << "needs a left factor of bytes with known sizes "
                               "and strides where a map says where its rows "
                               "are, found "
                            << lhs;
  return success();
}

static LogicalResult verifyFactors(ProductOp op) {
  if (op.hasBatches())
    return verifyBatches(op);
  ShapedType lhs = getShaped(op.getLhs()), rhs = getShaped(op.getRhs());
  ShapedType out = getShaped(op.getOut());
  if (rhs.getRank() != 2 || out.getRank() != 2)
    return op.emitOpError() << "needs matrices for its right factor and its "
                               "result, found "
                            << rhs << " and " << out;
  if (!rhs.hasStaticShape() || ShapedType::isDynamic(out.getDimSize(1)))
    return op.emitOpError() << "needs to know its columns and terms, found "
                            << rhs << " and " << out;
  if (rhs.getDimSize(0) != out.getDimSize(1))
    return op.emitOpError()
           << "has " << out.getDimSize(1) << " columns, but its right factor "
           << rhs.getDimSize(0);
  if (std::optional<AffineMap> rows = op.getRows())
    return verifyRows(op, *rows);
  if (op.getRuns() != 1 || op.getOfTerms())
    return op.emitOpError("has runs of terms, but does not say where its rows "
                          "are");
  if (lhs.getRank() != 2 || ShapedType::isDynamic(lhs.getDimSize(1)))
    return op.emitOpError() << "needs a matrix with a known number of terms "
                               "for its left factor, found "
                            << lhs;
  if (!mayBeEqual(lhs.getDimSize(0), out.getDimSize(0)))
    return op.emitOpError()
           << "has " << out.getDimSize(0) << " rows, but its left factor "
           << lhs.getDimSize(0);
  if (lhs.getDimSize(1) > rhs.getDimSize(1))
    return op.emitOpError()
           << "has " << lhs.getDimSize(1)
           << " terms, but its right factor only " << rhs.getDimSize(1);
  return success();
}

static LogicalResult verifyFormats(ProductOp op) {
  std::optional<Type> formats[] = {op.getLhsFormat(), op.getRhsFormat()};
  if (!formats[0] && !formats[1])
    return success();
  for (std::optional<Type> format : formats)
    if (!format || !isa<Float8E4M3FNType, Float8E5M2Type>(*format))
      return op.emitOpError()
             << "needs f8E4M3FN or f8E5M2 as the formats of "
                "both factors or none, found "
             << (format ? *format : NoneType::get(op.getContext()));
  for (Value factor : {op.getLhs(), op.getRhs()})
    if (!getElementTypeOrSelf(factor).isSignlessInteger(8))
      return op.emitOpError()
             << "needs bytes as codes of fp8, found " << factor.getType();
  if (op.getLhsUnsigned() || op.getRhsUnsigned() || op.getRows())
    return op.emitOpError("has codes of fp8, which are not unsigned, and whose "
                          "rows are those of a matrix");
  return success();
}

LogicalResult TensorMapOp::verify() {
  MemRefType type = getMatrix().getType();
  SmallVector<int64_t> strides;
  int64_t offset;
  auto isWhole = [](int64_t bytes) {
    return !ShapedType::isDynamic(bytes) && bytes % 16 == 0;
  };
  if (failed(type.getStridesAndOffset(strides, offset)) || strides[1] != 1 ||
      !isWhole(strides[0]) || !isWhole(offset))
    return emitOpError() << "needs rows that begin at multiples of 16 bytes, "
                            "found "
                         << type;
  ArrayRef<int64_t> box = getBox();
  if (box.size() != 2 || box[0] < 1 || box[0] > 256 || box[1] < 16 ||
      box[1] > 128 || box[1] % 16 != 0)
    return emitOpError() << "needs a box of 1 to 256 rows of 16 to 128 bytes, "
                            "a multiple of 16, found ["
                         << box << "]";
  return success();
}

LogicalResult UnpackCodesOp::verify() {
  auto bytes = cast<ShapedType>(getBytes().getType());
  auto codes = cast<ShapedType>(getCodes().getType());
  int64_t width = getBits();
  if (width < 1 || width > 7 || (getBase3() && width != 2))
    return emitOpError() << "needs codes of 1 to 7 bits, or of 2 in base 3, "
                            "found "
                         << width;
  if (!bytes.hasStaticShape() || !codes.hasStaticShape())
    return emitOpError() << "needs known sizes, found " << bytes << " and "
                         << codes;
  int64_t count = codes.getNumElements();
  int64_t size = getBase3() ? llvm::divideCeil(count, 5)
                            : llvm::divideCeil(count * width, 8);
  if (bytes.getRank() != 1 || bytes.getDimSize(0) != size)
    return emitOpError() << "needs the " << size << " bytes of " << count
                         << " codes, found " << bytes;
  return success();
}

LogicalResult ProductOp::verify() {
  if (failed(verifyCodes(*this)) || failed(verifyFactors(*this)) ||
      failed(verifyFormats(*this)))
    return failure();
  return verifyKernelOp(*this, getExtras(), getExtraMaps());
}

LogicalResult ProductOp::verifyRegions() {
  if (failed(verifyKernelBody(*this, getBlock(), getExtras())))
    return failure();
  Type sumType = getBlock().getArgument(0).getType();
  if (failed(verifyTerms(*this)))
    return failure();
  bool isWide = getElementTypeOrSelf(getLhs()).isInteger(16);
  if (hasFloats() ? sumType.isF32()
                  : sumType.isInteger(32) || (isWide && sumType.isInteger(64)))
    return success();
  return emitOpError() << "has sums of "
                       << (hasFloats() ? "f32"
                           : isWide    ? "i32 or i64"
                                       : "i32")
                       << ", found " << sumType;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

void mlir::qfmt::getKernelEffects(
    DestinationStyleOpInterface op,
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  if (op.hasPureTensorSemantics())
    return;
  auto *memory = SideEffects::DefaultResource::get();
  for (OpOperand &operand : op->getOpOperands())
    if (op.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand, memory);
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand, memory);
}

LogicalResult mlir::qfmt::bufferizeKernelOp(
    Operation *op, RewriterBase &rewriter,
    const bufferization::BufferizationOptions &options,
    bufferization::BufferizationState &state) {
  SmallVector<Value> buffers;
  for (Value value : op->getOperands()) {
    FailureOr<Value> buffer =
        bufferization::getBuffer(rewriter, value, options, state);
    if (failed(buffer))
      return failure();
    buffers.push_back(*buffer);
  }
  OperationState created(op->getLoc(), op->getName(), buffers, TypeRange(),
                         op->getAttrs());
  created.addRegion()->takeBody(op->getRegion(0));
  rewriter.create(created);
  bufferization::replaceOpWithBufferizedValues(rewriter, op, buffers.back());
  return success();
}

void ProductOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  getKernelEffects(*this, effects);
}

bool ProductOp::bufferizesToMemoryRead(OpOperand &operand,
                                       const AnalysisState &state) {
  return !isDpsInit(&operand);
}

bool ProductOp::bufferizesToMemoryWrite(OpOperand &operand,
                                        const AnalysisState &state) {
  return isDpsInit(&operand);
}

AliasingValueList ProductOp::getAliasingValues(OpOperand &operand,
                                               const AnalysisState &state) {
  if (isDpsInit(&operand))
    return {{getResult(), bufferization::BufferRelation::Equivalent}};
  return {};
}

LogicalResult
ProductOp::bufferize(RewriterBase &rewriter,
                     const bufferization::BufferizationOptions &options,
                     bufferization::BufferizationState &state) {
  return bufferizeKernelOp(*this, rewriter, options, state);
}
