// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Report.h"
#include <cstdio>

using namespace qfmt::gpu::benchmark;

template <typename... Ts>
static std::string format(const char *text, Ts... values) {
  char line[512];
  std::snprintf(line, sizeof(line), text, values...);
  return line;
}

/// "int8 4096x4096x4096".
static std::string describe(const Target &target) {
  return target.peer == "copy"
             ? target.peer
             : target.peer + " " + std::to_string(target.m) + "x" +
                   std::to_string(target.n) + "x" + std::to_string(target.k);
}

static void printRatio(std::ostream &out, const Ratio &ratio) {
  std::string peer = describe(ratio.target);
  if (ratio.ratio < 0)
    out << format("    %-28s not measured\n", peer.c_str());
  else
    out << format("    %-28s %6.2f of %5.2f  %s\n", peer.c_str(), ratio.ratio,
                  ratio.target.least,
                  ratio.target.least == 0 ? ""
                  : ratio.isReached()     ? "reached"
                                          : "NOT REACHED");
}

void qfmt::gpu::benchmark::printTable(std::ostream &out,
                                      const std::vector<Result> &results) {
  for (const Result &r : results) {
    out << format("%-32s ", r.name.c_str());
    if (!r.error.empty()) {
      out << "WRONG: " << r.error << "\n";
      continue;
    }
    out << "right";
    if (r.seconds > 0) {
      out << format(" %10.2f us", r.seconds * 1e6);
      if (r.multiplications > 0)
        out << format(" %8.1f TOP/s", 2e-12 * r.multiplications / r.seconds);
      if (r.bytes > 0)
        out << format(" %8.1f GB/s", 1e-9 * r.bytes / r.seconds);
    }
    out << "\n";
    for (const Ratio &ratio : r.ratios)
      printRatio(out, ratio);
  }
}

static std::string quote(const std::string &text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      quoted += '\\';
    if (uint8_t(c) < 0x20)
      quoted += format("\\u%04x", int(c));
    else
      quoted += c;
  }
  return quoted + "\"";
}

void qfmt::gpu::benchmark::printJson(std::ostream &out,
                                     const std::string &device,
                                     const std::string &chip,
                                     const std::vector<Result> &results) {
  out << "{\"device\": " << quote(device) << ", \"chip\": " << quote(chip)
      << ", \"cases\": [";
  const char *comma = "\n";
  for (const Result &r : results) {
    out << comma << " {\"name\": " << quote(r.name)
        << ", \"error\": " << quote(r.error)
        << format(", \"seconds\": %.9g, \"multiplications\": %.17g, "
                  "\"bytes\": %.17g, \"peers\": [",
                  r.seconds, r.multiplications, r.bytes);
    comma = ",\n";
    const char *inner = "";
    for (const Ratio &ratio : r.ratios) {
      out << inner << "{\"peer\": " << quote(describe(ratio.target))
          << format(", \"figure\": %.9g, \"ratio\": %.9g, \"least\": %.9g}",
                    ratio.peer, ratio.ratio, ratio.target.least);
      inner = ", ";
    }
    out << "]}";
  }
  out << "\n]}\n";
}
