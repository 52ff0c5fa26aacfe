// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What the memory and the cores of this machine do now: memory_probe [MIB]. Prints
// {"bandwidth":BYTES_PER_SECOND,"hop":SECONDS}: reading with two threads, the best of three rounds,
// and the time for a cache line to go from one core to the other.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define THREADS 2
#define ROUNDS 3
#define HOPS 100000

static unsigned char *memory;
static size_t bytes;
static pthread_barrier_t barrier;
static atomic_int ball;
static volatile uint64_t sink;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t read_part(const unsigned char *from, size_t count) {
  const uint64_t *words = (const uint64_t *)from;
  uint64_t sums[8] = {0};
  for (size_t i = 0; i < count / 8; i += 8) {
    __builtin_prefetch(words + i + 512);
    for (int j = 0; j < 8; j++) sums[j] += words[i + j];
  }
  for (int j = 1; j < 8; j++) sums[0] += sums[j];
  return sums[0];
}

// Only for the hops: a thread that the kernel moves would hop to itself.
static void pin(int index) {
  cpu_set_t allowed, one;
  sched_getaffinity(0, sizeof allowed, &allowed);
  int found = 0;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (CPU_ISSET(cpu, &allowed) && found++ == index) CPU_SET(cpu, &one);
  }
  if (CPU_COUNT(&one) == 1) sched_setaffinity(0, sizeof one, &one);
}

static void *run(void *argument) {
  int self = (int)(intptr_t)argument;
  size_t part = bytes / THREADS;
  memset(memory + (size_t)self * part, 1, part);
  double best = 0;
  for (int round = 0; round < ROUNDS; round++) {
    pthread_barrier_wait(&barrier);
    double begin = now();
    sink += read_part(memory + (size_t)self * part, part);
    pthread_barrier_wait(&barrier);
    double speed = (double)bytes / (now() - begin);
    if (speed > best) best = speed;
  }
  pin(self);
  pthread_barrier_wait(&barrier);
  double begin = now();
  for (int i = 0; i < HOPS; i++) {
    while (atomic_load(&ball) != 2 * i + self) {
    }
    atomic_store(&ball, 2 * i + self + 1);
  }
  if (self == 0) {
    double hop = (now() - begin) / HOPS / 2;
    printf("{\"bandwidth\":%.0f,\"hop\":%.3g}\n", best, hop);
  }
  return NULL;
}

int main(int count, char **arguments) {
  bytes = (size_t)(count > 1 ? atol(arguments[1]) : 512) << 20;
  memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  madvise(memory, bytes, MADV_HUGEPAGE);
  pthread_barrier_init(&barrier, NULL, THREADS);
  pthread_t thread;
  if (pthread_create(&thread, NULL, run, (void *)(intptr_t)1) != 0) return 1;
  run((void *)(intptr_t)0);
  pthread_join(thread, NULL);
  return 0;
}
