"""A preset: a published setting as an experiment, with the source of every number and the published findings."""

from pydantic import Field, model_validator

from epicycle.spec.base import Spec
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import MAX_SEED, Experiment
from epicycle.spec.paths import get_path
from epicycle.spec.plain_data import Plain
from epicycle.spec.study import Source


class Citation(Spec):
    """The source of some fields' values.

    Attributes:
        paths: dotted paths below the experiment; a path covers everything below it.
        source: a section, table or appendix of a paper, or a file and function of a repository.
    """

    paths: tuple[str, ...] = Field(min_length=1)
    source: str


class Published(Spec):
    """A published finding at a preset.

    Attributes:
        what: the event, or the quantity.
        steps: for an event, the earliest and the latest step at which it happened (over seeds, or between two evaluations).
        value: for a quantity, its value.
        source: who found it, and where it is written.
        changes: dotted path -> value, where their setting differed from the preset.
    """

    what: str
    steps: tuple[int, int] | None = None
    value: str = ""
    source: str
    changes: Plain = {}


class Preset(Spec):
    """A setting on which other people's results rest.

    Attributes:
        papers: the texts that describe the setting, or that it replicates.
        code: the repository that was read, owner/name.
        data_seed: the seed with which our split rule gives exactly the published training rows; None where there is no such seed.
        where: the source of every field that the experiment sets.
        disagreements: what paper and code (or two versions of them) state differently, and which of the two is used here.
        differs_here: what the experiment leaves out, or does otherwise than the code.
        published: published findings.
    """

    name: str
    title: str
    papers: tuple[Source, ...]
    code: str
    experiment: Experiment
    data_seed: int | None = Field(None, ge=0, le=MAX_SEED)
    where: tuple[Citation, ...]
    disagreements: tuple[str, ...] = ()
    differs_here: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()

    @model_validator(mode="after")
    def _paths_exist(self) -> "Preset":
        plain = self.experiment.model_dump(mode="json")
        for citation in self.where:
            for path in citation.paths:
                try:
                    get_path(plain, path)
                except InputError as error:
                    raise ValueError(f"preset {self.name}, where: {error}") from None
        return self
