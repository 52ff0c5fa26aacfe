// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Alarms that wait at most; one more is refused with `Deno.errors.Busy`. */
export const ALARMS_MAX = 1_048_576;

/** What is to happen at a time. */
export class Alarm {
  /** When, in milliseconds on the clock of `performance.now()`. */
  readonly dueMs: number;
  /** Called once, from a macrotask; it must not throw. */
  readonly ring: () => void;
  /** Place in the heap, or -1. */
  index = -1;
  /** Equal times ring in the order in which they were set. */
  order = 0;

  /** Sets nothing yet: see {@linkcode setAlarm}. */
  constructor(dueMs: number, ring: () => void) {
    this.dueMs = dueMs;
    this.ring = ring;
  }
}

/**
 * Calls back at a time, never before it.
 *
 * All alarms share one `setTimeout`: setting and clearing one of those takes 2.5 us, while a wait
 * with a timeout is set and cleared again all the time. An alarm also may be further off than the
 * 24 days of `setTimeout`.
 *
 * @throws {Deno.errors.Busy} When {@linkcode ALARMS_MAX} are set
 */
export function setAlarm(dueMs: number, ring: () => void): Alarm {
  if (heap.length >= ALARMS_MAX) {
    throw new Deno.errors.Busy(`Cannot set an alarm: ${ALARMS_MAX} are set already`);
  }
  const alarm = new Alarm(dueMs, ring);
  alarm.order = count++;
  alarm.index = heap.length;
  heap.push(alarm);
  rise(alarm);
  if (heap[0] === alarm) arm();
  return alarm;
}

/** Takes an alarm back; nothing happens when it rang. */
export function clearAlarm(alarm: Alarm): void {
  if (alarm.index < 0) return;
  remove(alarm);
  // Nothing may keep the process alive, or a test's timers open, for an alarm that is gone.
  if (heap.length === 0) disarm();
}

/** Alarms that are set. */
export function alarmCount(): number {
  return heap.length;
}

/** `setTimeout` takes a signed 32-bit number of milliseconds. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** Binary heap: `heap[0]` is due first, and nobody is due before its parent. */
const heap: Alarm[] = [];
let count = 0;
let timeout: ReturnType<typeof setTimeout> | undefined;
let armedMs = Infinity;

function arm(): void {
  const dueMs = heap[0].dueMs;
  if (timeout !== undefined) {
    // Being woken too early costs less than arming again.
    if (armedMs <= dueMs) return;
    clearTimeout(timeout);
  }
  armedMs = dueMs;
  const delayMs = Math.ceil(dueMs - performance.now());
  timeout = setTimeout(ringDue, Math.min(Math.max(delayMs, 0), TIMEOUT_MS_MAX));
}

function disarm(): void {
  clearTimeout(timeout);
  timeout = undefined;
  armedMs = Infinity;
}

function ringDue(): void {
  timeout = undefined;
  armedMs = Infinity;
  const nowMs = performance.now();
  // What rings may set and clear others; those it sets are due later than now, or ring next time.
  const newest = count;
  while (heap.length > 0 && heap[0].dueMs <= nowMs && heap[0].order < newest) {
    const alarm = heap[0];
    remove(alarm);
    alarm.ring();
  }
  if (heap.length > 0) arm();
  else if (timeout !== undefined) disarm();
}

function remove(alarm: Alarm): void {
  const { index } = alarm;
  alarm.index = -1;
  const last = heap.pop()!;
  if (last === alarm) return;
  heap[index] = last;
  last.index = index;
  rise(last);
  sink(last);
}

function rise(alarm: Alarm): void {
  let { index } = alarm;
  while (index > 0) {
    const parent = heap[(index - 1) >> 1];
    if (!isEarlier(alarm, parent)) break;
    heap[index] = parent;
    parent.index = index;
    index = (index - 1) >> 1;
  }
  heap[index] = alarm;
  alarm.index = index;
}

function sink(alarm: Alarm): void {
  let { index } = alarm;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isEarlier(heap[child + 1], heap[child])) child++;
    if (!isEarlier(heap[child], alarm)) break;
    heap[index] = heap[child];
    heap[index].index = index;
    index = child;
  }
  heap[index] = alarm;
  alarm.index = index;
}

function isEarlier(a: Alarm, b: Alarm): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
