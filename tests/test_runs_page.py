"""The evaluation tab below Gradio: what is started, what is listed, and the fragments of HTML."""

from __future__ import annotations

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
from starlette.testclient import TestClient

from rag.core.config import Config
from rag.core.errors import EvaluationError, RagError, UsageError
from rag.evaluation import session
from rag.evaluation.items import KINDS
from rag.evaluation.report import WORST, compared_parts, parts
from rag.evaluation.runs import Run
from rag.evaluation.session import Plan
from rag.web.collection_cache import CollectionCache
from rag.web.markup import clean
from rag.web.runs import lists, planning
from rag.web.runs.archive import Archive
from rag.web.runs.listed import headings
from rag.web.runs.running import FAULT, Running, State
from rag.web.site import Site
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
    allowed = (
        "a b blockquote br button code dd details div dl dt em figcaption figure h1 h2 h3 h4 img li line mark ol p"
    )
    allowed += " polyline pre progress rect section small span strong sub summary sup svg table tbody td text th thead"
    allowed += " time tr ul wbr"
    for tag, attributes in tags.found:
        assert tag in allowed.split(), tag
        assert not [a for a in attributes if a.startswith(("on", "style", "formaction"))], attributes
        assert re.match(r"paper-rag/|#|$", attributes.get("href", "")), attributes
        assert "src" not in attributes, attributes


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
    assert "1 of 1" in archive.figures("mine")
    for name in (str(tmp_path / "elsewhere"), "../evaluations/mine", "min", "."):
        with pytest.raises(UsageError, match="There is no run"):
            archive.figures(name)


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
    html = clean(parts(run) + lists.links(run.name))
    inert(html)
    tags = Tags(html)
    assert "2 of 4 questions right (50%)" in tags.text
    plots = [attributes for tag, attributes in tags.found if tag == "svg"]
    assert len(plots) >= 5
    assert all(plot["aria-label"].endswith(".") for plot in plots)
    links = [attributes["href"] for tag, attributes in tags.found if tag == "a"]
    assert set(links) == {"paper-rag/runs/mine.html"}
    for figure in ("recall@10", "accuracy"):
        assert figure in tags.text


def test_failures_come_first_and_say_what_was_wanted_and_what_came(config: Config) -> None:
    run = made(config, "mine", right("good"), wrong("bad"), broken(item("ugly"), "ModelTimeout: too slow"))
    text = Tags(clean(parts(run))).text
    assert "· good" not in text
    assert text.index("· ugly") < text.index("· bad")
    assert "ModelTimeout: too slow" in text
    assert "It says forty-two." in text
    assert paper("two") in text, "what was retrieved"


def test_the_worst_items_are_shown_and_how_many_more_there_are(config: Config) -> None:
    html = parts(made(config, "mine", *(wrong(f"f{n}") for n in range(WORST + 15))))
    assert html.count('class="card"') == WORST
    assert "15 more are in the whole report." in html
    assert "Every question came out right." in parts(made(config, "fine", right("a")))


def test_hostile_questions_answers_and_titles_stay_text(config: Config) -> None:
    def hostile(n: int, text: str, kept: bool) -> Any:
        asked = item(f"q{n}", question=text, reference_answer=text, gold_titles=(text,), notes=text)
        return entry(asked, ["one"] if kept else [], ["one"], answer=f"{text} says [1]", warnings=(text,))

    for first in range(0, len(HOSTILE), WORST):
        some = HOSTILE[first : first + WORST]
        good = made(config, f"a{first}", *(hostile(n, t, True) for n, t in enumerate(some)), model=some[0])
        bad = made(config, f"b{first}", *(hostile(n, t, False) for n, t in enumerate(some)), model=some[1])
        for html in (clean(parts(bad)), clean(compared_parts(good, bad))):
            inert(html)
            said = " ".join(Tags(html).text.split())
            assert [text for text in some if " ".join(text.split()) not in said] == []


# Two runs


def test_two_runs_are_told_apart_by_verdict_figures_and_answers(config: Config) -> None:
    papers = [f"p{n}" for n in range(12)]
    asked = [item(f"q{n}", gold=[p], question=f"What is {p}?") for n, p in enumerate(papers)]
    made(config, "before", *(entry(i, [], i.gold_papers) for i in asked))
    made(config, "after", *(entry(i, i.gold_papers, i.gold_papers) for i in asked))
    html = clean(lists.compared(Archive(config).comparison("before", "after"), "before", "after"))
    inert(html)
    tags = Tags(html)
    assert "after is better than before in accuracy" in tags.text
    for told in ("B − A", "95% interval", "Holm p", "Won (12)", "refused → right", "A: before", "B: after"):
        assert told in " ".join(tags.text.split()), told
    assert "The abstracts do not say." in tags.text
    assert 'href="paper-rag/runs/before.html?with=after"' in html


def test_a_run_is_not_compared_with_itself(config: Config) -> None:
    made(config, "mine", right("a"))
    with pytest.raises(UsageError, match="two different runs"):
        Archive(config).comparison("mine", "mine")


# The report


def test_the_report_is_a_page_of_its_own(config: Config) -> None:
    made(config, "mine", right("a"))
    client = TestClient(Site(Starlette(), CollectionCache(config)), "http://testserver/paper-rag")
    got = client.get("/runs/mine.html")
    assert got.status_code == 200
    assert "default-src 'none'" in unescape(got.text)
    assert got.headers["content-type"].startswith("text/html")
    made(config, "other one", right("a"))
    both = client.get("/runs/mine.html?with=other%20one").text
    assert "other one" in both
    assert both.count('class="card"') == 2
    for name in ("other", "..%2Fmine", "%2Fetc"):
        assert client.get(f"/runs/{name}.html").status_code == 404
    (config.home / "evaluations" / "mine" / "speed.json").write_text("[")
    damaged = client.get("/runs/mine.html")
    assert damaged.status_code in (200, 500)


def test_the_page_starts_without_what_only_an_evaluation_needs() -> None:
    heavy = ["ir_measures", "scipy.stats", "rag.evaluation.session", "rag.evaluation.runs"]
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
    assert "There is no run" in unescape(list(actions.open("gone@1"))[-1][2])
    assert "two runs" in list(actions.compare(None, None))[-1]
    made(config, "mine", right("a"))
    monkeypatch.setattr(lists, "links", lambda name: 1 / 0)
    assert BROKEN in list(actions.open("mine@1"))[-1][2]
