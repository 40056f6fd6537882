"""Other places for the vectors of passages: a Chroma server, PostgreSQL, any vector store of LlamaIndex.

`RAG_STORE` names one, or `rag.build(store=…)` takes one. Only vectors and the ids of passages go there, and those of
questions: the ids have the first words of titles, abstracts stay at home. What a store says is used for candidates;
all finer scores are worked out from what lies in the home.

One collection of a home has one collection or table there for each embedding, whose vectors are written before a
generation becomes current, and those of papers that are gone are removed after.

Chroma is asked over its HTTP interface (version 2) and not by its own client, which waits for ever for a server that is
silent, and makes objects of the configuration that a shared server holds. PostgreSQL is asked by psycopg and not
through LlamaIndex's store for it, which has no upsert, writes row by row, wants an SQLAlchemy older than the one
that is installed, and goes on where it could not make its table.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

import numpy as np

from rag.core.errors import ConfigError, StoreError, StoreUnreachable
from rag.index.embedding import Floats
from rag.index.store import Store

if TYPE_CHECKING:
    from llama_index.core.vector_stores.types import BasePydanticVectorStore

    from rag.core.config import Config

T = TypeVar("T")
BATCH = 1000
"""Rows a request: 8 MB of JSON."""
CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 60.0
SEARCHED = 400
"""pgvector's `hnsw.ef_search`: twice the passages that a question asks for. With 40, its default, a question would get
40 candidates."""
_ID = "store.id"
"""A file beside the generations: what tells this collection from others of its name in the same store."""


class Place:
    """Where the vectors of a collection's passages are kept, if not beside its index.

    `label` names it for people, without name and password. `open` gives the store for a generation; it connects when it
    is first asked for something.
    """

    def __init__(self, label: str, make: Callable[[str, int], Store]) -> None:
        self.label, self._make = label, make

    def name(self, generation: Path, *, make: bool = False) -> str:
        """The name of the collection or table there for the generation in this folder; "" before the first ingest,
        unless it is to `make` one."""
        file = generation.parent / _ID
        if make and not file.exists():
            file.write_text(secrets.token_hex(4), encoding="utf-8")
        if not file.exists():
            return ""
        plain = re.sub(r"[^a-z0-9]+", "_", generation.parent.name.lower()).strip("_")[:24] or "papers"
        return f"rag_{plain}_{file.read_text(encoding='utf-8').strip()}_{generation.name.split('-')[1]}"

    def holds(self, generation: Path) -> str:
        """What stands in the manifest of a generation whose vectors are here."""
        return f"{self.label} {self.name(generation)}"

    def open(self, generation: Path, dimensions: int) -> Store:
        """The store for the generation in this folder."""
        return self._make(self.name(generation, make=True), dimensions)


def place(config: Config, given: BasePydanticVectorStore | None = None) -> Place | None:
    """Where a configuration keeps vectors; None beside the index. `given` is a store that a program passed instead."""
    if given is not None:
        return Place(given.class_name(), lambda name, dimensions: LlamaIndexStore(given))
    if not config.store:
        return None
    parts = urlsplit(config.store)
    label = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
    if parts.scheme in ("http", "https"):
        return Place(label, lambda name, dimensions: ChromaServer(label, config.store_api_key, name))
    return Place(label, lambda name, dimensions: Postgres(config.store, label, name, dimensions))


class ChromaServer:
    """A collection of a Chroma server, made where it isn't there."""

    def __init__(self, label: str, key: str, name: str) -> None:
        import httpx

        self._label, self._name, self._id = label, name, ""
        parts = urlsplit(label)
        tenant, _, database = parts.path.strip("/").partition("/")
        self._path = (
            f"/api/v2/tenants/{tenant or 'default_tenant'}/databases/{database or 'default_database'}/collections"
        )
        headers = {"x-chroma-token": key, "authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        # The environment's proxies are for the web.
        self._client = httpx.Client(
            base_url=f"{parts.scheme}://{parts.netloc}", headers=headers, timeout=timeout, trust_env=False
        )

    def upsert(self, ids: Sequence[str], vectors: Floats) -> None:
        """Write vectors of shape (n, dimensions) under their ids; what was there under an id is replaced."""
        for first in range(0, len(ids), BATCH):
            part = slice(first, first + BATCH)
            self._call("upsert", {"ids": list(ids[part]), "embeddings": vectors[part].tolist()})

    def delete(self, ids: Sequence[str]) -> None:
        """Remove vectors; an id that isn't there is no error."""
        for first in range(0, len(ids), BATCH):
            self._call("delete", {"ids": list(ids[first : first + BATCH])})

    def nearest(self, vector: Floats, n: int) -> tuple[list[str], Floats]:
        """The ids of the `n` nearest vectors and their cosine similarities, best first."""
        asked = {"query_embeddings": [vector.tolist()], "n_results": n, "include": ["distances"]}
        found = self._call("query", asked)
        return list(found["ids"][0]), 1 - np.array(found["distances"][0], np.float32)

    def finish(self) -> None:
        """All was written; Chroma indexes by itself."""

    def __len__(self) -> int:
        return int(self._call("count"))

    def whole(self, passages: int) -> bool:
        """Whether it has so many passages."""
        return len(self) >= passages

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _call(self, what: str, body: dict[str, Any] | None = None) -> Any:
        if not self._id:
            made = {"name": self._name, "get_or_create": True, "configuration": {"hnsw": {"space": "cosine"}}}
            self._id = str(self._request("POST", "", made)["id"])
        return self._request("POST" if body else "GET", f"/{self._id}/{what}", body)

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        import httpx

        try:
            answer = self._client.request(method, self._path + path, json=body)
            status = answer.status_code
            if status < 400:
                return answer.json()
        except httpx.HTTPError as e:
            raise _unreachable(self._label, type(e).__name__) from e
        except (ValueError, KeyError, TypeError) as e:
            raise StoreError(f"{self._label} is no Chroma server: its answer can't be read. Correct RAG_STORE.") from e
        if status in (401, 403):
            raise ConfigError(
                f"The store {self._label} refuses the key ({status}): set RAG_STORE_API_KEY to one of it."
            )
        if status >= 500 or status == 429:
            raise _unreachable(self._label, f"status {status}")
        self._id = ""  # it may have been made anew since
        raise StoreError(
            f"The store {self._label} has no vectors of this collection (status {status}): rag ingest writes them."
        )


class Postgres:
    """A table in PostgreSQL with pgvector, made when something is written. Connections are kept for the next call."""

    def __init__(self, url: str, label: str, table: str, dimensions: int) -> None:
        try:
            import psycopg
        except ImportError as e:
            raise ConfigError("RAG_STORE names PostgreSQL, which needs more: pip install 'paper-rag[postgres]'.") from e
        self._pg: Any = psycopg
        self._url, self._label, self._table, self._dimensions = url, label, table, dimensions
        self._secret = unquote(urlsplit(url).password or "")
        self._idle: list[Any] = []
        self._guard = threading.Lock()

    def upsert(self, ids: Sequence[str], vectors: Floats) -> None:
        """Write vectors of shape (n, dimensions) under their ids; what was there under an id is replaced."""
        table = self._table
        self._run(
            "CREATE EXTENSION IF NOT EXISTS vector",
            f"CREATE TABLE IF NOT EXISTS {table} (id text PRIMARY KEY, embedding vector({self._dimensions}) NOT NULL)",
        )
        write = (
            f"INSERT INTO {table} (id, embedding) SELECT * FROM unnest(%s::text[], %s::vector[]) "
            "ON CONFLICT (id) DO UPDATE SET embedding = excluded.embedding"
        )
        for first in range(0, len(ids), BATCH):
            part = slice(first, first + BATCH)
            self._run((write, (list(ids[part]), [json.dumps(v) for v in vectors[part].tolist()])))

    def delete(self, ids: Sequence[str]) -> None:
        """Remove vectors; an id that isn't there is no error."""
        if ids:
            self._run((f"DELETE FROM {self._table} WHERE id = ANY(%s)", (list(ids),)))

    def nearest(self, vector: Floats, n: int) -> tuple[list[str], Floats]:
        """The ids of the `n` nearest vectors and their cosine similarities, best first."""
        asked = json.dumps(vector.tolist())
        near = "embedding <=> %s::vector"
        statement = f"SELECT id, 1 - ({near}) FROM {self._table} ORDER BY {near} LIMIT %s"
        found = self._run((statement, (asked, asked, n)))
        return [id_ for id_, _ in found], np.array([cosine for _, cosine in found], np.float32)

    def finish(self) -> None:
        """All was written: make the graph, which is made faster of all vectors than one by one."""
        table = self._table
        self._run(
            f"CREATE INDEX IF NOT EXISTS {table}_near ON {table} USING hnsw (embedding vector_cosine_ops)",
            f"ANALYZE {table}",
        )

    def __len__(self) -> int:
        return int(self._run(f"SELECT count(*) FROM {self._table}")[0][0])

    def whole(self, passages: int) -> bool:
        """Whether it has so many passages."""
        return len(self) >= passages

    def close(self) -> None:
        """Let go of the connections."""
        while self._idle:
            self._idle.pop().close()

    def _connection(self) -> Any:
        options = f"-c hnsw.ef_search={SEARCHED} -c hnsw.iterative_scan=relaxed_order"
        return self._pg.connect(
            self._url,
            autocommit=True,
            prepare_threshold=None,  # a plan that knows the numbers; and poolers between have no prepared statements
            connect_timeout=int(CONNECT_SECONDS),
            options=f"{options} -c statement_timeout={int(1000 * 10 * ANSWER_SECONDS)}",
        )

    def _run(self, *statements: str | tuple[str, tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """The rows of the last of the statements. A connection that was cut since its last use is made anew, once."""
        for last_try in (False, True):
            with self._guard:
                connection = self._idle.pop() if self._idle and not last_try else None
            fresh = connection is None
            try:
                connection = connection or self._connection()
                for one in statements:
                    cursor = (
                        connection.execute(one, prepare=False) if isinstance(one, str) else connection.execute(*one)
                    )
                rows = cursor.fetchall() if cursor.description else []
                with self._guard:
                    self._idle.append(connection)
                return rows
            except self._pg.Error as e:
                if connection is not None:
                    connection.close()
                lost = isinstance(e, self._pg.OperationalError | self._pg.InterfaceError)
                if lost and not fresh and not last_try:
                    self.close()
                    continue
                raise self._fault(e, lost) from None  # its text may have the password
        raise AssertionError("unreachable")

    def _fault(self, e: Any, lost: bool) -> StoreError | ConfigError:
        if isinstance(e, self._pg.errors.UndefinedTable):
            return StoreError(f"The store {self._label} has no vectors of this collection: rag ingest writes them.")
        why = str(e).strip().splitlines()[0][:300] if str(e).strip() else type(e).__name__
        why = why.replace(self._secret, "***") if self._secret else why
        if "authentication failed" in str(e) or isinstance(e, self._pg.errors.InsufficientPrivilege):
            return ConfigError(f"The store {self._label} refuses the user of RAG_STORE, or what it has to do ({why}).")
        if isinstance(e, self._pg.errors.FeatureNotSupported | self._pg.errors.UndefinedFile):
            return ConfigError(f"The store {self._label} lacks pgvector 0.8 or newer ({why}): have it installed there.")
        return _unreachable(self._label, why) if lost else StoreError(f"The store {self._label} failed ({why}).")


class LlamaIndexStore:
    """Any vector store of LlamaIndex that takes ids of any form and can delete by them."""

    def __init__(self, vectors: BasePydanticVectorStore) -> None:
        self._vectors, self._label = vectors, vectors.class_name()

    def upsert(self, ids: Sequence[str], vectors: Floats) -> None:
        """Write vectors of shape (n, dimensions) under their ids; what was there under an id is replaced."""
        from llama_index.core.schema import TextNode

        self.delete(ids)  # some would keep both
        nodes = [TextNode(id_=id_, text="", embedding=v) for id_, v in zip(ids, vectors.tolist(), strict=True)]
        self._told(lambda: self._vectors.add(nodes))

    def delete(self, ids: Sequence[str]) -> None:
        """Remove vectors; an id that isn't there is no error."""
        if ids:
            self._told(lambda: self._vectors.delete_nodes(list(ids)))

    def nearest(self, vector: Floats, n: int) -> tuple[list[str], Floats]:
        """The ids of the `n` nearest vectors and how near they are as the store counts it, best first."""
        from llama_index.core.vector_stores.types import VectorStoreQuery

        query = VectorStoreQuery(query_embedding=vector.tolist(), similarity_top_k=n)
        found = self._told(lambda: self._vectors.query(query))
        ids = list(found.ids or [node.node_id for node in found.nodes or ()])
        return ids, np.array(found.similarities or [0.0] * len(ids), np.float32)

    def finish(self) -> None:
        """All was written."""

    def __len__(self) -> int:
        raise StoreError(f"{self._label} can't tell how many vectors it has.")

    def whole(self, passages: int) -> bool:
        """Whether it has any: none of LlamaIndex's stores tells how many."""
        return True

    def close(self) -> None:
        """The store is the caller's, who closes it."""

    def _told(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except Exception as e:  # anything, by whatever client it has
            raise _unreachable(self._label, type(e).__name__) from e


def _unreachable(label: str, why: str) -> StoreUnreachable:
    return StoreUnreachable(
        f"The store {label} can't be reached ({why}). Start it, or correct RAG_STORE; nothing else has to be started "
        "anew when it is back."
    )
