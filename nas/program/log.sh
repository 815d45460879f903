# What the loop writes into the log. Containers cause lines, so there is a bound: 3 a minute for each, 30 for all together.
minute=-60 lines_said=0 lines_left_out=0 names_said=''

# log NAME LINE: NAME is the container's, or `-`
log() {
    read -r uptime _ </proc/uptime && uptime=${uptime%%.*}
    if [ $((uptime - minute)) -ge 60 ]; then
        [ $lines_left_out = 0 ] || say "$lines_left_out more lines were left out within a minute"
        minute=$uptime lines_said=0 lines_left_out=0 names_said=' '
    fi
    case $names_said in *" $1 "*" $1 "*" $1 "*) full=$1 ;; *) full='' ;; esac
    if [ "${full#-}" != '' ] || [ $lines_said -ge 30 ]; then
        lines_left_out=$((lines_left_out + 1))
        return
    fi
    lines_said=$((lines_said + 1)) names_said="$names_said$1  "
    say "$2"
}
