"""The log of a server as a line of JSON for each record, where `RAG_LOG` wishes it."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from rag.core.config import Config
from rag.llm.keys import without_keys

ACCESS = logging.getLogger("rag.api.access")
"""One record a request of a program: its `fields` say who, what, how long. Without JSON nobody sees them."""


def configure(config: Config) -> None:
    """Write records as JSON to standard error, without any key or password. Does nothing where text is wished."""
    if config.log != "json":
        return
    handler = logging.StreamHandler()
    secrets = (
        *config.keys.values(),
        *config.accounts.values(),
        config.api_key,
        config.embedding_api_key,
        config.store_api_key,
        config.store,
    )
    handler.setFormatter(_Json([*filter(None, (*secrets, config.zotero_key))]))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in ("rag", "uvicorn"):
        logging.getLogger(name).setLevel(logging.INFO)


class _Json(logging.Formatter):
    def __init__(self, keys: list[str]) -> None:
        super().__init__()
        self._keys = keys

    def format(self, record: logging.LogRecord) -> str:
        value: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            value["exception"] = self.formatException(record.exc_info)
        return json.dumps(without_keys(value, self._keys), ensure_ascii=False)
