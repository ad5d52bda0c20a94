"""The command line. The only place that prints, prompts, exits or reads the environment."""

import gc

# New objects after which Python looks for cycles among them. By itself it looks every 700, which takes a twentieth of
# the time of a transfer, and of a start, for little: what a command makes lives until it ends, or goes without being
# looked for. Here, because all other modules of a command are imported after this one.
gc.set_threshold(100_000)
