"""The benchmarks measure what they say: checked where it costs nothing."""

from tests.benchmarks.priced_endpoint import answer

RELEVANT = ["It was stopped in 2021.", "It cost\n41 million."]


def test_the_oracle_answers_each_prompt_in_its_form() -> None:
    sentences = (
        "Numbered sentences\n\n[1] Bosun was.\n[2] It was stopped in 2021.\n[3] It cost 41 million."
    )
    assert answer(sentences, RELEVANT) == "[2,3]"
    passages = "Numbered passages\n\n[1] Bosun was. It was stopped in 2021.\n\n[2] None."
    assert answer(passages, RELEVANT) == "[1]"
    assert answer('"relevant" >>>\nNone.\n>>>', RELEVANT) == "NO_OUTPUT"
    context = ">>>\nIt was. It was stopped in 2021. It cost\n41 million. So.\n>>>"
    assert answer(context, RELEVANT) == "It was stopped in 2021. It cost\n41 million."
    assert answer(f"YES or NO {context}", RELEVANT) == "YES"
