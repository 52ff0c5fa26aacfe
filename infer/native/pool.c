// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#define _GNU_SOURCE
#include "pool.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

// How often a thread looks before it sleeps: about 20 us. A phase that is late by more than that is
// late because the kernel gave a processor away, and spinning would keep it away.
#define SPINS_MAX 2000
#define CACHE_LINE 64
#define SLICE_NANOSECONDS 20000000

typedef struct {
  _Alignas(CACHE_LINE) atomic_uint value;
  atomic_uint sleepers;
} event;

struct pool {
  event begun;    // counts jobs
  event finished; // counts jobs
  event phase;    // counts barriers
  _Alignas(CACHE_LINE) atomic_int arrived;
  _Alignas(CACHE_LINE) atomic_long taken;
  _Alignas(CACHE_LINE) pool_job job;
  void *argument;
  int threads;
  int started;
  atomic_int ending;
  pthread_t *handles;
  worker *workers;
};

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void event_wait(event *event, unsigned seen, int spins) {
  for (int i = 0; i < spins; i++) {
    if (atomic_load_explicit(&event->value, memory_order_acquire) != seen) return;
    relax();
  }
  atomic_fetch_add(&event->sleepers, 1);
  while (atomic_load(&event->value) == seen) {
    syscall(SYS_futex, &event->value, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
  }
  atomic_fetch_sub(&event->sleepers, 1);
}

static void event_raise(event *event) {
  atomic_fetch_add(&event->value, 1);
  if (atomic_load(&event->sleepers) == 0) return;
  syscall(SYS_futex, &event->value, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void pool_barrier(worker *self) {
  pool *pool = self->pool;
  unsigned seen = atomic_load_explicit(&pool->phase.value, memory_order_acquire);
  if (atomic_fetch_add(&pool->arrived, 1) + 1 < pool->threads) {
    event_wait(&pool->phase, seen, SPINS_MAX);
    return;
  }
  atomic_store(&pool->arrived, 0);
  atomic_store(&pool->taken, 0);
  event_raise(&pool->phase);
}

int64_t pool_take(worker *self, int64_t count, int64_t step) {
  long first = atomic_fetch_add(&self->pool->taken, step);
  return first < count ? first : -1;
}

// Of struct sched_attr, the first version.
typedef struct {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime;
  uint64_t deadline;
  uint64_t period;
} scheduling;

// Asks for long slices: from Linux 6.12 on, a thread that wakes and wants a shorter one, as an event
// loop does, then runs at once and not at the next tick. It costs the threads nothing. Older kernels
// take no notice.
static void ask_for_long_slices(void) {
#ifdef SYS_sched_setattr
  scheduling attributes = {.size = sizeof attributes, .runtime = SLICE_NANOSECONDS};
  (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
#endif
}

static void *run_worker(void *argument) {
  worker *self = argument;
  pool *pool = self->pool;
  char name[16];
  snprintf(name, sizeof name, "infer-%d", self->index);
  pthread_setname_np(pthread_self(), name);
  ask_for_long_slices();
  for (unsigned job = 0;; job++) {
    event_wait(&pool->begun, job, SPINS_MAX);
    if (atomic_load(&pool->ending)) return NULL;
    pool->job(self, pool->argument);
    pool_barrier(self);
    if (self->index == 0) event_raise(&pool->finished);
  }
}

pool *pool_create(int threads) {
  size_t bytes = (sizeof(pool) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
  pool *made = aligned_alloc(CACHE_LINE, bytes);
  if (!made) return NULL;
  *made = (pool){.threads = threads};
  made->handles = calloc((size_t)threads, sizeof *made->handles);
  made->workers = calloc((size_t)threads, sizeof *made->workers);
  if (!made->handles || !made->workers) {
    pool_destroy(made);
    return NULL;
  }
  for (int i = 0; i < threads; i++) {
    made->workers[i] = (worker){.pool = made, .index = i};
    if (pthread_create(&made->handles[i], NULL, run_worker, &made->workers[i]) != 0) {
      pool_destroy(made);
      return NULL;
    }
    made->started++;
  }
  return made;
}

void pool_destroy(pool *pool) {
  atomic_store(&pool->ending, 1);
  event_raise(&pool->begun);
  for (int i = 0; i < pool->started; i++) pthread_join(pool->handles[i], NULL);
  free(pool->handles);
  free(pool->workers);
  free(pool);
}

int pool_threads(const pool *pool) { return pool->threads; }

void pool_start(pool *pool, pool_job job, void *argument) {
  pool->job = job;
  pool->argument = argument;
  event_raise(&pool->begun);
}

int pool_is_idle(pool *pool) {
  return atomic_load(&pool->finished.value) == atomic_load(&pool->begun.value);
}

void pool_join(pool *pool) {
  for (;;) {
    unsigned finished = atomic_load(&pool->finished.value);
    if (finished == atomic_load(&pool->begun.value)) return;
    // No spinning: who waits for a job has a processor that the job can use.
    event_wait(&pool->finished, finished, 0);
  }
}

void pool_run(pool *pool, pool_job job, void *argument) {
  pool_start(pool, job, argument);
  pool_join(pool);
}
