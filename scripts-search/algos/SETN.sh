#!/usr/bin/env bash
# SETN: DATASET BN SEED
source "$(dirname "$0")/common.sh"
live setn "$@"
