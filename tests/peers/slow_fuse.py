# Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
"""A FUSE file system whose answers to GETATTR and LOOKUP of "slow" take as long as it is told.

Speaks the kernel's protocol (linux/fuse.h) itself, so that nothing but Python is needed.
Arguments: the directory to mount on, and the delay in seconds. Prints "ready" once it is mounted;
unmounts when its standard input ends.
"""

import ctypes
import os
import select
import struct
import sys
import threading
import time

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE = 1, 2, 3, 14, 15, 17, 18
FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, INTERRUPT, BATCH_FORGET = 25, 26, 27, 28, 29, 36, 42
ENOENT, ENOSYS = 2, 38
ROOT, SLOW, FAST = 1, 2, 3
CONTENT = b"content\n"

libc = ctypes.CDLL(None, use_errno=True)
folder, delay = sys.argv[1], float(sys.argv[2])
device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
if libc.mount(b"slow", folder.encode(), b"fuse.slow", 0, options) != 0:
    print("cannot mount:", os.strerror(ctypes.get_errno()), flush=True)
    sys.exit(0)


def attributes(node):
    mode = 0o040755 if node == ROOT else 0o100644
    size = 0 if node == ROOT else len(CONTENT)
    # ino size blocks atime mtime ctime, 3 nanoseconds, mode nlink uid gid rdev blksize flags
    return struct.pack("<6Q3I7I", node, size, 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(unique, body=b"", error=0):
    os.write(device, struct.pack("<IiQ", 16 + len(body), -error, unique) + body)


def handle(opcode, unique, node, body):
    if opcode == INIT:
        # major minor max_readahead flags max_background congestion max_write time_gran ...
        answer(unique, struct.pack("<IIIIHHII", 7, 31, 0, 0, 64, 48, 65536, 1) + bytes(36))
    elif opcode in (FORGET, BATCH_FORGET, INTERRUPT):
        pass
    elif opcode == LOOKUP:
        name = body.rstrip(b"\0")
        found = {b"slow": SLOW, b"fast": FAST}.get(name)
        if found is None:
            answer(unique, error=ENOENT)
        else:
            # nodeid generation entry_valid attr_valid, 2 nanoseconds: nothing is kept
            answer(unique, struct.pack("<4Q2I", found, 0, 0, 0, 0, 0) + attributes(found))
    elif opcode == GETATTR:
        if node == SLOW:
            time.sleep(delay)
        answer(unique, struct.pack("<QII", 0, 0, 0) + attributes(node))
    elif opcode in (OPEN, OPENDIR):
        answer(unique, struct.pack("<QII", node, 0, 0))
    elif opcode == READ:
        offset, size = struct.unpack("<QI", body[8:20])
        answer(unique, CONTENT[offset:offset + size])
    elif opcode == READDIR:
        answer(unique)
    elif opcode in (RELEASE, RELEASEDIR, FLUSH):
        answer(unique)
    elif opcode == STATFS:
        answer(unique, bytes(80))
    else:
        answer(unique, error=ENOSYS)


print("ready", flush=True)
while True:
    readable, _, _ = select.select([device, sys.stdin], [], [])
    if sys.stdin in readable:
        break
    try:
        request = os.read(device, 1 << 17)
    except OSError:
        break
    _, opcode, unique, node = struct.unpack("<IIQQ", request[:24])
    # What hangs must not keep the others.
    threading.Thread(target=handle, args=(opcode, unique, node, request[40:]), daemon=True).start()
libc.umount2(folder.encode(), 2)
os._exit(0)
