"""The image, the compose files and the Space, as far as they can be tried without Docker."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from serving import ROOT, free_port

from rag.core.config import Config, unknown_variables
from rag.core.errors import ConfigError

if TYPE_CHECKING:
    from rag.service import Rag

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SPACE = {"SPACE_ID": "ada/papers", "SPACE_HOST": "ada-papers.hf.space", "SYSTEM": "spaces"}


def steps() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, with their arguments."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def last_stage() -> dict[str, str]:
    found = steps()
    begin = max(n for n, (name, _) in enumerate(found) if name == "FROM")
    return dict(found[begin:])


def environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in shlex.split(last_stage()["ENV"]))


def test_the_image_runs_without_rights_and_says_whether_it_is_well() -> None:
    stage = last_stage()
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", stage["USER"]), "a number, which an orchestrator can compare with 0"
    assert not any(name == "USER" and "root" in rest for name, rest in steps())
    assert stage["VOLUME"] == stage["WORKDIR"] == environment()["RAG_HOME"]
    assert stage["EXPOSE"] == environment()["RAG_PORT"]
    assert f"127.0.0.1:{stage['EXPOSE']}/healthz" in stage["HEALTHCHECK"]
    assert json.loads(stage["CMD"]) == ["rag", "serve"]
    assert sum(name == "FROM" for name, _ in steps()) == 2, "what builds it is not a part of it"
    assert not any(name == "ADD" or "://" in rest.partition("HEALTHCHECK")[0] for name, rest in steps()[:-2])


def test_the_image_installs_what_the_lock_pins_and_names_no_index() -> None:
    (pip,) = [rest for name, rest in steps() if name == "RUN" and "requirements.lock" in rest]
    assert {"--require-hashes", "--no-deps"} <= set(pip.split())
    assert "index" not in (ROOT / "Dockerfile").read_text()


def test_what_the_image_copies_is_enough_to_build_the_package(tmp_path: Path) -> None:
    """The steps of its first stage, with what .dockerignore lets through."""
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for name, rest in steps():
        if name == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            for source in sources:
                assert source.split("/")[0] in let_through
                place = tmp_path / target / Path(source).name if target.endswith("/") else tmp_path / target
                place.parent.mkdir(parents=True, exist_ok=True)
                copy: Any = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
                copy(ROOT / source, place)
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / "out")]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert list((tmp_path / "out").glob("*.whl"))


@pytest.mark.parametrize("file", ["compose.yaml", "compose.ollama.yaml"])
def test_compose_binds_ports_to_this_machine_and_takes_no_rights(file: str) -> None:
    described = yaml.safe_load((ROOT / file).read_text())
    for service in described["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        assert not service.keys() & {"privileged", "network_mode", "pid", "user"}
        for volume in service.get("volumes", ()):
            assert volume.split(":")[0] in described["volumes"], "no folder of the machine, and no socket of Docker"
    rag = described["services"]["rag"]
    known = (ROOT / ".env.example").read_text()
    assert all(f"#{name}=" in known for name in rag["environment"])


def test_compose_serves_the_page_read_only_and_with_a_login() -> None:
    rag = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["rag"]
    assert rag["read_only"]
    assert rag["tmpfs"] == ["/tmp"] == [environment()["HOME"]]
    assert rag["cap_drop"] == ["ALL"]
    assert rag["volumes"] == [f"papers:{environment()['RAG_HOME']}"]
    assert rag["environment"]["RAG_AUTH"].startswith("${RAG_AUTH:?"), "it does not start without"


# --- Spaces ---------------------------------------------------------------------------------------------------------


def test_the_front_matter_is_that_of_a_space() -> None:
    _, matter, _ = (ROOT / "README.md").read_text().split("---\n", 2)
    described = yaml.safe_load(matter)
    (gradio,) = PROJECT["project"]["optional-dependencies"]["page"]
    assert gradio == f"gradio=={described['sdk_version']}"
    assert (described["sdk"], described["app_file"], described["license"]) == ("gradio", "app.py", "apache-2.0")
    assert len(described["short_description"]) <= 60


def test_a_space_installs_the_dependencies_of_the_package_and_of_its_page() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines == [*PROJECT["project"]["dependencies"], *extras["page"], *extras["mcp"]], (
        "no index, no option, no file: it is read alone"
    )


def test_the_settings_of_a_space_may_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Config.load().host == "127.0.0.1"
    for name, value in SPACE.items():
        monkeypatch.setenv(name, value)
    config = Config.load()
    assert (config.host, config.auth, config.hosts) == ("0.0.0.0", "none", ("ada-papers.hf.space",))
    assert not config.may_add("reader-x")
    assert unknown_variables() == ()
    monkeypatch.setenv("RAG_AUTH", "ada:a-long-password")
    assert Config.load().accounts == {"ada": "a-long-password"}
    with pytest.raises(ConfigError, match="RAG_FRAMES"):
        monkeypatch.setenv("RAG_FRAMES", "https://example.org/path; script-src *")
        Config.load()


def test_the_page_is_served_as_a_space_starts_it(collection: Rag, tmp_path: Path) -> None:
    port = free_port()
    settings = {"RAG_PORT": str(port), "RAG_HOME": str(collection.config.home), "GRADIO_SERVER_NAME": "0.0.0.0"}
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env={**os.environ, **SPACE, **settings}, stdout=output, stderr=output
        )
    try:
        reply = _first_reply(process, f"http://127.0.0.1:{port}/", log)
    finally:
        process.terminate()
        process.wait(30)
    assert reply.status_code == 200
    assert "82 papers" in reply.text
    assert "frame-ancestors https://huggingface.co" in reply.headers["content-security-policy"]
    assert "x-frame-options" not in reply.headers


def _first_reply(process: subprocess.Popen[bytes], address: str, log: Path) -> httpx.Response:
    host = SPACE["SPACE_HOST"]
    headers = {"host": host, "x-forwarded-host": host, "origin": f"https://{host}", "accept": "text/html"}
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            return httpx.get(address, headers=headers, timeout=30)
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())
