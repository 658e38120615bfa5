#!/usr/bin/env bash
# SNAS in its NASNet space, with the published drop path: DATASET SEED
source "$(dirname "$0")/algos/common.sh"
[ $# -ge 2 ] || usage "DATASET SEED"
live snas "$1" 1 "$2" --space nasnet --drop-path 0.3 "${@:3}"
