//===- ChannelRewriterFuzzTest.cpp - Random networks and changes ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random small networks in which a random tensor gets random channels, twice.
// What is refused must not have changed anything; what is done must compute
// the same, in double with exact constants, as the reference evaluator finds.
// QFMT_FUZZ_CASES=N runs N cases, QFMT_FUZZ_FIRST=S the seeds from S.
//
//===----------------------------------------------------------------------===//

#include "ChannelRewriter.h"
#include "NetworkTest.h"
#include "RandomNetwork.h"
#include "VerifyEquivalence.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "qfmt/Reference/Evaluator.h"
#include "qfmt/Support/SplitMix64.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstdlib>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

/// Doubles, of all results one after the other.
using Outputs = std::vector<std::vector<double>>;

class ChannelRewriterFuzzTest : public NetworkTest {
protected:
  static std::string print(ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module.print(stream);
    return text;
  }

  /// One of the tensors that have channels.
  static Value chooseTensor(ModuleOp module, SplitMix64 &random) {
    SmallVector<Value> values;
    auto add = [&](Value value) {
      auto type = dyn_cast<RankedTensorType>(value.getType());
      if (type && type.getRank() > 0 && type.getElementType().isF32())
        values.push_back(value);
    };
    auto function = *module.getOps<func::FuncOp>().begin();
    llvm::for_each(function.getArguments(), add);
    for (Operation &op : function.getBody().front())
      if (!isa<arith::ConstantOp, tensor::EmptyOp, linalg::FillOp>(op))
        llvm::for_each(op.getResults(), add);
    return values[random.next() % values.size()];
  }

  /// Some of those that read it, or none.
  static SmallVector<Operation *> chooseReaders(Value tensor,
                                                SplitMix64 &random) {
    SmallVector<Operation *> readers;
    if (random.next() % 3 == 0)
      return readers;
    bool all = random.next() & 1;
    for (OpOperand &use : tensor.getUses()) {
      auto op = dyn_cast<linalg::LinalgOp>(use.getOwner());
      if (!op ||
          (op.isDpsInit(&use) && !op.payloadUsesValueFromOperand(&use)) ||
          llvm::is_contained(readers, use.getOwner()))
        continue;
      if (all || (random.next() & 1))
        readers.push_back(op);
    }
    return readers;
  }

  static ChannelMap chooseMap(Value tensor, SplitMix64 &random) {
    auto type = cast<RankedTensorType>(tensor.getType());
    SmallVector<int64_t> axes, shape;
    int64_t only = random.next() % 3 ? random.next() % type.getRank() : -1;
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (only < 0 ? random.next() & 1 : dim == only) {
        axes.push_back(dim);
        shape.push_back(type.getDimSize(dim));
      }
    ChannelMap map(axes, shape);
    uint64_t kind = random.next() % 8;
    if (kind == 0) {
      int64_t block = Rotation::getLargestBlock(map.size());
      while (block > 2 && (random.next() & 1) && block % 2 == 0 &&
             Rotation::get(map.size(), block / 2, 1))
        block /= 2;
      if (block > 1)
        map.rotation = Rotation::get(map.size(), block, random.next() % 2);
      return map;
    }
    // Within runs of an inner part of the channels.
    int64_t run = map.size();
    if (!shape.empty() && (random.next() & 1))
      run = shape.back();
    if (run % 2 == 0 && random.next() % 4 == 0)
      run /= 2;
    bool tied = random.next() % 3 == 0;
    for (int64_t start = 0; (kind & 1) && start < map.size(); start += run)
      for (int64_t i = run - 1; i > 0; --i)
        if (tied && start > 0)
          map.order[start + i] = map.order[start + i - run] + run;
        else
          std::swap(map.order[start + i],
                    map.order[start + random.next() % (i + 1)]);
    if ((kind & 1) && tied)
      for (int64_t start = run; start < map.size(); start += run)
        map.order[start] = map.order[start - run] + run;
    int64_t period = random.next() % 3 ? map.size() : run;
    for (int64_t i = 0; i < map.size(); ++i) {
      bool repeats = i >= period;
      if (kind & 2)
        map.scale[i] =
            repeats ? map.scale[i - period] : 0.5 + 2 * random.uniform();
      if (kind & 4)
        map.shift[i] =
            repeats ? map.shift[i - period] : 2 * random.uniform() - 1;
    }
    return map;
  }

  /// What `module` computes of arguments from `seed`; none if it cannot be
  /// evaluated.
  static std::optional<Outputs> evaluate(ModuleOp module, uint64_t seed) {
    SplitMix64 random(seed);
    auto function = *module.getOps<func::FuncOp>().begin();
    SmallVector<reference::Value> arguments;
    for (Type type : function.getArgumentTypes()) {
      auto tensorType = cast<RankedTensorType>(type);
      reference::Tensor tensor(tensorType.getShape(),
                               tensorType.getElementType());
      for (reference::Scalar &element : tensor.getMutableData())
        element.real = 4 * random.uniform() - 2;
      arguments.push_back(tensor);
    }
    FailureOr<SmallVector<reference::Value>> results =
        reference::evaluate(function, arguments);
    if (failed(results))
      return std::nullopt;
    Outputs outputs;
    for (const reference::Value &result : *results) {
      outputs.emplace_back();
      for (reference::Scalar element : result.getTensor().getData())
        outputs.back().push_back(element.real);
    }
    return outputs;
  }

  /// The largest difference in terms of each output's largest number; negative
  /// if `from` holds something that is no number.
  static double compare(const Outputs &from, const Outputs &to) {
    double worst = 0;
    for (auto [left, right] : llvm::zip_equal(from, to)) {
      double largest = 1e-3, difference = 0;
      for (auto [x, y] : llvm::zip_equal(left, right)) {
        if (!std::isfinite(x))
          return -1;
        if (!std::isfinite(y))
          return INFINITY;
        largest = std::max(largest, std::abs(x));
        difference = std::max(difference, std::abs(x - y));
      }
      worst = std::max(worst, difference / largest);
    }
    return worst;
  }

  /// A change of some channels; true if it was done.
  void change(ChannelRewriter &rewriter, ModuleOp module,
              const ChannelOptions &options, SplitMix64 &random) {
    Value tensor = chooseTensor(module, random);
    SmallVector<Operation *> readers = chooseReaders(tensor, random);
    // What proposers ask about is what layers read.
    FailureOr<std::vector<SharedInput>> inputs = rewriter.collectSharedInputs();
    if (random.next() % 3 && succeeded(inputs) && !inputs->empty()) {
      const SharedInput &input = (*inputs)[random.next() % inputs->size()];
      tensor = input.tensor;
      readers = input.getReaders();
    }
    ChannelMap map = chooseMap(tensor, random);
    if (map.isIdentity())
      return;
    std::string before = print(module);
    llvm::raw_string_ostream(remarks) << "tensor: " << tensor << "\n";
    std::optional<ChannelCost> cost = rewriter.getCost(tensor, map, readers);
    (void)rewriter.getAffectedLayers(tensor, map, readers);
    EXPECT_EQ(print(module), before) << "questions change nothing";
    int64_t materialized = rewriter.getTotal().materialized;
    bool isDone = rewriter.rewrite(tensor, map, readers, "fuzz");
    if (!isDone) {
      EXPECT_EQ(print(module), before) << "refused, but changed";
      return;
    }
    ++done;
    ASSERT_TRUE(cost) << "done, but said to be refused";
    materialized = rewriter.getTotal().materialized - materialized;
    EXPECT_EQ(materialized, cost->materialized);
    if (materialized == 0)
      ++folded;
    if (!options.materialize && !options.gather) {
      EXPECT_EQ(materialized, 0);
    }
  }

  void runCase(uint64_t seed) {
    SplitMix64 random(seed);
    std::string text = RandomNetwork(random.next()).str();
    errors.clear();
    remarks.clear();
    auto module = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(module) << errors << text;
    OwningOpRef<ModuleOp> wide = cloneInDouble(*module, nullptr);
    std::optional<Outputs> expected = evaluate(*wide, seed);
    ASSERT_TRUE(expected) << errors << text;
    ChannelOptions options;
    options.materialize = random.next() % 4 != 0;
    options.gather = random.next() & 1;
    ChannelRewriter rewriter(*module, options);
    change(rewriter, *module, options, random);
    change(rewriter, *module, options, random);
    ASSERT_TRUE(succeeded(verify(*module))) << errors;
    wide = cloneInDouble(*module, &rewriter.getConstants());
    std::optional<Outputs> found = evaluate(*wide, seed);
    ASSERT_TRUE(found) << errors;
    EXPECT_LE(compare(*expected, *found), 1e-9);
    EXPECT_TRUE(succeeded(rewriter.finish()));
    EXPECT_TRUE(succeeded(verify(*module))) << errors;
    if (HasFailure())
      ADD_FAILURE() << "seed " << seed << "\n"
                    << remarks << text << print(*module);
  }

  static uint64_t getNumber(const char *name, uint64_t otherwise) {
    const char *text = std::getenv(name);
    return text ? std::stoull(text) : otherwise;
  }

  unsigned done = 0, folded = 0;
};

TEST_F(ChannelRewriterFuzzTest, FunctionsStayTheSame) {
  uint64_t first = getNumber("QFMT_FUZZ_FIRST", 1),
           cases = getNumber("QFMT_FUZZ_CASES", 400);
  for (uint64_t seed = first; seed < first + cases; ++seed) {
    runCase(seed);
    if (HasFatalFailure() || HasFailure())
      FAIL() << "seed " << seed << "\n" << remarks;
  }
  // Or else it would be no test.
  if (cases >= 400) {
    EXPECT_GT(done, cases / 2);
    EXPECT_GT(folded, cases / 16);
  }
  RecordProperty("done", done);
  RecordProperty("folded", folded);
}

} // namespace
