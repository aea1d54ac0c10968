#!/usr/bin/env bash
# Every analysis on DuckDB, Spark and PostgreSQL. Installs Java, PostgreSQL and the engines' packages where they are missing,
# starts a PostgreSQL of its own on a loopback port, and stops it at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=.venv/bin/python

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
need() { # need COMMAND PACKAGE
    command -v "$1" >/dev/null && return
    command -v apt-get >/dev/null || { echo "test-engines needs $1: install $2" >&2; exit 1; }
    as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >/dev/null
}
postgres_bin() { { command -v initdb || ls -1 /usr/lib/postgresql/*/bin/initdb /opt/homebrew/opt/postgresql*/bin/initdb; } 2>/dev/null | tail -n 1 | xargs -r dirname; }

need java default-jre-headless
[ -n "$(postgres_bin)" ] || need initdb postgresql
bin=$(postgres_bin)

"$python" -c 'import pyspark, psycopg' 2>/dev/null ||
    "$python" -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-engines.lock

# PostgreSQL refuses to run as root.
home=$(mktemp -d "${TMPDIR:-/tmp}/custkit-pg.XXXXXX")
if [ "$(id -u)" = 0 ]; then
    id postgres >/dev/null 2>&1 || useradd --system postgres
    chown postgres "$home"
    pg() { runuser -u postgres -- env LC_ALL=C.UTF-8 "$@"; }
else
    pg() { env LC_ALL=C.UTF-8 "$@"; }
fi
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
stop() {
    pg "$bin/pg_ctl" -D "$home/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$home"
}
trap stop EXIT
(
    cd "$home"
    # A database that sorts as people do, where it can be had (15 and newer): answers must not depend on it.
    init() { pg "$bin/initdb" -D "$home/data" -U custkit --encoding UTF8 --locale C.UTF-8 --auth trust "$@" >/dev/null 2>&1; }
    init --locale-provider icu --icu-locale en || { rm -rf "$home/data"; init; }
    # One user is asked for a password, so that a wrong one can be tried.
    pg sh -c 'printf "host all custkit_asked 127.0.0.1/32 scram-sha-256\n" | cat - "$1" > "$1.new" && mv "$1.new" "$1"' sh "$home/data/pg_hba.conf"
    pg "$bin/pg_ctl" -D "$home/data" -w -l "$home/log" -o "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=$home -c fsync=off" start >/dev/null
)

export CUSTKIT_TEST_POSTGRES="postgresql://custkit@127.0.0.1:$port/postgres"
export SPARK_LOCAL_IP=127.0.0.1
export TZ=Asia/Shanghai  # the machine's zone must not matter
"$python" -m pytest -n 2 --dist loadscope tests/worked tests/engines --engines duckdb,spark,postgres "$@"
