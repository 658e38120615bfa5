#!/usr/bin/env bash
# Regularized evolution on the table: DATASET SAMPLE_SIZE SEED
source "$(dirname "$0")/common.sh"
[ $# -ge 3 ] || usage "DATASET SAMPLE_SIZE SEED"
table rea "$1" "$3" --set "rea.tournament=$2" "${@:4}"
