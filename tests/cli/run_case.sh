#!/bin/bash
# run_case.sh FILE.test: runs the commands of a plain-text case and compares what they print.
#
#   # a comment, at the start of a line
#   $ warifu search --text circle -k 1       a command (bash, pipefail); further lines with "> " continue it
#   ! 66                                     its exit status; without this line: 0
#   error: no index is called 'mhi'          a line of stderr that begins with error:, hint: or warning:
#   err: 3 items                             any line of stderr holds this
#   {"type":"hit","rank":1,...}              every other line: stdout, all of it, in order
#   ...                                      any number of lines
#   /[0-9]+ items/                           the whole line matches an extended regular expression
#
# "..." inside a line stands for any text. $DATA and $TMP in expected lines are replaced by their values.
# Every file runs in an empty folder of its own, with warifu on PATH, $DATA the generated fixtures, $TMP that folder.
# Anything a sanitizer reports, and any death by a signal, fails the case whatever it expects.
# Environment: WARIFU the program, DATA the fixtures.
set -u
case_file=$(realpath "$1")
: "${WARIFU:?the program to test}" "${DATA:?the folder of fixtures}"
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
mkdir "$TMP/bin" "$TMP/work"
ln -s "$(realpath "$WARIFU")" "$TMP/bin/warifu"
export PATH="$TMP/bin:$PATH" DATA TMP LC_ALL=C.UTF-8 NO_COLOR=1
unset WARIFU_WORKSPACE
cd "$TMP/work" || exit 1

# matches LINE PATTERN: one line against one expected line.
matches() {
  local line=$1 pattern=$2 regex
  if [[ $pattern == /*/ && ${#pattern} -gt 1 ]]; then
    regex="^(${pattern:1:-1})$"
  else
    # shellcheck disable=SC2016  # sed sees the dollar sign
    regex=$(printf '%s' "$pattern" | sed 's/[][\\.*^$+?(){}|]/\\&/g; s/\\\.\\\.\\\./.*/g')
    regex="^${regex}$"
  fi
  [[ $line =~ $regex ]]
}

# matches_all I J: lines of `actual` from I on match the patterns of `expected` from J on.
matches_all() {
  local i=$1 j=$2
  while ((j < ${#expected[@]})); do
    if [[ ${expected[j]} == ... ]]; then
      ((j + 1 == ${#expected[@]})) && return 0
      for (( ; i <= ${#actual[@]}; i++)); do
        matches_all "$i" $((j + 1)) && return 0
      done
      return 1
    fi
    ((i < ${#actual[@]})) && matches "${actual[i]}" "${expected[j]}" || return 1
    i=$((i + 1)) j=$((j + 1))
  done
  ((i == ${#actual[@]}))
}

# on_stderr PATTERN: some line of stderr matches.
on_stderr() {
  local line
  while IFS= read -r line || [[ -n $line ]]; do
    matches "$line" "$1" && return 0
  done <"$TMP/stderr"
  return 1
}

complain() {
  ((complaints++ == 0)) && printf '%s:%s: $ %s\n' "$case_file" "$line_of_command" "$command" >&2
  printf '  %s\n' "$@" >&2
}

passed=0 failed=0
check() {
  [[ -n $command ]] || return 0
  local complaints=0 pattern
  bash -o pipefail -c "$command" >"$TMP/stdout" 2>"$TMP/stderr" </dev/null
  local status=$?
  ((status == expected_status)) || complain "exit status $status, expected $expected_status"
  ((status < 128 || status == expected_status)) || complain "killed by signal $((status - 128))"
  if grep -qE 'ERROR: (Address|Leak)Sanitizer|runtime error:|terminate called' "$TMP/stderr"; then
    complain "a sanitizer spoke, or an exception escaped"
  fi
  mapfile -t actual <"$TMP/stdout"
  if ! matches_all 0 0; then
    complain "stdout differs (- expected, + printed):"
    diff -U 1000 <(printf '%s\n' "${expected[@]}") "$TMP/stdout" | tail -n +4 | head -n 60 | sed 's/^/    /' >&2
  fi
  for pattern in "${on_error[@]}"; do
    on_stderr "$pattern" || complain "no line of stderr is like: $pattern"
  done
  if ((complaints)); then
    failed=$((failed + 1))
    if [[ -s $TMP/stderr ]]; then
      echo "  stderr was:" >&2
      tail -n 40 "$TMP/stderr" | sed 's/^/    /' >&2
    fi
  else
    passed=$((passed + 1))
  fi
}

command="" line_of_command=0 expected=() on_error=() expected_status=0 number=0
while IFS= read -r line || [[ -n $line ]]; do
  number=$((number + 1))
  case $line in
    '$ '*)
      check
      command=${line#'$ '} line_of_command=$number expected=() on_error=() expected_status=0
      ;;
    '> '*) command+=$'\n'${line#'> '} ;;
    '! '*) expected_status=${line#'! '} ;;
    'err: '*) on_error+=("...${line#err: }...") ;;
    'error: '* | 'hint: '* | 'warning: '*) on_error+=("$line") ;;
    '#'* | '') ;;
    *) expected+=("$line") ;;
  esac
  # shellcheck disable=SC2016  # the names as they stand in the case
  {
    ((${#expected[@]})) && expected=("${expected[@]//'$DATA'/$DATA}") && expected=("${expected[@]//'$TMP'/$TMP}")
    ((${#on_error[@]})) && on_error=("${on_error[@]//'$DATA'/$DATA}") && on_error=("${on_error[@]//'$TMP'/$TMP}")
  }
done <"$case_file"
check

if ((passed + failed == 0)); then
  echo "$case_file: holds no command" >&2
  exit 1
fi
echo "$passed commands as expected, $failed not"
((failed == 0))
