// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  Channel,
  ConditionVariable,
  Mutex,
  ObjectCache,
  RangeLock,
  receiveCase,
  RwLock,
  select,
  Semaphore,
  sendCase,
  SingleFlight,
  sleep,
  spawn,
  TaskGroup,
  Throttle,
  timeout,
  WaitGroup,
  type WaitOptions,
} from "../thread/mod.ts";

/** Something of which nothing can be had until it is released. */
export interface Blocked {
  /** Waits for it, and gives back at once what it got. */
  wait(options?: WaitOptions): Promise<unknown>;
  /** Lets all through who wait; undefined for what only time ends. */
  release?(): void;
  /** How many stand in its queue, where that can be seen. */
  waiting?(): number;
}

// Names as those of the tests that they stand for.
// deno-fmt-ignore
/** Everything that can be waited for, by name; each call makes a fresh one that is blocked. */
export const waits: Record<string, () => Blocked> = {
  mutex: blockedMutex,
  "rw_lock.read": () => blockedRwLock("read"),
  "rw_lock.write": () => blockedRwLock("write"),
  semaphore: blockedSemaphore,
  "condition_variable": blockedCondition,
  "channel.receive": blockedReceive,
  "channel.send": blockedSend,
  select: blockedSelect,
  "wait_group": blockedWaitGroup,
  "range_lock": blockedRange,
  throttle: blockedThrottle,
  join: blockedJoin,
  "task_group": blockedGroup,
  "single_flight": blockedFlight,
  "object_cache": blockedCache,
  timeout: blockedTimeout,
  sleep: () => ({ wait: (options) => sleep(60_000, options) }),
};

function blockedMutex(): Blocked {
  const mutex = new Mutex();
  const held = mutex.tryLock()!;
  return {
    wait: async (options) => (await mutex.lock(options)).unlock(),
    release: () => held.unlock(),
    waiting: () => mutex.waiting,
  };
}

function blockedRwLock(how: "read" | "write"): Blocked {
  const lock = new RwLock();
  const held = lock.tryWrite()!;
  return {
    wait: async (options) => (await lock[how](options)).unlock(),
    release: () => held.unlock(),
    waiting: () => lock.waiting,
  };
}

function blockedSemaphore(): Blocked {
  const semaphore = new Semaphore();
  return {
    wait: async (options) => (await semaphore.acquire(2, options)).unlock(),
    release: () => semaphore.signal(2),
    waiting: () => semaphore.waiting,
  };
}

function blockedCondition(): Blocked {
  const mutex = new Mutex();
  const condition = new ConditionVariable(mutex);
  return {
    async wait(options) {
      using lock = await mutex.lock();
      await condition.wait(lock, options);
    },
    release: () => void condition.notifyAll(),
    waiting: () => condition.waiting,
  };
}

function blockedReceive(): Blocked {
  const channel = new Channel<number>();
  return {
    wait: (options) => channel.receive(options),
    release() {
      while (channel.receivers > 0) channel.trySend(0);
    },
    waiting: () => channel.receivers,
  };
}

function blockedSend(): Blocked {
  const channel = new Channel<number>(1);
  channel.trySend(0);
  return {
    wait: (options) => channel.send(1, options),
    release() {
      while (channel.senders > 0) channel.tryReceive();
    },
    waiting: () => channel.senders,
  };
}

function blockedSelect(): Blocked {
  const source = new Channel<number>();
  const sink = new Channel<number>();
  return {
    wait: (options) => select([sendCase(sink, 1), receiveCase(source)], options),
    release() {
      while (source.receivers > 0) source.trySend(0);
    },
    waiting: () => Math.max(source.receivers, sink.senders),
  };
}

function blockedWaitGroup(): Blocked {
  const group = new WaitGroup(1);
  return { wait: (options) => group.wait(options), release: () => group.done() };
}

function blockedRange(): Blocked {
  const ranges = new RangeLock();
  const held = ranges.tryLock(0, 10)!;
  return {
    wait: async (options) => (await ranges.lock(5, 10, options)).unlock(),
    release: () => held.unlock(),
    waiting: () => ranges.waiting,
  };
}

function blockedThrottle(): Blocked {
  const throttle = new Throttle({ limit: 0 });
  return {
    wait: (options) => throttle.consume(1, options),
    release: () => throttle.update(Infinity),
    waiting: () => throttle.waiting,
  };
}

function blockedJoin(): Blocked {
  const end = Promise.withResolvers<void>();
  const task = spawn(() => end.promise);
  return { wait: (options) => task.join(options), release: end.resolve };
}

function blockedGroup(): Blocked {
  const group = new TaskGroup();
  const end = new Semaphore();
  group.spawn(() => end.wait());
  return { wait: (options) => group.join(options), release: () => end.signal() };
}

function blockedFlight(): Blocked {
  const flights = new SingleFlight<string, void>();
  const end = Promise.withResolvers<void>();
  return {
    wait: (options) => flights.run("key", () => end.promise, options),
    release: end.resolve,
    waiting: () => flights.size,
  };
}

function blockedCache(): Blocked {
  const cache = new ObjectCache<string, number>({ ttlMs: Infinity, entriesMax: 1 });
  const end = Promise.withResolvers<number>();
  return {
    wait: async (options) => (await cache.acquire("key", () => end.promise, options)).release(),
    release: () => end.resolve(1),
  };
}

function blockedTimeout(): Blocked {
  const end = Promise.withResolvers<void>();
  return {
    wait: ({ signal, timeoutMs = 60_000 } = {}) => timeout(end.promise, timeoutMs, { signal }),
    release: end.resolve,
  };
}
