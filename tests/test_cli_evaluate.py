"""`rag eval` as a user calls it, on a small collection with a reference set of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from reference_items import as_ingested
from serving import ROOT
from typer.testing import CliRunner, Result

from rag import Config, build
from rag.cli.app import app
from rag.cli.evaluate import app as evaluate_app
from rag.evaluation.items import KINDS
from rag.evaluation.session import Plan, evaluate

if TYPE_CHECKING:
    from rag.service import Rag


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a collection of twelve papers, its reference set, and two finished runs: oracle and abstain."""
    folder = tmp_path_factory.mktemp("evaluated")
    papers, questions = as_ingested()
    (folder / "papers.jsonl").write_text(papers)
    (folder / "questions.jsonl").write_text(questions)
    with build(Config(home=folder / "home")) as rag:
        rag.ingest([folder / "papers.jsonl"])
    for system in ("oracle", "abstain"):
        plan = Plan(Config(home=folder / "home"), folder / "questions.jsonl", split="all", system=system, name=system)
        assert evaluate(plan) is not None
    return folder


Shell = Callable[..., Result]


@pytest.fixture
def shell(filled: Path, tmp_path: Path) -> Shell:
    """`rag eval …` on a copy of the folder, which is the working directory."""
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["eval", *arguments], prog_name="rag")

    return call


RUN = ("run", "--mode", "quoting", "--split", "all", "--questions", "questions.jsonl")


def runs(tmp_path: Path) -> list[str]:
    return sorted(f.parent.name for f in (tmp_path / "home" / "evaluations").glob("*/summary.json"))


# --- help -----------------------------------------------------------------------------------------------------------

COMMANDS = ("", "check", "run", "peers", "runs", "report", "compare", "gate", "threshold", "new", "from-feedback")


def test_every_command_is_documented() -> None:
    there = {c.name or getattr(c.callback, "__name__", "") for c in evaluate_app.registered_commands}
    assert there == {*COMMANDS[1:]}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_as_documented(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`UPDATE_HELP=1 make test` writes the files anew."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    result = CliRunner().invoke(app, ["eval", *command.split(), "--help"], prog_name="rag")
    file = ROOT / "tests" / "help" / f"{f'eval-{command}'.strip('-')}.txt"
    if os.environ.get("UPDATE_HELP"):
        file.write_text(result.output)
    assert result.exit_code == 0
    assert result.output == file.read_text()


# --- check ----------------------------------------------------------------------------------------------------------


def test_a_set_that_holds(shell: Shell) -> None:
    result = shell("check", "--questions", "questions.jsonl")
    assert (result.exit_code, result.output) == (0, "11 questions hold (5 dev, 6 test).\n")


def test_each_flaw_is_a_line_with_the_id_of_its_item(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    text = file.read_text().replace("Small Machines", "Big Machines").replace("Nothing here is about sports.", " ")
    file.write_text(text + '{"id": "cut", "ki\n')
    result = shell("check", "--questions", "questions.jsonl")
    assert result.exit_code == 1
    said = {line.split(":")[0] for line in result.stdout.splitlines()}
    assert said == {"cut", "fact", "number", "premise", "offtopic"}
    assert "questions.jsonl has 5 flaws." in result.stderr


def test_drafts_are_counted(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(file.read_text().replace('"draft": false', '"draft": true', 1))
    assert (
        "11 questions hold (5 dev, 6 test, 1 draft to be reviewed)."
        in shell("check", "--questions", "questions.jsonl").output
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "nothing.jsonl: No such file or directory"), ("", "holds no questions"), ("\n\n", "holds no questions")],
)
def test_no_set_at_all(shell: Shell, tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "nothing.jsonl").write_text(text)
    result = shell("check", "--questions", "nothing.jsonl")
    assert result.exit_code == 1
    assert message in result.stderr


def test_the_set_of_another_collection_is_refused(shell: Shell) -> None:
    """The questions that come with the program are about its own papers."""
    result = shell("check")
    assert result.exit_code == 1
    assert "the collection has no paper" in result.stdout
    result = shell("run", "--mode", "quoting")
    assert result.exit_code == 1
    assert "does not fit the collection papers" in result.stderr
    assert "rag eval check lists them" in result.stderr


# --- run ------------------------------------------------------------------------------------------------------------


def test_a_run_prints_its_figures_and_is_found_again(shell: Shell, tmp_path: Path) -> None:
    first = shell(*RUN)
    assert first.exit_code == 0, first.output
    assert "accuracy" in first.stdout
    (name,) = set(runs(tmp_path)) - {"oracle", "abstain"}
    assert name.startswith("quoting-all-")
    assert f"Run {name}: " in first.stderr
    folder = tmp_path / "home" / "evaluations" / name
    before = {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()}
    again = shell(*RUN)
    assert again.exit_code == 0
    assert again.stdout == first.stdout
    assert {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()} == before, "nothing was asked again"
    listed = shell("runs").stdout
    assert {line.split()[0] for line in listed.splitlines() if not line.startswith(" ")} >= {"oracle", "abstain", name}
    manifest = json.loads(before["manifest.json"])
    assert manifest["papers"] == 12
    assert manifest["versions"]["paper-rag"]
    assert {"revision", "machine", "set", "index", "code", "created", "finished"} <= {*manifest}
    assert manifest["machine"]["cores"] == os.cpu_count()
    assert manifest["machine"]["processor"]


def test_a_run_that_was_broken_off_is_gone_on_with(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "evaluations" / "oracle"
    whole = {name: (folder / name).read_bytes() for name in ("answers.jsonl", "scores.jsonl", "summary.json")}
    (folder / "summary.json").unlink()
    (folder / "answers.jsonl").write_bytes(whole["answers.jsonl"][:3000])
    assert "not finished" in shell("report", "oracle").stderr
    assert "oracle" in shell("runs").stdout
    result = shell("run", "--system", "oracle", "--name", "oracle", "--split", "all", "--questions", "questions.jsonl")
    assert result.exit_code == 0, result.output
    assert {name: (folder / name).read_bytes() for name in whole} == whole


def test_the_name_of_a_finished_run_is_not_given_to_another(shell: Shell, tmp_path: Path) -> None:
    """It is neither shown for the other one nor spoiled by the attempt; --fresh replaces it."""
    result = shell(*RUN, "--name", "oracle")
    assert result.exit_code == 1
    assert "The run oracle was made with other" in result.stderr
    assert "system" in result.stderr
    assert shell("compare", "oracle", "abstain").exit_code == 0, "it is still whole"
    result = shell(*RUN, "--name", "oracle", "--kind", "fact")
    assert result.exit_code == 1
    assert "kinds" in result.stderr
    result = shell(*RUN, "--name", "oracle", "--fresh")
    assert result.exit_code == 0, result.output
    manifest = json.loads((tmp_path / "home" / "evaluations" / "oracle" / "manifest.json").read_text())
    assert (manifest["system"], manifest["sessions"]) == ("quoting", 1)


def test_the_runs_of_other_plans_have_other_names(shell: Shell, tmp_path: Path) -> None:
    many = [part for kind in KINDS[:9] for part in ("--kind", kind)]
    for more in ((), ("--limit", "1"), many, (*many, "--limit", "1")):
        result = shell(*RUN, "--system", "echo", *more)
        assert result.exit_code == 0, result.output
    assert len(runs(tmp_path)) == 2 + 4, "names that are cut still differ"


def test_distractors_are_mixed_in_and_the_slope_is_asked_in_one_go(shell: Shell, tmp_path: Path) -> None:
    noise = [
        {"title": f"On {w} of the {n}th kind", "abstract": f"This is about {w}. It has {n} reasons."}
        for n, w in enumerate(("otters", "granite", "violins", "monsoons", "beetles", "glaciers") * 3)
    ]
    (tmp_path / "noise.jsonl").write_text("".join(json.dumps(n) + "\n" for n in noise))
    result = shell(*RUN, "--name", "slope", "--distractors", "noise.jsonl", "--ratio", "0", "--ratio", "1")
    assert result.exit_code == 0, result.output
    assert {"slope-0", "slope-1"} < set(runs(tmp_path))
    folder = tmp_path / "home" / "evaluations"
    manifests = [json.loads((folder / n / "manifest.json").read_text()) for n in ("slope-0", "slope-1")]
    assert [m["papers"] for m in manifests] == [12, 24]
    assert [m["distractors"]["papers"] for m in manifests] == [0, 12]
    with build(Config(home=tmp_path / "home")) as rag:
        assert len(rag.papers()) == 12, "the collection itself is as it was"
    result = shell(*RUN, "--distractors", "noise.jsonl", "--ratio", "5")
    assert result.exit_code == 1
    assert "--ratio 5 asks for 60 distractors for 12 papers" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--kind", "facts"), "There is no kind 'facts'; there are fact, number"),
        (("--name", "../x"), "--name '../x': letters, digits"),
        (("--name", ".hidden"), "--name '.hidden'"),
        (("--name", "a:b"), "--name 'a:b'"),
        (("--name", "x\n"), "--name"),
        (("--system", "magic"), "There is no system 'magic'; there are ours, oracle"),
        (("--ratio", "1"), "--ratio belongs to --distractors FILE"),
        (("--distractors", "papers.jsonl", "--ratio", "-1"), "from 0 to 10,000"),
        (("--distractors", "papers.jsonl", "--ratio", "nan"), "from 0 to 10,000"),
        (("--prices", "1"), "--prices '1': give two figures"),
        (("--prices", "1,2,3"), "--prices '1,2,3': give two figures"),
        (("--prices", "a,b"), "--prices 'a,b': give two figures"),
        (("--prices=-1,2",), "--prices '-1,2': give two figures"),
        (("--prices", "nan,1"), "--prices 'nan,1': give two figures"),
        (("--prices", "1,inf"), "--prices '1,inf': give two figures"),
        (("--judge-model", "x"), "belong to --judge"),
        (("--split", "dev", "--kind", "list"), "has no question of this split and these kinds"),
        (("--limit", "-1"), "Error: --limit -1: give 0 or more."),
        (("--jobs", "65"), "Error: --jobs 65: give 0 to 64."),
        (("--split", "train"), "'train' is not one of"),
        (("--mode", "dreaming"), "'dreaming' is not one of"),
    ],
)
def test_what_cannot_be_asked_is_usage(shell: Shell, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    result = shell(*RUN, *arguments)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert runs(tmp_path) == ["abstain", "oracle"]


def test_a_judge_that_is_not_configured_says_so_before_anything_is_asked(shell: Shell, tmp_path: Path) -> None:
    result = shell(*RUN, "--system", "echo", "--name", "judged", "--judge")
    assert result.exit_code == 3, result.output
    assert "--judge needs a model that grades: name one by --judge-model" in result.stderr
    assert not (tmp_path / "home" / "evaluations" / "judged").exists()


def test_a_model_that_is_not_configured_says_so(shell: Shell) -> None:
    result = shell("run", "--mode", "generating", "--questions", "questions.jsonl")
    assert result.exit_code == 3
    assert "model" in result.stderr


# --- report, compare, gate ------------------------------------------------------------------------------------------


def test_a_report_is_written(shell: Shell, tmp_path: Path) -> None:
    result = shell("report", "oracle")
    assert result.exit_code == 0, result.output
    said = [Path(line) for line in result.stdout.splitlines()]
    assert [p.name for p in said] == ["report.md", "report.html"]
    assert re.fullmatch(r"Drawing the report of [\d,]+ questions …\n", result.stderr)
    assert all(p.parent == tmp_path / "home" / "evaluations" / "oracle" for p in said)
    assert "| accuracy |" in said[0].read_text()
    result = shell("report", "oracle", "abstain", "-o", "both")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "both" / "report.html").is_file()


def test_a_comparison_says_which_is_better(shell: Shell) -> None:
    result = shell("compare", "abstain", "oracle")
    assert result.exit_code == 0, result.output
    assert "accuracy" in result.stdout
    marked = shell("compare", "abstain", "oracle", "--markdown")
    assert marked.exit_code == 0
    assert marked.stdout.startswith("# oracle against abstain\n")
    assert "accuracy" in marked.stdout


def test_a_gate_is_met_or_not(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text("[all]\naccuracy = { min = 0.9 }\n[run]\nfailed = { max = 0 }\n")
    met = shell("gate", "oracle", "--thresholds", "gate.toml")
    assert met.exit_code == 0, met.output
    assert "All 2 thresholds are met." in met.stdout
    unmet = shell("gate", "abstain", "--thresholds", "gate.toml")
    assert unmet.exit_code == 1
    assert "1 of 2 thresholds are not met: all accuracy" in " ".join(unmet.stderr.split())


def test_a_threshold_is_chosen_for_a_risk_or_said_to_be_none(shell: Shell) -> None:
    result = shell("threshold", "oracle", "--risk", "0.1")
    assert result.exit_code == 1, "a baseline has no confidence"
    assert "No threshold keeps the risk at 0.1 on these 0 questions" in " ".join(result.stderr.split())
    assert shell(*RUN, "--name", "own").exit_code == 0
    result = shell("threshold", "own", "--risk", "0.5")
    assert result.exit_code == 0, result.output
    assert "Set RAG_CAUTION=0." in result.stdout
    assert "little more than a guess" in result.stderr
    assert "not for others" in result.stderr


@pytest.mark.parametrize("command", [("report", "nobody"), ("compare", "oracle", "nobody"), ("gate", "nobody")])
def test_a_run_that_there_is_not_is_told_with_those_that_there_are(shell: Shell, command: tuple[str, ...]) -> None:
    result = shell(*command)
    assert result.exit_code == 1
    said = " ".join(result.stderr.split())
    assert "There is no run 'nobody' in" in said
    assert "oracle" in said


def test_a_beginning_that_one_run_has_names_it(shell: Shell) -> None:
    assert shell("compare", "ora", "home/evaluations/abstain").exit_code == 0


def test_a_home_without_runs(shell: Shell, tmp_path: Path) -> None:
    result = shell("report", "x", "--home", str(tmp_path / "none"))
    assert result.exit_code == 1
    assert "there is none yet: rag eval run makes one" in " ".join(result.stderr.split())
    assert shell("runs", "--home", str(tmp_path / "none")).exit_code == 0


# --- the same again -------------------------------------------------------------------------------------------------


def test_two_runs_of_the_real_set_are_the_same_to_the_byte(collection: Rag, collection_home: Path) -> None:
    """Quoting mode, two of every kind."""
    folders = []
    for name in ("first", "second"):
        found = evaluate(Plan(Config(home=collection_home), split="test", limit=2, name=name))
        assert found is not None
        assert len(found.scored) == 20
        folders.append(found.folder)
    for file in ("scores.jsonl", "summary.json", "items.jsonl"):
        first, second = ((folder / file).read_bytes() for folder in folders)
        assert first == second, file
    answers = [_answers(folder) for folder in folders]
    assert answers[0] == answers[1]
    shutil.rmtree(collection_home / "evaluations")


def _answers(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]
    return [{**line, "timings_ms": None} for line in lines]
