"""What `rag eval report` makes of runs: the Markdown, and the page as a file."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from evaluated import MANIFEST, Entry, answer, broken, entry, item, write_run
from hostile import HOSTILE

from rag.core.answer import Citation, Claim, Retrieved
from rag.core.errors import EvaluationError
from rag.evaluation.intervals import Estimate
from rag.evaluation.items import Item, Nugget
from rag.evaluation.judging.grades import NAMES
from rag.evaluation.metrics import METRICS
from rag.evaluation.outcome import WORDS, Outcome, failed, outcome
from rag.evaluation.report import markdown, page, save
from rag.evaluation.report.cards import pieces
from rag.evaluation.report.meanings import MEANINGS
from rag.evaluation.risk import calibration
from rag.evaluation.runs import Run, Scored
from rag.evaluation.table import estimate, figure

TWO = ("one", "two")


def scored(found: Entry) -> Scored:
    """An entry as a run gives it."""
    return Scored(found.item, found.answer, found.error, found.scores)


def entries() -> list[Entry]:
    """One of each outcome, in the order of the cases of the next test, and two that are right."""
    papers = [f"p{n}" for n in range(8)]
    return [
        entry(item("right"), ["one"], ["one"]),
        entry(item("refusal", "unanswerable", ()), (), ["one"]),
        broken(item("error")),
        entry(item("invented", "unanswerable", ()), ["two"], ["two"]),
        entry(item("lost"), ["two"], ["two"]),
        entry(item("lost-refused"), (), ["two"]),
        entry(item("refused"), (), ["one"]),
        entry(item("uncited"), ["two"], ["two", "one"]),
        entry(item("incomplete"), ["one"], ["one"], scores={"all_vital": (0.0, 1.0)}),
        entry(item("side", "comparison", TWO, missing=("Holmes",)), TWO, TWO, scores={"missing_named": (0.0, 1.0)}),
        entry(item("long", "list", papers[:2]), papers, papers, scores={"list_f1": (0.4, 1.0)}),
        entry(item("short", "list", papers), papers[:1], papers, scores={"list_f1": (0.2, 1.0)}),
    ]


OUTCOMES: Sequence[Outcome] = (
    "right",
    "right",
    "error",
    "answered_unanswerable",
    "not_retrieved",
    "not_retrieved",
    "refused",
    "not_cited",
    "incomplete",
    "side_not_named",
    "extra",
    "not_cited",
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return write_run(tmp_path / "runs" / "quoting-dev", entries())


# --- what became of an item -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "expected"), list(zip(entries(), OUTCOMES, strict=True)), ids=[e.item.id for e in entries()]
)
def test_an_item_is_right_or_the_first_thing_is_named(found: Entry, expected: Outcome) -> None:
    assert outcome(scored(found)) == expected
    assert failed(scored(found)) == (expected != "right")


@pytest.mark.parametrize(("f1", "expected"), [(0.7, "right"), (0.69, "not_cited")])
def test_a_list_is_wrong_below_seven_tenths(f1: float, expected: Outcome) -> None:
    asked = item("list", "list", TWO)
    assert outcome(scored(entry(asked, ["one"], TWO, scores={"list_f1": (f1, 1.0)}))) == expected


def test_only_the_first_ten_count_as_retrieved() -> None:
    others = [f"p{n}" for n in range(9)]
    assert outcome(scored(entry(item("tenth"), ["p1"], [*others, "one"]))) == "not_cited"
    assert outcome(scored(entry(item("eleventh"), ["p1"], [*others, "p9", "one"]))) == "not_retrieved"


def test_who_does_not_look_refuses_and_lost_nothing_in_retrieval() -> None:
    assert outcome(scored(entry(item("blind"), (), ()))) == "refused"
    assert outcome(scored(entry(item("blindly cited"), ["two"], ()))) == "not_retrieved"


def test_an_item_without_nuggets_is_right_where_it_cites_every_gold_paper() -> None:
    asked = item("bare", "comparison", TWO, nuggets=())
    assert outcome(scored(entry(asked, TWO, TWO))) == "right"
    assert outcome(scored(entry(asked, ["one"], TWO))) == "not_cited"


# --- Markdown -------------------------------------------------------------------------------------------------------


def test_the_markdown_has_all_parts(run: Run) -> None:
    text = markdown([run])
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert titles == [
        *("What was run", "Results", "By kind", "Where it was lost", "Abstention", "Speed", "What is not right"),
        "What the metrics are",
    ]
    assert "**quoting-dev**: 2 of 12 questions right (17%)." in text
    assert "| revision | 0123456789ab |" in text
    assert re.search(r"^\| accuracy \| 12 \| \.\d{3} \(\.\d{3} to [1.]\.?\d{3}\) \|$", text, re.MULTILINE)
    assert "- refused (1): refused" in text
    assert "- not retrieved (2): lost, lost-refused" in text


def test_every_row_of_a_table_has_the_columns_of_its_head(run: Run) -> None:
    for table in re.findall(r"(?:^\|.*\|\n)+", markdown([run, run]), re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_every_metric_says_what_it_is(run: Run) -> None:
    assert set(MEANINGS) == {m.name for m in METRICS} | set(NAMES)
    heads = {a["title"] for a in _hold(page([run])).named("th") if "title" in a}
    for name in ("accuracy", "gold_citation_recall"):
        assert MEANINGS[name] in heads
        assert f"- {name}: {MEANINGS[name]}" in markdown([run])
    assert "faithfulness" not in markdown([run]), "only what was measured"


def test_the_results_say_what_their_figures_depend_on(run: Run) -> None:
    text = markdown([run])
    results = text[text.index("## Results") : text.index("## By kind")]
    for wanted in ("another mix of kinds", "widened for few clusters", "share papers with other", "1 − .05^(1/k)"):
        assert wanted in results


def test_an_end_that_is_not_known_is_no_figure() -> None:
    assert estimate(Estimate(7.0, 7.0, 7.0, 9, 3), "").detail == "all alike"
    assert estimate(Estimate(0.7, 0.6, 0.8, 9, 3), "").detail == ".600 to .800"


def test_an_undefined_value_says_why(run: Run) -> None:
    text = markdown([run])
    (row,) = re.findall(r"^\| unanswerable \|.*$", text, re.MULTILINE)[:1]
    mark = re.search(r"– \((\d)\)", row)
    assert mark
    assert f"- ({mark[1]}) no question has recall@10" in text
    assert "| words | 11 |" in text
    assert not re.search(r"\bnan\b", text)


def test_the_abstention_table_counts_both_sides(run: Run) -> None:
    (row,) = re.findall(r"^\| quoting-dev \| \d+ \| \d+ \| \d+ \| \d+ \|.*$", markdown([run]), re.MULTILINE)
    answered, refused = sum(not s.answer.abstained and s.item.answerable for s in run.scored), 2
    assert row.startswith(f"| quoting-dev | {answered} | {refused} | 1 | 1 | ")


def test_speed_is_as_it_was_recorded(tmp_path: Path) -> None:
    speed = {"p50_ms": 1234.5, "p95_ms": 2345.6, "prompt_tokens": 7000, "completion_tokens": 800, "cost": 0.0123}
    text = markdown([write_run(tmp_path / "a", entries()[:2], speed=speed)])
    assert "| a | 1,234 | 2,346 | 7,000 | 800 | 0.0123 |" in text


def test_a_manifest_that_says_little_and_a_run_without_answers_are_borne(tmp_path: Path) -> None:
    asked = [broken(item("a")), broken(item("b", "unanswerable", ()))]
    for manifest in ({}, {"system": None, "revision": {"git": None, "dirty": None}, "distractors": {}, "judge": None}):
        found = write_run(tmp_path / f"run{len(manifest)}", asked, manifest)
        assert "0 of 2 questions right (0%). The others: 2 error." in markdown([found])
        assert "No answer of" in page([found])


def test_a_judge_stands_beside_what_it_agrees_with(tmp_path: Path) -> None:
    judge = {"model": "grader", "agreement": {"correctness": {"kappa": 0.61}}}
    found = write_run(tmp_path / "a", entries()[:2], {**MANIFEST, "judge": judge})
    assert "| agreement.correctness.kappa | 0.61 |" in markdown([found])
    assert "agreement.correctness.kappa" in page([found])


def test_hostile_ids_and_settings_are_text_in_the_markdown(tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)> | [x](https://evil.example) `a`\n# gone"
    asked = [entry(item(hostile), ["two"], ["two"])]
    text = markdown([write_run(tmp_path / "a", asked, {"system": hostile})])
    assert "<img" not in text.replace("\\<", "")
    assert not re.search(r"^# gone", text, re.MULTILINE)
    assert "](https" not in text.replace("\\]", "")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1.000"),
        (0.9996, ".999"),
        (0.5, ".500"),
        (0, ".000"),
        (-0.0001, ".000"),
        (-0.25, "−.250"),
        (1234.56, "1,234.6"),
    ],
)
def test_figures_say_all_only_where_it_is_all(value: float, text: str) -> None:
    assert figure(value) == text


# --- several runs ---------------------------------------------------------------------------------------------------


@pytest.fixture
def noisy(tmp_path: Path) -> list[Run]:
    """Twelve questions with 0, 1 and 2 distractors for each paper: 12, 9 and 6 of them right."""
    runs = []
    for ratio, right in ((2.0, 6), (0.0, 12), (1.0, 9)):
        asked = [entry(item(f"q{n}", gold=[f"p{n}"]), [f"p{n}" if n < right else "x"], [f"p{n}"]) for n in range(12)]
        manifest = {**MANIFEST, **({"distractors": {"ratio": ratio, "papers": 9}} if ratio else {})}
        runs.append(write_run(tmp_path / f"noise{ratio:.0f}", asked, manifest))
    return runs


def test_runs_with_distractors_stand_side_by_side(noisy: list[Run]) -> None:
    text = markdown(noisy)
    assert "| distractors for each paper | 2.0 | – | 1.0 |" in text
    assert re.search(r"^\| all_vital \| 12 \| \.500 .* \| 1\.000 .* \| \.750 .* \|$", text, re.MULTILINE)


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / parent / "same", entries()[:2]) for parent in ("a", "b")]
    assert "**a/same**" in markdown(runs)
    assert "**b/same**" in markdown(runs)


# --- calibration and evidence ---------------------------------------------------------------------------------------


def test_calibration_compares_confidence_with_what_the_collection_says(tmp_path: Path) -> None:
    asked = [entry(item(f"y{n}"), ["one"], ["one"], confidence=0.95) for n in range(9)]
    asked += [entry(item("n", "unanswerable", ()), ["one"], confidence=0.95)]
    asked += [entry(item("l", "list", TWO), TWO, kind="list", confidence=0.1), entry(item("x"), ["one"])]
    found = calibration(write_run(tmp_path / "a", asked))
    assert found is not None
    (only,) = found.bins
    assert (only.n, only.share) == (10, 0.9)
    assert only.low == pytest.approx(0.5958, abs=1e-4)  # Wilson's interval of 9 in 10
    assert only.high == pytest.approx(0.9821, abs=1e-4)
    assert found.error == pytest.approx(0.05)
    assert found.brier == pytest.approx((9 * 0.05**2 + 0.95**2) / 10)


def test_pieces_are_cut_where_the_other_side_begins_and_ends() -> None:
    text = "We find: forty-two. "
    found = pieces(text, 10, [(13, 28), (28, 30), (90, 99)])
    assert [*found] == [("We ", False), ("find: forty-two", True), (". ", True)]
    assert pieces(text, 10, []) == ((text, False),)


# --- the page -------------------------------------------------------------------------------------------------------


class Elements(HTMLParser):
    """The elements of a page, with their attributes, and the text of <style> and <script>."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.raw: dict[str, list[str]] = {"style": [], "script": []}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {k: v or "" for k, v in attrs}))

    def handle_data(self, data: str) -> None:
        if self.found and self.cdata_elem in self.raw:
            self.raw[str(self.cdata_elem)].append(data)

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.found if name == tag]


ALLOWED = frozenset(
    "a b blockquote body br button code dd details div dl dt em figcaption figure h1 h2 h3 head "
    "header hr html input label legend li line link main mark meta nav ol option output p polyline pre rect script "
    "search section select small span strong style sup summary svg table tbody td text th thead title tr ul wbr".split()
)


def _hold(html: str) -> Elements:
    """What must be so on every page, whatever the runs hold."""
    page = Elements(html)
    assert {tag for tag, _ in page.found} <= ALLOWED
    for tag, attributes in page.found:
        assert not [a for a in attributes if a.startswith("on") or a in ("style", "src", "srcset", "action")], tag
        for name in ("href", "xlink:href"):
            assert attributes.get(name, "#").startswith("#") or attributes[name] == "data:,"
        assert "url(" not in "".join(attributes.values()).replace("url(#", "")
    ids = [a["id"] for _, a in page.found if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for tag, a in page.found if tag in ("a", "use") and a["href"] != "#"}
    assert targets <= set(ids)
    return page


def test_the_page_may_load_nothing_and_run_only_its_own(run: Run) -> None:
    found = _hold(page([run]))
    (policy,) = [m["content"] for m in found.named("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    for kind in ("style", "script"):
        assert len(found.named(kind)) == 1
        digest = base64.b64encode(hashlib.sha256("".join(found.raw[kind]).encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
        assert not re.search(r"https?:|@import|url\(|fetch\(|XMLHttp|WebSocket|innerHTML", "".join(found.raw[kind]))


def test_the_page_has_every_item_what_failed_first(run: Run) -> None:
    html = page([run])
    cards = [a for a in _hold(html).named("details") if a.get("class") == "card"]
    assert sorted(a["data-outcome"] for a in cards) == sorted(OUTCOMES)
    assert [a["data-outcome"] for a in cards][-2:] == ["right", "right"]
    assert cards[0]["data-outcome"] == "error"
    for words in (WORDS[o] for o in set(OUTCOMES)):
        assert f">{words}</span>" in html
    assert "ModelTimeout: no token within 120 s" in html


def test_an_item_shows_what_was_wanted_beside_what_came(tmp_path: Path) -> None:
    asked = item(
        "shown",
        gold=TWO,
        kind="followup",
        history=({"role": "user", "content": "What is double quantization?"},),
        notes="a note",
        nuggets=(
            Nugget(text="the number", importance="vital", aliases=("forty-two",)),
            Nugget(text="the unit", importance="okay", aliases=("gigabytes",)),
        ),
    )
    found = replace(
        entry(asked, ["one"], ["three", "one"], warnings=("The model was slow.",), standalone_question="In full?"),
    )
    found.answer = replace(found.answer, claims=(Claim("It is big.", "unsupported", "no quote says so", (1,)),))
    html = page([write_run(tmp_path / "a", [found])])
    flat = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))
    for text in (
        *("What is double quantization?", "Understood as: In full?", "It says forty-two.", "a note"),
        *("✓ the number vital, found", "✗ the unit okay, missing", "The model was slow."),
        *("unsupported: It is big. (no quote says so)", "The one paper 0.950, cited gold", "The three paper 1.000"),
        *("Gold papers that are not among these: The two paper not retrieved", "[1] The one paper gold"),
    ):
        assert text in flat, text
    assert '<mark title="quoted by the answer">find: forty-two</mark>' in html
    assert '<mark title="in a gold passage">find: forty-two</mark>' in html


def _hostile(text: str) -> Entry:
    asked: Item = item(
        "x" + hashlib.sha256(text.encode()).hexdigest()[:8] + text[:40],
        question=text,
        reference_answer=text,
        notes=text,
        history=({"role": "assistant", "content": text},),
        missing=(text,),
        gold_titles=(text,),
        sort=text,
        nuggets=(Nugget(text=text, importance="vital", aliases=("forty-two",)),),
    )
    found = answer(
        asked,
        ["one"],
        answer=f"{text} [1]\n\n> {text} [1]",
        standalone_question=text + "?",
        citations=(Citation(1, "one", text, text, 0, len(text)),),
        claims=(Claim(text, "partly", text, (1,)),),
        missing=(text,),
        warnings=(text,),
        model=text,
    )
    found = replace(found, retrieved=(Retrieved("one", text, 1.0),))
    return Entry(asked, found, {"accuracy": (1.0, 1.0), text[:30]: (1.0, 1.0)}, "")


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    asked = [_hostile(text) for text in HOSTILE]
    asked += [broken(item(f"e{n}", question=text), text) for n, text in enumerate(HOSTILE)]
    manifest = {**MANIFEST, "system": HOSTILE[0], "model": HOSTILE[3], HOSTILE[1]: HOSTILE[2]}
    run = write_run(tmp_path / "<script>x", asked, manifest)
    other = write_run(tmp_path / "b", asked, {**manifest, "distractors": {"ratio": 2}})
    html = page([run, other])
    found = _hold(html)
    assert len(found.named("script")) == len(found.named("style")) == len(found.named("base")) + 1
    assert len(found.named("details")) == 2 * len(asked) + html.count('class="fold"')
    assert len(found.named("h1")) == 1 + 2 * len(re.findall(r'<div class="answer"><h1>', page([run])))
    markdown([run, other])


def test_half_characters_and_controls_are_written(tmp_path: Path) -> None:
    found = entry(item("a", question="a \x00 and \x1b[31m"), ["one"], answer="half \ud800 and \x00 [1]")
    paths = save([replace(write_run(tmp_path / "a", entries()[:2]), scored=(scored(found),))], tmp_path / "out")
    assert all(path.read_bytes().decode() for path in paths)


def test_the_same_runs_make_the_same_files(run: Run, noisy: list[Run], tmp_path: Path) -> None:
    first, second = (save([run, *noisy], tmp_path / name) for name in ("a", "b"))
    assert [p.name for p in first] == ["report.md", "report.html"]
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_a_folder_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EvaluationError, match=r"file.*--output"):
        save([run], tmp_path / "file")


def test_plots_take_their_colours_from_the_page_and_are_said(run: Run, noisy: list[Run]) -> None:
    html = page([run, *noisy])
    plots = _hold(html).named("svg")
    assert len(plots) >= 6
    assert all(p["role"] == "img" and len(p["aria-label"]) > 20 and "width" not in p for p in plots)
    assert not re.search(r"<(?:line|rect|polyline|text)[^>]* (?:fill|stroke|style)=", html)


def test_two_runs_are_compared_in_their_report(noisy: list[Run]) -> None:
    worse, whole, _ = noisy
    for text in (markdown([whole, worse]), page([whole, worse])):
        assert "noise2 is worse than noise0 in accuracy by .500" in text
        assert "Questions that changed" in text
    assert "Differences" not in markdown([whole])
