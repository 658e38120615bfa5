#!/usr/bin/env bash
# GDAS in the NASNet space with a fixed reduction cell: DATASET BN SEED
source "$(dirname "$0")/algos/common.sh"
[ $# -ge 3 ] || usage "DATASET BN SEED"
live gdas "${@:1:3}" --space nasnet-gdas-frc "${@:4}"
