// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DeviceOptions.h"
#include <algorithm>
#include <cstdlib>
#include <sstream>

using namespace qfmt::gpu;

std::string qfmt::gpu::parseDeviceOptions(const char *options,
                                          DeviceOptions &parsed) {
  std::istringstream stream(options ? options : "");
  for (std::string option; std::getline(stream, option, ',');) {
    if (option.empty())
      continue;
    size_t equals = option.find('=');
    std::string key = option.substr(0, equals);
    if (key != "device" || equals == std::string::npos)
      return "unknown option '" + option + "' of the GPU, expected device=...";
    parsed.device = option.substr(equals + 1);
  }
  return "";
}

bool qfmt::gpu::isDeviceIndex(const std::string &text, int &index) {
  if (text.empty() || text.size() > 4 ||
      !std::all_of(text.begin(), text.end(),
                   [](char c) { return c >= '0' && c <= '9'; }))
    return false;
  index = std::atoi(text.c_str());
  return true;
}
