"""How other codes spell the names that Epicycle uses: of series, steps, seeds, and of the rows that a value was computed on."""

import re

import pandas

_ROW_WORDS = {
    "train": ("train", "training", "trn"),
    "test": ("test", "testing", "val", "valid", "validation", "eval", "evaluation", "heldout", "dev"),
}
_VALUE_WORDS = {"loss": ("loss", "losses"), "acc": ("acc", "accs", "accuracy", "accuracies")}
_UPDATE_WORDS = ("step", "steps", "iteration", "iterations", "iter", "iters", "update", "updates")
_EPOCH_WORDS = ("epoch", "epochs")
_BEFORE_STEPS = ("", "global", "train", "training", "trainer", "trainerglobal", "current", "optimizer", "optimiser")
# Words that loggers add and that change no meaning: `metrics/val/acc_epoch` is the accuracy on held-out rows.
_FILLERS = {"metric", "metrics", "log", "logs", "history", "mean", "avg", "average", "epoch", "curve", "curves", "values", "total"}

# train_loss, train_acc, test_loss, test_acc: the series that Epicycle gives a meaning.
SERIES = tuple(f"{rows}_{value}" for rows in _ROW_WORDS for value in _VALUE_WORDS)
LABELS = ("run", "seed", "data_seed")
# Letters of a spelling, without capitals and punctuation -> our name.
SPELLINGS = {
    **{f"{before}{word}": "step" for before in _BEFORE_STEPS for word in _UPDATE_WORDS},
    **dict.fromkeys(_EPOCH_WORDS, "step"),
    **dict.fromkeys(("run", "runs", "runid", "runname"), "run"),
    **dict.fromkeys(("seed", "seeds", "randomseed"), "seed"),
    **dict.fromkeys(("dataseed", "dataseeds", "splitseed"), "data_seed"),
    **{
        spelling: f"{rows}_{value}"
        for rows, row_words in _ROW_WORDS.items()
        for value, value_words in _VALUE_WORDS.items()
        for value_word in value_words
        for row_word in row_words
        for spelling in (f"{row_word}{value_word}", f"{value_word}{row_word}")
    },
}
ROWS_OF = {word: rows for rows, words in _ROW_WORDS.items() for word in words}
_VALUE_OF = {word: value for value, words in _VALUE_WORDS.items() for word in words}


def meaning(column: str) -> str | None:
    """Our name of a column; None where we have none.

    Capitals, punctuation and plurals do not matter: `Validation Accuracy`, `val/acc` and `testAccs` are all `test_acc`.
    """
    words = words_of(column)
    plain = "".join(word for word in words if word not in _FILLERS)
    return SPELLINGS.get("".join(words)) or (SPELLINGS.get(plain) if SPELLINGS.get(plain) in SERIES else None)


def meaning_after_prefix(column: str) -> str | None:
    """Our name of a column whose own name follows a prefix, as in `calm-river/test/acc`; None where we have none."""
    parts = re.split(r"\s*[/|:.]\s*|\s+-\s+", column)
    return next((ours for first in range(1, len(parts)) if (ours := meaning("/".join(parts[first:])))), None)


def bare_value(column: str) -> str | None:
    """`loss` or `acc` for a column that is called so without telling on which rows; otherwise None."""
    return _VALUE_OF.get("".join(word for word in words_of(column) if word not in _FILLERS))


def rows_of(word: str) -> str | None:
    """`train` or `test` for a word such as `val`; None for any other word."""
    return ROWS_OF.get("".join(words_of(word)))


def counts_epochs(column: str) -> bool:
    """Whether a column of steps counts epochs and not updates."""
    return words_of(column)[-1:] in [[word] for word in _EPOCH_WORDS]


def columns_of(frame: pandas.DataFrame) -> list[str]:
    """The names of a table's columns."""
    return [str(name) for name in frame.columns]


def words_of(name: str) -> list[str]:
    """The words and numbers in a name, in lower case: `testAcc_1` has three."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.findall(r"[a-z]+|[0-9]+", spaced.lower())


def is_accuracy(series: str) -> bool:
    """Whether a series holds accuracies, from 0 to 1."""
    return "acc" in series.split("_")
