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

# How many processes train together: GPUS [options of `nasreplay retrain`]. All visible GPUs, or as many as divide the
# batch; one under torchrun, and where a device is named.
processes() {
  local count=$1 batch=0 before=""
  shift
  [ -z "${LOCAL_RANK:-}" ] || count=1
  for word in "$@"; do
    [[ $before == --batch ]] && batch=$word
    [[ $word == --batch=* ]] && batch=${word#*=}
    [[ $word == --device || $word == --device=* ]] && count=1
    before=$word
  done
  [[ $batch =~ ^[0-9]{1,9}$ ]] || batch=0
  while [ "$count" -gt 1 ] && [ $((10#$batch % count)) -ne 0 ]; do count=$((count - 1)); done
  echo "$((count > 1 ? count : 1))"
}

# The published trainings use every visible GPU (CUDA_VISIBLE_DEVICES); so do these.
retrain() {
  local count
  count=$(processes "$(python3 -c 'import torch; print(torch.cuda.device_count())')" "$@")
  [ "$count" -gt 1 ] || exec python3 -m nasreplay retrain "$@"
  echo "$count processes, one for each GPU" >&2
  exec python3 -m torch.distributed.run --standalone --nproc-per-node="$count" -m nasreplay retrain "$@"
}
