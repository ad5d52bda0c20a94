"""What is taken for a secret, and what is not. The samples are put together here, so that no scanner of this repo, nor
the service that hosts it, takes them for real ones."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Sequence
from pathlib import Path

import pytest

from assetsync.errors import ContentError
from assetsync.local.secrets import KINDS, MOST, MOST_IN_FILE, PIECE, find_secrets, read_at
from assetsync.model.guards import Secret
from assetsync.model.tree import FileEntry

_RANDOM = random.Random(7)


def some(length: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(_RANDOM.choice(letters) for _ in range(length))


_BASE64 = string.ascii_letters + string.digits + "+/"
_HEX = "0123456789abcdef"
PEM = "-----BEGIN {} PRIVATE KEY-----"


def _jwt() -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, {"iss": "me", "sub": some(9)})]
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), some(43)])


# One of each, in the words that they are mostly found in.
POSITIVE = {
    "AWS access key": [
        f"key = {'AKIA'}{some(16, string.ascii_uppercase + '234567')}",
        f"x:{'ASIA'}Z{some(15, 'QWERTZ23')}",
    ],
    "AWS secret key": [
        f"aws_secret_access_key = {some(40, _BASE64)}",
        f'"SecretAccessKey": "{some(40, _BASE64)}"',
        f"export AWS_SECRET_ACCESS_KEY={some(40, _BASE64)}",
    ],
    "Azure storage key": [f"AccountName=a;AccountKey={some(86, _BASE64)}==;EndpointSuffix=core"],
    "Azure shared access signature": [f"https://a.blob.core/x?sv=2024&sig={some(43)}%3D&se=2027"],
    "private key": [
        f"{PEM.format('RSA')}\n{some(64, _BASE64)}\n{some(64, _BASE64)}\n",
        f"{PEM.format('OPENSSH')}\r\n{some(70, _BASE64)}\r\n",
        f"{PEM.format('ENCRYPTED')}\n{some(64, _BASE64)}\n",
        f"{PEM.format('RSA')}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB12\n\n{some(64, _BASE64)}\n",
        f'{{"type": "service_account", "private_key": "{"-----BEGIN "}PRIVATE KEY-----\\n{some(64, _BASE64)}\\n"}}',
        "PuTTY-User-Key-File-3: ssh-ed25519\n",
    ],
    "Kubernetes client key": [f"    client-key-data: {some(80, _BASE64)}"],
    "Google API key": [f"maps: {'AIza'}{some(35)}"],
    "Google OAuth secret": [f'"client_secret": "{"GOCSPX-"}{some(28)}"'],
    "Google refresh token": [f'"refresh_token": "1//0{some(60)}"'],
    "GitHub token": [
        f"{'ghp_'}{some(36)}",
        f"{'github_pat_'}{some(22)}_{some(59)}",
        f"https://x:{'gho_'}{some(36)}@github.com/a",
    ],
    "GitLab token": [f"{'glpat-'}{some(20)}", f"{'glptt-'}{some(40)}"],
    "Hugging Face token": [f"HF_TOKEN={'hf_'}{some(34, string.ascii_letters)}"],
    "OpenAI key": [f"{'sk-'}{some(20)}T3BlbkFJ{some(20)}", f"{'sk-proj-'}{some(74)}T3BlbkFJ{some(74)}"],
    "Anthropic key": [f"{'sk-ant-'}api03-{some(93)}AA"],
    "Slack token": [
        f"{'xoxb-'}123456789012-{some(24)}",
        f"https://hooks.slack.com/services/T{some(8)}/B{some(8)}/{some(24)}",
    ],
    "Stripe key": [f"{'sk_live_'}{some(24)}"],
    "SendGrid key": [f"{'SG.'}{some(22)}.{some(43)}"],
    "Mailchimp key": [f"{some(32, _HEX)}-us12"],
    "Square secret": [f"{'sq0csp-'}{some(43)}"],
    "Telegram token": [f"bot {some(10, '123456789')}:AA{some(33)}"],
    "Discord token": [f"DISCORD_TOKEN = M{some(23)}.{some(6)}.{some(27)}"],
    "Twilio key": [f"TWILIO_AUTH_TOKEN={some(32, _HEX)}", f"twilio: {'SK'}{some(32, _HEX)}"],
    "npm token": [f"//registry.example/:_authToken=npm_{some(36)}"],
    "PyPI token": [f"password = {'pypi-AgE'}IcHlwaS5vcmc{some(80)}"],
    "JSON web token": [f"Authorization: Bearer {_jwt()}"],
    "password in a URL": [
        f"postgresql://app:{some(14)}@db7.internal:5432/x",
        f"url = https://ci:{some(20)}@git.corp/r.git",
    ],
}

NEGATIVE = [
    "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "aws_secret_access_key = os.environ['AWS_SECRET_ACCESS_KEY']",
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    'if "-----BEGIN RSA PRIVATE KEY-----" in text:\n    raise ValueError',
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0.x",
    "mysql://user:password@localhost/db",
    "postgresql://scott:tiger@host/db",
    "https://${USER}:${TOKEN}@example.com/",
    "see http://a.example/x:y and write to me@b.example",
    "ghp_short glpat-x hf_model_name hf_hub_download_and_some_more_words",
    "sk-learn SG.x xoxb- :_authToken=${NPM_TOKEN}",
    "T3BlbkFJ is in every key",
    f"{'0' * 32} {some(64, _HEX)} {some(40, _HEX)}",
    "12:34:56 2026-01-31T09:00:00 10.0.0.1:8080",
    " ".join(some(8, string.ascii_lowercase) for _ in range(200)),
    json.dumps({some(6): index for index in range(2000)}),
]


def found(folder: Path, **files: str | bytes) -> Sequence[Secret]:
    return found_in(folder, files)


def found_in(folder: Path, files: dict[str, str | bytes]) -> Sequence[Secret]:
    entries = []
    for path, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        entries.append(FileEntry(path, len(data), "0" * 64))
    return find_secrets("asset", entries, read_at(str(folder)))


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in POSITIVE.items() for text in texts])
def test_each_kind_is_found_in_its_line(kind: str, text: str, tmp_path: Path) -> None:
    secrets = found(tmp_path, a=f"one\ntwo\n{text}\nfour\n")
    assert Secret("a", 3, kind) in secrets
    assert {secret.line for secret in secrets} == {3}
    assert kind in KINDS


@pytest.mark.parametrize("text", NEGATIVE)
def test_what_only_looks_alike_is_left_alone(text: str, tmp_path: Path) -> None:
    assert not found(tmp_path, a=text)


SAMPLE = POSITIVE["GitHub token"][0]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (".env", "environment file"),
        ("conf/.env.production", "environment file"),
        ("id_rsa", "private key"),
        (".ssh/id_ed25519", "private key"),
        (".netrc", "netrc file"),
        (".aws/credentials", "credentials file"),
        (".git-credentials", "git credentials"),
        (".pypirc", "PyPI credentials"),
        ("kubeconfig", "kubeconfig"),
        ("home/.kube/config", "kubeconfig"),
        (".docker/config.json", "Docker credentials"),
        ("certs/server.p12", "key store"),
        ("certs/SERVER.P12", "key store"),
        ("Certs/server.PFX", "key store"),
        (".ENV", "environment file"),
        ("ID_RSA", "private key"),
        ("Home/.Kube/Config", "kubeconfig"),
    ],
)
def test_names_that_speak_for_themselves(path: str, kind: str, tmp_path: Path) -> None:
    assert found_in(tmp_path, {path: b"\0anything"}) == (Secret(path, None, kind),)


@pytest.mark.parametrize(
    "path",
    [".env.example", ".envrc", "env", "config", "kube/config", "id_rsa.pub", "config.json", "token", "x.pem", "a.key"],
)
def test_other_names_say_nothing(path: str, tmp_path: Path) -> None:
    assert not found_in(tmp_path, {path: "plain text"})


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    assert not found_in(tmp_path, {".env": ""})


def test_a_single_file_goes_by_the_name_of_its_path(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine x")
    secrets = find_secrets(".netrc", [FileEntry("", 9, "0" * 64)], read_at(str(tmp_path / ".netrc")))
    assert secrets == (Secret("", None, "netrc file"),)


def test_a_header_of_safetensors_is_text(tmp_path: Path) -> None:
    header = json.dumps({"__metadata__": {"token": SAMPLE}}).encode()
    data = len(header).to_bytes(8, "little") + header + b"\0" * 100
    assert found_in(tmp_path, {"m.safetensors": data}) == (Secret("m.safetensors", 1, "GitHub token"),)
    clean = len(b"{}").to_bytes(8, "little") + b"{}" + SAMPLE.encode()
    assert not found_in(tmp_path, {"n.safetensors": clean})


def test_utf_16_is_text(tmp_path: Path) -> None:
    assert found(tmp_path, a=f"x\n{SAMPLE}".encode("utf-16")) == (Secret("a", 2, "GitHub token"),)


def test_binary_files_and_archives_are_not_looked_into(tmp_path: Path) -> None:
    assert not found_in(tmp_path, {"a": b"\0" + SAMPLE.encode(), "b.zip": SAMPLE, "c.PT": SAMPLE})


def test_of_a_large_file_the_start_is_read(tmp_path: Path) -> None:
    assert found(tmp_path, a=f"{SAMPLE}\n" + "x" * MOST)
    assert not found(tmp_path, b="x" * MOST + f"\n{SAMPLE}")


@pytest.mark.parametrize("before", [0, 1, PIECE // 2 - 20, PIECE // 2, PIECE - 10, PIECE, 3 * PIECE - 5, 200_000])
def test_a_long_line_hides_nothing(before: int, tmp_path: Path) -> None:
    """A notebook keeps a picture in one line of base64, and each `://` begins a piece that is looked at."""
    for filling in ("x", "://a "):
        text = "\n" + (filling * before)[:before] + f" {SAMPLE} " + "y" * 50_000
        assert found(tmp_path, a=text) == (Secret("a", 2, "GitHub token"),)


def test_each_line_is_named_up_to_a_number(tmp_path: Path) -> None:
    tokens = [f"{'ghp_'}{some(36)}" for _ in range(40)]
    secrets = found(tmp_path, a="\n".join(tokens[:3]), b="\n".join(tokens))
    assert [secret.line for secret in secrets if secret.path == "a"] == [1, 2, 3]
    assert sum(secret.path == "b" for secret in secrets) == MOST_IN_FILE


def test_nothing_passes_because_it_could_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="cannot read `gone` to look for secrets: No such file"):
        find_secrets("x", [FileEntry("gone", 5, "0" * 64)], read_at(str(tmp_path)))


def test_a_text_made_to_take_long_does_not(tmp_path: Path) -> None:
    """By steps, not by time: what grows with the square of the text would not end within the limit of the suite."""
    assert not found(
        tmp_path, a="eyJ" * 300_000, b="://a:" * 200_000, c="sk-T3BlbkFJ " * 90_000, d="-----BEGIN " * 90_000
    )
