// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "OneDnn.h"

#ifdef QFMT_HAVE_ONEDNN

#include "oneapi/dnnl/dnnl.hpp"
#include <cstring>
#include <random>
#include <vector>

using namespace dnnl;

namespace {

class Product : public OneDnnProduct {
public:
  Product(int64_t m, int64_t n, int64_t k, bool isUnsigned)
      : cpu(engine::kind::cpu, 0), queue(cpu) {
    using Type = memory::data_type;
    using Tag = memory::format_tag;
    memory::desc codes({m, k}, isUnsigned ? Type::u8 : Type::s8, Tag::ab);
    memory::desc anyWeights({k, n}, Type::s8, Tag::any);
    memory::desc plainWeights({k, n}, Type::s8, Tag::ab);
    memory::desc bias({1, n}, Type::s32, Tag::ab);
    memory::desc result({m, n}, Type::s8, Tag::ab);
    memory::desc scales({n}, Type::f32, Tag::a);
    primitive_attr attributes;
    attributes.set_scales_mask(DNNL_ARG_WEIGHTS, 1 << 1);
    matmul::primitive_desc description(cpu, codes, anyWeights, bias, result,
                                       attributes);
    implementation = description.impl_info_str();
    product = matmul(description);

    std::mt19937 random(1);
    memory plain = make(plainWeights, [&] { return int8_t(random()); });
    memory weights(description.weights_desc(), cpu);
    reorder(plain, weights).execute(queue, plain, weights);
    arguments = {
        {DNNL_ARG_SRC, make(codes, [&] { return int8_t(random()); })},
        {DNNL_ARG_WEIGHTS, weights},
        {DNNL_ARG_BIAS, make(bias, [&] { return int32_t(random()) / 65536; })},
        {DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS,
         make(scales, [&] { return 1.0f / 4096; })},
        {DNNL_ARG_DST, memory(result, cpu)}};
    queue.wait();
  }

  void run() override {
    product.execute(queue, arguments);
    queue.wait();
  }

  std::string getImplementation() const override { return implementation; }

private:
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
  matmul product;
  std::unordered_map<int, memory> arguments;
  std::string implementation;
};

} // namespace

bool OneDnnProduct::isAvailable() { return true; }

std::unique_ptr<OneDnnProduct>
OneDnnProduct::create(int64_t m, int64_t n, int64_t k, bool isUnsigned) {
  try {
    return std::make_unique<Product>(m, n, k, isUnsigned);
  } catch (const dnnl::error &) {
    return nullptr;
  }
}

#else

bool OneDnnProduct::isAvailable() { return false; }

std::unique_ptr<OneDnnProduct> OneDnnProduct::create(int64_t, int64_t, int64_t,
                                                     bool) {
  return nullptr;
}

#endif
