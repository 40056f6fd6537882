"""The comparison with LlamaIndex's own citation engine: what counts as cited, as declined, and how sure it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from endpoint_server import EndpointServer, answer
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.bridge.pydantic import Field
from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_completion_callback

from eval import peers
from rag.evaluation import intervals
from eval.citation_engine import CitationEngine, abstains, cited
from eval.peer_tables import Record, figures, markdown, measure, report
from eval.quality import Question, read_questions
from rag import Paper, Rag, Turn
from rag.embedding import BuiltinEmbedding
from rag.endpoint import Endpoint

PAPERS = [
    Paper("bees", "How bees dance", "Bees dance to show where food is. The angle tells the direction.", ""),
    Paper("tides", "Why tides rise", "The moon pulls the oceans. Tides rise twice a day by 2.5 m.", ""),
    Paper("rust", "The chemistry of rust", "Iron and oxygen make rust. Salt water makes it faster.", ""),
]
ABSTRACTS = {p.id: p.abstract for p in PAPERS}


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
def embedding() -> BuiltinEmbedding:
    return BuiltinEmbedding(threads=1)


def question(id: str, gold: Sequence[str] = (), kind: str = "fact", **others: Any) -> Question:
    fields: dict[str, Any] = {"question": f"{id}?", "facts": (), "borderline": frozenset(), "missing": ()}
    fields |= {"split": "dev", "history": (), "sort": ""} | others
    return Question(id=id, kind=kind, gold=frozenset(gold), **fields)


def record(q: Question, system: str = "peer", error: str = "", seconds: float = 1.0, **answer: Any) -> Record:
    if system == "peer":
        answer = {"answer": "", "sources": [], "prompt_tokens": 10, "completion_tokens": 5} | answer
    else:
        answer = {"answer": "", "abstained": False, "citations": [], "claims": [], "mode": "generating"} | answer
    return Record(system, q.id, "m", "r", "q", seconds, error, {} if error else answer)


# --- the peer ---------------------------------------------------------------------------------------------------------


class TestEngine:
    @pytest.mark.parametrize(
        ("word", "asked", "paper"),
        [("moon", "Why do tides rise?", "tides"), ("Iron", "What is rust made of?", "rust")],
    )
    def test_markers_resolve_to_papers(self, embedding: BuiltinEmbedding, word: str, asked: str, paper: str) -> None:
        engine = CitationEngine(PAPERS, Parrot(word=word), embedding)
        said = engine.ask(asked, ())
        assert cited(said["answer"], said["sources"]) == (paper,)
        assert said["answer"].startswith(ABSTRACTS[paper])
        assert not abstains(said["answer"], said["sources"])
        assert len(said["sources"]) == 2, "its default is two papers"
        assert said["prompt_tokens"] > 100 > said["completion_tokens"] > 5

    def test_a_follow_up_is_rewritten_with_its_history(self, embedding: BuiltinEmbedding) -> None:
        llm = Parrot(word="Iron")
        engine = CitationEngine(PAPERS, llm, embedding)
        history = (Turn("user", "Tell me about iron."), Turn("assistant", "It rusts."))
        said = engine.ask("and why?", history)
        assert "user: Tell me about iron." in llm.prompts[0]
        assert "assistant: It rusts." in llm.prompts[0]
        assert said["standalone_question"] == "What makes rust?"
        assert cited(said["answer"], said["sources"]) == ("rust",)
        alone = engine.ask("What makes rust?", ())
        assert said["prompt_tokens"] > alone["prompt_tokens"], "both calls count, and each answer for itself"

    def test_tokens_are_those_of_the_endpoint(self, embedding: BuiltinEmbedding) -> None:
        with EndpointServer(answer("The moon ", "does [1].")) as server:
            engine = CitationEngine(PAPERS, Endpoint("any-model", base_url=server.url, api_key=None), embedding)
            said = engine.ask("Why do tides rise?", ())
        assert (said["answer"], said["prompt_tokens"], said["completion_tokens"]) == ("The moon does [1].", 7, 3)
        assert engine.model == "any-model"
        prompt = server.requests[0].body["messages"][-1]["content"]
        assert "Source 1:\nWhy tides rise\n\nThe moon pulls the oceans." in prompt
        assert "paper_id" not in prompt

    def test_nothing_to_say(self, embedding: BuiltinEmbedding) -> None:
        said = CitationEngine(PAPERS, Parrot(word="zebra"), embedding).ask("Which zebra?", ())
        assert abstains(said["answer"], said["sources"])


@pytest.mark.parametrize(
    ("text", "papers"),
    [
        ("Yes [1].", ("a",)),
        ("Yes [3][1].", ("b", "a")),
        ("Yes [1, 3].", ("a", "b")),
        ("Yes [1-3].", ("a", "b")),
        ("Yes [Source 3].", ("b",)),
        ("Yes 【3†】.", ("b",)),
        ("As Source 3 says, yes.", ("b",)),
        ("Sources 2 and 3 say yes.", ("a", "b")),
        ("Yes [4].", ()),
        ("Yes [0].", ()),
        ("Since 2021 it has 3 sources.", ()),
        ("Both [2] say so [1].", ("a",)),
    ],
)
def test_cited(text: str, papers: tuple[str, ...]) -> None:
    # A long abstract makes two sources: 1 and 2 are of one paper.
    assert cited(text, ["a", "a", "b"]) == papers


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Empty Response",
        "I cannot answer this.",
        "There is no information about chickens in the sources.",
        "The learning rate is not mentioned.",
        "Unfortunately, the abstract of QLoRA does not go into that.",
        "It isn’t specified.",
        "The provided sources do not mention a learning rate [1][2].",
        "None of the provided sources discuss chickens [1]. They are about GPUs [2].",
        "The abstract doesn't explicitly state the rate. It finetunes a 65B model [1].",
        "Based on the given sources, it is not possible to determine the rate [2].",
    ],
)
def test_what_declines(text: str) -> None:
    assert abstains(text, ["a", "b"])


@pytest.mark.parametrize(
    "text",
    [
        "The rate is 0.1 [1].",
        "The rate is 0.1.",
        "It does not need a GPU, but a CPU [1].",
        "The rate is 0.1 [1]. The sources do not mention the batch size.",
        "It trains without labels [2]. It is not clear how fast it is.",
        "MTT did not scale because it was not optimized for memory.",
    ],
)
def test_what_does_not_decline(text: str) -> None:
    assert not abstains(text, ["a", "b"])


@given(st.text(alphabet="[]()【】0123456789, -Source†\n"))
def test_whatever_it_says_only_its_sources_are_cited(text: str) -> None:
    assert set(cited(text, ["a", "b"])) <= {"a", "b"}


# --- the intervals ----------------------------------------------------------------------------------------------------


class TestIntervals:
    def test_where_all_agree_there_is_no_width(self) -> None:
        found = intervals.mean([0.5] * 20, [str(n) for n in range(20)])
        assert (found.value, found.low, found.high, found.n, found.clusters) == (0.5, 0.5, 0.5, 20, 20)

    def test_a_known_mean(self) -> None:
        # Fifty of a hundred: the standard error is .05, so 1.96 of them on each side.
        found = intervals.mean([0, 1] * 50, [str(n) for n in range(100)])
        assert found.value == 0.5
        assert (found.low, found.high) == pytest.approx((0.402, 0.598), abs=0.011)

    def test_two_clusters_by_hand(self) -> None:
        # Drawn twice out of {0, 1}: 0, 1/2 or 1 with 1/4, 1/2, 1/4; the outer two are beyond 2.5% each.
        found = intervals.mean([0, 1], ["a", "b"])
        assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)

    def test_a_cluster_is_drawn_whole(self) -> None:
        values = [0, 1] * 50
        alone = intervals.mean(values, [str(n) for n in range(100)])
        agreeing = intervals.mean(values, [f"{n % 2} {n // 20}" for n in range(100)])
        balanced = intervals.mean(values, [str(n // 2) for n in range(100)])
        # Ten clusters that agree with themselves are worth ten questions: √10 times as wide.
        assert agreeing.clusters == 10
        assert (agreeing.high - agreeing.low) / (alone.high - alone.low) == pytest.approx(10**0.5, rel=0.15)
        assert (balanced.low, balanced.high) == (0.5, 0.5), "each cluster has one of both"

    def test_a_ratio_weighs_by_what_is_counted(self) -> None:
        found = intervals.ratio([3, 0], [9, 1], ["a", "b"])
        assert (found.value, found.low, found.high) == (0.3, 0.0, pytest.approx(1 / 3))

    def test_a_paired_difference(self) -> None:
        theirs = [0.0, 0.2, 0.5, 0.9, 0.3, 0.4]
        found = intervals.difference([t + 0.1 for t in theirs], theirs, list("abcdef"))
        assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
        assert found.decided
        assert not intervals.difference([1] * 6, [0] * 6, list("abcdee")).decided, "five are too few"
        other = intervals.difference([1, 0, 1, 0], [0, 1, 0, 1], list("abcd"))
        assert other.value == 0
        assert not other.decided

    def test_the_same_every_time(self) -> None:
        values, clusters = [0.1, 0.7, 0.2, 0.9], list("abca")
        assert intervals.mean(values, clusters) == intervals.mean(values, clusters)

    @pytest.mark.parametrize(
        ("parts", "wholes", "clusters"), [([], [], []), ([1], [0], ["a"]), ([1], [1], []), ([1, 2], [1], ["a"])]
    )
    def test_what_has_no_interval(self, parts: list[float], wholes: list[float], clusters: list[str]) -> None:
        with pytest.raises(ValueError, match="question"):
            intervals.ratio(parts, wholes, clusters)


# --- the measures -----------------------------------------------------------------------------------------------------


class TestMeasures:
    def test_gold_papers_and_facts(self) -> None:
        q = question("q", ["a", "b"], facts=(("2\\.5", "two and a half"), ("moon",)), borderline=frozenset("c"))
        found = measure(q, record(q, answer="The Moon: 2\\.5 [1][2][3].", sources=["a", "c", "d"]), {})
        assert found["gold papers cited"] == (0.5, 1)
        assert found["all gold papers cited"] == (False, 1)
        assert found["cited papers that are gold"] == (0.5, 1), "a borderline paper counts neither way"
        assert found["all key facts"] == (True, 1)
        assert found["wrongly abstained"] == (False, 1)
        assert found["tokens"] == (15, 1)

    def test_of_our_answers_quotes_and_claims_too(self) -> None:
        q = question("q", ["bees"])
        quotes = [
            {"paper_id": "bees", "quote": "Bees dance", "start": 0, "end": 10},
            {"paper_id": "bees", "quote": "Bees prance", "start": 0, "end": 10},
        ]
        claims = [{"verdict": v} for v in ("supported", "supported", "partly", "unsupported")]
        ours = record(q, "generating", citations=quotes, claims=claims, usage={"prompt_tokens": 7})
        found = measure(q, ours, ABSTRACTS)
        assert found["exact quotes"] == (1, 2)
        assert [found[f"claims {v}"] for v in ("supported", "partly", "unsupported")] == [(2, 4), (1, 4), (1, 4)]
        assert found["gold papers cited"] == (1, 1)
        assert found["tokens"] == (7, 1)
        assert found["written by the model"] == (True, 1)
        assert measure(q, record(q, "generating"), {})["written by the model"] == (False, 1), "it was never asked"

    def test_a_failure_is_worth_nothing(self) -> None:
        q, no = question("q", ["a"], facts=(("x",),)), question("no", kind="unanswerable")
        found = measure(q, record(q, error="ModelTimeout: slow"), {})
        assert {name: share[0] for name, share in found.items()} == {
            "gold papers cited": 0,
            "all gold papers cited": False,
            "all key facts": False,
            "wrongly abstained": False,
        }
        assert measure(no, record(no, error="ModelTimeout: slow"), {})["rightly abstained"] == (False, 1)

    def test_ours_minus_the_peer(self) -> None:
        questions = [question(f"q{n}", [f"p{n // 2}"]) for n in range(16)]
        questions += [question(f"u{n}", kind="unanswerable") for n in range(4)]
        records = []
        for q in questions:
            right = {"paper_id": next(iter(q.gold), ""), "quote": "", "start": 0, "end": 0}
            ours = {"citations": [right]} if q.gold else {"abstained": True}
            records.append(record(q, "quoting", **ours))
            records.append(record(q, answer="So it is [1].", sources=["p0"], seconds=3.0))
        found = {(f.group, f.measure): f for f in figures(questions, records, {})}
        cites = found["fact", "gold papers cited"]
        assert (cites.systems["quoting"].value, cites.systems["peer"].value) == (1, 0.125)
        assert cites.systems["peer"].clusters == 8, "two questions of each paper"
        assert cites.over_peer["quoting"].value == 0.875
        assert cites.over_peer["quoting"].decided
        assert found["unanswerable", "rightly abstained"].over_peer["quoting"].value == 1
        assert found["fact", "seconds"].over_peer["quoting"].value == -2

        text = markdown(list(found.values()), ["quoting", "peer"], {"time": "now"})
        assert "- time: now" in text
        assert (
            "| fact | gold papers cited | 16 | 1.00 [1.00, 1.00] | 0.12 [0.00, 0.38] | +0.88 [+0.62, +1.00]\\*" in text
        )
        whole = json.loads(report(list(found.values()), records, {}))
        assert [a["cited"] for a in whole["answers"][:2]] == [["p0"], ["p0"]]
        assert whole["answers"][-1]["abstained"] is False


# --- the run ----------------------------------------------------------------------------------------------------------


class Counting:
    """Answers anything, notes what it was asked, and fails where it is told to."""

    def __init__(self, name: str, model: str = "m", revision: str = "r", fail: Sequence[str] = ()) -> None:
        self.name, self.model, self.revision, self.fail = name, model, revision, fail
        self.asked: list[str] = []

    def ask(self, question: str, history: Sequence[Turn]) -> dict[str, Any]:
        self.asked.append(question)
        if question in self.fail:
            raise RuntimeError("the endpoint is gone")
        return {"answer": f"{question} \u2028 [1]", "sources": ["p"], "prompt_tokens": 1, "completion_tokens": 1}


QUESTIONS = [question(f"q{n}", ["p"]) for n in range(6)]


class TestRun:
    def test_in_turns(self) -> None:
        order: list[str] = []

        class Noting(Counting):
            def ask(self, question: str, history: Sequence[Turn]) -> dict[str, Any]:
                order.append(question)
                return super().ask(question, history)

        records = list(peers.run(QUESTIONS, [Noting("a"), Noting("b")]))
        assert len(records) == 12
        assert order[::2] == order[1::2], "both answer a question before the next one"
        assert {r.system for r in records[::2]} == {"a", "b"}, "nobody is always first"

    def test_nothing_is_asked_twice(self, tmp_path: Path) -> None:
        file = tmp_path / "answers.jsonl"
        first = [Counting("a"), Counting("b")]
        running = peers.run(QUESTIONS, first, file)
        early = [next(running) for _ in range(5)]
        running.close()
        with file.open("a") as out:
            out.write('{"system": "a", "id": "q')  # killed while writing
        second = [Counting("a"), Counting("b")]
        whole = list(peers.run(QUESTIONS, second, file))
        assert whole[:5] == early
        for before, after in zip(first, second, strict=True):
            assert sorted(before.asked + after.asked) == [f"q{n}?" for n in range(6)]
        third = [Counting("a"), Counting("b")]
        assert list(peers.run(QUESTIONS, third, file)) == whole
        assert third[0].asked == third[1].asked == []

    @pytest.mark.parametrize("other", [Counting("b"), Counting("a", "n"), Counting("a", revision="s")])
    def test_another_system_model_or_revision_is_asked(self, tmp_path: Path, other: Counting) -> None:
        file = tmp_path / "answers.jsonl"
        list(peers.run(QUESTIONS, [Counting("a")], file))
        list(peers.run(QUESTIONS, [other], file))
        assert len(other.asked) == 6

    def test_a_question_that_was_changed_is_asked(self, tmp_path: Path) -> None:
        file = tmp_path / "answers.jsonl"
        list(peers.run([question("q")], [Counting("a")], file))
        again = Counting("a")
        list(peers.run([question("q", history=(Turn("user", "Hello"),))], [again], file))
        assert again.asked == ["q?"]

    def test_a_failure_has_its_reason_and_the_run_goes_on(self, tmp_path: Path) -> None:
        file = tmp_path / "answers.jsonl"
        records = list(peers.run(QUESTIONS, [Counting("a", fail=["q2?"])], file))
        assert {r.id: r.error for r in records if r.error} == {"q2": "RuntimeError: the endpoint is gone"}
        assert len(records) == 6
        resumed, retried = Counting("a"), Counting("a")
        list(peers.run(QUESTIONS, [resumed], file))
        assert resumed.asked == []
        assert not any(r.error for r in peers.run(QUESTIONS, [retried], file, retry=True))
        assert retried.asked == ["q2?"]
        assert not any(r.error for r in peers.run(QUESTIONS, [Counting("a")], file)), "the newer answer holds"

    def test_fewer_are_among_more(self) -> None:
        everything = read_questions()
        four, nine = peers.choose(everything, 4), peers.choose(everything, 9)
        assert {q.id for q in four} < {q.id for q in nine} < {q.id for q in peers.choose(everything)}
        kinds = [q.kind for q in four]
        assert {kinds.count(kind) for kind in kinds} == {4}
        assert peers.choose(everything[::-1], 4) == four


def test_our_modes_answer_here_too(collection: Rag) -> None:
    ours = peers.Ours("quoting", collection)
    (q,) = [q for q in read_questions() if q.question.startswith("how much of my code do i have to rewrite")]
    (one,) = peers.run([q], [ours])
    found = measure(q, one, {p.id: p.abstract for p in collection.papers()})
    assert (one.error, ours.model) == ("", "")
    assert found["gold papers cited"] == (1, 1)
    assert found["all key facts"] == (True, 1)
    assert found["exact quotes"][0] == found["exact quotes"][1] > 0
    assert "tokens" not in found


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Counting]]:
    """`main` over stand-ins, so that no index is built; the list has what they were asked."""
    made = [Counting("quoting"), Counting("peer")]
    monkeypatch.setattr(peers, "prepare", lambda names, home, stack: ([s for s in made if s.name in names], {}))
    yield made


def run_main(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr("sys.argv", ["peers", *words])
    peers.main()


class TestCommand:
    def test_a_table_and_files(
        self, command: list[Counting], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = "--limit 2 --kind fact --kind unanswerable --systems peer --json a.json --markdown a.md"
        run_main(monkeypatch, *words.split())
        out, err = capsys.readouterr()
        assert "gold papers cited" in out
        assert "rightly abstained" in out
        assert "Failed: none" in out
        assert err.count(" peer: ") == 4, "progress goes to stderr"
        assert len(json.loads(Path("a.json").read_text())["answers"]) == 4
        assert "| fact | gold papers cited | 2 |" in Path("a.md").read_text()
        assert command[0].asked == []

    def test_what_failed_is_told(
        self, command: list[Counting], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (q,) = peers.choose(read_questions(split="dev", kinds=["list"]), 1)
        command[1].fail = [q.question]
        run_main(monkeypatch, *"--limit 1 --kind list --systems peer --markdown a.md".split())
        told = f"peer {q.id} (RuntimeError: the endpoint is gone)"
        assert told in capsys.readouterr().out
        assert told in Path("a.md").read_text()

    def test_answers_only(
        self, command: list[Counting], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run_main(monkeypatch, *"--limit 1 --systems peer --answers-only --resume a.jsonl".split())
        assert capsys.readouterr().out == ""
        assert len(Path("a.jsonl").read_text().splitlines()) > 0
        with pytest.raises(SystemExit):
            run_main(monkeypatch, "--answers-only")
        assert "--resume" in capsys.readouterr().err

    def test_without_a_model_it_says_what_to_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(SystemExit, match="RAG_MODEL"):
            run_main(monkeypatch, "--limit", "1", "--systems", "peer")
