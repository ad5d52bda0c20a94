"""From what was seen and asked to actions and problems. Pure."""
