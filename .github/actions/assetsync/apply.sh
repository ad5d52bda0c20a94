#!/usr/bin/env bash
# Publishes, commits assets.lock and pushes it. With $APPROVED, only the plan that the merged pull request shows.
set -euo pipefail
# shellcheck source=SCRIPTDIR/comment.sh
. "$GITHUB_ACTION_PATH/comment.sh"

expected=()
if [ "$APPROVED" = true ]; then
  pull_request=$(gh api "repos/$GITHUB_REPOSITORY/commits/$GITHUB_SHA/pulls" --jq '.[0].number // empty')
  [ -n "$pull_request" ] || { echo "::error::no pull request brought this commit"; exit 1; }
  shown=$(comments "$pull_request" .body | fingerprint)
  [ -n "$shown" ] || { echo "::error::pull request $pull_request shows no plan"; exit 1; }
  expected=(--expect "$shown")
fi
git config user.name > /dev/null || git config user.name 'github-actions[bot]'
git config user.email > /dev/null || git config user.email '41898282+github-actions[bot]@users.noreply.github.com'
assetsync -C "$DIRECTORY" apply --yes "${expected[@]}" --commit --push -m "$MESSAGE"
