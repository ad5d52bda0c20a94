"""The site, which `.ci/run docs` builds without a warning."""

project = "assetsync"
author = "the authors of assetsync"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "assetsync"
html_copy_source = False
exclude_patterns = ["ci", "example", "examples"]
myst_heading_anchors = 3
# Transcripts are no Python sessions, and outputs hold what a lexer stumbles over.
highlight_language = "text"
nitpicky = True
