"""Files that stand where another file should be: pointers of Git LFS and git-annex, web pages, empty files."""

from pathlib import Path

from epicycle.spec.errors import InputError

LFS = "is a Git LFS pointer, not the file itself; `git lfs pull` in its repository fetches it"
WEB_PAGE = "is a web page, not the file itself; download the raw file"
# What such a file begins with -> what it is, and what to do.
BEGINNINGS = {
    b"version https://git-lfs.github.com/spec/": LFS,
    b"version https://hawser.github.com/spec/": LFS,
    b"/annex/objects/": "is a git-annex pointer, not the file itself; `git annex get` in its repository fetches it",
    b"<!doctype html": WEB_PAGE,
    b"<html": WEB_PAGE,
}


def refuse_stand_in(path: Path) -> None:
    """Refuse a file that only stands in for another one.

    Args:
        path: an existing file.

    Raises:
        InputError: the file is a pointer, a web page or empty, or it cannot be read; the message says what to do.
    """
    try:
        with path.open("rb") as opened:
            beginning = opened.read(64).lstrip().lower()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check its permissions.") from None
    if not beginning:
        raise InputError(f"{path} is empty; save or download it again.")
    for known, problem in BEGINNINGS.items():
        if beginning.startswith(known):
            raise InputError(f"{path} {problem}.")
