#!/bin/sh
# The Python environment var/venv from the locked requirements: `sh tools/environment.sh run|dev`; `lock` renews the locks.
#
# uv does all of it, and is itself fetched by the pip that every Python brings along. Nothing is written outside of this
# checkout. PYTHON names the Python that it is made with; otherwise it is the quickest one on the PATH, chosen when the
# environment is made for the first time. Notes of what things were made from let a call with nothing to do return at once, and need no network.
#
# The locks are requirements/*.txt and not a uv.lock: that names the registry which it was made with, for every package.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-}
kind=${1:-run}
export UV_CACHE_DIR="$PWD/var/cache/uv" UV_PYTHON_DOWNLOADS=never
# Whom the machine trusts, as Debian's pip does: there may be an authority of its own. uv's list is for machines without.
[ ! -e /etc/ssl/certs/ca-certificates.crt ] || export UV_SYSTEM_CERTS=true

main() {
    mkdir -p var/cache
    exec 9>var/cache/environment.lock # two calls at once: the second waits, and finds everything done
    flock 9
    [ -n "$python" ] || choose_python
    look_at_python
    case $kind in
    run | dev)
        # Whoever runs the tests runs the line too: an environment made for development stays one.
        case $(cat var/venv/made-from 2>/dev/null) in dev*) kind=dev ;; esac
        wanted="$kind $(fingerprint "requirements/$kind.txt")"
        noted var/venv/made-from "$wanted" || make_environment
        ;;
    lock)
        get_uv
        shift
        lock run pyproject.toml "$@"
        lock dev pyproject.toml --group dev -c requirements/run.txt "$@"
        lock uv --group uv "$@"
        lock node --group node "$@"
        ;;
    *) stop "unknown kind '$kind'; it is run, dev or lock" ;;
    esac
}

choose_python() { # sets python, which nobody has named
    python=$(cat var/venv/made-by 2>/dev/null) || :
    python=${python%% *}
    [ -z "$python" ] || ! [ -x "$python" ] || return 0
    chosen=$(python3 tools/interpreter.py 2>/dev/null) || chosen=python3 # what is wrong with it is told below
    python=$(echo "$chosen" | head -n 1)
    [ "$chosen" = "$python" ] || say "$(echo "$chosen" | tail -n 1)"
}

look_at_python() { # sets identity: a venv is bound to its Python, and to where it lies
    identity=$("$python" -c 'import os, sys
print(os.path.realpath(sys.executable) + " " + sys.version.split()[0])
sys.exit(3 * (sys.version_info < (3, 11)))') || case $? in
    3) stop "Python ${identity##* } is too old: 3.11 or newer is needed. Name a newer one: make PYTHON=python3.12 …" ;;
    *) stop "'$python' does not run. Install Python 3.11 or newer, or name one: make PYTHON=python3.12 …" ;;
    esac
    interpreter=${identity% *}
    identity="$identity at $PWD"
}

make_environment() {
    get_uv
    rm -f var/venv/made-from
    if ! noted var/venv/made-by "$identity" || ! [ -x var/venv/bin/python ]; then
        uv venv --quiet --clear --python "$interpreter" var/venv || stop "uv could not make var/venv; why is above."
        echo "$identity" >var/venv/made-by
    fi
    say "installing requirements/$kind.txt (hashes checked) …"
    uv pip sync --quiet --python var/venv --require-hashes --no-build --compile-bytecode "requirements/$kind.txt" ||
        unreachable "uv could not install the locked requirements"
    # The code runs from the working tree: nothing to install anew after an edit.
    echo "$PWD" >"$(echo var/venv/lib/python3.*/site-packages)/callcenter-tree.pth"
    printf '#!/bin/sh\nexec "%s/var/venv/bin/python" -m callcenter "$@"\n' "$PWD" >var/venv/bin/callcenter
    chmod +x var/venv/bin/callcenter
    echo "$wanted" >var/venv/made-from
}

get_uv() {
    uv_wanted=$(fingerprint requirements/uv.txt)
    noted var/uv/made-from "$uv_wanted" && return
    say "fetching uv (hashes checked) …"
    problem=$("$python" -m venv --clear var/uv 2>&1) || {
        rm -rf var/uv
        stop "Python's own venv module does not work here. On Debian and Ubuntu, install it first:" \
            "apt-get install python3-venv
$problem"
    }
    pip install -qq --no-cache-dir --require-hashes --only-binary :all: -r requirements/uv.txt ||
        unreachable "pip could not install uv"
    echo "$uv_wanted" >var/uv/made-from
}

pip() { var/uv/bin/python -m pip --disable-pip-version-check --no-input "$@"; }

uv() { # does not read pip's settings: who has named a mirror there need not name it again
    index=${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-${PIP_INDEX_URL:-$(pip config get global.index-url 2>/dev/null)}}} || :
    trusted=${SSL_CERT_FILE:-${PIP_CERT:-$(pip config get global.cert 2>/dev/null)}} || :
    env ${index:+"UV_DEFAULT_INDEX=$index"} ${trusted:+"SSL_CERT_FILE=$trusted"} var/uv/bin/uv "$@"
}

lock() { # NAME WHAT…
    name=$1
    shift
    uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command 'make lock' \
        "$@" -o "requirements/$name.txt"
}

fingerprint() { echo "$(cat "$1" tools/environment.sh | sha256sum) $identity"; }

noted() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

unreachable() {
    stop "$1 (its message is above). Check that this machine reaches a Python package index, then run the same" \
        "command again. A mirror that is named to pip or in UV_DEFAULT_INDEX is asked instead of the public one."
}

say() { echo "environment: $*"; }

stop() {
    echo "environment: $*" >&2
    exit 1
}

main "$@"
