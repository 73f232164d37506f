#!/usr/bin/env bash
# mbsync both ways, with a conflict: FOLDER IMAPS_PORT CA NAME PASSWORD
set -euo pipefail
folder=$1 port=$2 ca=$3 name=$4 password=$5
mkdir -p "$folder/mail"
cat > "$folder/rc" <<RC
IMAPAccount t
Host srv.lab.test
Tunnel "openssl s_client -quiet -verify_quiet -CAfile $ca -connect 127.0.0.1:$port -servername srv.lab.test"
User $name
Pass $password
AuthMechs PLAIN

IMAPStore remote
Account t

MaildirStore local
Path $folder/mail/
Inbox $folder/mail/INBOX
SubFolders Verbatim

Channel c
Far :remote:
Near :local:
Patterns *
Create Both
Expunge Both
Sync All
SyncState *
RC
fetch() { curl -sS --cacert "$ca" --resolve "srv.lab.test:$port:127.0.0.1" -u "$name:$password" "$@"; }
base="imaps://srv.lab.test:$port"
# The laboratory's sample mail is in the way.
fetch "$base/INBOX" -X 'STORE 1:* +FLAGS.SILENT (\Deleted)' > /dev/null
fetch "$base/INBOX" -X EXPUNGE > /dev/null
sync() { mbsync -c "$folder/rc" -a > "$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }; }
printf 'From: a@lab.test\r\nSubject: far\r\n\r\nbody\r\n' > "$folder/message"; fetch -T "$folder/message" "$base/INBOX" > /dev/null
sync
file=$(find "$folder/mail/INBOX" -type f -path '*/[cn][ue][rw]/*' | head -1)
grep -q 'Subject: far' "$file"
# Near: flags, a message, a folder.
mv "$file" "$folder/mail/INBOX/cur/$(basename "$file" | sed 's/:2,.*//'):2,FS"
printf 'From: x@lab.test\nSubject: near\n\nbody\n' > "$folder/mail/INBOX/cur/1.1.host:2,S"
mkdir -p "$folder/mail/New/cur" "$folder/mail/New/new" "$folder/mail/New/tmp"
printf 'Subject: new\n\nbody\n' > "$folder/mail/New/new/2.1.host"
sync
fetch "$base/INBOX" -X 'UID FETCH 1:* (FLAGS)' | tr -d '\r' > "$folder/far"
grep -q 'FLAGS (.*\\Flagged \\Seen' "$folder/far"
[ "$(fetch "$base/INBOX?ALL" | tr -d '\r')" = "* SEARCH 1 2" ]
[ "$(fetch "$base/New?SUBJECT%20new" | tr -d '\r')" = "* SEARCH 1" ]
# A conflict: far expunges what near flags.
fetch "$base/INBOX" -X 'STORE 2 +FLAGS.SILENT (\Deleted)' > /dev/null
fetch "$base/INBOX" -X EXPUNGE > /dev/null
other=$(grep -l 'Subject: near' "$folder"/mail/INBOX/cur/*)
mv "$other" "${other}F"
sync
[ "$(fetch "$base/INBOX?ALL" | tr -d '\r' | wc -w)" -ge 3 ]
# And a second run finds nothing to do.
sync
echo ok
