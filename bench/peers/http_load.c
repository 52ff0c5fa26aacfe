// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// Load for an HTTP/1.1 server, from one thread.
//
//   http_load HOST PORT CONNECTIONS PIPELINE BODY_BYTES SECONDS [WARMUP_SECONDS] [RATE]
//
// HTTP_LOAD_PATH in the environment is what "GET" asks for, "/" without.
//
// Closed loop: every connection sends PIPELINE requests in one write, and the next ones when all
// responses are there. BODY_BYTES 0 sends "GET /"; more sends "POST /echo" with a JSON object of
// that many bytes, which has to come back as it is. With RATE the requests leave at that many per
// second over all connections together; RATE 0 keeps the connections open and idle.
//
// Prints "measuring" when the warm-up is over, and when SECONDS more have passed one JSON line:
//   {"requests":N,"seconds":S,"p50Us":A,"p99Us":B,"maxUs":C}
// A response other than 200, a body that differs, a lost connection or a stall is an error: a
// message on stderr, exit code 1.

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
#define STALL_NS (10 * SECOND_NS)  // a closed loop without a response for so long is broken
#define DRAIN_NS SECOND_NS         // how long the last responses may take after the measurement

enum {
  EVENTS_MAX = 1024,
  CONNECTIONS_MAX = 16384,
  PIPELINE_MAX = 64,
  BODY_BYTES_MAX = 32 * 1024,
  KEPT_BYTES = 256 * 1024,  // of one connection: at least one response
  WAIT_MS_MAX = 100,
};

// Latencies: 0.1 us a bucket up to 1 ms, then 1 us a bucket up to 1 s; above that only the maximum.
enum { FINE = 10000, COARSE = 999000, BUCKETS = FINE + COARSE + 1 };

struct connection {
  int fd;
  uint32_t number;
  uint32_t due;      // responses that are still to come
  size_t sent;       // bytes of the requests under way
  char *kept;        // the beginning of a response
  size_t kept_length;
  uint64_t started_ns;
  bool awaits_room;  // registered for EPOLLOUT
};

static struct {
  int epoll_fd;
  uint32_t connections;
  uint32_t pipeline;
  size_t body_length;
  double rate;  // requests per second, negative for a closed loop
  struct connection *all;
  char *request;  // PIPELINE of them
  size_t request_length;
  char *body;

  bool sending;
  bool recording;
  uint32_t under_way;
  uint32_t next_free;    // where the search for a free connection starts
  uint64_t next_due_ns;  // when the next paced request leaves
  uint64_t last_answer_ns;

  uint64_t requests;
  uint64_t max_ns;
  uint32_t histogram[BUCKETS];
} load;

static void read_arguments(int count, char **arguments, double *seconds, double *warmup_seconds);
static void connect_all(const char *host, const char *port);
static void make_request(const char *host, const char *port);
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
  make_request(arguments[1], arguments[2]);
  connect_all(arguments[1], arguments[2]);

  // The warm-up is a closed loop also when the measurement is not, so that compilers are done with
  // what runs a hundred times a second.
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

  // The last responses are taken in, so that the server sees an end of stream and not a reset.
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

static long number_between(const char *name, const char *text, long min, long max) {
  long number = atol(text);
  if (number < min || number > max) fail("Cannot start: %s must be in %ld..%ld", name, min, max);
  return number;
}

static void read_arguments(int count, char **arguments, double *seconds, double *warmup_seconds) {
  if (count < 7 || count > 9) {
    fail("Usage: http_load HOST PORT CONNECTIONS PIPELINE BODY_BYTES SECONDS [WARMUP] [RATE]");
  }
  load.connections = (uint32_t)number_between("CONNECTIONS", arguments[3], 1, CONNECTIONS_MAX);
  load.pipeline = (uint32_t)number_between("PIPELINE", arguments[4], 1, PIPELINE_MAX);
  load.body_length = (size_t)number_between("BODY_BYTES", arguments[5], 0, BODY_BYTES_MAX);
  *seconds = atof(arguments[6]);
  *warmup_seconds = count > 7 ? atof(arguments[7]) : 0;
  load.rate = count > 8 ? atof(arguments[8]) : -1;
  if (*seconds <= 0 || *warmup_seconds < 0) fail("Cannot start: SECONDS must be above 0");
}

// A JSON object of exactly so many bytes, in the form in which JSON.stringify writes it.
static void make_body(void) {
  static const char unit[] = "{\"id\":1234,\"name\":\"photon\",\"tags\":[\"a\",\"b\"],\"ok\":true}";
  size_t length = load.body_length, used = 0, unit_length = sizeof unit - 1;
  static const char head[] = "{\"items\":[", tail[] = "],\"pad\":\"";
  size_t frame = sizeof head - 1 + sizeof tail - 1 + 2;
  if (length < frame) fail("Cannot start: BODY_BYTES must be 0 or at least %zu", frame);
  load.body = malloc(length + 1);
  used += (size_t)sprintf(load.body, "%s", head);
  for (bool first = true; used + unit_length + 1 + frame <= length; first = false) {
    used += (size_t)sprintf(load.body + used, "%s%s", first ? "" : ",", unit);
  }
  used += (size_t)sprintf(load.body + used, "%s", tail);
  memset(load.body + used, 'x', length - used - 2);
  memcpy(load.body + length - 2, "\"}", 2);
}

static void make_request(const char *host, const char *port) {
  char head[512];
  if (load.body_length == 0) {
    const char *path = getenv("HTTP_LOAD_PATH");
    snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: %s:%s\r\n\r\n", path ? path : "/", host, port);
  } else {
    make_body();
    sprintf(head, "POST /echo HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\n"
            "Content-Length: %zu\r\n\r\n", host, port, load.body_length);
  }
  size_t head_length = strlen(head), one = head_length + load.body_length;
  load.request_length = one * load.pipeline;
  load.request = malloc(load.request_length);
  for (uint32_t i = 0; i < load.pipeline; i++) {
    memcpy(load.request + i * one, head, head_length);
    if (load.body) memcpy(load.request + i * one + head_length, load.body, load.body_length);
  }
}

static void watch(struct connection *connection, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(load.epoll_fd, operation, connection->fd, &event) < 0) {
    fail("Cannot watch connection %u: %s", connection->number, strerror(errno));
  }
}

static void connect_all(const char *host, const char *port) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *address;
  int error = getaddrinfo(host, port, &hints, &address);
  if (error) fail("Cannot resolve %s: %s", host, gai_strerror(error));
  load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  load.all = calloc(load.connections, sizeof *load.all);
  for (uint32_t i = 0; i < load.connections; i++) {
    struct connection *connection = &load.all[i];
    connection->number = i;
    connection->kept = malloc(KEPT_BYTES);
    connection->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || connect(connection->fd, address->ai_addr, address->ai_addrlen) < 0) {
      fail("Cannot open connection %u: %s", i, strerror(errno));
    }
    int on = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(connection->fd, F_SETFL, fcntl(connection->fd, F_GETFL) | O_NONBLOCK);
    watch(connection, EPOLL_CTL_ADD, EPOLLIN);
  }
  freeaddrinfo(address);
}

// Sends what is left of the requests, and asks to be told when there is room for more.
static void send_rest(struct connection *connection) {
  ssize_t sent = write(connection->fd, load.request + connection->sent,
                       load.request_length - connection->sent);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    fail("Cannot send on connection %u: %s", connection->number, strerror(errno));
  }
  if (sent > 0) connection->sent += (size_t)sent;
  bool awaits_room = connection->sent < load.request_length;
  if (awaits_room == connection->awaits_room) return;
  connection->awaits_room = awaits_room;
  watch(connection, EPOLL_CTL_MOD, awaits_room ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void send_requests(struct connection *connection, uint64_t now_ns) {
  connection->due = load.pipeline;
  connection->sent = 0;
  connection->started_ns = now_ns;
  load.under_way++;
  send_rest(connection);
}

static void record(uint64_t latency_ns) {
  uint64_t fine = latency_ns / 100, coarse = latency_ns / 1000;
  uint64_t bucket = fine < FINE ? fine : coarse < 1000 + COARSE ? FINE + coarse - 1000 : BUCKETS - 1;
  load.histogram[bucket] += load.pipeline;
  load.requests += load.pipeline;
  if (latency_ns > load.max_ns) load.max_ns = latency_ns;
}

// Length of the response at the beginning of the bytes, 0 when it is not all there.
static size_t response_length(const struct connection *connection, const char *bytes, size_t length) {
  const char *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  if (length < 12 || memcmp(bytes, "HTTP/1.1 200", 12) != 0) {
    fail("Connection %u got %.*s", connection->number, (int)(end - bytes), bytes);
  }
  size_t head = (size_t)(end - bytes) + 4;
  for (const char *line = bytes; line < end; ) {
    line = memchr(line, '\n', (size_t)(end + 2 - line));
    if (line == NULL || ++line >= end) break;
    if (strncasecmp(line, "content-length:", 15) != 0) continue;
    size_t body = (size_t)atol(line + 15);
    if (length < head + body) return 0;
    if (load.body && (body != load.body_length || memcmp(bytes + head, load.body, body) != 0)) {
      fail("Connection %u: the body differs from what was sent", connection->number);
    }
    return head + body;
  }
  fail("Connection %u: a response has no content-length", connection->number);
}

static void on_answer(struct connection *connection) {
  if (connection->due == 0) fail("Connection %u: more came back than was asked", connection->number);
  if (--connection->due > 0) return;
  uint64_t now_ns = now();
  load.last_answer_ns = now_ns;
  load.under_way--;
  if (load.recording) record(now_ns - connection->started_ns);
  if (load.sending && load.rate < 0) send_requests(connection, now_ns);
}

static void on_readable(struct connection *connection) {
  ssize_t length = read(connection->fd, connection->kept + connection->kept_length,
                        KEPT_BYTES - connection->kept_length);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (length == 0) fail("Connection %u was closed by the server", connection->number);
  if (length < 0) fail("Connection %u was lost: %s", connection->number, strerror(errno));
  connection->kept_length += (size_t)length;
  size_t taken = 0;
  for (;;) {
    size_t one = response_length(connection, connection->kept + taken,
                                 connection->kept_length - taken);
    if (one == 0) break;
    taken += one;
    // Answering the last one sends the next requests, so the bytes must be gone before.
    if (connection->due == 1 && taken != connection->kept_length) {
      fail("Connection %u: more came back than was asked", connection->number);
    }
    if (taken == connection->kept_length) taken = connection->kept_length = 0;
    on_answer(connection);
    if (connection->kept_length == 0) return;
  }
  connection->kept_length -= taken;
  memmove(connection->kept, connection->kept + taken, connection->kept_length);
  if (connection->kept_length == KEPT_BYTES) fail("Connection %u: response too long",
                                                  connection->number);
}

static void start(uint64_t now_ns) {
  load.last_answer_ns = load.next_due_ns = now_ns;
  if (load.rate >= 0) return;
  for (uint32_t i = 0; i < load.connections; i++) send_requests(&load.all[i], now());
}

// Sends what is due at a given rate. A request that finds no free connection is given up: the
// server is too slow for the rate, and the count of requests says so.
static void send_due(uint64_t now_ns) {
  while (load.next_due_ns <= now_ns) {
    load.next_due_ns += (uint64_t)(SECOND_NS / load.rate);
    for (uint32_t tried = 0; tried < load.connections; tried++) {
      struct connection *connection = &load.all[load.next_free++ % load.connections];
      if (connection->due > 0) continue;
      send_requests(connection, now_ns);
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
    if (load.rate < 0 && now_ns - load.last_answer_ns > STALL_NS) fail("No response for 10 s");
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

// The middle of the bucket below which the given share of the requests lies, in microseconds.
static double percentile(double share) {
  uint64_t wanted = (uint64_t)(share * (double)load.requests + 0.999999), seen = 0;
  for (uint32_t i = 0; i < BUCKETS - 1; i++) {
    seen += load.histogram[i];
    if (wanted > 0 && seen >= wanted) return i < FINE ? i / 10.0 + 0.05 : 1000.0 + (i - FINE) + 0.5;
  }
  return (double)load.max_ns / 1000;
}

static void print_result(double seconds) {
  printf("{\"requests\":%llu,\"seconds\":%.6f,\"p50Us\":%.2f,\"p99Us\":%.2f,\"maxUs\":%.2f}\n",
         (unsigned long long)load.requests, seconds, percentile(0.5), percentile(0.99),
         (double)load.max_ns / 1000);
  fflush(stdout);
}
