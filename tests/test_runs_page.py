"""The evaluation tab below Gradio: what is started, what is listed, and the fragments of HTML."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from evaluated import MANIFEST, broken, entry, item, paper, write_run
from hostile import HOSTILE
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from rag.core.config import Config
from rag.core.errors import EvaluationError, RagError, UsageError
from rag.evaluation import session
from rag.evaluation.comparing import compare
from rag.evaluation.items import KINDS
from rag.evaluation.report import plots
from rag.evaluation.report.cards import cards
from rag.evaluation.runs import Run
from rag.evaluation.session import Plan
from rag.web.markup import clean
from rag.web.runs import compared, lists, pictures, planning, results
from rag.web.runs.archive import Archive
from rag.web.runs.listed import headings
from rag.web.runs.reports import Reports
from rag.web.runs.running import FAULT, Running, State
from rag.web.state import Settings


@pytest.fixture
def config(home: Path) -> Config:
    return Config(home=home)


def made(config: Config, name: str, *entries: Any, **manifest: Any) -> Run:
    return write_run(config.home / "evaluations" / name, entries, {**MANIFEST, **manifest})


def right(id: str, **fields: Any) -> Any:
    return entry(item(id, **fields), ["one"], ["one"])


def wrong(id: str, **fields: Any) -> Any:
    return entry(item(id, **fields), [], ["two"])


class Tags(HTMLParser):
    """The elements of a fragment with their attributes, and what it shows."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data


def inert(html: str) -> None:
    tags = Tags(html)
    allowed = "a b blockquote br button code dd details div dl dt em figcaption figure h1 h2 h3 h4 img li mark ol p pre"
    allowed += " progress rect section small span strong sub summary sup svg table tbody td th thead time tr ul wbr"
    for tag, attributes in tags.found:
        assert tag in allowed.split(), tag
        assert not [a for a in attributes if a.startswith(("on", "style", "formaction"))], attributes
        assert re.match(r"paper-rag/|#|$", attributes.get("href", "")), attributes
        assert re.match(r"data:image/svg\+xml;base64,|$", attributes.get("src", "")), attributes


# What is asked


def test_the_tab_offers_the_kinds_that_there_are() -> None:
    from rag.web.tabs.evaluation import KINDS as OFFERED

    assert tuple(OFFERED) == KINDS


def test_twenty_questions_are_asked_unless_more_are_wanted() -> None:
    chosen = planning.chosen(KINDS, planning.USUAL)
    assert len(chosen) == 20
    assert {i.split for i in chosen} == {"dev"}


@pytest.mark.parametrize(
    ("name", "kinds", "limit", "says"),
    [
        ("../up", ["fact"], 2, "can't be the name"),
        ("a:b", ["fact"], 2, "can't be the name"),
        ("there", ["fact"], 2, "already"),
        ("new", [], 2, "at least one kind"),
        ("new", ["fact"], 3, "at least one kind"),
        ("new", ["nothing"], 2, "at least one kind"),
    ],
)
def test_a_plan_that_can_not_be_carried_out_says_why(
    config: Config, name: str, kinds: list[str], limit: int, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        planning.planned(config, kinds, limit, name, ["there"])


def test_a_run_without_a_name_gets_one_of_its_own(config: Config) -> None:
    first = planning.planned(config, ["fact"], 1, " ", []).name
    second = planning.planned(config, ["fact"], 1, "", [first]).name
    assert first.startswith("quoting-20")
    assert second != first


MODEL: dict[str, Any] = {"model": "writer", "models": ("other",), "base_url": "http://127.0.0.1:9/v1"}


@pytest.mark.parametrize(
    ("configured", "settings", "models", "writes", "strict"),
    [
        ({}, Settings(), (), "", False),
        ({}, Settings(mode="generating"), (), "", False),
        (MODEL, Settings(), ("writer", "other"), "writer", False),
        (MODEL, Settings(mode="quoting"), ("writer", "other"), "", False),
        (MODEL, Settings(model="other", strict=True), ("writer", "other"), "other", True),
        (MODEL, Settings(model="gone"), ("writer", "other"), "writer", False),
    ],
)
def test_what_was_chosen_under_settings_is_evaluated(
    home: Path, configured: dict[str, Any], settings: Settings, models: tuple[str, ...], writes: str, strict: bool
) -> None:
    found = planning.configured(Config(home=home, **configured), "papers", settings, models)
    assert (found.model if found.generating else "") == writes
    assert found.strict == strict
    assert not found.fallback, "a model that fails is not to be scored as quotes"


def test_the_calls_of_a_model_are_told_before_they_are_made(home: Path) -> None:
    items = planning.chosen(["fact", "followup", "list"], 2)
    config = Config(home=home, **MODEL)
    assert planning.calls(items, config) == 6 + 4
    assert planning.calls(items, replace(config, effort="thorough")) == 6 + 4 + 4
    told = clean(lists.cost(items, 608, "<b>writer", 10))
    assert "about 10 calls" in told
    assert "6 of the 608" in told
    assert "&lt;b&gt;writer" in told
    assert "no model is asked" in lists.cost(items, 608, None, 10)


def test_a_collection_without_the_papers_of_the_questions_is_told_the_remedy(collection: Any) -> None:
    assert planning.fits([p.id for p in collection.papers()])
    assert not planning.fits([p.id for p in collection.papers()][1:])
    assert "rag eval new -c biology" in lists.elsewhere("biology")


# Going on


def test_a_run_is_gone_on_with_as_its_manifest_says(home: Path) -> None:
    config = Config(home=home, **MODEL)
    asked = {"system": "generating", "questions": "questions.jsonl", "kinds": ["fact"], "limit": 5}
    made(config, "cut", right("a"), **asked, model="other", strict=True)
    plan = planning.resumed(config, "cut", ("writer", "other"))
    assert (plan.name, plan.kinds, plan.limit, plan.split) == ("cut", ("fact",), 5, "dev")
    assert (plan.config.model, plan.config.strict, plan.config.fallback) == ("other", True, False)
    made(config, "quoted", right("a"), **{**asked, "system": "quoting"})
    assert planning.resumed(config, "quoted", ("writer",)).config.llm == "none"


@pytest.mark.parametrize(
    "asked",
    [
        {"system": "paste"},
        {"questions": "mine.jsonl"},
        {"split": "test"},
        {"distractors": {"ratio": 2}},
        {"system": "generating", "model": "gone"},
    ],
)
def test_what_the_page_can_not_ask_the_command_line_goes_on_with(config: Config, asked: dict[str, Any]) -> None:
    made(config, "cut", right("a"), **{"questions": "questions.jsonl", **asked})
    with pytest.raises(EvaluationError, match="rag eval run that"):
        planning.resumed(config, "cut", ("writer",))


# The one that is running

Carry = Callable[..., Run | None]


@pytest.fixture
def carry_out(monkeypatch: pytest.MonkeyPatch, config: Config) -> Callable[[Carry], Running]:
    """Starts a run whose work is the function that is given."""

    def begin(work: Carry) -> Running:
        monkeypatch.setattr(session, "evaluate", work)
        running = Running()
        running.start(Plan(config, name="mine"))
        return running

    return begin


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.01)


def test_how_far_a_run_is_and_that_it_is_the_only_one(carry_out: Callable[[Carry], Running], config: Config) -> None:
    go = threading.Event()

    def work(plan: Plan, *, progress: Any, stop: threading.Event) -> Run | None:
        progress("Asking (2 failed)", 12, 20)
        go.wait(10)
        return None if stop.is_set() else made(config, plan.name, right("a"))

    running = carry_out(work)
    until(lambda: running.state.done == 12)
    assert running.state == State("running", "mine", "Asking", 12, 20, failed=2)
    assert "Asking 12 of 20, 2 failed" in unescape(lists.progress(running.state))
    with pytest.raises(UsageError, match="one evaluation at a time, and mine is running"):
        running.start(Plan(config, name="another"))
    running.stop()
    assert not running.stoppable
    go.set()
    until(lambda: not running.busy)
    assert running.state.stage == "stopped"
    told = lists.progress(running.state)
    assert "stopped after 12 of 20 questions" in told
    assert 'data-act="evaluation-go-on" data-value="mine"' in told


def test_a_run_that_ends_leads_to_its_result(carry_out: Callable[[Carry], Running], config: Config) -> None:
    running = carry_out(lambda plan, **_: made(config, plan.name, right("a")))
    until(lambda: not running.busy)
    assert running.state.stage == "finished"
    assert 'data-act="run" data-value="mine"' in lists.progress(running.state)


@pytest.mark.parametrize(
    ("error", "says"), [(RagError("No model answers there."), "No model answers there."), (KeyError("x"), FAULT)]
)
def test_a_run_that_breaks_off_says_why_in_a_sentence(
    carry_out: Callable[[Carry], Running], error: Exception, says: str
) -> None:
    def work(plan: Plan, **_: Any) -> Run | None:
        raise error

    running = carry_out(work)
    until(lambda: not running.busy)
    assert says in unescape(lists.progress(running.state))
    assert running.state.stage == "failed"


# The list


def test_the_list_has_the_newest_first_with_how_well_it_did(config: Config) -> None:
    made(config, "old", right("a"), entry(item("b", gold=["two"]), [], ["two"]))
    made(config, "new", right("a"), system="generating", model="<i>writer")
    made(config, "cut", right("a"), right("b"))
    made(config, "damaged", right("a"))
    folder = config.home / "evaluations"
    (folder / "cut" / "summary.json").unlink()
    (folder / "damaged" / "manifest.json").write_text("{")
    for age, name in enumerate(("damaged", "cut", "new", "old")):
        manifest = folder / name / "manifest.json"
        time_of = manifest.stat().st_mtime - age
        os.utime(manifest, (time_of, time_of))
    found = headings(config)
    assert [h.name for h in found] == ["damaged", "cut", "new", "old"]
    assert [h.questions for h in found] == [1, 2, 1, 2]
    assert not found[1].finished
    html = clean(lists.listing(found, running="", opened="new"))
    inert(html)
    assert "&lt;i&gt;writer" in html
    assert 'data-act="evaluation-go-on" data-value="cut"' in html
    assert html.index("new") < html.index("old")
    row = Tags(html).text.partition("old")[2]
    assert ".500.000 to 1.000" in row.replace(" .000", ".000")


def test_a_run_is_found_by_its_name_and_by_no_path(config: Config, tmp_path: Path) -> None:
    made(config, "mine", right("a"))
    write_run(tmp_path / "elsewhere", [right("a")])
    archive = Archive(config)
    assert archive.run("mine").name == "mine"
    for name in (str(tmp_path / "elsewhere"), "../evaluations/mine", "min", "."):
        with pytest.raises(UsageError, match="There is no run"):
            archive.run(name)


def test_a_run_that_is_gone_on_with_is_read_anew(config: Config) -> None:
    made(config, "mine", wrong("a"))
    archive = Archive(config)
    assert "0 of 1" in archive.figures("mine")
    shutil.rmtree(config.home / "evaluations" / "mine")
    time.sleep(0.01)
    made(config, "mine", right("a"))
    assert "1 of 1" in archive.figures("mine")


# One run


def test_a_run_is_shown_with_its_figures_plots_and_report(config: Config) -> None:
    run = made(config, "mine", right("a"), wrong("b"), right("c", kind="number"), broken(item("d")))
    html = clean(results.figures(run))
    inert(html)
    tags = Tags(html)
    assert "2 of 4 questions right (50%)" in tags.text
    for picture in [attributes for tag, attributes in tags.found if tag == "img"]:
        assert picture["alt"].endswith(".")
    links = [attributes["href"] for tag, attributes in tags.found if tag == "a"]
    assert set(links) == {"paper-rag/runs/mine.html"}
    for figure in ("recall@10", "accuracy"):
        assert figure in tags.text


def test_a_picture_brings_the_colours_of_light_and_of_dark(config: Config) -> None:
    plot = plots.lost([made(config, "mine", right("a"), wrong("b"))])[0]
    light, dark = (base64.b64decode(data).decode() for data in re.findall(r'base64,([^"]+)"', pictures.figure(plot)))
    for svg in (light, dark):
        used, defined = set(re.findall(r"var\((--[\w-]+)\)", svg)), set(re.findall(r"(--[\w-]+): #", svg))
        assert used
        assert used <= defined
        assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert light != dark


def test_failures_come_first_and_say_what_was_wanted_and_what_came(config: Config) -> None:
    run = made(config, "mine", right("good"), wrong("bad"), broken(item("ugly"), "ModelTimeout: too slow"))
    html = clean(results.items(cards([run]), results.View()))
    text = Tags(html).text
    assert "· good" not in text
    assert text.index("ugly") < text.index("bad")
    assert "ModelTimeout: too slow" in text
    assert "It says forty-two." in text
    assert paper("two") in text, "what was retrieved"
    everything = Tags(clean(results.items(cards([run]), results.View(outcome="")))).text
    assert "find: forty-two" in everything, "what was quoted"


def test_items_are_chosen_by_kind_and_shown_twenty_at_a_time(config: Config) -> None:
    bad = [wrong(f"f{n}") for n in range(45)]
    shown = cards([made(config, "mine", *bad, wrong("n", kind="number"), right("r", kind="number"))])
    facts = results.View(kind="fact", first=40)
    html = results.items(shown, facts)
    assert html.count("<details") == 5
    assert "41 to 45 of 45" in html
    assert f'data-value="{results.View(kind="fact", first=20)}">Previous 20' in html
    assert results.items(shown, results.View(outcome="", kind="number")).count("<details") == 2
    assert "No item is like that" in results.items(shown, results.View(kind="list"))


@pytest.mark.parametrize("view", [results.View(), results.View("", "", 20), results.View("refused", "fact", 0)])
def test_a_button_tells_its_view(view: results.View) -> None:
    assert results.View.of(str(view)) == view


@pytest.mark.parametrize("told", ["", "x", "a b c", "!right  -1", "!right  99999999999999", "!right fact ²"])
def test_what_is_no_view_is_the_usual_one(told: str) -> None:
    assert results.View.of(told) == results.View()


def test_hostile_questions_answers_and_titles_stay_text(config: Config) -> None:
    def hostile(n: int, text: str, kept: bool) -> Any:
        asked = item(f"q{n}", question=text, reference_answer=text, gold_titles=(text,), notes=text)
        return entry(asked, ["one"] if kept else [], ["one"], answer=f"{text} says [1]", warnings=(text,))

    a = made(config, "a", *(hostile(n, text, True) for n, text in enumerate(HOSTILE)), model=HOSTILE[0])
    b = made(config, "b", *(hostile(n, text, False) for n, text in enumerate(HOSTILE)), model=HOSTILE[1])
    pages = [clean(results.items(cards([b]), results.View(first=first))) for first in (0, 20)]
    said = ""
    for html in pages:
        inert(html)
        said += " ".join(Tags(html).text.split())
    assert [text for text in HOSTILE if " ".join(text.split()) not in said] == []
    inert(clean(results.figures(a)))
    found = compare(a, b)
    before, after = ({c.item.id: c for c in cards([run])} for run in (a, b))
    inert(clean(compared.figures(found)))
    changed = ""
    for first in (0, 20):
        html = clean(compared.changes(found, before, after, first))
        inert(html)
        changed += " ".join(Tags(html).text.split())
    assert [text for text in HOSTILE if " ".join(text.split()) not in changed] == []


# Two runs


def test_two_runs_are_told_apart_by_verdict_figures_and_answers(config: Config) -> None:
    papers = [f"p{n}" for n in range(12)]
    asked = [item(f"q{n}", gold=[p], question=f"What is {p}?") for n, p in enumerate(papers)]
    a = made(config, "before", *(entry(i, [], i.gold_papers) for i in asked))
    b = made(config, "after", *(entry(i, i.gold_papers, i.gold_papers) for i in asked))
    found = compare(a, b)
    html = clean(compared.figures(found))
    tags = Tags(html)
    assert "after is better in accuracy" in tags.text
    for column in ("B − A", "95% interval", "Holm p"):
        assert column in tags.text
    before, after = ({c.item.id: c for c in cards([run])} for run in (a, b))
    changed = Tags(clean(compared.changes(found, before, after))).text
    assert "won 12, lost 0" in changed
    assert "refused → right" in changed
    assert "A: before" in changed
    assert "B: after" in changed
    assert "The abstracts do not say." in changed


def test_a_run_is_not_compared_with_itself(config: Config) -> None:
    made(config, "mine", right("a"))
    with pytest.raises(UsageError, match="two different runs"):
        Archive(config).comparison("mine", "mine")


# The report


def test_the_report_is_a_page_of_its_own(config: Config) -> None:
    made(config, "mine", right("a"))
    app = Starlette(routes=[Route("/runs/{name}.html", Reports(config).html)])
    client = TestClient(app)
    got = client.get("/runs/mine.html")
    assert got.status_code == 200
    assert "default-src 'none'" in unescape(got.text)
    assert got.headers["content-type"].startswith("text/html")
    for name in ("other", "..%2Fmine", "%2Fetc"):
        assert client.get(f"/runs/{name}.html").status_code == 404
    (config.home / "evaluations" / "mine" / "speed.json").write_text("[")
    damaged = client.get("/runs/mine.html")
    assert damaged.status_code in (200, 500)


def test_the_page_starts_without_what_only_an_evaluation_needs() -> None:
    heavy = ["matplotlib", "ir_measures", "rag.evaluation.session", "rag.evaluation.runs"]
    code = f"import json, sys, rag.web.page; print(json.dumps([m for m in {heavy} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []


# The handlers


def test_the_handlers_tell_errors_as_sentences(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    from rag.web.runs.actions import FAULT as BROKEN
    from rag.web.runs.actions import EvaluationActions

    papers = [SimpleNamespace(id="other")]
    service = SimpleNamespace(papers=lambda: papers, models=())
    collections = SimpleNamespace(rag=lambda name: service)
    actions = EvaluationActions(cast(Any, SimpleNamespace(config=config, collections=collections)))
    assert "rag eval new" in unescape(actions.start(["fact"], 1, "", "", None, None, "biology", {})[0])
    assert "There is no run" in unescape(actions.go_on("../x", "", None, None, "papers")[0])
    assert "There is no run" in unescape(actions.items(str(results.View()), "gone"))
    assert "two runs" in list(actions.compare(None, None))[-1][0]
    made(config, "mine", right("a"))
    monkeypatch.setattr(results, "figures", lambda run: 1 / 0)
    assert BROKEN in list(actions.open("mine@1"))[-1][2]
