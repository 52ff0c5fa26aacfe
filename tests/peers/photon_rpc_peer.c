// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// A peer of the photon framing, written from its description (reference section 14) and sharing
// nothing with the library: structs of the compiler's own layout, read and written as C++ does.
//
//   photon_rpc_peer serve           listens on 127.0.0.1, prints the port, serves one connection
//   photon_rpc_peer call PORT N     makes N calls, checks every reply, prints "ok"
//
// Service 7, method 1: swaps the two texts, reverses the bytes and doubles every point.
// Service 7, method 2: a message with a checksum; reverses the bytes and adds 1 to the id.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAGIC 0x87de5d02e6ab95c7ull
#define PAYLOAD_BYTES_MAX (1 << 20)

struct head {
  uint64_t magic;
  uint32_t version, size, interface_id, method_id;
  uint64_t tag, reserved;
};

struct field {
  uint64_t pointer, length;
};

struct point {
  int32_t x;
  uint8_t kind;
  double y;
};

struct message {
  uint16_t id;
  struct field left;
  uint8_t flag;
  struct field aligned;
  struct point origin;
  struct field points;
  struct field right;
  uint64_t sum;
};

// What derives from CheckedMessage<Crc32Hasher>.
struct checked {
  uint32_t checksum;
  uint16_t id;
  struct field data;
};

_Static_assert(sizeof(struct head) == 40, "head");
_Static_assert(sizeof(struct point) == 16, "point");

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int read_all(int fd, void *into, size_t size) {
  for (size_t at = 0; at < size;) {
    ssize_t count = read(fd, (char *)into + at, size - at);
    if (count < 0) fail("read");
    if (count == 0) return 0;
    at += count;
  }
  return 1;
}

static void write_all(int fd, const void *from, size_t size) {
  for (size_t at = 0; at < size;) {
    ssize_t count = write(fd, (const char *)from + at, size - at);
    if (count <= 0) fail("write");
    at += count;
  }
}

// Variable bytes in the order of the wire: aligned fields first, then the others as declared.
struct parts {
  char *aligned, *left, *right;
  struct point *points;
  struct message *message;
};

static struct parts take_apart(char *payload, uint32_t size) {
  struct parts parts;
  if (size < sizeof(struct message)) exit(2);
  parts.message = malloc(sizeof(struct message));
  memcpy(parts.message, payload + size - sizeof(struct message), sizeof(struct message));
  struct message *m = parts.message;
  if (m->aligned.length + m->left.length + m->points.length + m->right.length +
          sizeof(struct message) != size)
    exit(3);
  parts.aligned = payload;
  parts.left = parts.aligned + m->aligned.length;
  char *points = parts.left + m->left.length;
  parts.points = malloc(m->points.length + 1);
  memcpy(parts.points, points, m->points.length);
  parts.right = points + m->points.length;
  return parts;
}

static void send_message(int fd, struct head head, const struct parts *parts) {
  const struct message *m = parts->message;
  head.size = m->aligned.length + m->left.length + m->points.length + m->right.length +
              sizeof(struct message);
  write_all(fd, &head, sizeof(head));
  write_all(fd, parts->aligned, m->aligned.length);
  write_all(fd, parts->left, m->left.length);
  write_all(fd, parts->points, m->points.length);
  write_all(fd, parts->right, m->right.length);
  write_all(fd, m, sizeof(*m));
}

static void reverse(char *bytes, uint64_t length) {
  for (uint64_t low = 0, high = length; low + 1 < high; low++) {
    char byte = bytes[low];
    bytes[low] = bytes[--high];
    bytes[high] = byte;
  }
}

static void answer(struct parts *parts) {
  struct message *m = parts->message;
  char *text = parts->left;
  parts->left = parts->right;
  parts->right = text;
  uint64_t length = m->left.length;
  m->left.length = m->right.length;
  m->right.length = length;
  reverse(parts->aligned, m->aligned.length);
  m->sum = 0;
  for (uint64_t i = 0; i < m->points.length / sizeof(struct point); i++) {
    parts->points[i].x *= 2;
    parts->points[i].y *= 2;
    m->sum += parts->points[i].kind;
  }
  m->origin.y = -m->origin.y;
  m->flag = !m->flag;
  m->id++;
}

// CRC-32C that begins with 0 and is not inverted, bit by bit.
static uint32_t crc32c_extend(const void *bytes, size_t size, uint32_t crc) {
  for (const uint8_t *byte = bytes; size-- > 0; byte++) {
    crc ^= *byte;
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
  }
  return crc;
}

static uint32_t checksum_of(const char *data, struct checked body) {
  body.checksum = 0;
  return crc32c_extend(&body, sizeof(body), crc32c_extend(data, body.data.length, 0));
}

static void send_checked(int fd, struct head head, const char *data, struct checked body) {
  body.data.pointer = (uint64_t)data;  // As C++ sends it: the checksum covers it.
  body.checksum = checksum_of(data, body);
  head.size = body.data.length + sizeof(body);
  write_all(fd, &head, sizeof(head));
  write_all(fd, data, body.data.length);
  write_all(fd, &body, sizeof(body));
}

static struct checked take_checked(const char *payload, uint32_t size) {
  struct checked body;
  if (size < sizeof(body)) exit(11);
  memcpy(&body, payload + size - sizeof(body), sizeof(body));
  if (body.data.length + sizeof(body) != size) exit(12);
  if (checksum_of(payload, body) != body.checksum) exit(13);
  return body;
}

static void answer_checked(int fd, struct head head, char *payload) {
  struct checked body = take_checked(payload, head.size);
  reverse(payload, body.data.length);
  body.id++;
  send_checked(fd, head, payload, body);
}

static int receive(int fd, struct head *head, char *payload) {
  if (!read_all(fd, head, sizeof(*head))) return 0;
  if (head->magic != MAGIC || head->version != 0 || head->size > PAYLOAD_BYTES_MAX) exit(4);
  return read_all(fd, payload, head->size);
}

static void serve(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof(address);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1)) fail("listen");
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  int fd = accept(listener, NULL, NULL);
  char *payload = malloc(PAYLOAD_BYTES_MAX);
  for (struct head head; receive(fd, &head, payload);) {
    if (head.interface_id == 7 && head.method_id == 2) {
      answer_checked(fd, head, payload);
      continue;
    }
    if (head.interface_id != 7 || head.method_id != 1) exit(5);
    struct parts parts = take_apart(payload, head.size);
    answer(&parts);
    send_message(fd, head, &parts);
  }
}

static void call(int port, int calls) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof(address))) fail("connect");
  char *payload = malloc(PAYLOAD_BYTES_MAX);
  for (int i = 0; i < calls; i++) {
    struct point points[3] = {{i, 1, 0.5}, {-i, 2, 1.5}, {7, 3, i}};
    char bytes[] = "abc", left[] = "left", right[] = "the right";
    struct message m = {.id = i, .flag = i % 2, .origin = {1, 2, 3}};
    m.left.length = sizeof(left);
    m.right.length = sizeof(right);
    m.aligned.length = 3;
    m.points.length = sizeof(points);
    struct parts parts = {bytes, left, right, points, &m};
    struct head head = {MAGIC, 0, 0, 7, 1, 1000 + i, 0};
    send_message(fd, head, &parts);
    struct head reply;
    if (!receive(fd, &reply, payload) || reply.tag != head.tag) exit(6);
    struct parts got = take_apart(payload, reply.size);
    struct message *r = got.message;
    if (r->id != (uint16_t)(i + 1) || r->flag != !(i % 2) || r->sum != 6) exit(7);
    if (strcmp(got.left, "the right") || strcmp(got.right, "left")) exit(8);
    if (memcmp(got.aligned, "cba", 3) || got.points[2].y != 2.0 * i) exit(9);
    if (got.points[1].x != -2 * i || r->origin.y != -3) exit(10);
  }
  for (int i = 0; i < calls; i++) {
    struct head head = {MAGIC, 0, 0, 7, 2, 5000 + i, 0}, reply;
    struct checked body = {.id = i, .data = {0, i % 3}};
    send_checked(fd, head, "xy", body);
    if (!receive(fd, &reply, payload) || reply.tag != head.tag) exit(14);
    struct checked got = take_checked(payload, reply.size);
    if (got.id != (uint16_t)(i + 1) || got.data.length != body.data.length) exit(15);
    if (memcmp(payload, i % 3 == 2 ? "yx" : "x", i % 3)) exit(16);
  }
  puts("ok");
}

int main(int count, char **arguments) {
  if (count == 2 && !strcmp(arguments[1], "serve")) serve();
  else if (count == 4 && !strcmp(arguments[1], "call")) call(atoi(arguments[2]), atoi(arguments[3]));
  else return 64;
  return 0;
}
