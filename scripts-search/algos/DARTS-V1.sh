#!/usr/bin/env bash
# DARTS-V1: DATASET BN SEED
source "$(dirname "$0")/common.sh"
live darts-v1 "$@"
