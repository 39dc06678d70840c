"""One pattern or many: do patterns of different speed explain sudden and delayed generalisation, and do toys predict networks?

Three toys are asked beside networks. Three patterns of different speed and reach (Davies et al.) are to give grokking and double
descent. Many skills with spread difficulty are to add up to a smooth curve, which memory bends (Nanda & Lieberum; ESRogs). Products
of factors are to wait on a plateau (Jermyn & Shlegeris), and so a solution with more components is to be found later (LawrenceC).
The network is the fly, on a task whose one half has an easy rule and whose other half has a hard one, and with either half taken
away, or with wrong labels. A claim about a toy has an id that begins with `toy-`; where a network is asked the same, the claim about
the network has the same id without it.

Rows of the programme: R181 to R188 and R190 to R192. Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-27).
"""

from epicycle.claims.quantities import EventTime
from epicycle.literature.texts import DAVIES, JERMYN, MESA
from epicycle.measures.answer_maps import AnswerMap
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.patterns_arms import ARMS
from epicycle.studies.patterns_claims import DESCENTS, FITS, MEMORY, PATTERN, REGIONS, ROWS, SUMS, pattern_number
from epicycle.studies.patterns_components import COMPONENTS, PLATEAUS

QUESTION = "Do patterns of different speed explain when networks generalise, and do small theories of them predict what networks do?"

CLAIMS = (*DESCENTS, *FITS, *SUMS, *ROWS, *PLATEAUS, *COMPONENTS)

CURVES = ("train_acc", "test_acc")
FIGURES = (
    Figure(
        title="What rises before memory, and what after, with an easy and a hard rule or without one of them?",
        arms=("easy_and_hard", "wrong_labels", "hard_only", "easy_and_random"),
        series=CURVES,
        decides="an-early-rise-needs-an-easy-pattern",
    ),
    Figure(title="What do three patterns predict?", arms=("toy_descent", "toy_grokking", "toy_no_easy", "toy_no_slow"), series=CURVES),
    Figure(
        title="Does the test loss descend twice?",
        arms=("easy_and_hard", "wrong_labels", "hard_only", "easy_and_random"),
        series=("train_loss", "test_loss"),
    ),
    Figure(
        title="How sudden is the rule of each half?", arms=("easy_and_hard",), series=(PATTERN, MEMORY, REGIONS[3].name, "test_acc")
    ),
    Figure(
        title="How many steps do many skills take, and how many does one?", arms=("toy_skills",), series=("test_acc", "one_skill_acc")
    ),
    Figure(title="Does narrow memory bend the sum of many skills?", arms=("toy_memory",), series=("test_acc", "memorised")),
    Figure(
        title="When does each group of 32 elements generalise?",
        arms=tuple(arm for arm in ARMS if arm.startswith("components")),
        quantities=(EventTime(event="t_gen", arm="components_1"),),
        decides="more-components-are-found-later",
    ),
    Figure(
        title="When are three fitted patterns learned?",
        arms=("easy_and_hard", "hard_only", "wrong_labels", "toy_descent"),
        quantities=tuple(pattern_number(what, "easy_and_hard") for what in ("first", "second", "third")),
        decides="patterns-come-in-order",
    ),
    Figure(title="How does the loss leave its plateau?", arms=("one_factor", "three_factors", "four_factors"), series=("train_loss",)),
    Figure(title="And in the toy?", arms=("toy_factors",), series=("loss_left",)),
    Figure(title="Which pairs are right, and when?", arms=("easy_and_hard",), series=("answer_map",), form="answer_map"),
)
SOURCES = (DAVIES, JERMYN, MESA.at("rows R181 to R192 of the programme"))

STUDY = Study(
    name="patterns",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(measures=(*Observation().measures, *REGIONS, AnswerMap()), checkpoint_megabytes=5),
    organism="fly",
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
