"""The one table of field names: what the files of each kind call title, abstract, authors and the rest of a paper.

Names of columns and keys are compared in lower case. Where a record has several, the first with a value counts.
"""

from __future__ import annotations

# Columns of tables and keys of objects: CSV and TSV of Scopus, Embase, EBSCO, Lens, Dimensions, Covidence, Rayyan,
# ASReview, OpenAlex, CORD-19, RefWorks, Zotero, IEEE, ProQuest, Cochrane and Web of Science; JSON of OpenAlex, Semantic
# Scholar, S2ORC, Crossref, arXiv, OpenReview, DOAJ, Papers With Code, CSL, DataCite, Europe PMC, INSPIRE and BEIR.
# Words of other languages come last.
FIELDS: dict[str, tuple[str, ...]] = {
    "title": (
        "title", "article title", "article_title", "document title", "document_title", "paper title", "paper_title",
        "item title", "title primary", "primary title", "primary_title", "titles", "display_name", "display name",
        "dc:title", "dc.title", "ti", "t1", "original title", "título", "titulo", "titre", "titel", "标题", "题名",
    ),
    "abstract": (
        "abstract", "abstract note", "abstract_note", "abstractnote", "abstracttext", "abstract_text", "abstract text",
        "abstracts", "description_abstract", "abstract_inverted_index", "ab", "text", "summary", "descriptions",
        "dc:description", "dc.description", "dcterms:abstract",
        "resumen", "resumo", "résumé", "zusammenfassung", "摘要",
    ),
    "key": (
        "id", "_id", "key", "cord_uid", "paper_id", "paperid", "corpus_id", "corpusid", "doc_id", "record_id",
        "citation key", "citationkey", "citekey", "citation-key", "lens id", "publication id", "ut (unique wos id)",
        "ut", "eid", "accession number", "an", "pmid", "reference id", "covidence #", "label",
    ),
    "authors": (
        "author full names", "author_full_names", "author(s) full name", "authors_parsed", "authors", "author",
        "author names", "author name",
        "author(s)", "author/s", "authors, primary", "creators", "creator", "authorships", "contributors",
        "authorstring", "authors_list", "author_list", "authorships.author.display_name",
        "authorships.raw_author_name", "af", "au", "a1", "dc:creator", "dc.creator", "authors full names",
        "authors (raw)", "autores", "autor", "auteurs", "auteur", "autoren", "作者",
    ),
    "year": (
        "year", "publication year", "publication_year", "publicationyear", "published year", "published_year",
        "pub year", "pub_year", "pubyear", "yearpublished", "py", "yr", "issued", "date", "published", "publish_time",
        "publish time", "date published", "date_published", "publication date", "publication_date", "publicationdate",
        "pubdate", "pdate", "date of publication", "published_date", "publisheddate", "publishedat", "published-print",
        "published-online", "prism:coverdate", "coverdate", "versions", "created", "update_date", "cdate", "da",
        "dc:date", "electronic publication date", "early access date", "journal_year", "publication_info",
        "year of publication", "año", "ano", "année", "jahr", "年份", "年",
    ),
    "url": (
        "url", "link", "links", "urls", "url_abs", "entry_id", "abs_url", "paper_url", "pdf_url", "url_pdf",
        "document link", "documenturl", "source linkout", "plink", "permalink", "article url", "articleurl",
        "source urls", "primary_location.landing_page_url", "landing_page_url", "landing page url", "external url",
        "forum_url", "pdf link",
    ),
    "doi": (
        "doi", "dois", "doi link", "document doi", "item doi", "article doi", "di", "externalids", "ids", "identifier",
        "identifiers", "prism:doi", "published_doi", "doi/url",
    ),
    "arxiv": (
        "arxiv_id", "arxivid", "arxiv id", "arxiv", "eprint",
    ),
    "venue": (
        "journal", "source title", "source_title", "publication title", "publicationtitle", "publication_title",
        "journal title", "journal_title", "journaltitle", "container-title", "journal/book", "journal name",
        "journal_name", "publication name", "secondary title", "periodical full", "full journal title", "journal-ref",
        "journal_ref", "journalinfo", "venue", "booktitle", "book title", "book_title", "conference name",
        "conference", "proceedings title", "proceedingstitle", "anthology title", "pubtitle", "host_venue",
        "primary_location", "primary_location.source.display_name", "so", "source", "publication",
        "prism:publicationname", "publisher name",
    ),
    "keywords": (
        "keywords", "keyword", "author keywords", "author_keywords", "authkeywords", "manual tags", "tags",
        "index keywords", "subjects", "subject", "de", "descriptors", "keywords (author)", "mesh terms", "mesh",
        "categories", "emtree drug index terms", "emtree medical index terms", "concepts", "fieldsofstudy",
        "fields of study", "subject terms", "tag",
    ),
    "database": (
        "database", "source_x", "database provider", "source database",
    ),
}  # fmt: skip

Tags = dict[str, tuple[str, ...]]

# https://en.wikipedia.org/wiki/RIS_(file_format), with what Zotero, EndNote, Mendeley and the databases make of it.
RIS: Tags = {
    "title": ("TI", "T1", "CT", "TT", "BT", "ST"), "abstract": ("AB", "N2"), "authors": ("AU", "A1"),
    "year": ("PY", "Y1", "DA", "YR"), "doi": ("DO", "DI", "M3", "L3"), "url": ("UR", "LK", "L2", "L1"),
    "venue": ("JF", "T2", "JO", "JA", "J2", "T3", "BT"), "keywords": ("KW", "K1"), "key": ("ID", "AN", "LB"),
    "database": ("DB",),
}  # fmt: skip
# https://www.nlm.nih.gov/bsd/mms/medlineelements.html
MEDLINE: Tags = {
    "title": ("TI", "BTI", "TT", "CTI"), "abstract": ("AB", "OAB"), "authors": ("FAU", "AU", "CN", "FED"),
    "year": ("DP", "DEP", "EDAT", "CRDT"), "doi": ("LID", "AID", "SO"), "venue": ("JT", "TA"),
    "keywords": ("OT", "MH"), "key": ("PMID", "UI"),
}  # fmt: skip
# https://images.webofknowledge.com/images/help/WOS/hs_wos_fieldtags.html
WOS: Tags = {
    "title": ("TI",), "abstract": ("AB",), "authors": ("AF", "AU", "CA"), "year": ("PY", "EY", "EA"),
    "doi": ("DI", "D2"),
    "venue": ("SO", "SE"), "keywords": ("DE", "ID"), "key": ("UT",),
}  # fmt: skip
# The tags of refer and EndNote (.enw).
REFER: Tags = {
    "title": ("T", "Q", "!"), "abstract": ("X",), "authors": ("A",), "year": ("D", "8"), "doi": ("R",),
    "url": ("U", ">"), "venue": ("J", "B"), "keywords": ("K",), "key": ("F", "M"), "database": ("W", "~"),
}  # fmt: skip
# RefWorks' tagged format.
REFWORKS: Tags = {
    "title": ("T1",), "abstract": ("AB",), "authors": ("A1",), "year": ("YR", "FD"), "doi": ("DO",),
    "url": ("UL", "LK"), "venue": ("JF", "T2", "JO"), "keywords": ("K1",), "key": ("ID", "AN"),
    "database": ("DS", "DB"),
}  # fmt: skip
# Cochrane's "citation" text, whose tags end in a colon.
COCHRANE: Tags = {
    "title": ("TI",), "abstract": ("AB",), "authors": ("AU",), "year": ("YR", "PY"), "doi": ("DOI", "DO"),
    "url": ("US", "UR"), "venue": ("SO",), "keywords": ("KY", "KW"), "key": ("ID", "AN"),
}  # fmt: skip
