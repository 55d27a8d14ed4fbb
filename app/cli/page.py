"""The command that opens the page."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .console import err, out
from .documents import ingest_paths, summary
from .options import COMPRESSION, DOCUMENTS, INDEX, MODELS, RETRIEVAL, command, settings_options

if TYPE_CHECKING:
    from indexes import HierarchicalIndex


@command(epilog="\b\nExample:\n  advanced-rag page letters/ --port 7861")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=7860, show_default=True, type=click.IntRange(1, 65535))
@click.option("--name", "names", multiple=True, metavar="HOST", help="Host name it answers to.")
@click.option("--shared", is_flag=True, help="Visitors share the documents that they add.")
@click.option("--mcp", is_flag=True, help="Offer ask and retrieve as tools, too.")
@click.option(
    "--history/--no-history",
    default=True,
    help="Keep comparisons on this machine, if nobody else is served.",
)
@click.option("--browser/--no-browser", default=False, help="Open it in the browser.")
@settings_options(INDEX, RETRIEVAL, COMPRESSION, DOCUMENTS, MODELS)
def page(
    paths: tuple[Path, ...] = (),
    host: str = "127.0.0.1",
    port: int = 7860,
    names: tuple[str, ...] = (),
    shared: bool = False,
    mcp: bool = False,
    history: bool = True,
    browser: bool = False,
    **settings: Any,
) -> None:
    """Open the page; index PATHS first, if any are given.

    Beyond this machine (--host) it asks for RAG_PAGE_USER and RAG_PAGE_PASSWORD.
    """
    from indexes import load_settings
    from indexes.extras import needed
    from indexes.models.providers import check_models

    from ..page.gradio_import import import_gradio
    from ..page.opening import Opening

    loaded = load_settings(**settings)
    with needed("page", "the page"):
        import_gradio()
        from ..page.server import serve
    check_models(loaded)

    def prepare(index: "HierarchicalIndex") -> None:
        if paths:
            err.print(summary(ingest_paths(index, paths)))

    serve(
        Opening(loaded, prepare, paths),
        host=host,
        port=port,
        names=names,
        shared=shared,
        mcp=mcp,
        history=history,
        open_browser=browser,
        on_ready=lambda address: out.print(f"open {address}  (Ctrl-C ends it)"),
    )
