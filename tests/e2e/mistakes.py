"""Mistakes that people make at the command line, and what they are told: the thing, the place, the remedy.

`tests.docs` makes a page of it, and test_mistakes.py types each of them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """`typed` behind `assetsync`, in a repo with two published assets in which `before` was run by a shell.

    `said` stands in the output, whole lines of it; `code` is the exit code.
    """

    typed: str
    said: str
    before: str = ""
    code: int = 64


def _manifest(text: str) -> str:
    """A shell line that puts `text` behind the store in assets.yaml."""
    return f"printf 'store: ../store\\nassets:\\n{text}\\n' > assets.yaml"


MISTAKES: dict[str, tuple[Mistake, ...]] = {
    "A command of another tool": (
        Mistake("push", "error: no such command `push`\nhint: `assetsync apply` publishes what changed here"),
        Mistake(
            "commit",
            "error: no such command `commit`\n"
            "hint: `assetsync apply --commit` publishes what changed here, and commits assets.lock",
        ),
        Mistake(
            "version", "error: no such command `version`\nhint: `assetsync --version` shows the version of assetsync"
        ),
        Mistake("statsu", "error: no such command `statsu`\nhint: did you mean `assetsync status`?"),
        Mistake("checkout", "error: no such command `checkout`\nhint: `assetsync pull` gets what assets.lock names"),
        Mistake(
            "rm nlp/tokenizer",
            "error: no such command `rm`\nhint: `assetsync remove NAME` takes an asset out of assets.yaml",
        ),
        Mistake(
            "history nlp/tokenizer",
            "error: no such command `history`\nhint: `assetsync log NAME` shows the versions of an asset",
        ),
        Mistake("frobnicate", "error: no such command `frobnicate`\nhint: `assetsync --help` lists the commands"),
    ),
    "An option of another tool": (
        Mistake("apply -yes", "error: no such option `-yes`\nhint: `--yes`: Go on without asking"),
        Mistake("apply --auto-approve", "error: no such option `--auto-approve`\nhint: `--yes`: Go on without asking"),
        Mistake(
            "apply --force",
            "error: no such option `--force`\n"
            "hint: `--supersede NAME`: Publish NAME on top of a version that someone else published, or with "
            "the content of an older one",
        ),
        Mistake(
            "pull --force",
            "error: no such option `--force`\n"
            "hint: `--discard-local NAME`: Give up what is at NAME's path for the store's version",
        ),
        Mistake(
            "update models/sentiment.bin nlp/sentiment --force",
            "error: no such option `--force`\nhint: `--force-new-version`: Publish although the content is unchanged",
        ),
        Mistake(
            "apply --dry-run",
            "error: no such option `--dry-run`\nhint: `assetsync plan` shows what would be done, and does none of it",
        ),
        Mistake(
            "plan --target nlp/tokenizer",
            "error: no such option `--target`\nhint: name assets behind the command: `assetsync plan NAME`",
        ),
        Mistake("list --json", "error: no such option `--json`\nhint: `--format text|json|html`"),
        Mistake("plan --ofline", "error: no such option `--ofline`\nhint: did you mean `--offline`?"),
        Mistake("plan --format yaml", "error: `--format`: `yaml` is not one of `text`, `json`, `markdown`"),
        Mistake("plan --limit-rate fast", "error: `--limit-rate`: `fast` is no rate; write it like `20M` or `500K`"),
        Mistake(
            "apply --message",
            "error: option `--message` requires an argument\n"
            "hint: `--message TEXT`: Why: kept with each published version",
        ),
        Mistake(
            "apply -m reason",
            "error: `-m` is the message of a commit: give it with `--commit`\n"
            "hint: `--message TEXT` is kept with the versions themselves",
        ),
        Mistake("lock", "error: give either `--resolve` or `--merge-driver`"),
    ),
    "Arguments": (
        Mistake(
            "update nlp/sentiment models/sentiment.bin",
            "error: `nlp/sentiment` does not exist, and `models/sentiment.bin` does: the path comes before the name\n"
            "hint: `assetsync update models/sentiment.bin nlp/sentiment`",
        ),
        Mistake(
            "new nlp/stopwords data/stopwords.txt",
            "error: `nlp/stopwords` does not exist, and `data/stopwords.txt` does: the path comes before the name\n"
            "hint: `assetsync new data/stopwords.txt nlp/stopwords`",
            before="mkdir data && echo a > data/stopwords.txt",
        ),
        Mistake(
            "add nlp/stopwords data/stopwords.txt",
            "error: `nlp/stopwords` does not exist, and `data/stopwords.txt` does: the path comes before the name\n"
            "hint: `assetsync add data/stopwords.txt nlp/stopwords`",
            before="mkdir data && echo a > data/stopwords.txt",
        ),
        Mistake(
            "diff nlp/tokenizer",
            "error: `diff` needs B\nhint: such as `assetsync diff nlp/tokenizer:1.1 nlp/tokenizer:1.2`",
        ),
        Mistake(
            "show nlp/tokenizer 0.0",
            "error: `0.0` is a version, and stands where an asset does\nhint: write it behind the name: `NAME:0.0`",
            code=1,
        ),
        Mistake(
            "diff models/tokenizer models/sentiment.bin",
            "error: `models/tokenizer` and `models/sentiment.bin` are both paths\n"
            "hint: name a version for one of them, such as `name:1.2`",
        ),
        Mistake(
            "fetch",
            "error: `fetch` needs SPEC\nhint: name what to fetch, such as `nlp/tokenizer:1.2`, or give `--locked`",
        ),
        Mistake(
            "fetch nlp/tokenizer",
            "error: no assets directory is named\nhint: give `--assets-dir DIR`, or set `ASSETSYNC_ASSETS_DIR`",
        ),
    ),
    "Names and versions": (
        Mistake(
            "log nlp/tokenizer:0.0",
            "error: `log` shows all versions of an asset, and `nlp/tokenizer:0.0` is one: leave `:0.0` out\n"
            "hint: `assetsync show nlp/tokenizer:0.0` shows that version",
        ),
        Mistake(
            "show 'nlp/tokenizer:0.0[vocab.txt]'",
            "error: whole versions are shown\nhint: leave `[vocab.txt]` out",
        ),
        Mistake(
            "verify 'nlp/*[vocab.txt]'",
            "error: whole versions are verified\nhint: leave `[vocab.txt]` out",
        ),
        Mistake(
            "fetch nlp/tokenizer --download",
            "error: no such option `--download`\n"
            "hint: leave it out: what is not here is got, and `--force` compares what is here with the store",
        ),
        Mistake(
            "fetch 'nlp/*@production' --assets-dir out",
            "error: `../store` has nothing that matches `nlp/*@production`\nhint: `assetsync list` shows what it has",
            code=1,
        ),
        Mistake(
            "plan nlp/tokenizr",
            "error: `nlp/tokenizr` is not an asset of `assets.yaml`\nhint: did you mean `nlp/tokenizer`?",
        ),
        Mistake(
            "plan models/tokenizer",
            "error: `models/tokenizer` is not an asset of `assets.yaml`\n"
            "hint: it is the path of `nlp/tokenizer`: give that name",
        ),
        Mistake(
            "pull nlp/tokenizer:0.0",
            "error: `nlp/tokenizer:0.0` is not an asset of `assets.yaml`\n"
            "hint: leave `:0.0` out: what is locked and published is for assets.yaml to say",
        ),
        Mistake(
            "apply 'vision/*'",
            "error: no asset of `assets.yaml` matches `vision/*`\nhint: `assets.yaml` lists what there is",
        ),
        Mistake(
            "log nlp/tokenizr",
            "error: `../store` has no asset `nlp/tokenizr`\nhint: did you mean `nlp/tokenizer`?",
            code=1,
        ),
        Mistake(
            "show nlp/tokenizr",
            "error: `../store` has no asset `nlp/tokenizr`\nhint: did you mean `nlp/tokenizer`?",
            code=1,
        ),
        Mistake(
            "show nlp/tokenizer:0.7",
            "error: `../store` has no `nlp/tokenizer:0.7`\nhint: its only version is `0.0`",
            code=1,
        ),
        Mistake(
            "show nlp/tokenizer:7", "error: `../store` has no `nlp/tokenizer:7`\nhint: its only line is `0`", code=1
        ),
        Mistake(
            "show nlp/tokenizer:latest",
            "error: `latest` is neither a version nor a version line\n"
            "hint: write `nlp/tokenizer:1` for the newest of line 1, or `nlp/tokenizer:1.2` for one version",
            code=1,
        ),
        Mistake(
            "update models/sentiment.bin nlp/sentiment:0.0",
            "error: `0.0` is a complete version; the next one is chosen by its line\nhint: name a line, such as `0`",
        ),
        Mistake(
            "update models/sentiment.bin nlp/sentiment:3",
            "error: `nlp/sentiment` has no version line `3`; it has `0`\nhint: open the next with `--bump-major`",
            code=1,
        ),
        Mistake(
            "update models/sentiment.bin nlp/sentimental",
            "error: `../store` has no asset `nlp/sentimental`\n"
            "hint: create it with `assetsync new models/sentiment.bin nlp/sentimental`",
            code=1,
        ),
        Mistake(
            "new models/sentiment.bin nlp/sentiment",
            "error: `nlp/sentiment` exists already; its newest version is `0.0`\n"
            "hint: publish a further version with `assetsync update models/sentiment.bin nlp/sentiment`",
            code=1,
        ),
        Mistake(
            "new models/sentiment.bin 'my model'",
            "error: `my model` is not a valid name: segments are letters, digits and `._-` inside, joined by `/`",
            code=1,
        ),
        Mistake(
            "apply nlp/tokenizer --supersede nlp/sentiment",
            "error: `nlp/sentiment` is not among the assets that the command names\nhint: name it too, or name none",
        ),
        Mistake(
            "remove nlp/tokenizr",
            "error: `nlp/tokenizr` is not an asset of `assets.yaml`\nhint: did you mean `nlp/tokenizer`?",
        ),
        Mistake(
            "fetch 'nlp/tokenizer[vocab]' --assets-dir out",
            "error: `nlp/tokenizer:0.0` has no part `vocab`\nhint: `assetsync show nlp/tokenizer:0.0` lists its files",
            code=1,
        ),
    ),
    "Paths": (
        Mistake(
            "add models/tokeniser",
            "error: `models/tokeniser` does not exist\nhint: did you mean `models/tokenizer`?",
            code=1,
        ),
        Mistake(
            "new models/sentimnet.bin nlp/other",
            "error: `models/sentimnet.bin` does not exist\nhint: did you mean `models/sentiment.bin`?",
            code=1,
        ),
        Mistake(
            "add models/tokenizer",
            "error: `models/tokenizer` is the path of `nlp/tokenizer` (line 3) already\n"
            "hint: assets.yaml was left as it is",
            code=1,
        ),
        Mistake(
            "add models/vocab.txt nlp/tokenizer",
            "error: `nlp/tokenizer` is in assets.yaml already, in line 3\n"
            "hint: its path is `models/tokenizer`: edit it there, or give another name",
            before="echo a > models/vocab.txt",
            code=1,
        ),
        Mistake(
            "add ../elsewhere",
            "error: `../elsewhere` is outside of the project `/home/ada/repo`\n"
            "hint: move it, or put a link to it, below the folder of assets.yaml",
            code=1,
        ),
        Mistake(
            "add 'data/*'",
            "error: no path matches `data/*` in `/home/ada/repo`\nhint: `*` does not go over `/`; `**` does",
        ),
        Mistake(
            "add 'data/*'",
            "error: `data/a.bin` and `data/a.txt` would both be `data/a`\n"
            "hint: add them one by one, each with a name: `assetsync add data/a.txt NAME`",
            before="mkdir data && touch data/a.bin data/a.txt",
        ),
        Mistake("-C nowhere plan", "error: the directory `nowhere` of `-C` does not exist", code=1),
        Mistake(
            "init --store s3://bucket/prefix",
            "error: `assets.yaml` exists already\nhint: it names its store itself: `store: s3://bucket/prefix`",
            code=1,
        ),
        Mistake("init", "error: `assets.yaml` exists already\nhint: `assetsync add PATH` adds an asset to it", code=1),
    ),
    "Stores": (
        Mistake(
            "-C .. list",
            "error: no store is named: there is no `assets.yaml` in `/home/ada` or above it\n"
            "hint: give its URL with `--store URL`, or set `ASSETSYNC_STORE`, or modelkit's "
            "`MODELKIT_STORAGE_PROVIDER` and `_BUCKET`",
        ),
        Mistake(
            "-C .. plan",
            "error: no `assets.yaml` in `/home/ada` or above it\n"
            "hint: write one with `assetsync init`, or name it with `--manifest FILE`",
            code=1,
        ),
        Mistake(
            "list --store http://my-bucket/assets",
            "error: `http://` is not the scheme of a store\n"
            "hint: a store is `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`, `./DIR` or `/DIR`",
            code=1,
        ),
        Mistake(
            "list --store ../stroe",
            "error: the store `/home/ada/stroe` does not exist: there is no such directory\n"
            "hint: check how it is written, and that its file system is mounted; publishing a first asset makes it",
            code=1,
        ),
    ),
    "assets.yaml": (
        Mistake(
            "plan",
            "assets.yaml:1:1: `store` is missing: it says where the assets live, such as `store: s3://BUCKET/PREFIX`\n"
            "assets.yaml:1:1: unknown key `stor`; did you mean `store`?\n"
            "error: `assets.yaml` has 2 problems",
            before="printf 'stor: ../store\\nassets: {}\\n' > assets.yaml",
            code=1,
        ),
        Mistake(
            "plan",
            "assets.yaml:3:3: `nlp/tokenizer` has no `path`\n"
            "assets.yaml:3:19: unknown key `pth`; did you mean `path`?\n"
            "error: `assets.yaml` has 2 problems",
            before=_manifest("  nlp/tokenizer: {pth: models/tokenizer}"),
            code=1,
        ),
        Mistake(
            "plan",
            "assets.yaml:3:52: `version` must be a quoted string, and `1.10` is a complete version, and an "
            'asset that is published names its line: write `version: "1"`, or add `readonly: true` to pin it\n'
            "error: `assets.yaml` has 1 problem",
            before=_manifest("  nlp/tokenizer: {path: models/tokenizer, version: 1.10}"),
            code=1,
        ),
        Mistake(
            "plan",
            '  ! nlp/tokenizer  `nlp/tokenizer` has `version: "4"`, which is neither a version line of it nor '
            "the next one\n"
            '      hint: allowed are "0", "1"',
            before=_manifest('  nlp/tokenizer: {path: models/tokenizer, version: "4"}'),
            code=1,
        ),
        Mistake(
            "plan",
            "assets.yaml:3:1: a tab can't indent YAML; use spaces\nerror: `assets.yaml` has 1 problem",
            before=_manifest("\\tnlp/tokenizer: models/tokenizer"),
            code=1,
        ),
        Mistake(
            "plan",
            "assets.yaml:4:3: `nlp/tokenizer` is here a second time; the first is in line 3\n"
            "error: `assets.yaml` has 1 problem",
            before=_manifest("  nlp/tokenizer: models/tokenizer\\n  nlp/tokenizer: models/sentiment.bin"),
            code=1,
        ),
        Mistake(
            "plan",
            "assets.yaml:4:3: `models` contains `models/tokenizer`, the path of `nlp/tokenizer` (line 3)\n"
            "error: `assets.yaml` has 1 problem",
            before=_manifest("  nlp/tokenizer: models/tokenizer\\n  nlp/all: models"),
            code=1,
        ),
        Mistake(
            "plan",
            "assets.yaml:3:18: `/srv/tokenizer` is absolute; a path is relative to the manifest and uses `/`\n"
            "error: `assets.yaml` has 1 problem",
            before=_manifest("  nlp/tokenizer: /srv/tokenizer"),
            code=1,
        ),
        Mistake(
            "apply --yes",
            "  ! nlp/new  `models/new.bin` does not exist, and the store has no `nlp/new` to pull\n"
            "      hint: create it, or mend `path` in assets.yaml",
            before=_manifest("  nlp/tokenizer: models/tokenizer\\n  nlp/new: models/new.bin"),
            code=1,
        ),
    ),
    "git and assets.lock": (
        Mistake(
            "plan",
            "      note: git tracks files of it, and a checkout puts old ones back: `git rm -r --cached "
            "models/tokenizer`, and ignore it\n"
            "      note: git tracks files of it, and a checkout puts old ones back: `git rm -r --cached "
            "models/sentiment.bin`, and ignore it",
            before="git add -f models && echo c > models/tokenizer/vocab.txt",
            code=0,
        ),
        Mistake(
            "apply --yes",
            "assets.lock changed, and git ignores it: add `!assets.lock` to .gitignore, and commit it.",
            before="git rm -q --cached assets.lock && rm assets.lock && echo '*.lock' > .gitignore",
            code=0,
        ),
        Mistake(
            "check",
            "assets.yaml:1: `assets.lock` is missing; run `assetsync apply`, and commit it",
            before="rm assets.lock",
            code=2,
        ),
        Mistake(
            "check",
            "assets.lock:6: nlp/sentiment: these lines do not match their seal: they were edited by hand, or "
            "merged line by line; restore them with `git checkout HEAD -- assets.lock`, or delete the lines of "
            "`nlp/sentiment` there and run `assetsync sync nlp/sentiment`\n"
            "assets.lock:15: nlp/tokenizer: these lines do not match their seal: they were edited by hand, or "
            "merged line by line; restore them with `git checkout HEAD -- assets.lock`, or delete the lines of "
            "`nlp/tokenizer` there and run `assetsync sync nlp/tokenizer`",
            before="sed -i.bak s/0.0/0.1/ assets.lock",
            code=2,
        ),
        Mistake(
            "apply",
            "error: there is no terminal to ask on, and nothing was confirmed\n"
            "hint: pass `--yes` to go on without asking",
            before="echo changed > models/sentiment.bin",
            code=1,
        ),
    ),
    "A plan that was approved": (
        Mistake(
            "apply --plan plan.jsn",
            "error: `plan.jsn` does not exist\nhint: save a plan with `assetsync plan -o FILE`",
            code=1,
        ),
        Mistake(
            "apply --plan assets.yaml",
            "error: this is not a saved plan: it is not JSON\nhint: save one with `assetsync plan -o FILE`",
            code=1,
        ),
        Mistake(
            "apply --expect c01fca35",
            "error: `--expect c01fca35`: a fingerprint is `sha256:` and 64 hex digits, as `assetsync plan` shows it",
        ),
    ),
}
