// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Streams and events. Host code makes and destroys them all the time; they are
// kept for the next one. A stream with work in it may be used again: what
// comes later waits for it.

#include "CudaStreams.h"
#include "ErrorSlot.h"
#include "Mgpu.h"
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

using namespace qfmt::gpu;

namespace {
struct Stream {
  CudaStream handle = nullptr;
  /// The last of the kernels that may still run.
  std::deque<std::string> kernels;
};

struct Streams {
  std::mutex mutex;
  std::set<Stream *> used;
  std::vector<Stream *> free;
  std::set<CudaEvent> usedEvents;
  std::vector<CudaEvent> freeEvents;
  /// The null stream.
  Stream standard;
};
} // namespace

static constexpr size_t kKernelsInMessages = 4;

static Streams &streams() {
  static Streams &streams = *new Streams;
  return streams;
}

static Stream &getStream(void *stream) {
  return stream ? *static_cast<Stream *>(stream) : streams().standard;
}

CudaStream qfmt::gpu::getCudaStream(void *stream) {
  return getStream(stream).handle;
}

void qfmt::gpu::noteLaunch(void *stream, const std::string &kernel) {
  std::lock_guard<std::mutex> lock(streams().mutex);
  auto &kernels = getStream(stream).kernels;
  if (kernels.size() == kKernelsInMessages)
    kernels.pop_front();
  kernels.push_back(kernel);
}

/// " (last kernels: 'a', 'b')", and forgets them.
static std::string takeKernels(void *stream) {
  std::lock_guard<std::mutex> lock(streams().mutex);
  auto &kernels = getStream(stream).kernels;
  std::string names;
  for (const std::string &kernel : kernels)
    names += (names.empty() ? " (last kernels: '" : ", '") + kernel + "'";
  kernels.clear();
  return names.empty() ? names : names + ")";
}

bool qfmt::gpu::waitForStream(const CudaSession &session, void *stream) {
  CudaResult result = session->streamSynchronize(getCudaStream(stream));
  std::string kernels = takeKernels(stream);
  return session.check(result, "error on the device", kernels);
}

void *mgpuStreamCreate() {
  CudaSession session;
  if (!session)
    return nullptr;
  Streams &s = streams();
  std::lock_guard<std::mutex> lock(s.mutex);
  if (!s.free.empty()) {
    Stream *stream = s.free.back();
    s.free.pop_back();
    s.used.insert(stream);
    return stream;
  }
  constexpr unsigned kNonBlocking = 1;
  auto stream = std::make_unique<Stream>();
  if (!session.check(session->streamCreate(&stream->handle, kNonBlocking),
                     "cannot make a stream"))
    return nullptr;
  s.used.insert(stream.get());
  return stream.release();
}

void mgpuStreamDestroy(void *stream) {
  Streams &s = streams();
  std::lock_guard<std::mutex> lock(s.mutex);
  auto *object = static_cast<Stream *>(stream);
  if (s.used.erase(object))
    s.free.push_back(object);
}

void mgpuStreamSynchronize(void *stream) {
  CudaSession session;
  if (session)
    waitForStream(session, stream);
}

void mgpuStreamWaitEvent(void *stream, void *event) {
  CudaSession session;
  if (session)
    session.check(session->streamWaitEvent(getCudaStream(stream),
                                           static_cast<CudaEvent>(event), 0),
                  "cannot wait for an event");
}

void *mgpuEventCreate() {
  CudaSession session;
  if (!session)
    return nullptr;
  Streams &s = streams();
  std::lock_guard<std::mutex> lock(s.mutex);
  CudaEvent event = nullptr;
  if (!s.freeEvents.empty()) {
    event = s.freeEvents.back();
    s.freeEvents.pop_back();
  } else {
    constexpr unsigned kDisableTiming = 2;
    if (!session.check(session->eventCreate(&event, kDisableTiming),
                       "cannot make an event"))
      return nullptr;
  }
  s.usedEvents.insert(event);
  return event;
}

void mgpuEventDestroy(void *event) {
  Streams &s = streams();
  std::lock_guard<std::mutex> lock(s.mutex);
  auto object = static_cast<CudaEvent>(event);
  if (s.usedEvents.erase(object))
    s.freeEvents.push_back(object);
}

void mgpuEventSynchronize(void *event) {
  CudaSession session;
  if (session)
    session.check(session->eventSynchronize(static_cast<CudaEvent>(event)),
                  "error on the device");
}

void mgpuEventRecord(void *event, void *stream) {
  CudaSession session;
  if (session)
    session.check(session->eventRecord(static_cast<CudaEvent>(event),
                                       getCudaStream(stream)),
                  "cannot record an event");
}

void qfmt::gpu::releaseCudaStreams(const CudaSession &session) {
  Streams &s = streams();
  std::lock_guard<std::mutex> lock(s.mutex);
  s.free.insert(s.free.end(), s.used.begin(), s.used.end());
  for (Stream *stream : s.free) {
    session.check(session->streamDestroy(stream->handle),
                  "cannot destroy a stream");
    delete stream;
  }
  s.freeEvents.insert(s.freeEvents.end(), s.usedEvents.begin(),
                      s.usedEvents.end());
  for (CudaEvent event : s.freeEvents)
    session.check(session->eventDestroy(event), "cannot destroy an event");
  s.free.clear();
  s.used.clear();
  s.freeEvents.clear();
  s.usedEvents.clear();
  s.standard.kernels.clear();
}
