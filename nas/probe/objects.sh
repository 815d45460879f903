# What Docker has: networks, containers and volumes, and the kernel's word on the containers' interfaces.
# inspected KIND FORM COMMAND...: sets $found to docker's lines of JSON for all objects that the command lists. If one was
# removed in between, docker reports an error and is asked again; the third time that one is left out. If docker hangs
# or ends in the middle, that counts as no answer, because half of one would look as if the other objects were gone.
inspected() {
    kind=$1 form=$2
    shift 2
    for try in 1 2 3; do
        found=''
        ids=$("$@") || break
        [ -n "$ids" ] || return 0
        # shellcheck disable=SC2086 # hex or names of volumes, one word each
        words=$(ask_docker "$kind" inspect --format "$form" $ids 2>&1)
        code=$?
        found=$(say "$words" | grep '^{')
        case $code,$(say "$words" | grep -v '^{') in
        0,*) return 0 ;;
        1,*'annot connect to the Docker daemon'* | 1,*'rror during connect'*) break ;;
        1,*) [ "$try" -lt 3 ] || return 0 ;;
        *) break ;;
        esac
    done
    docker='' found=''
    say unanswered
}

report_networks() {
    [ -n "$docker" ] || return 0
    inspected network '{{json .}}' ask_docker network ls -q --no-trunc
    [ -z "$found" ] || say "$found"
}

# form_of_compose: what Compose writes onto the containers that it makes. An image may have such labels too, of any length
form_of_compose() {
    printf %s '"compose":{{with index .Config "Labels"}}{'
    for key in project service oneoff project.config_files project.working_dir; do
        name="com.docker.compose.$key"
        printf %s "\"$key\":{{with index . \"$name\"}}{{json (printf \"%.1000s\" .)}}{{else}}null{{end}},"
    done
    printf %s '"":null}{{else}}null{{end}}'
}

# Where a container keeps its files: the kind, the path inside, and the path on the NAS or the name of the volume
# shellcheck disable=SC2016 # the template's own $
form_of_mounts='"mounts":[{{range $i, $m := .Mounts}}{{if lt $i 128}}[{{json $m.Type}},{{json $m.Destination}},'
# shellcheck disable=SC2016 # as above
form_of_mounts=$form_of_mounts'{{if eq $m.Type "volume"}}{{json $m.Name}}{{else}}{{json $m.Source}}{{end}}],{{end}}{{end}}null]'

# `index .Config` is on purpose: a client cannot index its own struct and then takes the engine's JSON as it came, in
# which any field may be missing (Config.MacAddress is, on new engines).
report_containers() {
    [ -n "$docker" ] || return 0
    form='"pid":{{.State.Pid}},"id":{{json .Id}},"name":{{json .Name}},"status":{{json .State.Status}}'
    form=$form',"restarts":{{json .RestartCount}},"started":{{json .State.StartedAt}}'
    form=$form',"image":{{json (index .Config "Image")}}'
    form=$form',"mac":{{json (index .Config "MacAddress")}},"networks":{{json .NetworkSettings.Networks}}'
    form=$form',"ports":{{json .NetworkSettings.Ports}}'
    for key in addresses repaired stack; do
        form="$form,\"$key\":{{with index .Config \"Labels\"}}{{json (index . \"$label.$key\")}}{{else}}null{{end}}"
    done
    inspected container "{$form,$(form_of_compose),$form_of_mounts}" ask_docker ps -aq --no-trunc
    containers=$found
    [ -z "$containers" ] || say "$containers"
}

# volume_names: one a line. A driver of somebody else may know names that are several words
volume_names() {
    names=$(ask_docker volume ls -q) || return 1
    say "$names" | grep -x '[A-Za-z0-9][A-Za-z0-9_.-]*' | sed "${most_volumes}q"
}

# `cut` says that there are more of them. The driver of a volume may hang, which says nothing of Docker itself
report_volumes() {
    [ -n "$docker" ] || return 0
    form='{"name":{{json .Name}},"driver":{{json .Driver}},"options":{{json .Options}},"labels":{{json .Labels}}}'
    most_volumes=2000
    inspected volume "$form" volume_names
    [ -z "$found" ] || say "$found" | awk -v most=$most_volumes '
        length <= 16384 { print }
        length > 16384 || NR == most { print "cut" }'
}

# shellcheck disable=SC2016 # the inner program's own $
INSIDE='@inside.awk@'

report_inside() {
    # The process number stands first in its line, where no text of the container can stand
    pids=$(say "$containers" | grep -F "\"$network\":{" | sed -n 's/^{"pid":\([1-9][0-9]*\),.*/\1/p')
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086 # numbers
    awk "$INSIDE" $pids
    if ! has nsenter || { [ "$uid" != 0 ] && [ -z "$root" ]; }; then return; fi
    # A link's alias may have line breaks in it
    # shellcheck disable=SC2016 # the inner shell's
    each='for pid; do
        echo "links $pid" && nsenter -t "$pid" -n "$0" -o link show | sed -n "s/ alias .*//; /^[0-9][0-9]*: /p"
    done'
    # shellcheck disable=SC2086 # words
    limited 20 $root sh -c "$each" "$ip" $pids | sed 4096q
}
