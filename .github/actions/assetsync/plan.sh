#!/usr/bin/env bash
# Shows the plan in the job's summary and, in a pull request, as one comment that later runs change.
set -euo pipefail
# shellcheck source=SCRIPTDIR/comment.sh
. "$GITHUB_ACTION_PATH/comment.sh"

plan=$(mktemp)
code=0
assetsync -C "$DIRECTORY" plan --format markdown --summary --detailed-exitcode > "$plan" || code=$?
case "$code" in
  0) changes=false ;;
  2) changes=true ;;
  *) changes= ;;
esac
printf 'changes=%s\nfingerprint=%s\n' "$changes" "$(fingerprint < "$plan")" >> "$GITHUB_OUTPUT"

# A plan with problems is worth reading too; without any, the job's log says why.
if [ -n "$PULL_REQUEST" ] && [ -s "$plan" ]; then
  { printf '%s\n' "$MARKER"; cat "$plan"; } > "$plan.md"
  comment=$(comments "$PULL_REQUEST" .id | tail -n 1)
  if [ -n "$comment" ]; then
    gh api --silent -X PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$comment" -F "body=@$plan.md"
  else
    gh pr comment "$PULL_REQUEST" --body-file "$plan.md"
  fi
fi
[ "$code" = 2 ] || exit "$code"
