# Steps of install.sh that have to do with the version that is in place and the one before.
#
# /opt/gnomon has bin, share and venv of the version in place; in old/ stand those of the one before,
# and in old/databases the databases as they were when it was stopped.

PARTS="bin share venv"
ENABLED="gnomon.service gnomon-autoresearch.timer gnomon-backup.timer"
# What may run beside the daemon, where somebody has enabled it.
BESIDE="gnomon-web.service gnomon-notify.service"

as_owner() {
  if [ -z "$root" ]; then runuser -u gnomon -- "$@"; else "$@"; fi
}

# Stops what runs, and remembers what of it ran beside the daemon.
stop_all() {
  [ "$managed" = yes ] || return 0
  beside=
  for unit in $BESIDE; do
    if systemctl is-active --quiet "$unit"; then beside="$beside $unit"; fi
  done
  systemctl stop gnomon-autoresearch.timer gnomon-backup.timer $beside gnomon.service 2>/dev/null || true
}

# Says whether the daemon has told systemd that it is READY in time; a unit that failed is not waited for.
start_and_wait() {
  systemctl daemon-reload
  systemctl reset-failed gnomon.service 2>/dev/null || true
  systemctl start --no-block gnomon.service
  left=${READY_S:-180}
  while [ "$left" -gt 0 ]; do
    case "$(systemctl is-active gnomon.service 2>/dev/null || true)" in
      active)
        systemctl start gnomon-autoresearch.timer gnomon-backup.timer ${beside:-}
        return 0 ;;
      failed) return 1 ;;
    esac
    sleep 1
    left=$((left - 1))
  done
  return 1
}

# Copies each mode's database with the program that wrote it, which is stopped by now.
copy_databases() {
  rm -rf "$opt/databases"
  for database in "$state"/*/gnomon.db; do
    [ -e "$database" ] || continue
    mkdir -p "$opt/databases"
    [ -n "$root" ] || chown gnomon:gnomon "$opt/databases"
    chmod 0750 "$opt/databases"
    mode=$(basename "$(dirname "$database")")
    as_owner "$opt/bin/gnomon" db backup "$opt/databases/$mode.db" --state "$state" --mode "$mode" || return 1
  done
}

# A file that both versions have is on the disk once.
share_files() {
  "$opt/new/venv/bin/python" -I - "$opt/venv" "$opt/new/venv" <<'PYTHON'
import filecmp, os, sys
old, new = sys.argv[1:]
for folder, _, names in os.walk(new):
    for name in names:
        path = os.path.join(folder, name)
        twin = os.path.join(old, os.path.relpath(path, new))
        if os.path.islink(path) or os.path.islink(twin) or not os.path.isfile(twin):
            continue
        if filecmp.cmp(path, twin, shallow=False):
            os.link(twin, path + ".twin")
            os.replace(path + ".twin", path)
PYTHON
}

install_units() {
  for unit in "$opt"/share/units/*; do install -m 0644 "$unit" "$units/$(basename "$unit")"; done
}

# Makes the new version the one in place, and keeps the one that was.
put_in_place() {
  if [ -d "$opt/venv" ]; then
    rm -rf "$opt/old" && mkdir -p "$opt/old"
    for part in $PARTS databases; do
      if [ -e "$opt/$part" ]; then mv "$opt/$part" "$opt/old/$part"; fi
    done
  fi
  for part in $PARTS; do mv "$opt/new/$part" "$opt/$part"; done
  rm -rf "$opt/new"
  ln -sf /opt/gnomon/bin/gnomon "$root/usr/local/bin/gnomon"
  install_units
}

# Makes the version before the one in place again. A database that the other has changed in its
# schema would be refused by it: then the copy is put back, and what is lost by that is told.
go_back() {
  for copy in "$opt"/old/databases/*.db; do
    [ -e "$copy" ] || continue
    "$opt/bin/gnomon" db restore "$copy" --state "$state" --if-migrated
  done
  rm -rf "$opt/gone" && mkdir -p "$opt/gone"
  for part in $PARTS; do
    if [ -e "$opt/$part" ]; then mv "$opt/$part" "$opt/gone/$part"; fi
    mv "$opt/old/$part" "$opt/$part"
  done
  for unit in "$opt"/gone/share/units/*; do rm -f "$units/$(basename "$unit")"; done
  if [ -d "$opt/share/units" ]; then install_units; fi
  # The copies stay for as long as somebody may want them.
  if [ -d "$opt/old/databases" ]; then mv "$opt/old/databases" "$opt/databases-$(date -u +%Y-%m-%dT%H%M%SZ)"; fi
  rm -rf "$opt/gone" "$opt/old"
}
