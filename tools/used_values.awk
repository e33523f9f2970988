# SPDX-License-Identifier: Apache-2.0
# Print those of `names` that the targets `goals` of a Makefile use, one a line. awk, because it must work before
# anything is installed.

BEGIN {
  split(goals, list, " ")
  for (number in list) asked[list[number]]
  count = split(names, name, " ")
}

/^[a-z-]+:/ {
  target = $0
  sub(/:.*/, "", target)
  reading = (target in asked) && target != "help"
}

/^$/ { reading = 0 }

reading {
  for (number = 1; number <= count; number++) {
    if ($0 ~ "[({,]" name[number] "[)},:]") used[name[number]]
    # What these two stand for (see the Makefile).
    if (name[number] == "ENV" && /\$\((SETTINGS|CDK)\)/) used["ENV"]
    if (name[number] == "PYTHON" && /\$\(INSTALL\)/) used["PYTHON"]
  }
}

END {
  for (number = 1; number <= count; number++) if (name[number] in used) print name[number]
}
