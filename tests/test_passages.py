"""Sentences and passages: where abstracts are cut, and that every cut is exact."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.schema import Document, MetadataMode
from serving import ROOT
from tokenizers import Tokenizer

from rag.core.paper import Paper
from rag.core.resources import seeds
from rag.index.embedding import WINDOW, BuiltinEmbedding
from rag.papers import load
from rag.papers.passages import PassageParser, passages
from rag.papers.sentences import passage_ranges, split_sentences


def sentences(text: str) -> list[str]:
    return [text[s.start : s.end] for s in split_sentences(text)]


def words(text: str) -> int:
    return len(text.split())


# "|" marks where a sentence ends; the texts are joined as they stand.
@pytest.mark.parametrize(
    "marked",
    [
        pytest.param("It is small.| It is fast.", id="plain"),
        pytest.param("Really?| Yes!| Sure?!| Wow...| That works.", id="marks"),
        pytest.param("It has no stop at its end", id="no final stop"),
        pytest.param("It is fast.| And this has no stop", id="no final stop after another"),
        pytest.param("As Smith et al. show, it works.| It does.", id="et al. within"),
        pytest.param("We beat Lee et al., who tried.| We won.", id="et al. and comma"),
        pytest.param("This follows Smith et al.| We extend it.", id="et al. at the end"),
        pytest.param("Tools, e.g. Horovod, help; i.e. NCCL too.| We use both.", id="e.g. and i.e."),
        pytest.param("We compare X vs. Y and Dr. Who.| We win.", id="vs. and Dr."),
        pytest.param("Kernels, copies, etc.| We fuse all.", id="etc. at the end"),
        pytest.param("Kernels, copies, etc. are fused.| Good.", id="etc. within"),
        pytest.param("It took 5 min.| The others took 10 min. or more.", id="min."),
        pytest.param("Is it better? The answer is no.| We say why.".replace("? ", "?| "), id="no."),
        pytest.param("It is the No. 1 system.| It is.", id="No. 1"),
        pytest.param("It takes 2.5 days and 0.37 bits.| 3.1 is next.", id="decimals"),
        pytest.param("We use Python 3.| It is nice.", id="number at the end"),
        pytest.param("It gives 75.3 vs. 72.1.| It costs $5.| We win.", id="figures at the end"),
        pytest.param("It drops to .5 of it.| Good.", id="decimal without a zero"),
        pytest.param("Code is at https://github.com/a.b/c.git for all.| Try it.", id="address within"),
        pytest.param("Code is at https://x.org/a.b.| We tested it.", id="address at the end"),
        pytest.param("As in Fig. 3 and Eq. 2, Sec. 4 holds.| See Figs. 5 and 6.", id="Fig. 3"),
        pytest.param("We do: 1) this. |2) that, and 3) those.| Done.".replace(" |", "| "), id="enumeration 1)"),
        pytest.param("We do 1) this, 2) that, 3) those.| Done.", id="enumeration in one sentence"),
        pytest.param("(1) One thing.| (2) Another.| Done.", id="enumeration (1)"),
        pytest.param("1. First thing.| 2. Second thing.", id="enumeration 1."),
        pytest.param("Serving is hard.| vLLM serves models.| xFormers helps.", id="names in lower case"),
        pytest.param("It improves GPT-4.| eBPF helps.| iPhones too.", id="more names in lower case"),
        pytest.param('He said "It works." |Then he left.'.replace(" |", "| "), id="straight quotes"),
        pytest.param("“It works.”| So they said.| (It does.)| Good.", id="curly quotes and parentheses"),
        pytest.param("J. Smith and A. B. Lee wrote it.| We read it.", id="initials"),
        pytest.param("See Appendix A.| We go on.", id="a letter that is no initial"),
        pytest.param("The U.S. government pays.| So do we.", id="U.S. within"),
        pytest.param("It is large.| Über-networks train.| Élan helps.| Ясно.", id="capitals with accents, Cyrillic"),
        pytest.param("It is large.| α-divergence is used.| 2× faster.| ~3% more.", id="Greek, figures, tilde"),
        pytest.param("这是句子。|第二句！|Third one.| 第四句。", id="ideographic stops"),
        pytest.param("One paragraph without a stop|\n\nand another.| End.", id="empty line"),
        pytest.param("A line.|\nThe next line\nis broken.|\tTabbed.|   Spaced.", id="white space"),
        pytest.param("Broken.Words stay together.| Next.", id="no space after the stop"),
        pytest.param("  Space around.|  More.  ", id="space at both ends"),
        pytest.param("...", id="nothing but stops"),
    ],
)
def test_split(marked: str) -> None:
    assert sentences(marked.replace("|", "")) == [part.strip() for part in marked.split("|")]


@pytest.mark.parametrize("text", ["", " ", "\n\n \t\n"])
def test_no_sentence_without_a_word(text: str) -> None:
    assert split_sentences(text) == []


def test_a_split_of_every_seed_ends_sentences_where_a_reader_would() -> None:
    for paper in load([seeds()]).papers:
        found = sentences(paper.abstract)
        assert 3 <= len(found) <= 20, paper.title
        for sentence in found[:-1]:
            assert sentence.rstrip("\"'”’)]")[-1] in ".!?", sentence
        for sentence in found:
            assert len(sentence) >= 12, (paper.title, sentence)


PIECES = st.sampled_from(
    "et al. |e.g. |Fig. 3 |vLLM |2.5× |https://a.b/c. |1) |We |go. |end.|\n\n|? |“|”|.”|(|) |A. |U.S. |\u00a0|\u2028|。"
    "|é|\u0301|𝛼. |!| |\t|\r\n|etc. ".split("|")
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=40).map("".join))


@given(TEXTS)
@example("a.\u00a0B. C")
@example(". . . A. B.")
def test_spans_hold_all_that_is_not_space(text: str) -> None:
    spans = split_sentences(text)
    at = 0
    for span in spans:
        assert at <= span.start < span.end <= len(text)
        assert text[at : span.start].strip() == "", "between two sentences there is only space"
        assert text[span.start : span.end] == text[span.start : span.end].strip() != ""
        at = span.end
    assert text[at:].strip() == ""


@given(st.lists(st.integers(1, 400), max_size=60), st.integers(1, 400))
def test_ranges_are_a_partition(lengths: list[int], budget: int) -> None:
    ranges = passage_ranges(lengths, budget)
    assert [n for first, last in ranges for n in range(first, last)] == list(range(len(lengths)))
    assert all(first < last for first, last in ranges)
    assert len(ranges) <= max(1, -(-sum(lengths) // budget)), "no more passages than needed"


def test_ranges_are_evenly_filled() -> None:
    assert passage_ranges([50] * 6, 250) == [(0, 3), (3, 6)], "not 5 and 1"


@given(st.lists(st.text("abc de.FG\n", max_size=80).filter(str.strip), min_size=1, max_size=4))
@settings(max_examples=50)
def test_nodes_are_exact_stretches_of_their_documents(texts: list[str]) -> None:
    parser = PassageParser(count=words, window=70)
    documents = [Document(id_=f"d{i}", text=text, metadata={"title": "T"}) for i, text in enumerate(texts)]
    nodes = parser.get_nodes_from_documents(documents)
    for i, text in enumerate(texts):
        mine = [n for n in nodes if n.metadata["paper_id"] == f"d{i}"]
        spans = split_sentences(text)
        assert [s for n in mine for s in range(*n.metadata["sentences"])] == list(range(len(spans)))
        for number, node in enumerate(mine):
            first, last = node.metadata["sentences"]
            assert node.node_id == f"d{i}#{number}"
            assert (node.start_char_idx, node.end_char_idx) == (spans[first].start, spans[last - 1].end)
            assert node.get_content(MetadataMode.NONE) == text[node.start_char_idx : node.end_char_idx]


@pytest.fixture(scope="module")
def parser() -> PassageParser:
    return PassageParser(count=BuiltinEmbedding().count, window=WINDOW - 6)


@pytest.mark.parametrize(
    "text",
    [
        "It was lower (P<0. 001) in men.",
        "It was seen in 28% v. 59% of men.",
        "We used the U.K. Diabetes Prospective Study.",
        "On Jan. 1, 1999 the law changed.",
        "CONCLUSION: 1. The drug works.",
    ],
)
def test_a_stop_that_ends_no_sentence(text: str) -> None:
    assert sentences(f"{text} Then it ended.") == [text, "Then it ended."]


@pytest.mark.parametrize("text", ["We did so in the U.K.", "It began in 2010.", "The value was 0."])
def test_a_stop_that_does(text: str) -> None:
    assert sentences(f"{text} It ended there.") == [text, "It ended there."]


def test_passages_of_the_seeds_fit_the_model(parser: PassageParser) -> None:
    """Cut text is text that retrieval can't see; evenly filled runs may go a little beyond the budget."""
    tokenizer = Tokenizer.from_file(str(ROOT / "rag" / "index" / "tokenizer.json"))
    tokenizer.no_truncation()
    papers = load([seeds()]).papers
    nodes = passages(papers, parser)
    assert len({n.node_id for n in nodes}) == len(nodes)
    assert len(nodes) <= 2.2 * len(papers)
    sizes = [len(tokenizer.encode(f"{n.metadata['title']}. {n.text}").ids) for n in nodes]
    lost = sum(max(0, size - WINDOW) for size in sizes)
    assert lost <= 0.01 * sum(sizes), f"{lost} word pieces of {sum(sizes)} are cut"


def test_ids_are_the_same_in_every_run_and_for_every_company(parser: PassageParser) -> None:
    papers = load([seeds()]).papers[:6]
    first = {n.node_id: n.text for n in passages(papers, parser)}
    assert {n.node_id: n.text for n in passages(papers[::-1], parser)} == first
    alone = passages(papers[3:4], parser)
    assert [n.node_id for n in alone] == [id_ for id_ in first if id_.startswith(papers[3].id)]


def test_passages_carry_title_and_paper() -> None:
    paper = Paper("p-1", "Trees", "They grow. They fall.", "They grow. They fall.")
    (node,) = passages([paper], PassageParser(count=words))
    assert (node.metadata["title"], node.metadata["paper_id"]) == ("Trees", "p-1")
    assert node.get_content(MetadataMode.EMBED) == "title: Trees\n\nThey grow. They fall.", (
        "embedded with its title only"
    )


def test_in_an_ingestion_pipeline() -> None:
    long = " ".join(f"Sentence number {i} says what it says." for i in range(40))
    documents = [Document(id_="a", text=long, metadata={"title": "T"}), Document(id_="b", text="Short. One.")]
    nodes = IngestionPipeline(transformations=[PassageParser(count=words, window=101)]).run(documents=documents)
    assert [n.node_id for n in nodes] == ["a#0", "a#1", "a#2", "b#0"]
    assert all(n.ref_doc_id == n.node_id[0] for n in nodes)
    assert " ".join(n.get_content(MetadataMode.NONE) for n in nodes[:3]) == long


def test_a_sentence_longer_than_the_window_stays_whole() -> None:
    text = "Short one. " + "very " * 300 + "long. Short again."
    nodes = PassageParser(count=words, window=100).get_nodes_from_documents([Document(id_="x", text=text)])
    assert " ".join(n.get_content(MetadataMode.NONE) for n in nodes) == text
