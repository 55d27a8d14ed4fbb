"""Small GGUF files with random weights: enough for llama.cpp to load and answer, no more."""

import json
from pathlib import Path

import gguf
import numpy as np

from indexes.models import minilm

WORDS = 4000
HIDDEN, FEED_FORWARD, HEADS = 64, 128, 4


def tiny_bert(target: Path, *, window: int = 4096, ranks: bool = False) -> Path:
    """A BERT of one layer that reads long texts; with a head that ranks, if asked for.

    It has no pooling of its own in the file, as many converted files don't.
    """
    random = np.random.default_rng(7)
    folder = minilm._package_folder()
    vocabulary = (folder / "vocab.txt").read_text("utf-8").splitlines()[:WORDS]
    segments = json.loads((folder / "config.json").read_text("utf-8"))["type_vocab_size"]
    writer = gguf.GGUFWriter(target, "bert")
    writer.add_name("tiny")
    writer.add_context_length(window)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_block_count(1)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    minilm._add_vocabulary(writer, vocabulary, segments)

    def add(name: str, *shape: int) -> None:
        writer.add_tensor(name, (random.standard_normal(shape) * 0.2).astype(np.float32))

    add("token_embd.weight", WORDS, HIDDEN)
    add("position_embd.weight", window, HIDDEN)
    add("token_types.weight", segments, HIDDEN)
    for name in ("token_embd_norm", "blk.0.attn_output_norm", "blk.0.layer_output_norm"):
        add(f"{name}.weight", HIDDEN)
        add(f"{name}.bias", HIDDEN)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        add(f"blk.0.{name}.weight", HIDDEN, HIDDEN)
        add(f"blk.0.{name}.bias", HIDDEN)
    add("blk.0.ffn_up.weight", FEED_FORWARD, HIDDEN)
    add("blk.0.ffn_up.bias", FEED_FORWARD)
    add("blk.0.ffn_down.weight", HIDDEN, FEED_FORWARD)
    add("blk.0.ffn_down.bias", HIDDEN)
    if ranks:
        add("cls.weight", HIDDEN, HIDDEN)
        add("cls.bias", HIDDEN)
        add("cls.output.weight", 1, HIDDEN)
        add("cls.output.bias", 1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target
