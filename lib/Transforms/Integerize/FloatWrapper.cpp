// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FloatWrapper.h"
#include "qfmt/IR/QFmt.h"

using namespace mlir;
using namespace mlir::qfmt;

static std::string getWrapperName(func::FuncOp function) {
  return (function.getName() + "_f32").str();
}

LogicalResult mlir::qfmt::verifyWrapperName(ModuleOp module,
                                            func::FuncOp function) {
  std::string name = getWrapperName(function);
  if (!module.lookupSymbol(name))
    return success();
  return function.emitOpError()
         << "needs the name @" << name
         << " for its float wrapper, but the module has it already; rename "
            "that, or set float-wrapper=false";
}

void mlir::qfmt::emitFloatWrapper(func::FuncOp function) {
  OpBuilder builder(function->getContext());
  builder.setInsertionPointAfter(function);
  auto toLogical = [](Type type) -> Type {
    EncodedTensorType encoded = EncodedTensorType::get(type);
    return encoded ? encoded.getLogicalType() : type;
  };
  FunctionType type = builder.getFunctionType(
      llvm::map_to_vector(function.getArgumentTypes(), toLogical),
      llvm::map_to_vector(function.getResultTypes(), toLogical));
  Location loc = function.getLoc();
  auto wrapper =
      func::FuncOp::create(builder, loc, getWrapperName(function), type);
  wrapper->setAttr(QFmtDialect::kFloatWrapperAttr, builder.getUnitAttr());
  if (ArrayAttr names = function.getArgAttrsAttr())
    wrapper.setAllArgAttrs(names);
  if (ArrayAttr names = function.getResAttrsAttr())
    wrapper.setAllResultAttrs(names);
  builder.setInsertionPointToStart(wrapper.addEntryBlock());
  SmallVector<Value> arguments;
  for (auto [argument, encoded] :
       llvm::zip(wrapper.getArguments(), function.getArgumentTypes()))
    arguments.push_back(
        EncodedTensorType::isEncoded(encoded)
            ? Value(QuantizeOp::create(builder, loc, encoded, argument))
            : Value(argument));
  auto call = func::CallOp::create(builder, loc, function, arguments);
  SmallVector<Value> results;
  for (Value result : call.getResults())
    results.push_back(
        EncodedTensorType::isEncoded(result.getType())
            ? Value(DequantizeOp::create(builder, loc,
                                         toLogical(result.getType()), result))
            : result);
  func::ReturnOp::create(builder, loc, results);
}
