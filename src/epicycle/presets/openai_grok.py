"""OG: the first grokking paper (Power et al., arXiv 2201.02177), with the network, batches and loss of its code openai/grok."""

from epicycle.literature.texts import POWER
from epicycle.models.transformer.model import Transformer
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.preset import Citation, Preset, Published
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.losses import CrossEntropy
from epicycle.training.optimisers import AdamW

EXPERIMENT = Experiment(
    task=Modular(p=97, operation="x/y", form="eos x o y = z eos"),
    split=Split(frac_train=0.5),
    model=Transformer(
        n_layers=2,
        d_model=128,
        n_heads=4,
        d_head=32,
        d_mlp=512,
        act_fn="relu",
        norm="post",
        norm_kind="layer",
        final_norm=False,
        biases=(),
        positions="sinusoidal",
        causal=True,
        d_vocab_out="tokens",
        dropout=None,
        initialisation="torch",
    ),
    training=Training(
        optimiser=AdamW(lr=1e-3, weight_decay=1.0, betas=(0.9, 0.98), eps=1e-8),
        loss=CrossEntropy(precision="float32"),
        batch_size=512,
        replacement=False,
        warmup=10,
        schedule="constant",
        steps=100_000,
    ),
)

PRESET = Preset(
    name="OG",
    title="openai/grok: x / y mod 97, two layers, post-norm, loss over the answer and the end of the row",
    papers=(POWER,),
    code="openai/grok",
    experiment=EXPERIMENT,
    where=(
        Citation(
            paths=("task.kind", "task.p", "task.operation", "split"),
            source="paper, Figure 1 left (division mod 97, 50 % of the data) and appendix A.1.1",
        ),
        Citation(
            paths=("task.form",),
            source="grok/data.py, make_data: EOS + equation + EOS; grok/training.py, _step: loss and accuracy over all that "
            "follows '='",
        ),
        Citation(
            paths=("model.n_layers", "model.d_model", "model.n_heads", "model.dropout"),
            source="paper, appendix A.1.2; grok/training.py, add_model_specific_args",
        ),
        Citation(
            paths=("model.kind", "model.d_head", "model.d_mlp", "model.act_fn", "model.biases", "model.d_vocab_out"),
            source="grok/transformer.py, AttentionHead, FFN (multiplier 4, ReLU), Transformer.linear: no Linear has a bias",
        ),
        Citation(
            paths=("model.norm", "model.norm_kind", "model.final_norm"),
            source="grok/transformer.py, DecoderBlock.forward: self_attn_norm(x + a1), ffn_norm(a1 + a2); nothing after the last "
            "block",
        ),
        Citation(paths=("model.positions", "model.causal"), source="grok/transformer.py, _position_encoding and make_mask"),
        Citation(
            paths=("model.initialisation",),
            source="grok/transformer.py: nothing is initialised by hand; every head has Linear layers of its own, with fan-in d_model",
        ),
        Citation(
            paths=("training.optimiser.lr", "training.optimiser.weight_decay", "training.optimiser.betas", "training.steps"),
            source="paper, appendix A.1.2: AdamW with 1e-3, weight decay 1, betas 0.9 and 0.98, 1e5 updates",
        ),
        Citation(
            paths=("training.optimiser.kind", "training.optimiser.eps"),
            source="grok/training.py, CustomAdamW ('to_zero': p *= 1 - lr wd, for every parameter) and configure_optimizers",
        ),
        Citation(
            paths=("training.batch_size", "training.replacement"),
            source="paper, appendix A.1.2; grok/data.py, calculate_batchsize: min(512, ceil(n / 2)), reshuffled each pass, last "
            "one short",
        ),
        Citation(
            paths=("training.warmup", "training.schedule"),
            source="grok/training.py, _scheduler_lr: step / 10 up to step 10, then constant (anneal_lr is off)",
        ),
        Citation(paths=("training.loss",), source="grok/training.py, _step: F.cross_entropy on float32 logits"),
    ),
    disagreements=(
        "Weight decay is 1 in the paper and 0 by default in the code. This preset takes 1.",
        "The train fraction is 0.05 by default in the code. This preset takes 0.5 from the paper's Figure 1. The default "
        "operation is '+'.",
        "Figure 1 left goes to 1e6 updates and, as re-implementations read section 3.1, has no decay. Appendix A.1.2 gives "
        "another setting, for most experiments. This preset takes the appendix.",
        "The paper says 'loss and accuracy only on the answer part'. The code also counts the token after the answer.",
        "The paper says 'a fraction chosen at random for each training run'. The code shuffles with seed 0 whatever the run's "
        "seed is, so all runs share one split and the splits of different fractions are nested.",
        "S5 products are c[i] = y[x[i]] in the code: the first factor is applied first.",
    ),
    differs_here=(
        "The code has one vocabulary of 239 tokens for all tasks, of which 100 occur in this one. The embeddings of the other "
        "139 only decay, and these tokens are wrong answers of the softmax.",
        "The code lists the rows of x / y by quotient and divisor, so its split of seed 0 has other rows.",
    ),
    published=(
        Published(
            what="number of parameters without embedding and unembedding", value="394,240", source="counted from grok/transformer.py"
        ),
        Published(
            what="train accuracy near 1",
            value="before 1e3 updates; validation accuracy leaves chance near 1e5 and is near 1 at 1e6",
            source="paper, section 3.1 and Figure 1 left",
            changes={"training.optimiser.weight_decay": 0.0},
        ),
    ),
)
