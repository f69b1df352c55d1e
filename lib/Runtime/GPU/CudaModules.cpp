// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Modules and the kernels in them. PTX is compiled by the driver, which keeps
// what it has compiled in a cache of its own.

#include "CudaModules.h"
#include "ConstantCache.h"
#include "CudaSession.h"
#include "ErrorSlot.h"
#include "Mgpu.h"
#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

using namespace qfmt::gpu;

namespace {
struct Module {
  CudaModule handle;
  std::map<std::string, std::unique_ptr<CudaKernel>> kernels;
};

struct Modules {
  std::mutex mutex;
  std::map<void *, std::unique_ptr<Module>> live;
};
} // namespace

static constexpr size_t kLogBytes = 16384;

static Modules &modules() {
  static Modules &modules = *new Modules;
  return modules;
}

/// The word behind the first `key` in PTX, or nothing.
static std::string findWord(const std::string &ptx, const std::string &key) {
  size_t begin = ptx.find(key);
  if (begin == std::string::npos)
    return "";
  begin = ptx.find_first_not_of(" \t", begin + key.size());
  if (begin == std::string::npos)
    return "";
  return ptx.substr(begin, ptx.find_first_of(" \t\r\n(,", begin) - begin);
}

/// "the module of kernel 'f' for sm_90".
static std::string describePtx(const std::string &ptx) {
  std::string kernel = findWord(ptx, ".entry"), chip = findWord(ptx, ".target");
  return "the module" + (kernel.empty() ? "" : " of kernel '" + kernel + "'") +
         (chip.empty() ? "" : " for " + chip);
}

/// `log` and a line end before it, if there is one.
static std::string onOwnLines(const std::string &log) {
  std::string text = log.c_str();
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  return text.empty() ? text : "\n" + text;
}

static void *keep(CudaModule handle) {
  auto module = std::make_unique<Module>();
  module->handle = handle;
  void *key = module.get();
  Modules &m = modules();
  {
    std::lock_guard<std::mutex> lock(m.mutex);
    m.live[key] = std::move(module);
  }
  countLoadedModule();
  return key;
}

static void *load(const CudaSession &session, const void *data, int optLevel,
                  const std::string &description) {
  using Option = CudaJitOption;
  std::string errors(kLogBytes, '\0');
  auto asValue = [](uint64_t value) { return reinterpret_cast<void *>(value); };
  Option options[] = {Option::ErrorLog, Option::ErrorLogBytes,
                      Option::OptimizationLevel};
  void *values[] = {errors.data(), asValue(kLogBytes - 1), asValue(optLevel)};
  CudaModule handle = nullptr;
  CudaResult result =
      session->moduleLoadDataEx(&handle, data, 3, options, values);
  if (!result)
    return keep(handle);
  const OpenCudaDevice &device = session.getDevice();
  return fail("cannot load " + description + " on " + device.name + " (" +
              device.chip + "): " + describeCudaResult(device.driver, result) +
              onOwnLines(errors));
}

void *mgpuModuleLoadJIT(void *data, int32_t optLevel) {
  CudaSession session;
  if (!session)
    return nullptr;
  return load(session, data, std::clamp(optLevel, 0, 4),
              describePtx(static_cast<const char *>(data)));
}

void *mgpuModuleLoad(void *data, int64_t size) {
  CudaSession session;
  if (!session)
    return nullptr;
  return load(session, data, 4,
              "a module of " + std::to_string(size) + " bytes");
}

static void unload(const CudaSession &session, const Module &module) {
  session.check(session->moduleUnload(module.handle), "cannot unload a module");
}

void mgpuModuleUnload(void *module) {
  Modules &m = modules();
  {
    CudaSession session(CudaSession::Release);
    std::lock_guard<std::mutex> lock(m.mutex);
    auto found = m.live.find(module);
    if (found == m.live.end())
      return;
    if (session)
      unload(session, *found->second);
    m.live.erase(found);
  }
  countUnloadedModule();
}

void qfmt::gpu::releaseCudaModules(const CudaSession &session) {
  Modules &m = modules();
  size_t count;
  {
    std::lock_guard<std::mutex> lock(m.mutex);
    for (auto &[key, module] : m.live)
      unload(session, *module);
    count = m.live.size();
    m.live.clear();
  }
  for (size_t i = 0; i < count; ++i)
    countUnloadedModule();
}

static std::unique_ptr<CudaKernel>
findKernel(const CudaSession &session, CudaModule module, const char *name) {
  using Attribute = CudaFunctionAttribute;
  auto kernel = std::make_unique<CudaKernel>();
  kernel->name = name;
  CudaResult result = session->moduleGetFunction(&kernel->handle, module, name);
  std::pair<Attribute, int *> wanted[] = {
      {Attribute::MaxThreadsPerBlock, &kernel->maxThreadsPerBlock},
      {Attribute::StaticShared, &kernel->staticShared},
      {Attribute::Registers, &kernel->registers}};
  for (auto [attribute, value] : wanted)
    if (!result)
      result = session->funcGetAttribute(value, attribute, kernel->handle);
  if (!session.check(result, "cannot load kernel '", kernel->name + "'"))
    return nullptr;
  return kernel;
}

void *mgpuModuleGetFunction(void *module, const char *name) {
  CudaSession session;
  if (!session)
    return nullptr;
  Modules &m = modules();
  std::lock_guard<std::mutex> lock(m.mutex);
  auto found = m.live.find(module);
  if (found == m.live.end())
    return fail(std::string("cannot load kernel '") + name +
                "': its module is not loaded");
  auto &kernels = found->second->kernels;
  auto known = kernels.find(name);
  if (known != kernels.end())
    return known->second.get();
  std::unique_ptr<CudaKernel> kernel =
      findKernel(session, found->second->handle, name);
  return kernel ? (kernels[name] = std::move(kernel)).get() : nullptr;
}
