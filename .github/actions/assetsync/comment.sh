# shellcheck shell=bash
# The comment of a pull request that shows the plan of $DIRECTORY. Its first line, by which it is found again:
MARKER='<!-- assetsync plan -->'
[ "$DIRECTORY" = . ] || MARKER="<!-- assetsync plan of $DIRECTORY -->"
export MARKER

comments() { # of pull request $1, those that this action has written; $2 is what of them, for jq
  gh api --paginate "repos/$GITHUB_REPOSITORY/issues/$1/comments" --jq ".[]
    | select(.user.login == \"github-actions[bot]\" and (.body | startswith(env.MARKER))) | $2"
}

fingerprint() { # of the plan on stdin; nothing when there is none
  # shellcheck disable=SC2016  # the backticks are markdown
  sed -nE 's/^Fingerprint: `(sha256:[0-9a-f]{64})`.*/\1/p' | tail -n 1
}
