#!/usr/bin/env bash
# TAS, masking + Gumbel-softmax and masking + sampling in the size space, on every data set of DATASETS: DEVICE
# (auto, cpu, or the number of a GPU), RATIO of the epochs that warm up, SEED
source "$(dirname "$0")/../algos/common.sh"
[ $# -ge 3 ] || usage "DEVICE RATIO SEED"
device=$1 ratio=$2 seed=$3
shift 3
[[ $device =~ ^[0-9]+$ ]] && device=cuda:$device
for dataset in ${DATASETS:-cifar10 cifar100 ImageNet16-120}; do
  for name in tas mask-gumbel mask-rl; do
    (live "$name" "$dataset" 0 "$seed" --device "$device" --set "$name.warmup=$ratio" "$@")
  done
done
