"""What the page shows, as HTML. Documents and models are hostile: see `markup`."""
