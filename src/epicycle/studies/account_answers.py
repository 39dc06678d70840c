"""What accounts answer to a claim, in the short form in which studies write it: one locator, and a yes or no for each account."""

from collections.abc import Mapping

from epicycle.spec.claim import Prediction


def postdictions(locator: str, **answers: str) -> dict[str, Prediction]:
    """Predictions that accounts made of what was known already.

    Args:
        locator: where the accounts say so.
        **answers: account -> yes or no. In the account's name `_` may stand for `-`.

    Returns:
        Account -> its prediction.
    """
    return _answers(answers, timing="postdiction", locator=locator)


def predictions(locator: str, **answers: str) -> dict[str, Prediction]:
    """Predictions that accounts stated before the outcome was known. The arguments are those of `postdictions`."""
    return _answers(answers, locator=locator)


def inferred(locator: str, **answers: str) -> dict[str, Prediction]:
    """Predictions that follow from accounts as we read them. The arguments are those of `postdictions`."""
    return _answers(answers, basis="inferred", locator=locator)


def _answers(answers: Mapping[str, str], **details: str) -> dict[str, Prediction]:
    return {name.replace("_", "-"): Prediction.parse({"says": answer, **details}) for name, answer in answers.items()}
