"""The public sets: how each is read, what is asked, and the measures of its field."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eval.public.asking import asked, cited, collection, document, keys, looked_at
from eval.public.files import WHERE, Files, SetError
from eval.public.measuring import macro_f1, ranked, share
from rag.core.answer import Turn
from rag.core.paper import Paper
from rag.evaluation.entailment import Entailment
from rag.evaluation.intervals import Estimate

Figures = dict[str, Estimate]
RANKING = ("nDCG@10", "R@5", "R@10")


def sample(rows: Sequence[Any], limit: int, name: Callable[[Any], str]) -> list[Any]:
    """At most `limit` records (0: all), by a hash of their names, so that fewer are always among more."""
    ordered = sorted(rows, key=lambda row: hashlib.sha256(name(row).encode()).digest())
    return ordered[: limit or None]


def litsearch(files: Files, limit: int, papers: int) -> Figures:
    """Requests for papers, among the papers that answer one of them and others up to `papers` (0: all of the corpus).

    The corpus has 64,183 papers, which takes hours to index on a small machine; figures say among how many they are.
    """
    needed = ("query", "corpusids")
    queries = sample(files.rows("query*.parquet", "query*.jsonl", needed=needed), limit, lambda q: q["query"])
    rows = files.rows("corpus_clean*.parquet", "corpus_clean*.jsonl", needed=("corpusid", "title", "abstract"))
    wanted = {str(id) for q in queries for id in q["corpusids"]}
    gold = [r for r in rows if str(r["corpusid"]) in wanted]
    others = [r for r in rows if str(r["corpusid"]) not in wanted]
    more = max(0, papers - len(gold)) if papers else len(others)
    kept = [*gold, *(sample(others, more, lambda r: str(r["corpusid"])) if more else [])]
    found = [document(str(r["corpusid"]), r["title"] or "", r["abstract"] or "") for r in kept]
    return _searched([q["query"] for q in queries], [{str(i): 1 for i in q["corpusids"]} for q in queries], found)


def scifact(files: Files, limit: int, papers: int) -> Figures:
    """Claims of the dev split; relevant are the abstracts that the claim was written from (`cited_doc_ids`).

    `rationale quoted` is the share of the claims with evidence of which a sentence of a rationale is quoted.
    """
    corpus = files.rows("corpus.jsonl", needed=("doc_id", "title", "abstract"))
    claims = files.rows("claims_dev.jsonl", needed=("id", "claim", "evidence", "cited_doc_ids"))
    claims = sample([c for c in claims if c["cited_doc_ids"]], limit, lambda c: str(c["id"]))
    sentences = {str(r["doc_id"]): [" ".join(s.split()) for s in r["abstract"]] for r in corpus}
    found = [document(id, r["title"], " ".join(sentences[id])) for r in corpus if (id := str(r["doc_id"]))]
    with collection(found) as rag:
        answers, names = asked(rag, [(c["claim"], ()) for c in claims]), keys(rag)
    relevant = [{str(id): 1 for id in c["cited_doc_ids"]} for c in claims]
    figures = ranked([looked_at(a, names) for a in answers], relevant, RANKING)
    quoted = []
    for claim, answer in zip(claims, answers, strict=True):
        wanted = [
            sentences[doc][n] for doc, sets in claim["evidence"].items() for one in sets for n in one["sentences"]
        ]
        said = [c.quote for c in answer.citations]
        quoted += [float(any(w in q or q in w for w in wanted for q in said))] if wanted else []
    return figures | ({"rationale quoted": share(quoted)} if quoted else {})


def pubmedqa(files: Files, limit: int, papers: int) -> Figures:
    """The 1,000 labelled questions, each of which an abstract of the set answers; all abstracts are one collection.

    A title would repeat the question, so a document has its number for one; the conclusion is left out, as in the
    set's own setting. Yes, no or maybe is not told without a model, and is not measured.
    """
    rows = files.table("ori_pqal.json")
    if any(not {"QUESTION", "CONTEXTS"} <= {*row} for row in rows.values()):
        raise SetError(f"A record has no QUESTION or no CONTEXTS; {WHERE}.")
    found = [document(id, f"Article {id}", " ".join(row["CONTEXTS"])) for id, row in rows.items()]
    chosen = sample([*rows], limit, str)
    with collection(found) as rag:
        answers, names = asked(rag, [(rows[id]["QUESTION"], ()) for id in chosen]), keys(rag)
    own = [{id: 1} for id in chosen]
    figures = ranked([looked_at(a, names) for a in answers], own, RANKING)
    figures["evidence first"] = share(
        [float(cited(a, names)[:1] == [id]) for a, id in zip(answers, chosen, strict=True)]
    )
    figures["answered"] = share([float(not a.abstained) for a in answers])
    return figures


def csfcube(files: Files, limit: int, papers: int) -> Figures:
    """Papers like a given one in one facet: its sentences of that facet are the query, its pool is ranked.

    Grades of 2 and 3 are relevant for average precision; nDCG heeds them all.
    """
    from rag.index.embedding import BuiltinEmbedding
    from rag.index.retrieval import PaperRanker

    rows = files.rows("abstracts-csfcube-preds.jsonl", needed=("paper_id", "title", "abstract", "pred_labels"))
    known = {str(r["paper_id"]): r for r in rows}
    told = {label for r in rows for label in r["pred_labels"]}
    if not told & {label for labels in FACETS.values() for label in labels}:
        raise SetError(f"The labels of sentences are {', '.join(sorted(told))}, none of which is known here; {WHERE}.")
    found = [document(id, r["title"], " ".join(r["abstract"])) for id, r in known.items()]
    figures: Figures = {}
    with collection(found) as rag:
        index, ranker = rag.index(), PaperRanker(rag.index(), BuiltinEmbedding())
        for facet in FACETS:
            pools = files.table(f"test-pid2anns-csfcube-{facet}.json")
            rankings, relevant = [], []
            for id in sample([*pools], limit, str):
                pool = {str(c): int(g) for c, g in zip(pools[id]["cands"], pools[id]["relevance_adju"], strict=True)}
                order = [
                    index.papers[row].key or "" for row in ranker.rank(ranker.encode(_facet(known[id], facet))).rows
                ]
                rankings.append([name for name in order if name in pool and name != id])
                relevant.append({name: grade for name, grade in pool.items() if grade > 0})
            for name, value in ranked(rankings, relevant, ("nDCG@10", "AP(rel=2)")).items():
                figures[f"{facet} {name}"] = value
    return figures


FACETS: Mapping[str, tuple[str, ...]] = {
    "background": ("background_label", "objective_label"),
    "method": ("method_label",),
    "result": ("result_label",),
}
"""The labels of sentences that make a facet, as the classifier names them whose labels come with the set."""


def _facet(row: Mapping[str, Any], facet: str) -> str:
    """The sentences of a paper that are of a facet; its title where it has none."""
    own = [s for s, label in zip(row["abstract"], row["pred_labels"], strict=False) if label in FACETS[facet]]
    return " ".join(own or [row["title"]])


def mtragun(files: Files, limit: int, papers: int) -> Figures:
    """Turns of conversations, over the reference passages of all turns of their domain.

    A refusal is an answer that shows the nearest sentences only, or nothing. Its precision and recall are of the turns
    that the set calls unanswerable, among those and the answerable and partially answerable ones.
    """
    tasks = files.rows("reference.jsonl", "mtragun*.jsonl", needed=("contexts", "input", "answerability", "Collection"))
    kinds = ("ANSWERABLE", "PARTIAL", "UNANSWERABLE")
    tasks = [t for t in tasks if t["input"] and t["answerability"][:1] and t["answerability"][0] in kinds]
    truth: list[bool] = []
    refused: list[bool] = []
    rankings: list[list[str]] = []
    relevant: list[dict[str, int]] = []
    for domain in sorted({t["Collection"] for t in tasks}):
        own = [t for t in tasks if t["Collection"] == domain]
        passages = {str(c["document_id"]): c for t in own for c in t["contexts"]}
        chosen = sample(own, limit, lambda t: str(t["input"][-1]["text"]) + str(t["input"][0]["text"]))
        with collection([document(i, c.get("title") or "", c["text"]) for i, c in passages.items()]) as rag:
            answers, names = asked(rag, [_turns(t["input"]) for t in chosen]), keys(rag)
        for task, answer in zip(chosen, answers, strict=True):
            truth.append(task["answerability"][0] == "UNANSWERABLE")
            refused.append(answer.abstained)
            if not truth[-1] and task["contexts"]:
                rankings.append(looked_at(answer, names))
                relevant.append({str(c["document_id"]): 1 for c in task["contexts"]})
    told = [t for t, r in zip(truth, refused, strict=True) if r]
    figures: Figures = {"refusal precision": share([float(t) for t in told])} if told else {}
    if any(truth):
        figures["refusal recall"] = share([float(r) for t, r in zip(truth, refused, strict=True) if t])
    return figures | ranked(rankings, relevant, RANKING)


def _turns(turns: Sequence[Mapping[str, Any]]) -> tuple[str, tuple[Turn, ...]]:
    """The last question, and what was said before it."""
    *before, last = turns
    said = [Turn("user" if t["speaker"] == "user" else "assistant", str(t["text"])) for t in before]
    return str(last["text"]), tuple(said)


def attributionbench(files: Files, limit: int, papers: int) -> Figures:
    """Whether references bear out a claim, by the check in code that ALCE's citation measures use here.

    Macro-F1 over "attributable" and "not attributable", for each source and over all, out of domain as the file is.
    """
    needed = ("claim", "references", "attribution_label", "src_dataset", "id")
    names = ("test_ood_all_subset_balanced.jsonl", "*attribution*.jsonl", "*.parquet")
    rows = sample(files.rows(*names, needed=needed), limit, lambda r: str(r["id"]))
    sources = [[document(f"{n}-{k}", "", text) for k, text in enumerate(r["references"])] for n, r in enumerate(rows)]
    check = Entailment([p for own in sources for p in own])
    told = [_attributed(check, r["claim"], own) for r, own in zip(rows, sources, strict=True)]
    truth = [str(r["attribution_label"]) for r in rows]
    if unknown := set(truth) - {*ATTRIBUTED}:
        raise SetError(f"The label {unknown.pop()!r} is not one of {', '.join(ATTRIBUTED)}; {WHERE}.")
    figures: Figures = {"macro-F1": macro_f1(truth, told, ATTRIBUTED)}
    for source in sorted({r["src_dataset"] for r in rows}):
        own = [n for n, r in enumerate(rows) if r["src_dataset"] == source]
        figures[f"{source} macro-F1"] = macro_f1([truth[n] for n in own], [told[n] for n in own], ATTRIBUTED)
    return figures


ATTRIBUTED = ("attributable", "not attributable")


def _attributed(check: Entailment, claim: str, sources: Sequence[Paper]) -> str:
    held = bool(sources) and check.supported(claim, [p.abstract for p in sources], [p.id for p in sources])
    return ATTRIBUTED[0] if held else ATTRIBUTED[1]


def _searched(questions: Sequence[str], relevant: Sequence[Mapping[str, int]], papers: Sequence[Paper]) -> Figures:
    """Retrieval, and the share of the questions of which a relevant paper is cited."""
    with collection(papers) as rag:
        answers, names = asked(rag, [(q, ()) for q in questions]), keys(rag)
    figures = ranked([looked_at(a, names) for a in answers], relevant, RANKING)
    hit = [float(bool({*cited(a, names)} & {*own})) for a, own in zip(answers, relevant, strict=True)]
    return {**figures, "gold cited": share(hit)}


SETS: Mapping[str, Callable[[Files, int, int], Figures]] = {
    "litsearch": litsearch,
    "scifact": scifact,
    "pubmedqa": pubmedqa,
    "csfcube": csfcube,
    "mtragun": mtragun,
    "attributionbench": attributionbench,
}
