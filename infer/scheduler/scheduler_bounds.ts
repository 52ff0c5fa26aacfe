// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What a scheduler must keep to. */
export interface SchedulerBounds {
  /** Tokens of a step, `sequencesMax` or more, so that every running sequence gets one. */
  readonly tokensMax: number;
  /** Sequences of a step: as many can run at a time. */
  readonly sequencesMax: number;
  /** Blocks that there are. */
  readonly blockCount: number;
  /** Tokens whose keys and values a block holds. */
  readonly blockTokens: number;
  /** Blocks that one sequence can have. */
  readonly blocksPerSequenceMax: number;
  /** Tokens of one prompt in one step. */
  readonly prefillTokensMax: number;
  /** Whether blocks are found again by what they hold. */
  readonly prefixCache: boolean;
  /** Steps by which a later sequence may pass an earlier one, for each level of priority. */
  readonly agingSteps: number;
}

/** Most blocks that are believed; their numbers are kept in 32 bits. */
const BLOCKS_MAX = 2 ** 28;

/**
 * Checks bounds.
 *
 * @throws {RangeError} that names the one which makes no sense
 */
export function checkBounds(bounds: SchedulerBounds): void {
  const { prefixCache: _, ...numbers } = bounds;
  for (const [name, value] of Object.entries(numbers)) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new RangeError(`Cannot schedule with ${name} ${value}: a whole number above 0 is needed`);
  }
  if (bounds.blockCount > BLOCKS_MAX) {
    throw new RangeError(`Cannot schedule with blockCount ${bounds.blockCount}: more than 2^28`);
  }
  if (bounds.tokensMax < bounds.sequencesMax) {
    const { tokensMax, sequencesMax } = bounds;
    throw new RangeError(
      `Cannot schedule with tokensMax ${tokensMax}: fewer than the ${sequencesMax} sequencesMax`,
    );
  }
}
