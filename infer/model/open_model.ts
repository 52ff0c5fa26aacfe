// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { openGguf } from "./gguf_source.ts";
import { openHuggingFace } from "./huggingface_directory.ts";
import type { ModelSource } from "./model_source.ts";

/**
 * Opens a model: a directory in Hugging Face's layout, or a GGUF file.
 *
 * Only headers are read, and checked; `loadWeights` reads the weights. Dispose of it to close the
 * files.
 *
 * @example What a model is
 * ```ts
 * import { openModel } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * using source = await openModel("tests/fixtures/infer/models/qwen3-linear");
 * assertEquals(source.config.family, "qwen3");
 * assertEquals(source.tensors.get("model.norm.weight")?.shape, [source.config.hiddenSize]);
 * ```
 * @throws {ModelFileError} that names file, tensor and reason
 * @throws {Deno.errors.NotFound} when there is no such model
 */
export async function openModel(path: string): Promise<ModelSource> {
  const { isDirectory } = await Deno.stat(path);
  return isDirectory ? await openHuggingFace(path) : openGguf(path);
}
