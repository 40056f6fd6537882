"""`rag mcp`: tools for an assistant that starts this program."""

from __future__ import annotations

from rag.cli.session import Options, with_options


@with_options
def mcp(*, options: Options) -> None:
    """Give an assistant tools over standard input and output (MCP).

    Assistants such as Claude Desktop and editors such as Cursor start this command themselves. The tools are ask,
    search_papers, get_paper, compare and list_collections. rag serve has the same at /mcp.

    \b
    Examples:
      rag mcp
      claude mcp add papers -- rag mcp --collection biology
    """
    from rag.api.app import NO_MCP
    from rag.api.calls import Calls
    from rag.api.collections import Collections
    from rag.api.logs import configure
    from rag.core.errors import ConfigError

    try:
        from rag.api.tools import server
    except ModuleNotFoundError as error:
        raise ConfigError(NO_MCP) from error

    config = options.config()
    configure(config)
    server(Collections(config), Calls()).run("stdio")
