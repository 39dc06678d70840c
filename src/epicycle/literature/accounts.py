"""The accounts of grokking: explanations that say in advance what a claim's verdict will be.

A claim names accounts by id and says what each of them predicts. Pages print the titles. Scores go to accounts, not to people.
"""

from epicycle.spec.base import Spec


class Account(Spec):
    """An explanation of grokking from a text.

    Attributes:
        id: the name by which claims refer to the account; stored in claims, so it never changes.
        title: its name in print.
        says: its core in our words.
        source: the text that states it.
    """

    id: str
    title: str
    says: str
    source: str


ACCOUNTS: dict[str, Account] = {
    account.id: account
    for account in (
        Account(
            id="coverage",
            title="Coverage",
            says="Circuits that are right on many examples are reinforced more often; disruption of shallow circuits helps.",
            source="Pope, post on general circuits and its comment thread",
        ),
        Account(
            id="single-hit",
            title="Single hit",
            says="Two solutions exist; training moves almost at random until it hits the general one, then becomes confident fast.",
            source="Shah, comments on the general circuits post",
        ),
        Account(
            id="efficiency",
            title="Efficiency",
            says="Under weight decay the circuit that gives more logit per parameter norm wins; it is learned more slowly.",
            source="Varma et al. 2023, arXiv 2309.02390",
        ),
        Account(
            id="superposition",
            title="Superposition",
            says="The memorising and the general algorithm grow in superposition from the start.",
            source="post on visible basins (author not named in our copy)",
        ),
        Account(
            id="norm",
            title="Norm",
            says="Generalising solutions lie at a smaller weight norm; the delay is the time the norm needs to get there.",
            source="Liu, Michaud & Tegmark 2022, arXiv 2210.01117",
        ),
        Account(
            id="simplicity",
            title="Simplicity",
            says="A little regularisation rewards the simpler algorithm, which takes over once it is found.",
            source="post on mesa-optimisers via grokking (author not named in our copy)",
        ),
    )
}
