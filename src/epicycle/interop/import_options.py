"""What a caller of `import_runs` says about a table beside the table itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from epicycle.spec.errors import InputError


@dataclass(frozen=True)
class ImportOptions:
    """How a table of training curves is to be read.

    Attributes:
        columns: our name -> column of the table.
        swept: columns that hold what was varied.
        leave_out: columns that are not read.
        keep_later: whether of several records of one step the last one counts.
        notes: what the import decided by itself, in words; it grows while tables are read.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    swept: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    keep_later: bool = False
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, columns: Any, swept: Any, leave_out: Any, keep_later: bool) -> "ImportOptions":
        """The options as a caller passed them.

        Raises:
            InputError: an option is not of the right kind.
        """
        if columns is not None and not isinstance(columns, Mapping):
            raise InputError("columns maps our names to the table's: pass columns={'test_acc': 'their name'}.")
        names = {str(name): str(column) for name, column in (columns or {}).items()}
        return cls(names, _names("swept", swept), _names("leave_out", leave_out), bool(keep_later))

    def note(self, text: str) -> None:
        """Keep a sentence about what the import decided, once."""
        if text not in self.notes:
            self.notes.append(text)


def _names(option: str, value: Any) -> tuple[str, ...]:
    """Names of columns, each once. A single name may stand without a list."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple | set | frozenset) or not all(isinstance(name, str) for name in value):
        raise InputError(f"{option} is a list of column names: pass {option}=['their name'].")
    return tuple(dict.fromkeys(value))


def checked_numbers(**numbers: Any) -> dict[str, Any]:
    """Arguments that are numbers or None, as Python numbers: a whole number where the value is one.

    Raises:
        InputError: an argument is no finite number from 0 on.
    """
    plain: dict[str, Any] = {}
    for name, value in numbers.items():
        number = value.item() if hasattr(value, "item") and getattr(value, "size", 2) == 1 else value
        if number is not None and (isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < 2**53):
            raise InputError(f"{name} = {str(value)[:40]}: pass a number from 0 on.")
        if name in ("num_classes", "budget") and number is not None and number != int(number):
            raise InputError(f"{name} = {number}: pass a whole number.")
        plain[name] = int(number) if name in ("num_classes", "budget") and number is not None else number
    return plain
