"""Suggested questions: each is answered, was not asked yet, and is said in full."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile import HOSTILE
from queued_llm import QueuedLLM
from serving import ROOT

from rag import Answer, Citation, Config, Rag, build
from rag.ask.quoting import Finder
from rag.ask.sentences import Sentence
from rag.ask.suggest import CHARACTERS, starters, suggest
from rag.core.answer import Retrieved
from rag.core.errors import ModelUnreachable
from rag.index.embedding import BuiltinEmbedding
from rag.index.index import Index, current
from rag.index.retrieval import PaperRanker
from rag.llm.client import Client
from rag.llm.llamaindex import LlamaIndexSource
from rag.llm.prompts import prompt, source

ASKED = (
    "What does double quantization save in QLoRA?",
    "Compare GPTQ and SqueezeLLM",
    "Which papers are about mixture-of-experts models?",
    "How does BatchLLM share prefixes?",
)


def opened(home: Path) -> Finder:
    index = Index(current(home / "collections" / "papers"))
    return Finder(index, PaperRanker(index, BuiltinEmbedding()))


@pytest.fixture(scope="module")
def finder(collection: Rag, collection_home: Path) -> Finder:
    return opened(collection_home)


def answered(finder: Finder, question: str) -> Answer:
    """The answer with the citations of what is found, and no text."""
    found = finder.find(finder.plan(question, []))
    papers = finder.index.papers
    sentences = [s for p in found.papers for s in p.sentences]
    citations = [
        Citation(n, papers[s.row].id, papers[s.row].title, *_quote(finder, s)) for n, s in enumerate(sentences, 1)
    ]
    retrieved = tuple(Retrieved(papers[int(r)].id, papers[int(r)].title, 0.0) for r in found.ranking.rows[:20])
    return Answer(question, question, "single", "…", citations=tuple(citations), retrieved=retrieved)


def _quote(finder: Finder, sentence: Sentence) -> tuple[str, int, int]:
    start, end = sentence.span.start, sentence.span.end
    return finder.index.papers[sentence.row].abstract[start:end], start, end


def shown(*answers: Answer) -> set[tuple[str, int, int]]:
    return {(c.paper_id, c.start, c.end) for a in answers for c in a.citations}


@pytest.mark.parametrize("question", ASKED)
def test_every_suggestion_is_answered_and_shows_something_new(finder: Finder, question: str) -> None:
    answer = answered(finder, question)
    found = suggest([answer], finder)
    assert len(set(found)) == 3 and question not in found
    for text in found:
        assert len(text) <= CHARACTERS and re.match(r"(?:What|How|Which) .+\?$", text)
        assert finder.find(finder.plan(text, [])).state == "answers"
        assert shown(answered(finder, text)) - shown(answer)


def test_suggestions_are_of_the_papers_that_were_cited(finder: Finder) -> None:
    found = suggest([answered(finder, "Compare GPTQ and SqueezeLLM")], finder)
    assert any(re.search("GPTQ|SqueezeLLM", question) for question in found)


def test_a_suggestion_that_was_asked_is_not_made_again(finder: Finder) -> None:
    answers = [answered(finder, "How does GPTQ work?")]
    for _ in range(3):
        first = suggest(answers, finder)[0]
        assert first.casefold() not in {a.question.casefold() for a in answers}
        answers.append(answered(finder, first))


def test_as_many_as_are_wanted_and_always_the_same(finder: Finder) -> None:
    answer = answered(finder, "How does QLoRA work?")
    assert suggest([answer], finder, count=1) == suggest([answer], finder, count=1)
    assert len(suggest([answer], finder, count=1)) == 1
    assert suggest([answer], finder, count=0) == ()


def test_a_restricted_conversation_gets_suggestions_of_its_papers_only(finder: Finder) -> None:
    allowed = frozenset(n for n, p in enumerate(finder.index.papers) if re.match("GPTQ|SqueezeLLM|QLoRA", p.title))
    inside = finder.among(allowed)
    found = suggest([answered(inside, "How does GPTQ work?")], finder, allowed=allowed)
    assert found
    for question in found:
        assert {p.row for p in inside.find(inside.plan(question, [])).papers} <= allowed
        named = [p.title for n, p in enumerate(finder.index.papers) if n not in allowed and p.title in question]
        assert not named


def test_an_answer_about_papers_that_are_gone_is_no_error(finder: Finder) -> None:
    answer = answered(finder, "How does GPTQ work?")
    text = json.dumps(answer.to_json())
    for id in {r.paper_id for r in answer.retrieved}:
        text = text.replace(id, f"gone-{id}")
    assert suggest([Answer.from_json(json.loads(text))], finder)


def test_an_empty_chat_begins_with_different_kinds_of_question(finder: Finder) -> None:
    found = starters(finder)
    plans = [finder.plan(question, []) for question in found]
    assert [plan.kind for plan in plans] == ["single", "single", "list", "overview"]
    assert [finder.find(plan).plan.kind for plan in plans] == ["single", "comparison", "list", "overview"]
    assert all(finder.find(plan).state == "answers" for plan in plans)
    assert found == starters(finder) == suggest([], finder, count=4)


SHELL = (
    "We study {0} in cities. However, {0} is difficult to measure. Our results show that {0} grew by {1}% in ten years."
)


def test_titles_with_markup_are_never_quoted_in_a_suggestion(tmp_path: Path) -> None:
    papers = [{"title": p, "abstract": f"We propose a method. {SHELL.format(p, n)}"} for n, p in enumerate(HOSTILE)]
    papers += [{"title": f"Noise in {t}", "abstract": SHELL.format("noise", n)} for n, t in enumerate(("A", "B"))]
    file = tmp_path / "papers.jsonl"
    file.write_text("\n".join(json.dumps(p) for p in papers if p["title"].strip()), encoding="utf-8")
    with build(Config(home=tmp_path / "home")) as rag:
        rag.ingest([file])
    hostile = opened(tmp_path / "home")
    answers = [answered(hostile, "What was found on noise?"), answered(hostile, "What does the method do?")]
    found = [*starters(hostile), *(q for a in answers for q in suggest([a], hostile))]
    assert found
    for question in found:
        assert not re.search(r"[<>{}|\\$`*\[\]]|javascript:|https?:", question)
        assert question.isprintable()


GOOD = "What does QLoRA reach on the Vicuna benchmark?"
LEFT_OUT = ["Who won the world cup?", "It saves memory.", "<b>How</b> does QLoRA work?", "How?"]


@pytest.fixture
def llm() -> Iterator[QueuedLLM]:
    """A model that says what the test lets it say."""
    return QueuedLLM(json.dumps({"questions": [GOOD, *LEFT_OUT]}))


def test_a_model_words_them_and_what_does_not_hold_is_left_out(finder: Finder, llm: QueuedLLM) -> None:
    answer = answered(finder, "What data type does QLoRA introduce?")
    found = suggest([answer], finder, client=Client(LlamaIndexSource(llm)))
    assert found[0] == GOOD
    assert len(found) == 3 and not {*found} & {*LEFT_OUT}
    assert "QLoRA" in llm.prompt() and answer.question in llm.prompt()
    assert len(llm.asked) == 1, "trying the questions asks no model"


@pytest.mark.parametrize("reply", [ModelUnreachable("down"), "no JSON at all", '{"questions": []}', RuntimeError("?")])
def test_without_use_of_the_model_the_papers_words_suggest(
    finder: Finder, llm: QueuedLLM, reply: str | Exception
) -> None:
    llm.say(reply)
    answer = answered(finder, "What data type does QLoRA introduce?")
    assert suggest([answer], finder, client=Client(LlamaIndexSource(llm))) == suggest([answer], finder)
    assert llm.asked


def test_the_prompt_as_it_is_sent() -> None:
    """`tests/rendered/suggest.txt` is what a reader of the prompt reviews; write it anew when the prompt changes."""
    messages = prompt("suggest").fill(
        sources=source(1, "GPipe: Giant Networks", "GPipe splits batches."), asked="- What does GPipe do?"
    )
    rendered = "\n\n".join(f"--- {m.role}\n{m.content}" for m in messages) + "\n"
    assert rendered == (ROOT / "tests" / "rendered" / "suggest.txt").read_text(encoding="utf-8")
