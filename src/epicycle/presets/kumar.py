"""KU: modular addition by plain gradient descent without decay, while the norm grows (Kumar et al., arXiv 2310.06110)."""

from epicycle.literature.texts import GROMOV, KUMAR
from epicycle.models.quadratic import Quadratic
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.preset import Citation, Preset, Published
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.losses import MSE
from epicycle.training.optimisers import SGD

EXPERIMENT = Experiment(
    task=Modular(p=23, operation="x+y", form="x y"),
    split=Split(frac_train=0.9),
    model=Quadratic(d_mlp=100, scaling="mean_field", weights="random", init_scale=1.0),
    training=Training(
        optimiser=SGD(lr=100.0, weight_decay=0.0, momentum=0.0),
        loss=MSE(),
        batch_size=None,
        warmup=0,
        schedule="constant",
        steps=50_000,
    ),
)

PRESET = Preset(
    name="KU",
    title="Lazy to rich: x + y mod 23, quadratic MLP of 100 units, gradient descent without decay",
    papers=(KUMAR, GROMOV),
    code="",
    experiment=EXPERIMENT,
    where=(
        Citation(
            paths=("task", "split.frac_train", "model.d_mlp", "training.optimiser", "training.loss"),
            source="paper, appendix 8.3: p = 23, 90 %, N = 100, concatenated one-hot operands, MSE, vanilla gradient descent, lr "
            "100, no decay",
        ),
        Citation(paths=("split.kind",), source="not stated; a random split"),
        Citation(
            paths=("model.kind", "model.scaling", "model.weights", "model.init_scale"),
            source="not stated in what was read; the paper says that it agrees with Gromov (arXiv 2301.02679), whose network this is",
        ),
        Citation(
            paths=("training.batch_size", "training.warmup", "training.schedule"),
            source="paper, appendix 8.3: vanilla gradient descent",
        ),
        Citation(
            paths=("training.steps",),
            source="not stated in what was read; chosen here, as two seeds of this network memorised at about 20,000 and "
            "generalised at 25,000 and 27,500",
        ),
    ),
    differs_here=(
        "This is a reconstruction: the parts of the paper that were read state neither the activation, nor the scaling of the "
        "output, nor the number of steps, and no code was available.",
        "The output of the paper's network may be alpha (f - f at the start). Here it is f.",
    ),
    published=(
        Published(
            what="norm of all parameters",
            value="larger when the network generalises than when it memorises",
            source="paper, appendix 8.3",
        ),
    ),
)
