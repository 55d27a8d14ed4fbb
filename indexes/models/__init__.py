"""Language and embedding models behind LlamaIndex's `LLM` and `BaseEmbedding`.

    llm = build_llm(load_settings())
    print(llm.complete("What is a parent document?"))

`providers` turns settings into models; `openai_compatible` is what all of them speak;
`local` serves the models that come with the packages (`minilm` converts one of them).
"""

from indexes.models.providers import build_embedding, build_llm, embedding_name, embedding_window

__all__ = ["build_embedding", "build_llm", "embedding_name", "embedding_window"]
