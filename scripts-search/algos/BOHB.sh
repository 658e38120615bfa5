#!/usr/bin/env bash
# BOHB on the table: DATASET SEED
source "$(dirname "$0")/common.sh"
table bohb "$@"
