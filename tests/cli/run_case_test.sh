#!/bin/bash
# The runner of command-line cases must fail when it should: each wrong expectation below has to be noticed.
set -u
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
runner=$(dirname "$0")/run_case.sh
export WARIFU=/bin/true DATA=$folder
bad=0

# expect passes|fails WHAT < case
expect() {
  cat >"$folder/case.test"
  if "$runner" "$folder/case.test" >/dev/null 2>"$folder/complaint"; then result=passes; else result=fails; fi
  [[ $result == "$1" ]] && return
  echo "$2: $result, should be: $1"
  bad=1
}

expect passes "the lines that were printed" <<'EOT'
$ printf 'one\ntwo 2 (x)\n'
one
two 2 (x)
EOT
expect passes "wildcards in a line, over lines, and expressions" <<'EOT'
$ printf 'a b c\nx\ny\n12 items\n'
a...c
...
/[0-9]+ items/
EOT
expect passes "status and messages" <<'EOT'
$ echo "error: no 'x'" >&2; echo "hint: y" >&2; exit 66
! 66
error: no '...'
hint: y
err: no
EOT
expect passes "a command over several lines" <<'EOT'
$ for i in 1 2; do
>   echo "$i"
> done
1
2
EOT
expect fails "another line" <<'EOT'
$ echo one
two
EOT
expect fails "a line too many" <<'EOT'
$ printf 'one\ntwo\n'
one
EOT
expect fails "a line too few" <<'EOT'
$ echo one
one
two
EOT
expect fails "a dot is no wildcard" <<'EOT'
$ echo axb
a.b
EOT
expect fails "output where none is expected" <<'EOT'
$ echo one
EOT
expect fails "another status" <<'EOT'
$ exit 3
EOT
expect fails "success where a failure is expected" <<'EOT'
$ true
! 65
EOT
expect fails "a failure inside a pipe" <<'EOT'
$ false | cat
EOT
expect fails "a message that is not there" <<'EOT'
$ echo "error: other" >&2; exit 66
! 66
error: this
EOT
expect fails "a sanitizer's report" <<'EOT'
$ echo "==1==ERROR: AddressSanitizer: heap-use-after-free" >&2; exit 1
! 1
EOT
expect fails "death by a signal" <<'EOT'
$ kill -SEGV $$
EOT
expect fails "a file without a command" <<'EOT'
# nothing here
EOT
exit "$bad"
