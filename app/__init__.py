"""The Gradio page and the command line; no retrieval logic."""
