"""What one question is asked with: some of the papers, another model or mode, and how much of an answer."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import endpoint_server as play
import pytest
from endpoint_server import EndpointServer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from queued_llm import QueuedLLM
from serving import ROOT
from writers import assert_honest

from rag import Answer, Config, ConfigError, Options, Rag, Step, Text, Turn, UsageError, build
from rag.cli.choosing import chosen
from rag.core.markdown import as_it_is
from rag.core.resources import seeds
from rag.papers import load

PAPERS = load([seeds()]).papers
IDS = [p.id for p in PAPERS]
TITLES = {p.id: p.title for p in PAPERS}


def ids(*beginnings: str) -> frozenset[str]:
    """The papers whose titles begin so."""
    found = {b: [p.id for p in PAPERS if p.title.startswith(b)] for b in beginnings}
    assert all(len(some) == 1 for some in found.values()), found
    return frozenset(some[0] for some in found.values())


def cited(answer: Answer) -> set[str]:
    return {c.paper_id for c in answer.citations}


GPIPE, HOLMES, QLORA = (next(iter(ids(name))) for name in ("GPipe", "Holmes", "QLoRA"))
OTHERS = ids("FlashRNN", "OpenVLA", "S-LoRA", "EasySpec")
REFERENCE = [json.loads(line) for line in (ROOT / "eval" / "questions.jsonl").read_text().splitlines()]
ASKED = [(i["question"], tuple(Turn(**t) for t in i["history"])) for i in REFERENCE if i["split"] == "dev"][::4]
ABOUT_GPIPE = (Turn("user", "What is GPipe?"), Turn("assistant", f"**{TITLES[GPIPE]}** is a library."))


class TestPapers:
    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(chosen=st.sets(st.sampled_from(IDS), min_size=1, max_size=30), asked=st.sampled_from(ASKED))
    @example(chosen={GPIPE}, asked=("And how fast is it?", (Turn("user", "What does QLoRA save?"),)))
    @example(chosen={QLORA, HOLMES}, asked=("Which of them is faster?", ABOUT_GPIPE))
    @example(chosen={QLORA, HOLMES}, asked=("How do they differ?", ()))
    @example(chosen=set(OTHERS), asked=("How do GPipe, Holmes and QLoRA differ?", ()))
    @example(chosen=set(OTHERS), asked=("Compare the paper on pipeline parallelism with the one on NICs.", ()))
    def test_nothing_else_is_cited_retrieved_or_named(
        self, collection: Rag, chosen: set[str], asked: tuple[str, tuple[Turn, ...]]
    ) -> None:
        question, history = asked
        answer = collection.ask(question, history, options=Options(papers=frozenset(chosen)))
        assert_honest(answer, collection)
        assert cited(answer) <= chosen
        assert {r.paper_id for r in answer.retrieved} <= chosen
        assert len(answer.retrieved) <= min(20, len(chosen))
        assert answer.searched == len(chosen)
        spoken = question + "".join(t.content for t in history)
        quoted = "".join(c.quote for c in answer.citations)
        for id in set(IDS) - chosen:
            assert as_it_is(TITLES[id]) not in answer.answer or TITLES[id] in spoken + quoted, TITLES[id]

    @pytest.mark.parametrize(
        "question",
        [
            "What does double quantization save in QLoRA?",
            "How do GPipe and Holmes each use pipeline parallelism?",
            "Which papers are about speculative decoding?",
            "pretraining a 7B model on a single 24 GB card without any offloading",
            "How many papers are there?",
            "What is the capital of France?",
            "hello",
        ],
    )
    def test_all_papers_are_no_restriction(self, collection: Rag, question: str) -> None:
        free, chosen = (collection.ask(question, options=o).to_json() for o in (None, Options(papers=frozenset(IDS))))
        assert {**free, "timings_ms": 0} == {**chosen, "timings_ms": 0}

    def test_one_that_is_chosen_answers_as_it_does_among_all(self, collection: Rag) -> None:
        question = "What does double quantization save in QLoRA?"
        free = collection.ask(question)
        chosen = collection.ask(question, options=Options(papers=OTHERS | {QLORA}))
        assert chosen.answer == free.answer
        assert chosen.citations == free.citations
        assert chosen.searched == 5

    @pytest.mark.parametrize(
        "question",
        [
            "What does double quantization save in QLoRA?",
            "how much memory does qlora need for 65B",
        ],
    )
    def test_one_that_is_not_is_not_replaced_by_another(self, collection: Rag, question: str) -> None:
        assert not collection.ask(question).abstained
        answer = collection.ask(question, options=Options(papers=OTHERS))
        assert answer.abstained
        assert cited(answer) <= OTHERS
        assert answer.searched == 4
        assert answer.headline is None

    def test_a_list_is_the_part_of_the_whole_one_that_was_chosen(self, collection: Rag) -> None:
        for question in ("Which papers are about quantization?", "Which papers are about mixture of experts?"):
            whole = list(dict.fromkeys(c.paper_id for c in collection.ask(question).citations))
            assert len(whole) > 3
            half = whole[1::2] + [id for id in IDS if id not in whole][:20]
            answer = collection.ask(question, options=Options(papers=frozenset(half)))
            assert cited(answer) >= set(whole[1::2])
            assert f"**{len(cited(answer))} of {len(half)} papers** fit this; all were considered." in answer.answer

    def test_the_number_of_papers_is_that_of_the_chosen(self, collection: Rag) -> None:
        answer = collection.ask("How many papers are there?", options=Options(papers=OTHERS))
        assert answer.answer == "You chose **4 papers**."

    def test_an_overview_is_one_of_the_chosen(self, collection: Rag) -> None:
        answer = collection.ask("What is this collection about?", options=Options(papers=OTHERS))
        assert answer.kind == "overview"
        assert cited(answer) == OTHERS

    def test_a_side_that_was_not_chosen_is_not_replaced_without_a_word(self, collection: Rag) -> None:
        chosen = Options(papers=OTHERS | {GPIPE})
        answer = collection.ask("Compare GPipe with QLoRA", options=chosen)
        assert GPIPE in cited(answer)
        assert answer.state != "answers"
        assert cited(answer) <= OTHERS | {GPIPE}

    def test_a_follow_up_to_a_paper_that_was_not_chosen(self, collection: Rag) -> None:
        answer = collection.ask("How many layers does it split?", ABOUT_GPIPE, options=Options(papers=OTHERS))
        assert answer.abstained
        assert cited(answer) <= OTHERS

    def test_a_follow_up_to_one_that_was(self, collection: Rag) -> None:
        answer = collection.ask("How does it get its name?", ABOUT_GPIPE, options=Options(papers=OTHERS | {GPIPE}))
        assert "GPipe" in answer.standalone_question
        assert cited(answer) == {GPIPE}

    def test_a_few_are_what_they_are(self, collection: Rag) -> None:
        answer = collection.ask("How do GPipe and Holmes differ?", options=Options(papers=frozenset({GPIPE, HOLMES})))
        assert answer.kind == "comparison"
        assert cited(answer) == {GPIPE, HOLMES}

    @pytest.mark.parametrize(
        ("papers", "message"),
        [
            ({"no-such-paper"}, "no paper with the id 'no-such-paper': rag papers"),
            ({GPIPE, "b-gone", "a-gone"}, "'a-gone' and 1 more"),
        ],
    )
    def test_papers_that_are_not_there(self, collection: Rag, papers: set[str], message: str) -> None:
        with pytest.raises(UsageError, match=message):
            collection.ask("What is GPipe?", options=Options(papers=frozenset(papers)))

    def test_in_asyncio(self, collection: Rag) -> None:
        answer = asyncio.run(collection.aask("How do GPipe and Holmes differ?", options=Options(papers=OTHERS)))
        assert answer.searched == 4


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"papers": frozenset()}, "at least one"),
        ({"papers": "gpipe"}, "set of their ids"),
        ({"papers": {1, 2}}, "set of their ids"),
        ({"most": 11}, "11 papers .* 1 to 10"),
        ({"most": -1}, "1 to 10"),
        ({"most": True}, "1 to 10"),
        ({"mode": "guessing"}, "guessing.*quoting or generating"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Options(**given)


def test_how_many_papers_answer_a_description(collection: Rag) -> None:
    question = "my assistant should emit several words per forward pass: extra training nearly free, and no RAM eaten"
    found = {n: collection.ask(question, options=Options(most=n)) for n in (0, 1, 2, 10)}
    assert 1 <= len(cited(found[1])) <= len(cited(found[2])) <= len(cited(found[10]))
    everything = "Which papers are about speculative decoding?"
    assert collection.ask(everything, options=Options(most=1)).answer == collection.ask(everything).answer


def test_steps_say_what_is_searched_and_quoted(collection: Rag) -> None:
    options = Options(papers=OTHERS | {GPIPE})
    events = list(collection.stream("What is GPipe?", options=options))
    assert [e.detail for e in events if isinstance(e, Step)] == [
        "Reading the question",
        "Searching 5 papers",
        "Quoting 1 paper",
    ]


class TestModels:
    HELD = "GPipe is a pipeline parallelism library"
    FALSE = "GPipe was trained on 9,000 bananas"

    @pytest.fixture
    def writing(self, collection: Rag, collection_home: Path) -> Any:
        llm = QueuedLLM(f"STATE: answers\n\n{self.HELD} [1.1]. {self.FALSE} [1.1].")
        rag = build(Config(home=collection_home), llm=llm)
        yield rag, llm
        rag.close()

    def test_quoting_asks_no_model(self, writing: Any) -> None:
        rag, llm = writing
        answer = rag.ask("What is GPipe?", options=Options(mode="quoting"))
        assert not llm.asked
        assert answer.mode == "quoting"
        assert answer.model is None
        assert rag.ask("What is GPipe?").mode == "generating"

    @pytest.mark.parametrize("strict", [True, False])
    def test_strictness(self, writing: Any, strict: bool) -> None:
        rag, _ = writing
        answer = rag.ask("What is GPipe?", options=Options(strict=strict))
        assert ("bananas" in answer.answer) == (not strict)
        (claim,) = answer.doubtful
        assert "bananas" in claim.text
        assert answer.label(claim) == ("left out" if strict else "unsupported")

    def test_what_cannot_be_traced_is_replaced_by_quotes_with_a_warning(self, writing: Any) -> None:
        rag, llm = writing
        llm.say(f"STATE: answers\n\n{self.FALSE} [1.1].")
        answer = rag.ask("What is GPipe?")
        assert answer.mode == "quoting"
        assert answer.citations
        assert any("could be traced to a sentence; only exact quotes" in w for w in answer.warnings)

    def test_what_is_written_is_checked(self, writing: Any) -> None:
        rag, _ = writing
        events = list(rag.stream("What is GPipe?"))
        steps = [e.detail for e in events if isinstance(e, Step)]
        assert steps[1] == f"Searching {len(IDS)} papers"
        assert re.fullmatch(r"Reading \d+ papers?", steps[2])
        assert self.HELD in "".join(e.text for e in events if isinstance(e, Text))
        *_, answer = events
        assert isinstance(answer, Answer)
        assert [c.verdict for c in answer.claims] == ["supported", "unsupported"]

    def test_the_model_reads_chosen_papers_only(self, writing: Any) -> None:
        rag, llm = writing
        chosen = frozenset(IDS[::3]) - {GPIPE}
        for question in (
            "How do GPipe and Holmes differ?",
            "Which papers are about quantization?",
            "fast serving",
        ):
            llm.say("STATE: answers\n\nNothing is said of it [1.1].")
            answer = rag.ask(question, options=Options(papers=chosen))
            assert_honest(answer, rag)
            read = "".join(llm.prompt(n) for n in range(len(llm.asked)))
            assert cited(answer) <= chosen
            for id in set(IDS) - chosen:
                assert TITLES[id] not in read

    def test_generating_without_a_model(self, collection: Rag) -> None:
        assert collection.models == ()
        with pytest.raises(ConfigError, match="RAG_MODEL"):
            collection.ask("What is GPipe?", options=Options(mode="generating"))
        with pytest.raises(UsageError, match=r"'gpt-9' .*quoted"):
            collection.ask("What is GPipe?", options=Options(model="gpt-9"))

    def test_models_that_the_operator_allows(self, collection: Rag, collection_home: Path) -> None:
        with EndpointServer(play.answer(f"STATE: answers\n\n{self.HELD} [1.1].")) as server:
            settings = Config(home=collection_home, base_url=server.url, model="usual", models=("small", "usual"))
            with build(settings) as rag:
                assert rag.model == "usual"
                assert rag.models == ("usual", "small")
                for name in ("small", "usual", None):
                    assert rag.ask("What is GPipe?", options=Options(model=name)).mode == "generating"
                asked = [r.body["model"] for r in server.requests if r.body]
                assert list(dict.fromkeys(asked)) == ["small", "usual"]
                before = len(server.requests)
                with pytest.raises(UsageError, match=r"'gpt-9' .*usual, small"):
                    rag.ask("What is GPipe?", options=Options(model="gpt-9"))
                assert len(server.requests) == before


def test_models_are_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_MODELS", " qwen3, llama3:8b,,qwen3 ")
    assert Config.load().models == ("qwen3", "llama3:8b")
    with pytest.raises(ConfigError, match=r"qwen3, llama3:8b.*RAG_MODEL"):
        _ = Config.load().generating
    assert not Config.load(llm="none").generating
    monkeypatch.setenv("RAG_MODELS", "two words")
    with pytest.raises(ConfigError, match="RAG_MODELS"):
        Config.load()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["GPipe"], {GPIPE}),
        (["  gpipe:   efficient "], {GPIPE}),
        ([GPIPE, "Holmes"], {GPIPE, HOLMES}),
        ([TITLES[QLORA], "QLoRA"], {QLORA}),
    ],
)
def test_papers_by_title_or_id(wanted: list[str], found: set[str]) -> None:
    assert chosen(wanted, PAPERS) == Options(papers=frozenset(found))


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            "Flash",
            r"'Flash' names 3 papers: Flash-LLM.*; FlashRNN.*; FlashAttention-2.*Give more of the title",
        ),
        ("Zorblax", r"'Zorblax' names no paper .*rag papers WORDS"),
        ("  ", "empty"),
    ],
)
def test_papers_that_no_title_tells(wanted: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        chosen(["GPipe", wanted], PAPERS)


def test_a_caution_that_is_none_is_named() -> None:
    with pytest.raises(UsageError, match=r"'timid' .*careful, usual, bold"):
        Options(caution="timid")  # type: ignore[arg-type]


def test_no_paper_wanted_is_no_restriction() -> None:
    assert chosen(None, PAPERS) is None
    assert chosen([], PAPERS) is None
