// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "OneDnn.h"

Prepared prepareOneDnn(std::unique_ptr<OneDnnPrimitive> primitive) {
  if (!primitive)
    return {nullptr, "oneDNN has no such operation", ""};
  std::shared_ptr<OneDnnPrimitive> shared = std::move(primitive);
  return {[=] { shared->run(); }, "", shared->getImplementation()};
}

#ifdef QFMT_HAVE_ONEDNN

#include "oneapi/dnnl/dnnl.hpp"

using namespace dnnl;

namespace {

using Type = memory::data_type;
using Tag = memory::format_tag;

/// Types of what a primitive reads and writes; weights as the caller has them.
struct Types {
  memory::desc source, plainWeights, bias, result, scales;
};

class Primitive : public OneDnnPrimitive {
public:
  /// Makes a description of engine, types, weights of any layout, attributes.
  template <typename Description, typename Operation, typename Fn>
  static std::unique_ptr<Primitive> create(const Types &types, int scaleMask,
                                           Fn describe) {
    std::unique_ptr<Primitive> made(new Primitive());
    primitive_attr attributes;
    attributes.set_scales_mask(DNNL_ARG_WEIGHTS, scaleMask);
    memory::desc any(types.plainWeights.get_dims(), Type::s8, Tag::any);
    Description description = describe(made->cpu, any, attributes);
    made->implementation = description.impl_info_str();
    made->operation = Operation(description);
    made->makeArguments(types, description.weights_desc());
    return made;
  }

  void run() override {
    operation.execute(queue, arguments);
    queue.wait();
  }

  std::string getImplementation() const override { return implementation; }

private:
  Primitive() : cpu(engine::kind::cpu, 0), queue(cpu) {}

  void makeArguments(const Types &types, const memory::desc &weightsType) {
    std::mt19937 random(1);
    memory plain = make(types.plainWeights, [&] { return int8_t(random()); });
    memory weights(weightsType, cpu);
    reorder(plain, weights).execute(queue, plain, weights);
    arguments = {
        {DNNL_ARG_SRC, make(types.source, [&] { return int8_t(random()); })},
        {DNNL_ARG_WEIGHTS, weights},
        {DNNL_ARG_BIAS,
         make(types.bias, [&] { return int32_t(random()) / 65536; })},
        {DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS,
         make(types.scales, [&] { return 1.0f / 4096; })},
        {DNNL_ARG_DST, memory(types.result, cpu)}};
    queue.wait();
  }

  template <typename Fn>
  memory make(const memory::desc &type, Fn next) {
    memory data(type, cpu);
    using T = decltype(next());
    T *elements = static_cast<T *>(data.get_data_handle());
    for (size_t i = 0, e = type.get_size() / sizeof(T); i < e; ++i)
      elements[i] = next();
    return data;
  }

  engine cpu;
  stream queue;
  primitive operation;
  std::unordered_map<int, memory> arguments;
  std::string implementation;
};

} // namespace

bool hasOneDnn() { return true; }

std::unique_ptr<OneDnnPrimitive>
createOneDnnProduct(int64_t m, int64_t n, int64_t k, bool isUnsigned) {
  Types types{{{m, k}, isUnsigned ? Type::u8 : Type::s8, Tag::ab},
              {{k, n}, Type::s8, Tag::ab},
              {{1, n}, Type::s32, Tag::ab},
              {{m, n}, Type::s8, Tag::ab},
              {{n}, Type::f32, Tag::a}};
  auto describe = [&](engine &cpu, const memory::desc &weights,
                      const primitive_attr &attributes) {
    return matmul::primitive_desc(cpu, types.source, weights, types.bias,
                                  types.result, attributes);
  };
  try {
    return Primitive::create<matmul::primitive_desc, matmul>(types, 1 << 1,
                                                             describe);
  } catch (const dnnl::error &) {
    return nullptr;
  }
}

std::unique_ptr<OneDnnPrimitive> createOneDnnConvolution(const Convolution &c) {
  memory::dims shape = {c.outputs, c.inputs, c.kernel, c.kernel};
  // Weights of a depthwise one have a dimension for groups.
  if (c.isDepthwise)
    shape = {c.inputs, 1, 1, c.kernel, c.kernel};
  Types types{{{1, c.inputs, c.size, c.size}, Type::u8, Tag::nhwc},
              {shape, Type::s8, c.isDepthwise ? Tag::goihw : Tag::oihw},
              {{c.outputs}, Type::s32, Tag::a},
              {{1, c.outputs, c.size, c.size}, Type::u8, Tag::nhwc},
              {{c.outputs}, Type::f32, Tag::a}};
  memory::dims strides = {1, 1};
  memory::dims padding = {c.kernel / 2, c.kernel / 2};
  auto describe = [&](engine &cpu, const memory::desc &weights,
                      const primitive_attr &attributes) {
    return convolution_forward::primitive_desc(
        cpu, prop_kind::forward_inference, algorithm::convolution_direct,
        types.source, weights, types.bias, types.result, strides, padding,
        padding, attributes);
  };
  // A scale for each output channel; those of groups are two dimensions.
  try {
    return Primitive::create<convolution_forward::primitive_desc,
                             convolution_forward>(types, c.isDepthwise ? 3 : 1,
                                                  describe);
  } catch (const dnnl::error &) {
    return nullptr;
  }
}

#else

bool hasOneDnn() { return false; }

std::unique_ptr<OneDnnPrimitive> createOneDnnProduct(int64_t, int64_t, int64_t,
                                                     bool) {
  return nullptr;
}

std::unique_ptr<OneDnnPrimitive> createOneDnnConvolution(const Convolution &) {
  return nullptr;
}

#endif
