from __future__ import annotations

import pytest

from assetsync.git import ci

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "org/repo",
    "GITHUB_RUN_ID": "42",
}
AZURE = {
    "TF_BUILD": "True",
    "SYSTEM_COLLECTIONURI": "https://user:secret@dev.azure.com/org/",
    "SYSTEM_TEAMPROJECT": "My Project",
    "BUILD_BUILDID": "7",
}
JENKINS = {"JENKINS_URL": "https://ci.example.com/"}


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, None),
        ({"CI": "true", "BUILD_URL": "https://elsewhere"}, None),
        (GITHUB, "https://github.com/org/repo/actions/runs/42"),
        (GITHUB | {"GITHUB_RUN_ATTEMPT": "2"}, "https://github.com/org/repo/actions/runs/42/attempts/2"),
        ({"GITHUB_ACTIONS": "true"}, None),
        ({"GITLAB_CI": "true", "CI_JOB_URL": "https://gitlab.com/o/r/-/jobs/1"}, "https://gitlab.com/o/r/-/jobs/1"),
        ({"GITLAB_CI": "true", "CI_PIPELINE_URL": "https://u:secret@gl.io/p/1"}, "https://gl.io/p/1"),
        (JENKINS | {"BUILD_URL": "https://ci.example.com/job/x/3/"}, "https://ci.example.com/job/x/3"),
        ({"BUILDKITE": "true", "BUILDKITE_BUILD_URL": "https://buildkite.com/o/p/1"}, "https://buildkite.com/o/p/1"),
        ({"CIRCLECI": "true", "CIRCLE_BUILD_URL": "https://circleci.com/gh/o/r/1"}, "https://circleci.com/gh/o/r/1"),
        (AZURE, "https://dev.azure.com/org/My%20Project/_build/results?buildId=7"),
        ({"TF_BUILD": "True"}, None),
    ],
)
def test_the_page_of_a_run(environ: dict[str, str], url: str | None) -> None:
    assert ci.run_url(environ) == url


@pytest.mark.parametrize(
    ("environ", "branch"),
    [
        ({}, None),
        ({"GITHUB_REF_NAME": "main"}, None),
        (GITHUB | {"GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "main"}, "main"),
        (GITHUB | {"GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "5/merge", "GITHUB_HEAD_REF": "fix"}, "fix"),
        (GITHUB | {"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1"}, None),
        ({"GITLAB_CI": "true", "CI_COMMIT_BRANCH": "main"}, "main"),
        ({"GITLAB_CI": "true", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "fix"}, "fix"),
        (JENKINS | {"GIT_BRANCH": "origin/main"}, "main"),
        (JENKINS | {"BRANCH_NAME": "PR-3", "CHANGE_BRANCH": "fix"}, "fix"),
        ({"BUILDKITE": "true", "BUILDKITE_BRANCH": "main"}, "main"),
        ({"CIRCLECI": "true", "CIRCLE_BRANCH": "main"}, "main"),
        (AZURE | {"BUILD_SOURCEBRANCH": "refs/heads/a/b"}, "a/b"),
        (AZURE | {"BUILD_SOURCEBRANCH": "refs/pull/1/merge"}, None),
        (AZURE | {"SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/fix"}, "fix"),
    ],
)
def test_the_branch_of_a_job(environ: dict[str, str], branch: str | None) -> None:
    assert ci.branch(environ) == branch
