# Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
"""Times models of random weights by Hugging Face transformers, with a static cache and
torch.compile, in the shapes of speed.cu and in its words: one JSON object a line.

    python transformers_speed.py [--device cuda] [--shape NAME]... [--tiny]

Needs torch and transformers; says so where they, or a GPU, are not there. `--tiny` has two layers
and short prompts, to see on any machine that it runs.
"""

import argparse
import json
import sys
import time

# Data: class of the model, hidden, intermediate, layers, heads, key-value heads, head, vocabulary.
SHAPES = {
    "llama-3.2-1b": ("Llama", 2048, 8192, 16, 32, 8, 64, 128256),
    "qwen3-0.6b": ("Qwen3", 1024, 3072, 28, 16, 8, 128, 151936),
    "qwen3-4b": ("Qwen3", 2560, 9728, 36, 32, 8, 128, 151936),
}
TINY = ("Llama", 64, 96, 2, 4, 2, 16, 256)

BATCHES = (1, 4, 8, 16, 64, 256)
PROMPTS = (100, 128, 512, 2048, 8192)
CONTEXT = 512
STEPS = 64
REPEATS = 5


def main():
    options = parse()
    try:
        import torch
        import transformers
    except ImportError as error:
        sys.exit(f"Cannot time transformers: {error}")
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("Cannot time transformers: torch finds no GPU (try --device cpu --tiny)")
    shapes = {"tiny": TINY} if options.tiny else SHAPES
    for name in options.shape or shapes:
        time_model(torch, transformers, name, shapes[name], options)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--shape", action="append", choices=list(SHAPES))
    parser.add_argument("--tiny", action="store_true")
    return parser.parse_args()


def make_model(torch, transformers, shape, device):
    kind, hidden, inner, layers, heads, kv_heads, head, vocabulary = shape
    config = getattr(transformers, f"{kind}Config")(
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=head,
        vocab_size=vocabulary,
        max_position_embeddings=16384,
        tie_word_embeddings=True,
    )
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = getattr(transformers, f"{kind}ForCausalLM")(config)
    torch.set_default_dtype(torch.float32)
    return model.eval()


def time_model(torch, transformers, name, shape, options):
    """Prints a line for every batch and every prompt."""
    device = options.device
    model = make_model(torch, transformers, shape, device)
    said = {"peer": "transformers", "version": transformers.__version__, "model": name}
    batches = BATCHES[:2] if options.tiny else BATCHES
    prompts = PROMPTS[:2] if options.tiny else PROMPTS
    with torch.inference_mode():
        for batch in batches:
            seconds = time_decode(torch, transformers, model, batch, device)
            say(said, decode=batch, context=CONTEXT, tokens_per_s=round(batch / seconds),
                step_us=round(seconds * 1e6, 1))
        for tokens in prompts:
            seconds = time_prompt(torch, transformers, model, tokens, device)
            say(said, prompt=tokens, tokens_per_s=round(tokens / seconds),
                first_token_ms=round(seconds * 1e3, 2))


def say(said, **more):
    print(json.dumps({**said, **more}), flush=True)


def make_cache(transformers, model, tokens):
    return transformers.StaticCache(config=model.config, max_cache_len=tokens)


def time_decode(torch, transformers, model, batch, device):
    """Seconds of a step in which each sequence gets one token, the likeliest."""
    cache = make_cache(transformers, model, CONTEXT + (REPEATS + 2) * STEPS)

    def step(token, position):
        logits = model(token, past_key_values=cache, cache_position=position,
                       position_ids=position[None].expand(batch, 1), use_cache=True).logits
        return logits[:, -1:].argmax(-1)

    compiled = torch.compile(step, mode="reduce-overhead", fullgraph=False)
    model(torch.zeros(batch, CONTEXT - 1, dtype=torch.long, device=device), past_key_values=cache,
          cache_position=torch.arange(CONTEXT - 1, device=device), use_cache=True,
          logits_to_keep=1)
    token = torch.zeros(batch, 1, dtype=torch.long, device=device)
    at, times = CONTEXT - 1, []
    for _ in range(REPEATS + 1):
        wait(torch, device)
        begin = time.perf_counter()
        for _ in range(STEPS):
            position = torch.tensor([at], device=device)
            # The graph's output is its own memory, which the next step overwrites.
            token = compiled(token, position).clone()
            at += 1
        wait(torch, device)
        times.append((time.perf_counter() - begin) / STEPS)
    torch.compiler.reset()
    # The first one compiles.
    return median(times[1:])


def time_prompt(torch, transformers, model, tokens, device):
    """Seconds from a prompt to the token after it."""
    ids = torch.zeros(1, tokens, dtype=torch.long, device=device)
    positions = torch.arange(tokens, device=device)
    times = []
    for _ in range(REPEATS + 1):
        cache = make_cache(transformers, model, tokens + 1)
        wait(torch, device)
        begin = time.perf_counter()
        logits = model(ids, past_key_values=cache, cache_position=positions, use_cache=True,
                       logits_to_keep=1).logits
        logits[:, -1].argmax(-1).tolist()
        times.append(time.perf_counter() - begin)
    return median(times[1:])


def wait(torch, device):
    if device == "cuda":
        torch.cuda.synchronize()


def median(values):
    return sorted(values)[len(values) // 2]


if __name__ == "__main__":
    main()
