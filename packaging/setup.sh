# Sets up the virtual environment; sourced by run, test and build. Bash.

set -eu
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv

say() { printf 'safelight: %s\n' "$*" >&2; }

find_python() {
    local candidate
    for candidate in ${SAFELIGHT_PYTHON:-} python3.13 python3.12 python3.11 python3; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] < (3, 14)))' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
    say 'Python 3.11, 3.12 or 3.13 is needed and was not found. On Debian or Ubuntu type: sudo apt-get install python3.11-venv'
    exit 2
}

# apt_install PACKAGES: true where they could be installed without asking for a password.
apt_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    local sudo=''
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || return 1
        sudo='sudo -n'
    fi
    say "installing system packages: $*"
    if { $sudo apt-get install -y -q "$@" || { $sudo apt-get update -q && $sudo apt-get install -y -q "$@"; }; } \
        >"$root/.apt.log" 2>&1 </dev/null; then
        rm -f "$root/.apt.log"
    else
        say "installing them failed; $root/.apt.log says why"
        return 1
    fi
}

make_venv() {
    local python=$1 package reason
    "$venv/bin/python" -c 'import pip' 2>/dev/null && return
    reason=$("$python" -m venv --clear "$venv" 2>&1) && return
    # Debian and Ubuntu keep a part of Python's own venv module in a package of its own.
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        apt_install "$package" && "$python" -m venv --clear "$venv" >/dev/null 2>&1 && return
        say "Python cannot make a virtual environment. On Debian or Ubuntu type: sudo apt-get install $package"
    else
        say "Python cannot make a virtual environment in $venv: $(printf '%s' "$reason" | tail -n 1)"
    fi
    exit 2
}

# set_up_python EXTRA: the virtual environment with the pinned packages; does nothing where it is up to date.
# EXTRA: "" for running, else the name of an extra in pyproject.toml. What was set up stays set up.
set_up_python() {
    local extra=$1 stamp wanted python extras=
    stamp=$venv/.set-up-for
    wanted="$(cat "$root/pyproject.toml" "$root/packaging/constraints.txt" | cksum) $root"
    if [ -x "$venv/bin/python" ] && [ -f "$stamp" ]; then
        extras=$(sed -n 2p "$stamp") # with commas around each
        if [ "$(sed -n 1p "$stamp")" = "$wanted" ]; then
            case $extras in *",$extra,"*) return ;; esac
        fi
    fi
    python=$(find_python)
    case ${extras:=,,} in *",$extra,"*) ;; *) extras=$extras$extra, ;; esac
    say 'setting up, once; this downloads some gigabytes and takes minutes ...'
    rm -f "$stamp"
    make_venv "$python"
    local chosen=${extras#,,}
    # The built wheel's metadata brings the dependencies; -e leaves the program where it is.
    if ! "$venv/bin/python" -m pip install -qq --disable-pip-version-check \
        -c "$root/packaging/constraints.txt" -e "$root${chosen:+[${chosen%,}]}" >&2; then
        say 'installing the packages failed; check the network and the free space on the disk, then run this again'
        exit 2
    fi
    printf '%s\n%s\n' "$wanted" "$extras" >"$stamp"
}

# set_up_libraries NAME:PACKAGE ...: shared libraries that Qt opens, installed with apt where that is allowed.
set_up_libraries() {
    [ "$(uname -s)" = Linux ] || return 0
    local known missing='' entry
    known=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null) || return 0
    for entry in "$@"; do
        case $known in *"${entry%%:*} "*) ;; *) missing="$missing ${entry#*:}" ;; esac
    done
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086 # the list is meant to be split
    if ! apt_install $missing; then
        say "Qt needs system libraries that are missing. On Debian or Ubuntu type: sudo apt-get install$missing"
        exit 2
    fi
}

qt_libraries='libglib-2.0.so.0:libglib2.0-0 libEGL.so.1:libegl1 libGL.so.1:libgl1 libxkbcommon.so.0:libxkbcommon0 libdbus-1.so.3:libdbus-1-3
    libfontconfig.so.1:libfontconfig1'
window_libraries='libxcb-cursor.so.0:libxcb-cursor0 libxcb-icccm.so.4:libxcb-icccm4 libxcb-keysyms.so.1:libxcb-keysyms1
    libxcb-shape.so.0:libxcb-shape0 libxkbcommon-x11.so.0:libxkbcommon-x11-0'
