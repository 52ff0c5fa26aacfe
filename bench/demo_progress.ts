// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** How often a terminal's line is drawn again, at most. */
const REDRAW_MS = 50;
const BAR_CELLS = 24;

/**
 * How far a program of several steps has come, on stderr: one line that is drawn again and again
 * on a terminal, and a line for every tenth elsewhere. Disposing of it clears the terminal's line.
 */
export class Progress implements Disposable {
  readonly #steps: number;
  readonly #terminal = Deno.stderr.isTerminal();
  #done = -1;
  #label = "";
  #drawnAt = 0;
  #tenths = -1;

  /** Takes the number of steps. */
  constructor(steps: number) {
    this.#steps = steps;
  }

  /** Begins the next step. */
  begin(label: string): void {
    this.#done++;
    this.#label = label;
    this.#drawnAt = 0;
    this.advance(0);
  }

  /** Tells how much of the step is done, from 0 to 1. */
  advance(share: number): void {
    const total = (this.#done + Math.min(share, 1)) / this.#steps;
    if (this.#terminal) this.#draw(total);
    else this.#write(total);
  }

  /** Clears the line. */
  [Symbol.dispose](): void {
    if (this.#terminal) write("\r\x1b[K");
  }

  #draw(total: number): void {
    const now = performance.now();
    if (now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    const bar = "#".repeat(Math.round(total * BAR_CELLS)).padEnd(BAR_CELLS, "-");
    write(`\r\x1b[K[${bar}] ${percent(total)}  ${this.#label}`);
  }

  #write(total: number): void {
    const tenths = Math.floor(total * 10);
    if (tenths <= this.#tenths) return;
    this.#tenths = tenths;
    write(`${percent(total)}  ${this.#label}\n`);
  }
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`.padStart(5);
}

function write(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
