// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { setSocketOption } from "../ffi/socket_option.ts";
import type { Engine } from "./engine.ts";
import type { Timer } from "./timers.ts";

/** Bytes that a reader of bulk data is woken for. */
export const LOW_WATER_BYTES = 786_432;
/** So much at once says that data comes fast: the mark is reached in a few milliseconds at most. */
const FAST_BYTES = 131_072;
/** How long bytes may lie below the mark before their reader is woken after all. */
export const LOW_WATER_MS = 2;

/**
 * Has a socket wake its reader once for much instead of often for little (socket(7),
 * SO_RCVLOWAT): of a GiB in 17,000 receives of 64 KiB the kernel's share took 120 ms, in 1,100 of
 * 1 MiB it takes 67, and so does the reader's.
 *
 * The mark is up only while data comes fast, never higher than what is still to come, and for
 * {@linkcode LOW_WATER_MS} at most: a peer that stops in the middle is read so much later.
 */
export class LowWater {
  readonly #engine: Engine;
  readonly #fd: number;
  #bytes = 1;
  #fast = false;
  #timer: Timer | null = null;
  readonly #giveUp = () => {
    this.#timer = null;
    this.#fast = false;
    // Lowering it wakes the reader of what lies there (tcp_set_rcvlowat, since 4.17).
    this.#set(1);
  };

  /** Watches over a socket, whose mark is at one byte. */
  constructor(engine: Engine, fd: number) {
    this.#engine = engine;
    this.#fd = fd;
  }

  /**
   * A wait begins.
   *
   * @param leftBytes Bytes that are to come at least
   */
  waits(leftBytes: number): void {
    const bytes = this.#fast ? Math.max(1, Math.min(leftBytes, LOW_WATER_BYTES)) : 1;
    this.#set(bytes);
    if (bytes > 1) this.#timer = this.#engine.startTimer(LOW_WATER_MS, this.#giveUp);
  }

  /** The wait is over. */
  waited(): void {
    if (this.#timer === null) return;
    this.#engine.stopTimer(this.#timer);
    this.#timer = null;
  }

  /** So many bytes came at once. */
  came(byteLength: number): void {
    this.#fast = byteLength >= FAST_BYTES;
  }

  /** Every byte counts again. */
  reset(): void {
    this.waited();
    this.#fast = false;
    this.#set(1);
  }

  #set(bytes: number): void {
    if (this.#bytes === bytes) return;
    this.#bytes = bytes;
    setSocketOption(this.#fd, "receiveLowWaterBytes", bytes);
  }
}
