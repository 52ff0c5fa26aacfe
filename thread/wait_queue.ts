// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Waiters that one queue holds at most; one more is refused with `Deno.errors.Busy`. */
export const WAITERS_MAX = 1_048_576;

/** What can stand in one {@linkcode WaitQueue}; the links are the queue's. */
export class QueueNode {
  /** Behind it in the queue. */
  next: QueueNode | null = null;
  /** Before it in the queue. */
  previous: QueueNode | null = null;
  /** The queue it stands in. */
  queue: WaitQueue<QueueNode> | null = null;

  /** Leaves its queue, in O(1), without a trace; nothing happens when it stands in none. */
  unlink(): void {
    this.queue?.remove(this);
  }
}

/** The end of a queue, as those see it who go there. */
export interface QueueEnd<N> {
  /** Goes to the end. */
  push(node: N): void;
}

/**
 * Who waits, first come first served.
 *
 * ```
 *   first -> node <-> node <-> node <- last      the nodes carry the links: leaving from anywhere
 *                                                takes O(1) and allocates nothing
 * ```
 */
export class WaitQueue<N extends QueueNode> implements QueueEnd<N> {
  /** Who is served next. */
  first: N | null = null;
  /** How many wait. */
  size = 0;
  #last: N | null = null;

  /**
   * Goes to the end of the queue.
   *
   * @throws {Deno.errors.Busy} When {@linkcode WAITERS_MAX} wait already
   */
  push(node: N): void {
    if (this.size >= WAITERS_MAX) {
      throw new Deno.errors.Busy(`Cannot wait: ${WAITERS_MAX} wait already`);
    }
    const last = this.#last;
    node.previous = last;
    node.queue = this as unknown as WaitQueue<QueueNode>;
    if (last === null) this.first = node;
    else last.next = node;
    this.#last = node;
    this.size++;
  }

  /** Takes out who waits longest. */
  shift(): N | null {
    const node = this.first;
    if (node !== null) this.remove(node);
    return node;
  }

  /** Takes out one that stands in this queue. */
  remove(node: N): void {
    const { previous, next } = node;
    if (previous === null) this.first = next as N | null;
    else previous.next = next;
    if (next === null) this.#last = previous as N | null;
    else next.previous = previous;
    node.next = node.previous = node.queue = null;
    this.size--;
  }
}
