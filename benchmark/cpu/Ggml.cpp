// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Ggml.h"

#ifdef QFMT_HAVE_GGML

#include "ggml-alloc.h"
#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "ggml.h"

namespace {

ggml_backend_t getBackend() {
  static ggml_backend_t backend = [] {
    // It says what it repacks.
    ggml_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    ggml_backend_t made = ggml_backend_cpu_init();
    ggml_backend_cpu_set_n_threads(made, 1);
    return made;
  }();
  return backend;
}

std::vector<ggml_backend_buffer_type_t> getBufferTypes() {
  std::vector<ggml_backend_buffer_type_t> types = {
      ggml_backend_cpu_buffer_type()};
  ggml_backend_dev_t device = ggml_backend_get_device(getBackend());
  auto getMore = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(
      ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(device),
                                        "ggml_backend_dev_get_extra_bufts"));
  ggml_backend_buffer_type_t *more = getMore ? getMore(device) : nullptr;
  for (; more && *more; ++more)
    types.push_back(*more);
  return types;
}

/// A graph of one product, and the memory of what it reads and writes.
class Product {
public:
  Product(ggml_type type, ggml_backend_buffer_type_t weightBuffer, int64_t m,
          int64_t n, int64_t k)
      : m(m), n(n), k(k), weightBuffer(weightBuffer), weights(makeContext()),
        others(makeContext()) {
    factor = ggml_new_tensor_2d(weights, type, k, n);
    floats = ggml_new_tensor_2d(others, GGML_TYPE_F32, k, m);
    ggml_tensor *product = ggml_mul_mat(others, factor, floats);
    graph = ggml_new_graph(others);
    ggml_build_forward_expand(graph, product);
  }

  /// False if ggml has no code for it.
  bool fill() {
    weightMemory =
        ggml_backend_alloc_ctx_tensors_from_buft(weights, weightBuffer);
    if (!weightMemory ||
        !ggml_backend_supports_op(getBackend(), ggml_graph_node(graph, 0)))
      return false;
    otherMemory = ggml_backend_alloc_ctx_tensors(others, getBackend());
    std::vector<char> codes(ggml_nbytes(factor));
    std::vector<float> values = makeFloats(n * k);
    ggml_quantize_chunk(factor->type, values.data(), codes.data(), 0, n, k,
                        nullptr);
    ggml_backend_tensor_set(factor, codes.data(), 0, codes.size());
    std::vector<float> input = makeFloats(m * k);
    ggml_backend_tensor_set(floats, input.data(), 0, m * k * sizeof(float));
    return true;
  }

  void run() { ggml_backend_graph_compute(getBackend(), graph); }

  ~Product() {
    ggml_backend_buffer_free(weightMemory);
    ggml_backend_buffer_free(otherMemory);
    ggml_free(weights);
    ggml_free(others);
  }

private:
  static ggml_context *makeContext() {
    return ggml_init({ggml_tensor_overhead() * 8 + ggml_graph_overhead(),
                      nullptr, /*no_alloc=*/true});
  }

  int64_t m, n, k;
  ggml_backend_buffer_type_t weightBuffer;
  ggml_context *weights, *others;
  ggml_backend_buffer_t weightMemory = nullptr, otherMemory = nullptr;
  ggml_tensor *factor, *floats;
  ggml_cgraph *graph;
};

ggml_type findType(const std::string &name) {
  for (int i = 0; i < GGML_TYPE_COUNT; ++i)
    if (ggml_type_name(ggml_type(i)) && ggml_type_name(ggml_type(i)) == name)
      return ggml_type(i);
  return GGML_TYPE_COUNT;
}

} // namespace

bool hasGgml() { return true; }

std::vector<std::string> getGgmlBuffers() {
  std::vector<std::string> names;
  for (ggml_backend_buffer_type_t type : getBufferTypes())
    names.push_back(ggml_backend_buft_name(type));
  return names;
}

Prepared prepareGgml(const std::string &format, const std::string &buffer,
                     int64_t m, int64_t n, int64_t k) {
  ggml_type type = findType(format);
  if (type == GGML_TYPE_COUNT)
    return {nullptr, "ggml has no such format", ""};
  for (ggml_backend_buffer_type_t kind : getBufferTypes()) {
    if (ggml_backend_buft_name(kind) != buffer)
      continue;
    auto product = std::make_shared<Product>(type, kind, m, n, k);
    if (product->fill())
      return {[=] { product->run(); }, "", ""};
  }
  return {nullptr, "ggml has no such product", ""};
}

#else

bool hasGgml() { return false; }

std::vector<std::string> getGgmlBuffers() { return {}; }

Prepared prepareGgml(const std::string &, const std::string &, int64_t, int64_t,
                     int64_t) {
  return {nullptr, "built without ggml", ""};
}

#endif
