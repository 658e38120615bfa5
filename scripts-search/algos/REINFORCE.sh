#!/usr/bin/env bash
# REINFORCE on the table: DATASET LEARNING_RATE SEED
source "$(dirname "$0")/common.sh"
[[ ${1:-} =~ ^[0-9.]+$ ]] && set -- cifar10 "$@" # as on the published page
[ $# -ge 3 ] || usage "DATASET LEARNING_RATE SEED"
table reinforce "$1" "$3" --set "reinforce.learning_rate=$2" "${@:4}"
