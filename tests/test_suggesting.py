"""Suggested questions: each is answered, stands alone, shows something new, and is said as a person would say it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hostile import HOSTILE
from queued_llm import QueuedLLM
from serving import ROOT

from rag import Answer, Citation, Config, Options, Rag, Turn, UsageError, build
from rag.ask.names import Names
from rag.ask.suggesting.candidates import Candidate, _introduced
from rag.ask.suggesting.cues import details
from rag.ask.suggesting.subject import Subject, sentences
from rag.ask.suggesting.terms import in_general, topics_of
from rag.ask.suggesting.trial import Trial
from rag.core.errors import ModelUnreachable
from rag.llm.prompts import prompt, source
from rag.papers import Paper, paper_id

ASKED = (
    "What does double quantization save in QLoRA?",
    "Compare GPTQ and SqueezeLLM",
    "Which papers are about mixture-of-experts models?",
    "How does BatchLLM share prefixes?",
    "Who won the world cup in 1998?",
    "At which conference did FineQuant appear?",
)


def history(answers: Sequence[Answer]) -> list[Turn]:
    """The conversation, as the page sends it with the next question."""
    return [turn for a in answers for turn in (Turn("user", a.question), Turn("assistant", a.answer))]


def quotes(answers: Sequence[Answer]) -> set[tuple[str, int, int]]:
    return {(c.paper_id, c.start, c.end) for a in answers for c in a.citations}


@pytest.fixture(scope="module")
def conversation(collection: Rag) -> list[Answer]:
    """One answer after another, each asked in the light of those before it."""
    answers: list[Answer] = []
    for question in ASKED:
        answers.append(collection.ask(question, history(answers)))
    return answers


@pytest.mark.parametrize("turn", range(1, len(ASKED) + 1))
def test_every_suggestion_is_answered_alone_and_in_the_conversation(
    collection: Rag, conversation: list[Answer], turn: int
) -> None:
    before = conversation[:turn]
    found = collection.suggest(before)
    assert len(found) == len(set(found)) == 3
    assert not {q.casefold() for q in found} & {a.question.casefold() for a in before}
    for question in found:
        follow_up, alone = collection.ask(question, history(before)), collection.ask(question)
        assert not follow_up.abstained
        assert not follow_up.missing
        assert follow_up.standalone_question == question, "the question is understood without the conversation"
        assert quotes([follow_up]) == quotes([alone]), "and means the same with it"
        assert quotes([follow_up]) - quotes(before), "and its answer shows what was not shown yet"


def test_suggestions_are_of_the_papers_on_the_table(collection: Rag) -> None:
    answer = collection.ask("Compare GPTQ and SqueezeLLM")
    assert any(re.search("GPTQ|SqueezeLLM", question) for question in collection.suggest([answer]))


def test_after_an_abstention_something_near_is_offered_that_can_be_answered(collection: Rag) -> None:
    answer = collection.ask("At which conference did FineQuant appear?")
    assert answer.abstained
    assert any("FineQuant" in question for question in collection.suggest([answer]))


def test_suggestions_differ_in_kind(collection: Rag, conversation: list[Answer]) -> None:
    for turn in range(1, len(conversation) + 1):
        kinds = [question.split()[0:2] for question in collection.suggest(conversation[:turn])]
        assert any(kind != kinds[0] for kind in kinds), kinds


def test_a_suggestion_that_was_asked_is_not_made_again(collection: Rag) -> None:
    answers = [collection.ask("How does GPTQ work?")]
    for _ in range(3):
        first = collection.suggest(answers)[0]
        assert first.casefold() not in {a.question.casefold() for a in answers}
        answers.append(collection.ask(first, history(answers)))


def test_as_many_as_are_wanted_and_always_the_same(collection: Rag) -> None:
    answer = collection.ask("How does QLoRA work?")
    assert collection.suggest([answer], count=1) == collection.suggest([answer], count=1)
    assert len(collection.suggest([answer], count=1)) == 1
    assert collection.suggest([answer], count=0) == ()


def test_a_restricted_conversation_gets_suggestions_of_its_papers_only(collection: Rag) -> None:
    chosen = frozenset(p.id for p in collection.papers() if re.match("GPTQ|SqueezeLLM|QLoRA", p.title))
    assert len(chosen) == 3
    options = Options(papers=chosen)
    answer = collection.ask("How does GPTQ work?", options=options)
    found = [*collection.suggest([answer], options=options), *collection.suggest([], options=options)]
    assert len(found) > 3
    for question in found:
        reply = collection.ask(question, options=options)
        assert not reply.abstained
        assert {c.paper_id for c in reply.citations} <= chosen
    with pytest.raises(UsageError, match="no paper with the id"):
        collection.suggest([answer], options=Options(papers=frozenset({"gone"})))


def test_an_answer_about_papers_that_are_gone_is_no_error(collection: Rag) -> None:
    answer = collection.ask("How does GPTQ work?")
    gone = Answer.from_json(json.loads(json.dumps(answer.to_json()).replace(answer.citations[0].paper_id, "gone")))
    assert all(not collection.ask(question).abstained for question in collection.suggest([gone]))


def test_an_empty_chat_begins_with_a_fact_a_comparison_a_list_and_a_figure(collection: Rag) -> None:
    found = collection.starters()
    answers = [collection.ask(question) for question in found]
    assert not any(a.abstained for a in answers)
    assert [a.kind for a in answers] == ["single", "comparison", "list", "single"]
    assert re.search(r"\d", answers[3].answer)
    assert found == collection.starters() == collection.suggest([], count=4)


SHELL = (
    "We study {0} in cities. However, {0} is difficult to measure. Our results show that {0} grew by {1}% in ten years."
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    """A collection whose every title is an attack, but for two papers."""
    home = tmp_path_factory.mktemp("hostile")
    papers = [{"title": p, "abstract": f"We propose a method. {SHELL.format(p, n)}"} for n, p in enumerate(HOSTILE)]
    papers += [
        {"title": f"Noise in {t}", "abstract": SHELL.format("traffic noise", n)} for n, t in enumerate(("A", "B"))
    ]
    file = home / "papers.jsonl"
    file.write_text("\n".join(json.dumps(p) for p in papers if p["title"].strip()), encoding="utf-8")
    rag = build(Config(home=home))
    rag.ingest([file])
    yield rag
    rag.close()


def test_titles_with_markup_are_never_quoted_in_a_suggestion(hostile: Rag) -> None:
    answers = [hostile.ask("What was found on traffic noise?"), hostile.ask("What does the method do?")]
    found = [*hostile.starters(), *(q for a in answers for q in hostile.suggest([a]))]
    assert found
    for question in found:
        assert not re.search(r"[<>{}|\\$`*\[\]]|javascript:|https?:", question)
        assert question.isprintable()


def subject(abstract: str, title: str = "Noise in Cities", name: str = "") -> Subject:
    paper = Paper(paper_id(title, abstract), title, abstract, abstract)
    return Subject(paper, name, sentences(paper))


@pytest.mark.parametrize(
    ("name", "abstract", "question"),
    [
        ("Fast", "Fast reduces memory usage by 40%.", "By how much does Fast reduce memory usage?"),
        ("Fast", "Fast is up to 3x faster than Slow.", "How much faster is Fast than Slow?"),
        ("Fast", "We evaluate Fast on five public datasets.", "What datasets is Fast evaluated on?"),
        ("Fast", "It works by splitting each batch.", "How does Fast work?"),
        ("", "We interviewed 14 managers of noise.", "What data does “Noise in Cities” draw on?"),
        (
            "",
            "Existing methods suffer from bias.",
            "What shortcomings of existing methods does “Noise in Cities” name?",
        ),
        ("", "We give five guidelines.", "What guidelines does “Noise in Cities” give?"),
        ("", "We conclude that noise harms.", "What does “Noise in Cities” find?"),
    ],
)
def test_what_a_sentence_says_is_asked_in_plain_english(name: str, abstract: str, question: str) -> None:
    assert question in [asked.text for asked in details(subject(abstract, name=name))]


@pytest.mark.parametrize(
    "abstract",
    [
        "The paper has 12 figures.",
        "Fast mentions 40 GPUs.",
        "Fast achieves 2x lower memory footprints.",
        "It reports an improvement of 12%.",
    ],
)
def test_nobody_asks_for_what_is_merely_counted_or_in_broken_phrases(abstract: str) -> None:
    assert not [asked for asked in details(subject(abstract, name="Fast")) if asked.pattern == "figure"]


@pytest.mark.parametrize(
    ("title", "abstract", "name", "names"),
    [
        ("GPipe: Giant Networks", "GPipe splits batches.", "GPipe", True),
        ("Serving with Sarathi-Serve", "We introduce a scheduler, Sarathi-Serve.", "Sarathi-Serve", True),
        (
            "Dissecting a Card",
            "Three cards, namely Hopper, Ada and Ampere. Hopper has cores. Hopper is new.",
            "Hopper",
            False,
        ),
        ("Ontologies on the Web", "We use OWL in our study.", "OWL", False),
        ("SoK: Privacy", "We review privacy.", "SoK", False),
    ],
)
def test_a_paper_is_called_only_by_the_name_of_what_it_brings(
    title: str, abstract: str, name: str, names: bool
) -> None:
    assert _introduced(name, title, abstract) is names


@pytest.mark.parametrize(
    ("text", "topics"),
    [
        ("Progress in query expansion, and in social media.", ["query expansion", "social media"]),
        ("A huge volume of data, with an increasing importance, in this paper.", []),
        ("We build on recent work by producing energy in different settings.", []),
        ("A method for pipeline parallelism that works.", ["pipeline parallelism"]),
    ],
)
def test_topics_are_things_that_one_speaks_of_in_general(text: str, topics: list[str]) -> None:
    assert topics_of(text) == topics


@pytest.mark.parametrize(
    ("term", "text", "said"),
    [
        ("recommender system", "We build a recommender system.", "recommender systems"),
        ("weak supervision", "Weak supervision helps; a weak supervision approach.", "weak supervision"),
        ("search strategy", "Search strategies matter. Search strategies differ.", "search strategies"),
        ("social networks", "Social networks grow.", "social networks"),
        ("security threat", "Of security threat or of security threats, and of security threat.", "security threats"),
    ],
)
def test_what_can_be_counted_is_spoken_of_in_the_plural(term: str, text: str, said: str) -> None:
    assert in_general(term, [text]) == said


NOISE, LIGHT = (
    Paper(paper_id(title, abstract), title, abstract, abstract)
    for title, abstract in (
        ("Noise in Cities", "Noise grows. It harms."),
        ("Light in Cities", "Light grows. It helps."),
    )
)
FIRST, SECOND = sentences(NOISE)


def cited(paper: Paper, at: slice, marker: int = 1) -> Citation:
    return Citation(marker, paper.id, paper.title, paper.abstract[at], at.start, at.stop)


def noise(**changes: Any) -> Answer:
    """The answer that holds, but for `changes`."""
    both = (cited(NOISE, slice(0, 12)), cited(NOISE, slice(13, 22)))
    fields = {"kind": "single", "answer": "…", "citations": both, **changes}
    return Answer(question="?", standalone_question="?", **fields)


@pytest.mark.parametrize(
    ("answer", "holds"),
    [
        (noise(), True),
        (noise(abstained=True), False),
        (noise(kind="list"), False),
        (noise(missing=("Light",)), False),
        (noise(citations=()), False),
        (noise(citations=(cited(NOISE, slice(0, 12)),)), False),
        (noise(citations=(cited(NOISE, slice(13, 22)), cited(LIGHT, slice(0, 12), 2))), False),
        (noise(citations=(cited(LIGHT, slice(0, 12)),)), False),
    ],
    ids=["holds", "abstains", "list", "missing", "nothing", "shown", "another as well", "another"],
)
def test_only_what_is_answered_by_its_own_paper_with_something_new_is_offered(answer: Answer, holds: bool) -> None:
    index = SimpleNamespace(papers=[NOISE, LIGHT], rows={NOISE.id: 0, LIGHT.id: 1})
    finder: Any = SimpleNamespace(index=index, names=Names([NOISE, LIGHT]), best_row=lambda text: 1)
    trial = Trial(finder, lambda question, turns: answer, (), {(NOISE.id, FIRST.start, FIRST.end)}, left=1)
    candidate = Candidate("finding", "single", "What does “Noise in Cities” find?", (0,), ((FIRST, SECOND),))
    assert trial.holds(candidate) is holds
    assert not trial.holds(candidate), "no more are tried than allowed"


GOOD = "What does QLoRA reach on the Vicuna benchmark?"
LEFT_OUT = ["What is it about?", "Who wrote QLoRA?", "Which uses less memory?", "<b>How</b> does QLoRA work?"]
REPLIES = {"questions": [GOOD, *LEFT_OUT]}


@pytest.fixture
def with_model(collection_home: Path, collection: Rag) -> Iterator[tuple[Rag, QueuedLLM]]:
    """The same collection, with a model that says what the test lets it say."""
    llm = QueuedLLM(json.dumps(REPLIES))
    rag = build(Config(home=collection_home), llm=llm)
    yield rag, llm
    rag.close()


def test_a_model_words_them_and_what_does_not_hold_is_left_out(
    collection: Rag, with_model: tuple[Rag, QueuedLLM]
) -> None:
    rag, llm = with_model
    answer = collection.ask("What data type does QLoRA introduce?")
    found = rag.suggest([answer])
    assert found[0] == GOOD
    assert len(found) == 3
    assert not {*found} & {*LEFT_OUT}
    assert "QLoRA" in llm.prompt()
    assert answer.question in llm.prompt()
    assert len(llm.asked) == 1, "checking the questions asks no model"


@pytest.mark.parametrize("reply", [ModelUnreachable("down"), "no JSON at all", '{"questions": []}', RuntimeError("?")])
def test_without_use_of_the_model_the_rules_suggest(
    collection: Rag, with_model: tuple[Rag, QueuedLLM], reply: str | Exception
) -> None:
    rag, llm = with_model
    llm.say(reply)
    answer = collection.ask("What data type does QLoRA introduce?")
    assert rag.suggest([answer]) == collection.suggest([answer])
    assert llm.asked


def test_the_prompt_as_it_is_sent() -> None:
    """`tests/rendered/suggest.txt` is what a reader of the prompt reviews; write it anew when the prompt changes."""
    messages = prompt("suggest").fill(
        sources=source(1, "GPipe: Giant Networks", "GPipe splits batches."), asked="- What does GPipe do?"
    )
    rendered = "\n\n".join(f"--- {m.role.value}\n{m.content}" for m in messages) + "\n"
    assert rendered == (ROOT / "tests" / "rendered" / "suggest.txt").read_text(encoding="utf-8")


def test_quoting_mode_asks_no_model(with_model: tuple[Rag, QueuedLLM]) -> None:
    rag, llm = with_model
    options = Options(mode="quoting")
    assert rag.suggest([rag.ask("How does GPTQ work?", options=options)], options=options)
    assert rag.starters()
    assert not llm.asked
