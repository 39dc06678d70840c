"""What the claims of study `boost` say, and what each account says about them, by the claim's id: the debate about learning rates.

Two of the accounts are one author's, before and after the first boosts were reported (R070, R086).
"""

from epicycle.spec.claim import Prediction, Region
from epicycle.studies.settings import inferred, postdictions, predictions

# What each claim says, in one plain sentence.
SAYS = {
    "ten-times-the-rate-is-ten-times-the-speed": "Ten times the learning rate at onset makes grokking about ten times faster.",
    "the-task-decides-more-than-the-moment": "Whether a boost helps depends more than twice as much on the task as on its moment.",
    "ten-times-at-onset-fails-for-differences": "For differences, ten times the rate at onset makes things slower.",
    "share-of-the-task": "The task explains more than a quarter of how much a boost helps.",
    "share-of-the-moment": "The moment explains more than a quarter of how much a boost helps.",
    "share-of-the-rate": "The size of the boost explains more than a quarter of how much it helps.",
    "share-of-the-coupling": "Whether the boost raises the decay as well explains more than a quarter of how much it helps.",
    "five-times-at-onset-works-for-sums": "For sums, five times the rate at onset brings generalisation sooner.",
    "ten-times-at-onset-works-for-sums": "For sums, so does ten times the rate.",
    "ten-times-at-onset-is-eleven-times-as-fast-for-sums": "For sums, ten times the rate at onset is 7 to 15 times as fast.",
    "a-hundred-times-at-onset-fails-for-sums": "For sums, most networks never generalise with a hundred times the rate.",
    "ten-times-at-1000-never-converges": "Most differences are never generalised with ten times the rate from step 1000 on.",
    "fifty-times-at-1000-is-faster": "With fifty times the rate from step 1000 on they generalise sooner.",
    "five-times-from-the-start-works-for-quotients": "For quotients, five times the rate from the start brings it sooner.",
    "five-times-at-onset-destroys-quotients": "For quotients, five times the rate at onset makes things slower.",
    "ten-times-from-the-start-fails-for-quotients": "For quotients, ten times the rate from the start makes things slower.",
    "ten-times-at-onset-fails-for-quotients": "For quotients, ten times the rate at onset makes things slower.",
    "ten-times-from-the-start-fails-for-differences": "For differences, ten times the rate from the start makes things slower.",
    "ten-times-is-stable-from-the-start-for-differences": "Differences can be learned by heart at ten times the rate.",
    "ten-times-is-stable-from-the-start-for-sums": "Sums can be learned by heart at ten times the rate.",
    "ten-times-is-stable-from-the-start-for-quotients": "Quotients can be learned by heart at ten times the rate.",
    "ten-times-is-stable-from-the-start-for-a-group": "A group can be learned by heart at ten times the rate.",
    "five-times-at-onset-fails-in-a-group": "In a group, five times the rate at onset makes things slower.",
    "ten-times-at-onset-fails-in-a-group": "In a group, ten times the rate at onset makes things slower.",
    "training-accuracy-drops-after-the-rise": "After a boost at onset, the network loses some of what it had memorised.",
    "training-and-test-move-together-after-it": "After a boost of fifty times, training and test accuracy move together.",
    "ten-times-at-1000-changes-mode-twice": "At ten times the rate from step 1000 on, the gap between accuracies shifts twice.",
    "fifty-times-at-1000-changes-mode-once": "At fifty times the rate from step 1000 on, the gap between accuracies shifts once.",
    "recovery-takes-longer-than-memorising": "Recovering from a boost takes more than twice as long as memorising did.",
    "decay-rescues-ten-times-at-1000": "More weight decay rescues a boost of ten times.",
    "memorising-alone-is-faster-too": "Random labels are memorised faster after a boost too.",
    "higher-rates-from-the-start-shorten-the-delay": "A higher learning rate from the start shortens the delay.",
    "sums-set-out-later-without-mirrored-pairs": "Without mirrored pairs, the onset of sums is more than three times later.",
    "sums-set-out-after-memorising": "Sums set out to generalise only after they are memorised.",
    "rising-takes-a-smaller-share-for-sums-than-for-quotients": "The rise takes a smaller part of a run for sums than quotients.",
    "no-gap-opens-again-after-ten-times-at-1000": "After a boost of ten times, no gap between accuracies opens again.",
    "no-gap-opens-again-after-fifty-times-at-1000": "Nor does it after a boost of fifty times.",
    "more-decay-at-onset-is-later-than-five-times-from-the-start": "Five times the rate from the start beats more decay.",
    "a-small-batch-at-onset-is-later-than-five-times-from-the-start": "Five times the rate from the start beats small batches.",
    "more-decay-at-onset-is-sooner": "More weight decay at onset brings generalisation sooner.",
    "smaller-batches-at-onset-are-sooner": "Smaller batches at onset bring generalisation sooner.",
    "annealing-keeps-what-was-learned": "Lowering the rate afterwards keeps more of what was learned.",
    "annealing-from-the-start-delays": "A learning rate that falls from the start delays generalisation.",
    "memorises-five-times-before-generalising": "Differences are generalised more than five times later than they are memorised.",
}

PROPORTIONAL = predictions("R070: as many times sooner as the rate is higher", single_hit="yes")
NOT_PROPORTIONAL = predictions("R070: as many times sooner as the rate is higher", single_hit="no")  # of a claim that boosts fail
NOT_SO_SIMPLE = {**NOT_PROPORTIONAL, **postdictions("R086: one cannot simply raise the rate tenfold", largest_rate="yes")}
LARGEST_STABLE = predictions("R082: the rate is normally the largest stable one", largest_rate="yes")
NOT_STABLE = predictions("R082: the rate is normally the largest stable one", largest_rate="no")  # of a claim that ten times is stable
ONSET_OF_SUMS = {**postdictions("R073", mirrored_pairs="yes"), **inferred("R073: the onset is at step 300", simple_task="no")}
GENERAL_AT_ONCE = {**postdictions("R077", coverage="yes"), **inferred("R077: it is just instability", largest_rate="no")}

PREDICTIONS: dict[str, dict[str, Prediction]] = {
    "ten-times-the-rate-is-ten-times-the-speed": predictions(
        "R070, R094: proportional if one circuit, less if many", single_hit="yes", coverage="no"
    ),
    "the-task-decides-more-than-the-moment": {
        **inferred("R085: the moment matters", single_hit="no"),
        **postdictions("R085", landscape="yes"),
    },
    "share-of-the-task": inferred("R085", landscape="yes"),
    "share-of-the-moment": inferred("R085", landscape="no", single_hit="yes"),
    "ten-times-at-onset-fails-for-differences": NOT_SO_SIMPLE,
    "five-times-at-onset-works-for-sums": PROPORTIONAL,
    "ten-times-at-onset-works-for-sums": {**PROPORTIONAL, **inferred("R082: beyond the largest stable rate", largest_rate="no")},
    # For "ten times the speed" the row allows 7 to 15 times.
    "ten-times-at-onset-is-eleven-times-as-fast-for-sums": {
        "single-hit": Prediction(says="yes", locator="R070, R072", within=Region(above=-2.71, below=-1.95))
    },
    "a-hundred-times-at-onset-fails-for-sums": {
        **predictions("R070: a hundred times sooner", single_hit="no"),
        **inferred("R082", largest_rate="yes"),
    },
    "ten-times-at-1000-never-converges": inferred("R077, R082", largest_rate="yes"),
    "fifty-times-at-1000-is-faster": inferred("R077, R082", largest_rate="no"),
    "five-times-from-the-start-works-for-quotients": postdictions("R084", landscape="yes"),
    "five-times-at-onset-destroys-quotients": {**NOT_PROPORTIONAL, **postdictions("R084", landscape="yes")},
    "ten-times-from-the-start-fails-for-quotients": {**LARGEST_STABLE, **postdictions("R084", landscape="yes")},
    "ten-times-at-onset-fails-for-quotients": {**NOT_SO_SIMPLE, **postdictions("R084", landscape="yes")},
    "ten-times-from-the-start-fails-for-differences": LARGEST_STABLE,
    "ten-times-is-stable-from-the-start-for-differences": NOT_STABLE,
    "ten-times-is-stable-from-the-start-for-sums": NOT_STABLE,
    "ten-times-is-stable-from-the-start-for-quotients": NOT_STABLE,
    "ten-times-is-stable-from-the-start-for-a-group": NOT_STABLE,
    "five-times-at-onset-fails-in-a-group": {**NOT_PROPORTIONAL, **postdictions("R083", landscape="yes")},
    "ten-times-at-onset-fails-in-a-group": {**NOT_SO_SIMPLE, **postdictions("R083", landscape="yes")},
    "training-accuracy-drops-after-the-rise": {
        **postdictions("R077, R080", coverage="yes"),
        **inferred("R080: a drop speaks against it", single_hit="no"),
    },
    "training-and-test-move-together-after-it": postdictions("R079", coverage="yes"),
    "ten-times-at-1000-changes-mode-twice": postdictions("R078", coverage="yes"),
    "fifty-times-at-1000-changes-mode-once": postdictions("R078", coverage="yes"),
    "recovery-takes-longer-than-memorising": postdictions("R081: the network now learns the rule at once", coverage="yes"),
    "no-gap-opens-again-after-ten-times-at-1000": GENERAL_AT_ONCE,
    "no-gap-opens-again-after-fifty-times-at-1000": GENERAL_AT_ONCE,
    "decay-rescues-ten-times-at-1000": predictions("R087", more_decay="yes"),
    "memorising-alone-is-faster-too": inferred("R089: faster convergence supports no account", coverage="yes"),
    "higher-rates-from-the-start-shorten-the-delay": inferred("R090: general at once at a high rate", coverage="yes"),
    "sums-set-out-later-without-mirrored-pairs": ONSET_OF_SUMS,
    "sums-set-out-after-memorising": ONSET_OF_SUMS,
    "more-decay-at-onset-is-sooner": {
        **postdictions("R030", coverage="yes"),
        **inferred("R030: the same headline", efficiency="yes"),
    },
    "smaller-batches-at-onset-are-sooner": postdictions("R029, R068", coverage="yes"),
    "annealing-keeps-what-was-learned": predictions("R075: one would have to anneal", single_hit="yes"),
    "annealing-from-the-start-delays": inferred("R044, R095: perhaps the rate had decayed", single_hit="yes"),
}

# Claims that are not about phenomenon `boost`.
PHENOMENA = {
    **dict.fromkeys(
        (
            "the-task-decides-more-than-the-moment",
            *(f"share-of-the-{factor}" for factor in ("task", "moment", "rate", "coupling")),
            "five-times-from-the-start-works-for-quotients",
        ),
        "boost-moment",
    ),
    **dict.fromkeys(
        (
            "ten-times-from-the-start-fails-for-quotients",
            "ten-times-from-the-start-fails-for-differences",
            *(f"ten-times-is-stable-from-the-start-for-{name}" for name in ("differences", "sums", "quotients", "a-group")),
        ),
        "stable-rate",
    ),
    **dict.fromkeys(
        (
            "training-accuracy-drops-after-the-rise",
            "training-and-test-move-together-after-it",
            "ten-times-at-1000-changes-mode-twice",
            "fifty-times-at-1000-changes-mode-once",
            "recovery-takes-longer-than-memorising",
            *(f"no-gap-opens-again-after-{name}-times-at-1000" for name in ("ten", "fifty")),
        ),
        "after-a-boost",
    ),
    "sums-set-out-later-without-mirrored-pairs": "mirror",
    "sums-set-out-after-memorising": "mirror",
    "rising-takes-a-smaller-share-for-sums-than-for-quotients": "rise",
    "memorises-five-times-before-generalising": "delay",
    "more-decay-at-onset-is-sooner": "decay",
    "smaller-batches-at-onset-are-sooner": "disruptors",
    "annealing-keeps-what-was-learned": "annealing",
    "annealing-from-the-start-delays": "annealing",
}
