// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * The error that Deno itself throws for an error number of the kernel: its class, its `code` and
 * its message (`Connection refused (os error 111)`).
 *
 * A number without a row of its own gives a plain `Error` with the code `UNKNOWN`.
 *
 * @param errno The number; its sign is ignored, so a completion's result can be passed as it is
 * @param detail What was being done, appended to the message: `open '/tmp/a'`
 * @returns The error, to be thrown by the caller
 *
 * @example The error of a refused connection
 * ```ts
 * import { Errno, osError } from "@photon/std/ffi";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const error = osError(Errno.ECONNREFUSED, "connect");
 * assert(error instanceof Deno.errors.ConnectionRefused);
 * assertEquals(error.message, "Connection refused (os error 111): connect");
 * assertEquals(error.code, "ECONNREFUSED");
 * ```
 */
export function osError(errno: number, detail?: string): Error & { code: string } {
  const number = Math.abs(errno);
  const [, code, className, text] = rowByNumber[number] ?? unknownRow(number);
  const message = `${text} (os error ${number})${detail === undefined ? "" : `: ${detail}`}`;
  return Object.assign(new (errorClass(className))(message), { code });
}

/** Whether a call's result says no more than that it would have had to wait: EAGAIN, EINTR. */
export function isNotNow(result: number): boolean {
  return result === -Errno.EAGAIN || result === -Errno.EINTR;
}

/**
 * The name of an error number, `ECONNREFUSED` for 111; `UNKNOWN` when Linux has none.
 *
 * @param errno The number; its sign is ignored
 */
export function errnoName(errno: number): string {
  return rowByNumber[Math.abs(errno)]?.[1] ?? UNKNOWN_CODE;
}

/**
 * The error numbers that this library's code asks for by name; the others are only ever reported.
 */
// deno-fmt-ignore
export const Errno = {
  EPERM:         1,
  ENOENT:        2,
  EINTR:         4,
  EIO:           5,
  EBADF:         9,
  EAGAIN:        11,
  ENOMEM:        12,
  EACCES:        13,
  EBUSY:         16,
  EEXIST:        17,
  EXDEV:         18,
  ENODEV:        19,
  ENOTDIR:       20,
  EISDIR:        21,
  EINVAL:        22,
  ENFILE:        23,
  EMFILE:        24,
  EFBIG:         27,
  ENOSPC:        28,
  ESPIPE:        29,
  EROFS:         30,
  EPIPE:         32,
  ENAMETOOLONG:  36,
  ENOSYS:        38,
  ENOTEMPTY:     39,
  ELOOP:         40,
  EBADR:         53,
  ENODATA:       61,
  ETIME:         62,
  EPROTO:        71,
  EOVERFLOW:     75,
  EBADFD:        77,
  ENOTSOCK:      88,
  EMSGSIZE:      90,
  ENOPROTOOPT:   92,
  EOPNOTSUPP:    95,
  EAFNOSUPPORT:  97,
  EADDRINUSE:    98,
  EADDRNOTAVAIL: 99,
  ENETUNREACH:   101,
  ECONNABORTED:  103,
  ECONNRESET:    104,
  ENOBUFS:       105,
  EISCONN:       106,
  ENOTCONN:      107,
  ESHUTDOWN:     108,
  ETIMEDOUT:     110,
  ECONNREFUSED:  111,
  EHOSTUNREACH:  113,
  EALREADY:      114,
  EINPROGRESS:   115,
  ECANCELED:     125,
} as const satisfies Partial<NumberByName>;

type ErrorClassName = keyof typeof Deno.errors | "Error" | "TypeError";
type ErrnoRow = readonly [number: number, name: string, className: ErrorClassName, text: string];
type NumberByName = { [Row in (typeof rows)[number] as Row[1]]: Row[0] };

const UNKNOWN_CODE = "UNKNOWN";

function errorClass(name: ErrorClassName): new (message: string) => Error {
  if (name === "Error") return Error;
  if (name === "TypeError") return TypeError;
  return Deno.errors[name];
}

function unknownRow(number: number): ErrnoRow {
  return [number, UNKNOWN_CODE, "Error", `Unknown error ${number}`];
}

// Data: Linux's generic error numbers (asm-generic/errno.h; 41 and 58 are unassigned), the class
// that Deno gives each, and the text of glibc's strerror(3). EAGAIN is also EWOULDBLOCK, EDEADLK
// also EDEADLOCK, EOPNOTSUPP also ENOTSUP.
// deno-fmt-ignore
const rows = [
  [  1, "EPERM",           "PermissionDenied",    "Operation not permitted"],
  [  2, "ENOENT",          "NotFound",            "No such file or directory"],
  [  3, "ESRCH",           "Error",               "No such process"],
  [  4, "EINTR",           "Interrupted",         "Interrupted system call"],
  [  5, "EIO",             "Error",               "Input/output error"],
  [  6, "ENXIO",           "Error",               "No such device or address"],
  [  7, "E2BIG",           "Error",               "Argument list too long"],
  [  8, "ENOEXEC",         "Error",               "Exec format error"],
  [  9, "EBADF",           "Error",               "Bad file descriptor"],
  [ 10, "ECHILD",          "Error",               "No child processes"],
  [ 11, "EAGAIN",          "WouldBlock",          "Resource temporarily unavailable"],
  [ 12, "ENOMEM",          "Error",               "Cannot allocate memory"],
  [ 13, "EACCES",          "PermissionDenied",    "Permission denied"],
  [ 14, "EFAULT",          "Error",               "Bad address"],
  [ 15, "ENOTBLK",         "Error",               "Block device required"],
  [ 16, "EBUSY",           "Error",               "Device or resource busy"],
  [ 17, "EEXIST",          "AlreadyExists",       "File exists"],
  [ 18, "EXDEV",           "Error",               "Invalid cross-device link"],
  [ 19, "ENODEV",          "Error",               "No such device"],
  [ 20, "ENOTDIR",         "NotADirectory",       "Not a directory"],
  [ 21, "EISDIR",          "IsADirectory",        "Is a directory"],
  [ 22, "EINVAL",          "TypeError",           "Invalid argument"],
  [ 23, "ENFILE",          "Error",               "Too many open files in system"],
  [ 24, "EMFILE",          "Error",               "Too many open files"],
  [ 25, "ENOTTY",          "Error",               "Inappropriate ioctl for device"],
  [ 26, "ETXTBSY",         "Error",               "Text file busy"],
  [ 27, "EFBIG",           "Error",               "File too large"],
  [ 28, "ENOSPC",          "Error",               "No space left on device"],
  [ 29, "ESPIPE",          "Error",               "Illegal seek"],
  [ 30, "EROFS",           "Error",               "Read-only file system"],
  [ 31, "EMLINK",          "Error",               "Too many links"],
  [ 32, "EPIPE",           "BrokenPipe",          "Broken pipe"],
  [ 33, "EDOM",            "Error",               "Numerical argument out of domain"],
  [ 34, "ERANGE",          "Error",               "Numerical result out of range"],
  [ 35, "EDEADLK",         "Error",               "Resource deadlock avoided"],
  [ 36, "ENAMETOOLONG",    "Error",               "File name too long"],
  [ 37, "ENOLCK",          "Error",               "No locks available"],
  [ 38, "ENOSYS",          "Error",               "Function not implemented"],
  [ 39, "ENOTEMPTY",       "Error",               "Directory not empty"],
  [ 40, "ELOOP",           "FilesystemLoop",      "Too many levels of symbolic links"],
  [ 42, "ENOMSG",          "Error",               "No message of desired type"],
  [ 43, "EIDRM",           "Error",               "Identifier removed"],
  [ 44, "ECHRNG",          "Error",               "Channel number out of range"],
  [ 45, "EL2NSYNC",        "Error",               "Level 2 not synchronized"],
  [ 46, "EL3HLT",          "Error",               "Level 3 halted"],
  [ 47, "EL3RST",          "Error",               "Level 3 reset"],
  [ 48, "ELNRNG",          "Error",               "Link number out of range"],
  [ 49, "EUNATCH",         "Error",               "Protocol driver not attached"],
  [ 50, "ENOCSI",          "Error",               "No CSI structure available"],
  [ 51, "EL2HLT",          "Error",               "Level 2 halted"],
  [ 52, "EBADE",           "Error",               "Invalid exchange"],
  [ 53, "EBADR",           "Error",               "Invalid request descriptor"],
  [ 54, "EXFULL",          "Error",               "Exchange full"],
  [ 55, "ENOANO",          "Error",               "No anode"],
  [ 56, "EBADRQC",         "Error",               "Invalid request code"],
  [ 57, "EBADSLT",         "Error",               "Invalid slot"],
  [ 59, "EBFONT",          "Error",               "Bad font file format"],
  [ 60, "ENOSTR",          "Error",               "Device not a stream"],
  [ 61, "ENODATA",         "Error",               "No data available"],
  [ 62, "ETIME",           "Error",               "Timer expired"],
  [ 63, "ENOSR",           "Error",               "Out of streams resources"],
  [ 64, "ENONET",          "Error",               "Machine is not on the network"],
  [ 65, "ENOPKG",          "Error",               "Package not installed"],
  [ 66, "EREMOTE",         "Error",               "Object is remote"],
  [ 67, "ENOLINK",         "Error",               "Link has been severed"],
  [ 68, "EADV",            "Error",               "Advertise error"],
  [ 69, "ESRMNT",          "Error",               "Srmount error"],
  [ 70, "ECOMM",           "Error",               "Communication error on send"],
  [ 71, "EPROTO",          "Error",               "Protocol error"],
  [ 72, "EMULTIHOP",       "Error",               "Multihop attempted"],
  [ 73, "EDOTDOT",         "Error",               "RFS specific error"],
  [ 74, "EBADMSG",         "Error",               "Bad message"],
  [ 75, "EOVERFLOW",       "Error",               "Value too large for defined data type"],
  [ 76, "ENOTUNIQ",        "Error",               "Name not unique on network"],
  [ 77, "EBADFD",          "Error",               "File descriptor in bad state"],
  [ 78, "EREMCHG",         "Error",               "Remote address changed"],
  [ 79, "ELIBACC",         "Error",               "Can not access a needed shared library"],
  [ 80, "ELIBBAD",         "Error",               "Accessing a corrupted shared library"],
  [ 81, "ELIBSCN",         "Error",               ".lib section in a.out corrupted"],
  [ 82, "ELIBMAX",         "Error",               "Attempting to link in too many shared libraries"],
  [ 83, "ELIBEXEC",        "Error",               "Cannot exec a shared library directly"],
  [ 84, "EILSEQ",          "Error",               "Invalid or incomplete multibyte or wide character"],
  [ 85, "ERESTART",        "Error",               "Interrupted system call should be restarted"],
  [ 86, "ESTRPIPE",        "Error",               "Streams pipe error"],
  [ 87, "EUSERS",          "Error",               "Too many users"],
  [ 88, "ENOTSOCK",        "Error",               "Socket operation on non-socket"],
  [ 89, "EDESTADDRREQ",    "Error",               "Destination address required"],
  [ 90, "EMSGSIZE",        "Error",               "Message too long"],
  [ 91, "EPROTOTYPE",      "Error",               "Protocol wrong type for socket"],
  [ 92, "ENOPROTOOPT",     "Error",               "Protocol not available"],
  [ 93, "EPROTONOSUPPORT", "Error",               "Protocol not supported"],
  [ 94, "ESOCKTNOSUPPORT", "Error",               "Socket type not supported"],
  [ 95, "EOPNOTSUPP",      "Error",               "Operation not supported"],
  [ 96, "EPFNOSUPPORT",    "Error",               "Protocol family not supported"],
  [ 97, "EAFNOSUPPORT",    "Error",               "Address family not supported by protocol"],
  [ 98, "EADDRINUSE",      "AddrInUse",           "Address already in use"],
  [ 99, "EADDRNOTAVAIL",   "AddrNotAvailable",    "Cannot assign requested address"],
  [100, "ENETDOWN",        "Error",               "Network is down"],
  [101, "ENETUNREACH",     "NetworkUnreachable",  "Network is unreachable"],
  [102, "ENETRESET",       "Error",               "Network dropped connection on reset"],
  [103, "ECONNABORTED",    "ConnectionAborted",   "Software caused connection abort"],
  [104, "ECONNRESET",      "ConnectionReset",     "Connection reset by peer"],
  [105, "ENOBUFS",         "Error",               "No buffer space available"],
  [106, "EISCONN",         "Error",               "Transport endpoint is already connected"],
  [107, "ENOTCONN",        "NotConnected",        "Transport endpoint is not connected"],
  [108, "ESHUTDOWN",       "Error",               "Cannot send after transport endpoint shutdown"],
  [109, "ETOOMANYREFS",    "Error",               "Too many references: cannot splice"],
  [110, "ETIMEDOUT",       "TimedOut",            "Connection timed out"],
  [111, "ECONNREFUSED",    "ConnectionRefused",   "Connection refused"],
  [112, "EHOSTDOWN",       "Error",               "Host is down"],
  [113, "EHOSTUNREACH",    "Error",               "No route to host"],
  [114, "EALREADY",        "Error",               "Operation already in progress"],
  [115, "EINPROGRESS",     "Error",               "Operation now in progress"],
  [116, "ESTALE",          "Error",               "Stale file handle"],
  [117, "EUCLEAN",         "Error",               "Structure needs cleaning"],
  [118, "ENOTNAM",         "Error",               "Not a XENIX named type file"],
  [119, "ENAVAIL",         "Error",               "No XENIX semaphores available"],
  [120, "EISNAM",          "Error",               "Is a named type file"],
  [121, "EREMOTEIO",       "Error",               "Remote I/O error"],
  [122, "EDQUOT",          "Error",               "Disk quota exceeded"],
  [123, "ENOMEDIUM",       "Error",               "No medium found"],
  [124, "EMEDIUMTYPE",     "Error",               "Wrong medium type"],
  [125, "ECANCELED",       "Error",               "Operation canceled"],
  [126, "ENOKEY",          "Error",               "Required key not available"],
  [127, "EKEYEXPIRED",     "Error",               "Key has expired"],
  [128, "EKEYREVOKED",     "Error",               "Key has been revoked"],
  [129, "EKEYREJECTED",    "Error",               "Key was rejected by service"],
  [130, "EOWNERDEAD",      "Error",               "Owner died"],
  [131, "ENOTRECOVERABLE", "Error",               "State not recoverable"],
  [132, "ERFKILL",         "Error",               "Operation not possible due to RF-kill"],
  [133, "EHWPOISON",       "Error",               "Memory page has hardware error"],
] as const satisfies readonly ErrnoRow[];

const rowByNumber: (ErrnoRow | undefined)[] = [];
for (const row of rows) rowByNumber[row[0]] = row;
