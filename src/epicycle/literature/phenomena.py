"""The phenomena that claims are about, each as a question in plain words. In the ledger the claims of one phenomenon share one vote.

A claim of a user's own may name any other phenomenon, by the words that its heading shall have.
"""

# Name in a claim -> heading, in the order of the ledger's page.
PHENOMENA: dict[str, str] = {
    "delay": "Do networks memorise first and generalise much later?",
    "rise": "How long does the rise of accuracy take?",
    "two-at-once": "Do memory and the general algorithm grow at the same time?",
    "hidden-progress": "Do measures of the circuit show progress before accuracy does?",
    "fourier-circuit": "What does the general circuit of sums look like inside?",
    "forces": "What pushes the general algorithm and memory, the loss or weight decay?",
    "path": "Does a network wander at random before it generalises, and rest afterwards?",
    "losses": "What do the losses do before accuracy rises?",
    "mirror": "Are mirrored pairs what looks like early generalisation?",
    "boost": "Does a higher learning rate bring generalisation sooner?",
    "boost-moment": "Does the task or the moment decide what a higher learning rate does?",
    "stable-rate": "Is the usual learning rate the largest stable one?",
    "after-a-boost": "What happens right after the learning rate is raised?",
    "annealing": "Does it help to lower the learning rate?",
    "critical-size": "Is there a critical data size?",
    "semi-grokking": "Does a network near the critical data size end half-way?",
    "norm": "Do general solutions have the smaller weight norm?",
    "held-norm": "Is it the weight norm that sets the delay, or the scale of the outputs?",
    "regularisation": "Is regularisation needed?",
    "decay": "What does weight decay do?",
    "disruptors": "Do noise, dropout, small batches and smoothing help?",
    "removing-memory": "Does it help to destroy the memory?",
    "resetting-gen": "Must a network that loses the general algorithm start over?",
    "trade": "When does the training loss gain from more of the general algorithm and less memory?",
    "tickets": "Does a lottery ticket of a general network generalise without delay?",
    "known-parts": "Does a part of a trained network take the delay away?",
    "reinforcement": "Are circuits that serve more examples reinforced more?",
    "efficiency": "Does the general circuit give more logit per norm?",
    "power-law": "Do logits grow as a power of the weight norm?",
    "data": "How does the delay depend on the share of training data?",
    "size": "How does grokking depend on the size of the network?",
    "operations": "Which operations generalise?",
    "wrong-labels": "Can a network remember wrong labels and learn the rule at once?",
    "universality": "Do all networks compute a group's products in the same way?",
}
