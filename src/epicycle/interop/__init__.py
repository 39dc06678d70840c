"""Exchange with other tools: weights and training curves come in, runs go out. A reader executes nothing that a file contains."""
