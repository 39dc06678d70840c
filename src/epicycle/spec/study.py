"""A study: question, arms, claims, figures and sources, its pilot, and the organisms on which it can be run."""

from collections.abc import Collection, Iterator, Mapping
from math import prod
from typing import Any, Literal

from pydantic import Field, model_validator

from epicycle.spec.arms import Arm, ArmSimulation, ForkArm, RootArm, TheoryArm, short_names
from epicycle.spec.base import Spec
from epicycle.spec.claim import Claim
from epicycle.spec.errors import InputError, nearest
from epicycle.spec.experiment import Experiment
from epicycle.spec.families import Statistic
from epicycle.spec.figure import Figure as Figure
from epicycle.spec.kept_arms import check_kept_arms, kept_parts
from epicycle.spec.limits import MOST_ARMS, MOST_NAMES, MOST_POINTS, MOST_RUNS
from epicycle.spec.moment_grammar import series_in
from epicycle.spec.observation import Observation
from epicycle.spec.organism import OrganismName
from epicycle.spec.own_code import is_own
from epicycle.spec.paths import with_path
from epicycle.spec.plain_data import Plain

FIRST_PILOT_SEED = 1000
ProfileName = Literal["stated", "quick"]


class Source(Spec):
    """A text that a study or a preset cites.

    Attributes:
        key: the name under which claims refer to the text.
        title: its title.
        authors: their names, separated by commas.
        year: of publication.
        locator: equation, figure, table, section or comment.
        arxiv: arXiv number.
        url: address, for a text without an arXiv number.
    """

    key: str
    title: str
    authors: str
    year: int = Field(ge=0, le=3000)
    locator: str = ""
    arxiv: str = ""
    url: str = ""

    def at(self, locator: str) -> "Source":
        """The same text, cited at another place."""
        return self.model_copy(update={"locator": locator})


class Profile(Spec):
    """Changes that make another form of a study: its pilot, or the study on another organism.

    Attributes:
        seeds: number of seeds of every root arm; None keeps each arm's own number.
        assign: dotted path below the study -> value, as with `--set`. A path from an experiment (`task.p`) reaches every root arm, and
            `claims.ID....` a claim.
        arms: the arms that are kept; empty for all. Claims and figures that read other arms are left out.
        pilot: its verdicts are marked as a pilot's and enter no ledger; its seeds and data seeds are 1000 and above.
    """

    seeds: int | None = Field(None, ge=1, le=MOST_RUNS)
    assign: Plain = {}
    arms: tuple[str, ...] = Field((), max_length=MOST_ARMS)
    pilot: bool = False


class Study(Spec):
    """Everything that `epicycle run` needs.

    Attributes:
        name: lower-case letters, digits, `_` and `-`. A study from a file takes the file's name.
        question: what the study asks, as one sentence.
        arms: name -> root arm, theory arm or fork arm.
        claims: what is judged.
        figures: what the page shows. The first figure that decides a claim stands at the top.
        sources: the texts that the study rests on.
        observation: what is recorded.
        organism: the organism that the arms are set on; None for a study of its own setting.
        organisms: further organisms -> the changes that set the study on them.
        profiles: the pilot of the study, `quick`.
        profile: the profile that this study is at.
        pilot: whether verdicts are marked as a pilot's.
    """

    name: str = Field("study", pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=100)
    question: str
    arms: dict[str, Arm] = Field(min_length=1, max_length=MOST_ARMS)
    claims: tuple[Claim, ...] = Field((), max_length=200)
    figures: tuple[Figure, ...] = Field((), max_length=200)
    sources: tuple[Source, ...] = Field((), max_length=MOST_NAMES)
    observation: Observation = Field(default_factory=Observation)
    organism: OrganismName | None = None
    organisms: dict[OrganismName, Profile] = {}
    profiles: dict[ProfileName, Profile] = {}
    profile: ProfileName = "stated"
    pilot: bool = False

    @model_validator(mode="before")
    @classmethod
    def _sweeps_are_few(cls, value: Any) -> Any:
        arms = value.get("arms") if isinstance(value, Mapping) else None
        points = sum(_points(arm) for arm in arms.values()) if isinstance(arms, Mapping) else 0
        if points > MOST_POINTS:
            raise ValueError(f"the arms sweep {points:,} combinations of values together; at most {MOST_POINTS:,} are possible")
        return value

    @model_validator(mode="after")
    def _names_meet(self) -> "Study":
        for name, _ in self.fork_arms():
            self._has_root(name)
            swept = self.swept(name)
            if twice := sorted({path for path in swept if swept.count(path) > 1}):
                raise ValueError(f"arm '{name}' and one it descends from both sweep {', '.join(twice)}: runs would share a name")
        if late := {name for name, _ in self.fork_arms()} - {name for born in self.generations() for name, _ in born}:
            raise ValueError(f"arms {', '.join(sorted(late))} wait for each other: a donor must not descend from its recipient")
        for claim in self.claims:
            self._asks(claim)
            for arm_name in claim.arms():
                self._known_arm(arm_name, f"claim '{claim.id}'")
        for figure in self.figures:
            for arm_name in figure.arms:
                self._known_arm(arm_name, f"figure '{figure.title}'")
            self._compares_forks(figure)
        self._series_are_recorded()
        if (runs := sum(self.run_counts().values())) > MOST_RUNS:
            raise ValueError(f"{runs:,} runs are too many for one study; at most {MOST_RUNS:,} are possible")
        ids = [claim.id for claim in self.claims]
        if len(set(ids)) < len(ids):
            raise ValueError(f"two claims share an id: {', '.join(sorted({i for i in ids if ids.count(i) > 1}))}")
        return self

    def root_arms(self) -> Iterator[tuple[str, RootArm]]:
        """Arms that start from fresh weights."""
        for name, arm in self.arms.items():
            if isinstance(arm, RootArm):
                yield name, arm

    def theory_arms(self) -> Iterator[tuple[str, TheoryArm]]:
        """Arms that are simulated without a network."""
        for name, arm in self.arms.items():
            if isinstance(arm, TheoryArm):
                yield name, arm

    def simulations(self) -> dict[str, list[ArmSimulation]]:
        """The runs of every theory arm."""
        return {name: list(arm.runs()) for name, arm in self.theory_arms()}

    def seeded_arms(self) -> Iterator[tuple[str, RootArm | TheoryArm]]:
        """Arms that have seeds of their own: all but the forks."""
        for name, arm in self.arms.items():
            if not isinstance(arm, ForkArm):
                yield name, arm

    def fork_arms(self) -> Iterator[tuple[str, ForkArm]]:
        """Arms that continue others."""
        for name, arm in self.arms.items():
            if isinstance(arm, ForkArm):
                yield name, arm

    def swept(self, name: str) -> list[str]:
        """Short names of what an arm's runs differ in, including those of the arms that it descends from."""
        arm = self.arms[name]
        return [*(self.swept(arm.fork) if isinstance(arm, ForkArm) else ()), *short_names(arm.sweep)]

    def generations(self) -> list[list[tuple[str, ForkArm]]]:
        """Fork arms in the order of training: first those that need root arms only, then those that need these, and so on."""
        trained = {name for name, _ in self.root_arms()}
        generations: list[list[tuple[str, ForkArm]]] = []
        behind = {name: arm.behind(self.arms) for name, arm in self.fork_arms()}
        while ready := [(name, arm) for name, arm in self.fork_arms() if name not in trained and behind[name] <= trained]:
            trained |= {name for name, _ in ready}
            generations.append(ready)
        return generations

    def run_counts(self) -> dict[str, int]:
        """The largest number of runs that each arm can have, without making them."""
        counts = {name: arm.run_count() for name, arm in self.seeded_arms()}
        for generation in self.generations():
            counts |= {name: arm.point_count() * counts[arm.fork] for name, arm in generation}
        return counts

    def asked_claims(self) -> tuple[Claim, ...]:
        """The claims that are for the organism of the study; the others are not judged."""
        return tuple(claim for claim in self.claims if claim.is_for(self.organism))

    def on_organism(self, name: OrganismName) -> "Study":
        """The study on an organism. Set the organism first, then the profile, whose changes are made on top.

        Raises:
            InputError: the study does not say how to set it on this organism, makes a primary claim that is not for it, or is to keep
                an arm that it has not.
        """
        if name == self.organism:
            return self
        if name not in self.organisms:
            possible = ", ".join([*([self.organism] if self.organism else []), *self.organisms])
            choice = f"choose one of {possible}" if possible else "run it without --organism, or give it `organisms`"
            raise InputError(f"study '{self.name}' cannot be set on organism {name}; {choice}.")
        changes = self.organisms[name]
        moved = self._keeping(changes.arms) | {"organism": name, "organisms": {}}
        return Study.parse(moved, f"study {self.name}")._changed_by(changes)

    def at_profile(self, name: ProfileName) -> "Study":
        """The study at one of its profiles.

        Raises:
            InputError: the study has no such profile.
        """
        if name == "stated":
            return self
        if name not in self.profiles:
            have = ", ".join(f"--{known}" for known in self.profiles) or "none"
            raise InputError(f"study '{self.name}' has no {name} profile; it has: {have}.")
        profile = self.profiles[name]
        changed = Study.parse(self._keeping(profile.arms), f"study {self.name}")._changed_by(profile)
        return changed._on_pilot_seeds(name) if profile.pilot else changed.model_copy(update={"profile": name, "pilot": False})

    def _keeping(self, names: Collection[str]) -> Plain:
        check_kept_arms(self.arms, names)
        plain = self.model_dump(mode="json")
        return kept_parts(plain, self.claims, self.figures, names) if names else plain

    def _changed_by(self, profile: Profile) -> "Study":
        return self.with_assignments(profile.assign).with_seeds(profile.seeds)

    def with_seeds(self, seeds: int | None) -> "Study":
        """The same study with another number of seeds in every arm that has seeds of its own; None keeps each arm's own."""
        if seeds is None:
            return self
        plain = self.model_dump(mode="json")
        for name, _ in self.seeded_arms():
            plain["arms"][name]["seeds"] = seeds
        return Study.parse(plain, f"study {self.name}")

    def with_seeds_of(self, counts: Mapping[str, int]) -> "Study":
        """The same study with more seeds in some arms that have seeds of their own.

        Args:
            counts: arm -> number of its seeds, at least as many as it has.
        """
        plain = self.model_dump(mode="json")
        for name, arm in self.seeded_arms():
            if name in counts:
                plain["arms"][name]["seeds"] = arm.with_seeds(counts[name]).seeds
        return Study.parse(plain, f"study {self.name}")

    def roots_of(self, names: Collection[str]) -> set[str]:
        """The arms with seeds of their own from which some arms descend, and those from which the donors of their edits descend."""
        roots: set[str] = set()
        for name in names:
            arm = self.arms[name]
            roots |= self.roots_of(arm.behind(self.arms)) if isinstance(arm, ForkArm) else {name}
        return roots

    def _on_pilot_seeds(self, profile: ProfileName) -> "Study":
        """The study as a pilot: seeds and data seeds below 1000 are moved up by 1000, so that no run is shared with the study."""
        plain = self.model_dump(mode="json")
        for name, _ in self.seeded_arms():
            arm = plain["arms"][name]
            fields = ("first_seed", "data_seeds", "first_data_seed", *(["seeds"] if isinstance(arm["seeds"], list) else []))
            arm |= {field: _pilot_seeds(arm[field]) for field in fields if arm.get(field) is not None}
        return Study.parse(plain | {"profile": profile, "pilot": True}, f"study {self.name}")

    def with_name(self, name: str) -> "Study":
        """The same study under another name."""
        return Study.parse({**self.model_dump(mode="json"), "name": name}, f"study {name}")

    def with_assignments(self, values: Mapping[str, Any]) -> "Study":
        """The study after `--set`: paths from an experiment (`task.p`) reach every root arm, `arms.NAME....` one of them.

        `preset` replaces whole experiments, so it is assigned first, whatever the order.

        Raises:
            InputError: the path is unknown, or its field refuses the value; or the path says what form of the study this is.
        """
        plain = self.model_dump(mode="json")
        for path, value in sorted(values.items(), key=lambda entry: entry[0].rsplit(".", 1)[-1] != "preset"):
            if path in ("pilot", "profile"):
                raise InputError(f"{path} cannot be assigned: a study is a pilot by its profile (--quick), and its verdicts say so.")
            if path == "organism":
                raise InputError("organism cannot be assigned: --organism sets a study on another organism, and its verdicts say so.")
            if path.split(".", 1)[0] in Study.model_fields:
                plain = _assigned(plain, self._whole_path(path, plain), value)
                continue
            for name, _ in self.root_arms():
                plain = _assigned(plain, f"arms.{name}.experiment.{path}", value)
        changed = Study.parse(plain, f"study {self.name}")
        return changed._on_pilot_seeds(self.profile) if self.pilot else changed

    def _whole_path(self, path: str, plain: Any) -> str:
        """A path with `experiment` where it may be left out, and with a claim's number for its id.

        Numbers count in the plain study, as an assignment before this one may have replaced the claims.
        """
        head, _, rest = path.partition(".")
        name, _, field = rest.partition(".")
        claims = plain["claims"] if isinstance(plain["claims"], list) else []
        ids = [claim.get("id") if isinstance(claim, dict) else None for claim in claims]
        if head == "claims" and name in ids:
            return f"claims.{ids.index(name)}{field and '.'}{field}"
        if head == "arms" and name in self.arms and field.split(".", 1)[0] in (*Experiment.model_fields, "preset"):
            return f"arms.{name}.experiment.{field}"
        return path

    def _asks(self, claim: Claim) -> None:
        if claim.primary and not claim.is_for(self.organism):
            raise ValueError(
                f"claim '{claim.id}' is primary and is for {' and '.join(claim.organisms)} only, so the study cannot run on "
                f"{self.organism}; choose another organism, or make the claim exploratory"
            )

    def _series_are_recorded(self) -> None:
        axes = {name: dims for _, arm in self.theory_arms() for name, dims in type(arm.theory).series.items()}
        axes |= {measure.name: measure.dims for measure in self.observation.measures}
        scalar = [name for name, dims in axes.items() if not dims]
        for who, name, takes_axes in self._series_read():
            if name not in axes:
                raise ValueError(f"{who} needs series '{name}', which no measure records; {nearest(name, axes)}")
            if axes[name] and not takes_axes:
                several = f"which has several numbers at a step (one for each {' and '.join(axes[name])})"
                raise ValueError(f"{who} needs one number at a step, and names series '{name}', {several}; {nearest(name, scalar)}")
        for figure in self.figures:
            if flaw := next(filter(None, (figure.axes_flaw(axes[name]) for name in figure.series)), ""):
                raise ValueError(f"figure '{figure.title}': {flaw}")

    def _series_read(self) -> Iterator[tuple[str, str, bool]]:
        """Who reads a series, its name, and whether the reader may take several numbers at a step, as a user's own statistic may."""

        def of(who: str, statistic: Statistic) -> Iterator[tuple[str, str, bool]]:
            own, with_axes = is_own(type(statistic)), statistic.reads_with_axes()
            yield from ((who, name, own or name in with_axes) for name in statistic.reads())

        for claim in self.claims:
            for statistic in claim.statistics():
                yield from of(f"claim '{claim.id}'", statistic)
        for figure in self.figures:
            yield from ((f"figure '{figure.title}'", name, figure.form != "curves") for name in figure.series)
            yield from ((f"figure '{figure.title}'", name, False) for name in [figure.null_band] if name and name not in self.arms)
            for quantity in figure.quantities:
                yield from of(f"figure '{figure.title}'", quantity)
        for name, arm in self.fork_arms():
            for moment in arm.moments():
                yield from ((f"arm '{name}', moment {moment},", series, False) for series in series_in(moment))

    def _compares_forks(self, figure: Figure) -> None:
        for quantity in figure.quantities:
            for name in figure.arms if quantity.of_forks else ():
                if not isinstance(self.arms[name], ForkArm):
                    raise ValueError(f"figure '{figure.title}' shows {quantity.kind} of arm '{name}', which is no fork")

    def _known_arm(self, name: str, where: str) -> None:
        if name not in self.arms:
            raise ValueError(f"{where} names arm '{name}'; {nearest(name, self.arms)}")

    def _has_root(self, name: str) -> None:
        lineage, arm = [name], self.arms[name]
        while isinstance(arm, ForkArm):
            self._known_arm(arm.fork, f"arm '{lineage[-1]}'")
            if arm.fork in lineage:
                raise ValueError(f"arm '{name}' is forked from itself: {' <- '.join([*lineage, arm.fork])}")
            lineage.append(arm.fork)
            arm = self.arms[arm.fork]
        if isinstance(arm, TheoryArm):
            raise ValueError(
                f"arm '{name}' descends from '{lineage[-1]}', a theory, which has no weights to go on from; fork a root arm"
            )


def _pilot_seeds(seeds: Any) -> Any:
    if isinstance(seeds, list):
        return [_pilot_seeds(seed) for seed in seeds]
    return seeds + FIRST_PILOT_SEED if seeds < FIRST_PILOT_SEED else seeds


def _points(arm: Any) -> int:
    """Number of combinations of the values that an arm sweeps, as far as they can be counted before validation."""
    sweep = arm.get("sweep") if isinstance(arm, Mapping) else getattr(arm, "sweep", None)
    values = sweep.values() if isinstance(sweep, Mapping) else ()
    return prod(len(each) for each in values if isinstance(each, list | tuple))


def _assigned(plain: Any, path: str, value: Any) -> Any:
    whole, _, last = path.rpartition(".")
    if last == "preset" and whole.endswith(".experiment"):
        return with_path(plain, whole, Experiment.parse({"preset": value}, path).model_dump(mode="json"))
    return with_path(plain, path, value)
