// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** How a model turns positions into angles. */
export type RopeConfig = { readonly theta: number } & RopeScaling;

/** What is done to the frequencies for contexts longer than those trained on. */
export type RopeScaling =
  | { readonly type: "default" }
  | { readonly type: "linear"; readonly factor: number }
  | Llama3Scaling
  | YarnScaling
  | FactorScaling;

/** Llama 3.1: long wavelengths are stretched, short ones kept, those between are blended. */
export interface Llama3Scaling {
  /** Tells it from the other kinds. */
  readonly type: "llama3";
  /** What long wavelengths are stretched by. */
  readonly factor: number;
  /** Wavelengths above `originalContext` by this are stretched. */
  readonly lowFrequencyFactor: number;
  /** Wavelengths below `originalContext` by this are kept. */
  readonly highFrequencyFactor: number;
  /** Context that the model was first trained on, in tokens. */
  readonly originalContext: number;
}

/** YaRN (Peng et al. 2023, arXiv 2309.00071). */
export interface YarnScaling {
  /** Tells it from the other kinds. */
  readonly type: "yarn";
  /** What long wavelengths are stretched by. */
  readonly factor: number;
  /** Context that the model was first trained on, in tokens. */
  readonly originalContext: number;
  /** Rotations within the original context above which a dimension is kept. */
  readonly betaFast: number;
  /** Rotations below which it is stretched. */
  readonly betaSlow: number;
  /** What cosines and sines are multiplied with. */
  readonly attentionFactor: number;
  /** Whether the range between is widened to whole dimensions. */
  readonly truncate: boolean;
}

/** A divisor for each frequency, as GGUF files of Llama 3 carry it. */
export interface FactorScaling {
  /** Tells it from the other kinds. */
  readonly type: "factors";
  /** What each frequency is divided by. */
  readonly factors: Float32Array;
}

/** Angles a token: `angle[i] = position * frequencies[i]`, cosine and sine times `scale`. */
export interface RopeTable {
  /** One for each pair of dimensions `(i, i + headSize / 2)`, in radians a position. */
  readonly frequencies: Float32Array;
  /** 1 but for YaRN. */
  readonly scale: number;
}

/**
 * The frequencies of a model, rounded to F32 where transformers rounds: a difference in the last
 * bit is an angle of 0.01 at position 100 000.
 */
export function ropeTable(rope: RopeConfig, headSize: number): RopeTable {
  const plain = Float32Array.from({ length: headSize / 2 }, (_, i) => {
    return 1 / f32(rope.theta ** f32((2 * i) / headSize));
  });
  switch (rope.type) {
    case "default":
      return { frequencies: plain, scale: 1 };
    case "linear":
      return { frequencies: plain.map((frequency) => frequency / rope.factor), scale: 1 };
    case "llama3":
      return { frequencies: plain.map((frequency) => llama3(frequency, rope)), scale: 1 };
    case "yarn":
      return { frequencies: yarn(plain, rope, headSize), scale: rope.attentionFactor };
    case "factors":
      return { frequencies: plain.map((value, i) => value / rope.factors[i]!), scale: 1 };
  }
}

/** YaRN's factor on the attention logits, applied half to queries and half to keys. */
export function yarnAttentionFactor(factor: number, mscale = 1): number {
  return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
}

function llama3(frequency: number, rope: Llama3Scaling): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContext } = rope;
  const wavelength = f32((2 * Math.PI) / frequency);
  if (wavelength < originalContext / high) return frequency;
  const stretched = f32(frequency / factor);
  if (wavelength > originalContext / low) return stretched;
  const kept = f32(f32(f32(originalContext / wavelength) - low) / (high - low));
  return f32(f32(1 - kept) * stretched) + f32(kept * frequency);
}

function yarn(
  plain: Float32Array,
  rope: YarnScaling & { readonly theta: number },
  headSize: number,
): Float32Array {
  // The dimension that turns so many times within the original context.
  const dimension = (rotations: number) =>
    (headSize * Math.log(rope.originalContext / (rotations * 2 * Math.PI))) /
    (2 * Math.log(rope.theta));
  const [first, last] = [dimension(rope.betaFast), dimension(rope.betaSlow)];
  const low = Math.max(rope.truncate ? Math.floor(first) : first, 0);
  let high = Math.min(rope.truncate ? Math.ceil(last) : last, headSize - 1);
  if (low === high) high += 0.001;
  return plain.map((frequency, i) => {
    const stretch = Math.min(Math.max((i - low) / (high - low), 0), 1);
    return (frequency / rope.factor) * stretch + frequency * (1 - stretch);
  });
}

function f32(value: number): number {
  return Math.fround(value);
}
