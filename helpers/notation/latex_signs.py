r"""What LaTeX knows of its commands: classes of signs and the space between them, fonts, accents, environments."""

from helpers.notation import latex_commands
from helpers.notation.latex_commands import pairs


def _commands(names):
    return {name if len(name) == 1 else "\\" + name for name in names.split()}


# what a sign is to its neighbours; anything else is "ord"
CLASSES = {
    name: kind
    for kind, names in {
        "op": r"sum prod coprod int oint iint iiint iiiint bigcup bigcap bigsqcup biguplus bigvee bigwedge bigoplus "
        "bigotimes bigodot",
        "bin": "+ - * pm mp times cdot div ast star circ bullet cap cup wedge vee land lor oplus ominus otimes oslash "
        "odot setminus dagger ddagger amalg diamond wr triangleleft triangleright sqcap sqcup uplus bigcirc ltimes "
        "rtimes bigtriangleup bigtriangledown smallsetminus boxtimes boxplus barwedge veebar intercal dotplus",
        "rel": "= < > : leq geq le ge neq ne equiv sim simeq approx cong propto ll gg in ni owns notin subset supset "
        "subseteq supseteq sqsubseteq sqsupseteq prec succ preceq succeq asymp doteq parallel perp mid vdash dashv "
        "models smile frown bowtie to rightarrow leftarrow gets leftrightarrow Rightarrow Leftarrow Leftrightarrow "
        "longrightarrow longleftarrow longleftrightarrow Longrightarrow Longleftarrow Longleftrightarrow mapsto "
        "longmapsto hookrightarrow hookleftarrow uparrow downarrow updownarrow Uparrow Downarrow Updownarrow nearrow "
        "searrow swarrow nwarrow rightharpoonup rightharpoondown leftharpoonup leftharpoondown rightleftharpoons iff "
        "implies impliedby lesssim gtrsim triangleq lt gt coloneqq",
        "punct": ", ; colon",
        "open": "( [ { lbrace lbrack langle lfloor lceil lvert lVert lgroup",
        "close": ") ] } ! ? rbrace rbrack rangle rfloor rceil rvert rVert rgroup",
        "inner": "ldots cdots ddots dots dotsb dotsc dotsm dotsi hdots",
    }.items()
    for name in _commands(names)
} | {"\\{": "open", "\\}": "close"}
for brace in "{}":  # bare braces only group
    del CLASSES[brace]

# eighteenths of an em between two neighbours; in scripts only what is positive
_KINDS = ("ord", "op", "bin", "rel", "open", "close", "punct", "inner")
_THIN, _BIN, _REL = -3, -4, -5
_ROWS = {
    "ord": (0, 3, _BIN, _REL, 0, 0, 0, _THIN),
    "op": (3, 3, 0, _REL, 0, 0, 0, _THIN),
    "bin": (_BIN, _BIN, 0, 0, _BIN, 0, 0, _BIN),
    "rel": (_REL, _REL, 0, 0, _REL, 0, 0, _REL),
    "open": (0,) * 8,
    "close": (0, 3, _BIN, _REL, 0, 0, 0, _THIN),
    "punct": (_THIN, _THIN, 0, _THIN, _THIN, _THIN, _THIN, _THIN),
    "inner": (_THIN, 3, _BIN, _REL, _THIN, 0, _THIN, _THIN),
}
SPACING = {(left, right): gap for left, row in _ROWS.items() for right, gap in zip(_KINDS, row, strict=True)}

SPACES = {
    "\\,": 3, "\\thinspace": 3, "\\:": 4, "\\>": 4, "\\medspace": 4, "\\;": 5, "\\thickspace": 5, "\\!": -3,
    "\\negthinspace": -3, "\\negmedspace": -4, "\\negthickspace": -5, "\\ ": 6, "~": 6, "\\space": 6, "\\enspace": 9,
    "\\enskip": 9, "\\quad": 18, "\\qquad": 36, "\\/": 0,
}  # fmt: skip
NOTHING = _commands(
    "relax nonumber notag allowbreak nobreak hfill hfil displaylimits noindent null strut mathstrut "
    "protect tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge centering unskip"
)
NOTHING_WITH_ARGUMENT = _commands("label tag vspace vspace* cline color")
LAPS = pairs(r"\rlap=right \mathrlap=right \lefteqn=right \llap=left \mathllap=left \smash=flat \mathclap=right")
SIMPLE = _commands("ensuremath makebox")  # their argument is printed as it is

STYLES = {"\\displaystyle": 0, "\\textstyle": 2, "\\scriptstyle": 4, "\\scriptscriptstyle": 6}
OLD_FONTS = pairs(
    r"\rm=rm \bf=bf \it=it \sl=it \sf=sf \tt=tt \cal=cal \mit=mit \sc=rm \em=it \normalfont=rm \boldmath=bold"
)
FONTS = pairs(
    r"\mathrm=rm \mathbf=bf \mathit=it \mathsf=sf \mathtt=tt \mathcal=cal \mathbb=bb \Bbb=bb \mathfrak=frak \frak=frak "
    r"\mathscr=scr \mathnormal=mit \mathbold=bold \boldsymbol=bold \bm=bold \pmb=bold \bold=bf \symbf=bf"
)
TEXTS = pairs(
    r"\text=rm \mbox=rm \hbox=rm \textrm=rm \textnormal=rm \textup=rm \textbf=bf \textit=it \textsl=it \emph=it "
    r"\textsf=sf \texttt=tt"
)
ACCENTS = _commands("hat bar vec dot ddot dddot tilde check breve acute grave mathring widehat widetilde")
LINES = _commands("overline underline overbrace underbrace overrightarrow overleftarrow overleftrightarrow")
STACKS = _commands("stackrel overset underset")
CLASS_COMMANDS = pairs(
    r"\mathrel=rel \mathbin=bin \mathord=ord \mathopen=open \mathclose=close \mathpunct=punct \mathinner=inner "
    r"\mathop=op"
)
PHANTOMS = _commands("phantom hphantom vphantom")
LENGTHS = {"em": 1, "ex": 0.43, "pt": 0.1, "mu": 1 / 18, "mm": 0.285, "cm": 2.85, "in": 7.2, "px": 0.1, "pc": 1.2}

FRACTIONS = {  # command: with a bar, left, right, style (None: the one that it stands in)
    "\\frac": (True, "", "", None), "\\dfrac": (True, "", "", 0), "\\cfrac": (True, "", "", 0),
    "\\tfrac": (True, "", "", 2), "\\binom": (False, "(", ")", None), "\\dbinom": (False, "(", ")", 0),
    "\\tbinom": (False, "(", ")", 2), "\\over": (True, "", "", None), "\\choose": (False, "(", ")", None),
    "\\atop": (False, "", "", None), "\\brace": (False, "\\{", "\\}", None), "\\brack": (False, "[", "]", None),
}  # fmt: skip
INFIX = _commands("over choose atop brace brack")

BIG = {
    f"\\{size}{side}": (number, kind)
    for number, size in enumerate(("big", "Big", "bigg", "Bigg"), 1)
    for side, kind in {"": "ord", "l": "open", "r": "close", "m": "rel"}.items()
}
DELIMITERS = pairs(
    r"<=\langle >=\rangle \lbrace=\{ \rbrace=\} \lbrack=[ \rbrack=] \vert=| \lvert=| \rvert=| \mid=| \Vert=\| "
    r"\lVert=\| \rVert=\| \parallel=\|"
) | {".": ""}

LIMITS = {name: name for name in latex_commands.LIMITS} | {
    "limsup": "lim sup", "liminf": "lim inf", "injlim": "inj lim", "projlim": "proj lim",
}  # fmt: skip
UPRIGHT = set(r"\int \oint \iint \iiint \iiiint".split())  # big operators whose limits stand beside them

ENVIRONMENTS = {  # name: left, right, columns (repeated), style, space between columns, rows further apart
    "array": ("", "", "c", 2, "array", 0), "tabular": ("", "", "c", 2, "array", 0),
    "matrix": ("", "", "c", 2, "even", 0), "pmatrix": ("(", ")", "c", 2, "even", 0),
    "bmatrix": ("[", "]", "c", 2, "even", 0), "Bmatrix": ("\\{", "\\}", "c", 2, "even", 0),
    "vmatrix": ("|", "|", "c", 2, "even", 0), "Vmatrix": ("\\|", "\\|", "c", 2, "even", 0),
    "smallmatrix": ("", "", "c", 4, "even", 0), "cases": ("\\{", "", "l", 2, "even", 0.1),
    "dcases": ("\\{", "", "l", 0, "even", 0.1), "rcases": ("", "\\}", "l", 2, "even", 0.1),
    "aligned": ("", "", "rl", 0, "pairs", 0.3), "align": ("", "", "rl", 0, "pairs", 0.3),
    "alignedat": ("", "", "rl", 0, "pairs", 0.3), "split": ("", "", "rl", 0, "pairs", 0.3),
    "gathered": ("", "", "c", 0, "pairs", 0.3), "gather": ("", "", "c", 0, "pairs", 0.3),
    "eqnarray": ("", "", "rcl", 0, "even", 0.3), "equation": ("", "", "c", 0, "pairs", 0),
    "displaymath": ("", "", "c", 0, "pairs", 0), "subarray": ("", "", "c", 4, "even", 0),
}  # fmt: skip
