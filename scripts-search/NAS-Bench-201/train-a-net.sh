#!/usr/bin/env bash
# bash scripts-search/NAS-Bench-201/train-a-net.sh ARCH C N [options of nasreplay train]
# Trains one structure (a cell text, or resnet, all_c3x3, all_c1x1, all_idnt) with width C and N cells a stage by the
# 200-epoch recipe, on every data set of DATASETS with every seed of SEEDS; what was begun before is continued. Each
# seed has its seed-0777.pth, with the epochs and weights of all data sets.
source "$(dirname "$0")/../algos/common.sh"
[ $# -ge 3 ] || usage "ARCH CHANNELS CELLS" train
arch=$1 channels=$2 cells=$3
shift 3
folder="output/NAS-BENCH-201-4/specifics/FULL-$arch-$channels-$cells"
mkdir -p "$folder"
for dataset in ${DATASETS:-cifar10-valid cifar10 cifar100 ImageNet16-120}; do
  for seed in ${SEEDS:-777 888 999}; do
    out="$folder/$dataset-seed$seed"
    [ -e "$out/run.json" ] && resume=--resume || resume=
    python3 -m nasreplay train "$arch" --channels "$channels" --cells "$cells" --dataset "$dataset" --seed "$seed" \
      --recipe 200 $(fetching "$@") --out "$out" $resume --export "$folder/seed-$(printf %04d "$seed").pth" "$@"
  done
done
