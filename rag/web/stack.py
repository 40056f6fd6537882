"""What a request passes through before anything answers it, and the server that answers programs alone."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import uvicorn
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rag.api.app import Api
from rag.api.collections import Collections
from rag.core.config import Config
from rag.core.errors import ConfigError
from rag.service import Rag
from rag.web.intake import Intake
from rag.web.login import Login
from rag.web.security import Headers
from rag.web.sessions import open_sessions

NO_PAGE = "There is no page here, as rag serve --api was asked for. Programs call /v1, /api/v1 and /mcp."
_GRACE = 3  # seconds that answers under way get when the server is stopped


def middleware(config: Config, collections: Collections) -> list[Middleware]:
    """What each request passes through, outermost first; the last answers programs."""
    return [
        Middleware(Headers, frames=config.frames),
        Middleware(Login, config=config, sessions=open_sessions(config)),
        Middleware(Intake, config=config),
        Middleware(Api, collections=collections),
    ]


def serve_api(config: Config, rag: Rag | None = None) -> str:
    """Answer programs until interrupted, without the page and what it would have to load; returns the address."""
    console = Console(stderr=True)
    collections = Collections(config, rag)
    rag = collections.rag()
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        listener = socket.create_server((config.host, config.port), family=family, backlog=128)
    except OSError as error:
        raise taken(config) from error
    if not rag.papers():
        fill(rag, console)
    threading.Thread(target=collections.warm_up, args=("What is new?",), name="warm-up", daemon=True).start()
    options = uvicorn.Config(
        bare(config, collections),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    host = f"[{config.host}]" if ":" in config.host else config.host
    address = f"http://{host}:{config.port}/"
    announce(rag, address, console)
    console.print("Press Ctrl+C to stop.", highlight=False)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(options).run(sockets=[listener])
    return address


def bare(config: Config, collections: Collections) -> Starlette:
    """The application that answers programs alone."""
    return Starlette(routes=[Route("/{path:path}", _no_page)], middleware=middleware(config, collections))


async def _no_page(_: Request) -> Response:
    return JSONResponse({"detail": NO_PAGE}, 404)


def taken(config: Config) -> ConfigError:
    """The error where the port can't be listened on."""
    return ConfigError(
        f"Port {config.port} on {config.host} can't be used; another program may have it. Choose one with --port."
    )


def announce(rag: Rag, address: str, console: Console) -> None:
    """Tell where the server is, and who writes its answers."""
    console.print(f"{len(rag.papers()):,} papers ready at {address}", highlight=False)
    if rag.model:
        console.print(f"Answers are written by {rag.model}, and checked.", highlight=False, markup=False)


def fill(rag: Rag, console: Console) -> None:
    """Read the seeds into an empty collection under a progress bar on `console`."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("Reading papers", total=None)
        rag.ingest(
            progress=lambda stage, done, total: bars.update(task, description=stage, completed=done, total=total)
        )
