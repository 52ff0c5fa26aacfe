// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// The C baseline of http-server: a single-threaded HTTP server on epoll that answers every request
// head with the same "Hello, World!".
//
//   http_epoll        listens on a free port of 127.0.0.1 and prints "listening PORT"
//
// It looks for the empty line and for nothing else: no header is read, no body taken. The Date is
// kept for a second, as any server keeps it. All responses to what one read brought leave in one
// write.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_BYTES = 64 * 1024, EVENTS_MAX = 1024, BACKLOG = 1024, RESPONSE_BYTES_MAX = 256 };

struct connection {
  int fd;
  size_t matched;  // bytes of CR LF CR LF seen at the end of what came so far
};

static int epoll_fd;
static char input[BUFFER_BYTES];
static char output[BUFFER_BYTES / 4 * RESPONSE_BYTES_MAX];
static char response[RESPONSE_BYTES_MAX];
static size_t response_length;
static time_t response_time;

static int listen_on_free_port(void);
static void accept_all(int listen_fd);
static void on_readable(struct connection *connection);

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  int listen_fd = listen_on_free_port();
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  // The listener is the one entry without a connection behind it.
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event);
  struct epoll_event events[EVENTS_MAX];
  for (;;) {
    int count = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
    for (int i = 0; i < count; i++) {
      struct connection *connection = events[i].data.ptr;
      if (connection == NULL) accept_all(listen_fd);
      else on_readable(connection);
    }
  }
}

__attribute__((noreturn)) static void fail(const char *action) {
  fprintf(stderr, "Cannot %s: %s\n", action, strerror(errno));
  exit(1);
}

static int listen_on_free_port(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(fd, (struct sockaddr *)&address, length) < 0) fail("bind");
  if (listen(fd, BACKLOG) < 0) fail("listen");
  if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) fail("read the bound port");
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static void accept_all(int listen_fd) {
  for (;;) {
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) fail("allocate a connection");
    connection->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
  }
}

static void drop(struct connection *connection) {
  close(connection->fd);
  free(connection);
}

// Builds the response anew when the second has changed.
static void refresh_response(void) {
  time_t now = time(NULL);
  if (now == response_time) return;
  response_time = now;
  char date[64];
  struct tm parts;
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &parts));
  response_length = (size_t)snprintf(
      response, sizeof response,
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=UTF-8\r\ncontent-length: 13\r\n"
      "date: %s\r\n\r\nHello, World!", date);
}

// Heads that end in the bytes; the end of one may be spread over several reads.
static size_t count_heads(struct connection *connection, const char *bytes, size_t length) {
  static const char end[] = "\r\n\r\n";
  size_t heads = 0, matched = connection->matched;
  for (size_t i = 0; i < length; i++) {
    matched = bytes[i] == end[matched] ? matched + 1 : bytes[i] == '\r' ? 1 : 0;
    if (matched == 4) heads++, matched = 0;
  }
  connection->matched = matched;
  return heads;
}

static void on_readable(struct connection *connection) {
  ssize_t length = read(connection->fd, input, BUFFER_BYTES);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (length <= 0) return drop(connection);
  size_t heads = count_heads(connection, input, (size_t)length);
  refresh_response();
  for (size_t i = 0; i < heads; i++) {
    memcpy(output + i * response_length, response, response_length);
  }
  // A closed loop never fills the socket; a peer that does is given up.
  size_t due = heads * response_length;
  if (due > 0 && write(connection->fd, output, due) != (ssize_t)due) drop(connection);
}
