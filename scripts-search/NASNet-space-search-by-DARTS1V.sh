#!/usr/bin/env bash
# DARTS of first order in the NASNet space: DATASET SEED
source "$(dirname "$0")/algos/common.sh"
[ $# -ge 2 ] || usage "DATASET SEED"
live darts-v1 "$1" 1 "$2" --space nasnet-gdas "${@:3}"
