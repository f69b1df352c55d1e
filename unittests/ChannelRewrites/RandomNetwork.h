//===- RandomNetwork.h - Networks made of random operations -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The text of a module with a function @main of f32 tensors of a few elements:
// linear layers, norms, gated and residual units, attention, reshapes, slices,
// concatenations, convolutions, and what no rule knows.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_UNITTESTS_CHANNELREWRITES_RANDOMNETWORK_H
#define QFMT_UNITTESTS_CHANNELREWRITES_RANDOMNETWORK_H

#include "mlir/Support/LLVM.h"
#include "qfmt/Support/SplitMix64.h"
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mlir::qfmt {

class RandomNetwork {
public:
  explicit RandomNetwork(uint64_t seed);
  std::string str() const;

private:
  using Shape = std::vector<int64_t>;
  /// Dimensions of loops, or -1 for the constant 0.
  using Dims = std::vector<int64_t>;
  struct Tensor {
    std::string name;
    Shape shape;
  };
  struct Input {
    Tensor tensor;
    Dims dims;
  };

  int64_t below(int64_t bound) { return random.next() % bound; }
  bool chance(int64_t percent) { return below(100) < percent; }
  std::string fresh() { return "%v" + std::to_string(counter++); }
  template <typename T>
  const T &choose(const std::vector<T> &items) {
    return items[below(items.size())];
  }
  Tensor pick() { return choose(tensors); }
  /// Some tensor of this shape that is computed.
  std::optional<Tensor> pickLike(const Shape &shape);
  Dims someDims(int64_t rank, bool shuffled);

  Tensor constant(const Shape &shape);
  Tensor empty(const Shape &shape);
  Tensor fill(const Shape &shape, const std::string &scalar = "%zero");
  /// `result = op : type of result`
  Tensor add(const Shape &shape, const std::string &text);
  /// Loops that `result` does not index are reductions. In the body %a0, %a1,
  /// ... are the inputs, %o the init and %r what is yielded.
  Tensor generic(const Shape &loops, const std::vector<Input> &inputs,
                 const Dims &result, const Tensor &init,
                 const std::string &body);
  Tensor elementwise(const Shape &shape, const std::vector<Input> &inputs,
                     const std::string &body) {
    return generic(shape, inputs, iota(shape.size()), empty(shape), body);
  }
  /// What an operation that sums starts from.
  Tensor makeInit(const Shape &shape);

  static Dims iota(int64_t rank);
  static std::string type(const Shape &shape);
  static std::string list(const Dims &numbers);
  static int64_t size(const Shape &shape);

  // Each adds an operation of `x`, or none.
  std::optional<Tensor> addUnary(const Tensor &x);
  std::optional<Tensor> addConstants(const Tensor &x);
  std::optional<Tensor> addBinary(const Tensor &x);
  std::optional<Tensor> addLinear(const Tensor &x);
  std::optional<Tensor> addProduct(const Tensor &x);
  std::optional<Tensor> addReduction(const Tensor &x);
  std::optional<Tensor> addNorm(const Tensor &x);
  std::optional<Tensor> addReshape(const Tensor &x);
  std::optional<Tensor> addTransposition(const Tensor &x);
  std::optional<Tensor> addSlice(const Tensor &x);
  std::optional<Tensor> addConcat(const Tensor &x);
  std::optional<Tensor> addPad(const Tensor &x);
  std::optional<Tensor> addPairs(const Tensor &x);
  std::optional<Tensor> addWindow(const Tensor &x);
  std::optional<Tensor> addNamed(const Tensor &x);

  SplitMix64 random;
  unsigned counter = 0;
  std::string arguments, body;
  /// Arguments and what is computed.
  std::vector<Tensor> tensors;
  std::vector<Tensor> constants;
  std::vector<Tensor> results;
};

} // namespace mlir::qfmt

#endif // QFMT_UNITTESTS_CHANNELREWRITES_RANDOMNETWORK_H
