"""The claims of a study on its page: a card for each verdict, and the table of what was registered."""

from epicycle.report.findings import HOLDS, account_title, marks, prediction_text, predictions
from epicycle.report.markup import badges, escaped, table
from epicycle.report.page_data import Document, StudyPage
from epicycle.report.style import VERDICTS
from epicycle.spec.claim import Prediction


def verdict_cards(page: StudyPage, primary: bool) -> str:
    """A card for each primary claim, or for each exploratory one."""
    cards = [_card(claim, page.registered.get(claim["id"], {})) for claim in page.claims(primary)]
    return f"<section class=verdicts>{''.join(cards)}</section>" if cards else ""


def _card(claim: Document, registered: Document) -> str:
    style = VERDICTS[claim["verdict"]]
    says = [_prediction(name, prediction, claim["verdict"]) for name, prediction in predictions(claim, registered).items()]
    accounts = f"<p class=reason>{' · '.join(says)}</p>" if says else ""
    sign = f"{style.sign} {claim['verdict']}{badges(marks(claim))}"
    return (
        f"<article class=verdict style='--verdict:{style.colour}'><p class=sign>{sign}</p>"
        f"<p class=sentence>{escaped(claim['sentence'])}</p><p class=reason>{escaped(claim['reason'])}</p>{accounts}</article>"
    )


def _prediction(name: str, prediction: Prediction, verdict: str) -> str:
    """An account, what it says about the claim, and whether that came true."""
    outcome = "" if verdict not in HOLDS else " ✓" if prediction.says == HOLDS[verdict] else " ✗"
    hint = escaped(prediction_text(prediction))
    return f"<span title='{hint}'>{escaped(account_title(name))}: {prediction.says}{outcome}</span>"


def claims_table(page: StudyPage) -> str:
    """What was registered for each claim, what each account says about it, and the value in each run."""
    head = ("claim", "supported if", "refuted if", "detectors", "accounts", "value in each run, by seed")
    return table(head, [_claim_row(claim, page.registered.get(claim["id"], {})) for claim in page.verdicts["claims"]])


def _claim_row(claim: Document, registered: Document) -> tuple[str, ...]:
    says = predictions(claim, registered)
    accounts = "; ".join(f"{account_title(name)} {prediction_text(prediction)}" for name, prediction in says.items())
    values = ", ".join(f"{seed}: {'censored' if v is None else format(v, '.3g')}" for seed, v in claim["values"].items())
    detectors = "; ".join(f"{name}: {verdict}" for name, verdict in claim["detectors"].items() if name)
    return (claim["id"], claim["supported_if"], claim["refuted_if"], detectors or "-", accounts or "none says anything", values)
