#!/usr/bin/env bash
# CURRICULUM: DATASET BN SEED
source "$(dirname "$0")/common.sh"
live curriculum "$@"
