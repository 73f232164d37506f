#!/usr/bin/env bash
# Puts a message, or looks whether it is still there: FOLDER IMAPS_PORT before|after CA NAME PASSWORD
set -euo pipefail
folder=$1 port=$2 when=$3 ca=$4 name=$5 password=$6
base="imaps://srv.lab.test:$port"
fetch() {
  curl -sS --retry 20 --retry-delay 1 --retry-all-errors --cacert "$ca" --resolve "srv.lab.test:$port:127.0.0.1" \
    -u "$name:$password" "$@"
}
if [ "$when" = before ]; then
  printf 'Subject: it stays\r\n\r\nbody\r\n' > "$folder/message"
  fetch -T "$folder/message" "$base/Archive" > /dev/null
else
  fetch "$base/Archive;UID=1" | grep -q 'it stays'
fi
echo ok
