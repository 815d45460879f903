"""A command in one text, split as Compose splits it. Source: go-shellwords 1.0.12, which compose-go uses."""

_SPACE = " \t\r\n"


class Unbalanced(ValueError):
    """A quote, bracket or backslash that has no partner, or a bracket that shells only know behind a $."""


def split(line: str) -> list[str]:
    """The words. Compose drops everything from an unquoted ; & | < or > on, and so does this."""
    words: list[str] = []
    word = ""
    begun = escaped = False
    opened: set[str] = set()  # of ' " ` and (, the last for $(
    for sign in line:
        if escaped:
            word, escaped, begun = word + sign, False, True
            continue
        if sign == "\\" and "'" not in opened:
            escaped = True
            continue
        if sign in _SPACE and not opened:
            words += [word] if begun else []
            word, begun = "", False
            continue
        if sign == "`" and not opened - {"`"}:
            opened ^= {"`"}
        elif sign == ")" and not opened - {"("}:
            opened ^= {"("}
        elif sign == "(" and not opened - {"("}:
            if opened or not word.endswith("$"):
                raise Unbalanced
            opened, word = {"("}, word + sign
            continue
        elif (sign == '"' and not opened & {"'", "("}) or (sign == "'" and not opened & {'"', "("}):
            begun = begun or sign in opened
            opened ^= {sign}
            continue
        elif sign in ";&|<>" and not opened:
            begun = begun and not (sign == ">" and word[:1].isdigit())  # 2>file: the 2 goes with it
            break
        word, begun = word + sign, True
    if escaped or opened:
        raise Unbalanced
    return [*words, word] if begun else words
