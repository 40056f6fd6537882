"""What each metric is, in a sentence, for who reads a report; the formulas and sources are in `metrics`."""

from __future__ import annotations

from collections.abc import Mapping

MEANINGS: Mapping[str, str] = {
    "recall@5": "The share of the gold papers that are among the first five retrieved.",
    "recall@10": "The share of the gold papers that are among the first ten retrieved.",
    "mrr": "1 / the place of the first gold paper among those retrieved, 0 where none is; the mean over questions.",
    "ndcg@10": "How high the gold papers stand among the first ten retrieved; 1 where all others are below them.",
    "gold_citation_recall": "The share of the gold papers that the answer cites.",
    "gold_citation_precision": "The share of the cited papers that are gold papers.",
    "span_recall": "The share of the gold passages of which the answer quotes half or more.",
    "span_precision": "The share of the quoted characters that lie in a gold passage.",
    "citation_recall": "The share of the statements that what they cite supports (ALCE, with our check).",
    "citation_precision": "The share of the citations that support their statement and are of use to it (ALCE).",
    "quote_exactness": "The share of the quotes that are in the abstract to the character.",
    "vital_recall": "The share of the vital facts of the reference that the answer holds.",
    "nugget_recall": "The share of all facts of the reference that the answer holds, vital or not.",
    "all_vital": "The share of the questions whose answer holds every vital fact.",
    "number_exactness": "The share of the figures in the vital facts that the answer gives.",
    "list_precision": "The share of the papers in a list that belong there.",
    "list_recall": "The share of the papers that belong in a list which are there.",
    "list_f1": "The harmonic mean of list precision and list recall, of each question.",
    "count_exact": 'The share of the questions "how many papers …" that are answered with the right number.',
    "missing_named": "Of the sides of a comparison that the collection lacks, the share said to be absent.",
    "balance": "Of the sides of a comparison that the collection has, the share that the answer cites.",
    "overview_recall": "The share of the key papers of an overview that the answer shows.",
    "accuracy": "The share of all questions whose answer is correct; of an unanswerable one, only to abstain is.",
    "answer_precision": "The share of the questions that were answered whose answer is correct.",
    "coverage": "The share of the answerable questions that were answered.",
    "hedged": "The share of the answerable questions that were answered with the nearest sentences, or with nothing.",
    "lost": "The share of the answerable questions about one paper whose paper is not cited, not even as the nearest.",
    "refusal_precision": "The share of the questions that were refused which are unanswerable.",
    "refusal_recall": "The share of the unanswerable questions that were refused.",
    "words": "How many words an answer has, quotes and titles too; neither more nor fewer is better.",
    "faithfulness": "How far a model finds the claims of an answer supported by what it cites, from 0 to 1.",
    "correctness": "How far a model finds an answer to say what the reference says, from 0 to 1.",
    "helpfulness": "How far a model finds an answer of use to who asked, from 0 to 1.",
}
"""By the name of the metric, in the order of tables."""
