/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "Mgpu.h"
#include "model.h"
#include <stdio.h>

int main(void) {
  const int32_t x[4] = {1, 2, 3, 4};
  int32_t y[4] = {0};
  int status = qfmt_main(x, y);
  const char *error = qfmtGpuError();
  if (error) {
    fprintf(stderr, "%s\n", error);
    return 1;
  }
  printf("%d: %d %d %d %d\n", status, y[0], y[1], y[2], y[3]);
  return 0;
}
