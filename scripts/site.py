"""What `make docs` puts beside docs/: pages made of the sections of README.md and of other files of the checkout.

So each sentence stands in one place, and a reader of the repository and one of the site see the same.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
SECTIONS = {
    "Two commands": "index.md", "Asking": "asking.md", "The page": "page.md", "With a language model": "models.md",
    "Your own collection": "library.md", "Settings": "settings.md", "Measuring answers": "evaluation.md",
    "How it works": "how.md", "Limits": "limits.md", "Licence": "limits.md",
}  # fmt: skip
FILES = {"CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md", "eval/NOTES.md": "notes.md"}
_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(#[^)\s]*)?\)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages, with links between them as they are on the site."""
    for name, text in _pages().items():
        files.append(File.generated(config, name, content=text))
    return files


def _pages() -> dict[str, str]:
    begin, *sections = re.split(r"^## ", (ROOT / "README.md").read_text().split("---\n", 2)[2], flags=re.MULTILINE)
    pages = {"index.md": begin}
    for section in sections:
        title, _, body = section.partition("\n")
        name = SECTIONS[title]
        pages[name] = f"{pages[name]}\n## {title}\n{body}" if name in pages else f"# {title}\n{body}"
    pages = {name: _linked(text, "") for name, text in pages.items()}
    return pages | {name: _linked((ROOT / file).read_text(), file) for file, name in FILES.items()}


def _linked(text: str, file: str) -> str:
    def link(found: re.Match[str]) -> str:
        path, anchor = found[1], found[2] or ""
        if not path and not file:  # a section of README.md, which may be a page of its own
            page = next((p for title, p in SECTIONS.items() if anchor == f"#{title.lower().replace(' ', '-')}"), "")
            return f"]({page or anchor})"
        path = FILES.get(path, path)
        return f"]({path.removeprefix('docs/')}{anchor})"

    return _LINK.sub(link, text)
