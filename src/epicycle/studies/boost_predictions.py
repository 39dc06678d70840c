"""What the claims of study `boost` say, and what each account says about them, by the claim's id: the debate about learning rates.

Two of the accounts are one author's, before and after the first boosts were reported (R070, R086).
"""

from epicycle.spec.claim import Prediction, Region
from epicycle.studies.account_answers import inferred, postdictions, predictions

TASKS = ("differences", "sums", "products", "quotients", "s4")
FACTORS = ("task", "moment", "rate")

# What each claim says, in one plain sentence.
SAYS = {
    "ten-times-the-rate-is-ten-times-the-speed": "Ten times the learning rate at onset makes grokking about ten times faster.",
    "ten-times-at-onset-fails-on-most-tasks": "On most of five tasks, ten times the rate at onset makes things slower.",
    **{
        f"ten-times-the-rate-is-five-times-the-speed-for-{task}": f"Ten times the rate is more than five times the speed, for {name}."
        for task, name in zip(TASKS, (*TASKS[:4], "permutations"), strict=True)
    },
    "the-speed-grows-much-more-slowly-than-the-rate": "The speed grows with a power of the rate that is below 0.7.",
    "ten-times-at-onset-is-eleven-times-as-fast-for-sums": "For sums, ten times the rate at onset is 7 to 15 times as fast.",
    "ten-times-the-rate-without-its-decay-is-five-times-the-speed": (
        "Ten times the rate is more than five times the speed even if weights shrink no faster than before."
    ),
    "ten-times-the-decay-is-five-times-the-speed": "Ten times the weight decay alone is more than five times the speed.",
    "ten-times-the-decay-does-what-ten-times-the-rate-does": "Ten times the weight decay does what ten times the learning rate does.",
    "ten-times-the-rate-alone-does-nothing": "Ten times the rate does nothing if the weights shrink no faster than before.",
    "from-the-start-ten-times-the-rate-alone-does-nothing": "From the start, too, ten times the rate alone does nothing.",
    "twice-the-decay-at-onset-is-sooner": "Twice the weight decay at onset brings generalisation sooner.",
    "three-times-the-decay-at-onset-is-sooner": "Three times the weight decay at onset brings generalisation sooner.",
    "twice-the-decay-from-the-start-is-later-than-twice-the-rate": "From the start, twice the rate beats twice the decay.",
    "small-batches-from-the-start-are-later-than-a-higher-rate": "From the start, five times the rate beats small batches.",
    "small-batches-at-onset-are-sooner": "Smaller batches at onset bring generalisation sooner.",
    "the-task-decides-more-than-the-moment": "Whether a boost helps depends more than twice as much on the task as on its moment.",
    "share-of-the-task": "The task explains more than a quarter of how much a boost helps.",
    "share-of-the-moment": "The moment explains more than a quarter of how much a boost helps.",
    "share-of-the-rate": "The size of the boost explains more than a quarter of how much it helps.",
    "five-times-at-onset-works-for-sums": "For sums, five times the rate at onset brings generalisation sooner.",
    "a-hundred-times-at-onset-fails-for-sums": "For sums, most networks never generalise with a hundred times the rate.",
    "ten-times-on-the-plateau-fails": "Most differences are never generalised with ten times the rate from the plateau on.",
    "fifty-times-on-the-plateau-is-faster": "With fifty times the rate from the plateau on they are generalised sooner.",
    "five-times-from-the-start-works-for-quotients": "For quotients, five times the rate from the start brings it sooner.",
    "five-times-at-onset-destroys-quotients": "For quotients, five times the rate at onset makes things slower.",
    "ten-times-from-the-start-fails-for-quotients": "For quotients, ten times the rate from the start makes things slower.",
    "ten-times-at-onset-fails-for-quotients": "For quotients, ten times the rate at onset makes things slower.",
    "twice-at-onset-fails-in-a-group": "For permutations, twice the rate at onset makes things slower.",
    "five-times-at-onset-fails-in-a-group": "For permutations, five times the rate at onset makes things slower.",
    "ten-times-at-onset-fails-in-a-group": "For permutations, ten times the rate at onset makes things slower.",
    "ten-times-the-usual-rate-from-the-start-fails": "Ten times the fly's usual rate, from the start, makes things slower.",
    "the-usual-rate-is-near-the-largest-stable-one": "The usual learning rate is nearly the largest stable one, which is below 0.03.",
    "higher-rates-from-the-start-shorten-the-delay": "A higher learning rate from the start shortens the delay.",
    "memorising-alone-is-faster-too": "Random labels are memorised faster at a higher rate too.",
    **{
        f"memorising-gains-as-much-from-{dose}-times": f"{dose.title()} times the rate speeds up memorising as much as grokking."
        for dose in ("five", "ten")
    },
    **{
        f"training-accuracy-drops-after-{dose}-times": f"Within 50 steps of a boost of {dose} times, training accuracy is below 0.9."
        for dose in ("ten", "fifty")
    },
    **{
        f"training-and-test-rise-together-after-{dose}-times": f"After a boost of {dose} times, both accuracies rise together."
        for dose in ("ten", "fifty")
    },
    **{
        f"training-and-test-move-together-after-{dose}-times": f"After a boost of {dose} times, both accuracies change together."
        for dose in ("ten", "fifty")
    },
    "ten-times-changes-mode-twice": "After a boost of ten times, the gap between the accuracies shifts twice.",
    "fifty-times-changes-mode-once": "After a boost of fifty times, the gap between the accuracies shifts once.",
    "recovery-takes-longer-than-memorising": "Recovering from a boost takes two to six times as long as memorising did.",
    "more-decay-rescues-a-boost-that-fails": "Twice the weight decay lets most networks generalise that fail after too large a boost.",
    "less-decay-rescues-a-boost-that-fails": "Less weight decay lets most networks generalise that fail after too large a boost.",
    "annealing-keeps-what-was-learned": "Lowering the rate afterwards keeps more of what was learned.",
    "a-constant-rate-shortens-the-rise": "The rise is shorter if the learning rate has not fallen by then.",
}

AS_MANY_TIMES = "R070: as many times sooner as the rate is higher"
PROPORTIONAL = predictions(AS_MANY_TIMES, single_hit="yes")
NOT_PROPORTIONAL = predictions(AS_MANY_TIMES, single_hit="no")  # of a claim that boosts fail
NOT_SO_SIMPLE = {**NOT_PROPORTIONAL, **postdictions("R086: one cannot simply raise the rate tenfold", largest_rate="yes")}
LARGEST_STABLE = predictions("R082: the rate is normally the largest stable one", largest_rate="yes")
GENERAL_AT_ONCE = {**postdictions("R077", coverage="yes"), **inferred("R077: it is just instability", largest_rate="no")}
DROP = {**postdictions("R077, R080", coverage="yes"), **inferred("R080: a drop speaks against it", single_hit="no")}
NORM_FALLS = inferred("section 2: the delay is the time that the norm takes to fall", norm="yes")
MORE_DECAY = {**postdictions("R030", coverage="yes"), **inferred("R030: the same headline", efficiency="yes")}

PREDICTIONS: dict[str, dict[str, Prediction]] = {
    "ten-times-the-rate-is-ten-times-the-speed": predictions(
        "R070, R094: proportional if one circuit, less if many", single_hit="yes", coverage="no"
    ),
    "ten-times-at-onset-fails-on-most-tasks": NOT_SO_SIMPLE,
    **{f"ten-times-the-rate-is-five-times-the-speed-for-{task}": PROPORTIONAL for task in TASKS},
    "the-speed-grows-much-more-slowly-than-the-rate": predictions(
        "R094: less than in proportion if many circuits unify in turn", coverage="yes", single_hit="no"
    ),
    # For "ten times the speed" the row allows 7 to 15 times.
    "ten-times-at-onset-is-eleven-times-as-fast-for-sums": {
        "single-hit": Prediction(says="yes", locator="R070, R072", within=Region(above=-2.71, below=-1.95))
    },
    "ten-times-the-rate-without-its-decay-is-five-times-the-speed": {
        **inferred("R070: it is the rate that speeds it up", single_hit="yes"),
        **inferred("section 2: the delay is the time that the norm takes to fall", norm="no"),
    },
    "ten-times-the-decay-is-five-times-the-speed": NORM_FALLS,
    "ten-times-the-decay-does-what-ten-times-the-rate-does": NORM_FALLS,
    "ten-times-the-rate-alone-does-nothing": {**NORM_FALLS, **inferred("R070: it is the rate that speeds it up", single_hit="no")},
    "from-the-start-ten-times-the-rate-alone-does-nothing": NORM_FALLS,
    "twice-the-decay-at-onset-is-sooner": MORE_DECAY,
    "three-times-the-decay-at-onset-is-sooner": MORE_DECAY,
    "small-batches-at-onset-are-sooner": postdictions("R029, R068", coverage="yes"),
    "the-task-decides-more-than-the-moment": {
        **inferred("R085: the moment matters", single_hit="no"),
        **postdictions("R085", landscape="yes"),
    },
    "share-of-the-task": inferred("R085", landscape="yes"),
    "share-of-the-moment": inferred("R085", landscape="no", single_hit="yes"),
    "five-times-at-onset-works-for-sums": PROPORTIONAL,
    "a-hundred-times-at-onset-fails-for-sums": {
        **predictions("R070: a hundred times sooner", single_hit="no"),
        **inferred("R082", largest_rate="yes"),
    },
    "ten-times-on-the-plateau-fails": inferred("R077, R082", largest_rate="yes"),
    "fifty-times-on-the-plateau-is-faster": inferred("R077, R082", largest_rate="no"),
    "five-times-from-the-start-works-for-quotients": postdictions("R084", landscape="yes"),
    "five-times-at-onset-destroys-quotients": {**NOT_PROPORTIONAL, **postdictions("R084", landscape="yes")},
    "ten-times-from-the-start-fails-for-quotients": postdictions("R084", landscape="yes"),
    "ten-times-at-onset-fails-for-quotients": {**NOT_SO_SIMPLE, **postdictions("R084", landscape="yes")},
    "twice-at-onset-fails-in-a-group": {**NOT_PROPORTIONAL, **postdictions("R083", landscape="yes")},
    "five-times-at-onset-fails-in-a-group": {**NOT_PROPORTIONAL, **postdictions("R083", landscape="yes")},
    "ten-times-at-onset-fails-in-a-group": {**NOT_SO_SIMPLE, **postdictions("R083", landscape="yes")},
    "ten-times-the-usual-rate-from-the-start-fails": LARGEST_STABLE,
    "the-usual-rate-is-near-the-largest-stable-one": LARGEST_STABLE,
    "higher-rates-from-the-start-shorten-the-delay": inferred("R090: general at once at a high rate", coverage="yes"),
    "memorising-alone-is-faster-too": inferred("R089: faster convergence supports no account", coverage="yes"),
    **{
        f"memorising-gains-as-much-from-{dose}-times": inferred("R089: faster convergence supports no account", coverage="yes")
        for dose in ("five", "ten")
    },
    **{f"training-accuracy-drops-after-{dose}-times": DROP for dose in ("ten", "fifty")},
    **{f"training-and-test-rise-together-after-{dose}-times": GENERAL_AT_ONCE for dose in ("ten", "fifty")},
    **{f"training-and-test-move-together-after-{dose}-times": postdictions("R079", coverage="yes") for dose in ("ten", "fifty")},
    "ten-times-changes-mode-twice": postdictions("R078", coverage="yes"),
    "fifty-times-changes-mode-once": postdictions("R078", coverage="yes"),
    "recovery-takes-longer-than-memorising": postdictions("R081: the network now learns the rule at once", coverage="yes"),
    "more-decay-rescues-a-boost-that-fails": predictions("R087", more_decay="yes"),
    "annealing-keeps-what-was-learned": predictions("R075: one would have to anneal", single_hit="yes"),
    "a-constant-rate-shortens-the-rise": inferred("R044, R095: perhaps the rate had decayed", single_hit="yes"),
}

# Claims that are not about phenomenon `boost`.
PHENOMENA = {
    **dict.fromkeys(
        (
            "the-task-decides-more-than-the-moment",
            *(f"share-of-the-{factor}" for factor in FACTORS),
            "five-times-from-the-start-works-for-quotients",
        ),
        "boost-moment",
    ),
    **dict.fromkeys(
        (
            "ten-times-from-the-start-fails-for-quotients",
            "ten-times-the-usual-rate-from-the-start-fails",
            "the-usual-rate-is-near-the-largest-stable-one",
        ),
        "stable-rate",
    ),
    **dict.fromkeys(
        (
            *(f"training-accuracy-drops-after-{dose}-times" for dose in ("ten", "fifty")),
            *(f"training-and-test-{verb}-together-after-{dose}-times" for verb in ("rise", "move") for dose in ("ten", "fifty")),
            "ten-times-changes-mode-twice",
            "fifty-times-changes-mode-once",
            "recovery-takes-longer-than-memorising",
        ),
        "after-a-boost",
    ),
    **dict.fromkeys(
        (
            "ten-times-the-rate-without-its-decay-is-five-times-the-speed",
            "ten-times-the-decay-is-five-times-the-speed",
            "ten-times-the-decay-does-what-ten-times-the-rate-does",
            "ten-times-the-rate-alone-does-nothing",
            "from-the-start-ten-times-the-rate-alone-does-nothing",
            *(f"{dose}-the-decay-at-onset-is-sooner" for dose in ("twice", "three-times")),
        ),
        "decay",
    ),
    "small-batches-at-onset-are-sooner": "disruptors",
    "annealing-keeps-what-was-learned": "annealing",
    "a-constant-rate-shortens-the-rise": "annealing",
}
