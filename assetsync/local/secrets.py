"""Looking for secrets in the files that a plan would publish: by name, and in text by its content.

Three steps, each for what the one before let through. File names tell what is not text. A few short strings, one of
which is in every token that is looked for, are searched in the bytes: that costs a fraction of reading them. Only
lines with such a string meet expressions: those of detect-secrets for tokens of a definite form, and a few of our own.
Nothing guesses by entropy or by words such as `password`: vocabularies and notebooks are full of both.

The value of a secret never leaves this module.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import import_module

from msgspec import Struct

from assetsync.errors import ContentError
from assetsync.escape import printable
from assetsync.model.guards import Secret
from assetsync.model.tree import FileEntry

# Of the rules below; detect-secrets has a version of its own.
RULES = 2
# Bytes of a file that are read: of larger ones, the start.
MOST = 1024 * 1024
# Of one file, and of one asset: who has that many need not see more.
MOST_IN_FILE = 10
MOST_IN_ASSET = 1000
# Characters. A longer line is looked at in pieces, half of which overlap: expressions may take the square of a length.
PIECE = 8192

# What they hold is no text, or is packed; what is packed is looked at when it is unpacked.
_BINARY = frozenset(
    re.findall(
        r"\w+",
        """
        bin pt pth ckpt onnx h5 hdf5 keras tflite pb gguf ggml npy npz parquet arrow feather orc avro db sqlite
        zip gz tgz bz2 xz zst lz4 7z rar tar whl jar so dll dylib exe o a pyc class wasm
        png jpg jpeg gif webp bmp tif tiff ico mp3 wav flac ogg mp4 avi mov mkv pdf ttf otf woff woff2
        """,
    )
)


# Gets the first bytes of a file, by its path in the asset and their number. OSError.
Read = Callable[[str, int], bytes]


def find_secrets(name: str, files: Iterable[FileEntry], read: Read) -> tuple[Secret, ...]:
    """The secrets in `files`. `name` is that of the asset's own file, where it is one.

    ContentError where a file can't be read any more: nothing may pass because nobody could look at it.
    """
    found: list[Secret] = []
    search = _search()[0]
    # The hot loop: most files are opened and read, and nothing else.
    for file in files:
        path = file.path or name
        base = path[path.rfind("/") + 1 :].lower()
        dot = base.rfind(".")
        suffix = base[dot + 1 :] if dot > 0 else ""
        if base in _SUSPECT or suffix in _SUFFIXES or base.startswith(".env"):
            kind = _kind_of_name(path.lower(), base) if file.size else None
            if kind is not None:
                found.append(Secret(file.path, None, kind))
                continue
        if suffix in _BINARY:
            continue
        size = file.size
        try:
            data = read(file.path, size if size < MOST else MOST)
        except OSError as error:
            raise ContentError(
                f"cannot read `{printable(path)}` to look for secrets: {error.strerror}",
                hint="run the command again when nothing writes to it",
            ) from None
        if suffix == "safetensors" or data[:2] in _UTF16:
            data = _text_of(data, suffix)
        needles = search(data)
        if needles:
            found.extend(_in_text(file.path, data, {needle[0] for needle in needles}))
            if len(found) >= MOST_IN_ASSET:
                break
    return tuple(found[:MOST_IN_ASSET])


def read_at(root: str) -> Read:
    """A reader of the files of the asset at the absolute path `root`."""

    def read(path: str, size: int) -> bytes:
        descriptor = os.open(f"{root}/{path}" if path else root, os.O_RDONLY)
        try:
            return os.read(descriptor, size)
        finally:
            os.close(descriptor)

    return read


@cache  # metadata is read from a file
def scanner_version() -> str:
    """A text that changes with the rules, so that results of others are not taken for those of these."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"{RULES}/{version('detect-secrets')}"
    except PackageNotFoundError:  # a bundle without metadata, or metadata that this user may not read
        from detect_secrets.__version__ import VERSION  # which takes a tenth of a second

        return f"{RULES}/{VERSION}"


# -- names

_NAMES = {
    ".netrc": "netrc file",
    "_netrc": "netrc file",
    ".git-credentials": "git credentials",
    ".pypirc": "PyPI credentials",
    ".pgpass": "PostgreSQL passwords",
    ".htpasswd": "password file",
    ".dockercfg": "Docker credentials",
    "credentials": "credentials file",
    "kubeconfig": "kubeconfig",
    "application_default_credentials.json": "Google credentials",
    **{f"id_{kind}": "private key" for kind in ("rsa", "dsa", "ecdsa", "ed25519")},
}
_PATHS = {
    ".kube/config": "kubeconfig",
    ".docker/config.json": "Docker credentials",
    ".huggingface/token": "Hugging Face token",
}
_SUFFIXES = {"p12": "key store", "pfx": "key store", "ppk": "private key", "kdbx": "password database"}
_SUSPECT = frozenset(_NAMES) | {path.rpartition("/")[2] for path in _PATHS}
# `.env`, `.env.local`; not the examples that a repo shows its readers.
_ENVIRONMENT = re.compile(r"\.env(?:\.(?!example|sample|template|dist|schema|defaults?)[\w.-]+)?")


def _kind_of_name(path: str, base: str) -> str | None:
    """The kind of secret that a file is by its name alone, in small letters."""
    kind = _NAMES.get(base) or _SUFFIXES.get(base.rpartition(".")[2])
    if kind is None and base.startswith(".env") and _ENVIRONMENT.fullmatch(base):
        return "environment file"
    return kind or next((kind for end, kind in _PATHS.items() if f"/{path}".endswith(f"/{end}")), None)


# -- content


def _text_of(data: bytes, suffix: str) -> bytes:
    """The part of a file that is text, in UTF-8."""
    if suffix == "safetensors":
        return data[8 : 8 + int.from_bytes(data[:8], "little")]
    return data.decode("utf-16", "replace").encode()


def _in_text(path: str, data: bytes, needles: set[int]) -> Iterator[Secret]:
    """The secrets in the start of a file that holds those needles."""
    if b"\0" in data[:PIECE]:
        return
    rules_of = _search()[1]
    rules = {rule: None for number in sorted(needles) for rule in rules_of[number]}
    text = ""
    seen: set[tuple[int, str]] = set()
    for rule in rules:
        if rule.shape is not None and not (rule.besides in data and re.search(rule.shape, data)):
            continue
        text = text or data.decode("utf-8", "replace")
        for line in _lines(rule, text):
            if (line, rule.kind) not in seen:
                seen.add((line, rule.kind))
                yield Secret(path, line, rule.kind)
            if len(seen) >= MOST_IN_FILE:
                return


def _lines(rule: _Rule, text: str) -> Iterator[int]:
    """The numbers of the lines in which a rule finds something; of one with several, perhaps only once."""
    for needle in rule.needles:
        at = text.find(needle)
        while at >= 0:
            start = max(text.rfind("\n", 0, at) + 1, at - PIECE // 2)
            line_end = text.find("\n", at)
            line_end = len(text) if line_end < 0 else line_end
            end = min(line_end + rule.beyond, start + PIECE)
            if rule.finds(text[start:end]):
                yield text.count("\n", 0, at) + 1
                at = text.find(needle, line_end)
            else:
                # The end of a piece may have cut what begins in its last half.
                at = text.find(needle, line_end if end >= line_end else max(at + 1, end - PIECE // 4))


@cache
def _search() -> tuple[Callable[[bytes], list[tuple[int, int, int]]], list[list[_Rule]]]:
    """A search for all needles in one go, which tells their numbers; and by number, the rules of each needle.

    One needle after the other would take ten times as long as the hash of the bytes.
    """
    from ahocorasick_rs import BytesAhoCorasick

    by_needle: dict[str, list[_Rule]] = {}
    for rule in _RULES:
        for needle in rule.needles:
            by_needle.setdefault(needle, []).append(rule)
    words = [needle.encode() for needle in by_needle]
    return BytesAhoCorasick(words).find_matches_as_indexes, list(by_needle.values())


class _Rule(Struct, frozen=True, eq=False):
    """Finds secrets of one kind in a line that holds one of `needles`, and in `beyond` characters behind it.

    `besides` and `shape`: what the bytes of a file must hold as well, where a needle alone is common.
    """

    kind: str
    needles: tuple[str, ...]
    finds: Callable[[str], bool]
    beyond: int = 0
    besides: bytes = b""
    shape: bytes | None = None


def _expression(
    kind: str,
    needles: str,
    pattern: str,
    but: str | None = None,
    *,
    beyond: int = 0,
    besides: bytes = b"",
    shape: bytes | None = None,
) -> _Rule:
    """A rule of our own. A match that `but` is found in stands for a value in somebody's documentation."""

    def find(text: str) -> Iterator[str]:
        return (match[0] for match in _compiled(pattern).finditer(text))

    return _Rule(kind, tuple(needles.split()), _except(find, but), beyond, besides, shape)


def _detector(kind: str, needles: str, plugin: str, but: str | None = None) -> _Rule:
    """A rule of detect-secrets, which is imported when a file holds one of `needles`. `but` is as above."""

    def find(text: str) -> Iterator[str]:
        return _plugin(plugin)(text)

    return _Rule(kind, tuple(needles.split()), _except(find, but))


def _except(find: Callable[[str], Iterator[str]], but: str | None) -> Callable[[str], bool]:
    return lambda text: any(but is None or not _compiled(but).search(value) for value in find(text))


# Most runs need none of them.
_compiled = cache(re.compile)


@cache
def _plugin(path: str) -> Callable[[str], Iterator[str]]:
    """A search for values of one kind in a line. `path` is a module of detect-secrets' plug-ins, and a class in it."""
    module, _, name = path.partition(".")
    find: Callable[[str], Iterator[str]] = getattr(
        import_module(f"detect_secrets.plugins.{module}"), name
    )().analyze_string
    return find


_UTF16 = (b"\xff\xfe", b"\xfe\xff")

# The documented examples of AWS and others, and one character many times.
_EXAMPLE = r"(?i:example)|(.)\1{7}|1234567890abcdef|abcdefghij"
# Of jwt.io, of the specification and of PyJWT.
_JWT_EXAMPLES = r"eyJzdWIiOiIxMjM0NTY3ODkwI|eyJpc3MiOiJqb2UiL|eyJzb21lIjoicGF5bG9hZC|eyJoZWxsbyI6|eyJ0ZXN0Ijo"
# The account that Azurite and the storage emulator have for everyone.
_EMULATOR = r"Eby8vdM02xNOcqF"
_PLACEHOLDERS = (
    r"(?i)://[^:]*:(?:pass(?:word|wd|phrase)?|passw|pwd|pw|p|secrets?|token|key|api_?key|xxx+|\*+|\.+|user(?:name)?|changeme|"
    r"examples?|test(?:ing|er)?\d*|guest|admin|postgres|root|mysql|redis|foo\w*|bar\w*|baz|abc\w*|hunter2|scott|tiger|\d{1,6}|"
    r"(?:my|your|some|the|bad|db|new|old|proxy|user|a|p)[_-]?(?:pass|secret|pw|token|key)\w*)(?:@|%)"
    r"|@(?:(?:localhost|host|hostname|server|proxy|db|foo|bar)(?![\w-])|(?:some|my|your)\w*|127\.|0\.0\.0\.0|\[|[\w.-]*example|[\w.-]*test\b)"
)
_BREAKS = r"(?:[\s\"'+,]|\\[nr]){1,80}"

_RULES: tuple[_Rule, ...] = (
    _detector("AWS access key", "AKIA ASIA", "aws.AWSKeyDetector", _EXAMPLE),
    _expression(
        "AWS secret key",
        "ecret_access_key ECRET_ACCESS_KEY SecretAccessKey secretAccessKey",
        r"(?i:secret_?access_?key)[\"']?\s*[:=]\s*[\"']?[0-9A-Za-z/+]{40}(?![0-9A-Za-z/+])",
        _EXAMPLE,
    ),
    _detector("Azure storage key", "AccountKey=", "azure_storage_key.AzureStorageKeyDetector", _EMULATOR),
    _expression("Azure shared access signature", "sig=", r"[?&;]sig=[A-Za-z0-9%/+]{43,60}(?:%3[Dd]|=)", _EXAMPLE),
    # With the start of the key: programs know the words, too.
    _expression(
        "private key",
        "-----BEGIN",
        r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
        rf"{_BREAKS}(?:[A-Z][A-Za-z-]{{3,20}}: [^\n\\]{{1,100}}{_BREAKS}){{0,4}}[A-Za-z0-9+/]{{40}}",
        beyond=500,
    ),
    _expression("private key", "PuTTY-User-Key-File-", r"PuTTY-User-Key-File-\d: "),
    _expression("Kubernetes client key", "client-key-data:", r"client-key-data:\s*[A-Za-z0-9+/]{40}"),
    _expression("Google API key", "AIza", r"\bAIza[0-9A-Za-z_-]{35}(?![\w-])", _EXAMPLE),
    _expression("Google OAuth secret", "GOCSPX-", r"\bGOCSPX-[\w-]{28}(?![\w-])", _EXAMPLE),
    _expression("Google refresh token", "1//0", r"\"1//0[\w-]{40,200}\""),
    _detector("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", "github_token.GitHubTokenDetector", _EXAMPLE),
    _expression("GitHub token", "github_pat_", r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    _detector(
        "GitLab token",
        "glpat- gldt- glft- glsoat- glrt- GR1348941 glcbt- glimt- glptt- glagent- gloas-",
        "gitlab_token.GitLabTokenDetector",
        _EXAMPLE,
    ),
    _expression("Hugging Face token", "hf_", r"\bhf_[A-Za-z]{34}\b", _EXAMPLE),
    _expression("OpenAI key", "T3BlbkFJ", r"(?<![A-Za-z0-9])sk-[\w-]{20,200}?T3BlbkFJ[\w-]{20}"),
    _expression("Anthropic key", "sk-ant-", r"\bsk-ant-[a-z]{3,10}\d\d-[\w-]{80,120}"),
    _detector(
        "Slack token",
        "xoxa- xoxb- xoxp- xoxo- xoxs- xoxr- hooks.slack.com",
        "slack.SlackDetector",
        r"(?i:xxx)|T0{4,}|" + _EXAMPLE,
    ),
    _detector("Stripe key", "k_live_", "stripe.StripeDetector", _EXAMPLE),
    _detector("SendGrid key", "SG.", "sendgrid.SendGridDetector", _EXAMPLE),
    _detector(
        "Mailchimp key", " ".join(f"-us{digit}" for digit in range(1, 10)), "mailchimp.MailchimpDetector", _EXAMPLE
    ),
    _detector("Square secret", "sq0csp-", "square_oauth.SquareOAuthDetector"),
    _detector("Discord token", "iscord ISCORD", "discord.DiscordBotTokenDetector", _EXAMPLE),
    # The token of a bot begins so behind its number. Without this, times and hashes would do.
    _detector("Telegram token", ":AA", "telegram_token.TelegramBotTokenDetector", _EXAMPLE),
    # Accounts and keys look like hashes, so only beside the name.
    _detector("Twilio key", "wilio WILIO", "twilio.TwilioKeyDetector", _EXAMPLE),
    _expression(
        "Twilio key",
        "wilio WILIO",
        r"(?i:twilio)[\w.-]{0,30}(?i:token|key|secret)[\"']?\s*[:=]\s*[\"']?[0-9a-f]{32}(?![0-9a-f])",
        _EXAMPLE,
    ),
    _detector("npm token", ":_authToken", "npm.NpmDetector"),
    _detector("PyPI token", "pypi-AgE", "pypi_token.PypiTokenDetector"),
    # Of two JSON objects. The expression of detect-secrets takes the square of the length of a picture in base64.
    _expression("JSON web token", ".eyJ", r"(?<![\w-])eyJ[\w-]{10,2000}+\.eyJ[\w-]{10,4000}+\.", _JWT_EXAMPLES),
    # The shape spares the lines of most files, for which `://` alone is common.
    _expression(
        "password in a URL",
        "://",
        r"://[^\s/?#\[\]@:\"'<>{}$%]{1,100}:(?![<{$%*\[(])[^\s/@:\"'<>{}|]{3,200}@[A-Za-z0-9.\[-]{2,}",
        _PLACEHOLDERS,
        besides=b"@",
        shape=rb"://[^\s/?#\[\]@:\"'<>{}$%]{1,100}:[^\s/@:\"'<>{}|]{3,200}@",
    ),
)
KINDS = frozenset({rule.kind for rule in _RULES}) | {"environment file"}
KINDS |= {*_NAMES.values(), *_PATHS.values(), *_SUFFIXES.values()}
