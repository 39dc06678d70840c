"""The code blocks and the commands of a Markdown page, with the lines they stand on."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SHELLS = ("sh", "bash", "shell", "console")
FENCE = re.compile(r"```(\w*) *(.*)")


def name_of(page: Path) -> str:
    """The page's path in the repository."""
    return str(page.relative_to(REPOSITORY)) if page.is_relative_to(REPOSITORY) else page.name


@dataclass(frozen=True)
class Block:
    """A fenced or indented block.

    Attributes:
        page: the page's path.
        line: line of the block's first line of text, from 1.
        language: `python`, `yaml`, `sh`, ...; an indented block is `sh`.
        label: what stands behind the language.
    """

    page: Path
    line: int
    language: str
    label: str
    text: str

    @property
    def where(self) -> str:
        """Page and line, for messages."""
        return f"{name_of(self.page)}, line {self.line}"

    @property
    def is_tree(self) -> bool:
        """Whether the block lists files: its first line is a folder, such as `src/epicycle/`."""
        return re.fullmatch(r"\S+/", self.text.splitlines()[0]) is not None

    def commands(self) -> Iterator[tuple[str, list[str]]]:
        """Place and words of each command of a shell block, without prompt, comment and the path of the virtual environment."""
        if self.language != "sh" or self.is_tree:
            return
        text = self.text.replace("\\\n", "  ")
        for number, line in enumerate(text.splitlines()):
            words = shlex.split(line.strip().removeprefix("$ "), comments=True)
            if words:
                yield (
                    f"{name_of(self.page)}, line {self.line + number}",
                    [words[0].removeprefix(".venv/bin/"), *words[1:]],
                )


def blocks_of(page: Path) -> list[Block]:
    """Every block of a page, in order. Text that is indented inside a list is no block."""
    blocks: list[Block] = []
    lines = page.read_text().splitlines()
    number = 0
    while number < len(lines):
        fence = FENCE.fullmatch(lines[number])
        if fence:
            end = lines.index("```", number + 1)
            language = "sh" if fence[1] in SHELLS else fence[1]
            blocks.append(Block(page, number + 2, language, fence[2].strip(), "\n".join(lines[number + 1 : end]) + "\n"))
        elif _begins_indented(lines, number):
            end = next((i for i in range(number, len(lines)) if not lines[i].startswith("    ")), len(lines))
            text = "\n".join(line[4:] for line in lines[number:end]) + "\n"
            blocks.append(Block(page, number + 1, "sh", "", text))
            end -= 1
        else:
            end = number
        number = end + 1
    return blocks


def inline_commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Place and words of each command in the running text, such as `epicycle show quickstart`."""
    for number, line in enumerate(page.read_text().splitlines(), 1):
        for text in re.findall(r"`(?:\.venv/bin/)?(epicycle [^`]+)`", line):
            yield f"{name_of(page)}, line {number}", shlex.split(text)


def _begins_indented(lines: list[str], number: int) -> bool:
    before = [line for line in lines[:number] if line.strip()]
    in_list = bool(before) and (before[-1].startswith(("- ", "* ", "  ")) or bool(re.match(r"\d+\. ", before[-1])))
    return lines[number].startswith("    ") and number > 0 and not lines[number - 1].strip() and not in_list
