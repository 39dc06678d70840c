"""The accounts of grokking: explanations that say in advance what a claim's verdict will be.

A claim names accounts by id and says what each of them predicts. Pages print the titles. Scores go to accounts, not to people: one
person may have stated several, and may have taken one back.
"""

from epicycle.spec.base import Spec


class Account(Spec):
    """An explanation of grokking, or of a part of it, from a text.

    Attributes:
        id: the name by which claims refer to the account; stored in claims, so it never changes.
        title: its name in print.
        says: its core in our words.
        source: the text that states it.
        locator: where in the text; R001 to R221 are rows of the programme.
        edition: which version of the text or of the account.
        withdrawn: what its author took back, and where; empty for nothing.
    """

    id: str
    title: str
    says: str
    source: str
    locator: str
    edition: str
    withdrawn: str = ""


_THREAD = "comment thread of the post on general circuits"
_OF_THREAD = "February 2022"
_BASINS = "post on visible basins (author not named in our copy)"
_MESA = "post on mesa-optimisers via grokking (author not named in our copy)"

# In alphabetical order of the titles, the order of pages and tables.
ACCOUNTS: dict[str, Account] = {
    account.id: account
    for account in (
        Account(
            id="analytic-waves",
            title="Analytic waves",
            says="Each neuron of the general solution is one wave and its phases add up; other neurons hold the memory.",
            source="Gromov 2023, arXiv 2301.02679; Doshi et al. 2024, arXiv 2310.13061",
            locator="Gromov, sections 3 and 4; Doshi et al., sections 3 and 4",
            edition="January 2023; March 2024",
        ),
        Account(
            id="barrier",
            title="Barrier",
            says="Shallow circuits are replaced as grains in a metal grow: over a barrier, the more slowly the higher it is.",
            source=f"TLW, {_THREAD}",
            locator="R096 to R098",
            edition=_OF_THREAD,
        ),
        Account(
            id="complexity",
            title="Complexity",
            says="The time to grok grows exponentially with complexity, so only simple tasks were trained long enough.",
            source=f"Shah, {_THREAD}",
            locator="R048",
            edition=_OF_THREAD,
        ),
        Account(
            id="components",
            title="Components",
            says="What generalises is a product of pieces that must align; it waits on a plateau, the longer the more pieces.",
            source="Jermyn & Shlegeris, post on multi-component learning; LawrenceC's comments",
            locator="R191, R192",
            edition="November 2022",
        ),
        Account(
            id="cosets",
            title="Cosets",
            says="Each neuron recognises whether x y lies in a coset of a subgroup; many such neurons single out the answer.",
            source="Stander et al. 2024, arXiv 2312.06581",
            locator="sections 4 and 5",
            edition="2024",
        ),
        Account(
            id="coverage",
            title="Coverage",
            says="Circuits that are right on many examples are reinforced more often; disruption of shallow circuits helps.",
            source="Pope, post on general circuits and its comment thread",
            locator="R022 to R033",
            edition=_OF_THREAD,
        ),
        Account(
            id="efficiency",
            title="Efficiency",
            says="Under weight decay the circuit that gives more logit per parameter norm wins; it is learned more slowly.",
            source="Varma et al. 2023, arXiv 2309.02390, and Shah's comments on the paper",
            locator="section 3; R108 to R131",
            edition="September 2023",
        ),
        Account(
            id="elicitation",
            title="Elicitation",
            says="What a network can do, a little training brings out; nothing that can be checked stays hidden.",
            source="hypothesis quoted in the comments on Varma et al. 2023, and Shah's answer to it",
            locator="R138, R139",
            edition="September 2023",
        ),
        Account(
            id="forgetting",
            title="Forgetting",
            says="A network that loses the rule after examples are removed forgets as networks do whose data change.",
            source="reviews of Varma et al. 2023",
            locator="R113, R116",
            edition="as retold in the programme",
        ),
        Account(
            id="free-path",
            title="Free path",
            says="In so many dimensions a direction from memory to rule that never raises the loss is nearly always open.",
            source=f"Barnett, {_THREAD}",
            locator="R099 to R104",
            edition=_OF_THREAD,
        ),
        Account(
            id="initial-draw",
            title="Initial draw",
            says="Training ends at a function about as often as random networks that fit compute it: the bias lies in the draw.",
            source="Mingard et al. 2021, JMLR 22:79",
            locator="abstract; R052 to R056",
            edition="2021",
        ),
        Account(
            id="largest-rate",
            title="Largest stable rate",
            says="The learning rate is normally the largest stable one, so a much higher one only makes training unstable.",
            source=f"Shah, {_THREAD}",
            locator="R077, R082, R086",
            edition=f"{_OF_THREAD}, after the first boosts were reported",
        ),
        Account(
            id="lazy-to-rich",
            title="Lazy to rich",
            says="A network first fits the data with its initial features; the delay lasts until it learns new ones.",
            source="Kumar et al. 2023, arXiv 2310.06110",
            locator="Figures 6 and 7",
            edition="October 2023",
        ),
        Account(
            id="mirrored-pairs",
            title="Mirrored pairs",
            says="What looks like early generalisation of sums is y + x in the training set, for x + y in the test set.",
            source=f"Shah, {_THREAD}",
            locator="R073, R092, R093",
            edition=_OF_THREAD,
        ),
        Account(
            id="more-decay",
            title="More decay",
            says="A run that fails after a boost of the learning rate lacks regularisation.",
            source=f"gwern, {_THREAD}",
            locator="R087",
            edition=_OF_THREAD,
        ),
        Account(
            id="norm",
            title="Norm",
            says="Generalising solutions lie at a smaller weight norm; the delay is the time the norm needs to get there.",
            source="Liu, Michaud & Tegmark 2022, arXiv 2210.01117",
            locator="section 2; R129, R197",
            edition="October 2022",
        ),
        Account(
            id="one-sum",
            title="One sum",
            says="A network learns operations of the form h(f(x) + g(y)), to which products belong, and no others.",
            source="Doshi, He, Das & Gromov 2024, arXiv 2406.03495",
            locator="hypotheses 5.1 and 5.2; appendix C",
            edition="June 2024",
        ),
        Account(
            id="output-scale",
            title="Output scale",
            says="The scale of the logits sets the delay. A norm that is held acts through this scale.",
            source="arXiv 2606.18465",
            locator="abstract",
            edition="2026",
        ),
        Account(
            id="patterns",
            title="Patterns",
            says="Patterns are learned at different speeds; grokking comes where slow ones generalise best, also along model size.",
            source="Davies, Langosco & Krueger 2023, arXiv 2303.06173, and ESRogs's comments",
            locator="R184 to R190",
            edition="March 2023",
        ),
        Account(
            id="power-law",
            title="Power law of efficiency",
            says="A circuit's logits grow as a power of its parameter norm.",
            source="Varma et al. 2023, arXiv 2309.02390",
            locator="section 3; R125",
            edition="September 2023",
            withdrawn="falsified by nearly every measurement of the paper, as Shah says in his comments (R125, R127)",
        ),
        Account(
            id="precision",
            title="Precision",
            says="Without regularisation the loss in floating point becomes exactly 0 and training stops; an exact loss lets it grok.",
            source="Prieto et al. 2025, arXiv 2501.04697",
            locator="Figures 1 and 2; R041",
            edition="January 2025",
        ),
        Account(
            id="regularisation",
            title="Regularisation",
            says="Without any regularisation a network this large has no reason to generalise.",
            source=f"lalaithion, {_THREAD}",
            locator="R066",
            edition=_OF_THREAD,
        ),
        Account(
            id="representations",
            title="Representations",
            says="A network multiplies matrices of irreducible representations, and every network uses some of them.",
            source="Chughtai et al. 2023, arXiv 2302.03025",
            locator="sections 3 to 6",
            edition="May 2023",
        ),
        Account(
            id="simple-task",
            title="Simple task",
            says="Test accuracy of sums rises early because addition is easy.",
            source=f"Lieberum, {_THREAD}",
            locator="R073, R092",
            edition=_OF_THREAD,
        ),
        Account(
            id="simplicity",
            title="Simplicity",
            says="A little regularisation rewards the simpler algorithm, which takes over once it is found.",
            source=_MESA,
            locator="R163 to R177",
            edition="as in our copy",
        ),
        Account(
            id="single-hit",
            title="Single hit",
            says="Two solutions exist; training moves almost at random until it hits the general one, then becomes confident fast.",
            source=f"Shah, {_THREAD}",
            locator="R039 to R044, R070",
            edition=f"{_OF_THREAD}, before the first boosts were reported",
            withdrawn="the prediction that a boost at the onset speeds grokking up in proportion (R086)",
        ),
        Account(
            id="slingshot",
            title="Slingshot",
            says="Cycles of Adam's steps, with spikes of the loss, regularise the network where nothing else does.",
            source="Thilak et al. 2022, arXiv 2206.04817, and LawrenceC's comments",
            locator="R192, R194",
            edition="June 2022",
        ),
        Account(
            id="stacked",
            title="Stacked grokkings",
            says="Grokking is everywhere; a smooth curve is the sum of many sudden ones, some of them in the first descent.",
            source="Nanda & Lieberum, as told in the post on mesa-optimisers via grokking",
            locator="R181, R182",
            edition="as in our copy",
        ),
        Account(
            id="superposition",
            title="Superposition",
            says="The memorising and the general algorithm grow in superposition from the start.",
            source=_BASINS,
            locator="R143 to R162",
            edition="as in our copy",
        ),
        Account(
            id="symmetry",
            title="Symmetry",
            says="Operations that are symmetric in their operands, and those that are simpler to us, are learned from less data.",
            source="Power et al. 2022, arXiv 2201.02177",
            locator="section 3.2; Figure 2, right",
            edition="January 2022",
        ),
        Account(
            id="landscape",
            title="Task landscape",
            says="What a higher learning rate does is a property of the whole task, not of the moment when grokking starts.",
            source=f"Lieberum, {_THREAD}",
            locator="R083 to R085",
            edition=_OF_THREAD,
        ),
    )
}
