"""Language and embedding models behind LlamaIndex's `LLM` and `BaseEmbedding`.

    from indexes.models.providers import build_llm

    llm = build_llm(load_settings())
    print(llm.complete("What is a parent document?"))

`providers` turns settings into models, `given` takes those of a caller; `capabilities` is what
the rest asks about either. `openai_compatible` and `openai_embedding` are what most of ours
speak; `local` serves the models that come as packages (`minilm` converts one of them).
"""
