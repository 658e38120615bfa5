# Sourced by the scripts beside it: NAME DATASET BN SEED [options of `nasreplay search`].
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"

usage() {
  echo "usage: bash scripts-search/algos/$(basename "$0") $1 [options of nasreplay search]" >&2
  exit 2
}

# A weight-sharing search on the cells of NAS-Bench-201; BN 1 keeps running statistics, seed -1 draws one.
live() {
  local name=$1
  shift
  [ $# -ge 3 ] || usage "DATASET BN SEED"
  exec python3 -m nasreplay search "$name" --evaluator supernet --dataset "$1" --bn "$2" --seed "$3" "${@:4}"
}

# A search on the benchmark table with the simulated clock.
table() {
  local name=$1
  shift
  [ $# -ge 2 ] || usage "DATASET SEED"
  exec python3 -m nasreplay search "$name" --evaluator table --dataset "$1" --seed "$2" "${@:3}"
}
