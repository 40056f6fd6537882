"""Papers: files of any supported format in, cleaned `Paper`s with stable ids out."""

from .cleaning import clean
from .loading import Loaded, Merged, load
from .paper import Paper, fold, paper_from_json, paper_id, paper_to_json

__all__ = ["Loaded", "Merged", "Paper", "clean", "fold", "load", "paper_from_json", "paper_id", "paper_to_json"]
