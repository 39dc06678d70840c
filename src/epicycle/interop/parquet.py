"""The check that pyarrow is installed. Only Parquet files need pyarrow, which takes 100 MB, so Epicycle does not require it."""

from importlib.util import find_spec

from epicycle.spec.errors import InputError


def require_pyarrow(action: str) -> None:
    """Make sure that pyarrow is installed.

    Args:
        action: what needs pyarrow, as a word before "Parquet" in the message: `reading` or `writing`.

    Raises:
        InputError: pyarrow is not installed.
    """
    if find_spec("pyarrow") is None:
        raise InputError(f"{action} Parquet needs pyarrow, which is not installed: run pip install 'epicycle[parquet]', or use CSV.")
