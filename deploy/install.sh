#!/bin/sh
# Installs gnomon as a systemd service from this checkout. Run as root; run again to upgrade.
#
#   sudo deploy/install.sh              install, enable and start
#   sudo deploy/install.sh --no-start   install only
#   sudo deploy/install.sh --extra parquet --extra plot
#                                       with libraries that some commands need: alerts, parquet, plot, check
#
# Later upgrades keep the extras; --no-extras is without them again.
# DESTDIR=/some/root installs below another root, without users or systemd (for packaging).
# PYTHON=/path/to/python3.11 names the interpreter.
set -eu

say() { printf '%s\n' "$*"; }
die() { printf 'install: %s\n' "$*" >&2; exit 1; }

here=$(cd "$(dirname "$0")/.." && pwd)
root=${DESTDIR:-}
opt=$root/opt/gnomon

start=yes
extras=$(cat "$opt/share/extras" 2>/dev/null || true)
while [ $# -gt 0 ]; do
  case "$1" in
    --no-start) start=no ;;
    --no-extras) extras= ;;
    --extra)
      case "${2:-}" in
        alerts | parquet | plot | check) extras="$extras $2" ;;
        *) die "no extra '${2:-}'; there are alerts, parquet, plot and check" ;;
      esac
      shift ;;
    *) die "unknown option $1 (there are --no-start, --extra NAME and --no-extras)" ;;
  esac
  shift
done
extras=$(printf '%s\n' $extras | sort -u | xargs)
python=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}

[ -n "$python" ] || die "no python3 found; install Python 3.11 or set PYTHON="
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  || die "$python is too old; Python 3.11 or newer is needed (set PYTHON=)"
if [ -z "$root" ]; then
  [ "$(id -u)" = 0 ] || die "run as root, for example with sudo"
  command -v systemctl >/dev/null || die "systemctl not found; this installs a systemd service"
  getent group gnomon >/dev/null || groupadd --system gnomon
  getent passwd gnomon >/dev/null || useradd --system --gid gnomon --home-dir /var/lib/gnomon \
    --no-create-home --shell /usr/sbin/nologin gnomon
fi

say "installing into $opt"
mkdir -p "$opt" "$opt/share" "$root/etc/gnomon" "$root/etc/systemd/system" "$root/usr/local/bin"
# The environment is made beside the old one and swapped in whole, so that an upgrade that fails
# half-way leaves the running version as it was.
rm -rf "$opt/venv.new" "$opt/build"
"$python" -m venv "$opt/venv.new"
pip() {
  "$opt/venv.new/bin/python" -m pip "$@" --disable-pip-version-check
}
set -- --require-hashes -r "$here/requirements.lock"
for extra in $extras; do set -- "$@" -r "$here/requirements-$extra.lock"; done
pip install --quiet --only-binary :all: "$@"
# What builds our own package stays out of the environment, and pip leaves it: an upgrade makes
# another environment.
pip install --quiet --target "$opt/build" --require-hashes --only-binary :all: \
  -r "$here/requirements-build.lock"
PYTHONPATH=$opt/build pip install --quiet --no-deps --no-build-isolation "$here"
rm -rf "$opt/build"
case " $extras " in *" check "*) leave=pip ;; *) leave="pip setuptools" ;; esac
pip uninstall --quiet --quiet --yes $leave
rm -rf "$opt/venv.old"
if [ -e "$opt/venv" ]; then mv "$opt/venv" "$opt/venv.old"; fi
mv "$opt/venv.new" "$opt/venv"
rm -rf "$opt/venv.old"

# Console scripts name the folder they were made in, so ours is started through python itself.
mkdir -p "$opt/bin"
cat > "$opt/bin/gnomon" <<'SCRIPT'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/../venv/bin/python" -I -m daemon "$@"
SCRIPT
chmod 0755 "$opt/bin/gnomon"
ln -sf /opt/gnomon/bin/gnomon "$root/usr/local/bin/gnomon"
rm -rf "$opt/share/docs" && cp -r "$here/docs" "$opt/share/docs"
install -m 0644 "$here/requirements.lock" "$opt/share/requirements.lock"
printf '%s\n' "$extras" > "$opt/share/extras"

if [ -e "$root/etc/gnomon/gnomon.toml" ]; then
  say "keeping /etc/gnomon/gnomon.toml"
else
  install -m 0644 "$here/deploy/gnomon.toml" "$root/etc/gnomon/gnomon.toml"
fi
for unit in gnomon.service gnomon-autoresearch.service gnomon-autoresearch.timer; do
  install -m 0644 "$here/systemd/$unit" "$root/etc/systemd/system/$unit"
done
"$opt/bin/gnomon" config check "$root/etc/gnomon/gnomon.toml"

[ -z "$root" ] || exit 0
systemctl daemon-reload
if [ "$start" = yes ]; then
  systemctl enable gnomon.service gnomon-autoresearch.timer
  systemctl restart gnomon.service gnomon-autoresearch.timer
  say "running; watch it with: journalctl -fu gnomon"
else
  say "installed; start it with: systemctl enable --now gnomon gnomon-autoresearch.timer"
fi
say "let a user read the reports: usermod -aG gnomon USER (then log in again)"
