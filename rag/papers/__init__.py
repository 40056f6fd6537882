"""Papers: files of any supported format in, cleaned `Paper`s with stable ids out."""

from rag.core.paper import Paper, fold, paper_from_json, paper_id, paper_to_json

from .cleaning import clean
from .loading import Loaded, Merged, Remark, load
from .merging import Papers

__all__ = [
    "Loaded",
    "Merged",
    "Paper",
    "Papers",
    "Remark",
    "clean",
    "fold",
    "load",
    "paper_from_json",
    "paper_id",
    "paper_to_json",
]
