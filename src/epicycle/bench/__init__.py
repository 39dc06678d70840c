"""How fast training is on this machine, against its matrix products alone and against a plain PyTorch loop."""
