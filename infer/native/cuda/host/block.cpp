// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "fiber.h"

namespace host {

thread_view *current;

namespace {

constexpr unsigned THREADS_MAX = 1024;
constexpr unsigned char UNWRITTEN = 0xff;
constexpr int BARRIERS = 16;  // of a block
// Memory for threads of a grid whose blocks are all alive.
constexpr unsigned TOGETHER_MAX = 8192;

enum class state { ready, in_block_barrier, in_some_barrier, in_warp_barrier, in_watch, ended };

struct copy {
  void *to;
  const void *from;
  int bytes, room;
};

struct fiber_thread : thread_view {
  fiber self;
  state at = state::ready;
  int warp = 0, lane = 0;
  int barrier = 0;                  // in_some_barrier: which
  const unsigned *watched = nullptr;  // in_watch: until these bits are others
  unsigned mask = 0, seen = 0;
  std::deque<std::vector<copy>> groups;
  std::vector<copy> open;
};

struct warp_state {
  lane_slot slots[2][WARP_LANES];
  int arrived = 0;
  unsigned turn = 0;
};

struct block_state {
  std::vector<std::unique_ptr<fiber_thread>> threads;
  std::vector<warp_state> warps;
  std::vector<int> order;  // of the warps
  int live = 0, arrived = 0, sum = 0, last_sum = 0;
  int arrived_some[BARRIERS] = {};
  const std::function<void()> *body = nullptr;
  unsigned char *shared = nullptr;
};

std::mutex only_one;
block_state *running;
std::vector<std::unique_ptr<fiber_thread>> kept;
int together;  // grids so far
fiber scheduler;

fiber_thread *self() { return static_cast<fiber_thread *>(current); }

void yield(state at) {
  fiber_thread *thread = self();
  thread->at = at;
  fiber_switch(&thread->self, &scheduler);
}

[[noreturn]] void give_up(const char *why) {
  const uint3 &at = running->threads[0]->block;
  fprintf(stderr, "host emulation: %s; block %u,%u,%u\n", why, at.x, at.y, at.z);
  for (const auto &thread : running->threads) {
    if (thread->at == state::ready) continue;
    const char *names[] = {"ready", "waits for the block", "waits for some of the block",
                           "waits for the warp", "waits for other blocks", "ended"};
    fprintf(stderr, "  thread %u,%u: %s\n", thread->thread.x, thread->thread.y,
            names[static_cast<int>(thread->at)]);
  }
  abort();
}

void release(state from) {
  for (const auto &thread : running->threads) {
    if (thread->at == from) thread->at = state::ready;
  }
}

void complete_block_barrier() {
  running->last_sum = running->sum;
  running->arrived = running->sum = 0;
  release(state::in_block_barrier);
}

void run_thread() {
  (*running->body)();
  bool isCopying = !self()->open.empty();
  for (const auto &group : self()->groups) isCopying |= !group.empty();
  if (isCopying) give_up("a copy is never waited for");
  self()->groups.clear();
  running->live--;
  if (running->live > 0 && running->arrived == running->live) complete_block_barrier();
  yield(state::ended);
}

// A thread that watches memory goes on when another block has changed it.
bool may_go_on(fiber_thread *thread) {
  if (thread->at == state::in_watch && (*thread->watched & thread->mask) != thread->seen) {
    thread->at = state::ready;
  }
  return thread->at == state::ready;
}

// Runs a block's threads until none can go on; whether any did.
bool run_block(block_state *block) {
  running = block;
  bool moved = false, moves = true;
  while (block->live > 0 && moves) {
    moves = false;
    for (int warp : block->order) {
      for (int i = 0; i < WARP_LANES; i++) {
        fiber_thread *thread = block->threads[static_cast<size_t>(warp * WARP_LANES + i)].get();
        if (!may_go_on(thread)) continue;
        moves = moved = true;
        current = thread;
        fiber_switch(&scheduler, &thread->self);
      }
    }
  }
  return moved;
}

// Runs blocks that are alive at once until all have ended.
void run_blocks(std::vector<block_state> *blocks) {
  for (size_t live = blocks->size(); live > 0;) {
    bool moved = false;
    live = 0;
    for (block_state &block : *blocks) {
      moved |= run_block(&block);
      live += block.live > 0;
    }
    for (block_state &block : *blocks) {
      running = &block;
      if (!moved && block.live > 0) give_up("no thread can go on");
    }
  }
}

// Another order for every block and seed.
template <class T>
void shuffle(std::vector<T> *order, uint64_t seed) {
  for (size_t i = order->size(); i > 1; i--) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    std::swap((*order)[i - 1], (*order)[(seed >> 33) % i]);
  }
}

// So many threads for a block, from those of earlier ones.
void take_threads(block_state *block, unsigned count) {
  while (block->threads.size() < count) {
    if (kept.empty()) kept.push_back(std::make_unique<fiber_thread>());
    block->threads.push_back(std::move(kept.back()));
    kept.pop_back();
  }
}

void begin_block(block_state *block, unsigned threads, size_t dynamic_bytes,
                 const std::function<void()> *body) {
  take_threads(block, threads);
  block->warps.resize(threads / WARP_LANES);
  block->body = body;
  // Of its exact size, so that the address sanitizer sees its end.
  void *shared = nullptr;
  if (posix_memalign(&shared, 128, dynamic_bytes + 1) != 0) abort();
  block->shared = static_cast<unsigned char *>(shared);
  for (unsigned i = 0; i < threads / WARP_LANES; i++) block->order.push_back(static_cast<int>(i));
}

void end_block(block_state *block) {
  free(block->shared);
  for (auto &thread : block->threads) kept.push_back(std::move(thread));
}

void prepare(block_state *block, uint3 at, dim3 threads, dim3 blocks) {
  block->live = static_cast<int>(block->threads.size());
  block->arrived = block->sum = 0;
  for (int &arrived : block->arrived_some) arrived = 0;
  for (auto &warp : block->warps) warp.arrived = 0;
  for (size_t i = 0; i < block->threads.size(); i++) {
    fiber_thread *thread = block->threads[i].get();
    unsigned n = static_cast<unsigned>(i);
    thread->thread = {n % threads.x, n / threads.x % threads.y, n / threads.x / threads.y};
    thread->block = at;
    thread->threads = threads;
    thread->blocks = blocks;
    thread->warp = static_cast<int>(i) / WARP_LANES;
    thread->lane = static_cast<int>(i) % WARP_LANES;
    thread->at = state::ready;
    fiber_prepare(&thread->self, run_thread);
  }
}

}  // namespace

void run_grid(dim3 blocks, dim3 threads, size_t dynamic_bytes, const std::function<void()> &body,
              bool is_together) {
  std::lock_guard<std::mutex> held(only_one);
  unsigned count = threads.x * threads.y * threads.z, all = blocks.x * blocks.y * blocks.z;
  if (count == 0 || count > THREADS_MAX || count % WARP_LANES != 0) {
    fprintf(stderr, "host emulation: a block of %u threads\n", count);
    abort();
  }
  if (is_together && all * count > TOGETHER_MAX) {
    fprintf(stderr, "host emulation: %u blocks of %u threads at once\n", all, count);
    abort();
  }
  together += is_together;
  std::vector<block_state> alive(is_together ? all : 1);
  for (block_state &block : alive) begin_block(&block, count, dynamic_bytes, &body);
  const char *seed = getenv("INFER_HOST_SEED");
  uint64_t number = seed ? strtoull(seed, nullptr, 10) : 0;
  size_t prepared = 0;
  for (unsigned z = 0; z < blocks.z; z++) {
    for (unsigned y = 0; y < blocks.y; y++) {
      for (unsigned x = 0; x < blocks.x; x++) {
        block_state *block = &alive[prepared++];
        if (number != 0) shuffle(&block->order, number + x * 31 + y * 17 + z);
        memset(block->shared, UNWRITTEN, dynamic_bytes);
        prepare(block, {x, y, z}, threads, blocks);
        if (prepared < alive.size()) continue;
        if (number != 0) shuffle(&alive, number);
        run_blocks(&alive);
        prepared = 0;
      }
    }
  }
  running = nullptr;
  for (block_state &block : alive) end_block(&block);
}

unsigned char *dynamic_shared() { return running->shared; }

int sync_block_sum(int value) {
  running->sum += value;
  if (++running->arrived == running->live) {
    complete_block_barrier();
  } else {
    yield(state::in_block_barrier);
  }
  return running->last_sum;
}

void sync_block() { sync_block_sum(0); }

void sync_some(int barrier, int threads) {
  if (barrier < 0 || barrier >= BARRIERS || threads % WARP_LANES != 0) give_up("no such barrier");
  if (++running->arrived_some[barrier] < threads) {
    self()->barrier = barrier;
    yield(state::in_some_barrier);
    return;
  }
  running->arrived_some[barrier] = 0;
  for (const auto &thread : running->threads) {
    bool waits = thread->at == state::in_some_barrier && thread->barrier == barrier;
    if (waits) thread->at = state::ready;
  }
}

void watch(const unsigned *at, unsigned mask, unsigned seen) {
  fiber_thread *thread = self();
  thread->watched = at;
  thread->mask = mask;
  thread->seen = seen;
  if ((*at & mask) == seen) yield(state::in_watch);
}

const lane_slot *exchange(const uint32_t *words, int count) {
  fiber_thread *thread = self();
  warp_state *warp = &running->warps[static_cast<size_t>(thread->warp)];
  lane_slot *slots = warp->slots[warp->turn & 1];
  if (count > 0) memcpy(slots[thread->lane].words, words, static_cast<size_t>(count) * 4);
  if (++warp->arrived < WARP_LANES) {
    yield(state::in_warp_barrier);
    return slots;
  }
  warp->arrived = 0;
  warp->turn++;
  for (int i = 0; i < WARP_LANES; i++) {
    fiber_thread *other =
        running->threads[static_cast<size_t>(thread->warp * WARP_LANES + i)].get();
    if (other->at == state::in_warp_barrier) other->at = state::ready;
  }
  return slots;
}

void sync_warp() { exchange(nullptr, 0); }

int lane() { return self()->lane; }

void copy_later(void *to, const void *from, int bytes, int room) {
  memset(to, UNWRITTEN, static_cast<size_t>(room));
  self()->open.push_back({to, from, bytes, room});
}

void commit_copies() {
  self()->groups.push_back(std::move(self()->open));
  self()->open.clear();
}

void wait_copies(int pending) {
  auto &groups = self()->groups;
  while (static_cast<int>(groups.size()) > pending) {
    for (const copy &c : groups.front()) {
      memset(c.to, 0, static_cast<size_t>(c.room));
      memcpy(c.to, c.from, static_cast<size_t>(c.bytes));
    }
    groups.pop_front();
  }
}

}  // namespace host

// For tests: grids whose blocks were alive at once, so far.
extern "C" __attribute__((visibility("default"))) int host_grids_together() {
  return host::together;
}
