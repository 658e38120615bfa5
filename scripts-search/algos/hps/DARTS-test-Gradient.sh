#!/usr/bin/env bash
# DARTS-V1 with another clipping of the weights' gradient: DATASET BN CLIP; the seed is drawn
source "$(dirname "$0")/../common.sh"
[ $# -ge 3 ] || usage "DATASET BN CLIP"
seed=$RANDOM
live darts-v1 "$1" "$2" "$seed" --clip "$3" \
  --out "output/search-cell-nas-bench-201/DARTS-V1-$1-BN$2-Gradient$3/seed-$seed" "${@:4}"
