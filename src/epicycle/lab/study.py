"""Runs a study: its arms become runs, the runs are trained, forks follow by generation, and the claims are judged.

xarray (and pandas under it) is loaded when there are results to read: training starts half a second sooner.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from epicycle.claims.several_claims import judge_together
from epicycle.claims.verdict import Verdict, judge
from epicycle.claims.verdicts_document import verdicts_document
from epicycle.events.standard import event_steps
from epicycle.events.stops import ends_of
from epicycle.lab.edit_checks import refuse_edits_that_fail
from epicycle.lab.fork_starts import ForkStarts
from epicycle.lab.forks import DonorFinder, ForkRequest, donor_finder, forked
from epicycle.lab.looks import arms_before_a_look, with_needs_after_looks
from epicycle.lab.missing_runs import train_runs
from epicycle.lab.registration import Registration, post_hoc, record_look, register
from epicycle.lab.session import Session
from epicycle.lab.simulations import simulate_runs
from epicycle.lab.study_checks import refuse_mistakes
from epicycle.spec.arms import ArmRun, ArmSimulation, ForkArm
from epicycle.spec.errors import InputError, NoRuns
from epicycle.spec.identity import digest, identity
from epicycle.spec.plain_data import Plain
from epicycle.spec.precision import asked_precision
from epicycle.spec.study import Study
from epicycle.store.atomic import write_json, write_yaml, writing
from epicycle.store.catalogue import Catalogue
from epicycle.store.cohort_members import MemberRecord
from epicycle.store.files import Root, StudyFiles
from epicycle.store.studies import document, provenance
from epicycle.store.study_listing import ListedArm, StudyRuns
from epicycle.training.devices import start

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True)
class Outcome:
    """A judged study.

    Attributes:
        verdicts: the verdicts on the claims that are for the study's organism.
        trained: runs trained or continued; 0 when all were there already.
        seconds: how long it took.
    """

    root: Root
    files: StudyFiles
    verdicts: tuple[Verdict, ...]
    trained: int
    seconds: float

    def document(self) -> Plain:
        """What `--json` prints."""
        return document(self.root, self.files, self.seconds)


def run_study(study: Study, session: Session, command: str = "", before: Outcome | None = None) -> Outcome:
    """Train what is missing, judge the claims, and write the study's folder. The page itself is written by `report.page`.

    Args:
        session: its observation is replaced by the study's.
        command: what the user typed, for the record.
        before: what the same command did to the study with fewer seeds; its runs and its time are added.

    Raises:
        InputError: the study cannot be run as it stands. Its mistakes are found before anything is written or trained.
        Interrupted: the session was interrupted; everything up to here is kept.
    """
    began = time.perf_counter()
    foreseen, catalogue = refuse_mistakes(study), Catalogue(session.root)
    walk = _Walk(study, session.observing(study.observation))
    if any(run.id not in catalogue.places for arm in walk.runs.values() for _, run in arm):  # otherwise there may be nothing to train
        start()
        refuse_edits_that_fail(study, foreseen)
    files = session.root.study(study.name, study_id(study))
    files.create()
    with writing(files.lock):
        register(study, files, {**walk.runs, **walk.simulations}, catalogue)
        write_yaml(files.spec, study.model_dump(mode="json"))
        if not files.runs.exists():  # a listing that exists belongs to the verdicts that exist
            listing = {name: ListedArm.of(runs, study.swept(name)) for name, runs in walk.runs.items()}
            write_json(files.runs, StudyRuns(listing | walk.simulated_listing()).plain())
    walk.train()
    session.go_on()
    with writing(files.lock):
        write_json(files.runs, walk.listing().plain())
        verdicts = _judged(study, files, walk)
        write_json(files.verdicts, _document(study, files, walk, verdicts))
        trained, seconds = walk.trained, time.perf_counter() - began
        if before:
            trained, seconds = trained + before.trained, seconds + before.seconds
        if walk.trained or not files.provenance.exists():
            write_json(files.provenance, provenance(command or f"epicycle run {study.name}", seconds, trained))
    session.go_on()
    return Outcome(session.root, files, tuple(verdicts), trained, seconds)


def train_study(study: Study, session: Session) -> int:
    """Train what is missing of a study, and record what its session's observation asks for. Nothing is judged.

    Returns:
        Runs trained or continued.

    Raises:
        InputError: the study cannot be run as it stands.
        Interrupted: the session was interrupted; everything up to here is kept.
    """
    refuse_mistakes(study)
    walk = _Walk(study, session)
    walk.train()
    return walk.trained


def study_id(study: Study) -> str:
    """Names a study at a setting: its experiments, organism and profile. Seeds and claims may grow inside one folder."""
    arms = {}
    for name, arm in study.root_arms():
        arms[name] = {key: value for key, value in identity(arm).items() if key not in ("seeds", "first_seed")}
        # Budgets and stops are outside a run's identity, but verdicts depend on them.
        arms[name]["ends"] = [e.training.model_dump(mode="json", include={"steps", "stop"}) for _, e in arm.experiments()]
    for name, theory_arm in study.theory_arms():
        arms[name] = {key: value for key, value in identity(theory_arm).items() if key not in ("seeds", "first_seed")}
    forks = {name: identity(arm) for name, arm in study.arms.items() if isinstance(arm, ForkArm)}
    precision = {} if asked_precision() == "float32" else {"precision": asked_precision()}  # a folder for each, as runs differ
    organism = {"organism": study.organism} if study.organism else {}
    return digest({"name": study.name, "profile": study.profile, **organism, "arms": arms | forks, **precision})


@dataclass(frozen=True)
class _TrainedArm:
    """An arm whose runs are trained.

    Attributes:
        listing: its runs, each with its own end.
        data: what was recorded of them, each up to its own end.
    """

    listing: ListedArm
    data: xarray.Dataset


@dataclass
class _Walk:
    """The way through a study: theory arms, then root arms, then forks by generation. Every arm is listed and read once.

    Attributes:
        runs: the runs of each arm with networks, as far as they are known.
        simulations: the runs of each theory arm.
        arms: the arms that are trained or simulated.
        without: for each fork arm, labels of the parents in which its moment has not come.
        left_out: arms that have no runs, with the reason.
        trained: runs trained, continued or simulated.
    """

    study: Study
    session: Session
    runs: dict[str, list[ArmRun]] = field(init=False)
    simulations: dict[str, list[ArmSimulation]] = field(init=False)
    arms: dict[str, _TrainedArm] = field(default_factory=dict)
    without: dict[str, list[str]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    trained: int = 0

    def __post_init__(self) -> None:
        self.runs = {name: list(arm.runs()) for name, arm in self.study.root_arms()}
        self.simulations = self.study.simulations()

    def train(self) -> None:
        """Train all arms.

        Raises:
            InputError: every fork arm would be left out.
        """
        if self.simulations:
            self.trained = simulate_runs([run for arm in self.simulations.values() for _, run in arm], self.session)
            self._read_simulations()
        self.trained += train_runs([run for arm in self.runs.values() for _, run in arm], self.session)
        self._read(self.runs)
        for generation in self.study.generations():
            self._train_generation(generation)
        if self.left_out and not self.without:
            name, reason = next(iter(self.left_out.items()))
            raise InputError(f"arms.{name}: {reason}")

    def listing(self) -> StudyRuns:
        """The runs of all arms, in the order in which the arms were trained."""
        return StudyRuns({name: arm.listing for name, arm in self.arms.items()}, self.left_out)

    def simulated_listing(self) -> dict[str, ListedArm]:
        """The runs of the theory arms."""
        return {name: ListedArm.simulated(runs, self.study.swept(name)) for name, runs in self.simulations.items()}

    def _train_generation(self, generation: list[tuple[str, ForkArm]]) -> None:
        family = {run.id: run for arm in self.runs.values() for _, run in arm}
        find_donor = donor_finder(self.session.root, {name: [run for _, run in arm] for name, arm in self.runs.items()})
        for name, arm in generation:
            if lost := sorted(arm.behind(self.study.arms) - self.runs.keys()):
                self.left_out[name] = f"arm {', '.join(lost)} has no runs"
                continue
            try:
                self.runs[name], self.without[name] = self._forks(arm, find_donor)
            except NoRuns as error:  # the other arms are judged all the same
                self.left_out[name] = str(error)
            except InputError as error:
                raise InputError(f"arms.{name}: {error}") from None
        born = [name for name, _ in generation if name in self.runs]
        forks = [run for name in born for _, run in self.runs[name]]
        self.trained += train_runs(forks, self.session, ForkStarts(self.session, family))
        self._read(born)

    def _forks(self, arm: ForkArm, find_donor: DonorFinder) -> tuple[list[ArmRun], list[str]]:
        """The runs of a fork arm over its sweep, and the parents in which the moment has not come."""
        parents, data = self.runs[arm.fork], self.arms[arm.fork].data
        values_of = {run.id: values for values, run in parents}
        runs: list[ArmRun] = []
        without: list[str] = []
        no_runs: NoRuns | None = None
        for values, variant in arm.points():
            request = ForkRequest(variant.at, variant.edits, variant.steps)
            try:
                forks = forked([run for _, run in parents], data, request, find_donor)
            except NoRuns as error:
                no_runs = error
                point = ", ".join(f"{name} = {value}" for name, value in values.items())
                without += [f"{label} ({point})" for label in error.without]
                continue
            runs += [ArmRun({**values_of[run.lineage.parent], **values}, run) for run in forks.runs if run.lineage]
            without += [label for label in forks.without if label not in without]
        if not runs and no_runs:
            raise no_runs
        return runs, without

    def _read_simulations(self) -> None:
        """List and read the theory arms."""
        from epicycle.store.reading import ArmReader

        reader = ArmReader(self.session.root)
        self.arms |= {name: _TrainedArm(listing, reader.dataset(listing)) for name, listing in self.simulated_listing().items()}

    def _read(self, names: Iterable[str]) -> None:
        """List and read arms that have just been trained."""
        from epicycle.store.reading import ArmReader

        reader = ArmReader(self.session.root)
        for name in names:
            runs, swept = self.runs[name], self.study.swept(name)
            whole = reader.dataset(ListedArm.of(runs, swept))
            ends = ends_of(whole, [run.experiment.training for _, run in runs])
            listing = ListedArm.of(runs, swept, ends, self.without.get(name))
            self.arms[name] = _TrainedArm(listing, reader.dataset(listing))


def _judged(study: Study, files: StudyFiles, walk: _Walk) -> list[Verdict]:
    """The verdicts, which are written down as a look. Those of a pilot, which are not weighed, are judged one by one."""
    arms, claims = {name: arm.data for name, arm in walk.arms.items()}, study.asked_claims()
    before = arms_before_a_look(study, arms, Registration.of(files))
    verdicts = [judge(claim, arms) for claim in claims] if study.pilot else judge_together(claims, arms, before)
    return with_needs_after_looks(study, verdicts, record_look(study, files, verdicts))


def _document(study: Study, files: StudyFiles, walk: _Walk, judged: list[Verdict]) -> Plain:
    """The verdicts document: the same data and the same looks give the same document."""
    arms, catalogue = {name: arm.data for name, arm in walk.arms.items()}, Catalogue(walk.session.root)
    write_json(files.events, {name: event_steps(data) for name, data in arms.items()})
    registration = Registration.of(files)
    header = {"study": study.name, "question": study.question, "organism": study.organism, "profile": study.profile}
    leakage = {name: _leakage([catalogue.member(run.run) for run in arm.listing.runs]) for name, arm in walk.arms.items()}
    verdicts = verdicts_document(header | {"pilot": study.pilot}, judged, arms, leakage, post_hoc(study, registration))
    for claim, verdict in zip(verdicts["claims"], judged, strict=True):
        claim["looks"] = [{"n": seen.n, "verdict": seen.verdict} for seen in registration.history(verdict.claim)]
    for name, arm in walk.arms.items():
        verdicts["arms"][name]["without"] = list(arm.listing.without or ())
    not_asked = [claim.id for claim in study.claims if claim not in study.asked_claims()]
    return verdicts | {"not_asked": not_asked, "left_out": walk.left_out}


def _leakage(members: list[MemberRecord]) -> Mapping[str, Any]:
    """For each symmetry, the share of test rows whose image is trained on, averaged over runs; None where no row is held out."""
    summary = {}
    for name, leak in members[0].leakage.items():
        shares = [member.leakage[name].share_of_test_rows_seen for member in members if name in member.leakage]
        known = [share for share in shares if share is not None]
        summary[name] = {"seen": sum(known) / len(known) if known else None, "label": leak.label}
    return summary
