# Sourced by the scripts of this and other folders: NAME DATASET BN SEED [options of `nasreplay search`].
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"

usage() {
  local folder
  folder=$(cd "$(dirname "$0")" && pwd)
  echo "usage: bash ${folder#"$root"/}/$(basename "$0") $1 [options of nasreplay ${2:-search}]" >&2
  exit 2
}

# As the published scripts do, these fetch the images of CIFAR where none are; not into a folder that --data names.
fetching() {
  [[ " $* " == *" --data"* ]] || echo --download
}

# A weight-sharing search, in the space that the searcher was made for; BN 1 keeps running statistics, seed -1 draws one.
live() {
  local name=$1
  shift
  [ $# -ge 3 ] || usage "DATASET BN SEED"
  exec python3 -m nasreplay search "$name" --evaluator supernet --dataset "$1" --bn "$2" --seed "$3" \
    $(fetching "$@") "${@:4}"
}

# A search on the benchmark table with the simulated clock; some published pages leave the data set out.
table() {
  local name=$1
  shift
  [[ ${1:-} =~ ^-?[0-9]+$ ]] && set -- cifar10 "$@"
  [ $# -ge 2 ] || usage "DATASET SEED"
  exec python3 -m nasreplay search "$name" --evaluator table --dataset "$1" --seed "$2" "${@:3}"
}
