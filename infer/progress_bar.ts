// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

const CELLS = 32;
/** How often the line is drawn again, at most. */
const REDRAW_MS = 50;

/**
 * A progress bar on stderr: one line that is drawn again and again on a terminal, a line every
 * tenth elsewhere. Disposing of it ends the line.
 */
export class ProgressBar implements Disposable {
  readonly #isTerminal = Deno.stderr.isTerminal();
  readonly #startedAt = performance.now();
  readonly #label: string;
  #drawnAt = 0;
  #tenths = -1;

  /** Begins with nothing drawn. */
  constructor(label: string) {
    this.#label = label;
  }

  /** Draws how many bytes of how many are done. */
  advance(doneBytes: number, totalBytes: number): void {
    const share = totalBytes === 0 ? 1 : Math.min(doneBytes / totalBytes, 1);
    if (this.#isTerminal) this.#draw(share, doneBytes);
    else this.#write(share, doneBytes);
  }

  /** Ends the line. */
  [Symbol.dispose](): void {
    if (this.#isTerminal && this.#drawnAt > 0) put("\n");
  }

  #draw(share: number, doneBytes: number): void {
    const now = performance.now();
    if (share < 1 && now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    const bar = "#".repeat(Math.round(share * CELLS)).padEnd(CELLS, "-");
    put(`\r\x1b[K${this.#label} [${bar}] ${this.#text(share, doneBytes)}`);
  }

  #write(share: number, doneBytes: number): void {
    const tenths = Math.floor(share * 10);
    if (tenths <= this.#tenths) return;
    this.#tenths = tenths;
    put(`${this.#label} ${this.#text(share, doneBytes)}\n`);
  }

  #text(share: number, doneBytes: number): string {
    const seconds = Math.max((performance.now() - this.#startedAt) / 1e3, 1e-3);
    const rate = (doneBytes / seconds / 1e6).toFixed(0);
    return `${(share * 100).toFixed(0).padStart(3)} %  ${rate} MB/s`;
  }
}

function put(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
