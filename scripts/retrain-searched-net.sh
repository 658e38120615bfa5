#!/usr/bin/env bash
# Train what a search found: DATASET NAME CHECKPOINT BATCH SEED; NAME is for the output folder, seed -1 draws one
source "$(dirname "$0")/../scripts-search/algos/common.sh"
[ $# -ge 5 ] || usage "DATASET NAME CHECKPOINT BATCH SEED" retrain
retrain "$3" --dataset "$1" --batch "$4" --seed "$5" \
  --out "output/nas-infer/$1-BS$4-$2/seed-{seed}" "${@:6}"
