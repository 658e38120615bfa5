#!/usr/bin/env bash
# Random search on the table: DATASET SEED
source "$(dirname "$0")/common.sh"
table random "$@"
