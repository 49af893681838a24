# bash completion of awqm. The words come from the tool's own help, so they are those of the version that is installed.
_awqm() {
    local word=${COMP_WORDS[COMP_CWORD]} words
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="--help --version $("${COMP_WORDS[0]}" --help 2>/dev/null | sed -n 's/^  \([a-z]\{1,\}\)  .*/\1/p')"
    elif [[ $word == -* ]]; then
        words=$("${COMP_WORDS[0]}" "${COMP_WORDS[1]}" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]\{1,\}\).*/\1/p')
    else
        # A value of the option before it, such as cpu|cuda:N or 4|8; else files.
        words=$("${COMP_WORDS[0]}" "${COMP_WORDS[1]}" --help 2>/dev/null |
            sed -n "s/^  ${COMP_WORDS[COMP_CWORD - 1]} \([a-z0-9_-]\{1,\}\(|[a-z0-9_-]\{1,\}\)\{1,\}\).*/\1/p" | tr '|' ' ')
        if [ -z "$words" ]; then
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
        fi
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o filenames -F _awqm awqm
