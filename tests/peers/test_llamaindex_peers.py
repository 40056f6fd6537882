"""LlamaIndex's engines as systems under evaluation: what they cite, decline, count and understand."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from endpoint_server import EndpointServer, Exchange, Request, answer, error, quota, rate_limit, slow, unavailable
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.bridge.pydantic import Field
from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_completion_callback
from serving import ROOT

from eval.peers import PEERS, build
from eval.peers.citation_engine import CitationEngine, places
from eval.peers.refusals import abstains
from eval.peers.sources import Source, document, rewritten, source
from eval.peers.vector_index import VectorIndex, under
from rag.core.answer import Answer
from rag.core.config import Config
from rag.core.errors import ConfigError, ModelServerError, ModelUnknown, QuotaExhausted, UsageError
from rag.evaluation.items import Item, Message
from rag.index.llamaindex import MiniLMEmbedding
from rag.llm import client
from rag.papers import Paper

PAPERS = [
    Paper("bees", "How bees dance", "Bees dance to show where food is. The angle tells the direction.", ""),
    Paper("tides", "Why tides rise", "The moon pulls the oceans. Tides rise twice a day by 2.5 m.", ""),
    Paper("rust", "The chemistry of rust", "Iron and oxygen make rust. Salt water makes it faster.", ""),
]
ABSTRACTS = {p.id: p.abstract for p in PAPERS}
VALIDATOR = jsonschema.Draft202012Validator(json.loads((ROOT / "tests" / "answer.schema.json").read_text()))


class Parrot(CustomLLM):
    """Says of the source that has the word it was made with what it says, and cites it by its number.

    It rewrites any follow-up as a question about rust.
    """

    word: str
    prompts: list[str] = Field(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="parrot", context_window=4096)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        self.prompts.append(prompt)
        if "Follow Up Message" in prompt:
            return CompletionResponse(text="What makes rust?")
        # The prompt begins with sources that are an example.
        sources = re.findall(
            r"Source (\d+):\n(.+?)\n(?=Source|---)", prompt.partition("Now it's your turn")[2], re.DOTALL
        )
        for number, text in sources:
            if self.word in text:
                return CompletionResponse(text=f"{text.strip().splitlines()[-1]} [{number}]")
        return CompletionResponse(text="The sources do not mention it.")

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise NotImplementedError


@pytest.fixture(scope="module")
def embedding() -> MiniLMEmbedding:
    return MiniLMEmbedding(threads=1)


@pytest.fixture(autouse=True)
def closed_loop() -> Iterator[None]:
    """LlamaIndex counts tokens in the loop of its thread; where there is none it makes one, and leaves it open."""
    with asyncio.Runner() as runner:
        asyncio.set_event_loop(runner.get_loop())
        yield
        asyncio.set_event_loop(None)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAUSE", 0.0)


def item(question: str, *history: tuple[str, str]) -> Item:
    turns = tuple(Message(role=role, content=content) for role, content in history)
    return Item(
        id="i",
        kind="followup" if history else "fact",
        question=question,
        history=turns,
        reference_answer="-",
        answerable=True,
        split="dev",
    )


def config(server: EndpointServer) -> Config:
    return Config(llm="openai", model="any-model", base_url=server.url)


def completions(server: EndpointServer) -> list[Request]:
    """The requests for a reply, without those that ask how much the model reads."""
    return [r for r in server.requests if r.path.endswith("/completions")]


def checked(found: Answer) -> Answer:
    """The answer, after it was held against the contract."""
    VALIDATOR.validate(found.to_json())
    assert Answer.from_json(found.to_json()) == found
    for c in found.citations:
        assert c.quote == ABSTRACTS[c.paper_id][c.start : c.end]
    markers = [int(n) for n in re.findall(r"\[(\d+)\]", found.answer)]
    if not found.abstained:
        assert sorted(set(markers)) == [c.marker for c in found.citations]
    return found


# --- the citation engine ----------------------------------------------------------------------------------------------


class TestCitationEngine:
    @pytest.mark.parametrize(
        ("word", "asked", "paper"),
        [("moon", "Why do tides rise?", "tides"), ("Iron", "What is rust made of?", "rust")],
    )
    def test_markers_become_citations(self, embedding: MiniLMEmbedding, word: str, asked: str, paper: str) -> None:
        found = checked(CitationEngine(PAPERS, Parrot(word=word), embedding).answer(item(asked)))
        assert [c.paper_id for c in found.citations] == [paper]
        assert found.answer == f"{ABSTRACTS[paper]} [1]"
        assert (found.abstained, found.mode, found.model, found.searched) == (False, "generating", "parrot", 3)
        assert found.retrieved[0].paper_id == paper
        assert len(found.retrieved) == 2, "its default is two papers"
        assert found.retrieved[0].score > found.retrieved[1].score
        assert found.prompt_tokens > 100 > found.completion_tokens > 5
        assert found.timings_ms["total"] > 0

    def test_a_follow_up_is_rewritten_with_its_history(self, embedding: MiniLMEmbedding) -> None:
        llm = Parrot(word="Iron")
        peer = CitationEngine(PAPERS, llm, embedding)
        found = checked(peer.answer(item("and why?", ("user", "Tell me about iron."), ("assistant", "It rusts."))))
        assert "user: Tell me about iron." in llm.prompts[0]
        assert "assistant: It rusts." in llm.prompts[0]
        assert (found.question, found.standalone_question) == ("and why?", "What makes rust?")
        assert [c.paper_id for c in found.citations] == ["rust"]
        alone = peer.answer(item("What makes rust?"))
        assert found.prompt_tokens > alone.prompt_tokens, "both calls count, and each answer for itself"

    def test_tokens_are_those_of_the_endpoint(self, embedding: MiniLMEmbedding) -> None:
        with EndpointServer(answer("The moon ", "does [1].")) as server:
            peer = build("citation-engine", PAPERS, config(server), embedding)
            found = checked(peer.answer(item("Why do tides rise?")))
        assert (found.answer, found.prompt_tokens, found.completion_tokens) == ("The moon does [1].", 7, 3)
        assert found.model == "any-model"
        prompt = completions(server)[0].body["messages"][-1]["content"]
        assert "Source 1:\nWhy tides rise\n\nThe moon pulls the oceans." in prompt
        assert "paper_id" not in prompt

    def test_nothing_to_say(self, embedding: MiniLMEmbedding) -> None:
        found = checked(CitationEngine(PAPERS, Parrot(word="zebra"), embedding).answer(item("Which zebra?")))
        assert found.abstained
        assert not found.citations

    def test_a_long_abstract_is_cited_by_the_part_that_was_shown(self, embedding: MiniLMEmbedding) -> None:
        long = " ".join(f"In experiment {n} the moon rose by {n} metres over the sea." for n in range(90))
        papers = [Paper("long", "Experiments with the moon", long, ""), PAPERS[0]]
        found = CitationEngine(papers, Parrot(word="experiment 80"), embedding).answer(item("What did the moon do?"))
        (cited,) = found.citations
        assert cited.quote == long[cited.start : cited.end]
        assert "experiment 80 the moon" in cited.quote
        assert "experiment 2 the moon" not in cited.quote

    def test_several_threads_count_for_themselves(self, embedding: MiniLMEmbedding) -> None:
        both = threading.Barrier(2, timeout=20)

        def play(e: Exchange) -> None:
            both.wait()
            tides = "Query: Why do tides rise?" in e.request.body["messages"][-1]["content"]
            answer("It is [1].", usage=(100, 1) if tides else (200, 2))(e)

        found: dict[str, Answer] = {}
        with EndpointServer(play) as server:
            peer = build("citation-engine", PAPERS, config(server), embedding)
            asked = ("Why do tides rise?", "What is rust made of?")
            threads = [threading.Thread(target=lambda q=q: found.update({q: peer.answer(item(q))})) for q in asked]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert [(found[q].prompt_tokens, found[q].completion_tokens) for q in asked] == [(100, 1), (200, 2)]

    def test_it_is_asked_again_like_our_own_modes(self, embedding: MiniLMEmbedding) -> None:
        with EndpointServer(unavailable(), rate_limit(0), answer("The moon [1].")) as server:
            found = build("citation-engine", PAPERS, config(server), embedding).answer(item("Why do tides rise?"))
        assert found.answer == "The moon [1]."
        assert len(completions(server)) == 3

    def test_a_reply_has_the_time_that_ours_have_in_all(self, embedding: MiniLMEmbedding) -> None:
        with EndpointServer(slow(2.5, answer("The moon [1]."))) as server:
            hurried = replace(config(server), first_token=1, between_tokens=1, total=20)
            found = build("citation-engine", PAPERS, hurried, embedding).answer(item("Why do tides rise?"))
        assert found.answer == "The moon [1]."

    @pytest.mark.parametrize(
        ("behaviour", "raised", "requests"),
        [(unavailable(), ModelServerError, 3), (quota(), QuotaExhausted, 1), (error(400, "No."), ModelUnknown, 1)],
    )
    def test_an_endpoint_that_fails_is_no_answer(
        self, embedding: MiniLMEmbedding, behaviour: Any, raised: type[Exception], requests: int
    ) -> None:
        with EndpointServer(behaviour) as server:
            peer = build("citation-engine", PAPERS, config(server), embedding)
            with pytest.raises(raised, match="any-model"):
                peer.answer(item("Why do tides rise?"))
        assert len(completions(server)) == requests


SOURCES = [Source(PAPERS[0], 0, 4, 0.9), Source(PAPERS[0], 5, 10, 0.8), Source(PAPERS[1], 0, 3, 0.7)]


@pytest.mark.parametrize(
    ("text", "papers", "read"),
    [
        ("Yes [1].", "bees", "Yes [1]."),
        ("Yes [3][1].", "tides bees", "Yes [1][2]."),
        ("Yes [1, 3].", "bees tides", "Yes [1][2]."),
        ("Yes [1-3].", "bees bees tides", "Yes [1][2][3]."),
        ("Yes [Source 3].", "tides", "Yes [1]."),
        ("Yes \\[3\\].", "tides", "Yes [1]."),
        ("Yes [[3]].", "tides", "Yes [1]."),
        ("Yes 【3†】.", "tides", "Yes [1]."),
        ("As Source 3 says, yes.", "tides", "As [1] says, yes."),
        ("Sources 2 and 3 say yes.", "bees tides", "[1][2] say yes."),
        ("Yes [4].", "", "Yes."),
        ("Yes [0].", "", "Yes."),
        ("Since 2021 it has 3 sources.", "", "Since 2021 it has 3 sources."),
        ("Both [2] say so [1]. Yes [2].", "bees bees", "Both [1] say so [2]. Yes [1]."),
        ("", "", "Empty Response"),
    ],
)
def test_markers_are_read_and_numbered_anew(text: str, papers: str, read: str) -> None:
    # A long abstract makes two sources: 1 and 2 are of one paper.
    found, citations = rewritten(text, places(text, 3), SOURCES)
    assert found == read
    assert " ".join(c.paper_id for c in citations) == papers
    assert [c.marker for c in citations] == list(range(1, len(citations) + 1))


@given(st.text(alphabet="[]()【】\\0123456789, -Source†\n"))
def test_whatever_it_says_only_its_sources_are_cited(text: str) -> None:
    found, citations = rewritten(text, places(text, 2), SOURCES)
    assert found
    assert {c.marker for c in citations} == set(range(1, len(citations) + 1))
    for c in citations:
        assert f"[{c.marker}]" in found


@pytest.mark.parametrize("title", ["Why tides rise", "The moon pulls the oceans."])
def test_a_chunk_is_found_in_the_abstract(title: str) -> None:
    paper = Paper("p", title, "The moon pulls the oceans. Tides rise.", "")
    assert source(paper, document(paper), 0.5) == Source(paper, 0, 38, 0.5)
    assert source(paper, "Tides rise.", None) == Source(paper, 27, 38, 0.0)
    assert source(paper, "something else", 0.5) == Source(paper, 0, 38, 0.5)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cites"),
    [
        ("", False),
        ("Empty Response", False),
        ("I cannot answer this.", False),
        ("I cannot answer.", True),
        ("I'm sorry, but that is beyond me [1].", True),
        ("There is no information about chickens in the sources.", False),
        ("The learning rate is not mentioned.", False),
        ("Unfortunately, the abstract of QLoRA does not go into that.", False),
        ("It isn’t specified.", False),
        ("The provided sources do not mention a learning rate [1][2].", True),
        ("None of the provided sources discuss chickens [1]. They are about GPUs [2].", True),
        ("The abstract doesn't explicitly state the rate. It finetunes a 65B model [1].", True),
        ("Based on the given sources, it is not possible to determine the rate [2].", True),
    ],
)
def test_what_declines(text: str, cites: bool) -> None:
    assert abstains(text, cites=cites)


@pytest.mark.parametrize(
    ("text", "cites"),
    [
        ("The rate is 0.1 [1].", True),
        ("The rate is 0.1.", False),
        ("It does not need a GPU, but a CPU [1].", True),
        ("The rate is 0.1 [1]. The sources do not mention the batch size.", True),
        ("It trains without labels [2]. It is not clear how fast it is.", True),
        ("MTT did not scale because it was not optimized for memory.", False),
    ],
)
def test_what_does_not_decline(text: str, cites: bool) -> None:
    assert not abstains(text, cites=cites)


# --- the plain index --------------------------------------------------------------------------------------------------


class TestVectorIndex:
    def test_every_sentence_cites_what_was_read(self, embedding: MiniLMEmbedding) -> None:
        with EndpointServer(answer("The moon pulls, e.g. the sea [7]. Twice a day!")) as server:
            found = checked(build("vector-index", PAPERS, config(server), embedding).answer(item("Why do tides rise?")))
        assert found.answer == "The moon pulls, e.g. the sea [1][2]. Twice a day [1][2]!"
        assert [c.paper_id for c in found.citations] == [r.paper_id for r in found.retrieved]
        assert found.citations[0].quote == ABSTRACTS["tides"]
        assert (found.prompt_tokens, found.completion_tokens) == (7, 3)
        prompt = completions(server)[0].body["messages"][-1]["content"]
        assert "Context information is below." in prompt
        assert "paper_id" not in prompt

    def test_a_refusal(self, embedding: MiniLMEmbedding) -> None:
        with EndpointServer(answer("The context does not mention zebras.")) as server:
            found = checked(build("vector-index", PAPERS, config(server), embedding).answer(item("Which zebra?")))
        assert found.abstained
        assert found.answer == "The context does not mention zebras."

    def test_a_follow_up(self, embedding: MiniLMEmbedding) -> None:
        peer = VectorIndex(PAPERS, Parrot(word="-"), embedding)
        found = checked(peer.answer(item("and why?", ("user", "Tell me about iron."), ("assistant", "It rusts."))))
        assert found.standalone_question == "What makes rust?"
        assert found.retrieved[0].paper_id == "rust"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("One. Two.", "One [1]. Two [1]."),
        ("No full stop", "No full stop [1]"),
        ("# Tides\n\n- They rise.\n- They **fall.**", "# Tides\n\n- They rise [1].\n- They **fall [1].**"),
        ("Namely:\n\n```\nx = 1.\n```\n---", "Namely: [1]\n\n```\nx = 1.\n```\n---"),
        ("By 2.5 m. “So it is.” Really?", "By 2.5 m [1]. “So it is [1].” Really [1]?"),
        ("", ""),
    ],
)
def test_markers_stand_under_each_sentence(text: str, read: str) -> None:
    assert under(text, "[1]") == read


@given(st.text(alphabet='aB. !?:#`*-\n"”)12'))
def test_nothing_but_markers_is_added(text: str) -> None:
    assert re.sub(r"\s", "", under(text, "[1]").replace("[1]", "")) == re.sub(r"\s", "", text)


# --- building ---------------------------------------------------------------------------------------------------------


class TestBuild:
    @pytest.fixture
    def remote(self) -> Iterator[Config]:
        yield Config(llm="openai", model="any-model", base_url="https://models.example/v1", api_key="k")

    @pytest.mark.parametrize("name", ["vector-index", "citation-engine"])
    def test_names_and_jobs(self, embedding: MiniLMEmbedding, remote: Config, name: str) -> None:
        assert name in PEERS
        there = build(name, PAPERS, remote, embedding)
        here = build(name, PAPERS, Config(llm="openai", model="m", base_url="http://127.0.0.1:1/v1"), embedding)
        assert (there.name, there.jobs, here.jobs) == (name, 4, 1)
        about = there.about()
        assert about["model"] == "any-model"
        assert about["llama-index-core"]
        assert json.loads(json.dumps(about)) == about
        assert about["code"] == here.about()["code"]

    def test_an_unknown_name(self, embedding: MiniLMEmbedding, remote: Config) -> None:
        with pytest.raises(UsageError, match=r"'paper-qa'.*vector-index, citation-engine, paperqa"):
            build("paper-qa", PAPERS, remote, embedding)

    def test_without_a_model(self, embedding: MiniLMEmbedding) -> None:
        with pytest.raises(ConfigError, match="RAG_MODEL"):
            build("vector-index", PAPERS, Config(llm="none"), embedding)

    def test_without_paper_qa_it_says_how_to_install_it(
        self, embedding: MiniLMEmbedding, remote: Config, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "paperqa", None)
        monkeypatch.delitem(sys.modules, "eval.peers.paperqa", raising=False)
        monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "")
        with pytest.raises(ConfigError, match=r'pip install "paper-rag\[peers\]"'):
            build("paperqa", PAPERS, remote, embedding)
