#!/usr/bin/env bash
# SNAS: DATASET BN SEED
source "$(dirname "$0")/common.sh"
live snas "$@"
