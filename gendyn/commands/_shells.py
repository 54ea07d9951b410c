"""Completion scripts of a table of words, for bash, zsh and fish: the table as one function, and one that asks it."""

import re
from collections.abc import Callable, Iterable, Mapping

Table = dict[tuple[str, str], tuple[str, ...]]
LEAF = "--config."
"""Begins an option for a leaf; such options are offered once this is there, for they are many."""

# Three ways of saying the same: the word before names an entry, or the option at the beginning of this word does, or
# this is a word of the command. Words that end in = or . go on, all others end with a space. Paths where no word fits.
BASH = """\
_gendyn() {
    # Readline cuts words at = and : as well, so they are read from the line; not where a quote may hold a space.
    local line=${COMP_LINE:0:COMP_POINT} IFS=$' \\t\\n'
    COMPREPLY=()
    if [[ $line == *[\\\\\\'\\"]* ]]; then compopt -o default +o nospace 2>/dev/null; return; fi
    local word=${line##*[[:space:]]} command='' before='' option='' known='' cut='' found stop
    local -a words
    read -ra words <<<"${line%"$word"}"
    if ((${#words[@]} > 1)); then command=${words[1]} before=${words[${#words[@]} - 1]}; fi
    if [[ -n $before && $before != "$command" ]] && known=$(_gendyn_words "$command" "$before"); then
        :
    elif [[ $word == --*=* ]]; then
        option=${word%%=*}=
        known=$(_gendyn_words "$command" "${option%=}")
    elif [[ $word == --config.* ]]; then
        known=$(_gendyn_words "$command" --config.)
    else
        known=$(_gendyn_words "$command" '')
    fi
    for stop in = :; do  # what readline keeps of the word
        if [[ $COMP_WORDBREAKS == *"$stop"* && $word == *"$stop"* ]]; then
            found=${word%"$stop"*}$stop
            if ((${#found} > ${#cut})); then cut=$found; fi
        fi
    done
    COMPREPLY=()
    IFS=$'\\n'
    while read -r found; do
        [[ $found == *[=.] ]] || found+=' '
        found=$option$found
        COMPREPLY+=("${found#"$cut"}")
    done < <(compgen -W "$known" -- "${word#"$option"}")
    if ((${#COMPREPLY[@]} == 0)); then
        compopt -o filenames +o nospace 2>/dev/null
        while read -r found; do
            found=$option$found
            COMPREPLY+=("${found#"$cut"}")
        done < <(compgen -f -- "${word#"$option"}")
    fi
}
complete -o nospace -F _gendyn gendyn
"""
ZSH = """\
_gendyn() {
    local word=$PREFIX command='' before='' option='' known=''
    local -a go_on end
    if ((CURRENT > 2)); then command=$words[2] before=$words[CURRENT-1]; fi
    if [[ -n $before && $before != "$command" ]] && known=$(_gendyn_words "$command" "$before"); then
        :
    elif [[ $word == --*=* ]]; then
        option=${word%%=*}
        known=$(_gendyn_words "$command" "$option")
        compset -P "${option}="
    elif [[ $word == --config.* ]]; then
        known=$(_gendyn_words "$command" --config.)
    else
        known=$(_gendyn_words "$command" '')
    fi
    go_on=(${(M)${(f)known}:#*[=.]})
    end=(${(f)known})
    end=(${end:|go_on})
    compadd -S '' -a go_on
    compadd -a end
    ((compstate[nmatches])) || _files
}
if [[ $funcstack[1] == _gendyn ]]; then _gendyn "$@"; else compdef _gendyn gendyn; fi
"""
FISH = """\
function __gendyn
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l command ''
    set -l before ''
    set -l option ''
    set -l known
    if test (count $words) -gt 1
        set command $words[2]
        set before $words[-1]
    end
    if test (count $words) -gt 2; and set known (__gendyn_words "$command" "$before")
    else if string match -q -- '--*=*' "$word"
        set option (string split -m 1 = -- $word)[1]
        set known (__gendyn_words "$command" "$option")
        set option "$option="
    else if string match -q -- '--config.*' "$word"
        set known (__gendyn_words "$command" --config.)
    else
        set known (__gendyn_words "$command" '')
    end
    set -l length (string length -- "$word")
    for found in $option$known
        if test "$(string sub -l $length -- $found)" = "$word"
            echo $found
        end
    end
end
complete -c gendyn -f -n 'test (count (__gendyn)) -gt 0' -a '(__gendyn)'
"""


def bash(table: Table) -> str:
    """A script for bash."""
    return f"{_posix(table)}\n{BASH}"


def zsh(table: Table) -> str:
    """A script for zsh: a file ``_gendyn`` on its ``fpath``, or read after ``compinit``."""
    return f"#compdef gendyn\n{_posix(table)}\n{ZSH}"


def fish(table: Table) -> str:
    """A script for fish."""
    cases = [
        f"        case {' '.join(map(_quoted, keys))}\n            {_printed(words) or 'true'}\n"
        for words, keys in _by_words(table).items()
    ]
    lines = ["function __gendyn_words\n", '    switch "$argv[1] $argv[2]"\n', *cases]
    return "".join([*lines, "        case '*'\n            return 1\n    end\nend\n\n", FISH])


SHELLS: Mapping[str, Callable[[Table], str]] = {"bash": bash, "zsh": zsh, "fish": fish}


def _posix(table: Table) -> str:
    """The table as a function of bash and zsh: words a line each, or status 1 where there is no entry."""
    cases = [
        f"        {' | '.join(map(_quoted, keys))}) {_printed(words) or ':'} ;;\n"
        for words, keys in _by_words(table).items()
    ]
    return "".join(["_gendyn_words() {\n", '    case "$1 $2" in\n', *cases, "        *) return 1 ;;\n    esac\n}\n"])


def _by_words(table: Table) -> dict[tuple[str, ...], list[str]]:
    """What has the same words is written once."""
    found: dict[tuple[str, ...], list[str]] = {}
    for (command, before), words in table.items():
        found.setdefault(words, []).append(f"{command} {before}")
    return found


def _printed(words: Iterable[str]) -> str:
    return " ".join(["printf '%s\\n'", *map(_quoted, words)]) if words else ""


def _quoted(word: str) -> str:
    """For all three: names hold no quotes and no backslashes.

    >>> _quoted("seed="), _quoted("sweep --axis")
    ('seed=', "'sweep --axis'")
    """
    return word if re.fullmatch(r"[\w.=:-]+", word) else f"'{word}'"
