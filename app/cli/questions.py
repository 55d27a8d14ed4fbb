"""Commands that ask: one question with its answer, or many without."""

import json
from typing import Any, TextIO

import click
from rich.progress import Progress

from indexes import ModelError

from .answer_output import print_answer
from .console import err, print_json, printable
from .opening import opened
from .options import COMPRESSION, INDEX, MODELS, RETRIEVAL, command, settings_options


@command(epilog='\b\nExample:\n  advanced-rag ask "How did the cloud business evolve?" --json')
@click.argument("question")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with the trace.")
@click.option("--verbose", is_flag=True, help="Show what the model thinks before it answers.")
@settings_options(INDEX, RETRIEVAL, ("answer",), COMPRESSION, MODELS)
def ask(question: str, as_json: bool, verbose: bool, **settings: Any) -> None:
    """Answer a question from the indexed documents.

    Quotes come first: the sentences of the documents that answer best, word for word.
    `--answer quotes` stops there, without loading a language model. What is written below
    cites the passages that it is from.

    An answer that was cut at its longest is printed, and said to be (exit code 0). One that
    broke off, or never came for thinking, is an error (exit code 1), after what there is of it.
    """
    from indexes.models.catalogue import advice
    from indexes.models.providers import check_models

    with opened(**settings) as index:
        if index.settings.answer != "quotes":
            check_models(index.settings)
        if as_json:
            answer = index.ask(question)
            print_json(answer.to_json())
        else:
            weak = advice(index.llm_capabilities)
            answer = print_answer(index.stream(question), verbose, weak)
    if answer.finish in ("broken", "thinking"):
        raise ModelError(answer.finish_note)
    if answer.finish_note:
        err.print(printable(f"note: {answer.finish_note}", "yellow"), soft_wrap=True)


@command(
    epilog="\b\nA line of QUESTIONS:\n"
    '  {"id": "q1", "question": "…", "references": [{"document": "a.md", "quote": "…"}]}'
)
@click.option("--questions", required=True, type=click.File("r", encoding="utf-8-sig"))
@click.option("--out", "out_file", required=True, type=click.File("w", encoding="utf-8"))
@settings_options(INDEX, RETRIEVAL, COMPRESSION, MODELS)
def run(questions: TextIO, out_file: TextIO, **settings: Any) -> None:
    """Retrieve for many questions, without answering.

    Each has a line of results. The pattern may be any lane of `evaluate`: parent@dense,
    langchain-parent, …
    """
    from indexes.evaluation.lanes import open_lane
    from indexes.evaluation.questions import parse_questions
    from indexes.evaluation.runs import ranked

    asked = parse_questions(questions, questions.name)
    with (
        opened(**settings) as index,
        Progress(console=err, disable=not err.is_terminal) as shown,
    ):
        lane = open_lane(index.settings.pattern, index)
        for question in shown.track(asked, description="retrieving"):
            contexts, trace = lane.retrieve(question.question)
            line = {
                "id": question.id,
                "results": [
                    context.model_dump(include={"document", "start", "end", "score", "number"})
                    for context in ranked(contexts, trace)
                ],
                "seconds": round(sum(stage.seconds for stage in trace.stages), 6),
                "llm_calls": int(trace.total("llm_calls")),
            }
            out_file.write(json.dumps(line, ensure_ascii=False) + "\n")
