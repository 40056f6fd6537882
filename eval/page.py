"""How long a reader of the page waits: `make bench-page`.

Chromium opens the page (cold, with an empty cache), then clicks on suggested questions and measures inside the page
from the click to the first text of the answer. Twenty readers at once are twenty sessions that speak to the server as
the page does, each from a thread of its own, so that the time is the server's and not that of twenty browsers.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
FIRST = """
() => {
  window.waits = [];
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-act=ask]")) return;
    const start = performance.now();
    const questions = document.querySelectorAll("#chat .question").length;
    const look = () => {
      const all = document.querySelectorAll("#chat .question");
      const rows = document.querySelectorAll("#chat .answer");
      if (all.length > questions && rows.length >= all.length) window.waits.push(performance.now() - start);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, true);
}
"""
"""Counts from the click until as many answers as questions have text; `.answer` is on drafts as well."""


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The page in a process of its own, as `rag serve` makes it; gives its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "rag.cli", "serve", "--port", str(port), "--home", str(home)]
    log = home / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        try:
            while not (found := re.search(r"http://127\.0\.0\.1:\d+/", log.read_text())):
                if process.poll() is not None:
                    raise SystemExit(log.read_text())
                time.sleep(0.1)
            yield found[0]
        finally:
            process.terminate()
            process.wait(30)


def cold(address: str, times: int) -> list[float]:
    """Seconds until the question can be typed and a suggestion clicked, each time in a browser without a cache."""
    found = []
    for _ in range(times):
        with sync_playwright() as playwright:
            browser = _browser(playwright)
            page = browser.new_page()
            start = time.perf_counter()
            page.goto(address)
            page.locator(".starter").first.wait_for()
            page.get_by_label("Your question").wait_for()
            found.append(time.perf_counter() - start)
            browser.close()
    return found


def clicked(address: str, questions: int) -> list[float]:
    """Milliseconds from a click on a suggested question to the first text of its answer."""
    with sync_playwright() as playwright:
        browser = _browser(playwright)
        page = browser.new_page(viewport={"width": 1360, "height": 850})
        page.goto(address)
        page.locator(".starter").first.wait_for()
        page.evaluate(FIRST)
        for number in range(questions):
            _click(page, number)
        waits = page.evaluate("window.waits")
        browser.close()
    return [float(wait) for wait in waits]


def _click(page: Page, number: int) -> None:
    offered = page.locator("#next .suggestion")
    if number % 10 == 0 or offered.count() == 0:
        page.get_by_role("button", name="New conversation").click()
        page.locator(".starter").nth(number // 10 % 4).click()
    else:
        offered.nth(number % offered.count()).click()
    page.wait_for_function("n => window.waits.length === n", arg=number + 1)
    page.locator("#question .submit-button").wait_for()
    page.wait_for_timeout(700)  # A reader reads; meanwhile the next questions are made.


def at_once(address: str, users: int) -> list[float]:
    """Seconds to the first text of as many readers who ask in the same moment; none may be refused."""
    config = httpx.get(f"{address}config").json()
    boxes = {c["id"] for c in config["components"] if c["props"].get("elem_id") == "question"}
    ask = next(d["id"] for d in config["dependencies"] if any(t[0] in boxes and t[1] == "submit" for t in d["targets"]))
    with ThreadPoolExecutor(users) as pool:
        return list(pool.map(lambda n: _first_text(address, ask, n), range(users)))


def _first_text(address: str, ask: int, number: int) -> float:
    session = f"reader{number}{os.getpid()}"
    papers = ("GPipe", "Holmes", "QLoRA", "GPTQ", "COAT", "GaLore", "NeuS2", "PERP", "OneFlow", "SqueezeLLM")
    body = {
        "data": [f"What does {papers[number % len(papers)]} propose?", None, None, None, {}],
        "fn_index": ask,
        "session_hash": session,
    }
    with httpx.Client(base_url=address, timeout=60) as client:
        start = time.perf_counter()
        client.post("gradio_api/queue/join", json=body).raise_for_status()
        with client.stream("GET", "gradio_api/queue/data", params={"session_hash": session}) as events:
            for line in events.iter_lines():
                event: dict[str, Any] = json.loads(line[5:]) if line.startswith("data:") else {}
                if event.get("msg") == "process_completed" and not event.get("success"):
                    raise SystemExit(f"A reader was refused: {event}")
                if "answer-1" in line:
                    return time.perf_counter() - start
    raise SystemExit("A reader got no answer.")


def _browser(playwright: Any) -> Any:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    return playwright.chromium.launch(executable_path=path, args=FLAGS.split())


def _told(name: str, values: Sequence[float], unit: str, digits: int) -> str:
    ordered = sorted(values)
    p95 = ordered[max(0, -(-95 * len(ordered) // 100) - 1)]
    middle = statistics.median(ordered)
    return f"{name:<58} n {len(ordered):>3}   median {middle:>7.{digits}f} {unit}   p95 {p95:>7.{digits}f} {unit}"


def main() -> None:
    """Serve the seeds from a folder that is thrown away, and print the three figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=50)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--loads", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, served(Path(home)) as address:
        print(_told("cold load until usable", cold(address, arguments.loads), "s", 2))
        print(_told("click on a suggestion to the first text", clicked(address, arguments.questions), "ms", 0))
        name = f"first text, {arguments.users} readers at once"
        print(_told(name, at_once(address, arguments.users), "s", 2))


if __name__ == "__main__":
    main()
