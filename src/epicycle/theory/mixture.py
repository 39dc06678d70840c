"""Many skills, each learned suddenly, and what their sum shows; memory comes in between.

Nanda and Lieberum guess that smooth curves are many sudden ones on top of each other. A reader (ESRogs) answers that then the test
loss should never rise, and finds a reason why it does: the times at which patterns are learned spread widely, those at which rows are
memorised narrowly, so memory overtakes the patterns and is overtaken again. No formula is given. This model is the simplest that has
all of these parts.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from epicycle.spec.families import Simulated, Theory
from epicycle.spec.limits import MOST_STEPS
from epicycle.theory.seeded import normal, recorded_steps, streams


class Mixture(Theory):
    """Skills that are learned at different times, and rows that are memorised meanwhile.

    Each question belongs to one of `n_skills` skills, and all skills have equally many. Skill k is learned at a step T of its own: its
    share of right questions at step t is t^(1/width) / (t^(1/width) + T^(1/width)), a logistic curve in ln t. The logarithms of the T
    are normal with mean ln(skill_time) and standard deviation `skill_spread`. The logarithms of the steps at which trained rows are
    memorised are normal with mean ln(mem_time) and standard deviation `mem_spread`.

    A trained question is right if its skill is learned or its row memorised. Of the held-out questions whose skill is learned, memory
    spoils the share `interference` of those whose like is memorised.

    `skills_learned` and `memorised` are the shares that are learned and memorised; `one_skill_acc` is the accuracy on the first skill.

    Attributes:
        n_skills: number of skills.
        skill_time: step at which half of the skills are learned.
        skill_spread: standard deviation of the logarithm of the steps at which skills are learned.
        width: width of a skill's curve in ln t. From a tenth to nine tenths of a skill is 4.4 widths.
        mem_time: step at which half of the trained rows are memorised.
        mem_spread: standard deviation of the logarithm of the steps at which rows are memorised.
        interference: share of what is learned that memory spoils on held-out questions.
        steps: last step.
        spread: how much of the spread of skills is drawn anew for each seed. With 1 all of it is chance. With 0 the steps stand at
            equal distances in probability, and every seed has the same curve.
    """

    kind: ClassVar[str] = "mixture"
    series: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **dict.fromkeys(("train_acc", "test_acc", "one_skill_acc", "skills_learned", "memorised"), ()),
        "skill_acc": ("skill",),
    }

    n_skills: int = Field(20, ge=1, le=1000)
    skill_time: float = Field(1000.0, gt=0, le=1e9)
    skill_spread: float = Field(1.5, ge=0, le=20)
    width: float = Field(0.1, gt=0, le=10)
    mem_time: float = Field(300.0, gt=0, le=1e9)
    mem_spread: float = Field(0.3, gt=0, le=20)
    interference: float = Field(0.0, ge=0, le=1)
    steps: int = Field(100_000, ge=1, le=MOST_STEPS)
    spread: float = Field(1.0, ge=0, le=1)

    @property
    def last_step(self) -> int:
        """The last step."""
        return self.steps

    def simulate(self, seeds: Sequence[int]) -> Simulated:
        """All curves in closed form."""
        from scipy import special  # takes most of a second to load

        steps = recorded_steps(self.steps)
        ln_step = np.log(np.maximum(steps, 1e-9))[:, None]  # step 0 is before everything
        skills = special.expit((ln_step - self._ln_times(seeds)[:, None, :]) / self.width)
        memorised = special.ndtr((ln_step[:, 0] - np.log(self.mem_time)) / self.mem_spread)
        spoiled = 1 - self.interference * memorised
        learned = skills.mean(axis=-1)
        series = {
            "train_acc": 1 - (1 - memorised) * (1 - learned),
            "test_acc": spoiled * learned,
            "one_skill_acc": spoiled * skills[..., 0],
            "skills_learned": learned,
            "memorised": memorised + np.zeros_like(learned),
            "skill_acc": spoiled[:, None] * skills,
        }
        return Simulated(steps, series, {"skill": [str(skill) for skill in range(self.n_skills)]})

    def _ln_times(self, seeds: Sequence[int]) -> Float[ndarray, "run skill"]:
        """The logarithms of the steps at which skills are learned."""
        from scipy import special

        drawn = normal(streams(seeds), self.n_skills)
        even = special.ndtri((np.arange(self.n_skills) + 0.5) / self.n_skills)
        # Both parts have variance 1 in the limit of many skills, and so has their sum.
        z = self.spread * drawn + np.sqrt(1 - self.spread**2) * even
        return np.log(self.skill_time) + self.skill_spread * z
