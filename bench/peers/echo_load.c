// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// Load for a TCP echo server, from one thread; with "udp:" before HOST for a UDP echo server, where
// each connection is a socket of its own and each message one datagram; with "ws:" for a WebSocket
// echo server: messages of at most 125 bytes, binary, masked with 0.
//
//   echo_load HOST PORT CONNECTIONS SIZE SECONDS [WARMUP_SECONDS] [RATE]
//
// Closed loop: every connection has one message of SIZE bytes under way; the next one leaves when
// all of its echo has come back and was equal. With RATE the messages leave at that many per second
// over all connections together, on whichever connection is free; RATE 0 keeps them open and idle.
//
// Prints "measuring" when the warm-up is over, and when SECONDS more have passed one JSON line:
//   {"messages":N,"seconds":S,"p50Us":A,"p90Us":B,"p99Us":C,"maxUs":D}
// A lost connection, an echo that differs, or a stall is an error: a message on stderr, exit code 1.

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
#define STALL_NS (10 * SECOND_NS)  // a closed loop without an echo for so long is broken
#define DRAIN_NS SECOND_NS         // how long the last echoes may take after the measurement

enum {
  EVENTS_MAX = 1024,
  CONNECTIONS_MAX = 16384,
  SIZE_MAX_BYTES = 16 * 1024 * 1024,
  READ_BYTES = 256 * 1024,
  WAIT_MS_MAX = 100,
  FRAME_SIZE_MAX = 125,
  SHIFTS = 251,  // prime: how many different messages there are
};

// Latencies: 0.1 us a bucket up to 1 ms, then 1 us a bucket up to 1 s; above that only the maximum.
//
//   [ 10 000 fine buckets | 999 000 coarse buckets | 1 for the rest ]
enum { FINE = 10000, COARSE = 999000, BUCKETS = FINE + COARSE + 1 };

struct connection {
  int fd;
  uint32_t number;
  uint64_t sequence;             // messages sent before this one
  const unsigned char *message;  // what is under way, NULL when nothing is
  unsigned char *frame;  // of a WebSocket: what is sent
  size_t sent;           // heads of frames included
  size_t received;
  uint64_t started_ns;
  bool awaits_room;  // registered for EPOLLOUT
};

static struct {
  int epoll_fd;
  uint32_t connections;
  size_t size;
  size_t send_head;     // octets in front of a message that is sent, 0 but for WebSockets
  size_t receive_head;  // and of one that comes back
  double rate;  // messages per second, negative for a closed loop
  struct connection *all;
  unsigned char *pattern;
  unsigned char *scratch;

  bool sending;
  bool recording;
  uint32_t under_way;
  uint32_t next_free;     // where the search for a free connection starts
  uint64_t next_due_ns;   // when the next paced message leaves
  uint64_t last_echo_ns;

  uint64_t messages;
  uint64_t max_ns;
  uint32_t histogram[BUCKETS];
} load;

static void read_arguments(int count, char **arguments, double *seconds, double *warmup_seconds);
static void connect_all(const char *host, const char *port);
static void start(uint64_t now_ns);
static void run_until(uint64_t end_ns);
static void print_result(double seconds);

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

int main(int count, char **arguments) {
  double seconds, warmup_seconds;
  read_arguments(count, arguments, &seconds, &warmup_seconds);
  signal(SIGPIPE, SIG_IGN);
  connect_all(arguments[1], arguments[2]);

  // A server in service has been busy before: the warm-up is a closed loop also when the
  // measurement is not, so that compilers are done with what runs a hundred times a second.
  double rate = load.rate;
  if (rate > 0) load.rate = -1;
  load.sending = true;
  uint64_t begin_ns = now();
  start(begin_ns);
  run_until(begin_ns + (uint64_t)(warmup_seconds * SECOND_NS));

  load.rate = rate;
  load.recording = true;
  uint64_t measured_ns = now();
  load.next_due_ns = measured_ns;
  printf("measuring\n");
  fflush(stdout);
  run_until(measured_ns + (uint64_t)(seconds * SECOND_NS));
  print_result((double)(now() - measured_ns) / SECOND_NS);

  // The last echoes are taken in, so that the server sees an end of stream and not a reset.
  load.recording = load.sending = false;
  run_until(now() + DRAIN_NS);
  return 0;
}

__attribute__((noreturn, format(printf, 1, 2)))
static void fail(const char *format, ...) {
  va_list values;
  va_start(values, format);
  vfprintf(stderr, format, values);
  va_end(values);
  fputc('\n', stderr);
  exit(1);
}

static void read_arguments(int count, char **arguments, double *seconds, double *warmup_seconds) {
  if (count < 6 || count > 8) {
    fail("Usage: echo_load HOST PORT CONNECTIONS SIZE SECONDS [WARMUP_SECONDS] [RATE]");
  }
  long connections = atol(arguments[3]), size = atol(arguments[4]);
  *seconds = atof(arguments[5]);
  *warmup_seconds = count > 6 ? atof(arguments[6]) : 0;
  load.rate = count > 7 ? atof(arguments[7]) : -1;
  if (connections < 1 || connections > CONNECTIONS_MAX) {
    fail("Cannot start: CONNECTIONS must be between 1 and %d", CONNECTIONS_MAX);
  }
  if (size < 1 || size > SIZE_MAX_BYTES) {
    fail("Cannot start: SIZE must be between 1 and %d", SIZE_MAX_BYTES);
  }
  if (*seconds <= 0 || *warmup_seconds < 0) fail("Cannot start: SECONDS must be above 0");
  load.connections = (uint32_t)connections;
  load.size = (size_t)size;
}

// Every message is a window of one random pattern; neighbours in time and in number differ.
static void make_pattern(void) {
  size_t length = load.size + SHIFTS;
  load.pattern = malloc(length);
  load.scratch = malloc(READ_BYTES);
  load.all = calloc(load.connections, sizeof *load.all);
  if (!load.pattern || !load.scratch || !load.all) fail("Cannot start: out of memory");
  uint32_t state = 2463534242u;  // xorshift32
  for (size_t i = 0; i < length; i++) {
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    load.pattern[i] = (unsigned char)(state >> 24);
  }
}

static void watch(struct connection *connection, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(load.epoll_fd, operation, connection->fd, &event) < 0) {
    fail("Cannot watch connection %u: %s", connection->number, strerror(errno));
  }
}

// Asks for a WebSocket, and makes the head of the frames: final, binary, masked with 0.
static void shake_hands(struct connection *connection) {
  static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n";
  char answer[4096] = "";
  size_t length = 0;
  if (write(connection->fd, request, sizeof request - 1) != sizeof request - 1) {
    fail("Cannot ask on connection %u: %s", connection->number, strerror(errno));
  }
  while (strstr(answer, "\r\n\r\n") == NULL) {
    ssize_t count = read(connection->fd, answer + length, sizeof answer - 1 - length);
    if (count <= 0) fail("Connection %u was not upgraded", connection->number);
    length += (size_t)count;
  }
  if (strncmp(answer, "HTTP/1.1 101", 12) != 0) fail("Connection %u got %s", connection->number, answer);
  connection->frame = calloc(1, load.send_head + load.size);
  connection->frame[0] = 0x82;
  connection->frame[1] = (unsigned char)(0x80 | load.size);
}

static void connect_all(const char *host, const char *port) {
  make_pattern();
  bool datagrams = strncmp(host, "udp:", 4) == 0;
  if (datagrams) host += 4;
  bool websocket = strncmp(host, "ws:", 3) == 0;
  if (websocket) {
    host += 3, load.send_head = 6, load.receive_head = 2;
    if (load.size > FRAME_SIZE_MAX) fail("Cannot start: SIZE must be %d at most", FRAME_SIZE_MAX);
  }
  int type = datagrams ? SOCK_DGRAM : SOCK_STREAM;
  struct addrinfo hints = {.ai_socktype = type}, *address;
  int error = getaddrinfo(host, port, &hints, &address);
  if (error) fail("Cannot resolve %s: %s", host, gai_strerror(error));
  load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  for (uint32_t i = 0; i < load.connections; i++) {
    struct connection *connection = &load.all[i];
    connection->number = i;
    connection->fd = socket(address->ai_family, type | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || connect(connection->fd, address->ai_addr, address->ai_addrlen) < 0) {
      fail("Cannot open connection %u: %s", i, strerror(errno));
    }
    int on = 1;
    if (!datagrams) setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (websocket) shake_hands(connection);
    fcntl(connection->fd, F_SETFL, fcntl(connection->fd, F_GETFL) | O_NONBLOCK);
    watch(connection, EPOLL_CTL_ADD, EPOLLIN);
  }
  freeaddrinfo(address);
}

// Sends what is left of the message, and asks to be told when there is room for more.
static void send_rest(struct connection *connection) {
  const unsigned char *bytes = connection->frame ? connection->frame : connection->message;
  size_t length = load.send_head + load.size;
  ssize_t sent = write(connection->fd, bytes + connection->sent, length - connection->sent);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    fail("Cannot send on connection %u: %s", connection->number, strerror(errno));
  }
  if (sent > 0) connection->sent += (size_t)sent;
  bool awaits_room = connection->sent < length;
  if (awaits_room == connection->awaits_room) return;
  connection->awaits_room = awaits_room;
  watch(connection, EPOLL_CTL_MOD, awaits_room ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void send_message(struct connection *connection, uint64_t now_ns) {
  uint64_t shift = (connection->number * 37ull + connection->sequence++ * 11ull) % SHIFTS;
  connection->message = load.pattern + shift;
  if (connection->frame) memcpy(connection->frame + load.send_head, connection->message, load.size);
  connection->sent = connection->received = 0;
  connection->started_ns = now_ns;
  load.under_way++;
  send_rest(connection);
}

static void record(uint64_t latency_ns) {
  uint64_t fine = latency_ns / 100, coarse = latency_ns / 1000;
  uint64_t bucket = fine < FINE ? fine : coarse < 1000 + COARSE ? FINE + coarse - 1000 : BUCKETS - 1;
  load.histogram[bucket]++;
  load.messages++;
  if (latency_ns > load.max_ns) load.max_ns = latency_ns;
}

static void on_readable(struct connection *connection) {
  ssize_t length = read(connection->fd, load.scratch, READ_BYTES);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (length == 0) fail("Connection %u was closed by the server", connection->number);
  if (length < 0) fail("Connection %u was lost: %s", connection->number, strerror(errno));
  size_t echo = connection->sent + load.receive_head - load.send_head;
  size_t due = connection->message == NULL ? 0 : echo - connection->received;
  if ((size_t)length > due) fail("Connection %u: more came back than was sent", connection->number);
  const unsigned char head[] = {0x82, (unsigned char)load.size};
  size_t passed = 0;
  for (; passed < (size_t)length && connection->received + passed < load.receive_head; passed++) {
    if (load.scratch[passed] != head[connection->received + passed]) {
      fail("Connection %u: what came back is no frame", connection->number);
    }
  }
  size_t at = connection->received + passed - load.receive_head;
  if (memcmp(load.scratch + passed, connection->message + at, (size_t)length - passed) != 0) {
    fail("Connection %u: the echo of message %llu differs from what was sent", connection->number,
         (unsigned long long)connection->sequence);
  }
  connection->received += (size_t)length;
  if (connection->received < load.receive_head + load.size) return;

  uint64_t now_ns = now();
  load.last_echo_ns = now_ns;
  load.under_way--;
  connection->message = NULL;
  if (load.recording) record(now_ns - connection->started_ns);
  if (load.sending && load.rate < 0) send_message(connection, now_ns);
}

static void start(uint64_t now_ns) {
  load.last_echo_ns = load.next_due_ns = now_ns;
  if (load.rate >= 0) return;
  for (uint32_t i = 0; i < load.connections; i++) send_message(&load.all[i], now());
}

// Sends what is due at a given rate. A message that finds no free connection is given up: the
// server is too slow for the rate, and the count of messages says so.
static void send_due(uint64_t now_ns) {
  while (load.next_due_ns <= now_ns) {
    load.next_due_ns += (uint64_t)(SECOND_NS / load.rate);
    for (uint32_t tried = 0; tried < load.connections; tried++) {
      struct connection *connection = &load.all[load.next_free++ % load.connections];
      if (connection->message != NULL) continue;
      send_message(connection, now_ns);
      break;
    }
  }
}

static void run_until(uint64_t end_ns) {
  struct epoll_event events[EVENTS_MAX];
  bool paced = load.sending && load.rate > 0;
  for (;;) {
    uint64_t now_ns = now();
    if (now_ns >= end_ns || (!load.sending && load.under_way == 0)) return;
    if (paced) send_due(now_ns);
    if (load.rate < 0 && now_ns - load.last_echo_ns > STALL_NS) fail("No echo came back for 10 s");
    uint64_t wake_ns = paced && load.next_due_ns < end_ns ? load.next_due_ns : end_ns;
    uint64_t wait_ms = wake_ns > now_ns ? (wake_ns - now_ns + 999999) / 1000000 : 0;
    int count = epoll_wait(load.epoll_fd, events, EVENTS_MAX,
                           wait_ms > WAIT_MS_MAX ? WAIT_MS_MAX : (int)wait_ms);
    for (int i = 0; i < count; i++) {
      struct connection *connection = events[i].data.ptr;
      if (connection->awaits_room && (events[i].events & EPOLLOUT)) send_rest(connection);
      if (events[i].events & ~(uint32_t)EPOLLOUT) on_readable(connection);
    }
  }
}

// The middle of the bucket below which the given share of the messages lies, in microseconds.
static double percentile(double share) {
  uint64_t wanted = (uint64_t)(share * (double)load.messages + 0.999999), seen = 0;
  for (uint32_t i = 0; i < BUCKETS - 1; i++) {
    seen += load.histogram[i];
    if (wanted > 0 && seen >= wanted) return i < FINE ? i / 10.0 + 0.05 : 1000.0 + (i - FINE) + 0.5;
  }
  return (double)load.max_ns / 1000;
}

static void print_result(double seconds) {
  printf("{\"messages\":%llu,\"seconds\":%.6f,\"p50Us\":%.2f,\"p90Us\":%.2f,\"p99Us\":%.2f,"
         "\"maxUs\":%.2f}\n",
         (unsigned long long)load.messages, seconds, percentile(0.5), percentile(0.9),
         percentile(0.99), (double)load.max_ns / 1000);
  fflush(stdout);
}
