#!/bin/sh
# Removes the service and the program. What it wrote down stays: configuration, databases, tape, backups.
#
#   sudo deploy/uninstall.sh            keep /etc/gnomon and /var/lib/gnomon, and the user that owns them
#   sudo deploy/uninstall.sh --purge    remove them too: nothing is left, and nothing comes back
#
# DESTDIR=/some/root removes what was installed below another root.
set -eu

say() { printf '%s\n' "$*"; }
die() { printf 'uninstall: %s\n' "$*" >&2; exit 1; }

root=${DESTDIR:-}
purge=no
case "${1:-}" in
  "") ;;
  --purge) purge=yes ;;
  *) die "unknown option $1 (there is --purge)" ;;
esac
[ -n "$root" ] || [ "$(id -u)" = 0 ] || die "run as root, for example with sudo"

found=
for unit in "$root"/etc/systemd/system/gnomon.service "$root"/etc/systemd/system/gnomon-*; do
  [ ! -e "$unit" ] || found="$found $(basename "$unit")"
done
if [ -z "$root" ] || [ -n "${REHEARSAL:-}" ]; then
  # Timers first, so that none of them starts anything again.
  for unit in $(printf '%s\n' $found | sort -r); do systemctl disable --now "$unit" 2>/dev/null || true; done
fi
for unit in $found; do rm -f "$root/etc/systemd/system/$unit"; done
if [ -z "$root" ] || [ -n "${REHEARSAL:-}" ]; then systemctl daemon-reload; fi
rm -f "$root/usr/local/bin/gnomon"
rm -rf "$root/opt/gnomon" "$root/var/cache/gnomon"

if [ "$purge" = yes ]; then
  rm -rf "$root/etc/gnomon" "$root/var/lib/gnomon"
  if [ -z "$root" ]; then
    userdel gnomon 2>/dev/null || true
    groupdel gnomon 2>/dev/null || true
  fi
  say "gnomon is removed, with its configuration, databases, tape and backups"
  exit 0
fi
say "gnomon is removed; what stays:"
for path in "$root/etc/gnomon" "$root/var/lib/gnomon"; do
  if [ -d "$path" ]; then say "  $path ($(du -sh "$path" | cut -f1))"; fi
done
[ -n "$root" ] || say "  user and group gnomon, who own them"
say "deploy/install.sh takes it up again; deploy/uninstall.sh --purge removes that too"
