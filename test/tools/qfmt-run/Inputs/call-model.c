/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "model.h"
#include <stdio.h>
#include <string.h>

int main(void) {
  const int8_t image[6] = {1, 2, 3, 4, 5, 6};
  int8_t copy[6] = {0};
  int32_t sums[2] = {0};
  int status = qfmt_main(image, sums, copy);
  printf("%d: %d %d %s\n", status, sums[0], sums[1],
         memcmp(image, copy, sizeof image) ? "different" : "same");
  return 0;
}
