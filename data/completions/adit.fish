# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for adit(1): verbs from its own help, gateways from its own list.

function __adit_verbs
    adit --help 2>/dev/null | awk '/^Commands:/ { on = 1; next } !NF { on = 0 } on { print $1 }'
end

function __adit_gateways
    adit list 2>/dev/null | awk 'NR > 1 { print $1 }'
end

complete -c adit -n __fish_use_subcommand -f -a '(__adit_verbs)'
complete -c adit -n '__fish_seen_subcommand_from status doctor up down remove export rotate unadopt default' \
    -f -a '(__adit_gateways)'
complete -c adit -n '__fish_seen_subcommand_from default' -f -a none
complete -c adit -n '__fish_seen_subcommand_from import' -l backend \
    -x -a 'auto networkmanager networkd direct'
complete -c adit -n '__fish_seen_subcommand_from import update' -F
