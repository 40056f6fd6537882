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
    mcp: Annotated[bool, typer.Option("--mcp", hidden=True, help="Was needed for /mcp once.")] = False,
    api: Annotated[bool, typer.Option("--api", help="Answer programs alone, without the page.")] = False,
    *,
    options: Options,
) -> None:
    """Serve the chat page until Ctrl-C.

    Only this machine can reach it, unless --host says otherwise; then RAG_AUTH has to say who may log in
    (name:password, with commas between several), or be none for everybody. Where a model writes, you pay for it.

    Programs get an endpoint in OpenAI's form at /v1, REST at /api/v1, and tools for assistants at /mcp (MCP). With
    --api that is all, and the page is not loaded. RAG_API_KEYS are their keys; docs/api.md has examples.

    \b
    Examples:
      rag serve --open
      rag serve --port 8000 --collection biology
      RAG_AUTH=ann:a-long-password rag serve --host 0.0.0.0
    """
    config = options.config(host=host, port=port)
    from rag.web import launch

    launch(config, open_browser=open_browser, page=not api)
