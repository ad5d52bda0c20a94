"""Pictures of the program's output: real runs, with the colours of a terminal, as SVG."""

from __future__ import annotations

import html
import io
import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME, TerminalTheme
from rich.text import Text

from assetsync.cli.fitting import broken
from tests.docs.transcript import environ, stable

COLUMNS = 96

# A project with something of each kind: new, changed, moved to a new major, not here.
_SETUP = r"""
set -e
git init -q app
cd app
mkdir -p models/tokenizer data
seq 1 200000 > models/sentiment.bin
seq 1 30000 > models/tokenizer/vocab.txt
echo '{"lowercase": true}' > models/tokenizer/config.json
seq 1 9000 > data/stopwords.txt
cat > assets.yaml <<'END'
store: ../store
assets:
  nlp/sentiment: models/sentiment.bin
  nlp/tokenizer:
    path: models/tokenizer
    version: "0"
  nlp/stopwords: data/stopwords.txt
END
git add assets.yaml
git commit -qm "Declare assets"
assetsync apply --yes --commit -q --message "First training"
sed -i.bak 's/true/false/' models/tokenizer/config.json && rm models/tokenizer/*.bak
assetsync apply --yes --commit -q --message "Keep upper case"
seq 1 210000 > models/sentiment.bin
echo '[]' > models/tokenizer/merges.json
sed -i.bak 's/version: "0"/version: "1"/' assets.yaml && rm assets.yaml.bak
echo '  nlp/embeddings: data/embeddings.npy' >> assets.yaml
seq 1 500000 > data/embeddings.npy
rm data/stopwords.txt
"""

# In this order, because the last two change what they show. Each of them also exits with what it found.
COMMANDS = {
    "plan": "assetsync plan",
    "status": "assetsync status",
    "list": "assetsync list --long",
    "log": "assetsync log nlp/tokenizer",
    "diff": "assetsync diff nlp/tokenizer ./models/tokenizer",
    "check": "assetsync check --content",
    "apply": "assetsync apply --yes",
    "sync": "assetsync sync --yes",
}
THEMES = {"": SVG_EXPORT_THEME, "-light": DEFAULT_TERMINAL_THEME}
PICTURES = [f"{name}{theme}" for name in COMMANDS for theme in THEMES]


def picture(name: str, before: str) -> str:
    """The SVG called `name`: a command on a dark terminal or, with `-light`, on a light one.

    `before` when that shows the same already, but for dates and times.
    """
    command, light, _ = name.partition("-light")
    after = _svg(COMMANDS[command], _outputs()[command], THEMES[light])
    return before if stable(_words(before)) == stable(_words(after)) else after


@cache
def _outputs() -> dict[str, str]:
    """What each command prints in the project, run one after the other."""
    with tempfile.TemporaryDirectory(prefix="assetsync-docs-") as scratch:
        run = (
            _SETUP + "set +e\n" + "".join(f"{line} --color always 2>&1; printf '\x1e'\n" for line in COMMANDS.values())
        )
        variables = environ(Path(scratch, "home"), Path(scratch, "bin"))
        done = subprocess.run(
            ["bash", "-c", run], cwd=scratch, env=variables, capture_output=True, text=True, check=True
        )
    return dict(zip(COMMANDS, done.stdout.split("\x1e"), strict=False))


def _svg(command: str, output: str, theme: TerminalTheme) -> str:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.assemble(("$ ", "bold"), command))
    lines = [part for line in output.rstrip("\n").split("\n") for part in broken(line, COLUMNS)]
    console.print(Text.from_ansi("\n".join(lines)), soft_wrap=True)
    svg = console.export_svg(title="", unique_id="assetsync", theme=theme)
    # Nothing is loaded from elsewhere: a reader's own monospace font will do.
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code,", "")
    return "".join(line.rstrip() + "\n" for line in svg.splitlines())


def _words(svg: str) -> str:
    """What a picture says, and in which styles: the drawing around it is a matter of the library that draws."""
    written = re.findall(r'class="assetsync-(r\d+)"[^>]*>([^<]*)<', html.unescape(svg).replace("\xa0", " "))
    return "\n".join(f"{style}\n{text}" for style, text in written)
