#!/usr/bin/env bash
# Train a published architecture: DATASET ARCH BATCH SEED; ARCH as in configs/archs/NAS-*-ARCH.config or nasreplay zoo
source "$(dirname "$0")/../scripts-search/algos/common.sh"
[ $# -ge 4 ] || usage "DATASET ARCH BATCH SEED" retrain
kind=CIFAR
[[ $1 == imagenet-1k ]] && kind=IMAGENET
target=("$2")
[ -e "$root/configs/archs/NAS-$kind-$2.config" ] && target=(--config "$root/configs/archs/NAS-$kind-$2.config")
retrain "${target[@]}" --dataset "$1" --batch "$3" --seed "$4" \
  --out "output/nas-infer/$1-$2-$3/seed-{seed}" "${@:5}"
