// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Sums by NCCL, the library for machines where GPUs reach each other; opened at run time, for the
// few have it who need it. Declared here is what is used of nccl.h, whose numbers do not change
// within a major version.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "communicator.cuh"

#define LIBRARY_NAME "libnccl.so.2"
#define LIBRARY_VARIABLE "PHOTON_INFER_NCCL_LIBRARY"

// A step that takes longer has come to no end; another number in the variable.
#define WAIT_MS_MAX 60000.0
#define WAIT_VARIABLE "PHOTON_INFER_NCCL_WAIT_MS"

// ncclInProgress: what a communicator that does not fail may say.
#define IN_PROGRESS 7
// ncclFloat32, ncclSum.
#define FLOAT32 7
#define SUM 0

typedef struct ncclComm *nccl_comm;

// A call that fails returns another number than 0.
struct nccl_calls {
  int (*get_version)(int *version);
  const char *(*get_error_string)(int result);
  int (*comm_init_all)(nccl_comm *comms, int count, const int *devices);
  int (*comm_destroy)(nccl_comm comm);
  int (*comm_get_async_error)(nccl_comm comm, int *result);
  int (*comm_abort)(nccl_comm comm);
  int (*group_start)();
  int (*group_end)();
  int (*all_reduce)(const void *from, void *to, size_t count, int type, int operation,
                    nccl_comm comm, cudaStream_t stream);
  int (*all_gather)(const void *from, void *to, size_t count, int type, nccl_comm comm,
                    cudaStream_t stream);
};

struct nccl_kind {
  void *library;
  nccl_calls calls;
  nccl_comm comms[INFER_GROUP_MAX];
  double wait_ms_max;
};

static int32_t open_library(nccl_kind *kind) {
  const char *chosen = getenv(LIBRARY_VARIABLE);
  kind->library = dlopen(chosen && *chosen ? chosen : LIBRARY_NAME, RTLD_NOW | RTLD_LOCAL);
  if (!kind->library) return fail(INFER_UNSUPPORTED, "Cannot open NCCL: %s", dlerror());
  nccl_calls *calls = &kind->calls;
  const struct {
    const char *name;
    void **call;
  } symbols[] = {
      {"ncclGetVersion", (void **)&calls->get_version},
      {"ncclGetErrorString", (void **)&calls->get_error_string},
      {"ncclCommInitAll", (void **)&calls->comm_init_all},
      {"ncclCommDestroy", (void **)&calls->comm_destroy},
      {"ncclCommGetAsyncError", (void **)&calls->comm_get_async_error},
      {"ncclCommAbort", (void **)&calls->comm_abort},
      {"ncclGroupStart", (void **)&calls->group_start},
      {"ncclGroupEnd", (void **)&calls->group_end},
      {"ncclAllReduce", (void **)&calls->all_reduce},
      {"ncclAllGather", (void **)&calls->all_gather},
  };
  for (const auto &symbol : symbols) {
    *symbol.call = dlsym(kind->library, symbol.name);
    if (!*symbol.call) return fail(INFER_UNSUPPORTED, "Cannot use NCCL: it has no %s", symbol.name);
  }
  return INFER_OK;
}

// One thread speaks for all GPUs: their calls are one group, for each waits for the others.
template <class F>
static int call_all(communicator *c, F call) {
  const nccl_calls &calls = ((nccl_kind *)c->kind)->calls;
  int result = calls.group_start();
  if (result != 0) return result;
  for (int i = 0; i < c->count && result == 0; i++) result = call(i);
  // Ends the group whatever went wrong.
  int end = calls.group_end();
  return result == 0 ? end : result;
}

// Unless another thread, which waits for a step, has found that there are no more sums.
template <class F>
static cudaError_t in_group(communicator *c, F call) {
  pthread_mutex_lock(&c->lock);
  bool is_done = !c->is_over.load() && call_all(c, call) == 0;
  pthread_mutex_unlock(&c->lock);
  return is_done ? cudaSuccess : cudaErrorUnknown;
}

static cudaError_t nccl_reduce(communicator *c, float *const *data, size_t numbers) {
  nccl_kind *kind = (nccl_kind *)c->kind;
  return in_group(c, [&](int i) {
    return kind->calls.all_reduce(data[i], data[i], numbers, FLOAT32, SUM, kind->comms[i],
                                  c->devices[i]->place.stream);
  });
}

static cudaError_t nccl_gather(communicator *c, const float *const *from, float *const *to,
                               size_t numbers) {
  nccl_kind *kind = (nccl_kind *)c->kind;
  return in_group(c, [&](int i) {
    return kind->calls.all_gather(from[i], to[i], numbers, FLOAT32, kind->comms[i],
                                  c->devices[i]->place.stream);
  });
}

// What a communicator says has happened since it was made; 0 for nothing.
static int async_error(const nccl_kind *kind, nccl_comm comm) {
  int state = 0, result = kind->calls.comm_get_async_error(comm, &state);
  if (result == 0) result = state;
  return result == IN_PROGRESS ? 0 : result;
}

static bool nccl_look(communicator *c, double waited_ms) {
  nccl_kind *kind = (nccl_kind *)c->kind;
  int result = 0;
  for (int i = 0; i < c->count && result == 0; i++) result = async_error(kind, kind->comms[i]);
  if (result == 0 && waited_ms < kind->wait_ms_max) return false;
  if (result != 0) {
    snprintf(c->trouble, sizeof c->trouble, "NCCL: %s", kind->calls.get_error_string(result));
  } else {
    snprintf(c->trouble, sizeof c->trouble, "the GPUs came to no end within %.0f ms (%s)",
             kind->wait_ms_max, WAIT_VARIABLE);
  }
  // Ends what is on the streams, too.
  for (int i = 0; i < c->count; i++) {
    kind->calls.comm_abort(kind->comms[i]);
    kind->comms[i] = NULL;
  }
  return true;
}

static void nccl_close(communicator *c) {
  nccl_kind *kind = (nccl_kind *)c->kind;
  for (int i = 0; i < c->count; i++) {
    if (kind->comms[i]) kind->calls.comm_destroy(kind->comms[i]);
  }
  // Its threads may outlive the last call: the library stays where it is.
  free(kind);
}

static int32_t join_devices(communicator *made, nccl_kind *kind) {
  int indices[INFER_GROUP_MAX], version = 0;
  for (int i = 0; i < made->count; i++) indices[i] = made->devices[i]->gpu;
  kind->calls.get_version(&version);
  int result = kind->calls.comm_init_all(kind->comms, made->count, indices);
  device_enter(made->devices[0]);
  if (result != 0) {
    for (int i = 0; i < made->count; i++) kind->comms[i] = NULL;
    return fail(INFER_UNSUPPORTED, "Cannot join %d GPUs by NCCL: %s", made->count,
                kind->calls.get_error_string(result));
  }
  const char *wait = getenv(WAIT_VARIABLE);
  kind->wait_ms_max = wait && atof(wait) > 0 ? atof(wait) : WAIT_MS_MAX;
  made->close = nccl_close;
  made->look = nccl_look;
  made->kind = kind;
  made->gather = nccl_gather;
  made->reduce = nccl_reduce;
  snprintf(made->text, sizeof made->text, "nccl %d.%d.%d", version / 10000, version / 100 % 100,
           version % 100);
  if (!made->devices[0]->place.is_deterministic) return INFER_OK;
  made->reduce = reduce_in_order;
  return make_pieces(made);
}

int32_t nccl_create(communicator *made) {
  nccl_kind *kind = (nccl_kind *)calloc(1, sizeof *kind);
  if (!kind) return fail(INFER_NO_MEMORY, "Cannot make a group of GPUs");
  int32_t status = open_library(kind);
  if (!status) status = join_devices(made, kind);
  if (status && made->kind != kind) free(kind);
  return status;
}
