from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from rag.core.config import Config, unknown_variables, variable_of
from rag.core.errors import ConfigError, UsageError


def test_flag_over_environment_over_dotenv_over_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAG_HOME")
    assert Config.load().port == 7860
    Path(".env").write_text("RAG_PORT=1001\nRAG_COLLECTION=dotenv\nRAG_HOME=here\n")
    assert Config.load().port == 1001
    assert Config.load().home == Path.cwd() / "here"
    monkeypatch.setenv("RAG_PORT", "1002")
    assert Config.load().port == 1002
    assert Config.load(port="1003").port == 1003
    assert Config.load(port=None).collection == "dotenv"


def test_the_default_home_is_the_folder_for_user_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RAG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "")
    home = Config.load().home
    assert home.name == "paper-rag"
    assert home.is_relative_to(tmp_path)
    assert not home.exists(), "reading settings makes nothing"


def test_dotenv_is_not_put_into_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("RAG_PORT=1001\n")
    Config.load()
    Path(".env").unlink()
    assert Config.load().port == 7860


def test_a_tilde_is_the_home_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Config.load(home="~/papers").home == tmp_path / "papers"


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_PORT", "")
    assert Config.load().port == 7860


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "0"),
        ("port", "65536"),
        ("port", "eighty"),
        ("port", "-1"),
        ("port", "٣"),
        ("threads", "1.5"),
        ("threads", "-2"),
        ("collection", "../escape"),
        ("collection", "a/b"),
        ("collection", ".hidden"),
        ("collection", "x" * 65),
        ("collection", "two/words"),
        ("host", "http://localhost"),
        ("home", __file__),
        ("home", "~no-such-user-here/x"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    variable = f"RAG_{name.upper()}"
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=variable) as e:
        Config.load()
    assert value in str(e.value)
    monkeypatch.delenv(variable)
    Path(".env").write_text(f"{variable}='{value}'\n")
    with pytest.raises(ConfigError, match=rf"{variable} in \.env"):
        Config.load()
    with pytest.raises(UsageError, match=f"--{name}"):
        Config.load(**{name: value})
    with pytest.raises(ConfigError, match=name):
        Config(**{name: value})


def test_an_unreadable_dotenv_is_an_error() -> None:
    Path(".env").write_bytes(b"RAG_HOST=\xff\xfe\n")
    with pytest.raises(ConfigError, match=r"\.env"):
        Config.load()


def test_misspelled_variables_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_HOEM", "x")
    Path(".env").write_text("RAG_COLECTION=x\nRAG_PORT=1\n")
    assert unknown_variables() == ("RAG_COLECTION", "RAG_HOEM")


def test_it_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().port = 1  # type: ignore[misc]


def test_an_unknown_override_is_a_mistake_of_the_program() -> None:
    with pytest.raises(TypeError, match="colour"):
        Config.load(colour="red")


def test_every_setting_is_in_the_example_file() -> None:
    example = (Path(__file__).parent.parent / ".env.example").read_text()
    for field in dataclasses.fields(Config):
        assert f"#{variable_of(field.name)}=" in example


KEY = "sk-canary-0123456789"


@pytest.mark.parametrize(
    ("settings", "generating"),
    [
        ({}, False),
        ({"OPENAI_API_KEY": KEY}, False),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, False),
        ({"OPENAI_API_KEY": KEY, "RAG_MODEL": "m"}, True),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "RAG_MODEL": "m"}, True),
        ({"OPENAI_API_KEY": KEY, "RAG_MODEL": "m", "RAG_LLM": "none"}, False),
    ],
)
def test_one_switch_turns_the_model_on(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], generating: bool
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert Config.load().generating is generating


@pytest.mark.parametrize(
    ("settings", "remedy"), [({"model": "m"}, "OPENAI_BASE_URL"), ({"llm": "openai", "api_key": KEY}, "RAG_MODEL")]
)
def test_half_a_switch_is_an_error_with_the_missing_half(settings: dict[str, str], remedy: str) -> None:
    with pytest.raises(ConfigError, match=remedy):
        _ = Config.load(**settings).generating


def test_a_key_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("RAG_EMBEDDING_API_KEY", KEY)
    assert KEY not in repr(Config.load())
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY} with a space")
    with pytest.raises(ConfigError) as caught:
        Config.load()
    assert "OPENAI_API_KEY" in str(caught.value)
    assert KEY not in f"{caught.value}{caught.value.__cause__}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_url", "127.0.0.1:8080"),
        ("base_url", "http://user:secret@host/v1"),
        ("llm", "ollama"),
        ("strict", "perhaps"),
        ("caution", "timid"),
        ("context", "100"),
        ("embedding", "text-embedding-3-small"),
        ("model", "two words"),
        ("total", "0"),
    ],
)
def test_a_setting_of_the_model_that_makes_no_sense_is_named(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=name.replace("_", "-")):
        Config.load(**{name: value})


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("1", True), ("Off", False), ("no", False)])
def test_a_switch_reads_as_people_write_it(monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv("RAG_STRICT", text)
    assert Config.load().strict is value
