# Docker itself, and whether it is Podman under Docker's name.
# A docker that has failed to answer once is not asked again
report_docker() {
    say "on_path $on_path" "search $own_path"
    [ -z "$wrapper" ] || say "wrapper $wrapper"
    [ -n "$docker" ] || return 0
    say "path $docker"
    ask='{{with .Server}}engine {{.Version}}{{"\n"}}api {{.APIVersion}}{{end}}'
    if answer=$(ask_docker version --format "$ask" 2>&1); then
        say "$answer" | grep -E '^(engine|api) ' # and no warnings
        look_for_podman
        return
    fi
    case $answer in
    *[Pp]'ermission denied'*)
        as=$root
        if [ -n "$root" ] && again=$(ask_docker version --format "$ask" 2>&1); then
            say "$(printf 'denied %s' "$answer" | tr -s '\r\n' ' ')"
            say "$again" | grep -E '^(engine|api) '
            answer=$again
            look_for_podman
            return
        fi
        ;;
    esac
    case $answer in *[Pp]odman*) look_for_podman ;; esac
    docker=''
    say "$(printf 'error %s' "${answer:-no answer within 20 s}" | tr -s '\r\n' ' ')"
}

# Podman's own client takes the name `docker`, or Docker's client talks to Podman's socket
# (docs/upstream-facts.md#podman-as-docker). Docker's versions have two digits before the point since 2017, Podman's have
# one. Its networks are others, so they are not asked for
look_for_podman() {
    case $answer in *'engine '[1-9][0-9]*) return ;; esac
    podman=$(ask_docker --version 2>/dev/null | sed -n 's/^podman version //p')
    if [ -z "$podman" ] && ask_docker version 2>/dev/null | grep -q 'Podman Engine'; then
        podman=$(say "$answer" | sed -n 's/^engine //p')
    fi
    [ -z "$podman" ] || { say "podman $podman" && docker=''; }
}
