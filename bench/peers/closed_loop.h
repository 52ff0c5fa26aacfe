// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// A closed loop from one thread: every connection has one question under way, and the next one
// leaves when it is answered. With a rate the questions leave at that many per second over all
// connections together, on whichever is free; rate 0 keeps the connections open and idle.
//
// A load defines the functions below and calls measure(), and answered() for each answer.

#include "load.h"

// How bytes go to and from a connection; http_load_tls.c has others.
#ifndef PEER_READ
#define PEER_READ(peer, bytes, room) read((peer)->fd, bytes, room)
#define PEER_WRITE(peer, bytes, length) write((peer)->fd, bytes, length)
#define PEER_OPENED(peer) ((void)(peer))
#endif

#define DRAIN_NS SECOND_NS  // how long the last answers may take after the measurement

// The connection of a number, below loop.connections.
static struct peer *peer_at(uint32_t number);
// Asks the next question.
static void ask(struct peer *peer, uint64_t now_ns);
// Sends what is left of the question.
static void send_rest(struct peer *peer);
// Takes what came.
static void on_readable(struct peer *peer);

// Latencies: 0.1 us a bucket up to 1 ms, then 1 us a bucket up to 1 s; above that only the maximum.
//
//   [ 10 000 fine buckets | 999 000 coarse buckets | 1 for the rest ]
enum { FINE = 10000, COARSE = 999000, BUCKETS = FINE + COARSE + 1 };

static struct {
  uint32_t connections;
  double rate;  // questions per second, negative for a closed loop
  bool sending;
  bool recording;
  uint32_t under_way;
  uint32_t next_free;    // where the search for a free connection starts
  uint64_t next_due_ns;  // when the next paced question leaves
  uint64_t last_answer_ns;

  uint64_t answers;
  uint64_t max_ns;
  uint32_t histogram[BUCKETS];
} loop;

// Sends from `sent` on, and says how much has left by then.
static inline size_t send_from(struct peer *peer, const void *bytes, size_t sent, size_t length) {
  ssize_t count = PEER_WRITE(peer, (const char *)bytes + sent, length - sent);
  if (count < 0 && errno != EAGAIN && errno != EINTR) {
    fail("Cannot send on connection %u: %s", peer->number, strerror(errno));
  }
  if (count > 0) sent += (size_t)count;
  await_room(peer, sent < length);
  return sent;
}

// Reads what is there; 0 when there is nothing yet.
static inline size_t receive(struct peer *peer, void *bytes, size_t room) {
  ssize_t length = PEER_READ(peer, bytes, room);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (length == 0) fail("Connection %u was closed by the server", peer->number);
  if (length < 0) fail("Connection %u was lost: %s", peer->number, strerror(errno));
  return (size_t)length;
}

static inline void begin(struct peer *peer, uint64_t now_ns) {
  peer->under_way = true;
  loop.under_way++;
  ask(peer, now_ns);
}

static inline void record(uint64_t latency_ns, uint32_t answers) {
  uint64_t fine = latency_ns / 100, coarse = latency_ns / 1000;
  uint64_t bucket = fine < FINE ? fine : coarse < 1000 + COARSE ? FINE + coarse - 1000 : BUCKETS - 1;
  loop.histogram[bucket] += answers;
  loop.answers += answers;
  if (latency_ns > loop.max_ns) loop.max_ns = latency_ns;
}

// All of a question is answered; it may have been for several answers.
static inline void answered(struct peer *peer, uint64_t started_ns, uint32_t answers) {
  uint64_t now_ns = now();
  loop.last_answer_ns = now_ns;
  loop.under_way--;
  peer->under_way = false;
  if (loop.recording) record(now_ns - started_ns, answers);
  if (loop.sending && loop.rate < 0) begin(peer, now_ns);
}

// Asks what is due at a given rate. A question that finds no free connection is given up: the
// server is too slow for the rate, and the count of answers says so.
static inline void ask_due(uint64_t now_ns) {
  while (loop.next_due_ns <= now_ns) {
    loop.next_due_ns += (uint64_t)(SECOND_NS / loop.rate);
    for (uint32_t tried = 0; tried < loop.connections; tried++) {
      struct peer *peer = peer_at(loop.next_free++ % loop.connections);
      if (peer->under_way) continue;
      begin(peer, now_ns);
      break;
    }
  }
}

static inline void run_until(uint64_t end_ns) {
  struct epoll_event events[EVENTS_MAX];
  bool paced = loop.sending && loop.rate > 0;
  for (;;) {
    uint64_t now_ns = now();
    if (now_ns >= end_ns || (!loop.sending && loop.under_way == 0)) return;
    if (paced) ask_due(now_ns);
    if (loop.rate < 0 && now_ns - loop.last_answer_ns > STALL_NS) fail("No answer for 10 s");
    uint64_t wake_ns = paced && loop.next_due_ns < end_ns ? loop.next_due_ns : end_ns;
    uint64_t wait_ms = wake_ns > now_ns ? (wake_ns - now_ns + 999999) / 1000000 : 0;
    int count = epoll_wait(epoll_fd, events, EVENTS_MAX,
                           wait_ms > WAIT_MS_MAX ? WAIT_MS_MAX : (int)wait_ms);
    for (int i = 0; i < count; i++) {
      struct peer *peer = events[i].data.ptr;
      if (peer->awaits_room && (events[i].events & EPOLLOUT)) send_rest(peer);
      if (events[i].events & ~(uint32_t)EPOLLOUT) on_readable(peer);
    }
  }
}

// Runs the load; says how many seconds were measured. Answers from the warm-up do not count.
static inline double measure(double seconds, double warmup_seconds) {
  // A server in service has been busy before: the warm-up is a closed loop also when the
  // measurement is not, so that compilers are done with what runs a hundred times a second.
  double rate = loop.rate;
  if (rate > 0) loop.rate = -1;
  loop.sending = true;
  uint64_t begin_ns = loop.last_answer_ns = loop.next_due_ns = now();
  for (uint32_t i = 0; loop.rate < 0 && i < loop.connections; i++) begin(peer_at(i), now());
  run_until(begin_ns + (uint64_t)(warmup_seconds * SECOND_NS));

  loop.rate = rate;
  loop.recording = true;
  uint64_t measured_ns = loop.next_due_ns = now();
  printf("measuring\n");
  fflush(stdout);
  run_until(measured_ns + (uint64_t)(seconds * SECOND_NS));
  return (double)(now() - measured_ns) / SECOND_NS;
}

// The last answers are taken in, so that the server sees an end of stream and not a reset.
static inline void drain(void) {
  loop.recording = loop.sending = false;
  run_until(now() + DRAIN_NS);
}

// The middle of the bucket below which the given share of the answers lies, in microseconds.
static inline double percentile(double share) {
  uint64_t wanted = (uint64_t)(share * (double)loop.answers + 0.999999), seen = 0;
  for (uint32_t i = 0; i < BUCKETS - 1; i++) {
    seen += loop.histogram[i];
    if (wanted > 0 && seen >= wanted) return i < FINE ? i / 10.0 + 0.05 : 1000.0 + (i - FINE) + 0.5;
  }
  return (double)loop.max_ns / 1000;
}

// One JSON line; `name` is what the answers are called.
static inline void print_result(const char *name, double seconds) {
  printf("{\"%s\":%llu,\"seconds\":%.6f,\"p50Us\":%.2f,\"p90Us\":%.2f,\"p99Us\":%.2f,"
         "\"maxUs\":%.2f}\n",
         name, (unsigned long long)loop.answers, seconds, percentile(0.5), percentile(0.9),
         percentile(0.99), (double)loop.max_ns / 1000);
  fflush(stdout);
}
