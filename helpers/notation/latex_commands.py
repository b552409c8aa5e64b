r"""LaTeX's commands for ``helpers.notation.latex``: how a formula splits into them, and which print the same, print
nothing, take arguments, or stand no higher than a bracket."""

import re

TOKEN = re.compile(r"\\(?:operatorname|[hv]space)\s*\*|\\[a-zA-Z]+|\\\s|\\.|\S", re.DOTALL)
AROUND = re.compile(r"\s*(?:\$\$(.*)\$\$|\$(.*)\$|\\\[(.*)\\\]|\\\((.*)\\\))\s*", re.DOTALL)
LENGTH = re.compile(r"\\(?:[hm]skip|m?kern)\s*[-+]?\s*[\d.,][\d.,\s]*[a-z]\s*[a-z]")


def split_tokens(latex: str) -> list[str]:
    """The commands and signs of a formula, without ``$`` or the like around it, without ``\\kern`` or ``\\hskip``."""
    found = AROUND.fullmatch(latex)
    inside = next((part for part in found.groups() if part is not None), "") if found else latex
    tokens = TOKEN.findall(LENGTH.sub(" ", inside))
    return ["\\ " if token[1:].isspace() else re.sub(r"\s", "", token) for token in tokens]


class Unparsable(ValueError):
    """Braces or arguments do not fit."""


def braced_text(rest: list[str]) -> str:
    """Take the argument in braces that comes next off ``rest`` (the next token last): its tokens joined as they are."""
    if not rest or rest.pop() != "{":
        raise Unparsable("a { is missing")
    depth, out = 1, []
    while rest:
        token = rest.pop()
        depth += (token == "{") - (token == "}")
        if not depth:
            return "".join(out)
        out.append(token)
    raise Unparsable("a } is missing")


def bracketed_text(rest: list[str]) -> list[str]:
    """Take the argument in brackets off ``rest`` if one comes next: a list of its text as it is, or an empty one."""
    if rest[-1:] != ["["] or "]" not in rest:
        return []
    start = len(rest) - 1 - rest[::-1].index("]")
    text = "".join(rest[start:][::-1])
    del rest[start:]
    return [text]


def has_infix(rest: list[str]) -> bool:
    """Whether an infix fraction stands in the group that begins here; ``rest``: the tokens to come, the next last."""
    depth = built = 0
    for token in reversed(rest):
        depth += (token in ("{", "\\begin", "\\left")) - (token in ("}", "\\end", "\\right"))
        if depth < 0:
            return False
        if not depth and token in INFIX:
            if token != "\\over" or not built:
                return True
            built -= 1
        built += not depth and token == "\\buildrel"  # the next \\over is its own
    return False


def is_low(tokens: list[str]) -> bool:
    """Whether no sign of a normalised formula is higher than a bracket, nor any subscript deeper."""
    rest = tokens[::-1]
    while rest:
        base, script = rest.pop(), []
        if rest and rest[-1] == "_":
            end = len(rest) - 1 - rest[::-1].index("}")
            script = rest[end + 1 : -2]
            del rest[end:]
        if base not in LOW or (script and base in LOW_BARE) or not LOW_SCRIPTS.issuperset(script):
            return False
    return True


def _commands(names):
    return {"\\" + name for name in names.split()}


def pairs(text: str) -> dict[str, str]:
    """{a: b} of a text "a=b c=d"."""
    return dict(pair.split("=", 1) for pair in text.split())


SYNONYMS = pairs(
    r"\le=\leq \ge=\geq \ne=\neq \to=\rightarrow \gets=\leftarrow \land=\wedge \lor=\vee \lnot=\neg \owns=\ni \lt=< "
    r"\gt=> \lbrace=\{ \rbrace=\} \lbrack=[ \rbrack=] \ast=* \colon=: \vert=| \lvert=| \rvert=| \mid=| \Vert=\| "
    r"\lVert=\| \rVert=\| \parallel=\| \iff=\Longleftrightarrow \implies=\Longrightarrow \impliedby=\Longleftarrow "
    r"\hdots=\ldots \stackrel=\overset \Bbb=\mathbb \bold=\mathbf"
) | {f"\\{size}{side}": f"\\{size}" for size in ("big", "Big", "bigg", "Bigg") for side in "lrm"}

SPACES = {"\\ ", "~"} | _commands(
    r", ; : > ! / quad qquad enspace enskip thinspace medspace thickspace negthinspace negmedspace negthickspace "
    r"allowbreak nobreak relax nonumber notag"
)

SPACES_WITH_ARGUMENT = {"\\hspace", "\\hspace*", "\\vspace", "\\vspace*", "\\label"}
CLASSES = _commands("mathrel mathbin mathord mathopen mathclose mathpunct mathinner")  # they only space
OLD_FONTS = pairs(r"\rm=\mathrm \bf=\mathbf \it=\mathit \sf=\mathsf \tt=\mathtt \cal=\mathcal")
TEXTS = pairs(
    r"\text=\mathrm \textrm=\mathrm \textnormal=\mathrm \mbox=\mathrm \hbox=\mathrm \operatorname=\mathrm "
    r"\operatorname*=\operatorname* \textbf=\mathbf \textit=\mathit \textsf=\mathsf \texttt=\mathtt \textup=\mathrm "
    r"\textsl=\textsl \emph=\emph \textsc=\textsc"
)

INFIX = {"\\over": "\\frac", "\\choose": "\\binom"}

# they act on the group they stand in: it keeps its braces
SCOPED = _commands(
    "displaystyle textstyle scriptstyle scriptscriptstyle atop above brace brack mit sl sc em normalfont boldmath color"
)

# how many arguments in braces that are words or lengths, no formulas, come first
WORD_ARGUMENTS = dict.fromkeys(_commands("raisebox textcolor color tag cline"), 1) | {"\\multicolumn": 2}
ARGUMENTS = dict.fromkeys(_commands("frac dfrac tfrac cfrac binom dbinom tbinom overset underset"), 2) | dict.fromkeys(
    _commands(
        "sqrt mathrm mathbf mathit mathsf mathtt mathcal mathbb mathfrak mathscr mathnormal boldsymbol bm pmb "
        "hat bar vec dot ddot dddot tilde check breve acute grave mathring widehat widetilde overline underline "
        "overbrace underbrace overrightarrow overleftarrow overleftrightarrow mathop phantom hphantom vphantom "
        "boxed cancel xrightarrow xleftarrow substack raisebox textcolor multicolumn ensuremath makebox frak symbf "
        "mathbold"
    ),
    1,
)

# one argument, in braces only where it is more than a sign: \pmod n, \pmod { 2 n }
BARE_ARGUMENT = _commands("pmod fbox smash rlap llap mathrlap mathllap mathclap lefteqn")

NO_ARGUMENT = {*"}_^&", "\\\\", "\\end", "\\right", "\\displaystyle", *SPACES_WITH_ARGUMENT, *INFIX}
NO_BRACKETS = {*"{}_^'&", "\\\\", "\\left", "\\right", "\\begin", "\\end"}.union(
    *(SPACES, SPACES_WITH_ARGUMENT, CLASSES, OLD_FONTS, TEXTS, INFIX, SCOPED, WORD_ARGUMENTS, ARGUMENTS, BARE_ARGUMENT)
)

FUNCTIONS = set(
    "arccos arcsin arctan arg cos cosh cot coth csc deg dim exp hom ker lg ln log sec sin sinh tan tanh".split()
)

LIMITS = set("det gcd inf lim max min sup Pr".split())
SUMS = _commands("sum prod coprod bigcup bigcap bigoplus bigotimes bigvee bigwedge " + " ".join(sorted(LIMITS)))
INTEGRALS = _commands("int oint iint iiint")

# signs no higher than a bracket
LOW = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:!?+-*/=<>()[]|") | _commands(
    "{ } | cdot times pm mp leq geq neq approx sim equiv rightarrow in infty partial ell alpha beta gamma delta "
    "epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi varphi chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ldots cdots sin cos tan log ln exp wedge vee"
)

LOW_BARE = _commands("sin cos tan log ln exp")  # a sign below these hangs deeper
LOW_SCRIPTS = LOW - set("()[]/|") - {"\\{", "\\}", "\\|"}
