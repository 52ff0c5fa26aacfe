# Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
# `tokenizer_tokenizers.py TOKENIZER DOCUMENTS SECONDS`: Hugging Face tokenizers, a load that
# measures itself.

import json
import os
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"

from tokenizers import Tokenizer  # noqa: E402

tokenizer_path, documents_path, seconds = sys.argv[1:]
documents = json.load(open(documents_path))
size = sum(len(text.encode()) for text in documents)
text_of_file = open(tokenizer_path).read()

loaded = time.perf_counter()
tokenizer = Tokenizer.from_str(text_of_file)
load = (time.perf_counter() - loaded) * 1000
# Without offsets where this version can do so: ids are all that is asked for.
encode_batch = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)


def run():
    start = time.perf_counter()
    count = sum(len(e.ids) for e in encode_batch(documents, add_special_tokens=False))
    return size / 1e6 / (time.perf_counter() - start), count


first, tokens = run()
print("measuring", flush=True)
rates = []
end = time.perf_counter() + float(seconds)
while time.perf_counter() < end:
    rates.append(run()[0])
rates.sort()
print(json.dumps({"rate": rates[len(rates) // 2], "first": first, "load": load, "tokens": tokens}))
