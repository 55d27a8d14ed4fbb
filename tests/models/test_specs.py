"""A model in one line: what each form of spec names, and what is said of one that is none."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms import MockLLM
from pydantic import SecretStr

from indexes import HierarchicalIndex
from indexes.errors import ModelError, RagError, SettingsError
from indexes.extensions import PROVIDERS, register_provider
from indexes.model_spec import ModelSpec
from indexes.models import catalogue
from indexes.models.capabilities import EVERYTHING, budget_of, known_embedding
from indexes.models.guard import model_errors
from indexes.models.providers import (
    build_embedding,
    build_llm,
    check_models,
    choose,
    describe_embedding,
    describe_llm,
)
from indexes.models.specs import (
    DottedClass,
    LocalFile,
    OpenAIModel,
    ProviderName,
    SageMakerEndpoint,
    parsed,
)
from indexes.settings import load_settings
from tests.fakes import ScriptedLLM
from tests.models.stand_in import StandIn

MOCK_LLM = "llama_index.core.llms.MockLLM?max_tokens=7"
MOCK_EMBEDDING = "llama_index.core.embeddings.MockEmbedding?embed_dim=8"


def read(text: str, purpose: Any = "llm") -> Any:
    return parsed(ModelSpec(text), purpose)


# The forms


def test_each_form_names_its_kind_of_model() -> None:
    assert read("openai:llama3.2:3b@http://localhost:11434/v1") == OpenAIModel(
        "llama3.2:3b", "http://localhost:11434/v1"
    )
    assert read("openai:me@home/model@https://host:8/v1") == OpenAIModel(
        "me@home/model", "https://host:8/v1"
    )
    assert read("openai:gpt") == OpenAIModel("gpt", None)
    assert read("sagemaker:my-endpoint") == SageMakerEndpoint("my-endpoint", None)
    assert read("sagemaker:my-endpoint/part-1") == SageMakerEndpoint("my-endpoint", "part-1")
    assert read("a.b.C?x=1&y=two%20words") == DottedClass("a.b.C", {"x": "1", "y": "two words"})
    assert read("sagemaker") == ProviderName("sagemaker")
    file = read("~/models/mine.gguf")
    assert isinstance(file, LocalFile)
    assert file.path == Path("~/models/mine.gguf").expanduser()


def test_a_name_is_found_in_any_case_and_by_its_short_form() -> None:
    for name in ("bge-large-en-v1.5", "BGE-Large-EN", "bge-large"):
        assert read(name, "embedding").entry.name == "bge-large-en-v1.5"


def test_a_file_of_the_hub_that_is_known_is_used_as_it_is_known() -> None:
    known = catalogue.find("qwen3-embedding")
    assert known is not None
    found = read(f"hf:{known.repository}/{known.file}", "embedding")
    assert found == LocalFile(known)
    other = read("hf:acme/some-GGUF/sub/bge-small-en.gguf", "embedding").entry
    assert (other.repository, other.file) == ("acme/some-GGUF", "sub/bge-small-en.gguf")
    assert other.query_instruction.startswith("Represent this sentence")


@pytest.mark.parametrize(
    ("text", "purpose", "said"),
    [
        ("qwen3-4", "llm", "did you mean qwen3-4b"),
        ("bge-large", "llm", "is an embedding model: give a language model, like qwen3-4b"),
        ("qwen3-4b", "embedding", "is a language model: give an embedding model"),
        ("gpt-4o", "llm", "is no model: .*openai:MODEL@URL"),
        ("openai:", "llm", "write openai:MODEL@http"),
        ("openai:m@http://", "llm", "write openai:MODEL@http"),
        ("openai:m@ftp://host/v1", "llm", "write openai:MODEL@http"),
        ("openai:m@http://host:99999/v1", "llm", "write openai:MODEL@http"),
        ("sagemaker:no_underscores", "llm", "write sagemaker:ENDPOINT"),
        ("sagemaker:a/b/c", "llm", "write sagemaker:ENDPOINT"),
        ("hf:only/two.gguf", "llm", "write hf:OWNER/REPOSITORY/FILE.gguf"),
        ("hf:a/b/../../c.gguf", "llm", "write hf:OWNER/REPOSITORY/FILE.gguf"),
        ("hf:a/b/model.safetensors", "llm", "write hf:OWNER/REPOSITORY/FILE.gguf"),
        ("a.b.C?x", "llm", "has arguments that can't be read"),
        ("a.b.C?x=1&x=2", "llm", "gives x twice"),
        ("", "llm", "is no model"),
        ("~nobody-here/x.gguf", "llm", "names a user that isn't there"),
    ],
)
def test_what_is_no_spec_is_told_with_what_would_be(text: str, purpose: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        read(text, purpose)
    assert f"RAG_{purpose.upper()}" in str(caught.value)


@pytest.mark.slow
@given(st.text(max_size=300))
def test_any_text_is_a_spec_or_one_line(text: str) -> None:
    for purpose in ("llm", "embedding", "reranker"):
        try:
            read(text, purpose)
        except SettingsError as error:
            assert str(error).isprintable()


# Secrets


def test_secrets_in_a_spec_are_never_shown() -> None:
    settings = load_settings(
        llm="llama_index.core.llms.MockLLM?max_tokens=5&api_key=sk-hidden",
        embedding="openai:m@http://me:pw-hidden@127.0.0.1:9/v1",
    )
    shown = [
        repr(settings),
        str(settings.llm),
        str(settings.embedding),
        json.dumps(settings.model_dump(mode="json")),
        repr(read("a.b.C?api_key=sk-hidden")),
    ]
    assert not [text for text in shown if "hidden" in text]
    assert "api_key=***" in shown[1]
    with pytest.raises(SettingsError) as caught:
        build_llm(settings)
    assert "hidden" not in str(caught.value)
    with pytest.raises(ModelError) as failed:
        build_embedding(settings).get_text_embedding("x")
    assert "hidden" not in str(failed.value)


def test_what_a_constructor_says_of_a_key_is_masked() -> None:
    spec = "llama_index.llms.openai.OpenAI?model=m&temperature=9&api_key=sk-hidden"
    with pytest.raises(SettingsError, match="refuses temperature") as caught:
        build_llm(load_settings(llm=spec))
    assert "hidden" not in str(caught.value)


# Both models apart


def test_llm_and_embedding_are_chosen_apart(tmp_path: Path, server: StandIn) -> None:
    """A local index, answered by an endpoint, and the other way round."""
    settings = load_settings(llm=f"openai:small@{server.url}", embedding="minilm")
    assert describe_llm(settings).provider == "openai"
    assert describe_embedding(settings).provider == "local"
    assert build_llm(settings).complete("Is all well?").text == "All is well."
    settings = load_settings(embedding=f"openai:small@{server.url}", llm="smollm2")
    assert build_embedding(settings).get_text_embedding("four") == [4.0, 0.0, 1.0]
    assert describe_llm(settings).name == "SmolLM2-135M-Instruct"


def test_each_has_a_key_of_its_own(server: StandIn) -> None:
    settings = load_settings(
        llm=f"openai:small@{server.url}",
        embedding=f"openai:small@{server.url}",
        api_key="for-both",
        embedding_api_key="for-embedding",
    )
    build_llm(settings).complete("Hi")
    build_embedding(settings).get_text_embedding("Hi")
    assert server.keys == ["for-both", "for-embedding"]


def test_a_spec_wins_over_the_provider_and_its_settings(server: StandIn) -> None:
    settings = load_settings(
        provider="openai",
        base_url="http://127.0.0.1:9/v1",
        llm_model="other",
        embedding_model="e",
        llm=f"openai:small@{server.url}",
    )
    assert build_llm(settings).complete("Hi").text == "All is well."
    assert server.seen[-1]["model"] == "small"
    assert describe_embedding(settings).name == "e"


def test_what_is_wrong_with_a_spec_is_to_be_changed_there(server: StandIn) -> None:
    nobody = "http://127.0.0.1:9/v1"
    with pytest.raises(ModelError, match=r"change RAG_LLM$"):
        build_llm(load_settings(llm=f"openai:small@{nobody}", model_retries=0)).complete("Hi")
    with pytest.raises(ModelError, match=r"change RAG_EMBEDDING$"):
        build_embedding(
            load_settings(embedding=f"openai:small@{nobody}", model_retries=0)
        ).get_text_embedding("Hi")
    # Where only the model stands in it, the address is a setting's.
    by_setting = load_settings(llm="openai:small", base_url=nobody, model_retries=0)
    with pytest.raises(ModelError, match=r"change RAG_BASE_URL$"):
        build_llm(by_setting).complete("Hi")


def test_a_registered_provider_can_be_chosen_for_one_task() -> None:
    register_provider("shouting", llm=lambda: MockLLM(max_tokens=3))
    try:
        settings = load_settings(llm="shouting", embedding="minilm")
        assert build_llm(settings).complete("Hi").text == "text text text"
        assert describe_embedding(settings).name == "all-MiniLM-L6-v2"
    finally:
        PROVIDERS.unregister("shouting")


def test_specs_are_taken_wherever_models_are(tmp_path: Path) -> None:
    with HierarchicalIndex.open(tmp_path, llm=MOCK_LLM, embedding=MOCK_EMBEDDING) as index:
        (tmp_path / "note.txt").write_text("The lamp is lit at dusk.")
        index.ingest([tmp_path / "note.txt"])
        answer = index.ask("When is the lamp lit?")
        assert answer.answer
        assert index.llm_capabilities.provider == "MockLLM"
        assert isinstance(index.embedding, MockEmbedding)
        said = index.ask("When?", llm="llama_index.core.llms.MockLLM?max_tokens=2").answer
        assert said == "text text"
        with pytest.raises(SettingsError, match="did you mean smollm2"):
            index.ask("When?", llm="smolm2")


def test_an_environment_variable_is_a_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_LLM", MOCK_LLM)
    assert isinstance(build_llm(load_settings()), MockLLM)


def test_a_mistyped_spec_is_refused_when_the_index_is_opened(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="did you mean smollm2"):
        HierarchicalIndex.open(tmp_path, llm="smolm2")
    with pytest.raises(SettingsError, match="model objects go to HierarchicalIndex"):
        load_settings(llm=MockLLM())  # type: ignore[arg-type]


# Local models


def test_a_model_that_is_not_here_says_the_one_command(tmp_path: Path) -> None:
    settings = load_settings(cache=tmp_path, llm="qwen3-4b", embedding="hf:a/b/c.gguf")
    said = r"is not on this machine \(2\.5 GB\): run `advanced-rag models get qwen3-4b`"
    with pytest.raises(ModelError, match=said):
        build_llm(settings)
    with pytest.raises(ModelError, match=said):
        check_models(settings)
    with pytest.raises(ModelError, match=r"run `advanced-rag models get hf:a/b/c\.gguf`"):
        build_embedding(settings)
    assert describe_llm(settings).name == "Qwen3-4B-Instruct-2507"
    for file in ("missing.gguf", "text.gguf"):
        (tmp_path / "text.gguf").write_text("no model")
        with pytest.raises(ModelError, match="change RAG_LLM"):
            check_models(load_settings(llm=str(tmp_path / file)))


def test_the_catalogue_says_what_models_can_do(tmp_path: Path) -> None:
    able = describe_llm(load_settings(llm="qwen3-4b"))
    assert (able.window, able.fit, able.provider) == (4096, EVERYTHING, "local")
    assert describe_llm(load_settings(llm="smollm2")).fit == frozenset()
    reads = describe_embedding(load_settings(embedding="embeddinggemma"))
    assert (reads.window, reads.query_instruction) == (2048, "task: search result | query: ")
    assert reads.passage_instruction == "title: none | text: "
    assert describe_embedding(load_settings(embedding="bge-m3")).window == 8192


def test_the_catalogue_is_whole_and_agrees_with_what_is_known_by_name() -> None:
    names: list[str] = []
    for entry in catalogue.entries():
        names += [entry.name.lower(), *entry.aliases]
        assert bool(entry.package) != bool(entry.repository and entry.file.endswith(".gguf"))
        assert entry.licence
        assert entry.about
        assert entry.window >= 512
        if entry.task == "embedding":
            assert entry.dimension
            known = known_embedding(entry.name)
            assert known.window == entry.window
            assert known.query_instruction == entry.query_instruction
            assert known.passage_instruction == entry.passage_instruction
    assert len(names) == len(set(names))


# Classes of LlamaIndex's


def test_arguments_of_a_class_are_what_the_class_says_they_are() -> None:
    spec = (
        "llama_index.llms.openai.OpenAI?model=35&temperature=0.25&reuse_client=false"
        '&additional_kwargs={"seed": 1}&api_key=x&max_tokens=9'
    )
    llm: Any = build_llm(load_settings(llm=spec))
    assert (llm.model, llm.temperature, llm.max_tokens) == ("35", 0.25, 9)
    assert (llm.reuse_client, llm.additional_kwargs) == (False, {"seed": 1})


@pytest.mark.slow
def test_a_class_asks_the_address_that_it_is_given(server: StandIn) -> None:
    where = f"api_base={server.url}&api_key=sk-hidden&max_retries=0"
    llm = build_llm(
        load_settings(
            llm=f"llama_index.llms.openai_like.OpenAILike?model=m&is_chat_model=1&{where}"
        )
    )
    assert llm.complete("Is all well?").text == "All is well."
    embedding = build_embedding(
        load_settings(
            embedding=f"llama_index.embeddings.openai_like.OpenAILikeEmbedding?model_name=m&{where}"
        )
    )
    assert embedding.get_query_embedding("four") == [4.0, 0.0, 1.0]
    server.behaviour = "401"
    with pytest.raises(ModelError) as caught, model_errors(llm):
        llm.complete("Is all well?")
    assert "hidden" not in str(caught.value)


def test_whatever_secret_a_model_holds_is_masked_in_its_errors() -> None:
    class Signed(ScriptedLLM):
        session_token: str = "tok-hidden"

    llm = Signed()
    llm.enqueue(RuntimeError("bad signature tok-hidden"))
    with pytest.raises(ModelError, match=r"bad signature \*\*\*"), model_errors(llm):
        llm.complete("Hi")


def test_what_a_class_reads_can_be_set_as_for_any_model() -> None:
    settings = load_settings(
        llm=MOCK_LLM, embedding=MOCK_EMBEDDING, context_window=1024, embedding_window=4000
    )
    able = describe_llm(settings)
    assert (able.window, able.budget) == (1024, budget_of(1024, settings.max_answer_tokens))
    assert describe_embedding(settings).window == 4000


def test_openai_itself_wants_a_key_and_gets_it_from_its_own_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No other address gets that key."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(SettingsError, match="OPENAI_API_KEY or RAG_API_KEY, or name another"):
        describe_llm(load_settings(llm="openai:gpt"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    ours = choose(load_settings(llm="openai:gpt"), "llm").settings
    assert ours.base_url == "https://api.openai.com/v1"
    assert ours.api_key == SecretStr("sk-openai")
    other = load_settings(llm="openai:gpt", base_url="http://127.0.0.1:9/v1")
    assert choose(other, "llm").settings.api_key is None


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("llama_index.core.llms.MockLLM?max_token=5", "did you mean max_tokens"),
        ("llama_index.core.llms.MockLLM?max_tokens=many", "refuses max_tokens=…: give .*int"),
        ("llama_index.core.llms.MockLM", "did you mean MockLLM"),
        ("llama_index.core.llms.LLM", "is abstract"),
        ("llama_index.core.embeddings.MockEmbedding?embed_dim=8", "give it as embedding"),
        ("os.system", "is no LLM of LlamaIndex's"),
        ("subprocess.Popen?args=ls", "is no LLM of LlamaIndex's"),
        ("nowhere.at_all.Model", "pip install the package that has the module nowhere.at_all"),
        ("llama_index.llms.openai.OpenAI?temperature=9", "refuses temperature"),
    ],
)
def test_a_class_that_is_wrong_is_told_in_one_line(spec: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        build_llm(load_settings(llm=spec))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "package"),
    [
        ("llama_index.llms.bedrock_converse.BedrockConverse?model=m", "bedrock-converse"),
        ("llama_index.llms.azure_openai.AzureOpenAI?engine=e", "azure-openai"),
        ("llama_index.llms.google_genai.GoogleGenAI?model=m", "google-genai"),
        ("llama_index.llms.anthropic.Anthropic?model=m", "anthropic"),
        ("llama_index.llms.ollama.Ollama?model=m", "ollama"),
    ],
)
def test_a_missing_package_is_named_with_its_install_line(spec: str, package: str) -> None:
    """Where it is installed, the class is made: nothing is reached before it is asked."""
    settings = load_settings(llm=spec)
    for look in (check_models, build_llm):
        try:
            look(settings)
        except RagError as error:
            said = str(error)
            assert "\n" not in said
            assert (
                said.endswith(f"pip install llama-index-llms-{package}") or "can't be made" in said
            )


def test_a_package_that_lacks_another_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_installed.py").write_text("import a_package_that_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingsError, match="pip install a_package_that_nobody_has"):
        build_llm(load_settings(llm="half_installed.Model"))


def test_the_guide_lists_the_catalogue() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "models.md").read_text("utf-8")
    section = guide.partition("## Local models")[2].partition("## Keys")[0]
    listed = {
        name
        for line in section.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([a-z0-9.-]+)`", line.split("|")[1])
    }
    assert listed == set(catalogue.names())
