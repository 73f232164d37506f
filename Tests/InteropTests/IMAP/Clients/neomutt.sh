#!/usr/bin/env bash
# neomutt reads, flags, moves and writes: FOLDER IMAPS_PORT CA NAME PASSWORD
set -euo pipefail
folder=$1 port=$2 ca=$3 name=$4 password=$5
mkdir -p "$folder"
fetch() { curl -sS --cacert "$ca" --resolve "srv.lab.test:$port:127.0.0.1" -u "$name:$password" "$@"; }
base="imaps://srv.lab.test:$port"
# The laboratory's sample mail is in the way.
fetch "$base/INBOX" -X 'STORE 1:* +FLAGS.SILENT (\Deleted)' > /dev/null
fetch "$base/INBOX" -X EXPUNGE > /dev/null
printf 'From: a@lab.test\r\nSubject: first\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n' > "$folder/message"; fetch -T "$folder/message" "$base/INBOX" > /dev/null
printf 'From: b@lab.test\r\nSubject: second\r\nMessage-ID: <2@x>\r\n\r\nbody\r\n' > "$folder/message"; fetch -T "$folder/message" "$base/INBOX" > /dev/null
# The name in the certificate is srv.lab.test; 127.0.0.1 is in it as well.
cat > "$folder/rc" <<RC
set imap_user="$name"
set imap_pass="$password"
set ssl_ca_certificates_file="$ca"
set certificate_file="$ca"
set folder="imaps://127.0.0.1:$port/"
set spoolfile="+INBOX"
set header_cache="$folder/cache"
set ssl_starttls=yes
set timeout=1
set mail_check=1
set delete=yes
set confirmappend=no
set confirmcreate=no
set wait_key=no
set pager_stop
RC
session="imap-neomutt-$$"
trap 'tmux kill-session -t "$session" 2>/dev/null || true' EXIT
TERM=xterm tmux -f /dev/null new-session -d -s "$session" -x 120 -y 40 "neomutt -n -F $folder/rc 2> $folder/errors"
screen() { tmux capture-pane -p -t "$session"; }
wait_for() {
  for _ in $(seq 100); do screen | grep -q "$1" && return 0; sleep 0.1; done
  echo "never saw: $1"; screen; exit 1
}
keys() { tmux send-keys -t "$session" "$@"; }
wait_for second
# Read the first, flag the second, save the first elsewhere, write all back.
keys 1 Enter; sleep 0.3; keys Enter; wait_for body; keys q; sleep 0.3
keys 2 Enter; sleep 0.3; keys F; sleep 0.3
keys 1 Enter; sleep 0.3; keys s; sleep 0.3; keys C-u; keys "=Archive" Enter; sleep 0.5
keys '$'; sleep 1.5
wait_for second
# Another program's message arrives while it waits.
printf 'From: c@lab.test\r\nSubject: third\r\n\r\nbody\r\n' > "$folder/message"; fetch -T "$folder/message" "$base/INBOX" > /dev/null
wait_for third
keys q; sleep 1
[ "$(fetch "$base/Archive?SUBJECT%20first" | tr -d '\r')" = "* SEARCH 1" ]
fetch "$base/INBOX" -X 'SEARCH FLAGGED' | tr -d '\r' | grep -qx '\* SEARCH 1'
echo ok
