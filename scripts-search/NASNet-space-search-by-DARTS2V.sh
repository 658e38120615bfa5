#!/usr/bin/env bash
# DARTS of second order in the NASNet space: DATASET SEED
source "$(dirname "$0")/algos/common.sh"
[ $# -ge 2 ] || usage "DATASET SEED"
live darts-v2 "$1" 1 "$2" --space nasnet-gdas "${@:3}"
