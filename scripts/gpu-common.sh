# Sourced by scripts/gpu-check and bench/gpu/run: what both say of the machine, and how they build.
# Expects $root; sets $device, $slug, $driver, $toolkit, $commit, $date.

fail() { # STATUS SENTENCE
  printf '%s: %s\n' "$(basename "$0")" "$2" >&2
  exit "$1"
}

json_string() { # TEXT as a JSON string; control characters go
  printf '"%s"' "$(printf '%s' "$1" | tr -d '\000-\037' | sed 's/\\/\\\\/g; s/"/\\"/g')"
}

# Exit status 2 and a sentence where nothing can be run here.
require_gpu() {
  command -v nvidia-smi > /dev/null || fail 2 'no GPU: nvidia-smi was not found, so there is no NVIDIA driver here'
  local listed
  listed=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>&1) || fail 2 "no GPU: nvidia-smi says: $listed"
  [ -n "$listed" ] || fail 2 'no GPU: nvidia-smi lists none'
  device=$(printf '%s\n' "$listed" | sed -n '1s/, [^,]*$//p')
  driver=$(printf '%s\n' "$listed" | sed -n '1s/.*, //p')
  [ -n "$device" ] && [ -n "$driver" ] || fail 2 "no GPU: nvidia-smi says: $listed"
}

require_toolkit() {
  command -v cmake > /dev/null || fail 3 'cmake was not found'
  local nvcc=${CUDACXX:-}
  [ -n "$nvcc" ] || nvcc=$(command -v nvcc || true)
  [ -n "$nvcc" ] || for folder in "${CUDA_HOME:-}" "${CUDA_PATH:-}" /usr/local/cuda; do
    if [ -x "$folder/bin/nvcc" ]; then nvcc=$folder/bin/nvcc; break; fi
  done
  [ -n "$nvcc" ] || fail 3 'nvcc was not found; name it in CUDACXX'
  export CUDACXX=$nvcc
  toolkit=$("$nvcc" --version | sed -n 's/.*release \([0-9.]*\).*/\1/p')
}

# What a result file says of its origin.
describe_run() {
  slug=$(printf '%s' "$device" | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9][^a-z0-9]*/-/g; s/^-//; s/-$//')
  date=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  # A copy of the tree without .git is told: JUMPOUT_COMMIT=$(git rev-parse --short=12 HEAD).
  commit=${JUMPOUT_COMMIT:-}
  if [ -z "$commit" ]; then
    commit=$(git -C "$root" rev-parse --short=12 HEAD 2> /dev/null || echo unknown)
    if [ -n "$(git -C "$root" status --porcelain --untracked-files=no -- . ':!bench/results' 2> /dev/null)" ]; then
      commit="$commit + changes"
    fi
  fi
}

build_with_cuda() { # FOLDER LOG TARGET...
  local folder=$1 log=$2
  shift 2
  {
    cmake -S "$root" -B "$folder" -DCMAKE_BUILD_TYPE=Release -DJUMPOUT_CUDA=ON -DJUMPOUT_BUILD_ADDON=OFF \
      -DJUMPOUT_BUILD_TESTS=ON -DJUMPOUT_BUILD_BENCH=ON -DCMAKE_CUDA_FLAGS=-lineinfo &&
      cmake --build "$folder" --parallel "$(nproc)" --target "$@"
  } > "$log" 2>&1
}
