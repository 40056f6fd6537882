"""`rag serve`: the chat page."""

from __future__ import annotations

from typing import Annotated

import typer

from rag.cli.session import Options, with_options


@with_options
def serve(
    host: Annotated[
        str | None, typer.Option(metavar="NAME", help="Address to listen on [RAG_HOST].", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Port to listen on [RAG_PORT].", show_default="7860")
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    *,
    options: Options,
) -> None:
    """Serve the chat page until Ctrl-C.

    Only this machine can reach it, unless --host says otherwise; then everybody who can reach the address can ask,
    and where a model writes, you pay for it.

    \b
    Examples:
      rag serve --open
      rag serve --port 8000 --collection biology
    """
    config = options.config(host=host, port=port)
    from rag.web import launch

    launch(config, open_browser=open_browser)
