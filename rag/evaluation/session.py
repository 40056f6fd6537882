"""One evaluation from its settings to the finished run: what the command line and the page call."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rag
from rag.core import resources
from rag.core.config import Config
from rag.core.errors import ConfigError, EvaluationError, UsageError
from rag.evaluation.checking import check
from rag.evaluation.distractors import Noise, mixed
from rag.evaluation.items import Item, choose, digest, read
from rag.evaluation.metrics.metric import Case
from rag.evaluation.runner import UNDECIDED, Asked, clear, described, differing, finish, refuse, run
from rag.evaluation.runs import SUMMARY, Run, load
from rag.evaluation.scoring import Prices, Scores, line, score, speed, summarise
from rag.evaluation.systems import JOBS, OURS, System, code, is_local, system
from rag.index.index import digest as papers_digest
from rag.index.index import fingerprint_digest
from rag.papers import Paper
from rag.service import Rag, build

if TYPE_CHECKING:
    from rag.evaluation.judging.judge import Judge

PACKAGES = ("llama-index-core", "chromadb", "onnxruntime", "tokenizers", "numpy", "ir-measures")
"""Whose versions are written down: an answer or a score may depend on them."""

Progress = Callable[[str, int, int], None]
"""Called with the stage, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to evaluate. `config` says which collection and which model; `judge` the settings of the judge's model."""

    config: Config
    questions: Path = field(default_factory=lambda: reference_set())
    split: str = "dev"
    kinds: tuple[str, ...] = ()
    limit: int = 0
    drafts: bool = False
    system: str = OURS
    name: str = ""
    fresh: bool = False
    retry: bool = False
    jobs: int = 0
    noise: Noise | None = None
    prices: Prices | None = None
    judge: Config | None = None


def reference_set() -> Path:
    """The reference questions that come with the program."""
    return resources.evaluation() / "questions.jsonl"


def runs_folder(config: Config) -> Path:
    """Where the runs of a home lie."""
    return config.home / "evaluations"


def find(config: Config, name: str) -> Path:
    """The folder of a run, by its name, a beginning of it that only one has, or a path.

    Raises `EvaluationError` that names the runs that there are.
    """
    path = Path(name).expanduser()
    if (path / "manifest.json").is_file():
        return path
    there = names(config)
    matching = [n for n in there if n == name] or [n for n in there if n.startswith(name)]
    if len(matching) == 1:
        return runs_folder(config) / matching[0]
    if matching:
        raise EvaluationError(f"{name!r} could be {', '.join(matching)}; give more of the name.")
    known = f"there are {', '.join(there)}" if there else "there is none yet: rag eval run makes one"
    raise EvaluationError(f"There is no run {name!r} in {runs_folder(config)}; {known}.")


def names(config: Config) -> list[str]:
    """The names of the runs of a home, oldest first."""
    found = runs_folder(config).glob("*/manifest.json")
    return [f.parent.name for f in sorted(found, key=lambda f: f.stat().st_mtime)]


def evaluate(
    plan: Plan, *, progress: Progress = lambda stage, done, total: None, stop: threading.Event | None = None
) -> Run | None:
    """Carry out a plan, or go on where it was left, or load what it came to; None where it was stopped.

    Raises `EvaluationError` for a set with flaws and a run that can't be gone on with, `UsageError` for a plan that
    asks nothing, and what building the system raises.
    """
    # A judge that can't be asked is told before everything is asked that it was to judge.
    judge = _judge(plan.judge) if plan.judge is not None else None
    with ExitStack() as stack:
        service, system, about = _prepared(plan, stack, progress)
        # The set is held against its own papers: what names one of them says nothing among others of the kind.
        added = about.get("distractors", {}).get("papers", 0)
        items = _items(plan, service.papers()[: len(service.papers()) - added])
        folder = runs_folder(plan.config) / (plan.name or _name(plan, system, about, items))
        if plan.fresh:
            clear(folder)
        if (folder / SUMMARY).is_file() and not plan.retry:
            if other := differing(folder, described(items, system, about)):
                raise refuse(folder, other)
            known = load(folder)
            if _scored(known, plan):
                return known
        asked = run(
            folder,
            items,
            system,
            about,
            jobs=plan.jobs,
            retry=plan.retry,
            progress=lambda done, total, failed: progress(_asking(failed), done, total),
            stop=stop,
        )
        if len(asked) < len(items):
            return None
        _score(plan, folder, asked, service, judge, progress)
        return load(folder)


def _scored(known: Run, plan: Plan) -> bool:
    """Whether a run has the scores that a plan asks for, by the metrics as they are now."""
    judge, prices = known.manifest.get("judge") or {}, known.manifest.get("prices")
    graded = plan.judge is None or (bool(judge) and plan.judge.model in ("", judge.get("model")))
    paid = plan.prices is None or prices == asdict(plan.prices)
    return graded and paid and known.manifest.get("scoring") == code("evaluation")


def _asking(failed: int) -> str:
    return f"Asking ({failed} failed)" if failed else "Asking"


def _prepared(plan: Plan, stack: ExitStack, progress: Progress) -> tuple[Rag, System, dict[str, Any]]:
    """The collection, the system that is asked, and what the manifest says of both."""
    config = plan.config
    filled = stack.enter_context(build(replace(config, llm="none")))
    if not filled.papers():
        filled.ingest(progress=progress)
    noise: dict[str, Any] = {}
    if plan.noise is not None:
        config, added = mixed(config, filled.papers(), plan.noise)
        noise = {"distractors": {"ratio": plan.noise.ratio, "papers": added, "file": plan.noise.file.name}}
    service = stack.enter_context(build(config))
    if plan.noise is not None:
        service.ingest(progress=progress)
    service.as_retriever()  # opens the index: the first question is not to pay for it
    about = {
        "collection": plan.config.collection,
        "papers": len(service.papers()),
        "index": f"{fingerprint_digest()}-{papers_digest(service.papers())}",
        "questions": plan.questions.name,
        "split": plan.split,
        "kinds": list(plan.kinds),
        "limit": plan.limit,
        **noise,
        "revision": revision(),
        "versions": {"paper-rag": rag.__version__, **{name: version(name) for name in PACKAGES}},
        "machine": machine(),
    }
    return service, system(plan.system, service), about


def _items(plan: Plan, papers: Sequence[Paper]) -> list[Item]:
    whole = read(plan.questions)
    flaws = check(whole, papers)
    if flaws:
        more = f" and {len(flaws) - 1} more flaws" if len(flaws) > 1 else ""
        raise EvaluationError(
            f"{plan.questions.name} does not fit the collection {plan.config.collection}: {flaws[0]}{more}. rag eval "
            "check lists them; -c names another collection, --questions another set."
        )
    items = choose(whole, split=plan.split, kinds=plan.kinds, limit=plan.limit, drafts=plan.drafts)
    if not items:
        drafts = " that is no draft (--drafts asks them, too)" if any(i.draft for i in whole) else ""
        raise UsageError(f"{plan.questions.name} has no question of this split and these kinds{drafts}.")
    return items


def _name(plan: Plan, asked: System, about: dict[str, Any], items: Sequence[Item]) -> str:
    """The same for the same plan, so that it is gone on with; readable first."""
    decided = {**about, **asked.about(), "items": [i.id for i in items], "set": digest(items)}
    decided = {k: v for k, v in decided.items() if k not in UNDECIDED}
    mark = hashlib.sha256(json.dumps(decided, sort_keys=True, default=str).encode()).hexdigest()[:6]
    model = re.sub(r"[^A-Za-z0-9.]+", "-", str(asked.about().get("model") or ""))[:30].strip("-.")
    noise = f"noise{plan.noise.ratio:g}" if plan.noise else ""
    said = "-".join(p for p in (asked.name, model, plan.split, *plan.kinds, noise) if p)
    return f"{said[:90]}-{mark}"


def _score(
    plan: Plan, folder: Path, asked: Sequence[Asked], service: Rag, judge: Judge | None, progress: Progress
) -> None:
    """Score the answers, have them graded where that is planned, and write what the run came to."""
    from rag.evaluation.entailment import Entailment
    from rag.evaluation.metrics import METRICS

    total, papers = len(asked), {p.id: p for p in service.papers()}
    supports = Entailment(service.papers())
    cases = [Case(a.item, a.answer, papers, supports, failed=bool(a.error)) for a in asked]
    shares = score(cases, METRICS, lambda done: progress("Scoring", done, total))
    undefined = {m.name: m.undefined for m in METRICS}
    about: dict[str, Any] = {"scoring": code("evaluation")}
    if judge is not None and plan.judge is not None:
        graded, about["judge"], why = _graded(judge, 1 if is_local(plan.judge) else JOBS, cases, progress)
        shares = [{**own, **grades} for own, grades in zip(shares, graded, strict=True)]
        undefined |= why
    if plan.prices is not None:
        about["prices"] = asdict(plan.prices)
    lines = [line(a.item, own, failed=bool(a.error)) for a, own in zip(asked, shares, strict=True)]
    took = speed([a.answer for a in asked if not a.error], plan.prices)
    summary = summarise(lines, undefined, {m.name for m in METRICS if not m.bounded})
    finish(folder, [a.item for a in asked], lines, summary, took, about)


def _judge(config: Config) -> Judge:
    """The judge of these settings. Raises `ConfigError` where no model is named."""
    from rag.evaluation.judging.judge import Judge
    from rag.llm.models import client

    model = client(config) if config.model else None
    if model is None:
        raise ConfigError("--judge needs a model that grades: name one by --judge-model or RAG_MODEL.")
    return Judge(model)


def _graded(
    judge: Judge, jobs: int, cases: Sequence[Case], progress: Progress
) -> tuple[list[Scores], dict[str, Any], dict[str, str]]:
    """The judge's grades of each case, what the manifest says of it, and when its metrics are undefined.

    Its agreement with the labels comes first: a judge that can't be reached is told before an hour of grading.
    """
    from rag.evaluation.judging import agreement, labels
    from rag.evaluation.judging.grades import UNDEFINED

    known = labels.read(resources.evaluation() / "labels.jsonl")
    agrees = agreement.agreement(judge, known, lambda done: progress("Grading what is labelled", done, 3 * len(known)))
    grades = judge.grades(cases, jobs=jobs, progress=lambda done: progress("Grading", done, len(cases)))
    return grades, {**judge.about(), "agreement": agrees}, {**UNDEFINED}


def revision() -> dict[str, Any]:
    """The git revision of the code and whether it differs from it; None for both where it is not in a checkout."""
    try:
        # A wheel that is installed inside somebody's checkout is not that checkout's revision.
        _git("ls-files", "--error-unmatch", "items.py")
        head, state = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return {"git": None, "dirty": None}
    return {"git": head, "dirty": bool(state)}


def machine() -> dict[str, Any]:
    """What the program runs on: latency is nothing without it."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": _processor() or platform.machine(),
        "cores": os.cpu_count(),
    }


def _processor() -> str:
    """The name of the processor's model, as Linux tells it; empty where it doesn't."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return next((name.strip() for name in re.findall(r"^model name\s*:(.*)$", told, re.MULTILINE)), "")


def _git(*arguments: str) -> str:
    here = Path(__file__).parent
    done = subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=True)
    return done.stdout.strip()
