"""The `rag` command: its subcommands, and what becomes of errors."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from rag import __version__
from rag.cli import (
    ask,
    chat,
    console,
    doctor,
    evaluate,
    evaluate_new,
    evaluate_run,
    export,
    ingest,
    mcp,
    papers,
    removing,
    serve,
)
from rag.core.errors import RagError


class Commands(typer.core.TyperGroup):
    """The commands in the order they were added; an error that we raise becomes one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except RagError as e:
            console.fail(str(e))
            raise typer.Exit(e.exit_code) from e
        except BrokenPipeError as e:
            # The reader has left (`rag papers | head`). Python would complain once more when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(141) from e  # 128 + SIGPIPE, as a program in C would have
        except OSError as e:
            console.fail(f"{e.strerror or e}" + (f": {e.filename}" if e.filename else "") + ".")
            raise typer.Exit(1) from e
        except KeyboardInterrupt as e:
            console.note("Stopped.")
            raise typer.Exit(130) from e  # 128 + SIGINT


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    # Plain help: the same in a terminal and in a pipe, and a third of the start-up time of the decorated one.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rag {__version__}")
        raise typer.Exit


@app.callback()
def rag(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Ask a collection of paper abstracts; get short answers made of exact, cited quotes.

    Without a collection of your own, the papers that come with the program answer. Without a language model nothing is
    called; one that is configured writes the answers, and each of its claims is checked against the abstracts.

    \b
    Examples:
      rag ask "What does double quantization save in QLoRA?"
      rag chat
      rag serve --open
      rag ingest my-papers.bib
      rag eval run --mode quoting

    \b
    Settings: flag, then environment, then .env in this folder, then default:
      RAG_HOME  RAG_COLLECTION  RAG_HOST  RAG_PORT  RAG_THREADS
      RAG_CAUTION (careful, usual, bold, or a probability)

    \b
    A language model (OpenAI-compatible: a name, and a key or an address):
      RAG_MODEL  OPENAI_API_KEY  OPENAI_BASE_URL  RAG_LLM  RAG_STRICT  RAG_JUDGE
      RAG_MODELS (to choose from)  RAG_FALLBACK
      RAG_CONTEXT (tokens it reads)  RAG_SOURCES (papers it reads)
      RAG_EFFORT (thorough: it checks itself)  RAG_CACHE (folder of replies)
      RAG_PRICES (of a million tokens, read and written)
      RAG_FIRST_TOKEN  RAG_BETWEEN_TOKENS  RAG_TOTAL (seconds to wait)

    \b
    Another embedding than the built-in one:
      RAG_EMBEDDING  RAG_EMBEDDING_BASE_URL  RAG_EMBEDDING_API_KEY
    Vectors in a Chroma server or PostgreSQL:
      RAG_STORE  RAG_STORE_API_KEY

    \b
    Zotero libraries:
      RAG_ZOTERO_KEY (of zotero.org)  RAG_ZOTERO_BASE_URL (another server or port)

    \b
    Exit codes: 0 ok, 1 other error, 2 usage, 3 configuration or unknown model,
      4 key refused, 5 model or store unreachable, 6 rate limit or quota,
      7 deadline, 8 the model's server failed, 130 interrupted.
    """


for _command in (
    ask.ask,
    chat.chat,
    ingest.ingest,
    papers.papers,
    export.export,
    removing.collections,
    removing.remove,
    serve.serve,
    mcp.mcp,
    doctor.doctor,
):
    app.command()(_command)
evaluate_run.add_to(evaluate.app)
evaluate_new.add_to(evaluate.app)
app.add_typer(evaluate.app, name="eval")
