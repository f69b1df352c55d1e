// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Products/CodeTables.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qfmt/CodeGen/Products/BodyEvaluation.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

/// Larger tables are not computed: that would take seconds.
constexpr int64_t kMaxEntries = 1 << 14;
/// Entries of more bits would take more registers, or more of the cache.
constexpr unsigned kEntryBits = 32;

namespace {

/// A value is entry number `index` of a table.
struct Table {
  /// The argument or the result of a qfmt.lookup that has that number.
  Value root;
  SmallVector<Attribute> entries;
};

class Folder {
public:
  Folder(Block &body, Value &result, MutableArrayRef<CodeArgument> codes)
      : body(body), result(result), codes(codes) {}

  void run() {
    for (CodeArgument &code : codes)
      tables[code.argument] = {code.argument, code.values};
    for (Operation &op : body)
      addTable(&op);
    // What is read by operations that are no tables.
    for (Operation &op : llvm::make_early_inc_range(body))
      if (op.getNumResults() != 1 || !tables.contains(op.getResult(0)))
        for (OpOperand &operand : op.getOpOperands())
          operand.set(request(operand.get()));
    result = request(result);
  }

private:
  static std::optional<SmallVector<Attribute>> readTable(LookupOp op) {
    auto table = dyn_cast<DenseElementsAttr>(op.getTable());
    SmallVector<Attribute> entries;
    if (table) {
      llvm::append_range(entries, table.getValues<Attribute>());
      return entries;
    }
    auto elements = cast<ElementsAttr>(op.getTable());
    auto type = dyn_cast<FloatType>(elements.getElementType());
    std::optional<std::vector<double>> values;
    if (type)
      values = readFloats(elements);
    if (!values)
      return std::nullopt;
    for (double value : *values)
      entries.push_back(FloatAttr::get(type, value));
    return entries;
  }

  void addTable(Operation *op) {
    if (op->getNumResults() != 1 || op->getNumRegions() != 0 || !isPure(op))
      return;
    Value value = op->getResult(0);
    Table table;
    for (Value operand : op->getOperands()) {
      auto found = tables.find(operand);
      if (found == tables.end()) {
        if (!matchPattern(operand, m_Constant()))
          return addLookup(op);
        continue;
      }
      if (table.root && table.root != found->second.root)
        return;
      table.root = found->second.root;
    }
    if (!table.root)
      return addLookup(op);
    int64_t size = tables[table.root].entries.size();
    if (size > kMaxEntries)
      return;
    for (int64_t i = 0; i < size; ++i) {
      Attribute entry = fold(op, i);
      if (!entry)
        return;
      table.entries.push_back(entry);
    }
    tables[value] = std::move(table);
  }

  /// A table of which something else is the index.
  void addLookup(Operation *op) {
    auto lookup = dyn_cast<LookupOp>(op);
    if (!lookup)
      return;
    if (auto entries = readTable(lookup))
      tables[lookup.getResult()] = {lookup.getResult(), std::move(*entries)};
  }

  /// The result of `op` for entry `i` of its operands' tables; null if it does
  /// not fold.
  Attribute fold(Operation *op, int64_t i) {
    SmallVector<Attribute> operands;
    for (Value operand : op->getOperands()) {
      Attribute constant;
      auto found = tables.find(operand);
      if (found != tables.end())
        constant = found->second.entries[i];
      else
        matchPattern(operand, m_Constant(&constant));
      operands.push_back(constant);
    }
    // A result beyond the table is poison.
    if (auto lookup = dyn_cast<LookupOp>(op)) {
      uint64_t place =
          cast<IntegerAttr>(operands.front()).getValue().getZExtValue();
      SmallVector<Attribute> &entries = lookupEntries[op];
      if (entries.empty())
        if (auto read = readTable(lookup))
          entries = std::move(*read);
      if (entries.empty())
        return {};
      return entries[std::min<uint64_t>(place, entries.size() - 1)];
    }
    return foldOperation(op, operands);
  }

  /// `value`, or a look-up in its table.
  Value request(Value value) {
    auto found = tables.find(value);
    if (found == tables.end() || found->second.root == value)
      return value;
    if (Value before = replaced.lookup(value))
      return before;
    Operation *op = value.getDefiningOp();
    Type type = value.getType();
    if (type.isIntOrFloat() && type.getIntOrFloatBitWidth() == kEntryBits)
      return replaced[value] = emitLookup(op, found->second);
    for (OpOperand &operand : op->getOpOperands())
      operand.set(request(operand.get()));
    return value;
  }

  Value emitLookup(Operation *op, const Table &table) {
    ImplicitLocOpBuilder b(op->getLoc(), op);
    Type type = op->getResult(0).getType();
    if (llvm::all_equal(table.entries))
      return arith::ConstantOp::create(b, cast<TypedAttr>(table.entries[0]));
    Value index;
    if (auto lookup = table.root.getDefiningOp<LookupOp>())
      index = lookup.getIndex();
    else
      index = getCode(cast<BlockArgument>(table.root));
    auto tableType = RankedTensorType::get(table.entries.size(), type);
    return LookupOp::create(b, type, index,
                            DenseElementsAttr::get(tableType, table.entries));
  }

  Value getCode(BlockArgument argument) {
    CodeArgument *found = llvm::find_if(codes, [&](const CodeArgument &code) {
      return code.argument == argument;
    });
    if (!found->code)
      found->code = body.addArgument(
          IntegerType::get(argument.getContext(), 32), argument.getLoc());
    return found->code;
  }

  Block &body;
  Value &result;
  MutableArrayRef<CodeArgument> codes;
  llvm::DenseMap<Value, Table> tables;
  llvm::DenseMap<Value, Value> replaced;
  llvm::DenseMap<Operation *, SmallVector<Attribute>> lookupEntries;
};

} // namespace

void foldIntoTables(Block &body, Value &result,
                    MutableArrayRef<CodeArgument> codes) {
  Folder(body, result, codes).run();
}

} // namespace mlir::qfmt
