#!/usr/bin/env bash
# GDAS: DATASET BN SEED
source "$(dirname "$0")/common.sh"
live gdas "$@"
