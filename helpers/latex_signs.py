r"""Tables for ``helpers.latex``: which LaTeX commands print the same, print nothing, or take arguments."""

import re


def _commands(names):
    return ["\\" + name for name in names.split()]


def _pairs(text):
    return dict(pair.split("=", 1) for pair in text.split())


SYNONYMS = _pairs(
    r"\le=\leq \ge=\geq \ne=\neq \to=\rightarrow \gets=\leftarrow \land=\wedge \lor=\vee \lnot=\neg \owns=\ni \lt=< "
    r"\gt=> \lbrace=\{ \rbrace=\} \lbrack=[ \rbrack=] \ast=* \colon=: \vert=| \lvert=| \rvert=| \mid=| \Vert=\| "
    r"\lVert=\| \rVert=\| \parallel=\| \iff=\Longleftrightarrow \implies=\Longrightarrow \impliedby=\Longleftarrow "
    r"\hdots=\ldots \stackrel=\overset \Bbb=\mathbb \bold=\mathbf"
) | {f"\\{size}{side}": f"\\{size}" for size in ("big", "Big", "bigg", "Bigg") for side in "lrm"}

SPACES = set(
    _commands(
        r", ; : > ! / quad qquad enspace enskip thinspace medspace thickspace negthinspace negmedspace negthickspace "
        r"allowbreak nobreak relax nonumber notag"
    )
) | {"\\ ", "~"}
SPACES_WITH_ARGUMENT = {"\\hspace", "\\hspace*", "\\label"}
LENGTH = re.compile(r"\\(?:[hm]skip|m?kern)\s*[-+]?\s*[\d.,][\d.,\s]*[a-z]\s*[a-z]")

CLASSES = set(_commands("mathrel mathbin mathord mathopen mathclose mathpunct mathinner"))  # they only space
OLD_FONTS = _pairs(r"\rm=\mathrm \bf=\mathbf \it=\mathit \sf=\mathsf \tt=\mathtt \cal=\mathcal")
TEXTS = _pairs(
    r"\text=\mathrm \textrm=\mathrm \textnormal=\mathrm \mbox=\mathrm \hbox=\mathrm \operatorname=\mathrm "
    r"\operatorname*=\operatorname* \textbf=\mathbf \textit=\mathit \textsf=\mathsf \texttt=\mathtt"
)
INFIX = {"\\over": "\\frac", "\\choose": "\\binom"}
SCOPED = set(  # act on the group they stand in: it keeps its braces
    _commands("displaystyle textstyle scriptstyle scriptscriptstyle atop above brace brack")
)
ARGUMENTS = dict.fromkeys(_commands("frac dfrac tfrac cfrac binom overset underset"), 2) | dict.fromkeys(
    _commands(
        "sqrt mathrm mathbf mathit mathsf mathtt mathcal mathbb mathfrak mathscr mathnormal boldsymbol bm pmb "
        "hat bar vec dot ddot dddot tilde check breve acute grave mathring widehat widetilde overline underline "
        "overbrace underbrace overrightarrow overleftarrow overleftrightarrow mathop phantom hphantom vphantom "
        "boxed cancel xrightarrow xleftarrow substack"
    ),
    1,
)

FUNCTIONS = set(
    "arccos arcsin arctan arg cos cosh cot coth csc deg dim exp hom ker lg ln log sec sin sinh tan tanh".split()
)
LIMITS = set("det gcd inf lim max min sup Pr".split())
SUMS = set(_commands("sum prod coprod bigcup bigcap bigoplus bigotimes bigvee bigwedge " + " ".join(sorted(LIMITS))))
INTEGRALS = set(_commands("int oint iint iiint"))
LOW = (  # signs no higher than a bracket
    set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:!?+-*/=<>()[]|")
    | {"\\{", "\\}", "\\|"}
    | set(
        _commands(
            "cdot times pm mp leq geq neq approx sim equiv rightarrow in infty partial ell alpha beta gamma delta "
            "epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi varphi chi psi omega "
            "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ldots cdots sin cos tan log ln exp wedge vee"
        )
    )
)
LOW_BARE = set(_commands("sin cos tan log ln exp"))  # a sign below these hangs deeper
LOW_SCRIPTS = LOW - set("()[]/|") - {"\\{", "\\}", "\\|"}
