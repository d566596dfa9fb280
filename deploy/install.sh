#!/bin/sh
# Installs gnomon as a systemd service from this checkout. Run as root; run again to upgrade.
#
#   sudo deploy/install.sh              install, enable and start
#   sudo deploy/install.sh --no-start   install only
#   sudo deploy/install.sh --extra parquet --extra plot
#                                       with libraries that some commands need: alerts, parquet, plot, check
#   sudo deploy/install.sh --rollback   go back to the version before the last upgrade
#
# An upgrade stops the daemon, copies its databases, and starts the new version; when that does not
# report READY in time, the old one is brought back, and with it the copy if the new one has changed
# the database. Later upgrades keep the extras; --no-extras is without them again.
# DESTDIR=/some/root installs below another root, without users or systemd (for packaging).
# PYTHON=/path/to/python3.11 names the interpreter. READY_S=180 is how long READY may take.
set -eu

say() { printf '%s\n' "$*"; }
die() { printf 'install: %s\n' "$*" >&2; exit 1; }

here=$(cd "$(dirname "$0")/.." && pwd)
root=${DESTDIR:-}
opt=$root/opt/gnomon
state=$root/var/lib/gnomon
units=$root/etc/systemd/system
# A rehearsal below another root may have a systemctl of its own.
managed=yes
[ -z "$root" ] || [ -n "${REHEARSAL:-}" ] || managed=no
. "$here/deploy/versions.sh"

start=yes
rollback=no
extras=$(cat "$opt/share/extras" 2>/dev/null || true)
while [ $# -gt 0 ]; do
  case "$1" in
    --no-start) start=no ;;
    --rollback) rollback=yes ;;
    --no-extras) extras= ;;
    --extra)
      case "${2:-}" in
        alerts | parquet | plot | check) extras="$extras $2" ;;
        *) die "no extra '${2:-}'; there are alerts, parquet, plot and check" ;;
      esac
      shift ;;
    *) die "unknown option $1 (there are --no-start, --rollback, --extra NAME and --no-extras)" ;;
  esac
  shift
done
extras=$(printf '%s\n' $extras | sort -u | xargs)

if [ -z "$root" ]; then
  [ "$(id -u)" = 0 ] || die "run as root, for example with sudo"
  command -v systemctl >/dev/null || die "systemctl not found; this installs a systemd service"
fi

if [ "$rollback" = yes ]; then
  [ -d "$opt/old" ] || die "no version before this one is kept in $opt/old"
  say "going back to the version before the last upgrade"
  stop_all
  go_back
  [ "$managed" = yes ] || exit 0
  if start_and_wait; then say "the version before runs again"; exit 0; fi
  die "the version before is in place and not READY; see: journalctl -u gnomon"
fi

python=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}
[ -n "$python" ] || die "no python3 found; install Python 3.11 or set PYTHON="
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  || die "$python is too old; Python 3.11 or newer is needed (set PYTHON=)"
if [ -z "$root" ]; then
  getent group gnomon >/dev/null || groupadd --system gnomon
  getent passwd gnomon >/dev/null || useradd --system --gid gnomon --home-dir /var/lib/gnomon \
    --no-create-home --shell /usr/sbin/nologin gnomon
fi

say "installing into $opt"
mkdir -p "$opt" "$root/etc/gnomon" "$units" "$root/usr/local/bin"
# The version is made beside the old one, which runs on meanwhile, and is put in place whole.
rm -rf "$opt/new" "$opt/build"
mkdir -p "$opt/new/bin" "$opt/new/share/units"
"$python" -m venv "$opt/new/venv"
pip() {
  "$opt/new/venv/bin/python" -m pip "$@" --disable-pip-version-check
}
set -- --require-hashes -r "$here/requirements.lock"
for extra in $extras; do set -- "$@" -r "$here/requirements-$extra.lock"; done
pip install --quiet --no-compile --only-binary :all: "$@"
# What builds our own package stays out of the environment, and pip leaves it: an upgrade makes
# another environment.
pip install --quiet --target "$opt/build" --require-hashes --only-binary :all: \
  -r "$here/requirements-build.lock"
PYTHONPATH=$opt/build pip install --quiet --no-compile --no-deps --no-build-isolation "$here"
rm -rf "$opt/build"
case " $extras " in *" check "*) leave=pip ;; *) leave="pip setuptools" ;; esac
pip uninstall --quiet --quiet --yes $leave
# The libraries' own tests are an eighth of all there is.
find "$opt/new/venv" -type d -name tests -path '*/site-packages/*/*' -prune -exec rm -rf {} +
find "$opt/new/venv" -type d -name __pycache__ -prune -exec rm -rf {} +
"$opt/new/venv/bin/python" -m compileall -q --invalidation-mode unchecked-hash "$opt/new/venv/lib" || true

# Console scripts name the folder they were made in, so ours is started through python itself.
cat > "$opt/new/bin/gnomon" <<'SCRIPT'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/../venv/bin/python" -I -m daemon "$@"
SCRIPT
chmod 0755 "$opt/new/bin/gnomon"
cp -r "$here/docs" "$opt/new/share/docs"
cp "$here"/systemd/* "$opt/new/share/units/"
install -m 0644 "$here/requirements.lock" "$opt/new/share/requirements.lock"
printf '%s\n' "$extras" > "$opt/new/share/extras"

if [ -e "$root/etc/gnomon/gnomon.toml" ]; then
  say "keeping /etc/gnomon/gnomon.toml"
else
  install -m 0644 "$here/deploy/gnomon.toml" "$root/etc/gnomon/gnomon.toml"
fi
"$opt/new/bin/gnomon" config check "$root/etc/gnomon/gnomon.toml"

upgrade=no
[ ! -d "$opt/venv" ] || upgrade=yes
running=no
[ "$managed" = no ] || ! systemctl is-active --quiet gnomon.service || running=yes
if [ "$upgrade" = yes ]; then
  share_files
  stop_all
  copy_databases || { [ "$running" = no ] || systemctl start gnomon.service
    die "the databases could not be copied, so nothing was changed"; }
fi
put_in_place
[ "$managed" = yes ] || exit 0

if [ "$start" = no ]; then
  say "installed; start it with: systemctl enable --now $ENABLED"
  exit 0
fi
systemctl enable $ENABLED
if start_and_wait; then
  say "READY; watch it with: journalctl -fu gnomon"
  if [ "$upgrade" = yes ]; then say "the version before is kept: deploy/install.sh --rollback"; fi
  say "let a user read the reports: usermod -aG gnomon USER (then log in again)"
  exit 0
fi
journalctl --unit gnomon --lines 15 --no-pager 2>/dev/null || true
[ "$upgrade" = yes ] || die "installed, but not READY; see: journalctl -u gnomon"
say "the new version is not READY: bringing the old one back"
stop_all
go_back
if start_and_wait; then die "the new version did not start; the old one runs again"; fi
die "neither version is READY, the old one is in place; see: journalctl -u gnomon"
