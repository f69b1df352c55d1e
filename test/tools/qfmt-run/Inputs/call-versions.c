/* Calls a product of bytes and says which version of its code computed it, and whether it is right. */
#include "model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { M = 33, N = 35, K = 70 };

int main(void) {
  static int8_t x[M * K];
  static int32_t y[M * N];
  const char *wanted = getenv("QFMT_VERSION");
  for (int i = 0; i < M * K; ++i)
    x[i] = (int8_t)(i * 29 % 256);
  if (qfmt_main(x, y) != 0) {
    printf("%s: cannot run, version %s\n", wanted ? wanted : "any", qfmt_main_version() ? "some" : "none");
    return 0;
  }
  for (int m = 0; m < M; ++m)
    for (int n = 0; n < N; ++n) {
      int32_t sum = 0;
      for (int k = 0; k < K; ++k)
        sum += x[m * K + k] * (int8_t)((k * N + n) * 37 % 251);
      if (sum != y[m * N + n]) {
        printf("%s: wrong at %d, %d\n", qfmt_main_version(), m, n);
        return 1;
      }
    }
  if (wanted && strcmp(wanted, qfmt_main_version()) != 0) {
    printf("%s: computed by %s\n", wanted, qfmt_main_version());
    return 1;
  }
  printf("%s: right, %s\n", wanted ? wanted : "any", qfmt_main_version());
  return 0;
}
