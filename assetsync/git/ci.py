"""The variables in which CI systems tell about the job that runs: its branch and its page.

The names are those of the systems' own documentation: GitHub Actions, GitLab CI, Jenkins, Buildkite, CircleCI, Azure
Pipelines.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from assetsync.escape import public_url


def branch(environ: Mapping[str, str]) -> str | None:
    """The branch that a job works on, of a pull request its own; CI systems mostly check out a commit, no branch."""
    if environ.get("GITHUB_ACTIONS"):
        named = environ.get("GITHUB_REF_NAME") if environ.get("GITHUB_REF_TYPE") == "branch" else None
        return environ.get("GITHUB_HEAD_REF") or named or None
    if environ.get("GITLAB_CI"):
        return environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME") or environ.get("CI_COMMIT_BRANCH") or None
    if environ.get("JENKINS_URL"):
        found = environ.get("CHANGE_BRANCH") or environ.get("BRANCH_NAME") or environ.get("GIT_BRANCH", "")
        return found.removeprefix("origin/") or None
    if environ.get("TF_BUILD"):
        found = environ.get("SYSTEM_PULLREQUEST_SOURCEBRANCH") or environ.get("BUILD_SOURCEBRANCH", "")
        return found.removeprefix("refs/heads/") if found.startswith("refs/heads/") else None
    return environ.get("BUILDKITE_BRANCH") or environ.get("CIRCLE_BRANCH") or None


def target_branch(environ: Mapping[str, str]) -> str | None:
    """The branch that a pull request is to be merged into; None where the job is about none."""
    named = (
        environ.get("GITHUB_BASE_REF")
        or environ.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
        or environ.get("CHANGE_TARGET")
        or environ.get("BUILDKITE_PULL_REQUEST_BASE_BRANCH")
        or environ.get("SYSTEM_PULLREQUEST_TARGETBRANCH", "")
    )
    return named.removeprefix("refs/heads/") or None


def run_url(environ: Mapping[str, str]) -> str | None:
    """The page of the job that runs, without any user info; None outside of CI."""

    def page(variable: str) -> str | None:
        return public_url(environ.get(variable, ""))

    if environ.get("GITHUB_ACTIONS"):
        return _github(environ, page("GITHUB_SERVER_URL"))
    if environ.get("GITLAB_CI"):
        return page("CI_JOB_URL") or page("CI_PIPELINE_URL")
    if environ.get("JENKINS_URL"):
        return page("BUILD_URL")
    if environ.get("BUILDKITE"):
        return page("BUILDKITE_BUILD_URL")
    if environ.get("CIRCLECI"):
        return page("CIRCLE_BUILD_URL")
    if environ.get("TF_BUILD"):
        return _azure(environ, page("SYSTEM_COLLECTIONURI"))
    return None


def _github(environ: Mapping[str, str], server: str | None) -> str | None:
    repository, run = environ.get("GITHUB_REPOSITORY"), environ.get("GITHUB_RUN_ID")
    if not (server and repository and run):
        return None
    attempt = environ.get("GITHUB_RUN_ATTEMPT", "1")
    again = f"/attempts/{quote(attempt)}" if attempt != "1" else ""
    return f"{server}/{quote(repository)}/actions/runs/{quote(run)}{again}"


def _azure(environ: Mapping[str, str], collection: str | None) -> str | None:
    project, build = environ.get("SYSTEM_TEAMPROJECT"), environ.get("BUILD_BUILDID")
    if not (collection and project and build):
        return None
    return f"{collection}/{quote(project)}/_build/results?buildId={quote(build)}"
