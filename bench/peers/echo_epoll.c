// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// The C baseline: a single-threaded TCP echo server on epoll.
//
//   echo_epoll        listens on a free port of 127.0.0.1 and prints "listening PORT"
//
// One read and one write per event, level triggered. What a full socket does not take is kept, and
// that connection is not read from until it is gone.

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
#include <unistd.h>

enum { BUFFER_BYTES = 64 * 1024, EVENTS_MAX = 1024, BACKLOG = 1024 };

struct connection {
  int fd;
  unsigned char *kept;  // bytes the socket did not take, NULL when there are none
  size_t kept_length;
  size_t kept_sent;
};

static int epoll_fd;
static unsigned char buffer[BUFFER_BYTES];

static int listen_on_free_port(void);
static void accept_all(int listen_fd);
static void on_readable(struct connection *connection);
static void on_writable(struct connection *connection);

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
      else if (connection->kept != NULL) on_writable(connection);
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
  free(connection->kept);
  free(connection);
}

static void wait_for(struct connection *connection, unsigned events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
}

static bool again(void) { return errno == EAGAIN || errno == EINTR; }

static void on_readable(struct connection *connection) {
  ssize_t length = read(connection->fd, buffer, BUFFER_BYTES);
  if (length < 0 && again()) return;
  if (length <= 0) return drop(connection);
  ssize_t sent = write(connection->fd, buffer, length);
  if (sent == length) return;
  if (sent < 0 && !again()) return drop(connection);
  if (sent < 0) sent = 0;
  connection->kept_length = length - sent;
  connection->kept_sent = 0;
  connection->kept = malloc(connection->kept_length);
  if (connection->kept == NULL) fail("keep unsent bytes");
  memcpy(connection->kept, buffer + sent, connection->kept_length);
  wait_for(connection, EPOLLOUT);
}

static void on_writable(struct connection *connection) {
  ssize_t sent = write(connection->fd, connection->kept + connection->kept_sent,
                       connection->kept_length - connection->kept_sent);
  if (sent < 0 && again()) return;
  if (sent < 0) return drop(connection);
  connection->kept_sent += sent;
  if (connection->kept_sent < connection->kept_length) return;
  free(connection->kept);
  connection->kept = NULL;
  wait_for(connection, EPOLLIN);
}
