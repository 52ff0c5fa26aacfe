// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// What every load in C needs: a clock, an end that says why, arguments in their bounds, sockets
// that are watched by epoll, and bytes that can be told apart.

#pragma once

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
#define STALL_NS (10 * SECOND_NS)  // a closed loop without an answer for so long is broken

enum { EVENTS_MAX = 1024, WAIT_MS_MAX = 100 };

// One connection, as far as all loads have the same; the first member of theirs.
struct peer {
  int fd;
  uint32_t number;
  bool under_way;    // something was asked that is not answered yet
  bool awaits_room;  // registered for EPOLLOUT
};

static int epoll_fd;

static inline uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

__attribute__((noreturn, format(printf, 1, 2)))
static inline void fail(const char *format, ...) {
  va_list values;
  va_start(values, format);
  vfprintf(stderr, format, values);
  va_end(values);
  fputc('\n', stderr);
  exit(1);
}

static inline uint32_t number_between(const char *name, const char *text, long min, long max) {
  long number = atol(text);
  if (number < min || number > max) fail("Cannot start: %s must be in %ld..%ld", name, min, max);
  return (uint32_t)number;
}

// SECONDS [WARMUP_SECONDS] [RATE], the last arguments of a load; a rate left out is `closed`.
static inline void read_times(char **arguments, int count, double closed, double *seconds,
                              double *warmup_seconds, double *rate) {
  *seconds = atof(arguments[0]);
  *warmup_seconds = count > 1 ? atof(arguments[1]) : 0;
  *rate = count > 2 ? atof(arguments[2]) : closed;
  if (*seconds <= 0 || *warmup_seconds < 0) fail("Cannot start: SECONDS must be above 0");
}

static inline struct addrinfo *resolve(const char *host, const char *port, int type) {
  struct addrinfo hints = {.ai_socktype = type}, *address;
  int error = getaddrinfo(host, port, &hints, &address);
  if (error) fail("Cannot resolve %s: %s", host, gai_strerror(error));
  return address;
}

// Connects, and waits for it; what is said next may wait as well, until the peer is watched.
static inline void connect_peer(struct peer *peer, const struct addrinfo *address) {
  int type = address->ai_socktype, on = 1;
  peer->fd = socket(address->ai_family, type | SOCK_CLOEXEC, 0);
  if (peer->fd < 0 || connect(peer->fd, address->ai_addr, address->ai_addrlen) < 0) {
    fail("Cannot open connection %u: %s", peer->number, strerror(errno));
  }
  if (type == SOCK_STREAM) setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static inline void watch(struct peer *peer, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = peer};
  if (epoll_ctl(epoll_fd, operation, peer->fd, &event) < 0) {
    fail("Cannot watch connection %u: %s", peer->number, strerror(errno));
  }
}

// From now on nothing waits on it.
static inline void begin_watching(struct peer *peer) {
  fcntl(peer->fd, F_SETFL, fcntl(peer->fd, F_GETFL) | O_NONBLOCK);
  peer->awaits_room = false;
  watch(peer, EPOLL_CTL_ADD, EPOLLIN);
}

// Asks to be told when there is room for more, or no longer.
static inline void await_room(struct peer *peer, bool awaits_room) {
  if (awaits_room == peer->awaits_room) return;
  peer->awaits_room = awaits_room;
  watch(peer, EPOLL_CTL_MOD, awaits_room ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

// A random pattern, the same in every run.
static inline unsigned char *make_pattern(size_t length) {
  unsigned char *pattern = malloc(length);
  if (!pattern) fail("Cannot start: out of memory");
  uint32_t state = 2463534242u;  // xorshift32
  for (size_t i = 0; i < length; i++) {
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    pattern[i] = (unsigned char)(state >> 24);
  }
  return pattern;
}
