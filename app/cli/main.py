"""All commands together, and what becomes of an error.

With `--json` standard output holds JSON and nothing else; progress and errors go to
standard error. Any failure is one line there, and exit code 1 (2 for a wrong command
line, 130 for Ctrl-C).
"""

import atexit
import gc
import logging
import sys

import click

from indexes import RagError
from indexes.waits import told

from .advise import advise
from .console import err, printable
from .documents import documents, ingest, remove
from .endpoints import emulate, endpoints
from .evaluation import draft, evaluate, grade
from .fetch import fetch
from .lifecycle import delete, deploy, status
from .models import models
from .page import page
from .permissions import permissions
from .questions import ask, run
from .store import indexes, rebuild, statistics, verify
from .transfer import copy, export_, import_

_EXAMPLES = """
\b
Examples:
  advanced-rag ingest letters/
  advanced-rag ask "How did the cloud business evolve?" --pattern parent
  advanced-rag ask "What did Bosun cost?" --pattern regular --json
  advanced-rag ask "What did Bosun cost?" --llm openai:llama3.2@http://localhost:11434/v1
  advanced-rag models list
  advanced-rag page --port 7861
  advanced-rag run --questions questions.jsonl --budget 1024 --out run.jsonl
  advanced-rag --help            advanced-rag ask --help

Every option is also an environment variable, RAG_ and its name: RAG_INDEX, RAG_PROVIDER.
API keys are taken from the environment only: RAG_API_KEY, RAG_QDRANT_API_KEY.
"""


# What these warn of is for people: a server that is newer, or spoken to unencrypted; a lost node.
_TELLING = ("indexes.store.remote", "indexes.store.cluster")


class _Notes(logging.Handler):
    """Shows warnings as notes."""

    def emit(self, record: logging.LogRecord) -> None:
        err.print(printable(f"note: {record.getMessage()}", "dim"), soft_wrap=True)


def main() -> None:
    """Run a command; whatever goes wrong ends as one line and an exit code."""
    # Importing makes a million objects that stay; looking for garbage among them each time
    # there are 700 more takes a tenth of the start.
    gc.set_threshold(50_000, 20, 50)
    # And at the end it would look through them all again, for a quarter of a second.
    atexit.register(gc.freeze)
    failures = logging.StreamHandler()
    failures.setLevel(logging.ERROR)
    logging.basicConfig(
        level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s", handlers=[failures]
    )
    for name in _TELLING:
        telling = logging.getLogger(name)
        telling.setLevel(logging.WARNING)
        telling.handlers = [_Notes()]
    try:
        with told(lambda why: err.print(printable(f"waiting: {why}", "dim"), soft_wrap=True)):
            cli.main(prog_name="advanced-rag", standalone_mode=False)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("stopped: what was stored stays; the same command goes on from there", 130)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "advanced-rag"
        _fail(f"{error.format_message().rstrip('.')}: see `{command} --help`", error.exit_code)
    except RagError as error:
        _fail(str(error), 1)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        sys.stderr.close()
        sys.exit(1)


def _fail(message: str, code: int) -> None:
    line = printable("error: ", "bold red") + printable(" ".join(message.split()))
    err.print(line, soft_wrap=True)
    sys.exit(code)


_SECTIONS = {
    "Commands": (ingest, ask, page, documents, remove),
    "Compare": (run, evaluate, advise, draft, grade),
    "Look after an index": (statistics, verify, rebuild, indexes, copy, export_, import_),
    "Models and data": (models, endpoints, fetch),
}


class _Group(click.Group):
    """A group whose help shows the commands that come first, first."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each purpose."""
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(command.name or "", command.get_short_help_str(70)) for command in commands]
                )


@click.group(
    cls=_Group,
    invoke_without_command=True,
    epilog=_EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.pass_context
def cli(context: click.Context) -> None:
    """Advanced RAG patterns on one index. Without a command: open the page."""
    if context.invoked_subcommand is None:
        context.invoke(page)


for _commands in _SECTIONS.values():
    for _command in _commands:
        cli.add_command(_command)
for _command in (delete, deploy, emulate, permissions, status):
    endpoints.add_command(_command)
