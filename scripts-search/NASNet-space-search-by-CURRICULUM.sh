#!/usr/bin/env bash
# Curriculum search in the NASNet space of CNAS, 8 stages of 20 + 40 epochs: DATASET SEED
source "$(dirname "$0")/algos/common.sh"
[ $# -ge 2 ] || usage "DATASET SEED"
live curriculum "$1" 0 "$2" --space nasnet-cnas --train-portion 0.4 "${@:3}"
