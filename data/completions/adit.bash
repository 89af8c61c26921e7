# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for adit(1): verbs from its own help, gateways from its own list.

_adit_verbs() {
    adit --help 2>/dev/null | awk '/^Commands:/ { on = 1; next } !NF { on = 0 } on { print $1 }'
}

_adit_options() {
    adit "$1" --help 2>/dev/null | grep -oE -- '--[a-z0-9-]+'
}

_adit_gateways() {
    adit list 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_adit() {
    local word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]}

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_adit_verbs) --help --version" -- "$word")
        return
    fi
    case $word in
    -*)
        mapfile -t COMPREPLY < <(compgen -W "$(_adit_options "$verb")" -- "$word")
        return
        ;;
    esac
    case $verb/${COMP_WORDS[COMP_CWORD - 1]} in
    */--backend)
        mapfile -t COMPREPLY < <(compgen -W "auto networkmanager networkd direct" -- "$word")
        ;;
    import/*) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    update/update | */--gateway | status/* | doctor/* | up/* | down/* | remove/* | export/* | rotate/* | unadopt/*)
        mapfile -t COMPREPLY < <(compgen -W "$(_adit_gateways)" -- "$word")
        ;;
    update/*) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    default/*)
        mapfile -t COMPREPLY < <(compgen -W "none $(_adit_gateways)" -- "$word")
        ;;
    esac
}

complete -o filenames -F _adit adit
