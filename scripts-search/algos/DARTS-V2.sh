#!/usr/bin/env bash
# DARTS-V2: DATASET BN SEED
source "$(dirname "$0")/common.sh"
live darts-v2 "$@"
