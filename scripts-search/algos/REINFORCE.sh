#!/usr/bin/env bash
# REINFORCE on the table: DATASET LEARNING_RATE SEED
source "$(dirname "$0")/common.sh"
[ $# -ge 3 ] || usage "DATASET LEARNING_RATE SEED"
table reinforce "$1" "$3" --set "reinforce.learning_rate=$2" "${@:4}"
