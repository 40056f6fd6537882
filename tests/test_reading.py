"""Answers that a model reads from the papers, with models that say what the test wants."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from endpoint_server import EndpointServer
from endpoint_server import answer as endpoint_answer
from queued_llm import QueuedLLM

from rag import Rag, build
from rag.ask.citations import check as check_citations
from rag.ask.plan import Plan, PlanKind
from rag.ask.reading import Reading, Receipt, Settings, answer, needs_model, plan_with_model
from rag.core.answer import Step, Text, Turn
from rag.core.errors import ModelError, ModelServerError, ModelStopped
from rag.index.index import Index
from rag.llm.client import Client
from rag.llm.endpoint import Endpoint
from rag.llm.llamaindex import LlamaIndexSource

QUESTION = "How much memory does QLoRA need for a 65B model?"
QLORA = "QLoRA: Efficient Finetuning of Quantized LLMs"


@pytest.fixture
def index(collection: Rag) -> Index:
    return collection.index()


def rows(index: Index, *beginnings: str) -> list[int]:
    return [next(r for r, p in enumerate(index.papers) if p.title.startswith(b)) for b in beginnings]


def ask(
    index: Index,
    *replies: Any,
    kind: PlanKind = "single",
    of: Sequence[int] | None = None,
    context: int = 32_768,
    **options: Any,
) -> tuple[Reading, list[Any], QueuedLLM]:
    """The reading, all events, and the model that was asked."""
    llm = QueuedLLM(*replies)
    plan = Plan(QUESTION, QUESTION, kind, (QUESTION,), count=options.pop("count", False))
    found = rows(index, "QLoRA", "GaLore", "S-LoRA") if of is None else of
    client = Client(LlamaIndexSource(llm), retries=0, context=context)
    events = list(answer(plan, found, index, client, **options))
    assert isinstance(events[-1], Reading)
    check_citations(events[-1].citations, index)
    return events[-1], events, llm


def test_one_call_reads_the_papers_and_answers(index: Index) -> None:
    reading, events, llm = ask(index, "STATE: answers\n\nA single 48GB GPU is enough [1.1].")
    assert reading.text == "A single 48GB GPU is enough [1]."
    assert (reading.state, reading.usable, reading.followed, reading.warnings) == ("answers", True, True, ())
    assert [c.title for c in reading.citations] == [QLORA]
    assert [c.verdict for c in reading.claims] == ["supported"]
    assert reading.receipt.calls == len(llm.asked) == 1
    assert list(reading.receipt.prompts) == ["read"]
    prompt = llm.prompt()
    assert f'<source id="1" title="{QLORA}"' in prompt
    assert "[1.1] We present QLoRA" in prompt
    assert "[3.1]" in prompt
    assert "".join(e.text for e in events if isinstance(e, Text)).strip() == reading.text
    assert isinstance(events[0], Step)


@pytest.mark.parametrize(
    ("reply", "state", "missing"),
    [
        ("STATE: partly\nMISSING: price\n\nA 48GB GPU is enough [1.1]. The price is not said.", "partly", ("price",)),
        ("STATE: nearest\nMISSING: price\n\nNo abstract gives it. Nearest is a 48GB GPU [1.1].", "nearest", ("price",)),
        ("STATE: nothing\n\nNothing here is about it.", "nothing", ()),
        ("A single 48GB GPU is enough [1.1].", "answers", ()),
        ("The abstracts do not mention a price. QLoRA fits on a 48GB GPU [1.1].", "nearest", ()),
    ],
)  # fmt: skip
def test_the_state_of_an_answer(index: Index, reply: str, state: str, missing: tuple[str, ...]) -> None:
    reading, _, _ = ask(index, reply)
    assert (reading.state, reading.missing, reading.usable) == (state, missing, True)


@pytest.mark.parametrize(
    ("headline", "kept"),
    [
        ("A single 48GB GPU", True),
        ("A single 80GB GPU", False),
        ("QLoRA beats GaLore on memory", True),
        ("GPT-9 wins", False),
    ],
)
def test_a_headline_is_kept_where_it_can_be_traced(index: Index, headline: str, kept: bool) -> None:
    reply = f"STATE: answers\nHEADLINE: {headline}\n\nA 48GB GPU is enough [1.1]. GaLore needs 24GB for 7B [2.7]."
    assert ask(index, reply.replace("24GB for 7B", "less"))[0].headline == (headline if kept else None)


def test_a_weak_model_that_cites_papers_only_gets_their_sentences(index: Index) -> None:
    reading, _, _ = ask(
        index, "QLoRA finetunes a 65B model on a single 48GB GPU [1]. GaLore pre-trains a 7B model on 24GB [2]."
    )
    assert [c.quote[:20] for c in reading.citations] == ["We present QLoRA, an", "Notably, we demonstr"]
    assert reading.usable
    assert not reading.followed


def test_a_weak_model_that_cites_nothing_is_traced_by_its_words(index: Index) -> None:
    reading, _, _ = ask(index, "QLoRA can finetune a 65B parameter model on a single 48GB GPU.")
    assert reading.text == "QLoRA can finetune a 65B parameter model on a single 48GB GPU [1]."
    assert reading.state == "answers"


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("reply", "warning"),
    [
        ("It needs 13GB on an H200, says MegaTuner [1.1].", "Nothing that .+ wrote could be traced to a sentence"),
        ("I am a helpful assistant and happy to talk about cooking today.", "Nothing that .+ wrote could be traced"),
        ("STATE: answers\n\n", "found no answer in the papers that it read; only exact quotes"),
        ("STATE: nearest\n\nThe abstracts do not say it.", "found no answer"),
        (ModelServerError("The server is down. Start it."), "The server is down"),
    ],
)
def test_where_nothing_holds_the_caller_quotes_and_says_why(
    index: Index, reply: Any, warning: str, strict: bool
) -> None:
    reading, _, _ = ask(index, reply, settings=Settings(strict=strict))
    assert not reading.usable
    (only,) = reading.warnings
    assert re.search(warning, only)


def test_what_the_second_look_takes_back_is_told(index: Index) -> None:
    verdict = json.dumps({"statements": [{"number": 1, "holds": False}, {"number": 2, "holds": True}]})
    reply = "STATE: answers\n\nA 48GB GPU is enough [1.1]. It finetunes a 65B model [1.1]."
    reading, _, _ = ask(index, reply, verdict, settings=Settings(thorough=True))
    assert "48GB" not in reading.text
    (claim,) = (c for c in reading.claims if c.verdict != "supported")
    assert (claim.text, claim.markers) == ("A 48GB GPU is enough.", ())
    assert "left out" in claim.reason


def test_without_fallback_the_error_is_raised(index: Index) -> None:
    with pytest.raises(ModelError):
        ask(index, ModelServerError("The server is down."), settings=Settings(fallback=False))


def test_papers_that_do_not_fit_are_left_out_the_last_first(index: Index) -> None:
    reading, _, llm = ask(index, "STATE: answers\n\nA 48GB GPU is enough [1.1].", context=2_000)
    assert 'id="1"' in llm.prompt()
    assert 'id="3"' not in llm.prompt()
    assert any("RAG_CONTEXT" in w for w in reading.warnings)


def test_of_a_single_paper_that_is_too_long_the_best_sentences_are_kept(index: Index) -> None:
    _, _, llm = ask(index, "STATE: answers\n\nA 48GB GPU is enough [1.1].", context=1_150)
    assert "[1.1] We present QLoRA" in llm.prompt()
    assert "[1.10]" not in llm.prompt()


def test_as_many_papers_as_are_wanted(index: Index) -> None:
    for sources, most in ((0, 12), (3, 3), (-1, 30)):
        _, _, llm = ask(
            index, "STATE: nothing\n\nNo.", of=range(30), context=200_000, settings=Settings(sources=sources)
        )
        assert len(re.findall("<source id", llm.prompt())) == most


def test_an_answer_that_a_filter_cut_is_partial_and_its_last_words_claim_nothing(index: Index) -> None:
    pieces = ("STATE: answers\n\nA 48GB GPU is enough [1.1]. GaLore reaches 99", "")
    with EndpointServer(endpoint_answer(*pieces, finish="content_filter")) as server:
        client = Client(Endpoint("m", base_url=server.url), context=8_192)
        plan = Plan(QUESTION, QUESTION, "single", (QUESTION,))
        *_, reading = answer(plan, rows(index, "QLoRA", "GaLore"), index, client)
    assert isinstance(reading, Reading)
    assert (reading.state, len(reading.missing), len(reading.warnings)) == ("partly", 1, 1)
    assert [c.verdict for c in reading.claims] == ["supported"]
    assert reading.text.startswith("A 48GB GPU is enough [1].")


def test_a_second_look_puts_right_or_drops(index: Index) -> None:
    verdicts = {
        "statements": [
            {"number": 1, "holds": True, "instead": ""},
            {"number": 2, "holds": False, "instead": "GaLore allows full-parameter learning"},
            {"number": 3, "holds": False, "instead": ""},
        ]
    }
    reply = "QLoRA fits on 48GB [1.1]. GaLore forbids full-parameter learning [2.4]. S-LoRA is slow [3.9]."
    reading, _, llm = ask(index, reply, json.dumps(verdicts), settings=Settings(thorough=True))
    assert reading.text == "QLoRA fits on 48GB [1]. GaLore allows full-parameter learning [2]."
    assert len(llm.asked) == 2
    assert reading.receipt.calls == 2


# --- lists and overviews ----------------------------------------------------------------------------------------------


def _naming(*titles: str, says: str = "", fit: str = "yes") -> Callable[[str], str]:
    """Names those papers of a prompt whose title begins so."""

    def reply(prompt: str) -> str:
        shown = re.findall(r'<source id="(\d+)" title="([^"]*)"', prompt)
        fitting = [int(n) for n, title in shown if title.startswith(titles)]
        return json.dumps({"papers": [{"source": n, "fit": fit, "sentence": 1, "says": says} for n in fitting]})

    return reply


def test_a_list_reads_all_papers_in_a_few_calls(index: Index) -> None:
    reading, events, llm = ask(index, _naming("QLoRA", "GPTQ"), kind="list", of=range(82))
    assert len(llm.asked) <= 6
    assert sum(len(re.findall("<source id", llm.prompt(n))) for n in range(len(llm.asked))) == 82
    assert len({n for c in range(len(llm.asked)) for n in re.findall(r'<source id="(\d+)"', llm.prompt(c))}) == 82
    assert {c.title.partition(":")[0] for c in reading.citations} == {"QLoRA", "GPTQ"}
    assert reading.text.startswith("**2 papers** of 82 fit; 82 abstracts were read.")
    assert (reading.state, reading.headline) == ("answers", "2 papers of 82")
    steps = [e.detail for e in events if isinstance(e, Step)]
    assert steps[0] == "Reading 82 papers"
    assert steps[-1] == "Read 82 of 82 papers"


def test_what_a_model_says_of_a_paper_is_shown_where_it_is_traced_else_the_sentence(index: Index) -> None:
    right = ask(index, _naming("QLoRA", says="finetunes a 65B model on a 48GB GPU"), kind="list", count=True)[0]
    assert "finetunes a 65B model on a 48GB GPU [1]." in right.text
    wrong = ask(index, _naming("QLoRA", says="finetunes a 99B model"), kind="list", count=True)[0]
    assert "99B" not in wrong.text
    assert "“We present QLoRA" in wrong.text


def test_a_list_of_what_is_only_touched_on_or_of_nothing(index: Index) -> None:
    touched = ask(index, _naming("QLoRA", fit="partly"), kind="list", count=True)[0]
    assert (touched.state, touched.usable) == ("nearest", True)
    for reply, warning in ((_naming("Nothing"), "found none of the 3 abstracts"), ("No JSON at all", "No reply of")):
        nothing = ask(index, reply, kind="list", count=True)[0]
        assert not nothing.usable
        assert warning in "".join(nothing.warnings)


def test_numbers_that_do_not_exist_are_left_out_of_a_list(index: Index) -> None:
    reply = json.dumps({"papers": [{"source": 99, "sentence": 1}, {"source": 1, "sentence": 99, "says": ""}]})
    reading = ask(index, reply, kind="list", count=True)[0]
    assert [c.title for c in reading.citations] == [QLORA]


def test_an_overview_is_read_in_parts_and_put_together(index: Index) -> None:
    def reply(prompt: str) -> str:
        if "<sources>" in prompt:
            number = re.findall(r"\[(\d+)\.1\]", prompt)[-1]
            return f"STATE: answers\n\n## Memory\n- QLoRA saves memory [1.1].\n- A last one [{number}.1]."
        return "\n".join(f"- **Paper** does something [{n}.1]" for n in re.findall(r'<source id="(\d+)"', prompt))

    of = rows(index, "QLoRA") + [r for r in range(82) if index.papers[r].title != QLORA]
    reading, _, llm = ask(index, reply, kind="overview", of=of)
    assert 3 <= len(llm.asked) <= 6
    assert reading.receipt.calls == len(llm.asked)
    assert reading.citations[0].title == QLORA
    assert len(reading.citations) == 2
    assert len(reading.read) == 82
    assert set(reading.receipt.prompts) == {"notes", "review"}


def test_a_stop_ends_a_list(index: Index) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(ModelStopped):
        ask(index, _naming("QLoRA"), kind="list", of=range(82), stop=stop)


# --- the plan ---------------------------------------------------------------------------------------------------------


def planned(reply: str) -> tuple[Any, QueuedLLM]:
    llm = QueuedLLM(reply)
    history = [Turn("user", "What is QLoRA?"), Turn("assistant", "QLoRA finetunes [1].")]
    client = Client(LlamaIndexSource(llm), retries=0, context=8_192)
    return plan_with_model("And how fast is it?", history, client, Receipt(), None), llm


def test_a_follow_up_is_read_with_its_conversation() -> None:
    reply = {"question": "How fast is QLoRA?", "kind": "single", "searches": ["QLoRA speed"]}
    plan, llm = planned(f"Sure:\n```json\n{json.dumps(reply)}\n```")
    assert (plan.question, plan.kind, plan.searches) == ("How fast is QLoRA?", "single", ["QLoRA speed"])
    assert "user: What is QLoRA?" in llm.prompt()
    assert llm.options[0]["response_format"]["type"] == "json_schema"


def test_a_plan_that_cannot_be_used_is_none() -> None:
    assert planned("I would search for speed.")[0] is None
    assert planned('{"question": " ", "kind": "single"}')[0] is None
    assert planned('{"question": "Q?", "kind": "comparison", "sides": ["A"]}')[0].kind == "single"


def test_a_plain_question_needs_no_plan() -> None:
    assert not needs_model("What is QLoRA?", [])
    assert needs_model("And GPTQ?", [Turn("user", "What is QLoRA?")])
    assert needs_model("I train models. Which of them fit on one GPU?", [])


NEAREST = "STATE: nearest\nSEARCH: low-rank adapters served together\n\nNo abstract here says it."


def test_where_the_papers_do_not_answer_those_are_read_that_the_model_would_search_for(index: Index) -> None:
    searched: list[str] = []

    def further(text: str) -> list[int]:
        searched.append(text)
        return rows(index, "QLoRA", "S-LoRA")

    reading, events, llm = ask(
        index, NEAREST, "STATE: answers\n\nS-LoRA serves many adapters [1.1].", of=rows(index, "QLoRA"), further=further
    )
    assert searched == ["low-rank adapters served together"]
    assert reading.state == "answers"
    assert [c.title[:6] for c in reading.citations] == ["S-LoRA"]
    assert reading.receipt.calls == 2
    assert "QLoRA" not in llm.prompt(1).split("Question:")[0], "what was read is not read again"
    shown = "".join(e.text for e in events if isinstance(e, Text))
    assert "No abstract" not in shown, "what the second call makes wrong is not shown"


@pytest.mark.parametrize("second", ["STATE: nothing\n\nNothing here is about it.", ModelServerError("down")])
def test_where_these_do_not_answer_either_the_first_reply_stands(index: Index, second: Any) -> None:
    first = "STATE: nearest\nSEARCH: adapters\n\nThe price is not said; a 48GB GPU is enough [1.1]."
    reading, events, _ = ask(index, first, second, of=rows(index, "QLoRA"), further=lambda text: rows(index, "S-LoRA"))
    assert reading.text == "The price is not said; a 48GB GPU is enough [1]."
    assert "".join(e.text for e in events if isinstance(e, Text)) == reading.text


def test_no_second_call_where_nothing_new_is_found_or_wanted(index: Index) -> None:
    of = rows(index, "QLoRA")
    reading, _, llm = ask(index, NEAREST.replace("here", "[1.1]"), of=of, further=lambda text: of)
    assert (reading.state, len(llm.asked)) == ("nearest", 1)
    reading, _, llm = ask(index, "STATE: nearest\n\nNo price; a 48GB GPU [1.1].", of=of, further=lambda text: [0, 1, 2])
    assert (reading.state, len(llm.asked)) == ("nearest", 1)


def test_a_question_for_many_papers_is_read_as_one_though_its_words_do_not_tell(collection: Rag) -> None:
    fits = json.dumps({"papers": [{"source": 1, "fit": "yes", "sentence": 1, "says": ""}]})
    llm = QueuedLLM("STATE: partly\nWANTS: list", *[fits] * 6)
    with build(collection.config, llm=llm) as service:
        answer = service.ask("Do low-rank adapters save memory?")
    assert answer.kind == "list"
    assert "fit" in answer.answer and answer.citations
    assert list(answer.prompts) == ["read", "screen"]
