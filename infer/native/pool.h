// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Threads that run one job together, phase by phase.
#ifndef INFER_POOL_H
#define INFER_POOL_H

#include <stdatomic.h>
#include <stdint.h>

typedef struct pool pool;

// One thread's view of the job.
typedef struct {
  pool *pool;
  int index;
} worker;

typedef void (*pool_job)(worker *self, void *argument);

// Starts threads; NULL when there are none to be had.
pool *pool_create(int threads);

// Ends the threads; no job may run.
void pool_destroy(pool *pool);

int pool_threads(const pool *pool);

// Hands a job to all threads and returns; one job at a time.
void pool_start(pool *pool, pool_job job, void *argument);

// Blocks until the job is done.
void pool_join(pool *pool);

// Whether no job is on its way.
int pool_is_idle(pool *pool);

// Both in one.
void pool_run(pool *pool, pool_job job, void *argument);

// Within a job: takes the next `step` items of `count`; the first one, or -1 when all are taken.
// Whoever is quick takes more, so a thread that the kernel holds back does not hold the others.
int64_t pool_take(worker *self, int64_t count, int64_t step);

// Within a job: waits for all threads, and begins a new count for `pool_take`.
void pool_barrier(worker *self);

#endif
