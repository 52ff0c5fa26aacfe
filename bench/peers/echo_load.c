// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// Load for a TCP echo server, from one thread; with "udp:" before HOST for a UDP echo server, where
// each connection is a socket of its own and each message one datagram; with "ws:" for a WebSocket
// echo server: messages of at most 125 bytes, binary, masked with 0; with "ws-text:" of ASCII text.
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

#include "closed_loop.h"

enum {
  CONNECTIONS_MAX = 16384,
  SIZE_MAX_BYTES = 16 * 1024 * 1024,
  READ_BYTES = 256 * 1024,
  FRAME_SIZE_MAX = 125,
  SHIFTS = 251,  // prime: how many different messages there are
};

struct connection {
  struct peer peer;
  uint64_t sequence;             // messages sent before this one
  const unsigned char *message;  // what is under way
  unsigned char *frame;          // of a WebSocket: what is sent
  size_t sent;                   // heads of frames included
  size_t received;
  uint64_t started_ns;
};

static struct {
  size_t size;
  unsigned char frame;  // first octet of a WebSocket's frames: final, text or binary
  size_t send_head;     // octets in front of a message that is sent, 0 but for WebSockets
  size_t receive_head;  // and of one that comes back
  struct connection *all;
  unsigned char *pattern;
  unsigned char scratch[READ_BYTES];
} load;

static void connect_all(const char *host, const char *port);

int main(int count, char **arguments) {
  if (count < 6 || count > 8) {
    fail("Usage: echo_load HOST PORT CONNECTIONS SIZE SECONDS [WARMUP_SECONDS] [RATE]");
  }
  double seconds, warmup_seconds;
  loop.connections = number_between("CONNECTIONS", arguments[3], 1, CONNECTIONS_MAX);
  load.size = number_between("SIZE", arguments[4], 1, SIZE_MAX_BYTES);
  read_times(arguments + 5, count - 5, -1, &seconds, &warmup_seconds, &loop.rate);
  signal(SIGPIPE, SIG_IGN);
  connect_all(arguments[1], arguments[2]);
  print_result("messages", measure(seconds, warmup_seconds));
  drain();
  return 0;
}

static struct peer *peer_at(uint32_t number) { return &load.all[number].peer; }

// Asks for a WebSocket, and makes the head of the frames, masked with 0.
static void shake_hands(struct connection *connection) {
  static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n";
  char answer[4096] = "";
  size_t length = 0;
  if (write(connection->peer.fd, request, sizeof request - 1) != sizeof request - 1) {
    fail("Cannot ask on connection %u: %s", connection->peer.number, strerror(errno));
  }
  while (strstr(answer, "\r\n\r\n") == NULL) {
    ssize_t count = read(connection->peer.fd, answer + length, sizeof answer - 1 - length);
    if (count <= 0) fail("Connection %u was not upgraded", connection->peer.number);
    length += (size_t)count;
  }
  if (strncmp(answer, "HTTP/1.1 101", 12) != 0) {
    fail("Connection %u got %s", connection->peer.number, answer);
  }
  connection->frame = calloc(1, load.send_head + load.size);
  connection->frame[0] = load.frame;
  connection->frame[1] = (unsigned char)(0x80 | load.size);
}

static void connect_all(const char *host, const char *port) {
  // Every message is a window of one random pattern; neighbours in time and in number differ.
  load.pattern = make_pattern(load.size + SHIFTS);
  load.all = calloc(loop.connections, sizeof *load.all);
  if (!load.all) fail("Cannot start: out of memory");
  bool datagrams = strncmp(host, "udp:", 4) == 0;
  if (datagrams) host += 4;
  bool text = strncmp(host, "ws-text:", 8) == 0;
  bool websocket = text || strncmp(host, "ws:", 3) == 0;
  if (text) {
    for (size_t i = 0; i < load.size + SHIFTS; i++) load.pattern[i] = ' ' + load.pattern[i] % 64;
  }
  if (websocket) {
    host = strchr(host, ':') + 1;
    load.frame = text ? 0x81 : 0x82, load.send_head = 6, load.receive_head = 2;
    if (load.size > FRAME_SIZE_MAX) fail("Cannot start: SIZE must be %d at most", FRAME_SIZE_MAX);
  }
  struct addrinfo *address = resolve(host, port, datagrams ? SOCK_DGRAM : SOCK_STREAM);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  for (uint32_t i = 0; i < loop.connections; i++) {
    struct connection *connection = &load.all[i];
    connection->peer.number = i;
    connect_peer(&connection->peer, address);
    if (websocket) shake_hands(connection);
    begin_watching(&connection->peer);
  }
  freeaddrinfo(address);
}

static void send_rest(struct peer *peer) {
  struct connection *connection = (struct connection *)peer;
  const unsigned char *bytes = connection->frame ? connection->frame : connection->message;
  connection->sent = send_from(peer, bytes, connection->sent, load.send_head + load.size);
}

static void ask(struct peer *peer, uint64_t now_ns) {
  struct connection *connection = (struct connection *)peer;
  uint64_t shift = (peer->number * 37ull + connection->sequence++ * 11ull) % SHIFTS;
  connection->message = load.pattern + shift;
  if (connection->frame) memcpy(connection->frame + load.send_head, connection->message, load.size);
  connection->sent = connection->received = 0;
  connection->started_ns = now_ns;
  send_rest(peer);
}

static void on_readable(struct peer *peer) {
  struct connection *connection = (struct connection *)peer;
  size_t length = receive(peer, load.scratch, READ_BYTES);
  if (length == 0) return;
  size_t echo = connection->sent + load.receive_head - load.send_head;
  size_t due = !peer->under_way ? 0 : echo - connection->received;
  if (length > due) fail("Connection %u: more came back than was sent", peer->number);
  const unsigned char head[] = {load.frame, (unsigned char)load.size};
  size_t passed = 0;
  for (; passed < length && connection->received + passed < load.receive_head; passed++) {
    if (load.scratch[passed] != head[connection->received + passed]) {
      fail("Connection %u: what came back is no frame", peer->number);
    }
  }
  size_t at = connection->received + passed - load.receive_head;
  if (memcmp(load.scratch + passed, connection->message + at, length - passed) != 0) {
    fail("Connection %u: the echo of message %llu differs from what was sent", peer->number,
         (unsigned long long)connection->sequence);
  }
  connection->received += length;
  if (connection->received < load.receive_head + load.size) return;
  answered(peer, connection->started_ns, 1);
}
