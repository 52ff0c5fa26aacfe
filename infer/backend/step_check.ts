// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Backend } from "./backend.ts";
import type { StepBatch } from "./step_batch.ts";

/**
 * Checks all that a backend reads memory by: its bounds, token ids, context lengths, block tables.
 *
 * @throws {RangeError} that names what does not exist
 */
export function checkStep(
  batch: StepBatch,
  { config, blockCount, bounds }: Pick<Backend, "config" | "blockCount" | "bounds">,
): void {
  const { blockTokens, blocksPerSequenceMax } = batch.bounds;
  if (blockTokens !== bounds.blockTokens) {
    throw new RangeError(`Blocks have ${bounds.blockTokens} tokens, not ${blockTokens}`);
  }
  const { tokenCount, sequenceCount } = batch;
  if (tokenCount > bounds.tokensMax || sequenceCount > bounds.sequencesMax) {
    const size = `${tokenCount} tokens of ${sequenceCount} sequences`;
    const most = `${bounds.tokensMax} of ${bounds.sequencesMax}`;
    throw new RangeError(`A step of ${size} is more than ${most}`);
  }
  for (let token = 0; token < batch.tokenCount; token++) {
    const id = batch.tokenIds[token]!;
    if (id >= 0 && id < config.vocabularySize) continue;
    throw new RangeError(`Token ${id} is outside the vocabulary of ${config.vocabularySize}`);
  }
  for (let sequence = 0; sequence < batch.sequenceCount; sequence++) {
    const tokens = batch.queryStarts[sequence + 1]! - batch.queryStarts[sequence]!;
    const context = batch.contextLengths[sequence]!;
    if (context < tokens || context > config.contextTokensMax) {
      throw new RangeError(`A context of ${context} is more than ${config.contextTokensMax}`);
    }
    const begin = sequence * blocksPerSequenceMax;
    const used = Math.ceil(context / blockTokens);
    for (const block of batch.blockTables.subarray(begin, begin + used)) {
      if (block >= 0 && block < blockCount) continue;
      throw new RangeError(`Block ${block} is outside the ${blockCount} of the backend`);
    }
  }
}
