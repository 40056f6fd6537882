"""From a configuration to a page that is being served."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import gradio as gr
from rich.console import Console
from starlette.middleware import Middleware

from rag.core.config import Config
from rag.service import Rag
from rag.web.collection_cache import CollectionCache
from rag.web.intake import MAX_UPLOAD
from rag.web.markup import SITE
from rag.web.page import build_page
from rag.web.site import Site
from rag.web.stack import announce, fill, middleware, taken

_HERE = Path(__file__).parent
_QUEUE = 64  # Questions that may wait; more are refused with a sentence rather than kept for minutes.
_AT_ONCE = 4  # Retrieval is bound by the processor: more at once only make each slower.


def serve(config: Config, rag: Rag | None, *, open_browser: bool, prevent_thread_lock: bool) -> str:
    """Fill an empty collection, warm up, serve; returns the address. See `rag.web.launch`."""
    console = Console(stderr=True)
    collections = CollectionCache(config, rag)
    rag = collections.rag()
    if not rag.papers():
        fill(rag, console)
    collections.warm_up(next(iter(collections.starters()), "What is new?"))
    page = build_page(config, collections).queue(max_size=_QUEUE, default_concurrency_limit=_AT_ONCE, api_open=False)
    try:
        _, address, _ = page.launch(
            server_name=f"[{config.host}]" if ":" in config.host else config.host,  # as in an address
            server_port=config.port,
            inbrowser=open_browser,
            prevent_thread_lock=True,
            theme=theme(),
            css_paths=[*sorted((_HERE / "style").glob("*.css")), _HERE.parent / "evaluation" / "report" / "report.css"],
            head=f'<script type="module" src="{SITE}scripts/page.js"></script>{_STICKY}',
            favicon_path=_HERE / "icon.svg",
            footer_links=["api"],
            app_kwargs={"middleware": [*middleware(config, collections), Middleware(Site, collections=collections)]},
            allowed_paths=[],
            show_error=False,
            share=False,
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
            enable_monitoring=False,
            max_file_size=MAX_UPLOAD,
            quiet=True,
        )
    except OSError as error:
        raise taken(config) from error
    announce(rag, address, console)
    if not prevent_thread_lock:
        console.print("Press Ctrl+C to stop.", highlight=False)
        with suppress(KeyboardInterrupt):
            page.block_thread()
    return str(address)


# What sticks to the edge of the window is held by a parent that hides what overflows it, as Gradio's container does. In
# the files of `style/`, Gradio puts every selector below that container, so that it can't be named there.
_STICKY = "<style>.gradio-container { overflow: clip !important; }</style>"


def theme() -> gr.themes.Base:
    """Neutral and blue, with the reader's own system fonts: nothing is fetched."""
    sans = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]
    mono = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
    return gr.themes.Base(primary_hue="blue", neutral_hue="slate", font=sans, font_mono=mono)
