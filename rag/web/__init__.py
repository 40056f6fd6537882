"""The chat page: the only package that imports gradio."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rag.core.errors import ConfigError

if TYPE_CHECKING:
    from rag.core.config import Config
    from rag.service import Rag

# Gradio and the Hugging Face client that it brings read these once, while they are imported. The argument
# `analytics_enabled` alone comes too late for some requests; every module of this package is imported after this.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"

NOT_INSTALLED = (
    "The page needs Gradio: pip install 'paper-rag[page]'. Without it, rag serve --api answers programs, and rag chat "
    "is a chat in the terminal."
)


def launch(
    config: Config,
    rag: Rag | None = None,
    *,
    open_browser: bool = False,
    prevent_thread_lock: bool = False,
    page: bool = True,
) -> str:
    """Serve the chat page at `config.host` and `config.port`; returns its address.

    An empty collection is filled from the seeds first, with a progress bar on standard error. Without `page`, programs
    alone are answered, and Gradio is not loaded. Blocks until interrupted unless `prevent_thread_lock`. Raises
    `RagError` where the collection can't be read or built, the port is taken, or others can reach the page and
    `config.auth` doesn't say who of them may.
    """
    from rag.api.logs import configure
    from rag.web.login import require

    require(config, page=page)
    configure(config)
    if not page:
        from rag.web.stack import serve_api

        return serve_api(config, rag)
    try:
        from rag.web.server import serve
    except ModuleNotFoundError as error:
        if error.name != "gradio":
            raise
        raise ConfigError(NOT_INSTALLED) from error

    return serve(config, rag, open_browser=open_browser, prevent_thread_lock=prevent_thread_lock)


__all__ = ["launch"]
