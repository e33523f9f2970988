# SPDX-License-Identifier: Apache-2.0
# `make help`: the targets of a Makefile by group. A target's help is `name: ... ## @group text (ARGUMENT=)`.
# Lines fit `width` columns. awk, because help must work before anything is installed.

BEGIN {
  width = 100
  split("first next daily sometimes", order, " ")
  title["first"] = "First: try it, without an AWS account"
  title["next"] = "Next: your photos, your AWS account"
  title["daily"] = "Daily: change, review, operate"
  title["sometimes"] = "Now and then"
}

/^[a-z-]+:.*## @[a-z]+ / {
  name = $0
  sub(/:.*/, "", name)
  text = $0
  sub(/.*## @/, "", text)
  group = text
  sub(/ .*/, "", group)
  sub(/^[a-z]+ /, "", text)
  if (!(group in title)) {
    print "help: " name ": unknown group @" group > "/dev/stderr"
    exit 1
  }
  entries[group] = entries[group] wrapped(sprintf("  make %-21s ", name), text)
}

END {
  for (number = 1; number in order; number++) {
    group = order[number]
    printf "%s%s\n%s", (number > 1 ? "\n" : ""), title[group], entries[group]
  }
}

function wrapped(line, text,   words, count, each, result, indent) {
  indent = sprintf("%*s", length(line), "")
  count = split(text, words, " ")
  result = line
  line = ""
  for (each = 1; each <= count; each++) {
    if (length(indent) + length(line) + 1 + length(words[each]) > width) {
      result = result line "\n" indent
      line = ""
    }
    line = line (line == "" ? "" : " ") words[each]
  }
  return result line "\n"
}
