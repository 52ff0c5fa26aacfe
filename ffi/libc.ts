// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { openLibrary } from "./load.ts";

// Data: the libc calls this library makes directly, one a row, with the C prototype beside it.
// All of them return at once on the descriptors they are used with; whatever may block goes
// through the ring. The exceptions run on Deno's blocking pool, where their error number stays: it
// belongs to the pool's thread. The calls of a file's `...Sync` methods wait, as they are asked to.
// Sizes come back as i32, where no call moves 2 GiB: a bigint is allocated, and collecting garbage
// meanwhile leaves an error number of its own.
// deno-fmt-ignore
const symbols = {
  mmap:          { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" }, // void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t)
  munmap:        { parameters: ["pointer", "usize"], result: "i32" },                                 // int munmap(void *addr, size_t len)
  syscall:       { parameters: ["i64", "i64", "i64", "i64", "i64", "i64", "i64"], result: "i32" },    // long syscall(long number, ...)
  errnoLocation: { name: "__errno_location", parameters: [], result: "pointer" },                     // int *__errno_location(void)
  socket:        { parameters: ["i32", "i32", "i32"], result: "i32" },                                // int socket(int domain, int type, int protocol)
  socketpair:    { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },                      // int socketpair(int domain, int type, int protocol, int sv[2])
  bind:          { parameters: ["i32", "buffer", "u32"], result: "i32" },                             // int bind(int fd, const struct sockaddr *, socklen_t)
  listen:        { parameters: ["i32", "i32"], result: "i32" },                                       // int listen(int fd, int backlog)
  getsockname:   { parameters: ["i32", "buffer", "buffer"], result: "i32" },                          // int getsockname(int fd, struct sockaddr *, socklen_t *)
  getpeername:   { parameters: ["i32", "buffer", "buffer"], result: "i32" },                          // int getpeername(int fd, struct sockaddr *, socklen_t *)
  setsockopt:    { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },               // int setsockopt(int fd, int level, int name, const void *, socklen_t)
  getsockopt:    { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },            // int getsockopt(int fd, int level, int name, void *, socklen_t *)
  shutdown:      { parameters: ["i32", "i32"], result: "i32" },                                       // int shutdown(int fd, int how)
  close:         { parameters: ["i32"], result: "i32" },                                              // int close(int fd)
  pipe2:         { parameters: ["buffer", "i32"], result: "i32" },                                    // int pipe2(int fd[2], int flags)
  fcntl:         { parameters: ["i32", "i32", "i32"], result: "i32" },                                // int fcntl(int fd, int command, int)
  eventfd:       { parameters: ["u32", "i32"], result: "i32" },                                       // int eventfd(unsigned initial, int flags)
  read:          { parameters: ["i32", "buffer", "usize"], result: "i32" },                           // ssize_t read(int fd, void *, size_t)
  write:         { parameters: ["i32", "buffer", "usize"], result: "i32" },                           // ssize_t write(int fd, const void *, size_t)
  writeSoon:     { name: "write", parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true }, // the same, of a file
  pwriteSoon:    { name: "pwrite", parameters: ["i32", "buffer", "usize", "i64"], result: "isize", nonblocking: true }, // ssize_t pwrite(int fd, const void *, size_t, off_t)
  sched_setaffinity: { parameters: ["i32", "usize", "buffer"], result: "i32" },                       // int sched_setaffinity(pid_t, size_t, const cpu_set_t *)
  sched_getaffinity: { parameters: ["i32", "usize", "buffer"], result: "i32" },                       // int sched_getaffinity(pid_t, size_t, cpu_set_t *)
  getpid:        { parameters: [], result: "i32" },                                                   // pid_t getpid(void)
  send:          { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },                    // ssize_t send(int fd, const void *, size_t, int flags)
  recv:          { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },                    // ssize_t recv(int fd, void *, size_t, int flags)
  sendto:        { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "i32" }, // ssize_t sendto(int fd, const void *, size_t, int flags, const struct sockaddr *, socklen_t)
  sendmsg:       { parameters: ["i32", "pointer", "i32"], result: "i32" },                            // ssize_t sendmsg(int fd, const struct msghdr *, int flags)
  recvmsg:       { parameters: ["i32", "pointer", "i32"], result: "i32" },                            // ssize_t recvmsg(int fd, struct msghdr *, int flags)
  sendmmsg:      { parameters: ["i32", "pointer", "u32", "i32"], result: "i32" },                     // int sendmmsg(int fd, struct mmsghdr *, unsigned count, int flags)
  connect:       { parameters: ["i32", "buffer", "u32"], result: "i32" },                             // int connect(int fd, const struct sockaddr *, socklen_t)
  setFlags:      { name: "fcntl", parameters: ["i32", "i32", "i32"], result: "i32" },                 // int fcntl(int fd, F_SETFL, int flags)
  sendfile:      { parameters: ["i32", "i32", "buffer", "usize"], result: "i32" },                    // ssize_t sendfile(int out, int in, off_t *, size_t)
  fstat:         { parameters: ["i32", "buffer"], result: "i32" },                                    // int fstat(int fd, struct stat *)
  getaddrinfo:   { parameters: ["buffer", "buffer", "buffer", "buffer"], result: "i32", nonblocking: true }, // int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **)
  getaddrinfoNow: { name: "getaddrinfo", parameters: ["buffer", "buffer", "buffer", "buffer"], result: "i32" }, // the same, waited for
  openat2:       { name: "syscall", parameters: ["i32", "i32", "buffer", "buffer", "usize"], result: "i32" }, // openat2(int dirfd, const char *path, struct open_how *, size_t)
  statx:         { name: "syscall", parameters: ["i32", "i32", "buffer", "i32", "u32", "buffer"], result: "i32" }, // statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *)
  preadv2:       { name: "syscall", parameters: ["i32", "i32", "buffer", "i32", "i64", "i64", "i32"], result: "i32" }, // preadv2(int fd, const struct iovec *, int count, long low, long high, int flags)
  pwritev2:      { name: "syscall", parameters: ["i32", "i32", "buffer", "i32", "i64", "i64", "i32"], result: "i32" }, // pwritev2, the same
  getdents64:    { name: "syscall", parameters: ["i32", "i32", "buffer", "u32"], result: "i32", nonblocking: true }, // getdents64(int fd, void *, unsigned)
  copy_file_range: { name: "syscall", parameters: ["i32", "i32", "buffer", "i32", "buffer", "usize", "u32"], result: "isize", nonblocking: true }, // copy_file_range(int in, loff_t *, int out, loff_t *, size_t, unsigned)
  cloneFile:     { name: "ioctl", parameters: ["i32", "usize", "i64"], result: "i32", nonblocking: true }, // int ioctl(int fd, FICLONE, int source)
  ioctl:         { parameters: ["i32", "usize", "buffer"], result: "i32" },                           // int ioctl(int fd, unsigned long request, void *)
  lseek:         { parameters: ["i32", "i64", "i32"], result: "i64" },                                // off_t lseek(int fd, off_t, int whence)
  lseekRefused:  { name: "lseek", parameters: ["i32", "i64", "i32"], result: "i32" },                 // the same, where it is known to fail: no bigint is made before errno is read
  lseekSoon:     { name: "lseek", parameters: ["i32", "i64", "i32"], result: "i64", nonblocking: true }, // the same, for SEEK_END of what may be far away
  ftruncate:     { parameters: ["i32", "i64"], result: "i32" },                                       // int ftruncate(int fd, off_t)
  ftruncateSoon: { name: "ftruncate", parameters: ["i32", "i64"], result: "i32", nonblocking: true }, // the same, where the ring has no such operation
  fsync:         { parameters: ["i32"], result: "i32" },                                              // int fsync(int fd)
  fdatasync:     { parameters: ["i32"], result: "i32" },                                              // int fdatasync(int fd)
  fchmod:        { parameters: ["i32", "u32"], result: "i32" },                                       // int fchmod(int fd, mode_t)
  futimens:      { parameters: ["i32", "buffer"], result: "i32" },                                    // int futimens(int fd, const struct timespec times[2])
  futimensSoon:  { name: "futimens", parameters: ["i32", "buffer"], result: "i32", nonblocking: true }, // the same
  flock:         { parameters: ["i32", "i32"], result: "i32" },                                       // int flock(int fd, int operation)
  flockSoon:     { name: "flock", parameters: ["i32", "i32"], result: "i32", nonblocking: true },     // the same, with LOCK_NB
  fremovexattr:  { parameters: ["i32", "buffer"], result: "i32", nonblocking: true },                 // int fremovexattr(int fd, const char *name)
  flistxattr:    { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },      // ssize_t flistxattr(int fd, char *list, size_t)
  isatty:        { parameters: ["i32"], result: "i32" },                                              // int isatty(int fd)
  tcgetattr:     { parameters: ["i32", "buffer"], result: "i32" },                                    // int tcgetattr(int fd, struct termios *)
  tcsetattr:     { parameters: ["i32", "i32", "buffer"], result: "i32" },                             // int tcsetattr(int fd, int when, const struct termios *)
  cfmakeraw:     { parameters: ["buffer"], result: "void" },                                          // void cfmakeraw(struct termios *)
  poll:          { parameters: ["buffer", "u64", "i32"], result: "i32" },                             // int poll(struct pollfd *, nfds_t, int timeout)
  readlinkat:    { parameters: ["i32", "buffer", "buffer", "usize"], result: "isize", nonblocking: true }, // ssize_t readlinkat(int fd, const char *path, char *, size_t)
  unlink:        { parameters: ["buffer"], result: "i32" },                                           // int unlink(const char *path)
  freeaddrinfo:  { parameters: ["pointer"], result: "void" },                                         // void freeaddrinfo(struct addrinfo *)
  gai_strerror:  { parameters: ["i32"], result: "pointer" },                                          // const char *gai_strerror(int status)
} as const satisfies Deno.ForeignLibraryInterface;

/** The libc functions of this process, as plain calls. */
export type Libc = Deno.DynamicLibrary<typeof symbols>["symbols"];

let opened: Libc | undefined;
let errnoView: Int32Array = new Int32Array(1);

/**
 * The libc of this process; opened at the first call.
 *
 * @throws {Deno.errors.NotCapable} when `--allow-ffi` was not granted
 * @throws {Deno.errors.NotFound} when neither glibc nor musl is installed
 */
export function libc(): Libc {
  if (opened) return opened;
  opened =
    openLibrary(["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`, "libc.so"], symbols).symbols;
  // The address is fixed for the life of the thread, so one view serves every later reading.
  const location = opened.errnoLocation()!;
  errnoView = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(location, 4));
  return opened;
}

/**
 * The error number that the last failed libc call of this thread left.
 *
 * Read it directly after the call: nothing else may enter the kernel in between.
 */
export function lastErrno(): number {
  return errnoView[0]!;
}
