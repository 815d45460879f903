# What the kernel and the rules of others make of our routes.
# shellcheck disable=SC2016 # the inner programs' own $
ROUTING='@routing.awk@'
# shellcheck disable=SC2016
TAKEN='@taken.awk@'

# Sets $rules4 and $rules6, which the functions below go by; empty if the kernel has no policy routing for the family.
ask_rules() {
    rules4=$($ip -4 rule show 2>/dev/null | sed 512q)
    rules6=$($ip -6 rule show 2>/dev/null | sed 512q)
}

# other_ways WORDS PLANNED [MISSING]: a line for each kind of packet between this host and a container that takes another way
# than through the shim. WORDS, PLANNED: the lines `conf` and `planned` of routing.awk; MISSING: 1 if there is no shim yet.
other_ways() {
    question="conf $1$NL$2$NL== own$NL$($ip -o addr show 2>/dev/null)"
    answers=$(say "$question" | awk -v ask=1 "$ROUTING" | $ip -o -force -batch - 2>/dev/null)
    say "$question" '== rules4' "$rules4" '== rules6' "$rules6" '== answers' "$answers" | awk -v missing="${3:-}" "$ROUTING"
}

# table_user NUMBER NAME SHIM BEFORE: the route or rule of somebody else that uses that table (see taken.awk)
table_user() {
    {
        for family in 4 6; do $ip -$family route show table "$1" 2>/dev/null | sed 's/^/route /; 64q'; done
        say "$rules4" "$rules6"
    } | awk -v number="$1" -v name="$2" -v shim="$3" -v before="$4" "$TAKEN"
}
