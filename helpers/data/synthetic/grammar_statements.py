r"""What made-up formulas say, as rules of ``helpers.data.synthetic.grammar``: laws, definitions, steps, conditions."""

STATEMENTS = r"""
formula
  74 @body @stop
  24 @body
  .8 \displaystyle @body
  1 { @body }
  .6 \mathrm { @label } \; @body @stop
  .6 ( @label ) \quad @body @stop
stop
  40 ,
  40 .
  3 ;
  1 \, ,
  1 \, .
  1.5 \ ,
  1.5 \ .
  .4 ~ ,
  .4 ~ .
  .4 \; ,
  .4 \; .
  .6 \quad .
  .5 \; ;
  .4 \, :
  .4 :
  .15 ?
  .15 !
  .4 \, \ldots
  0.4 \hfill
  0.4 \nonumber
label
  1 i
  1 i i
  1 i v
  1 a
  1 b
body
  60 @equations
  2.5 = @expr
  1.5 = @expr = @expr
  2 @expr
  .2 + @sum
  .15 \times @expr
equations
  50 @statement
  7 @statement , @gap @equations
  1.5 @statement , @gap @condition
  1 @statement @gap ( @condition )
  .6 @statement @gap @condition
  .6 @statement ; @gap @statement
  1.5 @statement @arrow @statement
  .4 @statement @words @statement
  .25 \left\{ \begin{array} { l } @row @row @ending \right.
  .2 \begin{array} { l } @row @row @ending
  .15 \begin{array} { r c l } { @expr } & { = } & { @expr } \\ { @expr } & { = } & { @expr } @ending
  .15 \begin{array} { l l } { @expr } & { @expr } \\ { @expr } & { @expr } @ending
gap once
  12 \quad
  4 \qquad
  1 \; \;
  1.5 \
  .5 ~ ~
  .4 \, \,
  1 \ \ \ \
  .4 ~ ~ ~ ~
  1 \quad \quad
  .4 \; \; \; \;
  .25 \hspace { 1 c m }
  .25 \hspace { 0 . 5 c m }
  0.4 \enspace
  0.4 \> \>
arrow
  1 \Longleftarrow
  1 \longleftarrow
  1 \Uparrow
  3 \Rightarrow
  2 \quad \Rightarrow \quad
  2 \rightarrow
  2 \longrightarrow
  3 \Longrightarrow
  3 \Leftrightarrow
  1 \leftrightarrow
  3 \Longleftrightarrow
  6 \iff
  3 \implies
  0.8 \leftarrow
  2.4 \Leftarrow
  2.4 \longleftrightarrow
  1.8 \Downarrow
words
  6 \quad @font { a n d } \quad
  4 \; \; @font { a n d } \; \;
  3 \mathrm { ~ a n d ~ }
  3 \mathrm { ~ w h e r e ~ }
  3 \mathrm { ~ w i t h ~ }
  2 \quad @font { w h e r e } \quad
  1 \mathrm { ~ i f ~ }
  1 \quad @font { o r } \quad
  1 , \quad { \rm w i t h } \quad
  1 \quad { \rm a n d } \quad
  1 , ~ ~ ~ { \rm f o r } ~ ~ ~
  .4 \ \mathrm { w h e n } \
eq
  .5 \mathrel { : = }
  .4 \rightharpoonup
  .4 \nearrow
  .4 \searrow
  .4 \rightleftharpoons
  .4 \vdash
  100 =
  7 \equiv
  4 \sim
  4 \simeq
  3 \approx
  3 \rightarrow
  3 : =
  2 \propto
  2 \to
  2 \neq
  2 @compare
  .5 \; = \;
  1 \ = \
  .5 \, = \,
  .4 ~ = ~
  .4 \: = \:
  .7 \cong
  .5 \stackrel { \mathrm { d e f } } { = }
  .3 \stackrel { ! } { = }
  0.8 \doteq
  0.6 \asymp
  .4 \longrightarrow
  .5 \mapsto
  0.6 \longmapsto
  .3 \not =
  0.6 \ne
  0.6 \hookrightarrow
  .2 \stackrel { \sim } { = }
statement
  30 @left @eq @expr
  9 @expr @eq @expr
  6 @left @eq @expr = @expr
  5 @expr = 0
  3 @left = @matrix
  1.5 @left = @cases
  34 @mechanics
  28 @quantum
  26 @fields
  24 @analysis
  20 @algebra
  .8 @expr @compare @expr
left
  14 @f ( @x )
  9 @atom
  6 @sym
  7 @call
  5 @tensor
  5 @f _ { @low }
  4 @derivative
  4 @script
  3 @accented
  3 @bracket
  3 @braket
  2 @dot
  2 \delta @f
  2 \Delta @f
  2 @vector
  2 d s ^ { 2 }
  2 @f ( @argument )
  1 @trace
  1 @norm
  1 @O ^ { \dagger } @O
  1 @root
dot
  3 \dot { @x } _ { @i }
  2 \ddot { @x }
  2 \dot { @f }
  1 \ddot { @x } _ { @i }
  1 \dot { @x } ^ { 2 }
word
  3 \mathrm { @K }
  2 @font { e f f }
  2 @font { m a x }
  1 @font { m i n }
  1 @font { i n t }
  1 @font { c l }
  1 @font { t o t }
  1 @font { e x t }
  1 @font { p h y s }
  1 @font { r e g }
  1 @font { e q }
  1 @font { B H }
  1 @font { i n }
  1 @font { o u t }
  1 @font { Y M }
  1 @font { C S }
  1 @font { b o s e }
  1 @font { f r e e }
  1 @font { s u g r a }
  1 { \rm @K }
  1 e f f
  1 m a x
  1 m i n
  .5 i n t
  .4 c l
  0.6 { \scriptscriptstyle @K }
  0.4 { \scriptstyle @K }
font once
  .5 \hbox
  .5 \textbf
  .5 \textit
  .4 \textsf
  6 \mathrm
  .5 \mathit
  1 \textrm
  2.4 \mbox
  1.8 \text
  .3 \mathsf
"""
