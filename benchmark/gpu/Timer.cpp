// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Timer.h"
#include "CudaSession.h"
#include "CudaStreams.h"
#include "ErrorSlot.h"
#include "Mgpu.h"
#include <algorithm>
#include <vector>

using namespace qfmt::gpu;

/// The seconds of `runs` runs together, or a negative number.
static double timeOnce(const CudaSession &session, const benchmark::Work &work,
                       int64_t runs, void *stream, CudaEvent begin,
                       CudaEvent end) {
  session->eventRecord(begin, getCudaStream(stream));
  for (int64_t i = 0; i < runs; ++i)
    work(i, stream);
  session->eventRecord(end, getCudaStream(stream));
  float milliseconds = 0;
  if (!waitForStream(session, stream) || hasFailed() ||
      !session.check(session->eventElapsedTime(&milliseconds, begin, end),
                     "cannot read the time"))
    return -1;
  return double(milliseconds) / 1000;
}

double benchmark::timeWork(const Work &work, int64_t runs,
                           int64_t repetitions) {
  CudaSession session;
  CudaEvent begin = nullptr, end = nullptr;
  if (!session ||
      !session.check(session->eventCreate(&begin, 0), "cannot time") ||
      !session.check(session->eventCreate(&end, 0), "cannot time"))
    return -1;
  void *stream = mgpuStreamCreate();
  std::vector<double> times;
  // The first one is not counted.
  for (int64_t i = 0; i <= repetitions; ++i) {
    double time = timeOnce(session, work, runs, stream, begin, end);
    if (time < 0)
      break;
    if (i > 0)
      times.push_back(time / double(runs));
  }
  mgpuStreamDestroy(stream);
  session->eventDestroy(begin);
  session->eventDestroy(end);
  if (int64_t(times.size()) < repetitions)
    return -1;
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}
