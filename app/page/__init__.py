"""The Gradio page: ask, read the answer with its sources, keep documents.

`layout.build_page` puts it together, `server.serve` serves it. The page holds no retrieval
logic: it shows what `indexes.index.HierarchicalIndex` says.
"""
