"""Asks a system the items of a set, and keeps every answer as soon as it is there."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from rag.core.answer import Answer, failed
from rag.core.errors import ConfigError, EvaluationError, ModelAuthError, ModelUnknown, RagError
from rag.core.malformed import malformed
from rag.evaluation.items import Item, digest, write
from rag.evaluation.runs import ANSWERS, ITEMS, MANIFEST, SCORES, SPEED, SUMMARY, lines, put

if TYPE_CHECKING:
    from rag.evaluation.systems import System

Progress = Callable[[int, int, int], None]
"""Called with how many items are done, how many there are, and how many failed."""

FATAL = (ConfigError, ModelAuthError, ModelUnknown)
"""Errors that every other item may meet as well: a wrong key, a model that is not there."""
HOPELESS = 3
"""So many of them in a row end the run, instead of a thousand failures. One alone may be an item's own fault."""
UNDECIDED = ("created", "finished", "sessions", "judge", "prices", "scoring", "revision", "machine")
"""What of a manifest an answer does not depend on: two sessions of one run may differ in it."""
LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Asked:
    """One item and its answer; `error` says why there is none."""

    item: Item
    answer: Answer
    error: str = ""


def run(
    folder: Path,
    items: Sequence[Item],
    system: System,
    about: Mapping[str, Any],
    *,
    jobs: int = 0,
    retry: bool = False,
    progress: Progress = lambda done, total, failed: None,
    stop: threading.Event | None = None,
) -> list[Asked]:
    """Every item with its answer, in the order of `items`; what a run in `folder` has already asked isn't asked again.

    `about` goes into the manifest. An item that fails is kept with its error; the run goes on, except where several in
    a row fail as every other would (`FATAL`). `jobs` are questions at once (0: as many as the system allows). `retry`
    asks again what failed before. Setting `stop` ends it after the questions that are being asked, with what there is;
    the same call goes on.

    Raises `EvaluationError` where the folder holds another run, or one that another process is at.
    """
    with _alone(folder):
        _begin(folder, items, described(items, system, about))
        # From here to the end of `finish` it is not whole.
        (folder / SUMMARY).unlink(missing_ok=True)
        known = {id: a for id, a in _known(folder / ANSWERS, items).items() if not (retry and a.error)}
        file = _Answers(folder / ANSWERS, proven=any(not a.error for a in known.values()))
        for asked in _ask(items, known, system, file, jobs or system.jobs, progress, stop or threading.Event()):
            known[asked.item.id] = asked
        return [known[item.id] for item in items if item.id in known]


def described(items: Sequence[Item], system: System, about: Mapping[str, Any]) -> dict[str, Any]:
    """What the manifest of a run says of what is asked."""
    found: dict[str, Any] = {"system": system.name, "set": digest(items), **about, **system.about()}
    return found


def differing(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """In what the run in `folder` differs from `manifest`, apart from what no answer depends on (`UNDECIDED`).

    Raises `EvaluationError` where its manifest can't be read.
    """
    old, new = _manifest(folder), json.loads(json.dumps(manifest))
    return sorted(k for k in {*old, *new} - {*UNDECIDED} if old.get(k) != new.get(k))


def refuse(folder: Path, differing: Sequence[str]) -> EvaluationError:
    """The error that says that a run can't be gone on with."""
    return EvaluationError(
        f"The run {folder.name} was made with other {', '.join(differing)}; its answers can't be mixed with these. "
        "Begin another under a new name (--name), or replace this one (--fresh)."
    )


def clear(folder: Path) -> None:
    """Remove what the folder of a run holds.

    Raises `EvaluationError` where it holds something else than a run, or another process is at it.
    """
    if not folder.exists():
        return
    if not (folder / MANIFEST).exists() and any(f.is_dir() for f in folder.iterdir()):
        raise EvaluationError(f"{folder} is no run, and is not replaced; give another --name.")
    with _alone(folder):
        # The manifest last: without it, what is left would be taken for answers of the next run.
        for file in sorted(folder.iterdir(), key=lambda f: f.name == MANIFEST):
            if file.is_dir():
                shutil.rmtree(file)
            elif file.name != LOCK:
                file.unlink()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(folder / LOCK), timeout=0)
    try:
        lock.acquire()
    except Timeout as e:
        raise EvaluationError(f"Another process is at the run {folder.name}; give this one another --name.") from e
    try:
        yield
    finally:
        lock.release()


def finish(
    folder: Path,
    items: Sequence[Item],
    scores: Sequence[Mapping[str, Any]],
    summary: Mapping[str, Any],
    speed: Mapping[str, Any],
    about: Mapping[str, Any],
) -> None:
    """Write what is known only at the end: answers in the order of the items, scores, speed; `about` to the manifest.

    The summary is written last: a run that has one is whole.
    """
    known = _known(folder / ANSWERS, items)
    asked = [known[item.id] for item in items]
    put(folder / ANSWERS, "".join(_line(a) for a in asked))
    put(folder / SCORES, "".join(json.dumps(s, ensure_ascii=False) + "\n" for s in scores))
    put(folder / SPEED, json.dumps(speed, indent=1) + "\n")
    # Who graded before has no part in these scores.
    manifest = {k: v for k, v in _manifest(folder).items() if k not in ("judge", "prices")}
    manifest |= {**about, "finished": _now()}
    put(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    put(folder / SUMMARY, json.dumps(summary, indent=1, ensure_ascii=False) + "\n")


def _begin(folder: Path, items: Sequence[Item], manifest: dict[str, Any]) -> None:
    """Write the manifest of a new run, or hold that of an old one against it."""
    file = folder / MANIFEST
    if not file.exists():
        (folder / ANSWERS).unlink(missing_ok=True)
        write(folder / ITEMS, items)
        put(file, json.dumps({**manifest, "created": _now(), "sessions": 1}, indent=1, ensure_ascii=False) + "\n")
        return
    if other := differing(folder, manifest):
        raise refuse(folder, other)
    old = _manifest(folder)
    put(file, json.dumps({**old, "sessions": old.get("sessions", 1) + 1}, indent=1, ensure_ascii=False) + "\n")


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("is no object with fields")
    except (ValueError, RecursionError) as e:
        raise EvaluationError(
            f"The run {folder.name} is damaged: {MANIFEST} {malformed(e)}. Remove {folder} or give another --name."
        ) from e
    return found


def _known(file: Path, items: Sequence[Item]) -> dict[str, Asked]:
    """The answers of an earlier session. A line that was cut when it was killed is left out, and asked again."""
    by_id = {item.id: item for item in items}
    found: dict[str, Asked] = {}
    for data in lines(file):
        try:
            item = by_id[data["id"]]
            found[item.id] = Asked(item, Answer.from_json(data), data.get("error", ""))
        except (KeyError, TypeError, AttributeError):
            continue
    return found


def _ask(
    items: Sequence[Item],
    known: Mapping[str, Asked],
    system: System,
    file: _Answers,
    jobs: int,
    progress: Progress,
    stop: threading.Event,
) -> Iterator[Asked]:
    wanted = iter([item for item in items if item.id not in known])
    done, failures = len(known), sum(bool(a.error) for a in known.values())
    progress(done, len(items), failures)
    with ThreadPoolExecutor(jobs, thread_name_prefix="ask") as pool:
        running: set[Future[Asked]] = set()
        try:
            while True:
                while len(running) < jobs and not stop.is_set() and (item := next(wanted, None)) is not None:
                    running.add(pool.submit(_one, item, system, file))
                if not running:
                    file.close()
                    return
                ready, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ready:
                    asked = future.result()
                    done, failures = done + 1, failures + bool(asked.error)
                    progress(done, len(items), failures)
                    yield asked
        finally:
            for future in running:
                future.cancel()


def _one(item: Item, system: System, file: _Answers) -> Asked:
    """Ask and keep in one, so that an answer that was waited for is kept whatever ends the run meanwhile."""
    started = time.perf_counter()
    try:
        asked = Asked(item, replace(system.answer(item), id=item.id))
        line = _line(asked).encode()
    except Exception as e:  # whatever one item meets, the others are asked
        reason = str(e) if isinstance(e, RagError) else f"{type(e).__name__}: {e}"
        reason = reason.encode(errors="replace").decode() or "?"
        took = round(1000 * (time.perf_counter() - started), 2)
        answer = failed(item.question, reason, item.id)
        asked = Asked(item, replace(answer, timings_ms={**answer.timings_ms, "total": took}), reason)
        line = _line(asked).encode()
        if isinstance(e, FATAL):
            file.hold(line, e)
            return asked
    file.keep(line)
    return asked


class _Answers:
    """The file of answers, to which several threads add. `proven`: the system has answered before."""

    def __init__(self, file: Path, *, proven: bool) -> None:
        self._file, self._guard, self._proven = file, threading.Lock(), proven
        self._held: list[tuple[bytes, Exception]] = []

    def keep(self, line: bytes) -> None:
        """Add a line of its own, also after one that was cut, and before it those that were held."""
        with self._guard:
            self._proven = True
            self._write([*(held for held, _ in self._held), line])
            self._held.clear()

    def hold(self, line: bytes, error: Exception) -> None:
        """Hold a failure back until something else succeeds; raises its error where too many came in a row."""
        with self._guard:
            self._held.append((line, error))
            if len(self._held) >= HOPELESS:
                self._held.clear()
                raise error

    def close(self) -> None:
        """Keep what is held, where anything was answered; else raise what there was instead."""
        with self._guard:
            if self._held and not self._proven:
                raise self._held[-1][1]
            self._write([line for line, _ in self._held])
            self._held.clear()

    def _write(self, lines: Sequence[bytes]) -> None:
        with self._file.open("ab+") as out:
            for line in lines:
                if out.tell():
                    out.seek(-1, 2)
                    whole = out.read(1) == b"\n"
                    out.write(line if whole else b"\n" + line)
                else:
                    out.write(line)


def _line(asked: Asked) -> str:
    data = asked.answer.to_json()
    return json.dumps({**data, "error": asked.error} if asked.error else data, ensure_ascii=False) + "\n"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
