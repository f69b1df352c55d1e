// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "RandomNetwork.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include <functional>
#include <numeric>

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

RandomNetwork::Dims RandomNetwork::iota(int64_t rank) {
  Dims dims(rank);
  std::iota(dims.begin(), dims.end(), 0);
  return dims;
}

int64_t RandomNetwork::size(const Shape &shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                         std::multiplies<>());
}

std::string RandomNetwork::type(const Shape &shape) {
  std::string text = "tensor<";
  for (int64_t dim : shape)
    text += std::to_string(dim) + "x";
  return text + "f32>";
}

std::string RandomNetwork::list(const Dims &numbers) {
  std::string text = "[";
  for (auto [i, number] : llvm::enumerate(numbers))
    text += (i ? ", " : "") + std::to_string(number);
  return text + "]";
}

static std::string printMap(int64_t loops, ArrayRef<int64_t> dims) {
  std::string text = "affine_map<(";
  for (int64_t loop = 0; loop < loops; ++loop)
    text += (loop ? ", d" : "d") + std::to_string(loop);
  text += ") -> (";
  for (auto [i, dim] : llvm::enumerate(dims))
    text += (i ? ", " : "") + (dim < 0 ? "0" : "d" + std::to_string(dim));
  return text + ")>";
}

RandomNetwork::Tensor RandomNetwork::add(const Shape &shape,
                                         const std::string &text) {
  Tensor result = {fresh(), shape};
  body += "  " + result.name + " = " + text + "\n";
  return result;
}

RandomNetwork::Tensor RandomNetwork::empty(const Shape &shape) {
  // Some frontends pass any tensor of the shape.
  if (chance(5))
    if (std::optional<Tensor> like = pickLike(shape))
      return *like;
  return add(shape, "tensor.empty() : " + type(shape));
}

RandomNetwork::Tensor RandomNetwork::fill(const Shape &shape,
                                          const std::string &scalar) {
  std::string init = add(shape, "tensor.empty() : " + type(shape)).name;
  return add(shape, "linalg.fill ins(" + scalar + " : f32) outs(" + init +
                        " : " + type(shape) + ") -> " + type(shape));
}

RandomNetwork::Tensor RandomNetwork::constant(const Shape &shape) {
  if (chance(50))
    for (const Tensor &known : constants)
      if (known.shape == shape && chance(60))
        return known;
  std::function<std::string(size_t)> print = [&](size_t dim) {
    if (dim == shape.size())
      return std::to_string(2.5 * random.uniform() - 1);
    std::string text = "[";
    for (int64_t i = 0; i < shape[dim]; ++i)
      text += (i ? ", " : "") + print(dim + 1);
    return text + "]";
  };
  std::string values = print(0);
  if (chance(15))
    values = choose(std::vector<std::string>{"0.0", "1.0", "-1.5", "0.75"});
  Tensor result =
      add(shape, "arith.constant dense<" + values + "> : " + type(shape));
  constants.push_back(result);
  return result;
}

RandomNetwork::Tensor RandomNetwork::generic(const Shape &loops,
                                             const std::vector<Input> &inputs,
                                             const Dims &result,
                                             const Tensor &init,
                                             const std::string &text) {
  std::string maps, iterators, names, types, args;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    maps += printMap(loops.size(), input.dims) + ", ";
    names += (i ? ", " : "") + input.tensor.name;
    types += (i ? ", " : "") + type(input.tensor.shape);
    args += "%a" + std::to_string(i) + ": f32, ";
  }
  for (size_t loop = 0; loop < loops.size(); ++loop)
    iterators += std::string(loop ? ", " : "") +
                 (llvm::is_contained(result, static_cast<int64_t>(loop))
                      ? "\"parallel\""
                      : "\"reduction\"");
  return add(init.shape,
             "linalg.generic {indexing_maps = [" + maps +
                 printMap(loops.size(), result) + "], iterator_types = [" +
                 iterators + "]} ins(" + names + " : " + types + ") outs(" +
                 init.name + " : " + type(init.shape) + ") {\n  ^bb0(" + args +
                 "%o: f32):\n" + text + "    linalg.yield %r : f32\n  } -> " +
                 type(init.shape));
}

//===----------------------------------------------------------------------===//
// Choices
//===----------------------------------------------------------------------===//

std::optional<RandomNetwork::Tensor>
RandomNetwork::pickLike(const Shape &shape) {
  std::vector<Tensor> found;
  for (const Tensor &tensor : tensors)
    if (tensor.shape == shape)
      found.push_back(tensor);
  if (found.empty())
    return std::nullopt;
  return choose(found);
}

RandomNetwork::Dims RandomNetwork::someDims(int64_t rank, bool shuffled) {
  Dims dims;
  for (int64_t dim = 0; dim < rank; ++dim)
    if (chance(50))
      dims.push_back(dim);
  for (size_t i = dims.size(); shuffled && i > 1; --i)
    std::swap(dims[i - 1], dims[below(i)]);
  return dims;
}

static std::vector<int64_t> gatherShape(ArrayRef<int64_t> shape,
                                        ArrayRef<int64_t> dims) {
  std::vector<int64_t> result;
  for (int64_t dim : dims)
    result.push_back(dim < 0 ? 1 : shape[dim]);
  return result;
}

RandomNetwork::Tensor RandomNetwork::makeInit(const Shape &shape) {
  switch (below(6)) {
  case 0:
    return constant(shape);
  case 1:
  case 2: {
    Dims rest, kept;
    for (size_t dim = 0; dim < shape.size(); ++dim)
      (dim + 1 == shape.size() || chance(20) ? kept : rest).push_back(dim);
    if (rest.empty())
      return constant(shape);
    Tensor bias = constant(gatherShape(shape, kept));
    return add(shape, "linalg.broadcast ins(" + bias.name + " : " +
                          type(bias.shape) + ") outs(" + empty(shape).name +
                          " : " + type(shape) + ") dimensions = " + list(rest));
  }
  case 3:
    if (std::optional<Tensor> like = pickLike(shape))
      return *like;
    [[fallthrough]];
  default:
    return fill(shape);
  }
}

//===----------------------------------------------------------------------===//
// Element-wise operations
//===----------------------------------------------------------------------===//

std::optional<RandomNetwork::Tensor> RandomNetwork::addUnary(const Tensor &x) {
  static const std::vector<std::string> bodies = {
      "    %r = arith.maximumf %a0, %zero : f32\n",
      "    %r = math.tanh %a0 : f32\n",
      "    %r = arith.negf %a0 : f32\n",
      "    %r = math.absf %a0 : f32\n",
      // Leaky relu.
      "    %m = arith.mulf %a0, %half : f32\n"
      "    %c = arith.cmpf ogt, %a0, %zero : f32\n"
      "    %r = arith.select %c, %a0, %m : f32\n",
      // Like gelu.
      "    %h = arith.mulf %a0, %half : f32\n"
      "    %s = arith.mulf %a0, %two : f32\n"
      "    %t = math.tanh %s : f32\n"
      "    %u = arith.addf %t, %one : f32\n"
      "    %r = arith.mulf %h, %u : f32\n",
      // Positive.
      "    %t = math.tanh %a0 : f32\n"
      "    %r = math.exp %t : f32\n",
      "    %m = arith.mulf %a0, %two : f32\n"
      "    %r = arith.addf %m, %one : f32\n",
      "    %m = arith.subf %one, %a0 : f32\n"
      "    %r = arith.divf %m, %two : f32\n",
      "    %m = arith.minimumf %a0, %two : f32\n"
      "    %r = arith.maximumf %m, %zero : f32\n",
      "    %r = arith.addf %a0, %a0 : f32\n",
      "    %r = arith.mulf %a0, %a0 : f32\n",
      "    %r = arith.mulf %a0, %zero : f32\n",
      // By position.
      "    %i = linalg.index LOOP : index\n"
      "    %j = arith.index_cast %i : index to i32\n"
      "    %k = arith.sitofp %j : i32 to f32\n"
      "    %r = arith.mulf %a0, %k : f32\n",
  };
  std::string text = choose(bodies);
  if (size_t at = text.find("LOOP"); at != std::string::npos) {
    if (x.shape.empty())
      return std::nullopt;
    text.replace(at, 4, std::to_string(below(x.shape.size())));
  }
  return elementwise(x.shape, {{x, iota(x.shape.size())}}, text);
}

std::optional<RandomNetwork::Tensor>
RandomNetwork::addConstants(const Tensor &x) {
  int64_t rank = x.shape.size();
  auto makeDims = [&] {
    Dims dims = someDims(rank, chance(20));
    if (rank > 0 && chance(60))
      dims = {chance(70) ? rank - 1 : below(rank)};
    if (dims.empty() || chance(5))
      dims.push_back(-1);
    return dims;
  };
  Dims first = makeDims(), second = makeDims();
  Tensor a = constant(gatherShape(x.shape, first)),
         b = constant(gatherShape(x.shape, second));
  Input data = {x, iota(rank)};
  static const std::vector<std::string> bodies = {
      "    %r = arith.mulf %a0, %a1 : f32\n",
      "    %r = arith.mulf %a1, %a0 : f32\n",
      "    %r = arith.addf %a0, %a1 : f32\n",
      "    %r = arith.subf %a1, %a0 : f32\n",
      "    %r = arith.maximumf %a0, %a1 : f32\n",
      "    %m = arith.mulf %a0, %a1 : f32\n    %r = math.tanh %m : f32\n",
      "    %m = arith.addf %a0, %a1 : f32\n"
      "    %r = arith.mulf %m, %a1 : f32\n",
      "    %m = arith.mulf %a1, %a1 : f32\n"
      "    %n = arith.addf %m, %one : f32\n"
      "    %r = arith.divf %a0, %n : f32\n",
  };
  if (chance(50))
    return elementwise(x.shape, {data, {a, first}}, choose(bodies));
  return elementwise(x.shape, {{a, first}, data, {b, second}},
                     "    %m = arith.mulf %a1, %a0 : f32\n"
                     "    %r = arith.addf %m, %a2 : f32\n");
}

std::optional<RandomNetwork::Tensor> RandomNetwork::addBinary(const Tensor &x) {
  // Any tensor whose dimensions are some of this one's.
  int64_t rank = x.shape.size();
  std::vector<Input> others;
  for (const Tensor &y : tensors) {
    if (y.shape.size() > x.shape.size())
      continue;
    for (unsigned attempt = 0; attempt < 6; ++attempt) {
      Dims dims;
      for (int64_t extent : y.shape) {
        std::vector<int64_t> fitting;
        for (int64_t dim = 0; dim < rank; ++dim)
          if (x.shape[dim] == extent && !llvm::is_contained(dims, dim))
            fitting.push_back(dim);
        if (extent == 1)
          fitting.push_back(-1);
        if (fitting.empty())
          break;
        dims.push_back(choose(fitting));
      }
      if (dims.size() == y.shape.size()) {
        others.push_back({y, dims});
        if (y.shape == x.shape)
          others.push_back({y, iota(rank)});
      }
    }
  }
  if (others.empty())
    return std::nullopt;
  static const std::vector<std::string> bodies = {
      "    %r = arith.addf %a0, %a1 : f32\n",
      "    %r = arith.addf %a0, %a1 : f32\n",
      "    %r = arith.subf %a0, %a1 : f32\n",
      "    %r = arith.subf %a1, %a0 : f32\n",
      "    %r = arith.mulf %a0, %a1 : f32\n",
      "    %r = arith.mulf %a1, %a0 : f32\n",
      "    %r = arith.maximumf %a0, %a1 : f32\n",
      "    %m = arith.mulf %a1, %a1 : f32\n"
      "    %n = arith.addf %m, %one : f32\n"
      "    %r = arith.divf %a0, %n : f32\n",
      "    %m = arith.mulf %a1, %half : f32\n"
      "    %r = arith.addf %a0, %m : f32\n",
      "    %t = math.tanh %a1 : f32\n    %r = arith.mulf %t, %a0 : f32\n",
  };
  Input other = choose(others);
  if (chance(15)) {
    // The quotient alone, of something positive.
    Tensor positive = elementwise(
        other.tensor.shape, {{other.tensor, iota(other.tensor.shape.size())}},
        "    %t = math.tanh %a0 : f32\n"
        "    %r = math.exp %t : f32\n");
    return elementwise(x.shape, {{x, iota(rank)}, {positive, other.dims}},
                       "    %r = arith.divf %a0, %a1 : f32\n");
  }
  return elementwise(x.shape, {{x, iota(rank)}, other}, choose(bodies));
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

std::optional<RandomNetwork::Tensor> RandomNetwork::addLinear(const Tensor &x) {
  int64_t rank = x.shape.size();
  if (rank == 0)
    return std::nullopt;
  Dims reduced = {chance(70) ? rank - 1 : below(rank)};
  if (rank > 1 && chance(15))
    reduced = {rank - 2, rank - 1};
  Shape loops = x.shape;
  Dims result, weights;
  for (int64_t dim = 0; dim < rank; ++dim) {
    bool isReduced = llvm::is_contained(reduced, dim);
    if (!isReduced)
      result.push_back(dim);
    // Groups and batches have weights of their own.
    if (isReduced ? chance(95) : chance(10))
      weights.push_back(dim);
  }
  if (chance(95)) {
    loops.push_back(
        choose(std::vector<int64_t>{2, 3, 4, 4, 6, x.shape.back()}));
    result.push_back(rank);
    weights.insert(weights.begin() + below(weights.size() + 1), rank);
  }
  if (weights.empty() || size(loops) > 1500)
    return std::nullopt;
  if (!result.empty() && chance(15))
    std::swap(result.front(), result.back());
  Tensor w = constant(gatherShape(loops, weights));
  if (weights.size() == 2 && chance(20)) {
    // Weights as torch has them.
    Tensor turned = constant({w.shape[1], w.shape[0]});
    w = add(w.shape, "linalg.transpose ins(" + turned.name + " : " +
                         type(turned.shape) + ") outs(" + empty(w.shape).name +
                         " : " + type(w.shape) + ") permutation = [1, 0]");
  }
  Tensor init = makeInit(gatherShape(loops, result));
  if (init.shape == x.shape && chance(20))
    init = x;
  if (rank == 2 && weights == Dims{1, 2} && result == Dims{0, 2})
    return add(init.shape, "linalg.matmul ins(" + x.name + ", " + w.name +
                               " : " + type(x.shape) + ", " + type(w.shape) +
                               ") outs(" + init.name + " : " +
                               type(init.shape) + ") -> " + type(init.shape));
  std::vector<Input> inputs = {{x, iota(rank)}, {w, weights}};
  if (chance(20))
    std::swap(inputs[0], inputs[1]);
  return generic(loops, inputs, result, init,
                 "    %m = arith.mulf %a0, %a1 : f32\n"
                 "    %r = arith.addf %o, %m : f32\n");
}

std::optional<RandomNetwork::Tensor>
RandomNetwork::addProduct(const Tensor &x) {
  Tensor y = pick();
  int64_t rank = x.shape.size();
  if (rank < 1 || y.shape.empty())
    return std::nullopt;
  // Dimensions of y: shared with x, where sizes agree, or of its own.
  Shape loops = x.shape;
  Dims dims;
  bool shares = false;
  for (int64_t extent : y.shape) {
    int64_t loop = -1;
    for (int64_t dim = rank; dim-- > 0;)
      if (x.shape[dim] == extent && !llvm::is_contained(dims, dim) &&
          chance(60))
        loop = dim;
    shares |= loop >= 0;
    if (loop < 0) {
      loop = loops.size();
      loops.push_back(extent);
    }
    dims.push_back(loop);
  }
  Dims shared, result;
  for (int64_t dim : dims)
    if (dim < rank)
      shared.push_back(dim);
  if (!shares || size(loops) > 1500)
    return std::nullopt;
  int64_t summed = choose(shared);
  for (int64_t loop = 0; loop < static_cast<int64_t>(loops.size()); ++loop)
    if (loop != summed && (!llvm::is_contained(shared, loop) || chance(80)))
      result.push_back(loop);
  if (result.size() > 3)
    return std::nullopt;
  return generic(loops, {{x, iota(rank)}, {y, dims}}, result,
                 makeInit(gatherShape(loops, result)),
                 "    %m = arith.mulf %a0, %a1 : f32\n"
                 "    %r = arith.addf %o, %m : f32\n");
}

std::optional<RandomNetwork::Tensor>
RandomNetwork::addReduction(const Tensor &x) {
  int64_t rank = x.shape.size();
  Dims result = someDims(rank, chance(10));
  if (rank == 0 || static_cast<int64_t>(result.size()) == rank)
    return std::nullopt;
  Shape shape = gatherShape(x.shape, result);
  std::vector<Input> inputs = {{x, iota(rank)}};
  switch (below(7)) {
  case 0:
    return generic(x.shape, inputs, result, fill(shape, "%lowest"),
                   "    %r = arith.maximumf %a0, %o : f32\n");
  case 1:
    return generic(x.shape, inputs, result, fill(shape, "%one"),
                   "    %t = math.tanh %a0 : f32\n"
                   "    %u = arith.addf %t, %two : f32\n"
                   "    %r = arith.mulf %o, %u : f32\n");
  case 2:
    return generic(x.shape, inputs, result, makeInit(shape),
                   "    %m = arith.mulf %a0, %a0 : f32\n"
                   "    %r = arith.addf %o, %m : f32\n");
  case 3: {
    std::optional<Tensor> y = pickLike(x.shape);
    inputs.push_back({*y, iota(rank)});
    return generic(x.shape, inputs, result, makeInit(shape),
                   "    %m = arith.mulf %a0, %a1 : f32\n"
                   "    %r = arith.addf %o, %m : f32\n");
  }
  case 4: {
    Dims dims = someDims(rank, false);
    inputs.push_back({constant(gatherShape(x.shape, dims)), dims});
    return generic(x.shape, inputs, result, fill(shape),
                   "    %m = arith.addf %a0, %a1 : f32\n"
                   "    %r = arith.addf %o, %m : f32\n");
  }
  default:
    return generic(x.shape, inputs, result, makeInit(shape),
                   "    %r = arith.addf %a0, %o : f32\n");
  }
}

std::optional<RandomNetwork::Tensor> RandomNetwork::addNorm(const Tensor &x) {
  int64_t rank = x.shape.size();
  if (rank == 0)
    return std::nullopt;
  Dims rows = iota(rank - 1), all = iota(rank);
  Shape shape(x.shape.begin(), x.shape.end() - 1);
  Tensor centered = x;
  if (chance(60)) {
    Tensor sum = generic(x.shape, {{x, all}}, rows, fill(shape),
                         "    %r = arith.addf %a0, %o : f32\n");
    centered = elementwise(x.shape, {{x, all}, {sum, rows}},
                           "    %m = arith.mulf %a1, %half : f32\n"
                           "    %r = arith.subf %a0, %m : f32\n");
  }
  Tensor squares = generic(x.shape, {{centered, all}}, rows, fill(shape),
                           "    %m = arith.mulf %a0, %a0 : f32\n"
                           "    %r = arith.addf %o, %m : f32\n");
  Tensor factor = elementwise(shape, {{squares, rows}},
                              "    %m = arith.addf %a0, %half : f32\n"
                              "    %r = math.rsqrt %m : f32\n");
  Tensor normed = elementwise(x.shape, {{centered, all}, {factor, rows}},
                              "    %r = arith.mulf %a0, %a1 : f32\n");
  tensors.push_back(factor);
  Tensor gamma = constant({x.shape.back()});
  Tensor result = elementwise(x.shape, {{normed, all}, {gamma, {rank - 1}}},
                              "    %r = arith.mulf %a0, %a1 : f32\n");
  if (chance(50))
    return result;
  Tensor beta = constant({x.shape.back()});
  return elementwise(x.shape, {{result, all}, {beta, {rank - 1}}},
                     "    %r = arith.addf %a0, %a1 : f32\n");
}

//===----------------------------------------------------------------------===//
// Moves
//===----------------------------------------------------------------------===//

static std::string printGroups(ArrayRef<std::vector<int64_t>> groups) {
  std::string text = "[";
  for (auto [i, group] : llvm::enumerate(groups)) {
    text += i ? ", [" : "[";
    for (auto [j, dim] : llvm::enumerate(group))
      text += (j ? ", " : "") + std::to_string(dim);
    text += "]";
  }
  return text + "]";
}

std::optional<RandomNetwork::Tensor>
RandomNetwork::addReshape(const Tensor &x) {
  int64_t rank = x.shape.size();
  std::vector<Dims> groups;
  if (rank >= 2 && chance(50)) {
    // Two dimensions become one.
    int64_t joined = below(rank - 1);
    Shape shape;
    for (int64_t dim = 0; dim < rank; ++dim) {
      if (dim == joined + 1) {
        groups.back().push_back(dim);
        shape.back() *= x.shape[dim];
        continue;
      }
      groups.push_back({dim});
      shape.push_back(x.shape[dim]);
    }
    return add(shape, "tensor.collapse_shape " + x.name + " " +
                          printGroups(groups) + " : " + type(x.shape) +
                          " into " + type(shape));
  }
  if (rank == 0 || rank > 2)
    return std::nullopt;
  int64_t split = below(rank);
  int64_t inner = choose(std::vector<int64_t>{1, 2, x.shape[split]});
  if (x.shape[split] % inner != 0)
    return std::nullopt;
  Shape shape;
  for (int64_t dim = 0; dim < rank; ++dim) {
    groups.push_back({static_cast<int64_t>(shape.size())});
    if (dim != split) {
      shape.push_back(x.shape[dim]);
      continue;
    }
    groups.back().push_back(shape.size() + 1);
    shape.push_back(x.shape[dim] / inner);
    shape.push_back(inner);
  }
  return add(shape, "tensor.expand_shape " + x.name + " " +
                        printGroups(groups) + " output_shape " + list(shape) +
                        " : " + type(x.shape) + " into " + type(shape));
}

std::optional<RandomNetwork::Tensor>
RandomNetwork::addTransposition(const Tensor &x) {
  int64_t rank = x.shape.size();
  if (rank > 2 && chance(30)) {
    // One of the first dimension for all, as grouped queries share keys.
    if (x.shape[0] != 1)
      return std::nullopt;
    Shape shape = x.shape;
    shape[0] = 2;
    Dims dims = iota(rank);
    dims[0] = -1;
    return elementwise(shape, {{x, dims}},
                       "    %r = arith.addf %a0, %zero : f32\n");
  }
  if (rank < 3 && chance(25)) {
    Shape shape = x.shape;
    int64_t added = below(rank + 1);
    shape.insert(shape.begin() + added, 2);
    return add(shape, "linalg.broadcast ins(" + x.name + " : " + type(x.shape) +
                          ") outs(" + empty(shape).name + " : " + type(shape) +
                          ") dimensions = " + list({added}));
  }
  if (rank < 2)
    return std::nullopt;
  Dims order = iota(rank);
  for (int64_t i = rank - 1; i > 0; --i)
    std::swap(order[i], order[below(i + 1)]);
  Shape shape = gatherShape(x.shape, order);
  return add(shape, "linalg.transpose ins(" + x.name + " : " + type(x.shape) +
                        ") outs(" + empty(shape).name + " : " + type(shape) +
                        ") permutation = " + list(order));
}

std::optional<RandomNetwork::Tensor> RandomNetwork::addSlice(const Tensor &x) {
  int64_t rank = x.shape.size();
  if (rank == 0)
    return std::nullopt;
  Dims offsets(rank, 0), strides(rank, 1);
  Shape shape = x.shape;
  int64_t axis = below(rank);
  if (shape[axis] < 2)
    return std::nullopt;
  shape[axis] = 1 + below(shape[axis] - 1);
  offsets[axis] = below(x.shape[axis] - shape[axis] + 1);
  if (x.shape[axis] % 2 == 0 && chance(10)) {
    shape[axis] = x.shape[axis] / 2;
    offsets[axis] = below(2);
    strides[axis] = 2;
  }
  return add(shape, "tensor.extract_slice " + x.name + list(offsets) + " " +
                        list(shape) + " " + list(strides) + " : " +
                        type(x.shape) + " to " + type(shape));
}

std::optional<RandomNetwork::Tensor> RandomNetwork::addConcat(const Tensor &x) {
  int64_t rank = x.shape.size();
  if (rank == 0)
    return std::nullopt;
  int64_t axis = below(rank);
  std::vector<Tensor> fitting;
  for (const Tensor &y : tensors) {
    Shape shape = y.shape;
    if (static_cast<int64_t>(shape.size()) != rank)
      continue;
    shape[axis] = x.shape[axis];
    if (shape == x.shape)
      fitting.push_back(y);
  }
  std::vector<Tensor> parts = {x, choose(fitting)};
  if (chance(30))
    parts.push_back(constant(x.shape));
  if (chance(50))
    std::swap(parts[0], parts.back());
  std::string names, types;
  Shape shape = x.shape;
  shape[axis] = 0;
  for (auto [i, part] : llvm::enumerate(parts)) {
    names += (i ? ", " : "") + part.name;
    types += (i ? ", " : "") + type(part.shape);
    shape[axis] += part.shape[axis];
  }
  return add(shape, "tensor.concat dim(" + std::to_string(axis) + ") " + names +
                        " : (" + types + ") -> " + type(shape));
}

std::optional<RandomNetwork::Tensor> RandomNetwork::addPad(const Tensor &x) {
  int64_t rank = x.shape.size();
  if (rank == 0)
    return std::nullopt;
  Dims low(rank, 0), high(rank, 0);
  Shape shape = x.shape;
  int64_t axis = below(rank);
  low[axis] = below(2);
  high[axis] = 1;
  shape[axis] += low[axis] + high[axis];
  std::string indices;
  for (int64_t dim = 0; dim < rank; ++dim)
    indices += (dim ? ", %i" : "%i") + std::to_string(dim) + ": index";
  return add(shape,
             "tensor.pad " + x.name + " low" + list(low) + " high" +
                 list(high) + " {\n  ^bb0(" + indices +
                 "):\n    tensor.yield " + (chance(70) ? "%zero" : "%half") +
                 " : f32\n  } : " + type(x.shape) + " to " + type(shape));
}

std::optional<RandomNetwork::Tensor> RandomNetwork::addPairs(const Tensor &x) {
  int64_t rank = x.shape.size(), half = rank ? x.shape.back() / 2 : 0;
  if (half == 0 || x.shape.back() % 2 != 0)
    return std::nullopt;
  Shape shape = x.shape;
  shape.back() = half;
  Dims offsets(rank, 0);
  std::vector<Tensor> halves;
  for (int64_t offset : {int64_t(0), half}) {
    offsets.back() = offset;
    halves.push_back(add(shape, "tensor.extract_slice " + x.name +
                                    list(offsets) + " " + list(shape) + " " +
                                    list(Dims(rank, 1)) + " : " +
                                    type(x.shape) + " to " + type(shape)));
  }
  Tensor negated = elementwise(shape, {{halves[1], iota(rank)}},
                               "    %r = arith.negf %a0 : f32\n");
  Tensor turned = add(x.shape, "tensor.concat dim(" + std::to_string(rank - 1) +
                                   ") " + negated.name + ", " + halves[0].name +
                                   " : (" + type(shape) + ", " + type(shape) +
                                   ") -> " + type(x.shape));
  if (chance(20))
    return turned;
  Tensor cosines = constant({x.shape.back()}),
         sines = constant({x.shape.back()});
  const char *multiply = "    %r = arith.mulf %a0, %a1 : f32\n";
  Tensor left =
      elementwise(x.shape, {{x, iota(rank)}, {cosines, {rank - 1}}}, multiply);
  Tensor right = elementwise(
      x.shape, {{turned, iota(rank)}, {sines, {rank - 1}}}, multiply);
  return elementwise(x.shape, {{left, iota(rank)}, {right, iota(rank)}},
                     "    %r = arith.addf %a0, %a1 : f32\n");
}

//===----------------------------------------------------------------------===//
// Windows and others
//===----------------------------------------------------------------------===//

std::optional<RandomNetwork::Tensor> RandomNetwork::addWindow(const Tensor &x) {
  if (x.shape.size() != 3 || x.shape[1] < 2)
    return std::nullopt;
  int64_t filters = choose(std::vector<int64_t>{2, 4, 6});
  Shape shape = {x.shape[0], x.shape[1] - 1, x.shape[2]};
  std::string name;
  Tensor kernel, init;
  switch (below(4)) {
  case 0:
    name = "conv_1d_nwc_wcf";
    kernel = constant({2, x.shape[2], filters});
    shape[2] = filters;
    init = makeInit(shape);
    break;
  case 1:
    name = "depthwise_conv_1d_nwc_wc";
    kernel = constant({2, x.shape[2]});
    init = makeInit(shape);
    break;
  case 2:
    name = "pooling_nwc_sum";
    kernel = add({2}, "tensor.empty() : " + type({2}));
    init = makeInit(shape);
    break;
  default:
    name = "pooling_nwc_max";
    kernel = add({2}, "tensor.empty() : " + type({2}));
    init = chance(70) ? fill(shape, "%lowest") : makeInit(shape);
  }
  return add(shape, "linalg." + name + " ins(" + x.name + ", " + kernel.name +
                        " : " + type(x.shape) + ", " + type(kernel.shape) +
                        ") outs(" + init.name + " : " + type(shape) + ") -> " +
                        type(shape));
}

std::optional<RandomNetwork::Tensor> RandomNetwork::addNamed(const Tensor &x) {
  std::string ins = " ins(" + x.name + " : " + type(x.shape) + ")";
  std::string outs = " outs(" + empty(x.shape).name + " : " + type(x.shape) +
                     ") -> " + type(x.shape);
  switch (below(6)) {
  case 0:
    return add(x.shape, "linalg.negf" + ins + outs);
  case 1: {
    Tensor y = chance(50) ? constant(x.shape) : *pickLike(x.shape);
    std::string both = " ins(" + x.name + ", " + y.name + " : " +
                       type(x.shape) + ", " + type(x.shape) + ")";
    return add(x.shape,
               choose(std::vector<std::string>{"linalg.add", "linalg.sub",
                                               "linalg.mul", "linalg.max"}) +
                   both + outs);
  }
  case 2:
    return add(x.shape, "linalg.copy" + ins + outs);
  case 3: {
    std::string name = "o" + std::to_string(counter);
    return add(x.shape, "qfmt.observe " + x.name + " \"" + name +
                            "\" : " + type(x.shape));
  }
  case 4: {
    // No rule knows it.
    if (x.shape.empty() || x.shape[0] < 2)
      return std::nullopt;
    Shape part = x.shape;
    part[0] = 1;
    int64_t rank = x.shape.size();
    Tensor inserted = constant(part);
    return add(x.shape, "tensor.insert_slice " + inserted.name + " into " +
                            x.name + list(Dims(rank, 0)) + " " + list(part) +
                            " " + list(Dims(rank, 1)) + " : " + type(part) +
                            " into " + type(x.shape));
  }
  default: {
    if (x.shape.size() < 2)
      return std::nullopt;
    int64_t reduced = below(x.shape.size());
    Shape shape = x.shape;
    shape.erase(shape.begin() + reduced);
    return add(shape, "linalg.reduce { arith.addf }" + ins + " outs(" +
                          fill(shape).name + " : " + type(shape) +
                          ") dimensions = " + list({reduced}));
  }
  }
}

//===----------------------------------------------------------------------===//
// The network
//===----------------------------------------------------------------------===//

RandomNetwork::RandomNetwork(uint64_t seed) : random(seed) {
  body = "  %zero = arith.constant 0.0 : f32\n"
         "  %half = arith.constant 0.5 : f32\n"
         "  %one = arith.constant 1.0 : f32\n"
         "  %two = arith.constant 2.0 : f32\n"
         "  %lowest = arith.constant 0xFF800000 : f32\n";
  static const std::vector<Shape> shapes = {
      {3, 4}, {4, 4}, {2, 8}, {4, 6}, {3, 8}, {1, 3, 4}, {2, 3, 4}, {6}};
  int64_t numArguments = 1 + below(2);
  for (int64_t i = 0; i < numArguments; ++i) {
    Tensor argument = {"%x" + std::to_string(i), choose(shapes)};
    arguments += (i ? ", " : "") + argument.name + ": " + type(argument.shape);
    tensors.push_back(argument);
  }
  using Adder = std::optional<Tensor> (RandomNetwork::*)(const Tensor &);
  static const std::vector<Adder> adders = {
      &RandomNetwork::addLinear,        &RandomNetwork::addLinear,
      &RandomNetwork::addLinear,        &RandomNetwork::addUnary,
      &RandomNetwork::addConstants,     &RandomNetwork::addConstants,
      &RandomNetwork::addBinary,        &RandomNetwork::addBinary,
      &RandomNetwork::addProduct,       &RandomNetwork::addReduction,
      &RandomNetwork::addNorm,          &RandomNetwork::addReshape,
      &RandomNetwork::addTransposition, &RandomNetwork::addSlice,
      &RandomNetwork::addConcat,        &RandomNetwork::addPad,
      &RandomNetwork::addPairs,         &RandomNetwork::addWindow,
      &RandomNetwork::addNamed};
  int64_t wanted = 3 + below(8);
  for (int64_t i = 0; i < wanted; ++i) {
    // Rather the last one: what it computes is read.
    Tensor x = chance(60) ? tensors.back() : pick();
    std::optional<Tensor> y = (this->*choose(adders))(x);
    if (y && size(y->shape) <= 200 && y->shape.size() <= 4)
      tensors.push_back(*y);
  }
  results = {tensors.back()};
  for (const Tensor &tensor : tensors)
    if (chance(10))
      results.push_back(tensor);
}

std::string RandomNetwork::str() const {
  std::string names, types;
  for (auto [i, result] : llvm::enumerate(results)) {
    names += (i ? ", " : "") + result.name;
    types += (i ? ", " : "") + type(result.shape);
  }
  return "func.func @main(" + arguments + ") -> (" + types + ") {\n" + body +
         "  return " + names + " : " + types + "\n}\n";
}
