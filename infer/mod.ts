// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Inference of Llama 3.x and Qwen3 from Hugging Face files.
 *
 * @module
 */
export { ModelFileError } from "./model_file_error.ts";
