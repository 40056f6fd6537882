"""Authors, years, venues, citation keys and DOIs: what a collection knows of its papers, and questions that ask for it.

    catalogue = Catalogue(papers)                       # once for a collection; rows are positions in `papers`
    asked = read_filters("Which papers did Odgers write about hedges since 2018?", catalogue)
    asked.kind                                          # "which" (or "who", "when", "where", None)
    asked.filters                                       # Filters(years=(2018, None), authors=("Odgers",))
    asked.rows                                          # the papers that satisfy them
    asked.text                                          # "Which papers are about hedges?"

Nothing here asks a language model or reads the index, and a question of which nothing is metadata comes back as it
was: no kind, false filters, its own text. How the caller goes on:

- `lacking`: say that the papers of the collection have no authors, years or venues.
- `unknown`, and no rows: say that the collection has nothing by that name.
- `kind` and no `text`: answer from the metadata of `rows`; where `filters` are false too, from the papers that the
  conversation is about.
- `kind` and `text`: find the papers that `text` describes, among `rows` where `filters` are true, and answer from their
  metadata.
- no `kind`: answer `text` from the abstracts, of `rows` only where `filters` are true.

`Filters.of(options)` are the same filters as a user's options give them; both hold where both are there.
"""

from rag.index.metadata.catalogue import Catalogue, Filters, Years
from rag.index.metadata.kinds import Kind, Order
from rag.index.metadata.names import Name, read_name, split_name
from rag.index.metadata.questions import Lacking, MetadataQuestion, read_filters

__all__ = [
    "Catalogue",
    "Filters",
    "Kind",
    "Lacking",
    "MetadataQuestion",
    "Name",
    "Order",
    "Years",
    "read_filters",
    "read_name",
    "split_name",
]
