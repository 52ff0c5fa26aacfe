// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

const PAGE_BYTES = 16_384;

/**
 * Bytes of any length that are zero until they are written, and take up memory by the page of
 * 16 KiB.
 */
export class SparseBytes {
  readonly #pages = new Map<number, Uint8Array>();
  #byteLength = 0;

  /** Bytes up to the end. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Bytes of memory in use. */
  get allocatedBytes(): number {
    return this.#pages.size * PAGE_BYTES;
  }

  /** Bytes of memory that a write there would take in addition. */
  missingBytes(offset: number, byteLength: number): number {
    let missing = 0;
    for (const { page } of pagesOf(offset, byteLength)) if (!this.#pages.has(page)) missing++;
    return missing * PAGE_BYTES;
  }

  /** Copies what is there; fewer bytes than there is room for at the end. */
  read(into: Uint8Array, offset: number): number {
    const byteLength = Math.max(0, Math.min(into.length, this.#byteLength - offset));
    for (const { page, start, end, at } of pagesOf(offset, byteLength)) {
      const bytes = this.#pages.get(page);
      if (bytes === undefined) into.fill(0, at, at + end - start);
      else into.set(bytes.subarray(start, end), at);
    }
    return byteLength;
  }

  /** Writes all of it, past the end as well. */
  write(bytes: Uint8Array, offset: number): void {
    for (const { page, start, end, at } of pagesOf(offset, bytes.length)) {
      let target = this.#pages.get(page);
      if (target === undefined) this.#pages.set(page, target = new Uint8Array(PAGE_BYTES));
      target.set(bytes.subarray(at, at + end - start), start);
    }
    if (bytes.length > 0) this.#byteLength = Math.max(this.#byteLength, offset + bytes.length);
  }

  /** Makes a range zero; whole pages of it are given back. */
  clear(offset: number, byteLength: number): void {
    const length = Math.max(0, Math.min(byteLength, this.#byteLength - offset));
    for (const { page, start, end } of pagesOf(offset, length)) {
      if (end - start === PAGE_BYTES) this.#pages.delete(page);
      else this.#pages.get(page)?.fill(0, start, end);
    }
  }

  /** Cuts, or extends with zeros. */
  resize(byteLength: number): void {
    if (byteLength < this.#byteLength) {
      const lastPage = Math.floor((byteLength - 1) / PAGE_BYTES);
      for (const page of this.#pages.keys()) if (page > lastPage) this.#pages.delete(page);
      this.#pages.get(lastPage)?.fill(0, byteLength - lastPage * PAGE_BYTES);
    }
    this.#byteLength = byteLength;
  }
}

/** A part of a range that lies within one page. */
interface PagePart {
  readonly page: number;
  /** Offsets in the page. */
  readonly start: number;
  readonly end: number;
  /** Offset in the range. */
  readonly at: number;
}

function* pagesOf(offset: number, byteLength: number): Iterable<PagePart> {
  for (let at = 0; at < byteLength;) {
    const page = Math.floor((offset + at) / PAGE_BYTES);
    const start = offset + at - page * PAGE_BYTES;
    const end = Math.min(PAGE_BYTES, start + byteLength - at);
    yield { page, start, end, at };
    at += end - start;
  }
}
