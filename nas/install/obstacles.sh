# Removes what is in the way of a change: a network under our name, containers of another state.
# remove_stray: removes the network with the ID $stray, which another program made, if it has our network's name and only
# our containers are in it
remove_stray() {
    gone=''
    [ -n "$stray" ] || return 0
    label='{{.Label "macvlan-ipv6.addresses"}}' it="the network $network ($stray) is in the way"
    if ! named=$(docker_limited network inspect --format '{{.Name}}' "$stray"); then
        ! grep -qi 'no such network\|network .* not found' "$dir/said" || return 0
        refuse "$it, and docker does not tell about it: $(error)"
    fi
    [ "$named" = "$network" ] || return 0
    holders=$(docker_limited ps -a --no-trunc --filter "network=$stray" --format "{{.ID}} {{.Names}} $label") ||
        refuse "$it, and docker does not tell who is in it: $(error)"
    others=$(say "$holders" | awk 'NF == 2 { printf " %s", $2 }')
    [ -z "$others" ] || refuse "$it, and not only containers of ours are in it; disconnect or remove:$others"
    for id in $(say "$holders" | awk '{ print $1 }'); do
        docker_limited network disconnect -f "$stray" "$id" >/dev/null ||
            die "$it, and container $id does not leave it: $(error); nothing else was changed"
    done
    docker_limited network rm "$stray" >/dev/null ||
        die "$it, and docker does not remove it: $(error); our containers were taken out of it, nothing else was changed"
    gone="; the network $network ($stray) that was in the way is removed"
}

# remove_replaced: removes containers of ours, by their ids, that another state made and whose names and addresses pulumi
# needs. Volumes stay. It comes last, when the rest is known to work.
remove_replaced() {
    form='{{with index .Config.Labels "macvlan-ipv6.addresses"}}ours{{end}}' ours=''
    for id in $replaced; do
        [ "$(docker_limited inspect --type container --format "$form" "$id")" != ours ] || ours="$ours $id"
    done
    # `docker stop`, because `rm -f` gives a container no time to save its data; all at once
    # shellcheck disable=SC2086 # ids
    [ -z "$ours" ] || limited 60 docker stop $ours >/dev/null 2>&1
    for id in $ours; do
        docker_limited rm -f "$id" >/dev/null || die "container $id of another state could not be removed: $(error); the rest is done"
    done
}
