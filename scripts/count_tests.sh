#!/bin/bash
# count_tests.sh LOG...: adds up CTest logs (Testing/Temporary/LastTest.log): GoogleTest cases and command-line cases one
# by one, any other test as one. Names what failed and why cases were skipped, and ends with
# "N passed, N failed, N skipped" alone on a line. Status 1 if a case failed or none ran.
set -euo pipefail

awk '
  function finish() {
    if (name == "") return
    if (status != "Passed." && cases_failed == 0) { cases_failed = 1; failures[++failed_names] = name " (" status ")" }
    if (cases_passed + cases_failed + cases_skipped == 0) cases_passed = 1
    passed += cases_passed; failed += cases_failed; skipped += cases_skipped
    name = ""
  }
  /^[0-9]+\/[0-9]+ Testing: / { finish(); name = $3; status = "did not end"; missing = unable; unable = 0; cases_passed = cases_failed = cases_skipped = 0 }
  /^\[       OK \] / { cases_passed++ }
  /^\[  SKIPPED \] .*\([0-9]+ ms\)$/ { cases_skipped++; reasons[last_line]++ }
  /^\[  FAILED  \] .*\([0-9]+ ms\)$/ { cases_failed++; failures[++failed_names] = name ": " $4 }
  /^[0-9]+ commands as expected, [0-9]+ not$/ { cases_passed += $1; cases_failed += $5; if ($5) failures[++failed_names] = name }
  /^Unable to find executable/ { unable = 1 }  # stands before the test it is about
  /^Test (Passed|Failed)\.$/ { status = missing ? "not built" : $2 }
  NF && !/^\[/ { last_line = $0 }
  END {
    finish()
    for (reason in reasons) printf "skipped %d: %s\n", reasons[reason], reason
    for (i = 1; i <= failed_names; i++) print "FAILED " failures[i]
    printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
    exit failed > 0 || passed == 0
  }' "$@"
