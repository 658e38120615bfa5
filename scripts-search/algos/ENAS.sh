#!/usr/bin/env bash
# ENAS: DATASET BN SEED
source "$(dirname "$0")/common.sh"
live enas "$@"
