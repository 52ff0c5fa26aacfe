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
//   {"requests":N,"seconds":S,"p50Us":A,"p90Us":B,"p99Us":C,"maxUs":D}
// A response other than 200, a body that differs, a lost connection or a stall is an error: a
// message on stderr, exit code 1.

#include "closed_loop.h"

enum {
  CONNECTIONS_MAX = 16384,
  PIPELINE_MAX = 64,
  BODY_BYTES_MAX = 32 * 1024,
  KEPT_BYTES = 256 * 1024,  // of one connection: at least one response
};

struct connection {
  struct peer peer;
  uint32_t due;      // responses that are still to come
  size_t sent;       // bytes of the requests under way
  char *kept;        // the beginning of a response
  size_t kept_length;
  uint64_t started_ns;
};

static struct {
  uint32_t pipeline;
  size_t body_length;
  struct connection *all;
  char *request;  // PIPELINE of them
  size_t request_length;
  char *body;
} load;

static void make_request(const char *host, const char *port);
static void connect_all(const char *host, const char *port);

int main(int count, char **arguments) {
  if (count < 7 || count > 9) {
    fail("Usage: http_load HOST PORT CONNECTIONS PIPELINE BODY_BYTES SECONDS [WARMUP] [RATE]");
  }
  double seconds, warmup_seconds;
  loop.connections = number_between("CONNECTIONS", arguments[3], 1, CONNECTIONS_MAX);
  load.pipeline = number_between("PIPELINE", arguments[4], 1, PIPELINE_MAX);
  load.body_length = number_between("BODY_BYTES", arguments[5], 0, BODY_BYTES_MAX);
  read_times(arguments + 6, count - 6, -1, &seconds, &warmup_seconds, &loop.rate);
  signal(SIGPIPE, SIG_IGN);
  make_request(arguments[1], arguments[2]);
  connect_all(arguments[1], arguments[2]);
  print_result("requests", measure(seconds, warmup_seconds));
  drain();
  return 0;
}

static struct peer *peer_at(uint32_t number) { return &load.all[number].peer; }

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

static void connect_all(const char *host, const char *port) {
  struct addrinfo *address = resolve(host, port, SOCK_STREAM);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  load.all = calloc(loop.connections, sizeof *load.all);
  for (uint32_t i = 0; i < loop.connections; i++) {
    struct connection *connection = &load.all[i];
    connection->peer.number = i;
    connection->kept = malloc(KEPT_BYTES);
    connect_peer(&connection->peer, address);
    PEER_OPENED(&connection->peer);
    begin_watching(&connection->peer);
  }
  freeaddrinfo(address);
}

static void send_rest(struct peer *peer) {
  struct connection *connection = (struct connection *)peer;
  connection->sent = send_from(peer, load.request, connection->sent, load.request_length);
}

static void ask(struct peer *peer, uint64_t now_ns) {
  struct connection *connection = (struct connection *)peer;
  connection->due = load.pipeline;
  connection->sent = 0;
  connection->started_ns = now_ns;
  send_rest(peer);
}

// Length of the response at the beginning of the bytes, 0 when it is not all there.
static size_t response_length(const struct connection *connection, const char *bytes, size_t length) {
  const char *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  if (length < 12 || memcmp(bytes, "HTTP/1.1 200", 12) != 0) {
    fail("Connection %u got %.*s", connection->peer.number, (int)(end - bytes), bytes);
  }
  size_t head = (size_t)(end - bytes) + 4;
  for (const char *line = bytes; line < end; ) {
    line = memchr(line, '\n', (size_t)(end + 2 - line));
    if (line == NULL || ++line >= end) break;
    if (strncasecmp(line, "content-length:", 15) != 0) continue;
    size_t body = (size_t)atol(line + 15);
    if (length < head + body) return 0;
    if (load.body && (body != load.body_length || memcmp(bytes + head, load.body, body) != 0)) {
      fail("Connection %u: the body differs from what was sent", connection->peer.number);
    }
    return head + body;
  }
  fail("Connection %u: a response has no content-length", connection->peer.number);
}

static void on_answer(struct connection *connection) {
  if (connection->due == 0) {
    fail("Connection %u: more came back than was asked", connection->peer.number);
  }
  if (--connection->due == 0) answered(&connection->peer, connection->started_ns, load.pipeline);
}

static void on_readable(struct peer *peer) {
  struct connection *connection = (struct connection *)peer;
  size_t length = receive(peer, connection->kept + connection->kept_length,
                          KEPT_BYTES - connection->kept_length);
  if (length == 0) return;
  connection->kept_length += length;
  size_t taken = 0;
  for (;;) {
    size_t one = response_length(connection, connection->kept + taken,
                                 connection->kept_length - taken);
    if (one == 0) break;
    taken += one;
    // Answering the last one sends the next requests, so the bytes must be gone before.
    if (connection->due == 1 && taken != connection->kept_length) {
      fail("Connection %u: more came back than was asked", peer->number);
    }
    if (taken == connection->kept_length) taken = connection->kept_length = 0;
    on_answer(connection);
    if (connection->kept_length == 0) return;
  }
  connection->kept_length -= taken;
  memmove(connection->kept, connection->kept + taken, connection->kept_length);
  if (connection->kept_length == KEPT_BYTES) fail("Connection %u: response too long", peer->number);
}
