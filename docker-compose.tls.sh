#!/bin/sh
# Makes the certificates of docker-compose.tls.yml in the folder `secrets` beside this file:
#
#   sh docker-compose.tls.sh
#
# A certificate authority of this fleet's own (ca.crt, ca.key), once, and a certificate each for Valkey
# and PostgreSQL, anew each time: run it again before they end, and start both services again. No
# service gets ca.key: keep it elsewhere, or delete it and begin anew with another authority.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
cd secrets
days_of_authority=3650
days=825
curve="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc"

if [ ! -e ca.crt ]; then
    openssl req -x509 $curve -sha256 -days "$days_of_authority" -keyout ca.key -out ca.crt \
        -subj "/CN=cxr-batch fleet" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" \
        -addext "keyUsage=critical,keyCertSign,cRLSign" 2>/dev/null
fi
for service in redis postgres; do
    openssl req $curve -sha256 -keyout "$service.key" -out "$service.csr" \
        -subj "/CN=$service" 2>/dev/null
    printf '%s\n' "subjectAltName=DNS:$service,DNS:localhost" "basicConstraints=critical,CA:FALSE" \
        "keyUsage=critical,digitalSignature" "extendedKeyUsage=serverAuth" > "$service.ext"
    openssl x509 -req -in "$service.csr" -CA ca.crt -CAkey ca.key -sha256 -days "$days" \
        -extfile "$service.ext" -out "$service.crt" 2>/dev/null
    rm "$service.csr" "$service.ext"
    openssl verify -CAfile ca.crt -verify_hostname "$service" "$service.crt"
done
# Containers run as users of their own: the folder keeps everybody else on this machine out.
chmod 644 ca.crt redis.crt redis.key postgres.crt postgres.key
