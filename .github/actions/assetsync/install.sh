#!/usr/bin/env bash
# Installs the assetsync that this action belongs to, with the packages of $EXTRA.
set -euo pipefail

case "$COMMAND" in check | plan | apply) ;; *)
  echo "::error::the action's command is none of check, plan, apply"
  exit 64
  ;;
esac
case "$EXTRA" in "" | s3 | gcs | azure | all) ;; *)
  echo "::error::the action's extra is none of s3, gcs, azure, all"
  exit 64
  ;;
esac
python -m pip install --quiet --disable-pip-version-check "$GITHUB_ACTION_PATH/../../..${EXTRA:+[$EXTRA]}"
