"""The command line. The only place that prints, prompts, exits or reads the environment."""
