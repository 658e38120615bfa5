#!/usr/bin/env bash
# RSPS: DATASET BN SEED
source "$(dirname "$0")/common.sh"
live rsps "$@"
