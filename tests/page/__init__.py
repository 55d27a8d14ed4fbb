"""Tests of the page, which import Gradio as the command `page` does."""

from app.page.gradio_import import import_gradio

import_gradio()
