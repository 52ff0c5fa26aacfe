// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// Load for a TLS echo server, from one thread, on OpenSSL.
//
//   tls_load HOST PORT MODE CONNECTIONS SIZE SECONDS [WARMUP_SECONDS] [RATE] [acks]
//
// MODE echo:    every connection has one message of SIZE bytes under way; the next one leaves when
//               all of its echo has come back and was equal.
// MODE full:    every connection shakes hands, has SIZE bytes echoed, says goodbye and is opened
//               anew, without a session to resume.
// MODE resumed: the same with the session of the connection before; one that the server does not
//               resume is an error.
//
// With RATE the messages, or handshakes, begin at that many per second over all connections
// together, on whichever connection is free; without, each begins when the one before has ended.
// The warm-up is always without. RATE 0 is none.
//
// With "acks" the kernel acknowledges at once what has come (TCP_QUICKACK), and not up to 40 ms
// later: a server that leaves Nagle's algorithm on waits for that.
//
// Prints "measuring" when the warm-up is over, and when SECONDS more have passed one JSON line:
//   {"messages":N,"bytes":B,"handshakes":H,"seconds":S}
// A lost connection, an echo that differs, or a stall is an error: a message on stderr, exit code 1.

#include "load.h"
#include <openssl/err.h>
#include <openssl/ssl.h>

enum { CONNECTIONS_MAX = 4096, SIZE_MAX_BYTES = 16 * 1024 * 1024, READ_BYTES = 64 * 1024 };

struct connection {
  struct peer peer;
  SSL *ssl;
  SSL_SESSION *session;  // of the connection before, in mode resumed
  size_t sent;
  size_t received;
};

static struct {
  SSL_CTX *context;
  struct addrinfo *address;
  bool reconnects;
  bool resumes;
  bool acks;
  double rate;           // per second, 0 for a closed loop
  uint64_t next_due_ns;  // when the next paced message leaves
  uint32_t next_free;    // where the search for a free connection starts
  uint32_t connections;
  size_t size;
  struct connection *all;
  unsigned char *pattern;
  unsigned char scratch[READ_BYTES];
  uint64_t last_echo_ns;
  uint64_t messages;
  uint64_t bytes;
  uint64_t handshakes;
} load;

// For whoever ends with a reason: what OpenSSL has to add.
static void print_errors(void) { ERR_print_errors_fp(stderr); }

static double read_arguments(int count, char **arguments, double *seconds,
                             double *warmup_seconds) {
  if (count < 7 || count > 10) {
    fail("Usage: tls_load HOST PORT echo|full|resumed CONNECTIONS SIZE SECONDS [WARMUP] [RATE]"
         " [acks]");
  }
  load.resumes = strcmp(arguments[3], "resumed") == 0;
  load.reconnects = load.resumes || strcmp(arguments[3], "full") == 0;
  if (!load.reconnects && strcmp(arguments[3], "echo") != 0) fail("Cannot start: no such MODE");
  load.acks = count > 9 && strcmp(arguments[9], "acks") == 0;
  if (count > 9 && !load.acks) fail("Cannot start: the last argument must be acks");
  double rate;
  load.connections = number_between("CONNECTIONS", arguments[4], 1, CONNECTIONS_MAX);
  load.size = number_between("SIZE", arguments[5], 1, SIZE_MAX_BYTES);
  read_times(arguments + 6, (count > 9 ? 9 : count) - 6, 0, seconds, warmup_seconds, &rate);
  return rate;
}

static void prepare(const char *host, const char *port) {
  load.address = resolve(host, port, SOCK_STREAM);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  load.pattern = make_pattern(load.size);
  load.all = calloc(load.connections, sizeof *load.all);
  load.context = SSL_CTX_new(TLS_client_method());
  if (!load.all || !load.context) fail("Cannot start: out of memory");
  // The certificate is the server's own; what is measured is the server.
  SSL_CTX_set_verify(load.context, SSL_VERIFY_NONE, NULL);
  SSL_CTX_set_mode(load.context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static void open_connection(struct connection *connection) {
  connection->sent = connection->received = 0;
  connect_peer(&connection->peer, load.address);
  begin_watching(&connection->peer);
  connection->ssl = SSL_new(load.context);
  if (!connection->ssl || !SSL_set_fd(connection->ssl, connection->peer.fd)) fail("Cannot make an SSL");
  SSL_set_tlsext_host_name(connection->ssl, "localhost");
  if (connection->session) SSL_set_session(connection->ssl, connection->session);
  SSL_set_connect_state(connection->ssl);
}

static void close_connection(struct connection *connection) {
  SSL_SESSION_free(connection->session);
  connection->session = load.resumes ? SSL_get1_session(connection->ssl) : NULL;
  SSL_shutdown(connection->ssl);
  SSL_free(connection->ssl);
  close(connection->peer.fd);
}

// Whether an operation that gave `result` may be tried again when the socket is ready.
static bool waits(struct connection *connection, int result, bool *awaits_room) {
  int error = SSL_get_error(connection->ssl, result);
  if (error == SSL_ERROR_WANT_WRITE) *awaits_room = true;
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return true;
  fail("Connection %u was lost: SSL error %d, %s", connection->peer.number, error, strerror(errno));
}

static bool shake_hands(struct connection *connection, bool *awaits_room) {
  if (SSL_is_init_finished(connection->ssl)) return true;
  int result = SSL_do_handshake(connection->ssl);
  if (result != 1) {
    waits(connection, result, awaits_room);
    return false;
  }
  if (connection->session && !SSL_session_reused(connection->ssl)) {
    fail("Connection %u: the server did not resume the session", connection->peer.number);
  }
  return true;
}

static void send_rest(struct connection *connection, bool *awaits_room) {
  while (connection->peer.under_way && connection->sent < load.size) {
    int result = SSL_write(connection->ssl, load.pattern + connection->sent,
                           (int)(load.size - connection->sent));
    if (result <= 0) {
      waits(connection, result, awaits_room);
      return;
    }
    connection->sent += (size_t)result;
  }
}

static void finish_message(struct connection *connection) {
  load.last_echo_ns = now();
  load.messages++;
  connection->sent = connection->received = 0;
  connection->peer.under_way = load.rate == 0;
}

// Takes in what has come; in the modes that reconnect it stops at the end of the message.
static void receive(struct connection *connection, bool *awaits_room) {
  SSL *ssl = connection->ssl;
  for (;;) {
    int result = SSL_read(ssl, load.scratch, READ_BYTES);
    if (result <= 0) {
      waits(connection, result, awaits_room);
      return;
    }
    if ((size_t)result > connection->sent - connection->received ||
        memcmp(load.scratch, load.pattern + connection->received, (size_t)result) != 0) {
      fail("Connection %u: the echo differs from what was sent", connection->peer.number);
    }
    connection->received += (size_t)result;
    load.bytes += (uint64_t)result;
    if (connection->received < load.size) continue;
    finish_message(connection);
    if (load.reconnects) return;
    send_rest(connection, awaits_room);
  }
}

static void advance(struct connection *connection) {
  bool awaits_room = false;
  uint64_t messages = load.messages;
  int on = 1;
  // It holds for one round only (tcp(7)).
  if (load.acks) setsockopt(connection->peer.fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  if (shake_hands(connection, &awaits_room)) {
    send_rest(connection, &awaits_room);
    receive(connection, &awaits_room);
  }
  if (load.reconnects && load.messages != messages) {
    load.handshakes++;
    close_connection(connection);
    if (!connection->peer.under_way) return;
    open_connection(connection);
    shake_hands(connection, &awaits_room);
  }
  await_room(&connection->peer, awaits_room);
}

// Begins what is due at a given rate. What finds no free connection is given up: the server is too
// slow for the rate, and the counts say so.
static void begin_due(uint64_t now_ns) {
  while (load.next_due_ns <= now_ns) {
    load.next_due_ns += (uint64_t)(SECOND_NS / load.rate);
    for (uint32_t tried = 0; tried < load.connections; tried++) {
      struct connection *connection = &load.all[load.next_free++ % load.connections];
      if (connection->peer.under_way) continue;
      connection->peer.under_way = true;
      if (load.reconnects) open_connection(connection);
      advance(connection);
      break;
    }
  }
}

static void run_until(uint64_t end_ns) {
  struct epoll_event events[EVENTS_MAX];
  for (;;) {
    uint64_t now_ns = now();
    if (now_ns >= end_ns) return;
    if (load.rate > 0) begin_due(now_ns);
    if (now_ns - load.last_echo_ns > STALL_NS) fail("No echo came back for 10 s");
    uint64_t due_ns = load.rate > 0 && load.next_due_ns > now_ns ? load.next_due_ns - now_ns : 0;
    int wait_ms = load.rate > 0 ? (int)((due_ns + 999999) / 1000000) : WAIT_MS_MAX;
    int count = epoll_wait(epoll_fd, events, EVENTS_MAX, wait_ms);
    for (int i = 0; i < count; i++) advance(events[i].data.ptr);
  }
}

int main(int count, char **arguments) {
  double seconds, warmup_seconds;
  double rate = read_arguments(count, arguments, &seconds, &warmup_seconds);
  signal(SIGPIPE, SIG_IGN);
  atexit(print_errors);
  prepare(arguments[1], arguments[2]);
  load.last_echo_ns = now();
  for (uint32_t i = 0; i < load.connections; i++) {
    load.all[i].peer.number = i;
    load.all[i].peer.under_way = true;
    open_connection(&load.all[i]);
    advance(&load.all[i]);
  }
  run_until(now() + (uint64_t)(warmup_seconds * SECOND_NS));
  load.messages = load.bytes = load.handshakes = 0;
  uint64_t measured_ns = now();
  load.rate = rate;
  load.next_due_ns = measured_ns;
  printf("measuring\n");
  fflush(stdout);
  run_until(measured_ns + (uint64_t)(seconds * SECOND_NS));
  printf("{\"messages\":%llu,\"bytes\":%llu,\"handshakes\":%llu,\"seconds\":%.6f}\n",
         (unsigned long long)load.messages, (unsigned long long)load.bytes,
         (unsigned long long)load.handshakes, (double)(now() - measured_ns) / SECOND_NS);
  fflush(stdout);
  return 0;
}
