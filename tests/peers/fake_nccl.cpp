// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What infer/native/cuda/nccl.cu uses of NCCL, on the emulation of GPUs, and as strict: calls for
// several GPUs come in a group, all ranks agree, no GPU is there twice. A sum begins with another
// rank in every piece, as in a ring: the order of additions depends on how many numbers there are.
#include <stddef.h>
#include <string.h>

#include <functional>
#include <memory>
#include <vector>

#define EXPORT extern "C" __attribute__((visibility("default")))

// Of the emulation.
extern "C" void host_enqueue(void *stream, void (*work)(void *), void *argument);
extern "C" void host_stick(void *stream, bool is_stuck);

enum { SUCCESS = 0, INVALID_ARGUMENT = 4, INVALID_USAGE = 5, REMOTE_ERROR = 6 };
enum { FLOAT32 = 7, SUM = 0 };

namespace {

struct call {
  const float *from;
  float *to;
  size_t count;
  bool is_sum;
  void *stream;
};

// The ranks of a communicator, with all groups that were called; graphs may call them again.
struct clique {
  int ranks, open;
  std::vector<call> called;
  std::vector<std::unique_ptr<std::vector<call>>> groups;
  std::vector<void *> streams;
};

int depth;
int open_comms;
// Sums come to no end; what a communicator says of it then.
bool is_failing;
int failure;
std::vector<clique *> in_group;

void gather(const std::vector<call> &calls) {
  for (const call &at : calls) {
    for (size_t rank = 0; rank < calls.size(); rank++) {
      memmove(at.to + rank * at.count, calls[rank].from, at.count * sizeof(float));
    }
  }
}

void sum(const std::vector<call> &calls) {
  size_t ranks = calls.size(), count = calls[0].count;
  std::vector<float> sums(count);
  for (size_t i = 0; i < count; i++) {
    size_t first = i * ranks / count;
    float total = calls[first].from[i];
    for (size_t k = 1; k < ranks; k++) total += calls[(first + k) % ranks].from[i];
    sums[i] = total;
  }
  for (const call &at : calls) memcpy(at.to, sums.data(), count * sizeof(float));
}

void run(void *argument) {
  const auto &calls = *static_cast<std::vector<call> *>(argument);
  // Its communicator was aborted.
  if (!calls[0].stream) return;
  if (is_failing) {
    for (const call &at : calls) host_stick(at.stream, true);
    return;
  }
  if (calls[0].is_sum) {
    sum(calls);
  } else {
    gather(calls);
  }
}

void nothing(void *) {}

int start_group(clique *all) {
  std::vector<call> calls;
  calls.swap(all->called);
  for (const call &at : calls) {
    if (!at.stream || at.count != calls[0].count || at.is_sum != calls[0].is_sum) {
      return INVALID_ARGUMENT;
    }
  }
  all->groups.push_back(std::make_unique<std::vector<call>>(std::move(calls)));
  const auto &group = *all->groups.back();
  all->streams.clear();
  for (const call &at : group) all->streams.push_back(at.stream);
  // The last rank's stream does it, when all others are there.
  for (size_t i = 0; i < group.size(); i++) {
    bool is_last = i + 1 == group.size();
    host_enqueue(group[i].stream, is_last ? run : nothing, all->groups.back().get());
  }
  return SUCCESS;
}

}  // namespace

struct ncclComm {
  clique *all;
  int rank;
};

static int add_call(ncclComm *comm, call made) {
  if (depth == 0) return INVALID_USAGE;
  clique *all = comm->all;
  if (all->called.empty()) {
    all->called.resize(static_cast<size_t>(all->ranks));
    in_group.push_back(all);
  }
  all->called[static_cast<size_t>(comm->rank)] = made;
  return SUCCESS;
}

// For tests: communicators that are not destroyed.
EXPORT int fake_nccl_comms() { return open_comms; }

// For tests: from now on sums come to no end, and communicators say why, or 0 for nothing; below 0
// all is well.
EXPORT void fake_nccl_fail(int result) {
  is_failing = result >= 0;
  failure = is_failing ? result : SUCCESS;
}

EXPORT int ncclGetVersion(int *version) {
  *version = 29901;
  return SUCCESS;
}

EXPORT const char *ncclGetErrorString(int result) {
  if (result == REMOTE_ERROR) return "remote process exited";
  return result == SUCCESS ? "no error" : "invalid \"usage\"";
}

EXPORT int ncclCommInitAll(ncclComm **comms, int count, const int *devices) {
  for (int i = 0; i < count; i++) {
    for (int j = 0; j < i; j++) {
      if (devices[i] == devices[j]) return INVALID_USAGE;
    }
  }
  clique *all = new clique{count, count, {}, {}, {}};
  for (int i = 0; i < count; i++) comms[i] = new ncclComm{all, i};
  open_comms += count;
  return SUCCESS;
}

EXPORT int ncclCommDestroy(ncclComm *comm) {
  if (--comm->all->open == 0) delete comm->all;
  delete comm;
  open_comms--;
  return SUCCESS;
}

EXPORT int ncclCommGetAsyncError(ncclComm *, int *result) {
  *result = failure;
  return SUCCESS;
}

// What has been called does nothing any more; the streams go on.
EXPORT int ncclCommAbort(ncclComm *comm) {
  // Streams and graphs may still name its groups.
  static std::vector<decltype(clique::groups)> ended;
  clique *all = comm->all;
  for (auto &group : all->groups) {
    for (call &at : *group) at.stream = nullptr;
  }
  for (void *stream : all->streams) host_stick(stream, false);
  if (all->open == 1) ended.push_back(std::move(all->groups));
  return ncclCommDestroy(comm);
}

EXPORT int ncclGroupStart() {
  depth++;
  return SUCCESS;
}

EXPORT int ncclGroupEnd() {
  if (depth == 0) return INVALID_USAGE;
  if (--depth > 0) return SUCCESS;
  int result = SUCCESS;
  for (clique *all : in_group) {
    int own = start_group(all);
    if (result == SUCCESS) result = own;
  }
  in_group.clear();
  return result;
}

EXPORT int ncclAllReduce(const void *from, void *to, size_t count, int type, int operation,
                         ncclComm *comm, void *stream) {
  if (type != FLOAT32 || operation != SUM) return INVALID_ARGUMENT;
  return add_call(comm, {static_cast<const float *>(from), static_cast<float *>(to), count, true,
                         stream});
}

EXPORT int ncclAllGather(const void *from, void *to, size_t count, int type, ncclComm *comm,
                         void *stream) {
  if (type != FLOAT32) return INVALID_ARGUMENT;
  return add_call(comm, {static_cast<const float *>(from), static_cast<float *>(to), count, false,
                         stream});
}
